# SPDX-License-Identifier: BSD-3-Clause
"""Who is in, as the host's own programs have it: who, lastlog, and wall the other way."""

import os
import shutil
import struct
import time

from harness import kernel
from harness.observe import utmp
from harness.pace import patient
from harness.terminal import Terminal

_LASTLOG = struct.Struct("i32s256s")


def _entries(b, user):
    return [(kind, line, host) for kind, line, name, host in utmp() if kind == 7 and name == user.pw_name]


def _appear(b, user):
    end = time.monotonic() + patient(5)
    while not _entries(b, user) and time.monotonic() < end:
        time.sleep(0.05)
    return _entries(b, user)


def _last(user):
    with open("/var/log/lastlog", "rb") as f:
        f.seek(user.pw_uid * _LASTLOG.size)
        raw = f.read(_LASTLOG.size)
    if len(raw) < _LASTLOG.size:
        return 0, ""
    when, line, _ = _LASTLOG.unpack(raw)
    return when, line.split(b"\0")[0].decode()


def test_only_who_has_a_terminal_is_in(b):
    before = _last(b.alice)
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        time.sleep(0.3)  # there is no moment at which none has been written
        b.check(not _entries(b, b.alice), "a login without a terminal, as scp and rsync are: who doesn't count it",
                _entries(b, b.alice))
        b.check(_last(b.alice) == before, "nor does lastlog know of it", _last(b.alice))
        b.check(b.record_of(b.alice.pw_name)["logged_in"] == "0", "nor the record")
        s.do("python3 -c 'import os, time; p = os.openpty(); time.sleep(0.2)'")
        seen = _appear(b, b.alice)
        b.check(len(seen) == 1, "until it makes a terminal", seen)
    b.check(b.gone(), "it ends")
    b.check(not _entries(b, b.alice), "and isn't in any more", _entries(b, b.alice))


def test_wall_arrives(b):
    with Terminal(b.stage.sshd.argv(b.alice.pw_name, options=["-tt"])) as t:
        t.line("PS1='re''ady> '")
        t.expect("ready> ")
        seen = _appear(b, b.alice)
        b.check(len(seen) == 1 and seen[0][1].startswith("pts/"), "a login with a terminal is in", seen)
        if not seen:
            return
        when, line = _last(b.alice)
        b.check(abs(when - time.time()) < 60 and line == seen[0][1], "lastlog has it", (when, line))
        st = os.stat("/dev/" + seen[0][1])
        b.check((st.st_uid, st.st_gid, st.st_mode & 0o777) == (0, 0, 0o600),
                "its terminal on the host is root's alone", f"{st.st_uid}:{st.st_gid} {st.st_mode & 0o777:o}")
        b.run("wall", "the host goes down at noon")
        b.check(t.expect("the host goes down at noon"), "what root tells everybody with wall(1) appears on it")
        with open("/dev/" + seen[0][1], "wb", buffering=0) as f:
            f.write(b"\x1b]0;evil\x07 a\0 \x9b2J \xc2\x9b2J plain\n")
        t.expect("plain")
        b.check("\x1b]0;evil" not in t.seen and "?]0;evil\x07 a? ?2J ??2J plain" in t.seen, "what would steer a terminal doesn't",
                t.seen[-200:])
        t.line("exit")
    b.check(b.gone() and not _entries(b, b.alice), "the entry goes with the session", _entries(b, b.alice))


def test_a_killed_supervisor_leaves_no_entry(b):
    with Terminal(b.stage.sshd.argv(b.alice.pw_name, options=["-tt"])) as t:
        t.line("PS1='re''ady> '")
        t.expect("ready> ")
        b.check(_appear(b, b.alice), "she is in")
        kernel.kill_and_wait(int(b.record_of(b.alice.pw_name)["supervisor_pid"]))
        b.ssh(b.bob.pw_name, "true")
    # The login doesn't wait for that: its supervisor does it once the login is in.
    b.check(b.gone(), "both sessions are over")
    b.check(not _entries(b, b.alice), "the next login of anybody takes the entry away", _entries(b, b.alice))


