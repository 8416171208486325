# SPDX-License-Identifier: BSD-3-Clause
"""The socket of a session, asked by hand: core/run/session/session_socket.h and session_command.h."""

import fcntl
import os
import pickle
import socket
import struct
import traceback

from harness.pace import patient

OWN = "/run/nsshell/own"
MAGIC = 0x6e737231
RECORD, STOP, SIGNAL, PAUSE, RESUME, LOG, RUN, SAY, HOST = range(1, 10)
ANSWER = struct.Struct("@Iii i512si 4096s")
WORDS = struct.Struct("@2I 60s8s 64s")
SEALS = 0x0002 | 0x0004 | 0x0008  # shrink, grow, write
HEAD = struct.Struct("@9IQ 60s8s 4x 256s")
UNLIMITED = struct.pack("@QQ", 2 ** 64 - 1, 2 ** 64 - 1) * 16


def as_user(person, function, *arguments):
    """What a process of the person's gets from it."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(*[person.pw_gid] * 3)
            os.setresuid(*[person.pw_uid] * 3)
            result = function(*arguments)
        except BaseException as e:  # pylint: disable=broad-except
            result = f"{type(e).__name__}: {e}" if isinstance(e, OSError) else traceback.format_exc()
        os.write(w, pickle.dumps(result))
        os._exit(0)
    os.close(w)
    with open(r, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    return pickle.loads(data)


def connect(uid, session, timeout=patient(10)):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # As the product's own does, one waits where others wait already.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@qq", int(timeout), 0))
    s.connect(f"{OWN}/{uid}/{session}")
    s.settimeout(timeout)
    return s


def hear(s):
    """(failed, value, error, text, fds); None where it hangs up."""
    data, fds, _, _ = socket.recv_fds(s, ANSWER.size + 1, 16)
    if not data:
        return None
    if len(data) != ANSWER.size:
        return f"{len(data)} bytes"
    _, failed, value, _, message, _, text = ANSWER.unpack(data)
    return failed, value, message.split(b"\0")[0].decode(), text.split(b"\0")[0].decode(), fds


def command(argv, env=(), directory="/", file=None, on_pty=0, given=0, n_argv=None, n_env=None, tail=b"", login=0, group=None):
    words = [directory, "/", file if file is not None else argv[0] if argv else "", *argv, *env, *([] if group is None else [group])]
    head = HEAD.pack(on_pty, given, 0, 0, 0, 0o22, login, len(argv) if n_argv is None else n_argv, len(env) if n_env is None else n_env,
                     0, b"", b"", UNLIMITED)
    return head + b"".join(w.encode() + b"\0" for w in words) + tail


def memfd(data):
    fd = os.memfd_create("nst")
    os.write(fd, data)
    return fd


def ask(uid, session, kind, value=0, fds=(), magic=MAGIC, timeout=patient(10)):
    """As hear(), of one request; fds that come are closed, their number stands for them."""
    with connect(uid, session, timeout) as s:
        socket.send_fds(s, [struct.pack("@IIi", magic, kind, value)], list(fds))
        said = hear(s)
        if isinstance(said, tuple):
            for fd in said[4]:
                os.close(fd)
            said = (*said[:4], len(said[4]))
        return said


def raw(uid, session, *messages):
    """What it says to messages that are no requests."""
    with connect(uid, session) as s:
        for m in messages:
            s.send(m)
        return hear(s)


def run(uid, session, data, read=True):
    """What a command printed and its wait status, or an error."""
    with connect(uid, session) as s:
        socket.send_fds(s, [struct.pack("@IIi", MAGIC, RUN, 0)], [memfd(data)])
        said = hear(s)
        if not isinstance(said, tuple) or said[0]:
            return said if not isinstance(said, tuple) else said[:3]
        os.close(said[4][0])
        out = b""
        while read:
            more = os.read(said[4][1], 65536)
            if not more:
                break
            out += more
        return out.decode(), hear(s)[1]


def words(*argv, on_pty=0, term=b"dumb", n=None, tail=b""):
    """core/run/session/session_words.h"""
    head = WORDS.pack(len(argv) if n is None else n, on_pty, b"", b"", term)
    return head + b"".join((w if isinstance(w, bytes) else w.encode()) + b"\0" for w in argv) + tail


def sealed(data, seals=SEALS):
    fd = os.memfd_create("nst", os.MFD_ALLOW_SEALING)
    at = 0
    while at < len(data):
        at += os.write(fd, data[at:])
    fcntl.fcntl(fd, 1033, seals)
    return fd
