# SPDX-License-Identifier: BSD-3-Clause
"""What a user sees in the box."""

import os
import shutil
import socket

from harness import kernel
from harness.stage import INSTALLED


def test_processes(b):
    r = b.ssh(b.alice.pw_name, "ps -e --no-headers -o pid=,uid=,comm=; echo; cat /proc/1/comm; "
              "ls -d /proc/[0-9]*")
    table = [line.split() for line in r.stdout.split("\n\n")[0].splitlines()]
    pids = sorted(int(p[0]) for p in table if p)
    b.check(pids and pids[0] == 1 and len(pids) < 10,
            "ps -e shows a few processes from pid 1 on", f"pids {pids}", r.stderr)
    users = {p[1] for p in table if p and p[0] != "1"}
    b.check(users <= {str(b.alice.pw_uid)}, "they are the user's own", users)
    with b.shell(b.alice.pw_name) as s:
        seen = s.do("cat /proc/1/comm")
        init = int(b.record_of(b.alice.pw_name)["init_pid"])
        host = kernel.Process(init)
        b.check(seen == host.comm, "/proc/1 is the session's init, which the record names",
                f"{seen}, pid {init} on the host")
        b.check(s.do("readlink /proc/self/ns/pid") == kernel.namespaces(init).get("pid"),
                "and both are in one pid namespace")
        s.do("kill -9 1; kill 1")
        b.check(s.do("echo still here") == "still here", "kill 1 inside ends nothing")


def test_tmp(b):
    for directory in ("/tmp", "/var/tmp", "/dev/shm"):
        r = b.ssh(b.alice.pw_name, f"ls -A {directory}; echo hi >{directory}/nst-mine && "
                  f"cat {directory}/nst-mine; stat -c %a {directory}")
        words = [w for w in r.stdout.split() if w not in (".X11-unix", ".ICE-unix")]
        b.check(words == ["hi", "1777"], f"{directory} is empty, own and writable",
                r.stdout + r.stderr)
        b.check(not os.path.exists(f"{directory}/nst-mine"), f"what lies in it isn't in the host's "
                f"{directory}")
    b.stage.config("TmpSize=1M\n")
    r = b.ssh(b.alice.pw_name, "head -c 3M /dev/zero >/tmp/big; stat -c %s /tmp/big")
    b.check("No space" in r.stderr, "TmpSize=1M: 3 MB don't fit into /tmp", r.stderr + r.stdout)


def test_owners_and_secrets(b):
    r = b.ssh(b.alice.pw_name, "ls -ln /etc/passwd; stat -c %u:%g /etc /usr /usr/bin/ssh")
    words = r.stdout.split()
    b.check(words[2:4] == ["0", "0"], "ls -ln /etc/passwd shows 0:0", " ".join(words[:9]),
            r.stderr)
    b.check(words[-3:] == ["0:0"] * 3, "/etc, /usr and ssh belong to root", words[-3:])
    r = b.ssh(b.alice.pw_name, "cat /etc/shadow; ls /root; ls /boot; "
              "cat /etc/ssh/ssh_host_*_key; ls -A /var/lib/nsshell; "
              "ls -A /run/nsshell/[!o]*/; ls /run/nsshell/*.lock; echo x >/etc/nst")
    b.check(r.stdout == "", "shadow, host keys, /root, /boot and nsshell's state give nothing",
            r.stdout or "nothing")
    b.check(not os.path.exists("/etc/nst"), "/etc isn't writable")
    r = b.ssh(b.alice.pw_name, "grep NoNewPrivs /proc/self/status; cp /usr/bin/id /tmp/id; "
              "chmod 4755 /tmp/id; /tmp/id -u")
    b.check(r.stdout.split() == ["NoNewPrivs:", "1", str(b.alice.pw_uid)],
            "no_new_privs is set", r.stdout + r.stderr)
    setuid = b.stage.bin / "rootid"
    shutil.copy("/usr/bin/id", setuid)
    os.chmod(setuid, 0o4755)
    r = b.ssh(b.alice.pw_name, f"{setuid} -u")
    b.check(r.stdout.strip() == str(b.alice.pw_uid), "a setuid-root program of the host gives "
            "nothing", r.stdout + r.stderr)


