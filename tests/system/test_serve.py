# SPDX-License-Identifier: BSD-3-Clause
"""What a user can do to the supervisor at the socket of the own session, core/run/session/session_socket.h."""

import contextlib
import os
import pathlib
import pty
import resource
import select
import signal
import socket
import struct
import threading
import time

from harness import ask, hung, kernel
from harness.pace import patient
from test_users import Tools, full, login

REQUEST = struct.pack("@IIi", ask.MAGIC, ask.RECORD, 0)


def _supervisor(b, name):
    return int(b.record_of(name)["supervisor_pid"])


def _workers(supervisor):
    return [p.pid for p in kernel.processes() if p.ppid == supervisor and "a request" in repr(p)]


@contextlib.contextmanager
def lingers(at):
    """
    A connection whose last close waits: there is something to be sent that nobody takes. In the end it is closed here, at once
    where it was sent along; that has been dropped already where we are the last one, who then waits behind our back.
    """
    s = socket.create_connection(at)
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while s.send(b"x" * 65536):
            pass
    s.setblocking(True)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 600))
    try:
        yield s
    finally:
        closer = threading.Thread(target=s.close, daemon=True)
        closer.start()
        closer.join(1)


def _leave_behind(uid, session, at):
    """Behind a request one that nobody reads, and with it what only the reader has then."""
    with lingers(at) as s:
        sock = ask.connect(uid, session)
        sock.send(REQUEST)
        socket.send_fds(sock, [REQUEST], [s.fileno()])
    with sock:
        return ask.hear(sock)


def _is_answered(said, session):
    """It hangs up once it has answered: before we have sent the other one, or before we have heard."""
    return session in str(said) or "reset" in str(said) or "Broken pipe" in str(said)


