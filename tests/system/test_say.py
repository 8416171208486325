# SPDX-License-Identifier: BSD-3-Clause
"""What an account says to the terminals of its sessions: SESSION_SAY, for wall(1) and write(1)."""

import contextlib
import os
import pathlib
import socket
import threading
import time

from harness import ask
from harness.pace import patient
from harness.terminal import Terminal
from test_users import login

ALL, LENT, LIST = -1, -2, -3


def _on_terminal(b, name):
    t = Terminal(b.stage.sshd.argv(name, options=["-tt"]))
    t.line("PS1='re''ady> '")
    t.expect("ready> ")
    return t


def _say(b, session, text, where=ALL, fds=None):
    def say():
        return ask.ask(b.alice.pw_uid, session, ask.SAY, where, [ask.memfd(text)] if fds is None else fds())
    said = ask.as_user(b.alice, say)
    return said[:4] if isinstance(said, tuple) else said


def test_to_all_terminals(b):
    name = b.alice.pw_name
    with _on_terminal(b, name) as t:
        session = b.record_of(name)["id"]
        t.line("python3 -c 'import os, time; p = os.openpty(); print(\"ma\" \"de\", os.ttyname(p[1])); print(os.read(p[0], 99))'")
        made = t.expect(r"made (\S+)").group(1)
        said = _say(b, session, b"lunch is ready\n")
        b.check(said[:2] == (0, 2), "both terminals of a session take what is said to it", said)
        b.check(t.expect("lunch is ready") and t.expect(r"b'lunch is ready\\r\\n'"), f"it appears on them, {made} too", t.seen[-200:])
        t.expect("ready> ")
        said = _say(b, session, b"a\x1b]0;evil\x07b \x9b2J \xc2\x9b2J \0end \xe2\x82\xac\n")
        t.expect("end")
        b.check("a?]0;evil" in t.seen and "?2J ??2J ?end \u20ac" in t.seen and "\x1b]0;evil" not in t.seen, "what would steer a terminal doesn't",
                repr(t.seen[-60:]))
        said = _say(b, session, b"only here\n", 0)
        b.check(said[:2] == (0, 1) and t.expect("only here"), "to one of them", said)
        listed = _say(b, session, b"", LIST, lambda: [])
        b.check(listed[0] == 0 and listed[3].split()[0::3] == ["pts/0"] and listed[3].split()[2] in "yn", "which are listed", listed)
        t.line("mesg n")
        t.expect("ready> ")
        listed = _say(b, session, b"", LIST, lambda: [])
        b.check(listed[3].split()[2] == "n", "with what mesg(1) says", listed)
        t.line("exit")


def test_to_a_lent_terminal(b):
    with Terminal(["login", "-f", b.alice.pw_name]) as t:
        t.expect(r"\$ ", timeout=20)
        session = b.record_of(b.alice.pw_name)["id"]
        listed = _say(b, session, b"", LIST, lambda: [])
        b.check(listed[3].split()[0] == t.name[len("/dev/"):], "the terminal that a login was lent is listed by its name outside", listed)
        said = _say(b, session, b"lunch is ready\n")
        b.check(said[:2] == (0, 1) and t.expect("lunch is ready"), "and takes what is said to all", said)
        said = _say(b, session, b"only here\n", LENT)
        b.check(said[:2] == (0, 1) and t.expect("only here"), "or to it", said)
        t.line("exit")


