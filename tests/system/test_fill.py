# SPDX-License-Identifier: BSD-3-Clause
"""
What fills up: alice takes all there is of a kind, which has an end, and holds it; bob logs in and
finds some of it, and so does the host. How long bob takes is measured in tests/bench.
"""

import ctypes
import os
import pathlib
import re
import shlex
import time

from harness import filler
from harness.pace import patient
from test_limits import _has_cgroups, _is_safe_to_bomb

SOURCE = pathlib.Path(filler.__file__).read_text(encoding="utf-8")
SIZES = "TmpSize=16M\nUpperSize=16M\n"


def command(kind, *args):
    """What to run inside."""
    return "exec python3 -c " + " ".join(shlex.quote(str(w)) for w in (SOURCE, kind, *args))


class Full:
    """A login that has all of a kind, until the end of the with."""

    def __init__(self, b, user, *what):
        self.login = b.stage.sshd.background(user, command(*what))
        said = self.login.stdout.readline()
        m = re.fullmatch(r"\w+ (\d+) (\w+)\n", said)
        self.count, self.error = (int(m.group(1)), m.group(2)) if m else (-1, said)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.login.stdin.close()
        try:
            self.login.wait(patient(20))
        finally:
            self.login.kill()
            self.login.stdout.close()


def _one(b, kind, place="/tmp"):
    """bob takes one of it."""
    r = b.ssh(b.bob.pw_name, command(kind, place, 1))
    return r.stdout == f"{kind} 1 none\n", r.stdout + r.stderr


def _is_full(b, what, kind, error, least, most, place="/tmp"):
    with Full(b, b.alice.pw_name, kind, place) as full:
        b.check(full.error in error.split() and least <= full.count <= most,
                f"{what}: full at {least} to {most}, with {error}", f"{full.count} {full.error}")
        good, said = _one(b, kind, place)
        b.check(good, f"{what}: meanwhile bob logs in and has his own", said)
        return full.count


def test_places(b):
    b.stage.config(SIZES)
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        _is_full(b, f"bytes of {place} with TmpSize=16M", "bytes", "ENOSPC", 14, 16, place)
    _is_full(b, "files in /tmp", "inodes", "ENOSPC", 4000, 4096)
    _is_full(b, "files in /dev/shm", "inodes", "ENOSPC", 4000, 4096, "/dev/shm")
    where = str(b.stage.open)
    _is_full(b, "bytes of the upper with UpperSize=16M", "bytes", "ENOSPC", 14, 17, where)
    _is_full(b, "files in the upper", "inodes", "ENOSPC", 4000, 5120, where)


def test_run(b):
    own = "/run/user/$(id -u)"
    with b.shell(b.alice.pw_name) as s:
        s.do(f"head -c 100M /dev/zero >{own}/a")
        b.check(s.do(f"stat -c %s {own}/a").isdigit() and
                int(s.do(f"stat -c %s {own}/a")) <= 64 << 20,
                "/run/user holds 64M at most", s.do(f"stat -c %s {own}/a"))
        s.do(f"rm {own}/a")
        n = int(s.do("cd /run/lock; i=0; while : >f$i; do i=$((i+1)); done 2>/dev/null; echo $i"))
        b.check(14000 < n <= 16384, "and with /run/lock 16384 files", n)
        b.check(s.do(f": >{own}/b; echo $?").endswith("1"), "which is one limit for both")
        r = b.ssh(b.bob.pw_name, f"echo fine >{own}/a && cat {own}/a")
        b.check(r.stdout == "fine\n", "meanwhile bob has his own", r.stdout + r.stderr)


def test_no_place_is_forgotten(b):
    """With the config as it is shipped."""
    with b.shell(b.alice.pw_name) as s:
        lines = s.do("cat /proc/self/mountinfo").splitlines()
    left = []
    for line in lines:
        fields, tail = line.split(" - ")
        fstype, _, options = tail.split()[:3]
        fields = fields.split()
        if fstype not in ("tmpfs", "ramfs") or "ro" in fields[5].split(","):
            continue
        if "size=" not in options or "nr_inodes=" not in options:
            left.append(line)
    b.check(len(lines) > 10 and not left, "every tmpfs that is writable inside has a limit of bytes "
            "and of files", left)
    with b.shell(b.alice.pw_name) as s:
        for place in ("/home", "/dev"):
            said = s.do(f"touch {place}/x")
            b.check("Read-only file system" in said, f"{place} is read-only", said or "written")
            r = b.run(b.stage.bin / "nsjoin", "-q", "--root", "--force", b.alice.pw_name, "touch", f"{place}/x")
            b.check(r.returncode and "Read-only file system" in r.stderr, "for root of the box as well",
                    r.stdout + r.stderr or "written")


def test_terminals(b):
    with Full(b, b.alice.pw_name, "pty") as full:
        b.check((full.count, full.error) == (64, "ENOSPC"), "a session has 64 terminals",
                f"{full.count} {full.error}")
        with Full(b, b.alice.pw_name, "pty") as second:
            b.check(second.count == 64, "another of the account's has, too", second.count)
        good, said = _one(b, "pty")
        b.check(good, "meanwhile bob logs in and has one", said)
    b.stage.config("SessionsMax=128\n")
    with Full(b, b.alice.pw_name, "pty") as full:
        b.check(full.count == 16, "with SessionsMax=128 a session has 16", full.count)


