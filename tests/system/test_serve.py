# SPDX-License-Identifier: BSD-3-Clause
"""What a user can do to the supervisor at the socket of the own session, core/run/session_socket.h."""

import contextlib
import os
import pathlib
import socket
import struct
import threading
import time

from harness import ask, hung, kernel
from harness.pace import patient
from test_users import Tools, login

REQUEST = struct.pack("@IIi", ask.MAGIC, ask.RECORD, 0)


def _supervisor(b, name):
    return int(b.record_of(name)["supervisor_pid"])


def _workers(supervisor):
    return [p.pid for p in kernel.processes() if p.ppid == supervisor and "a request" in repr(p)]


def _lingers(at):
    """A connection whose last close waits: there is something to be sent that nobody takes."""
    s = socket.create_connection(at)
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while s.send(b"x" * 65536):
            pass
    s.setblocking(True)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 600))
    return s


def _leave_behind(uid, session, at):
    """Behind a request one that nobody reads, and with it what only the reader has then."""
    s = _lingers(at)
    with ask.connect(uid, session) as sock:
        sock.send(REQUEST)
        socket.send_fds(sock, [REQUEST], [s.fileno()])
        # It is ours to wait for where it was dropped there already.
        threading.Thread(target=s.close, daemon=True).start()
        return ask.hear(sock)


def test_a_file_that_takes_long_to_close(b):
    """It is sent along with a message that nobody takes, and closed with the connection."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with login(b, name) as s:
            session = b.record_of(name)["id"]
            said = [ask.as_user(b.alice, _leave_behind, uid, session, server.getsockname()) for _ in range(8)]
            b.check(all(session in str(x) or "reset" in str(x) for x in said), "requests with another one behind each", said)
            b.check(s.do("echo on") == "on", "the session goes on")
        b.check(b.gone(name), "and ends with its login: its supervisor waits for nobody's connection")
        # Where it does wait, the session's end is that of this.
    b.gone(name)


def _full(b, name):
    b.stage.config("TasksMax=12\n")
    code = "import os,time\nfor i in range(20):\n try:\n  if os.fork() == 0: time.sleep(60); " \
           "os._exit(0)\n except OSError: break\nprint('full', flush=True); time.sleep(60)"
    filler = b.stage.sshd.background(name, f'exec python3 -c "{code}"')
    b.check(filler.stdout.readline() == "full\n", "TasksMax is used up")
    return filler


def _send_along(uid, session, at):
    s = _lingers(at)
    with ask.connect(uid, session) as sock:
        socket.send_fds(sock, [REQUEST], [s.fileno()])
        # It is ours to wait for where it was dropped there already.
        threading.Thread(target=s.close, daemon=True).start()
        return ask.hear(sock)


def test_the_same_of_a_full_box(b):
    """There the supervisor itself hears what is asked."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        filler = _full(b, name)
        session = b.record_of(name)["id"]
        said = ask.as_user(b.alice, _send_along, uid, session, server.getsockname())
        b.check(session in str(said), "a request that something comes with is answered", said)
        r = Tools(b).ctl(b.alice, "stop", name, timeout=patient(12))
        b.check(r.returncode == 0, "and the session can be ended", r.stdout + r.stderr)
    filler.communicate(timeout=patient(20))


def test_a_file_that_can_not_be_closed(b):
    """A worker that does so can't even be killed, and keeps no session."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with hung.Unclosable(pathlib.Path(b.alice.pw_dir) / "hung", b.alice, hung.HOST) as fuse:
        with login(b, name):
            supervisor, session = _supervisor(b, name), b.record_of(name)["id"]
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    os.closerange(3, 1000)
                    os.setresgid(*[b.alice.pw_gid] * 3)
                    os.setresuid(*[uid] * 3)
                    fd = os.open(fuse.at / "x", os.O_RDONLY)
                    ask.ask(uid, session, ask.RUN, 0, [fd])
                os._exit(0)
            end = time.monotonic() + patient(10)
            while not _stuck(supervisor) and time.monotonic() < end:
                time.sleep(0.02)
            b.check(_stuck(supervisor), "a worker waits for a FUSE", _workers(supervisor))
        b.check(b.gone(name), "the session ends with its login all the same")
        fuse.end()
        os.waitpid(pid, 0)
    b.ssh(name, "true")


def _stuck(supervisor):
    """A worker that is gone but for what it has to close."""
    for p in kernel.processes():
        with contextlib.suppress(OSError):
            if p.ppid == supervisor and "fuse" in pathlib.Path(f"/proc/{p.pid}/stack").read_text(encoding="ascii"):
                return True
    return False


def test_as_many_commands_as_there_may_be(b):
    name, uid = b.alice.pw_name, b.alice.pw_uid
    sleep = ask.command(["/bin/sleep", "1000"])
    with login(b, name) as s:
        session = b.record_of(name)["id"]

        def fill():
            held = []
            for _ in range(100):
                sock = ask.connect(uid, session)
                socket.send_fds(sock, [struct.pack("@IIi", ask.MAGIC, ask.RUN, 0)], [ask.memfd(sleep)])
                said = ask.hear(sock)
                if said[0]:
                    break
                held.append((sock, said[4]))
            record = ask.ask(uid, session, ask.RECORD)
            return len(held), said[:3], record[0], ask.ask(uid, session, ask.SIGNAL, 18)[:3]
        n, said, record, signal = ask.as_user(b.alice, fill)
        b.check(n == 80 and "as many commands" in said[2], "as many commands as a session takes at once", n, said)
        b.check(record == 0 and signal[0] == 0, "it is seen and signalled all the same", record, signal)
        b.check(s.do("echo on") == "on", "and goes on")
        held = ask.as_user(b.alice, _asks_beside_silent, uid, session)
        b.check(isinstance(held, tuple) and held[0] == 0, "also beside a hundred connections that say nothing", held)


def _asks_beside_silent(uid, session):
    held = []

    def hold():
        with contextlib.suppress(OSError):
            for _ in range(100):
                held.append(ask.connect(uid, session, 1))
    filler = threading.Thread(target=hold, daemon=True)
    filler.start()
    time.sleep(0.3)
    return ask.ask(uid, session, ask.RECORD)[:2]


def test_what_a_worker_is_not_spared(b):
    """Its memory is the user's to fill. A supervisor's score is raised here, as not every root may lower one."""
    name = b.alice.pw_name
    with login(b, name):
        supervisor = _supervisor(b, name)
        pathlib.Path(f"/proc/{supervisor}/oom_score_adj").write_text("300", encoding="ascii")
        with ask.connect(b.alice.pw_uid, b.record_of(name)["id"]):
            end, seen = time.monotonic() + patient(5), []
            while seen != ["0"] and time.monotonic() < end:
                seen = [pathlib.Path(f"/proc/{p}/oom_score_adj").read_text(encoding="ascii").strip()
                        for p in _workers(supervisor)]
            b.check(seen == ["0"], "where memory runs out a worker is taken as any process of the user's", seen)
