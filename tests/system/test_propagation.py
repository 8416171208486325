# SPDX-License-Identifier: BSD-3-Clause
"""
Mounts on a host whose mounts are all shared, as systemd leaves them: nothing of a session is
mounted on the host, and of what the host mounts later only the home and BindPaths= see something.
"""

import contextlib
import os
import subprocess

from harness.shell import Shell


class SharedHost:
    """A mount namespace of shared mounts, which stands for the host."""

    def __init__(self, b):
        self.b = b
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "shared", "sh", "-c", "echo ready; exec sleep 600"],
            stdout=subprocess.PIPE, text=True)
        self.holder.stdout.readline()
        self.enter = ["nsenter", "-m", "-t", str(self.holder.pid)]

    def sh(self, command):
        r = self.b.run(*self.enter, "sh", "-c", command, merge=True)
        return r.stdout.strip()

    def table(self):
        return self.sh("cut -d' ' -f4- /proc/self/mountinfo | sort").splitlines()

    def login(self, user):
        """Through PAM, by runuser, which is one of this namespace."""
        return Shell([*self.enter, "runuser", "-l", user, "-c", "exec bash"])

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


@contextlib.contextmanager
def _shared_host(b):
    host = SharedHost(b)
    try:
        yield host
    finally:
        host.close()


def _tree(b):
    """A tree to bind: a hidden directory, one to bind something onto, one to mount on later."""
    top = b.stage.base / "propagation"
    if not top.exists():
        for name in ("secret", "inner", "late"):
            (top / name).mkdir(parents=True)
        (top / "secret" / "key").write_text("the key\n", encoding="ascii")
        (b.stage.base / "propagation-other").mkdir()
        (b.stage.base / "propagation-other" / "here").touch()
    return top


def test_nothing_is_mounted_on_the_host(b):
    top = _tree(b)
    b.stage.config(f"BindReadOnlyPaths=/var/log /etc\nBindPaths={top} {b.stage.base}/propagation-other:{top}/inner\n"
                   f"InaccessiblePaths={top}/secret\n")
    name = b.alice.pw_name
    with _shared_host(b) as host:
        # None of what tests beside this one may change: accounts, nodes in /dev.
        look = f"head -n 1 /etc/shadow; cat {top}/secret/key; ls -A {top}/inner /etc/nsshell 2>&1; ls /dev/null"
        table, seen = host.table(), host.sh(look)
        b.check(any("shared:" in line for line in table) and seen.startswith("root:"),
                "a host whose mounts are shared", len(table))
        with host.login(name) as shell:
            inside = shell.do(f"ls {top}/inner; cat {top}/secret/key; wc -l </etc/shadow")
            b.check(inside.startswith("here") and "the key" not in inside and
                    inside.count("Permission denied") == 2, "masks and binds below binds are there inside", inside, b.log_tail())
            b.check(host.table() == table, "while a session is open the host's mount table is as before",
                    sorted(set(host.table()) ^ set(table)))
            b.check(host.sh(look) == seen, "and its hidden files are there", host.sh(look))
        b.gone(name)
        b.check(host.table() == table, "and so it is after the logout",
                sorted(set(host.table()) ^ set(table)))
        b.check(host.sh(look) == seen, "and the files", host.sh(look))
        with host.login(b.bob.pw_name) as shell:
            b.check(shell.do("cat /proc/1/comm; hostname") and b.record_of(b.bob.pw_name)["user"] == b.bob.pw_name,
                    "the next account is isolated, too")


def test_what_the_host_mounts_later(b):
    """Home and BindPaths= follow the host, read-only trees and the system's don't."""
    top, user = _tree(b), b.alice
    read_only = b.stage.base / "propagation-ro" / "late"
    read_only.mkdir(parents=True, exist_ok=True)
    home = os.path.join(user.pw_dir, "late")
    os.makedirs(home, exist_ok=True)
    os.chown(home, user.pw_uid, user.pw_gid)
    b.stage.config(f"BindPaths={top}\nBindReadOnlyPaths={read_only.parent}\n")
    places = {"home": home, "BindPaths=": f"{top}/late", "BindReadOnlyPaths=": str(read_only),
              "/sys": "/sys/fs/fuse/connections", "/usr": "/usr/share/doc"}
    with _shared_host(b) as host, host.login(user.pw_name) as shell:
        shell.do("true")
        table = shell.do("cat /proc/self/mountinfo")
        for place in places.values():
            host.sh(f"mount -t tmpfs -o mode=1777 late {place} && touch {place}/late-file")
        seen = {what: "late-file" in shell.do(f"ls {place}") for what, place in places.items()}
        b.check(seen == {"home": True, "BindPaths=": True, "BindReadOnlyPaths=": False, "/sys": False,
                         "/usr": False}, "what the host mounts later is seen below home and BindPaths=, "
                "and nowhere else", seen, b.log_tail())
        r = shell.do(f"touch {read_only}/w; echo $?")
        b.check(r.endswith("1"), "below BindReadOnlyPaths= nothing can be written", r)
        for place in places.values():
            host.sh(f"umount {place}")
        b.check(shell.do("cat /proc/self/mountinfo") == table,
                "what the host unmounts is gone inside, too: nothing keeps its file system busy")
        shell.do(f"mkdir -p {home}/x; mount -t tmpfs none {home}/x")
        b.check(not host.sh(f"grep ' {home}/x ' /proc/self/mountinfo"), "a mount inside stays inside")