def test_ipc(b):
    b.stage.config(SIZES)
    _is_full(b, "POSIX message queues", "mqueue", "EMFILE ENOSPC", 1, 256)
    r = b.ssh(b.alice.pw_name, "cat /proc/sys/kernel/shmall")
    if r.stdout.strip() != str((16 << 20) // 4096):
        b.skip("limits of System V IPC", "this kernel doesn't let a box set them (Linux 6.11)")
        return
    _is_full(b, "System V shared memory, with TmpSize=16M", "shm", "ENOSPC", 15, 16)
    _is_full(b, "System V message queues", "msg", "ENOSPC", 128, 128)
    _is_full(b, "System V semaphores, a thousand each", "sem", "ENOSPC", 32, 32)
    with b.shell(b.alice.pw_name) as s:
        b.check("Read-only" in s.do("echo 9 >/proc/sys/kernel/msgmni"),
                "nobody inside can raise them")


test_ipc.later = "the kernel's own limits, which nsshell only names"


def _host(name, *args):
    """The host's root takes one, and gives it back."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = getattr(libc, name)(*args)
    if fd >= 0:
        os.close(fd)
    return fd >= 0, os.strerror(ctypes.get_errno())


def test_what_the_kernel_counts_by_user(b):
    most = int(pathlib.Path("/proc/sys/fs/inotify/max_user_instances").read_text(encoding="ascii"))
    with Full(b, b.alice.pw_name, "inotify") as full:
        b.check(full.error == "EMFILE" and 1 <= full.count <= most,
                f"inotify ends at fs.inotify.max_user_instances, {most}",
                f"{full.count} {full.error}")
        with Full(b, b.alice.pw_name, "inotify") as second:
            b.check(second.count == 0, "which is the account's, not the session's", second.count)
        good, said = _one(b, "inotify")
        b.check(good, "inotify: meanwhile bob logs in and has some", said)
        good, said = _host("inotify_init1", 0)
        b.check(good, "and so has the host's root", said)
    with Full(b, b.alice.pw_name, "fanotify") as full:
        if full.error in ("EPERM", "ENOSYS", "EINVAL"):
            b.skip("fanotify", f"this kernel has none for everybody: {full.error}")
        else:
            b.check(full.error == "EMFILE" and 1 <= full.count <= 4096, "fanotify has an end",
                    f"{full.count} {full.error}")
            good, said = _one(b, "fanotify")
            b.check(good, "fanotify: meanwhile bob has some", said)
            good, said = _host("fanotify_init", 0, os.O_RDONLY)
            b.check(good, "and so has the host's root", said)
    before = _queued()
    with Full(b, b.alice.pw_name, "signal", "/tmp", 20000) as full:
        b.check(full.count == 20000 or full.error == "EAGAIN", "signals can be queued",
                f"{full.count} {full.error}")
        b.check(_queued() - before < 1000, "and aren't counted for the host's root", _queued())


test_what_the_kernel_counts_by_user.later = "the kernel's own limits, which nsshell only names"


def _queued():
    m = re.search(r"SigQ:\s+(\d+)/", pathlib.Path("/proc/self/status").read_text(encoding="ascii"))
    return int(m.group(1))


def test_open_files(b):
    r = b.ssh(b.alice.pw_name, "ulimit -n")
    n = int(r.stdout)
    _is_full(b, f"open files, ulimit -n {n}", "file", "EMFILE", n - 20, n)


def test_processes(b):
    if not _has_cgroups(b, "pids"):
        return
    b.stage.config("TasksMax=60\n")
    if _is_safe_to_bomb(b, 60):
        _is_full(b, "processes with TasksMax=60", "process", "EAGAIN", 30, 60)


test_processes.later = "limits.tasks has the rule"


def test_memory_of_the_kernel(b):
    if not _has_cgroups(b, "memory"):
        return
    b.stage.config("MemoryMax=24M\n")
    with Full(b, b.alice.pw_name, "pipe", "/tmp", 500) as full:
        b.check(full.count < 0 or full.error == "ENOMEM" or full.count < 500,
                "MemoryMax=24M: pipes that hold more than that aren't to be had",
                f"{full.count} {full.error}")
        r = b.ssh(b.bob.pw_name, "echo fine")
        b.check(r.stdout == "fine\n", "meanwhile bob logs in", r.stderr)


def _opens(b, user):
    """A login may be refused for a moment after the one before it has ended."""
    end = time.monotonic() + patient(10)
    while time.monotonic() < end:
        r = b.ssh(user, "echo in")
        if r.stdout == "in\n":
            return True
        time.sleep(0.2)
    return False


def test_sessions(b):
    name = b.alice.pw_name
    for on_error in ("deny", "allow"):
        b.check(b.gone(name), "no session is left of before")
        b.stage.config("SessionsMax=3\n" + f"OnError={on_error}\n")
        with b.shell(name) as one, b.shell(name) as two:
            one.do("true"), two.do("true")
            with b.shell(name) as three:
                three.do("true")
                r = b.ssh(name, "echo in")
                b.check(r.stdout != "in\n" and r.returncode != 0,
                        f"SessionsMax=3: a fourth login is refused, with OnError={on_error} too",
                        r.stdout + r.stderr)
                lines = b.stage.syslog.wait(r"the account has 3 sessions, and may have no more")
                b.check(lines, "and the log says why", lines or b.log_tail())
                r = b.ssh(b.bob.pw_name, "echo in")
                b.check(r.stdout == "in\n", "meanwhile bob logs in", r.stderr)
            b.check(_opens(b, name), "when one has ended there is room again")
        b.stage.syslog.clear()
