# SPDX-License-Identifier: BSD-3-Clause
"""What an account says to the terminals of its sessions: SESSION_SAY, for wall(1) and write(1)."""

import contextlib
import os
import pathlib
import re
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
        # Which of them has it first is the kernel's.
        t.expect(r"b'lunch is ready\\r\\n'")
        t.expect("ready> ")
        b.check(re.search("^lunch is ready", t.seen, re.M) or t.expect("^lunch is ready"), f"it appears on them, {made} too", t.seen[-200:])
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
        # The kernel makes room again, once or twice.
        s.do("(python3 -c 'import os, time; p = os.openpty(); os.set_blocking(p[1], False); n = 0\nwhile True:\n try: os.write(p[1], b\"x\" * 4096)\n"
             " except BlockingIOError:\n  n += 1; time.sleep(0.001)\n  if n == 100: open(\"full\", \"w\").close()' & echo $! >pid) >&- 2>&- </dev/null")
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
        b.check(isinstance(said, tuple) and said[0] + said[1] > 0 and said[3:] == (0, 0) and
                all(x.startswith(f"session {session} has been given as many commands as it takes at once") for x in said[2]),
                "hundreds at once: each is said or refused, and the session answers all else meanwhile", said)
        t.line("echo the''re")
        b.check(t.expect("there", timeout=30), "and goes on")
        t.line("exit")
    b.check(b.gone(name), "and ends")


test_hundreds_at_once.later = "many of what say.write does once"


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


# ---- wall and write, as users have them ---------------------------------------------------------------


def _has(b, program):
    there = os.path.exists(f"/usr/bin/{program}")
    if not there:
        b.skip(f"{program} in a box", f"no {program} on this machine")
    return there


def test_wall(b):
    if not _has(b, "wall"):
        return
    name = b.alice.pw_name
    with _on_terminal(b, name) as one, _on_terminal(b, name) as two, _on_terminal(b, b.bob.pw_name) as bobs, login(b, name) as s:
        host = s.do("hostname")
        seen = s.do("wall lunch is ready; echo $?")
        b.check(seen == "0", "wall says something", seen)
        for t in (one, two):
            b.check(t.expect(rf"Broadcast message from {name}@{host} \(somewhere\) \(.*20\d\d\):\x07\x07\n\nlunch is ready\n\n"),
                    "a terminal of another session of the account has it, with who, where and when", repr(t.seen[-200:]))
        b.check("lunch" not in bobs.ask("true") and "lunch" not in bobs.seen, "nobody else's has")
        one.line("echo 'from standard input' | wall")
        b.check(one.expect(r"\(pts/0\) .*\n\nfrom standard input") and two.expect("from standard input"), "from a terminal, of its standard input", two.seen[-100:])
        seen = s.do("echo 'in a file' >said; wall said; rm said; echo $?")
        b.check(two.expect("in a file") and seen == "0", "of a file", seen)
        seen = s.do("printf 'a\\0b \\033[2J c\\n' | wall; echo $?")
        b.check(two.expect(r"a\?b \?\[2J c") and seen == "0", "with a 0 byte and an escape sequence", repr(two.seen[-60:]))
        seen = s.do("head -c 20000 /dev/zero | tr '\\0' x | wall; echo $?")
        b.check("too much" in seen and seen.endswith("1"), "more than is said at once: refused", seen)
        seen = s.do("wall -n x; echo $?; wall -t 10 with -t; echo $?")
        b.check("-n is for root" in seen and seen.split()[-2:] == ["1", "0"] and two.expect("with -t"), "-n is root's, -t is taken", seen)
        for t in (one, two, bobs):
            t.line("exit")


def test_write(b):
    if not _has(b, "write"):
        return
    name, bob = b.alice.pw_name, b.bob.pw_name
    with _on_terminal(b, name) as one, _on_terminal(b, name) as two, _on_terminal(b, bob) as bobs, login(b, name) as s:
        host = s.do("hostname")
        for words, said in ((bob, f"write: {bob} is not logged in"), ("root", "write: root is not logged in"), ("nst-none", "write: nst-none is not logged in"),
                            (f"{name} pts/77", f"write: {name} is not logged in on pts/77"), (f"{name} ../../etc", f"write: {name} is not logged in on ../../etc")):
            seen = s.do(f"echo hi | write {words}; echo $?")
            b.check(seen.split("\n") == [said, "1"], f"write {words}: refused as write(1) does", seen)
        seen = s.do("write; echo $?")
        b.check(seen.startswith("Usage:") and seen.endswith("1"), "write alone: the usage", seen)
        two.line("mesg y; echo do''ne")
        two.expect("done")
        one.line("mesg n; echo do''ne")
        one.expect("done")
        seen = s.do(f"printf 'one line\\nand another\\n' | write {name}; echo $?")
        b.check(seen == "0" and two.expect(rf"Message from {name}@{host} on no terminal at \d\d:\d\d \.\.\.\none line\nand another\nEOF"),
                "to oneself: on the terminal where mesg(1) lets one", seen, repr(two.seen[-200:]))
        ids = {r["line"]: r["id"] for r in b.stage.records() if r["user"] == name and r["line"]}
        mesg = {i: ask.as_user(b.alice, ask.ask, b.alice.pw_uid, i, ask.SAY, LIST)[3] for i in ids.values()}
        for tty, session in ids.items():
            is_open = " y" in mesg[session]
            # "pts/0" is what each of them is called in its own box, too.
            for where in (session,) if tty == "pts/0" else (tty, f"/dev/{tty}", session):
                seen = s.do(f"echo to {where} | write {name} {where}; echo $?")
                b.check(seen == "0" and two.expect(f"to {where}") if is_open else "has messages disabled on" in seen and seen.endswith("1"),
                        f"to {where}: {'said' if is_open else 'not where mesg(1) says no'}", seen)
        two.line(f"mesg n; echo hi | write {name} | cat")
        b.check(two.expect("has messages disabled|write permission turned off"), "nor from where nobody could answer", two.seen[-100:])
        two.line(f"mesg y; write {name} pts/0")
        two.expect(r"Message from")
        two.type("typed\n")
        b.check(two.expect("typed\ntyped"), "what is typed comes line by line", two.seen[-100:])
        two.type("\x03")
        b.check(two.expect("EOF"), "until it is interrupted", two.seen[-100:])
        b.check(" hi" not in bobs.ask("true"), "nobody else sees any of it", bobs.seen[-100:])
        for t in (one, two, bobs):
            t.line("exit")