def test_what_is_not_taken(b):
    name = b.alice.pw_name
    with _on_terminal(b, name) as t:
        session = b.record_of(name)["id"]
        said = _say(b, session, b"x" * 16384 + b"\n")
        b.check(said[0] == 1 and "too much" in said[2], "more than 16 KB: refused", said)
        said = _say(b, session, b"x" * 100 + b"\n" + b"y" * 8000 + b"\n")
        b.check(said[:2] == (0, 1) and t.expect("yyyy\nready|y{79}"), "8 KB aren't", said)
        for where in (7, 2 ** 31 - 1, 1):
            said = _say(b, session, b"x", where)
            b.check(said[:2] == (0, 0), f"a terminal that there isn't, {where}: nobody took it", said)
        said = _say(b, session, b"x", -4)
        b.check(said[0] == 1, "to something else: refused", said)
        said = _say(b, session, b"x", LENT)
        b.check(said[:2] == (0, 0), "to a terminal that wasn't lent: nobody took it", said)
        home = b.alice.pw_dir
        kinds = {
            "nothing": lambda: [], "two": lambda: [ask.memfd(b"x"), ask.memfd(b"x")], "a pipe": lambda: [os.pipe()[0]],
            "a directory": lambda: [os.open(home, os.O_RDONLY)], "a file": lambda: [os.open("/etc/passwd", os.O_RDONLY)],
            "an O_PATH": lambda: [os.open("/etc/passwd", os.O_PATH)], "a device": lambda: [os.open("/dev/zero", os.O_RDONLY)],
            "a terminal": lambda: [os.openpty()[0]], "a socket": lambda: [socket.socketpair()[0].detach()],
            "a pidfd": lambda: [os.pidfd_open(os.getpid())], "a memfd that can only be written": _write_only}
        for what, fds in kinds.items():
            said = _say(b, session, b"", ALL, fds)
            b.check(isinstance(said, tuple) and said[0] == 1 and "what is to be said" in said[2], f"{what} in place of a text: refused", said)
        said = _say(b, session, b"")
        b.check(said[0] == 0 and t.ask("echo there") == "there", "nothing said is nothing shown, and the session goes on", said)
        t.line("exit")


def _write_only():
    fd = ask.memfd(b"x")
    return [os.open(f"/proc/self/fd/{fd}", os.O_WRONLY)]


def test_a_terminal_that_takes_nothing(b):
    """Stopped by ^S, or with nobody who reads: neither the session nor who speaks waits for it."""
    name = b.alice.pw_name
    with login(b, name) as s:
        session = b.record_of(name)["id"]
        s.do("(python3 -c 'import os, pty, time; p = os.openpty(); os.set_blocking(p[1], False)\nwhile True:\n try: os.write(p[1], b\"x\" * 4096)\n"
             " except BlockingIOError: break\nopen(\"full\", \"w\").close(); time.sleep(60)' & echo $! >pid) >&- 2>&- </dev/null")
        _appears(f"{b.alice.pw_dir}/full")
        began = time.monotonic()
        said = _say(b, session, b"hello\n" * 100)
        took = time.monotonic() - began
        b.check(said[:2] == (0, 0) and took < patient(2), "a terminal that is full doesn't take it, and isn't waited for", said, f"{took:.2f} s")
        s.do("kill $(cat pid); rm -f pid full")


def _appears(path):
    end = time.monotonic() + patient(10)
    while not pathlib.Path(path).exists() and time.monotonic() < end:
        time.sleep(0.02)


def _flood(uid, session, n):
    """As many at once as there are; how many were done, and how many refused with a sentence."""
    done, refused, failed = [], [], []

    def one():
        with contextlib.suppress(OSError):
            said = ask.ask(uid, session, ask.SAY, ALL, [ask.memfd(b"flood\n")], timeout=60)
            (refused if said and said[0] else done if said else failed).append(said and said[2])
    threads = [threading.Thread(target=one) for _ in range(n)]
    for t in threads:
        t.start()
    record = ask.ask(uid, session, ask.RECORD, timeout=60)
    signal = ask.ask(uid, session, ask.SIGNAL, 18, timeout=60)
    for t in threads:
        t.join()
    return len(done), len(refused), set(refused), record[0], signal[0]


def test_hundreds_at_once(b):
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with _on_terminal(b, name) as t:
        session = b.record_of(name)["id"]
        said = ask.as_user(b.alice, _flood, uid, session, 300)
        b.check(isinstance(said, tuple) and said[0] + said[1] > 0 and said[3:] == (0, 0) and said[2] <= {f"session {session} has been given as many commands as it takes at once"},
                "hundreds at once: each is said or refused, and the session answers all else meanwhile", said)
        t.line("echo the''re")
        b.check(t.expect("there", timeout=30), "and goes on")
        t.line("exit")
    b.check(b.gone(name), "and ends")


def test_nobody_elses(b):
    name = b.alice.pw_name
    with _on_terminal(b, name) as t:
        session = b.record_of(name)["id"]

        def say():
            return ask.ask(b.alice.pw_uid, session, ask.SAY, ALL, [ask.memfd(b"boo\n")])
        said = ask.as_user(b.bob, say)
        b.check(not isinstance(said, tuple), "bob says something to alice's session: refused", said)
        b.check("boo" not in t.ask("echo there") and "boo" not in t.seen, "nothing is shown")
        t.line("exit")
