# SPDX-License-Identifier: BSD-3-Clause
"""The system calls that Python 3.11 doesn't have, and reading /proc."""

import ctypes
import fcntl
import os
import re
import select
import signal
import struct

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
MNT_DETACH = 2
NS_GET_MNTNS_ID, SYS_LISTMOUNT, LSMT_ROOT = 0x8008b705, 458, 2**64 - 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1

reaper = 0  # pid of the outer process of this run, harness/reaper.py: all that it starts is below that

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option, value):
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def mount(source, target, fstype=None, flags=0, options=None):
    def c(text):
        return None if text is None else str(text).encode()

    _check(_libc.mount(c(source), c(target), c(fstype), ctypes.c_ulong(flags), c(options)),
           f"mount {source} on {target}")


def die_with_parent():
    """For a daemon of the stage, before exec: should the tests be killed, it ends too."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def bind(source, target):
    mount(source, target, flags=MS_BIND)


def umount(target, flags=MNT_DETACH):
    _check(_libc.umount2(str(target).encode(), flags), f"umount {target}")


def private_network():
    """A network namespace of our own, with a loopback that is down."""
    _check(_libc.unshare(CLONE_NEWNET), "unshare")


def private_mounts():
    """A mount namespace of our own: nothing that is mounted here is seen by the host."""
    _check(_libc.unshare(CLONE_NEWNS), "unshare")
    mount(None, "/", flags=MS_REC | MS_PRIVATE)


def mounts(pid="self"):
    """(mount point, type, options of the super block) of each line of mountinfo."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            fields = line.split()
            dash = fields.index("-")
            yield fields[4], fields[dash + 1], fields[dash + 3]


def mounts_of_namespace(pid):
    """Their number, with what lies below the root, which mountinfo doesn't show (listmount(2)); None: Linux before 6.11."""
    ns = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    try:
        number = bytearray(8)
        fcntl.ioctl(ns, NS_GET_MNTNS_ID, number)
    except OSError:
        return None
    finally:
        os.close(ns)
    request = ctypes.create_string_buffer(struct.pack("IIQQ", 32, 0, LSMT_ROOT, 0) + bytes(number))
    ids = (ctypes.c_uint64 * 4096)()
    n = _libc.syscall(SYS_LISTMOUNT, request, ids, len(ids), 0)
    return n if n >= 0 else None


def cgroup_roots():
    """Mount points of every cgroup hierarchy."""
    return [target for target, fstype, _ in mounts() if fstype in ("cgroup", "cgroup2")]


def kill_and_wait(pid):
    """Kills one that needn't be our child, and comes back once it holds no lock and no file any more."""
    fd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        select.select([fd], [], [])
    finally:
        os.close(fd)


class Process:
    """One process as /proc showed it."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            text = f.read()
        end = text.rindex(")")
        fields = text[end + 2:].split()
        self.pid = int(pid)
        self.comm = text[text.index("(") + 1:end]
        self.state = fields[0]
        self.ppid = int(fields[1])
        self.start = int(fields[19])
        self.uid = os.stat(f"/proc/{pid}").st_uid

    def command(self):
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
            return line or f"({self.comm})"
        except OSError:
            return f"({self.comm})"

    def cgroups(self):
        try:
            with open(f"/proc/{self.pid}/cgroup", encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def exe(self):
        try:
            return os.readlink(f"/proc/{self.pid}/exe")
        except OSError:
            return ""

    def real_uids(self):
        """All four uids: /proc/PID is root's while a process isn't dumpable."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="utf-8", errors="replace") as f:
                for line in f:
                    if line.startswith("Uid:"):
                        return {int(x) for x in line.split()[1:]}
        except OSError:
            pass
        return set()

    def __repr__(self):
        return f"{self.pid} {self.command()[:60]}"


def processes():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.append(Process(name))
            except (OSError, ValueError):
                pass
    return found


def descendants(root, table=None):
    """Live processes below pid @root, zombies left out. @table: what processes() has found."""
    table = processes() if table is None else table
    children = {}
    for p in table:
        children.setdefault(p.ppid, []).append(p)
    found, todo = [], [root]
    while todo:
        for p in children.get(todo.pop(), []):
            todo.append(p.pid)
            if p.state not in "ZX":
                found.append(p)
    return found


def called(words):
    """
    Processes of this run's with these whole words in their command line, the last part of a path being one; never by digits of
    a pid. Another run may be at the same test, or have a word of it in its arguments.
    """
    whole = re.compile(rf"(^|[ /]){re.escape(words.lstrip('/'))}( |$)")
    return [p.pid for p in descendants(reaper) if whole.search(p.command())]


NAMESPACES = ("user", "pid", "mnt", "uts", "ipc", "cgroup")


def capabilities():
    """Ours: root of a container hasn't all."""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1], 16) for line in f if line.startswith("CapPrm:"))


def namespaces(pid="self"):
    return {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in NAMESPACES}


def landlock_abi():
    """The version of Landlock's interface, 0 where there is none (landlock(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(444, None, 0, 1))