def test_home(b):
    r = b.ssh(b.alice.pw_name, "ls /home; pwd; echo hi >made-inside; mkdir d; stat -c %u:%g . d")
    words = r.stdout.split()
    ids = f"{b.alice.pw_uid}:{b.alice.pw_gid}"
    b.check(words == [b.alice.pw_name, b.alice.pw_dir, ids, ids],
            "/home holds the own home and nothing else", r.stdout + r.stderr)
    path = f"{b.alice.pw_dir}/made-inside"
    st = os.stat(path) if os.path.exists(path) else None
    b.check(st and f"{st.st_uid}:{st.st_gid}" == ids, "a file made there belongs to the user on "
            "the host", st and f"{st.st_uid}:{st.st_gid}")
    shutil.rmtree(f"{b.alice.pw_dir}/d", ignore_errors=True)


def test_shared_directory_of_a_group(b):
    shared = b.stage.base / "shared"
    shared.mkdir(exist_ok=True)
    os.chown(shared, 0, b.proj.gr_gid)
    os.chmod(shared, 0o2770)
    b.stage.config(f"BindPaths={shared}\n")
    r = b.ssh(b.alice.pw_name, f"id -Gn; umask 007; echo from alice >{shared}/note; ls -l {shared}")
    b.check(b.proj.gr_name in r.stdout.split(), "id -Gn has the supplementary group", r.stdout)
    note = shared / "note"
    st = note.stat() if note.exists() else None
    b.check(st and (st.st_uid, st.st_gid) == (b.alice.pw_uid, b.proj.gr_gid),
            "a file written to the group's directory is there on the host, owner and group right",
            st and f"{st.st_uid}:{st.st_gid}", r.stderr)
    r = b.ssh(b.bob.pw_name, f"cat {shared}/note && echo from bob >>{shared}/note; "
              f"stat -c %G {shared}/note")
    b.check(r.stdout.split("\n")[:2] == ["from alice", b.proj.gr_name]
            and note.exists() and "from bob" in note.read_text(encoding="utf-8"),
            "another member of the group reads and extends it", r.stdout + r.stderr)
    r = b.ssh(b.carol.pw_name, f"cat {shared}/note")
    b.check(r.stdout == "" and "denied" in r.stderr, "one who isn't a member can't", r.stderr)
    b.stage.config(f"BindPaths={shared}\nSupplementaryGroups=none\n")
    # sshd sets the groups of /etc/group inside, too; there they are the box's own, not the host's.
    r = b.ssh(b.alice.pw_name, f"cat {shared}/note")
    b.check(r.stdout == "" and "denied" in r.stderr, "SupplementaryGroups=none: a group's directory "
            "is closed", r.stdout + r.stderr)


def test_runtime_dir(b):
    r = b.ssh(b.alice.pw_name, "echo $XDG_RUNTIME_DIR; stat -c '%u %a %F' $XDG_RUNTIME_DIR; "
              "touch $XDG_RUNTIME_DIR/x && echo writable")
    lines = r.stdout.splitlines()
    b.check(lines == [f"/run/user/{b.alice.pw_uid}", f"{b.alice.pw_uid} 700 directory",
                      "writable"], "XDG_RUNTIME_DIR is there and the user's",
            r.stdout + r.stderr)


def test_names_resolve(b):
    r = b.ssh(b.alice.pw_name, "getent passwd $(id -un) | cut -d: -f3; getent hosts localhost "
              "| head -1; cat /etc/resolv.conf")
    lines = r.stdout.splitlines()
    b.check(lines[:1] == [str(b.alice.pw_uid)], "getent passwd finds the user", lines[:1])
    b.check("localhost" in "".join(lines[1:2]), "getent hosts localhost", lines[1:2])
    if os.path.exists("/etc/resolv.conf"):
        with open("/etc/resolv.conf", encoding="utf-8") as f:
            own = f.read().splitlines()
        b.check(lines[2:] == own, "/etc/resolv.conf can be read and is the host's")
    try:
        socket.getaddrinfo("deb.debian.org", 80)
    except OSError:
        b.skip("a name of the internet resolves inside", "it doesn't on this host")
        return
    r = b.ssh(b.alice.pw_name, "getent ahosts deb.debian.org | head -1")
    b.check(r.stdout.strip(), "a name of the internet resolves inside", r.stdout + r.stderr)