def test_cron_and_su_are_no_logins(b):
    before = _last(b.alice)
    b.run("su", b.alice.pw_name, "-c", "sleep 0.3")
    b.check(_last(b.alice) == before, "su writes no lastlog", _last(b.alice))
    with Terminal(["su", "-", b.alice.pw_name]) as t:
        t.line("PS1='re''ady> '")
        t.expect("ready> ")
        b.check(not _entries(b, b.alice), "who doesn't count su", _entries(b, b.alice))
        t.line("exit")


def _on_terminal(b, name, **kw):
    t = Terminal(b.stage.sshd.argv(name, options=["-tt"]), **kw)
    t.line("PS1='re''ady> '")
    t.expect("ready> ")
    return t


def _told(b, words, terminals, did):
    """What root says on the host is on each of them, once."""
    b.run("wall", words)
    for who, t in terminals.items():
        try:
            t.expect(words)
            t.line("echo be''hind")
            t.expect("behind")
        except Exception as e:  # pylint: disable=broad-except
            b.check(False, f"{did}: on {who}", e)
            continue
        b.check(t.seen.count(words) == 1, f"{did}: on {who}, once", t.seen[-200:])


def test_wall_on_every_terminal(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with _on_terminal(b, name) as one, _on_terminal(b, name) as two:
        _appear(b, b.alice)
        r = b.run(b.stage.bin / "nsctl", "list", "--raw", "--noheadings", "-o", "id")
        b.check(len(r.stdout.split()) == 1, "two logins, one session", r.stdout)
        with Terminal([str(b.stage.bin / "nsjoin"), name]) as root:
            root.line("PS1='re''ady> '")
            root.expect("ready> ")
            _told(b, "the host goes down at noon", {"the first login's": one, "another login's": two, "nsjoin's": root}, "Share=account")
            root.line("exit")
        for t in (one, two):
            t.line("exit")
    b.gone(name)
    b.stage.config()
    with Terminal(["login", "-f", name]) as t:
        t.expect(r"\$ ", timeout=20)
        _appear(b, b.alice)  # who is at a terminal is noted once the shell is there
        _told(b, "the host goes down at one", {"the terminal": t}, "a login on a console")
        t.line("exit")
    b.gone(name)


def test_wall_where_the_first_was_no_login(b):
    """Share=account: whoever is in by su, and then by ssh."""
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with Terminal(["su", "-", name]) as su:
        su.line("PS1='re''ady> '")
        su.expect("ready> ")
        with _on_terminal(b, name) as t:
            b.check(len(b.stage.records()) == 1, "su, and then ssh: one session", b.stage.records())
            seen = _appear(b, b.alice)
            b.check(len(seen) == 1 and seen[0][1].startswith("pts/") and f"/dev/{seen[0][1]}" != su.name, "who knows of the login by ssh", seen)
            _told(b, "the host goes down at two", {"its terminal": t}, "ssh after su")
            t.line("exit")
        su.line("exit")
    b.check(b.gone(name) and not _entries(b, b.alice), "the entry goes with the session", _entries(b, b.alice))


def test_wall_behind_another_terminal(b):
    """A terminal that is shown on another one isn't told twice."""
    name = b.alice.pw_name
    b.stage.config("Record=yes\n")
    with _on_terminal(b, name) as t:
        _appear(b, b.alice)
        nsshell = str(b.stage.build / "bin" / "nsshell")
        shown = b.stage.open / "nsshell"
        shutil.copy(nsshell, shown)
        t.line(f"exec {shown}")
        t.line("PS1='be''hind> '")
        t.expect("behind> ")
        b.check("/dev/pts/1" in t.ask("tty"), "the shell is behind a second terminal", t.seen[-100:])
        _told(b, "the host goes down at three", {"it": t}, "Record=yes")
        shown.unlink()
        t.line("exit")
    b.gone(name)
    b.stage.config()
    if not os.path.exists("/usr/bin/newgrp"):
        b.skip("wall behind newgrp", "no newgrp on this machine")
        return
    with _on_terminal(b, name) as t:
        _appear(b, b.alice)
        t.line(f"newgrp {b.proj.gr_name}")
        t.line("PS1='be''hind> '")
        t.expect("behind> ")
        _told(b, "the host goes down at four", {"it": t}, "newgrp")
        t.hang_up()
    b.gone(name)
