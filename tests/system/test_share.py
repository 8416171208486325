# SPDX-License-Identifier: BSD-3-Clause
"""Share=account: the logins of an account meet in one session."""

import contextlib
import os
import pathlib
import signal
import socket
import time

from harness import locks
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.stage import RUN
from harness.terminal import Terminal


def test_a_second_login_joins_the_first(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    one = b.shell(name)
    ns = one.do(SHOW_NS)
    b.lands_inside("Share=account: the first login", ns)
    one.do("echo shared >/tmp/note")
    two = b.shell(name)
    seen = two.do(SHOW_NS)
    b.check(set(seen.split()) == set(ns.split()), "the second has the same namespaces",
            f"{seen.split()[:2]}")
    b.check(two.do("cat /tmp/note") == "shared", "and the same /tmp")
    b.check(two.do("echo $NSSHELL_SESSION") == one.do("echo $NSSHELL_SESSION"),
            "and the same session id")
    b.check(two.do("pgrep -c bash") == "2", "and sees the first's processes",
            two.do("ps -e -o pid=,comm="))
    end = time.monotonic() + patient(10)  # who is in is noted after that
    while [r["leases"] for r in b.stage.records()] != ["2"] and time.monotonic() < end:
        time.sleep(0.05)
    b.check([r["leases"] for r in b.stage.records()] == ["2"], "one record counts two leases", b.stage.records())
    pid = one.do("(trap '' HUP; exec sleep 1000) >/dev/null 2>&1 & echo $!")
    one.close()
    time.sleep(0.5)
    b.check(two.do(f"cat /tmp/note; kill -0 {pid} && echo alive") == "shared\nalive",
            "when the first logs out, /tmp and its background job stay")
    with b.shell(name) as three:
        b.check(three.do("cat /tmp/note") == "shared", "a third login joins too")
    two.close()
    b.check(b.gone(name), "the last one out ends it", b.stage.records() or "no record")
    with b.shell(name) as four:
        b.check(four.do("ls /tmp") == "", "the next login is in a new session")



def test_a_record_that_cannot_be_read(b):
    """Another box than the first login's isn't what was asked for."""
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with b.shell(name) as one:
        one.do("true")
        more = pathlib.Path(RUN) / "sessions" / f"{b.record_of(name)['id']}.more"
        more.rename(more.with_suffix(".aside"))
        more.mkdir()
        try:
            r = b.ssh(name, "echo in")
        finally:
            more.rmdir()
            more.with_suffix(".aside").rename(more)
        b.check("in" not in r.stdout.split() and f"read {more.name}" in b.log_tail(), "a login that would share it is refused", r.stdout, b.log_tail())
        b.check(b.ssh(name, "echo in").stdout == "in\n", "and is in once it can be read", b.log_tail())


def test_terminals_and_su_share_too(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("echo hi >/tmp/note")
        r = b.run("su", "-", name, "-c", "cat /tmp/note")
        b.check(r.stdout == "hi\n", "su joins the session of an ssh login", r.stdout + r.stderr)
        b.check(t.ask("cat /tmp/note") == "hi", "which goes on after su has ended")
        with Terminal(["su", "-", name]) as second:
            seen = second.ask("tty")
            b.check(seen == "not a tty" and second.ask("echo works") == "works",
                    "a su from a terminal into it works, though its terminal stays outside, "
                    "as nsshell.conf(5) says", seen)
            second.line("exit")
            second.close()
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as third:
            seen = (t.ask("tty"), third.ask("tty"))
            b.check(seen[0] != seen[1], "two ssh -t have two terminals", seen)
            third.line("exit")
            third.close()
        t.line("exit")
        t.close()


def test_many_at_once(b):
    name = b.bob.pw_name
    b.stage.config("Share=account\n")
    logins = [b.stage.sshd.background(name, "readlink /proc/self/ns/mnt; sleep 1.5")
              for _ in range(8)]
    seen = [p.communicate(timeout=patient(30))[0].strip() for p in logins]
    b.check(len(set(seen)) == 1 and seen[0].startswith("mnt:"),
            "eight logins started at once share one box", sorted(set(seen)))
    b.check(b.gone(name), "which ends with them")


def test_a_killed_login_lets_go(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    one, two = b.shell(name), b.shell(name)
    one.do("true")
    two.do("true")
    monitors = [p for p in _sshd_monitors(b)]
    for pid in monitors:
        os.kill(pid, signal.SIGKILL)
    one.close()
    two.close()
    b.check(b.gone(name), "when sshd's processes of all logins are killed the session ends",
            b.stage.records() or "no record", b.log_tail())


def _sshd_monitors(b):
    from harness import kernel  # pylint: disable=import-outside-toplevel
    return [p.pid for p in kernel.processes() if p.ppid == b.stage.sshd.process.pid]


def test_one_that_cannot_be_reached(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with b.shell(name) as one:
        ns = one.do(SHOW_NS)
        path = f"/run/nsshell/sessions/{one.do('echo $NSSHELL_SESSION')}.sock"
        os.rename(path, path + ".aside")
        other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # EPROTOTYPE, unix(7)
        other.bind(path)
        other.listen()
        r = b.ssh(name, "echo got-in")
        b.check(r.returncode != 0 and "got-in" not in r.stdout,
                "a login that can't reach the account's session is refused, and gets no other box",
                r.stdout + r.stderr)
        b.check("look for the account's session" in b.log_tail(), "which the log explains",
                b.log_tail())
        other.close()
        r = b.ssh(name, SHOW_NS)
        b.check(r.returncode == 0 and not set(r.stdout.split()[:2]) & set(ns.split()[:2]),
                "where nobody listens any more there is a box of its own", r.stdout + r.stderr)
        os.rename(path + ".aside", path)
        r = b.ssh(name, SHOW_NS)
        b.check(set(r.stdout.split()) == set(ns.split()), "and reached again, it is joined",
                r.stdout + r.stderr)


class _Stopped:
    """The supervisor of alice's session while it hears nothing, and a login that waits for it."""

    def __init__(self, b, record):
        self.b, self.record = b, record
        self.supervisor = int(record["supervisor_pid"])
        self.path = f"/run/nsshell/sessions/{record['id']}.sock"
        self.crowd = []

    def __enter__(self):
        os.kill(self.supervisor, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        self.go_on()
        for s in self.crowd:
            s.close()

    def go_on(self):
        try:
            os.kill(self.supervisor, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def fill_the_queue(self):
        while len(self.crowd) < 100:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
            self.crowd.append(s)
            try:
                s.connect(self.path)
            except BlockingIOError:
                return True
        return False

    def login(self, command):
        """A login that waits for the session's answer, and for nobody's lock."""
        p = self.b.stage.sshd.background(self.b.alice.pw_name, command)
        end = time.monotonic() + patient(20)
        while not self._waits() and time.monotonic() < end:
            time.sleep(0.02)
        self.b.check(self._waits(), "while its supervisor hears nothing, a login waits to join")
        self.b.check(locks.is_free(locks.of_account(self.b.alice)), "without the account's lock")
        return p

    def _waits(self):
        """In connect(2) where the queue is full, else for an answer: connected, beside who listens (proc(5))."""
        if not self.crowd:
            return pathlib.Path("/proc/net/unix").read_text(encoding="ascii", errors="replace").count(
                self.path) > 1
        for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
            with contextlib.suppress(OSError):
                if comm.read_text(encoding="ascii", errors="replace") == "nsshell-helper\n" and \
                        (comm.parent / "wchan").read_text(encoding="ascii").startswith("unix_wait_for"):
                    return True
        return False


def test_a_session_that_ends_takes_no_login_along(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    for crowd in (False, True):
        record = _lingering(b)
        with _Stopped(b, record) as stopped:
            if crowd:
                b.check(stopped.fill_the_queue(), "where as many wait as may", len(stopped.crowd))
            p = stopped.login(f"{SHOW_NS}; echo $NSSHELL_SESSION")
            _kill_init(b, int(record["init_pid"]))
            stopped.go_on()
            out = p.communicate(timeout=patient(60))[0]
            b.lands_inside("the session having died meanwhile, it has a box of its own", out)
            b.check(record["id"] not in out, "which is another", out)
        b.check(b.gone(name), "and nothing stays behind", b.stage.records(), b.log_tail())


def test_a_session_that_does_not_answer(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\nOnError=allow\n")
    with b.shell(name) as one:
        one.do("true")
        with _Stopped(b, b.record_of(name)) as stopped:
            p = stopped.login("echo got-in")
            out = p.communicate(timeout=patient(100))[0]
            b.check(p.returncode != 0 and "got-in" not in out,
                    "a session that doesn't answer refuses a login, also with OnError=allow", out)
            b.check(b.stage.syslog.wait(f"reach session {stopped.record['id']}: Connection timed"),
                    "the log says which session", b.log_tail())
        b.check(b.ssh(name, "echo $NSSHELL_SESSION").stdout.strip() == stopped.record["id"],
                "when it does again it takes the next one", b.log_tail())
        joined = [x for x in b.stage.syslog.lines() if f"another login of {name} joined" in x]
        b.check(len(joined) == 1, "and not the one that left", joined, b.log_tail())


def _lingering(b):
    """The record of a session of alice's that lingers."""
    b.stage.config("Share=account\nLinger=infinity\n")
    b.ssh(b.alice.pw_name, "sleep 1000 >/dev/null 2>&1 &")
    b.stage.config("Share=account\n")
    return b.record_of(b.alice.pw_name)


def _kill_init(b, pid):
    """With all that is in its box: then it is a child that its supervisor hasn't reaped."""
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + patient(20)
    while not _is_dead(pid) and time.monotonic() < end:
        time.sleep(0.02)
    b.check(_is_dead(pid), "its init is dead")


def _is_dead(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_killed_supervisor_keeps_nobody_out(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    one = b.shell(name)
    one.do("true")
    os.kill(int(b.stage.records()[0]["supervisor_pid"]), signal.SIGKILL)
    r = b.ssh(name, "echo got-in")
    b.check(r.stdout == "got-in\n", "the session's supervisor being killed, the next login has a box",
            r.stdout + r.stderr, b.log_tail())
    one.close()
    b.check(b.gone(name), "and nothing is left of the first", b.stage.records())


def test_two_accounts_never_share(b):
    b.stage.config("Share=account\n")
    with b.shell(b.alice.pw_name) as a, b.shell(b.bob.pw_name) as c:
        b.check(not set(a.do(SHOW_NS).split()[:5]) & set(c.do(SHOW_NS).split()[:5]),
                "alice and bob are in different boxes")
