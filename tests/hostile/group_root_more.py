# SPDX-License-Identifier: BSD-3-Clause
"""What is tried as the user in other groups, tried as root of the box (group_root), and an admin who steps in there."""

import pathlib
import shutil

import group_join
import group_namespaces
import group_processes
from group_root import ROOT, again, as_root

# What root may do to init of its own box: its session's end at most, which group_root has.
TO_INIT = (" kill ", "tgkill", "sigqueue", "pidfd-kill", "prlimit", "affinity", "scheduler", "nice-", "ioprio-")
# What root may, by its capabilities or since others' processes of its box are its own.
MAY = ("with the own uid", "niceness", "forged credentials", "box's root but init", "mount(8)", "parent of", "newuidmap")


def _told(row):
    what, command, _ = row
    return not any(m in what for m in MAY) and not ("of the box" in what and any(t in command for t in TO_INIT))


PLANT = """cp /home/NAME/evil.so /usr/lib/nst-evil.so; cp /home/NAME/evil.so /lib/ARCH/libnss_evil.so.2
echo 'passwd: evil files' >/etc/nsswitch.conf; echo 'group: evil files' >>/etc/nsswitch.conf
echo 'NAME:x:0:0::/:/bin/sh' >>/etc/passwd; echo /usr/lib/nst-evil.so >/etc/ld.so.preload; id >/dev/null; wc -l </tmp/nst-evil.log"""


def _shared(g):
    """Share=account: who logs in comes into a box whose root is there already, and has planted what a login program could load."""
    source = pathlib.Path(g.alice.pw_dir) / "evil.so"
    shutil.copy(g.attack.with_name("evil.so"), source)
    libc = next(pathlib.Path("/lib").glob("*-linux-gnu*/libc.so.6"))
    g.row("root of the box plants an NSS module, ld.so.preload and passwd",
          PLANT.replace("NAME", g.alice.pw_name).replace("ARCH", libc.parent.name), "[1-9].*")
    pid = g.me.do("readlink /proc/self/ns/pid")
    for what, argv in (("ssh", None), ("su", ("su", "-", g.alice.pw_name, "-c")), ("runuser", ("runuser", "-l", g.alice.pw_name, "-c"))):
        r = g.stage.run(*argv, "readlink /proc/self/ns/pid") if argv else g.scene.ssh(g.alice.pw_name, "readlink /proc/self/ns/pid")
        g.judge(f"{what} comes into that box", r.stdout.strip() == pid, "True")
    lines = [x.split() for x in g.me.do("cat /tmp/nst-evil.log").splitlines()]
    g.judge("what it planted was loaded by programs of the box", {x[1] for x in lines if len(x) == 5} >= {"/bin/bash"}, "True")
    g.judge("and by no login program", sorted({x[1] for x in lines if any(w in x[1] for w in ("sshd", "runuser", "/usr/bin/su", "nsshell"))}), r"\[\]")
    source.unlink()


def run(g):
    with as_root(g, "Upper=tmpfs\nShare=account\n"):
        _shared(g)
        again(g, ROOT + "Upper=tmpfs\n")
        g.rows(filter(_told, group_processes.ROWS + group_namespaces.ROWS + list(group_namespaces.FIRST)))
        group_join.stalked(g)
        # CAP_NET_RAW does nothing, and CAP_SETFCAP is for files of the box's.
        group_join.planted(g, group_join.DANGER & ~(1 << 13 | 1 << 31))
