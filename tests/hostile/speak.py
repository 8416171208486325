# SPDX-License-Identifier: BSD-3-Clause
"""The helper's protocol by hand: helpers/client/protocol.h."""

import ctypes
import os
import pathlib
import platform
import re
import resource
import secrets
import signal
import socket
import struct

from harness.pace import patient

_HEADER = pathlib.Path(__file__).resolve().parents[2] / "helpers" / "client" / "protocol.h"
MAGIC = int(re.search(r"PROTO_MAGIC (0x\w+?)U", _HEADER.read_text(encoding="ascii"))[1], 16)
GATE, OPEN, JOINED, ISOLATED, IGNORE, DENY, UNBOXED, MOVE, JOIN = \
    1, 2, 3, 4, 5, 6, 7, 8, 9
_REQUEST = struct.Struct("=II13s64s256s256s64s128s128s")


def session_id():
    return "".join(secrets.choice("abcdefgh234567") for _ in range(12))


def request(kind, user, service, sid=None, magic=MAGIC, tty=""):
    text = _REQUEST.pack(magic, kind, (sid or session_id()).encode(), service.encode(),
                         user.encode(), b"", tty.encode(), b"", b"")
    return text + bytes(-len(text) % 4)


def _call(hold, path, arguments, env, before, user):
    """The caller: hands its socket out, waits for the helper and then for who has it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            _execute(theirs, path, arguments, env, before, user)
        finally:
            os._exit(99)
    theirs.close()
    socket.send_fds(hold, [b"x"], [ours.fileno()])
    ours.close()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    hold.recv(1)
    return status


def _execute(sock, path, arguments, env, before, user):
    os.dup2(sock.fileno(), 3)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    if before:
        before()
    if user:
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.execve(path, arguments, env)


class Helper:
    """
    Spawned in surroundings that nobody has cleaned up, by a caller of its own: the supervisor ends
    a login program that stays when its session has ended.
    """

    def __init__(self, path, *arguments, env=None, before=None, user=None):
        self._hold, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._hold.close()
                os._exit(_call(theirs, path, arguments or (path,), env or {}, before, user))
            finally:
                os._exit(98)
        theirs.close()
        _, fds, _, _ = socket.recv_fds(self._hold, 1, 1)
        self.socket = socket.socket(fileno=fds[0])
        self.socket.settimeout(patient(10))

    def ask(self, message):
        """Kinds of all answers up to the one that ends the talk, and its bytes."""
        kinds, data = [], b""
        try:
            self.socket.send(message)
            while not kinds or kinds[-1] == MOVE:
                data, fds, _, _ = socket.recv_fds(self.socket, 4096, 16)
                for fd in fds:
                    os.close(fd)
                if not data:
                    break
                kinds.append(struct.unpack_from("=II", data)[1])
        except OSError as e:
            return kinds, str(e).encode()
        return kinds, data

    def end(self):
        self.socket.close()
        self._hold.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def nasty(directory):
    """What a caller may leave behind for what it executes."""
    def before():
        os.chdir(directory)
        os.umask(0o777)
        for what in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
            _, hard = resource.getrlimit(what)
            resource.setrlimit(what, (1 if what == resource.RLIMIT_CPU else 1 << 20 if
                                      what == resource.RLIMIT_FSIZE else 100, hard))
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        for fd in (7, 20, 300):
            os.dup2(os.open("/root", os.O_RDONLY | os.O_DIRECTORY), fd)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as f:
            f.write("900")
        # set_mempolicy(MPOL_BIND, {0}): no C library has it.
        if number := {"x86_64": 238, "aarch64": 237}.get(platform.machine()):
            ctypes.CDLL(None).syscall(number, 2, ctypes.byref(ctypes.c_ulong(1)), ctypes.c_ulong(64))
    return before
