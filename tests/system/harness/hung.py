# SPDX-License-Identifier: BSD-3-Clause
"""A file system of a user's own that stops to answer."""

import contextlib
import ctypes
import errno
import os
import signal
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
MS_NOSUID_NODEV = 6
LOOKUP, GETATTR, STATFS, FLUSH, INIT = 1, 3, 17, 25, 26
HOST = 1 << 30  # answers: as many as come from the host's mount namespace


class Fuse:
    """
    Mounted as fusermount(1) does for its user, and served by a process: after some answers it only reads.
    allow_other is what its user may say where /etc/fuse.conf has user_allow_other; without, nobody but
    the user gets as far as to wait.
    """

    silent = ()  # requests that it never answers
    options = ",allow_other"

    def __init__(self, at, owner, answers):
        self.at, self.owner, self.answers = at, owner, answers
        self.pid = 0

    def __enter__(self):
        self.at.mkdir()
        os.chown(self.at, self.owner.pw_uid, self.owner.pw_gid)
        fd = os.open("/dev/fuse", os.O_RDWR)
        data = (f"fd={fd},rootmode=40000,user_id={self.owner.pw_uid},group_id={self.owner.pw_gid}"
                f"{self.options}")
        if LIBC.mount(b"hung", bytes(self.at), b"fuse.hung", MS_NOSUID_NODEV, data.encode()) < 0:
            raise OSError(ctypes.get_errno(), "mount a FUSE")
        self.pid = os.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                self._serve(fd)
            os._exit(0)
        os.close(fd)
        return self

    def _serve(self, fd):
        os.closerange(3, fd)
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, "answers", 0))
        while True:
            request = os.read(fd, 1 << 20)
            opcode, unique = struct.unpack_from("=4xIQ", request)
            if opcode in self.silent or opcode != INIT and (self.answers <= 0 or not self._is_from_here(request)):
                continue
            body = {GETATTR: self._attr, STATFS: lambda: bytes(80), INIT: self._init,
                    LOOKUP: self._entry}.get(opcode)
            self.answers -= opcode in (GETATTR, STATFS)
            text = body() if body else b""
            os.write(fd, struct.pack("=IiQ", 16 + len(text), 0 if body else -errno.ENOSYS, unique) + text)

    @staticmethod
    def _init():
        return struct.pack("=IIIIHHI", 7, 31, 0, 0, 8, 8, 4096) + bytes(40)

    @staticmethod
    def _is_from_here(request):
        pid, = struct.unpack_from("=I", request, 32)
        try:
            return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
        except OSError:
            return False

    def _entry(self):
        return struct.pack("=4Q2I", 2, 0, 0, 0, 0, 0) + self._attr()[16:]

    def _attr(self):
        return struct.pack("=QII", 0, 0, 0) + struct.pack(
            "=6Q3I7I", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, self.owner.pw_uid, self.owner.pw_gid, 0, 4096, 0)

    def end(self):
        """Whoever waits for it hears so."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def stop(self):
        """From now on it only reads."""
        os.kill(self.pid, signal.SIGUSR1)

    def __exit__(self, *_):
        self.end()
        LIBC.umount2(bytes(self.at), 2)
        self.at.rmdir()


class Private(Fuse):
    """As it is mounted where nobody says otherwise: open to its user alone."""

    options = ""


class Unclosable(Fuse):
    """All names in it are files that can be opened, and whose close(2) waits for an answer: flush."""

    silent = (FLUSH,)

    def _entry(self):
        entry = bytearray(super()._entry())
        struct.pack_into("=I", entry, 100, 0o100644)
        return bytes(entry)