def _at_once(n, function, *arguments):
    said = []

    def one():
        try:
            said.append(function(*arguments))
        except OSError as e:
            said.append(repr(e))
    threads = [threading.Thread(target=one) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return said


def test_a_file_that_takes_long_to_close(b):
    """It is sent along with a message that nobody takes, and closed with the connection."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with login(b, name) as s:
            session = b.record_of(name)["id"]
            said = [ask.as_user(b.alice, _leave_behind, uid, session, server.getsockname()) for _ in range(8)]
            b.check(all(_is_answered(x, session) for x in said), "requests with another one behind each", said)
            # The worker of one is begun while another one's connection is still the supervisor's: whose is the last to close?
            said = ask.as_user(b.alice, _at_once, 60, _leave_behind, uid, session, server.getsockname())
            odd = [x for x in said if not _is_answered(x, session)]
            b.check(len(said) == 60 and not odd, "many of them at once", odd)
            b.check(s.do("echo on") == "on", "the session goes on")
        b.check(b.gone(name), "and ends with its login: its supervisor waits for nobody's connection")
        # Where it does wait, the session's end is that of this.
    b.gone(name)


def _send_along(uid, session, at):
    with lingers(at) as s:
        sock = ask.connect(uid, session)
        socket.send_fds(sock, [REQUEST], [s.fileno()])
    with sock:
        return ask.hear(sock)


def test_the_same_of_a_full_box(b):
    """There the supervisor itself hears what is asked."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        filler = full(b, name)
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


def _until_heard(asks, *arguments):
    """Where few places are left, who doesn't say within half a second what it wants is hung up on: a busy host's, say."""
    for _ in range(20):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            said = asks(*arguments)
            if said is not None:
                return said
    return None


def test_as_many_commands_as_there_may_be(b):
    name, uid = b.alice.pw_name, b.alice.pw_uid
    sleep = ask.command(["/bin/sleep", "1000"])
    with login(b, name) as s:
        session = b.record_of(name)["id"]

        def fill():
            held = []

            def start():
                sock = ask.connect(uid, session)
                socket.send_fds(sock, [struct.pack("@IIi", ask.MAGIC, ask.RUN, 0)], [ask.memfd(sleep)])
                said = ask.hear(sock)
                if said and not said[0]:
                    held.append((sock, said[4]))
                return said
            for _ in range(100):
                said = _until_heard(start)
                if said[0]:
                    break
            record = _until_heard(ask.ask, uid, session, ask.RECORD)
            return len(held), said[:3], record[0], _until_heard(ask.ask, uid, session, ask.SIGNAL, 18)[:3]
        got = ask.as_user(b.alice, fill)
        b.check(isinstance(got, tuple), "commands can be asked for", got)
        n, said, record, signal = got if isinstance(got, tuple) else (0, (0, 0, ""), got, (1,))
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
    return _until_heard(ask.ask, uid, session, ask.RECORD)[:2]


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


def test_niceness(b):
    """That of the login, which may be the admin's, and of who asks; a process of the supervisor's has neither."""
    name, t = b.alice.pw_name, Tools(b)
    with login(b, name) as s:
        before = s.do("nice")
        os.setpriority(os.PRIO_PROCESS, int(b.record_of(name)["caller_pid"]), 7)
        r = t.join(b.alice, name, "nice")
        b.check(r.stdout == "7\n", "a command has the niceness of the login", r.stdout + r.stderr)
        r = b.run("nice", "-n", str(11 - os.nice(0)), "chrt", "-b", "0", "taskset", "-c", "0", t.nsjoin, name, "sh", "-c", "nice; chrt -p $$; taskset -p $$",
                  **t.ids(b.alice))
        b.check(r.stdout.startswith("11\n") and "SCHED_BATCH" in r.stdout and r.stdout.endswith("mask: 1\n"),
                "or, if they have a greater one, of who asks, and their policy and CPUs", r.stdout + r.stderr)
        b.check(s.do("nice") == before, "that of others stays", s.do("nice"))


def _connects_and_ends(person, uid, session):
    """The connection of a process that is gone, and its pid."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.setresgid(*[person.pw_gid] * 3)
            os.setresuid(*[person.pw_uid] * 3)
            with ask.connect(uid, session) as sock:
                socket.send_fds(theirs, [b"x"], [sock.fileno()])
        os._exit(0)
    theirs.close()
    ours.settimeout(10)
    fd = socket.recv_fds(ours, 1, 1)[1][0]
    os.waitpid(pid, 0)
    ours.close()
    return socket.socket(fileno=fd), pid


def _with_pid(pid, person):
    """A process of a person's on a terminal that has just that pid: what it is killed by, or None."""
    for _ in range(50):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        child, master = pty.fork()
        if child == 0:
            os.setresuid(*[person.pw_uid] * 3)
            os.write(1, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(master, 1)
        if child == pid:
            return child, master
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(master)
    return None


def _tells_of_peers():
    """SO_PEERPIDFD"""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            os.close(struct.unpack("i", ours.getsockopt(socket.SOL_SOCKET, 77, 4))[0])
        except OSError:
            return False
    return True


def _anothers_pid(b, name, waits):
    """What is logged of who asks and is gone, whose pid another process has by now."""
    supervisor = _supervisor(b, name)
    if waits:
        # As it waits for the next that is free where as many workers run as may.
        os.kill(supervisor, signal.SIGSTOP)
    try:
        sock, pid = _connects_and_ends(b.alice, b.alice.pw_uid, b.record_of(name)["id"])
        sock.settimeout(10)
        # A worker's age is told in hundredths of a second.
        time.sleep(0.05)
        other = _with_pid(pid, b.alice)
        time.sleep(0.05)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    if not other:
        return None
    b.stage.syslog.clear()
    socket.send_fds(sock, [struct.pack("@IIi", ask.MAGIC, ask.RUN, 0)], [ask.memfd(ask.command(["/bin/true"]))])
    said = ask.hear(sock)
    line = (b.stage.syslog.wait(r"nsjoin.* joined the session of") or [""])[-1]
    for fd in said[4]:
        os.close(fd)
    sock.close()
    os.kill(other[0], 9)
    os.waitpid(other[0], 0)
    os.close(other[1])
    return said[0], line


def test_a_pid_that_is_anothers_by_now(b):
    name = b.alice.pw_name
    with login(b, name):
        for what, waits in (("", False), (", who waited for a worker", True)):
            if waits and not _tells_of_peers():
                b.skip(f"a pid that is another's by now{what}", "Linux 6.5 tells of that")
                continue
            got = _anothers_pid(b, name, waits)
            if got:
                b.check(got[0] == 0 and f": {name} joined" in got[1],
                        f"the log tells of no terminal of whoever has the asker's pid now{what}", got[1])
            else:
                b.skip(f"a pid that is another's by now{what}", "it couldn't be had again")


def _takes_no_answer(uid, session, n):
    """Connections whose answers have fds, which stay there: of n requests as many as were answered rightly."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = []
    for _ in range(n):
        held.append(ask.connect(uid, session))
        words = ask.sealed(ask.words("passwd", "-S"))
        socket.send_fds(held[-1], [struct.pack("@IIi", ask.MAGIC, ask.HOST, 0)], [words])
        os.close(words)
        select.select(held[-1:], [], [], patient(10))
    return held


def test_answers_that_nobody_takes(b):
    """As many fds on their way as no user's process may have there (RLIMIT_NOFILE, 1024)."""
    with login(b, b.alice.pw_name), login(b, b.bob.pw_name):
        ids = {r["user"]: r["id"] for r in b.stage.records()}
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                ours.close()
                os.setresgid(*[b.alice.pw_gid] * 3)
                os.setresuid(*[b.alice.pw_uid] * 3)
                held = _takes_no_answer(b.alice.pw_uid, ids[b.alice.pw_name], 360)
                theirs.send(str(len(held)).encode())
                theirs.recv(1)
            os._exit(0)
        theirs.close()
        ours.settimeout(patient(120))
        n = ours.recv(100)
        got = ask.as_user(b.bob, ask.run, b.bob.pw_uid, ids[b.bob.pw_name], ask.command(["/bin/echo", "hi"]))
        b.check(n == b"360" and got == ("hi\n", 0), "beside 360 answers that one account doesn't take another has its own", n, got)
        ours.close()
        os.waitpid(pid, 0)
        got = ask.as_user(b.alice, ask.run, b.alice.pw_uid, ids[b.alice.pw_name], ask.command(["/bin/echo", "hi"]))
        b.check(got == ("hi\n", 0), "and so has the first one, once it has let go of them", got)
