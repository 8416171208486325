# SPDX-License-Identifier: BSD-3-Clause
"""
Root=yes: alice is root of her own box, over an image, by a setuid program of it. What she tries as its root, whose
capabilities are more than those of any login program, must do no more to others than what she tries as herself.
"""

import contextlib
import os
import pathlib
import shutil

from harness.imagestore import BUSYBOX, programs, store
from harness.shell import Shell

NO = "EPERM|EACCES"
ROOT = "RootFS=image:root:1\nRoot=yes\n"
PROGRAMS = ("/bin/bash", "/usr/bin/id", "/usr/bin/find", "/usr/bin/awk", "/usr/bin/pgrep")


def fill(g, programs_of=programs):
    """What the tries are made with, and a su that has the bit and asks root for no password."""
    def of(root):
        programs_of(root, *PROGRAMS, str(g.attack))
        (root / "bin/su").unlink()
        shutil.copy(BUSYBOX, root / "bin/su")
        (root / "bin/su").chmod(0o4755)
        (root / "etc/shadow").write_text("root::0:0:99999:7:::\n", encoding="ascii")
        (root / "usr/lib").mkdir(exist_ok=True)
        for name in ("chown", "chmod", "umount", "kill", "mknod", "sort", "tr", "sed", "rmdir", "cut", "nsenter", "unshare", "seq"):
            if not (root / "bin" / name).is_symlink():
                os.symlink("busybox", root / "bin" / name)
    return of


def _root_login(g):
    s = Shell(g.stage.sshd.argv(g.alice.pw_name, g.becomes[g.alice.pw_name]))
    g.values["session"] = s.do("cd; cat /run/nsshell/session")
    return s


def again(g, config):
    g.me.close()
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    g.stage.config(f"[User {g.alice.pw_name}]\n{config}")
    g.me = g.login(g.alice.pw_name)


# As root of the box: what it may of its own, and nothing that is others'.
ROWS = [
    ("who one is", "id -u", "0"),
    ("the filter away", "{a} seccomp-off", "EINVAL|EPERM"),
    ("mknod of a disk in the image", "{a} mknod /disk 8 0", "EPERM"),
    ("mknod of a disk in /tmp", "{a} mknod /tmp/disk 8 0", "EPERM"),
    ("mknod of a disk in the home", "{a} mknod {home}/disk 8 0", "EPERM|EOVERFLOW"),
    ("a disk", "ls /dev/vda /dev/sda /dev/mem /dev/kmsg", "(.*No such file[^:]*){4}"),
    ("raw sockets", "{a} raw", NO), ("what others send", "{a} sniff", NO + "|EAFNOSUPPORT"),
    ("a port below 1024 of the host's", "{a} bind 81", NO),
    ("a link of the host's", "{a} interface", NO), ("an address", "{a} address", NO),
    ("keys", "{a} key-search nst", NO + "|ENOSYS"), ("bpf", "{a} bpf", NO),
    ("the clock", "{a} clock", "EPERM"), ("the host name", "{a} hostname nst", "EPERM"),
    ("a module", "{a} module", "EPERM|ENOSYS|EBADF"), ("the kernel's log", "{a} dmesg", "EPERM"),
    ("reboot", "{a} reboot", "EPERM"), ("quotas", "{a} quota-off", "EPERM|ENOSYS"),
    ("a file by its handle", "{a} own-handle /", "EPERM"), ("process accounting", "{a} acct", "EPERM"),
    ("overlayfs's own attributes", "touch /x; {a} setxattr /x trusted.overlay.redirect", "EPERM|EOPNOTSUPP"),
    ("its own control group", "for f in $(find /sys/fs/cgroup -name 'cgroup.procs' -o -name tasks -o -name '*.max' -o -name "
     "'*limit_in_bytes'); do (echo 0 >$f) 2>/dev/null && echo $f; done; true", ""),
    ("sysctls and the kernel's files", "for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sysrq-trigger "
     "/proc/sys/user/max_user_namespaces /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/ip_forward "
     "/proc/1/oom_score_adj /sys/kernel/uevent_helper /sys/kernel/mm/ksm/run /proc/irq/default_smp_affinity /proc/mtrr; do "
     "(echo 1 >$f) 2>/dev/null && echo $f; done; true", "(/proc/sysrq-trigger)?"),  # which is the null device there
    ("what is covered", "cat /proc/kcore /proc/keys /proc/key-users /proc/timer_list 2>/dev/null | head -c1 | wc -c; "
     "ls /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -c -v -e : -e '^$'", "0 0"),
    ("file systems of every type", "for t in $(sed 's/nodev//' /proc/filesystems); do {a} fsopen $t; done | sort -u; "
     "{a} mount-tmpfs /tmp; {a} mount-bind / /tmp; {a} open-tree /", "EPERM EPERM EPERM EPERM"),
    ("sockets and files of nsshell's", "rm -rf /run/nsshell/own/{uid} /run/nsshell/limits; ls /run/nsshell/own/{uid}; umount /run/nsshell/limits",
     ".*(busy|Read-only).*denied.*(denied|permitted).*"),
    ("a limit raised", "{a} raise-limit", "EPERM"), ("a realtime scheduler", "{a} realtime", "EPERM"),
    ("not to be killed when memory runs out", "{a} oom-unkillable", NO),
    ("the session's requests, which are the account's", "{a} connect /run/nsshell/own/{uid}/{session}; ls -l /run/nsshell/own/{uid}; "
     "/run/nsshell/command passwd -S; (exec -a newgrp /run/nsshell/command)", "EACCES .*denied.* not for its root.* newgrp: .*not for its root.*"),
    ("files of the other's", "ls {bobhome}; ls -d /home/*", ".*No such file.* /home/{name}"),
]


