# SPDX-License-Identifier: BSD-3-Clause
"""Set id bits and file capabilities, wherever they lie; and what only root may do."""

import os
import pathlib
import shutil
import struct
import subprocess

NONE = "none"
NO = "EPERM|EACCES"
# setcap all=ep: VFS_CAP_REVISION_2 with the effective bit, and both halves permitted.
ALL_CAPS = struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0xFF, 0)

# Its file capability is for raw sockets; a host may let groups ping without (icmp(7)).
_FROM, _TO = map(int, pathlib.Path("/proc/sys/net/ipv4/ping_group_range").read_text(encoding="ascii").split())
PING = "0" if _FROM <= _TO else ".*not permitted.* 2"

# HostCommands= by default: group commands.
COMMANDS = ("/usr/bin/crontab", "/usr/bin/passwd")

ROWS = [
    ("setuid(0)", "{a} setuid 0", "EPERM"), ("setuid to the other", "{a} setuid {bobuid}", "EPERM|EINVAL"),
    ("setgid(0)", "{a} setgid 0", "EPERM"), ("setgroups", "{a} setgroups", "EPERM"),
    ("capset", "{a} capset", "EPERM"), ("an ambient capability", "{a} ambient", "EPERM"),
    ("no_new_privs off", "{a} no-new-privs-off", "EINVAL"),
    ("seccomp off", "{a} seccomp-off", "EINVAL|EPERM"),
    ("securebits", "{a} securebits", "EPERM"),
    ("another program's name in /proc", "{a} prctl-mm", "EPERM|EINVAL"),
    ("capabilities", "grep -h '^Cap[IPEA]' /proc/self/status | grep -v -c 0000000000000000; true", "0"),
    ("no_new_privs", "grep -h NoNewPrivs /proc/self/status", "NoNewPrivs: 1"),
    ("file capabilities for an own file", "cp {a} x; {a} file-caps x; rm x", "EPERM"),
    ("mounts that aren't nosuid", "grep -v -c nosuid /proc/self/mounts; true", "0"),
    ("mounts with devices but for /dev", "grep -v -e nodev -e ' /dev' -e devpts "
     "-e 'tmpfs ro,' /proc/self/mounts; true", ""),
    ("sudo", "sudo -n id -u; true", ".*(not found|no new privileges|must be|denied).*"),
    ("su", "su -c 'id -u' </dev/null; true", "(?!.*\\b0\\b).*"),
    ("su to the other", "su {bobname} -c 'id -un' </dev/null; true", "(?!.*{bobname}$).*"),
    ("newgrp", "echo id -un | newgrp root; true", ".*(?<!root)"),
    ("passwd", "echo | passwd; true", ".*(?<!updated successfully)"),
    ("chsh", "chsh -s /bin/sh </dev/null; true", ".*"),
    ("mount", "mount /dev/vda /tmp; true", ".*(superuser|denied|permission).*"),
    ("umount", "umount /proc/sys; true", ".*(superuser|denied|permission|not).*"),
    ("ping", "ping -c1 -W1 127.0.0.1 >/dev/null; echo $?", PING),
    ("hostname", "{a} hostname nst", "EPERM"), ("the clock", "{a} clock", "EPERM"),
    ("adjtimex", "{a} adjtimex", "EPERM"), ("reboot", "{a} reboot", "EPERM"),
    ("a kernel module", "{a} module", "EPERM|ENOSYS|EBADF"),
    ("a kernel module away", "{a} module-remove", "EPERM|ENOSYS"),
    ("kexec", "{a} kexec", "EPERM|ENOSYS"), ("the kernel's log", "{a} dmesg", "EPERM"),
    ("its level", "{a} dmesg-quiet", "EPERM"), ("bpf", "{a} bpf", "EPERM|ENOSYS"),
    ("userfaultfd", "{a} userfaultfd", "EPERM|ENOSYS"), ("/dev/mem", "{a} dev-mem", "ENOENT|EPERM"),
    ("iopl", "{a} iopl", "EPERM|ENOSYS"),
]


def _set(path, mode=0o755, caps=False, owner=0):
    os.chown(path, owner, owner)
    os.chmod(path, mode)
    if caps:
        os.setxattr(path, "security.capability", ALL_CAPS)


def _kinds(path, source):
    """The same program set-uid, set-gid, and with file capabilities, made by the host's root."""
    made = {}
    for name, mode, caps in (("setuid", 0o4755, False), ("setgid", 0o2755, False),
                             ("both", 0o6755, False), ("caps", 0o755, True)):
        file = pathlib.Path(path) / f"nst-{name}"
        shutil.copy(source, file)
        _set(file, mode, caps)
        made[name] = file
    return made


