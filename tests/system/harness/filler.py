# SPDX-License-Identifier: BSD-3-Clause
"""
Takes of one kind as much as there is, prints "KIND COUNT ERROR", and keeps it until its input
ends. Runs inside, by itself: python3 -c SOURCE KIND [PLACE [MOST]].
"""

import ctypes
import errno
import os
import resource
import select
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    r = getattr(LIBC, name)(*args)
    if r < 0:
        raise OSError(ctypes.get_errno(), name)
    return r


class Take:
    """Each takes one more; at most `most` are asked for."""
    held = []

    def __init__(self, place):
        self.place = place
        self.n = 0

    def bytes(self):
        if self.n == 0:
            self.held.append(open(f"{self.place}/filled", "wb", buffering=0))
        if self.held[0].write(b"x" * (1 << 20)) < 1 << 20:
            raise OSError(errno.ENOSPC, "written in part")

    def inodes(self):
        os.close(os.open(f"{self.place}/file{self.n}", os.O_CREAT | os.O_WRONLY, 0o600))

    def pty(self):
        self.held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))

    def file(self):
        self.held.append(os.open("/dev/null", os.O_RDONLY))

    def mqueue(self):
        call("mq_open", b"/fill%d" % self.n, os.O_CREAT | os.O_RDWR, 0o600, None)

    def inotify(self):
        call("inotify_init1", 0)

    def fanotify(self):
        # FAN_CLASS_NOTIF | FAN_REPORT_FID: for everybody since Linux 5.13
        call("fanotify_init", 0x200, os.O_RDONLY)

    def shm(self):
        call("shmget", 0, 1 << 20, 0o600)

    def msg(self):
        call("msgget", 0, 0o600)

    def sem(self):
        call("semget", 0, 1000, 0o600)

    def signal(self):
        if self.n == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
        call("sigqueue", os.getpid(), int(signal.SIGRTMIN), 0)

    def process(self):
        if os.fork() == 0:
            select.select([0], [], [], 60)
            os._exit(0)

    def busy(self):
        """One that works; sixty of them will do."""
        if self.n == 60:
            raise OSError(errno.EAGAIN, "enough")
        if os.fork() == 0:
            while os.getppid() != 1 and not select.select([0], [], [], 0)[0]:
                for _ in range(10000):
                    pass
            os._exit(0)

    def pipe(self):
        r, w = os.pipe()
        os.set_blocking(w, False)
        self.held.append((r, w))
        try:
            os.write(w, b"x" * 65536)
        except BlockingIOError:
            pass


def main(kind, place="/tmp", most="200000"):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if kind not in ("file", "pipe"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    take = Take(place)
    said = "none"
    try:
        while take.n < int(most):
            getattr(take, kind)()
            take.n += 1
    except OSError as e:
        said = errno.errorcode.get(e.errno, str(e.errno))
    print(kind, take.n, said, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