def _init(g):
    """Root may signal init, by whose hand all of its own session ends; nobody else's."""
    g.row("SIGKILL and SIGSTOP to init", "{a} kill 1 9; {a} kill 1 19; sed -n 's/^State:.\\(.\\).*/\\1/p' /proc/1/status", "ok ok S")
    g.row("the limits and the priority of init", "{a} prlimit 1; {a} scheduler 1; {a} nice-process 1; cat /proc/1/comm",
          "((ok|EPERM|EACCES) ){3}nsshell.*")
    try:
        g.me.do("kill -TERM 1; sleep 60")
        ended = False
    except EOFError:
        ended = True
    g.judge("SIGTERM to init ends the own session", ended, "True")
    g.me.close(3)
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    g.me = g.login(g.alice.pw_name)


def _left_behind(g, shared):
    """Programs with bits and capabilities, in the home and in a bind, as the host sees them."""
    name = shared / "left"
    g.row("a file of root's in a bind", f"cp {{a}} {name}; echo $?", ".*(too large|Invalid argument).*1")
    g.me.do(f"/bin/su {g.alice.pw_name} -c 'cp {g.alice.pw_dir}/attack {name}'")
    g.row("a file given to root there", f"chown 0:0 {name}; chown 0 {{a}}", "(.*(too large|Invalid argument)[^:]*){2}")
    g.row("bits and capabilities for it", f"chmod 6755 {name}; {{a}} file-caps {name}", "EINVAL|EPERM")
    for who in (g.scene.plain, g.bob):
        r = g.stage.run(name, "ids", user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        st = os.stat(name)
        g.judge("on the host another one gets by it what the account could give, and nothing of root's or of the box's",
                f"{st.st_uid} {r.stdout}", f"{g.alice.pw_uid} uid {who.pw_uid} {g.alice.pw_uid} .* caps 0+ secure 1")
    name.unlink()


def _ids(g):
    """Ids that mean something on the host don't inside."""
    pid = int(g.me.do("sleep 300 >/dev/null 2>&1 & echo $!"))
    status = pathlib.Path(f"/proc/{g.host_pid(pid, g.values['session'])}/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    g.judge("root of the box is a subordinate id of the account's", all(int(i) >= 65536 for i in lines["Uid"].split() + lines["Gid"].split()), "True")
    g.judge("with no capability that the list hasn't", lines["CapBnd"].strip(), "00000000800425fb")
    for what, words in (("to the other", "setuid {bobuid}"), ("to group 6, disk", "setgid 6"), ("to all groups", "setgroups")):
        g.row(f"from root {what}: allowed, of the box's ids", f"{{a}} {words}", "ok|EINVAL")
    g.row("a file of the other's uid", "echo x >/tmp/of-bob; chown {bobuid} /tmp/of-bob; stat -c %u /tmp/of-bob", "{bobuid}")
    init = int(g.scene.record_of(g.alice.pw_name)["init_pid"])
    g.judge("which on the host isn't theirs", os.stat(f"/proc/{init}/root/tmp/of-bob").st_uid not in (0, g.bob.pw_uid), "True")


def _poisoned(g):
    """With Upper=disk what root has left is what the next login begins with, and stays in its box."""
    again(g, ROOT + "Upper=disk\n")
    g.row("directories that a login uses are moved and made links", "for d in dev proc run tmp sys home; do mv /$d /$d.x && echo moved; done 2>/dev/null; "
          "rm -rf /etc/sudoers.d; ln -s /proc/1/root/etc /etc/sudoers.d; rm -f /etc/passwd; ln -s /home/{name} /etc/passwd; "
          "cp /bin/bash /bin/bash.true; mv /bin/bash /bin/bash.old; "
          "echo '#!/bin/bash.true' >/bin/bash; echo 'echo mine; exec /bin/bash.true \"$@\"' >>/bin/bash; chmod 755 /bin/bash; "
          "ls -ld /etc/passwd", "l.*")
    g.me.close(3)
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    r = g.scene.ssh(g.alice.pw_name, "id -u; cat /proc/self/uid_map")
    g.judge("the next login is in its box, or there is none", r.stdout + r.stderr,
            f"mine {g.alice.pw_uid} 0 .*|.*refused.*")
    g.judge("nothing came into the host's /etc", os.path.exists("/etc/sudoers.d/nsshell"), "False")
    g.scene.gone(g.alice.pw_name)
    g.stage.run("rm", "-rf", f"/var/lib/nsshell/upper/{g.alice.pw_uid}")


@contextlib.contextmanager
def as_root(g, config, filled=fill):
    """alice's logins are root of her box, by what its image has. Gives what says for later ones: whether, and where they begin."""
    login = g.login

    def begin(root=True, place=g.alice.pw_dir):
        g.becomes = {g.alice.pw_name: f"exec /bin/su root -c 'HOME={place} exec /bin/bash'"} if root else {}

    with store(g.scene) as s:
        s.image("root:1", filled(g))
        g.login = lambda user: _root_login(g) if user in g.becomes else login(user)
        begin()
        try:
            again(g, ROOT + config)
            g.watch_other()
            yield begin
        finally:
            del g.login
            g.becomes = {}
            g.end()
            g.stage.config()


def run(g):
    shared = g.stage.base / "rootshared"
    shared.mkdir(exist_ok=True)
    shared.chmod(0o1777)
    with as_root(g, f"Upper=tmpfs\nBindPaths={shared}\n"):
        g.rows(ROWS)
        _ids(g)
        _left_behind(g, shared)
        _init(g)
        _poisoned(g)