def _planted(g):
    """By root of the host, where a box can execute them."""
    directory = g.stage.base / "setid"
    directory.mkdir()
    shared = g.stage.base / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    g.stage.config(f"BindPaths={shared}\n")
    g.me.close()
    g.me = g.login(g.alice.pw_name)
    for what, where in (("the host's root", directory), ("the home", g.alice.pw_dir),
                        ("a directory that is bound in", shared), ("a directory all may write", g.stage.open)):
        for kind, path in _kinds(where, g.attack).items():
            g.row(f"{kind}, root's, in {what}", f"{path} ids", NONE)
            g.row(f"{kind}, root's, in {what}, by the loader",
                  f"/lib64/ld-linux-x86-64.so.2 {path} ids", NONE + "|.*No such file.*")
            if where == g.stage.open:
                g.row(f"{kind}, copied up by chmod", f"chmod u+x {path}; touch {path}; {path} ids",
                      ".*none")
            os.unlink(path)
    # A set-uid program of the other's: his uid is another one here.
    path = g.stage.open / "nst-bobs"
    shutil.copy(g.attack, path)
    _set(path, 0o4755, owner=g.bob.pw_uid)
    g.row("set-uid to the other", f"{path} ids", NONE)
    os.unlink(path)
    g.stage.config()
    g.me.close()
    g.me = g.login(g.alice.pw_name)
    directory.rmdir()
    shared.rmdir()


def _own(g):
    """Made inside, by the user, then by root of the box."""
    for where in ("{home}", "/tmp", "/dev/shm", "/run/user/{uid}", "/var/tmp", "{open}"):
        g.row(f"set-uid by oneself in {where}", f"cp {{a}} {where}/own; chmod 6755 {where}/own; "
              f"{where}/own ids; rm -f {where}/own", NONE)
        r = g.box_root(f"cp {g.alice.pw_dir}/attack {where}/boxroots; chown 0:0 {where}/boxroots; "
                       f"chmod 6755 {where}/boxroots; ls {where}/boxroots", ".*",
                       f"a set-uid program in {where}")
        if r:
            g.row(f"set-uid by the box's root in {where}",
                  f"{where}/boxroots ids 2>/dev/null; rm -f {where}/boxroots 2>/dev/null; true",
                  "none|")
        g.box_root(f"rm -f {where}/boxroots; echo gone", ".*gone", "and away with it")


def _of_the_host(g):
    """
    Every set-id program of the host, as far as its loader: the auxiliary vector, which a program
    that had gained anything wouldn't show (ld.so(8), secure execution).
    """
    found = subprocess.run(["find", "/usr", "/bin", "/sbin", "/opt", "-xdev", "-type", "f", "(",
                            "-perm", "/6000", ")"], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False).stdout.split()
    caps = subprocess.run(["getcap", "-r", "/usr"], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, check=False).stdout.splitlines()
    found += [line.split()[0] for line in caps]
    for path in sorted(set(os.path.realpath(p) for p in found)):
        if path in COMMANDS:  # nsshell-command has no loader
            g.row(f"{path}, in whose place is what has no rights", f"stat -c %a {path}; grep -c ' {path} .*nosuid' /proc/self/mountinfo",
                  "755 1")
            continue
        g.row(f"{path}", f"LD_SHOW_AUXV=1 LD_TRACE_LOADED_OBJECTS=1 {path} </dev/null | "
              "grep -E 'AT_(E?UID|E?GID|SECURE)' | tr -s ' ' | sort",
              r"AT_EGID: (\d+) AT_EUID: {uid} AT_GID: \1 AT_SECURE: 0 AT_UID: {uid}|.*denied.*")


def run(g):
    g.rows(ROWS)
    _planted(g)
    _own(g)
    _of_the_host(g)
    a = f"{g.alice.pw_dir}/attack"
    for what, words, want in (
            ("hostname", "hostname nst", "EPERM"), ("the clock", "clock", "EPERM"),
            ("reboot", "reboot", "EPERM"), ("a kernel module", "module", "EPERM|ENOSYS|EBADF"),
            ("kexec", "kexec", "EPERM|ENOSYS"), ("the kernel's log level", "dmesg-quiet", "EPERM"),
            ("bpf", "bpf", "EPERM|ENOSYS"), ("/dev/mem", "dev-mem", "ENOENT|EPERM"),
            ("all file capabilities for a file", f"file-caps {a}", "EPERM"),
            ("no_new_privs off", "no-new-privs-off", "EINVAL"),
            ("an ambient capability", "ambient", "EPERM"),
            ("perf of a CPU", "perf -1 0", NO), ("realtime", "realtime", "EPERM"),
            ("raw sockets", "raw", "EPERM"), ("a lower OOM score", "oom-unkillable", NO)):
        g.box_root(f"{a} {words}", want, what)
    # Over an image: group root.
    g.me.close()
    g.stage.config("Root=yes\n")
    r = g.scene.ssh(g.alice.pw_name, "id -u")
    g.judge("Root=yes over the host's root is refused",
            r.stdout + r.stderr, ".*refused.*|.*could not be opened.*")
    g.stage.config()
