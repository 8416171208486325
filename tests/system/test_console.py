# SPDX-License-Identifier: BSD-3-Clause
"""login on a terminal, as getty would start it."""

import os
import signal
import subprocess
import time

from harness.pace import patient
from harness.scene import SHOW_NS
from harness.terminal import Terminal


def test_login_on_a_pty(b):
    with Terminal(["login", "-f", b.alice.pw_name], rows=35, columns=105) as t:
        before = os.stat(t.name)
        t.expect(r"\$ ", timeout=20)
        b.lands_inside("login on a console", t.ask(SHOW_NS))
        tty = t.ask("tty")
        b.check(tty.startswith("/dev/"), "tty names a terminal", tty)
        seen = t.ask(f"test -c {tty} && test -w {tty} && echo exists")
        b.check(seen == "exists", "which exists and can be written to", seen)
        seen = t.ask("stty size")
        b.check(seen == "35 105", "stty size is the terminal's", seen)
        st = os.stat(t.name)
        b.check(st.st_uid == b.alice.pw_uid, "on the host the terminal is lent to the user",
                f"uid {st.st_uid}, gid {st.st_gid}, mode {st.st_mode & 0o7777:o}")
        t.jobs_obey(b.check, "login")
        t.line("kill -9 %1; exit; exit")
        end = time.monotonic() + patient(8)
        while time.monotonic() < end and (os.stat(t.name).st_uid != before.st_uid
                                          or t.process.poll() is None):
            t._more(0.05)  # pylint: disable=protected-access
        st = os.stat(t.name)
        b.check(st.st_uid == before.st_uid and st.st_gid == before.st_gid,
                "after logout the terminal is given back",
                f"uid {st.st_uid}, gid {st.st_gid}, mode {st.st_mode & 0o7777:o}")
        t.close()
    end = time.monotonic() + patient(8)
    while b.stage.records() and time.monotonic() < end:
        time.sleep(0.05)
    b.check(not b.stage.records(), "and no record is left", b.stage.records() or "none")


def _logged_in(b, t):
    t.expect(r"\$ ", timeout=20)
    st = os.stat(t.name)
    b.check(st.st_uid == b.alice.pw_uid, "alice logs in on a terminal: it is lent to her", st.st_uid)


def test_a_terminal_of_the_next_user(b):
    """A session may end long after its terminal has gone to somebody else."""
    with Terminal(["login", "-f", b.alice.pw_name]) as t:
        _logged_in(b, t)
        os.chown(t.name, b.plain.pw_uid, 5)
        os.chmod(t.name, 0o600)
        t.line("exit")
        b.check(b.gone(b.alice.pw_name), "her session ends after somebody else has got it")
        st = os.stat(t.name)
        b.check((st.st_uid, st.st_mode & 0o777) == (b.plain.pw_uid, 0o600), "who keeps it",
                f"uid {st.st_uid}, mode {st.st_mode & 0o7777:o}")
        t.close()


def test_a_session_that_lingers(b):
    b.stage.config("Linger=1h\n")
    with Terminal(["login", "-f", b.alice.pw_name]) as t:
        before = os.stat(t.name)
        _logged_in(b, t)
        record = b.record_of(b.alice.pw_name)
        t.line("sleep 1000 & exit")
        end = time.monotonic() + patient(10)
        while time.monotonic() < end and os.stat(t.name).st_uid == b.alice.pw_uid:
            t._more(0.05)  # pylint: disable=protected-access
        st = os.stat(t.name)
        b.check(st.st_uid == before.st_uid and st.st_uid != b.alice.pw_uid,
                "after logout the terminal is given back", f"uid {st.st_uid}")
        states = []
        while states != ["lingering"] and time.monotonic() < end:
            states = [r["state"] for r in b.stage.records() if r["id"] == record["id"]]
        b.check(states == ["lingering"], "though the session lingers", states)
        b.run(b.stage.bin / "nsctl", "stop", record["id"])
        b.check(b.gone(b.alice.pw_name), "until it is ended")
        t.close()


class _Waits:
    """su on a terminal, until it is told to go on."""

    def __init__(self, b, person, terminal):
        self.b, self.person = b, person
        self.go = f"{person.pw_dir}/nst-go"
        self.process = subprocess.Popen(["su", person.pw_name, "-c", f"echo in; until [ -e {self.go} ]; do sleep 0.1; done; rm -f {self.go}"],
                                        stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, cwd="/")
        self.process.stdout.readline()
        self.record = next(r for r in b.stage.records() if r["user"] == person.pw_name and r["state"] != "lingering")

    def out(self):
        with open(self.go, "w", encoding="ascii"):
            pass
        self.process.wait(patient(15))
        self.process.stdout.close()
        end = time.monotonic() + patient(10)
        while [r for r in self.b.stage.records() if r["id"] == self.record["id"] and r["state"] != "lingering"] and \
                time.monotonic() < end:
            time.sleep(0.05)


def test_a_terminal_of_several_users(b):
    """Two of su's in the background: whichever ends first, root's terminal stays nobody else's."""
    master, terminal = os.openpty()
    before = os.fstat(terminal)
    mine = (before.st_uid, before.st_gid, before.st_mode)
    alice, bob = b.alice, b.bob

    def owner():
        st = os.fstat(terminal)
        return "as before" if (st.st_uid, st.st_gid, st.st_mode) == mine else st.st_uid

    for what, first, second, between in (("the first ends first", 0, 1, bob.pw_uid), ("the last ends first", 1, 0, alice.pw_uid)):
        both = [_Waits(b, alice, terminal), _Waits(b, bob, terminal)]
        b.check(owner() == bob.pw_uid, f"su alice, su bob: {what}; at first the terminal is bob's", owner())
        both[first].out()
        b.check(owner() == between, "then it is whose session is open", owner())
        both[second].out()
        b.check(owner() == "as before", "and in the end whose it was", owner(), b.log_tail(4))
    both = [_Waits(b, who, terminal) for who in (alice, bob, b.carol)]
    for one in both:
        one.out()
    b.check(owner() == "as before", "three, one after the other: it is whose it was", owner())
    b.stage.config("Linger=1h\n")
    lingers = _Waits(b, alice, terminal)
    b.stage.config()
    both = [lingers, _Waits(b, bob, terminal)]
    both[0].out()
    both[1].out()
    b.check(owner() == "as before", "where the first one lingers it has it no more", owner())
    b.run(b.stage.bin / "nsctl", "stop", lingers.record["id"])
    both = [_Waits(b, alice, terminal), _Waits(b, bob, terminal)]
    os.kill(int(both[0].record["supervisor_pid"]), signal.SIGKILL)
    both[0].out()
    both[1].out()
    b.run("su", b.carol.pw_name, "-c", "true")
    b.check(b.gone() and owner() == "as before", "where the first one's supervisor is killed, too", owner())
    os.close(terminal)
    os.close(master)


def test_login_hangup(b):
    t = Terminal(["login", "-f", b.alice.pw_name])
    t.expect(r"\$ ", timeout=20)
    t.line("sleep 1000 & nohup sleep 1000 &")
    t.ask("echo hi")
    t.hang_up()
    t.close()
    end = time.monotonic() + patient(10)
    while b.stage.records() and time.monotonic() < end:
        time.sleep(0.05)
    b.check(not b.stage.records(), "a hung-up console login ends its session",
            b.stage.records() or "no record left", b.log_tail())