def test_devices_and_file_systems(b):
    r = b.ssh(b.alice.pw_name, "ls /dev; echo; echo hi >/dev/null && head -c 1 /dev/urandom "
              "| wc -c; touch /sys/nst; ls /sys/fs/cgroup; echo; cat /proc/mounts")
    dev, rest, table = (r.stdout + "\n\n\n").split("\n\n")[:3]
    names = set(dev.split())
    b.check({"null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx", "shm", "fd",
             "stdin", "stdout", "stderr"} <= names and not names & {"vda", "sda", "mem", "kmsg"},
            "/dev holds what a login needs and no disk", " ".join(sorted(names)))
    b.check(rest.split()[:1] == ["1"], "/dev/null and /dev/urandom work", rest, r.stderr)
    b.check("Read-only" in r.stderr, "/sys is read-only", r.stderr)
    suid = [line for line in table.splitlines() if "nosuid" not in line.split()[3].split(",")]
    b.check(table and not suid, "every mount is nosuid", suid or "all")
    private = [line.split()[1] for line in table.splitlines()
               if "/nsshell" in line.split()[1] and line.split()[1] not in
               ("/run/nsshell/limits", f"/run/nsshell/own/{b.alice.pw_uid}", *INSTALLED)]
    b.check(not private, "no mount point inside tells of nsshell's directories", private or "none")


def test_hostname(b):
    b.stage.config("Hostname=%u-on-%h\n")
    r = b.ssh(b.alice.pw_name, "uname -n")
    host = socket.gethostname()
    b.check(r.stdout.strip() == f"{b.alice.pw_name}-on-{host.split('.')[0]}"
            or r.stdout.strip() == f"{b.alice.pw_name}-on-{host}", "Hostname=%u-on-%h",
            r.stdout + r.stderr)
    b.check(socket.gethostname() == host, "the host keeps its own", host)


def test_config_of_paths(b):
    secret, ro = b.stage.open / "secret", b.stage.base / "readonly"
    secret.write_text("hidden\n", encoding="utf-8")
    secret.chmod(0o644)
    ro.mkdir(exist_ok=True)
    ro.chmod(0o777)
    b.stage.config(f"InaccessiblePaths={secret}\nBindReadOnlyPaths={ro}\nDevices=/dev/kmsg\n")
    r = b.ssh(b.alice.pw_name, f"cat {secret}; touch {ro}/x; ls -l /dev/kmsg")
    b.check("hidden" not in r.stdout, "InaccessiblePaths= hides a file", r.stdout + r.stderr)
    b.check("Read-only" in r.stderr and not (ro / "x").exists(), "BindReadOnlyPaths= can't be "
            "written", r.stderr)
    b.check("/dev/kmsg" in r.stdout, "Devices= adds a device", r.stdout)


def test_an_account_without_subordinate_ids(b):
    r = b.ssh(b.carol.pw_name, "id -un; cat /proc/self/uid_map; stat -c %u /etc/passwd")
    words = r.stdout.split()
    b.check(words[:1] == [b.carol.pw_name] and words[-1:] == ["0"],
            "an account that subuid(5) doesn't name gets a range of its own",
            r.stdout + r.stderr, b.log_tail())
    other = b.ssh(b.alice.pw_name, "cat /proc/self/uid_map").stdout

    def outside(text):
        spans = [tuple(map(int, line.split())) for line in text.splitlines()
                 if len(line.split()) == 3]
        return [(o, o + n) for _, o, n in spans]

    shared = [(x, y) for x in outside(r.stdout) for y in outside(other)
              if x[0] < y[1] and y[0] < x[1]]
    b.check(words and not shared, "no id of the host is in two accounts' maps", shared or "none")
