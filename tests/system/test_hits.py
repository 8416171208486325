# SPDX-License-Identifier: BSD-3-Clause
"""A limit that is hit is told to who hit it, and to the log; and a session's end tells totals."""

import re
import time

from harness.terminal import Terminal, Timeout
from test_limits import BOMB, HOG, _has_cgroups, _is_safe_to_bomb

KILLED = r"nsshell: session (\w+): the memory limit of 100M is reached: \d+ process.*MemoryMax=.*TmpSize=.*UpperSize="
REFUSED = r"nsshell: session (\w+): the limit of 60 processes and threads is reached.*TasksMax="


def _terminal(b, user):
    t = Terminal(b.stage.sshd.argv(user, options=["-tt"]))
    t.line("PS1='re''ady> '; stty -echo")
    t.expect("ready> ")
    return t


def _appears(t, pattern, timeout=15):
    """Wherever on the terminal it stands."""
    end = time.monotonic() + timeout
    while not re.search(pattern, t.seen) and time.monotonic() < end:
        try:
            t.expect(pattern, 0.2)
        except Timeout:
            pass
    return re.search(pattern, t.seen)


def _run(t, command):
    t.line(f"{command}; echo sta''tus $?")
    return t.expect(r"status (\d+)").group(1)


def test_memory_is_told(b):
    if not _has_cgroups(b, "memory"):
        return
    b.stage.config("MemoryMax=100M\n")
    with _terminal(b, b.alice.pw_name) as t, _terminal(b, b.bob.pw_name) as other:
        b.check(_run(t, HOG) == "137", "a program that takes too much is killed", t.seen[-200:])
        told = _appears(t, KILLED)
        record = b.record_of(b.alice.pw_name)
        b.check(told and told.group(1) == record["id"], "the terminal says which limit it was",
                told or t.seen[-200:])
        _run(t, HOG)
        _run(t, HOG)
        _run(t, "sleep 1.5")
        b.check(len(re.findall(KILLED, t.seen)) == 1, "not more than once a minute",
                re.findall(KILLED, t.seen))
        other.line("echo qui''et")
        other.expect("quiet")
        b.check("nsshell" not in other.seen, "and nobody else's terminal says anything",
                other.seen[-100:])
    lines = b.stage.syslog.wait(rf"session {record['id']} of .* the memory limit")
    b.check(len(lines) == 1, "the log has one line of it", lines)
    closed = b.stage.syslog.wait(rf"session {record['id']} of .* closed")
    b.check(closed and re.search(r"closed after \d+ s, consumed [\d.]+m?s of CPU time, "
                                 r"\S+M memory peak.* 3 killed for want of memory", closed[0]),
            "the end of the session is logged with what it used", closed)


def test_a_lent_terminal_is_told(b):
    if not _has_cgroups(b, "memory"):
        return
    b.stage.config("MemoryMax=100M\n")
    with Terminal(["su", "-", b.alice.pw_name]) as t:
        t.line("PS1='re''ady> '; stty -echo")
        t.expect("ready> ")
        _run(t, HOG)
        b.check(_appears(t, KILLED), "su's terminal says it, too", t.seen[-150:])


def test_tasks_are_told(b):
    if not _has_cgroups(b, "pids"):
        return
    b.stage.config("TasksMax=60\n")
    if not _is_safe_to_bomb(b, 60):
        return
    with _terminal(b, b.alice.pw_name) as t:
        t.line(BOMB)
        told = _appears(t, REFUSED)
        record = b.record_of(b.alice.pw_name)
        b.check(told and told.group(1) == record["id"], "too many processes: the terminal says so",
                told or t.seen[-200:])
        t.line("exit")
    lines = b.stage.syslog.wait(rf"session {record['id']} of .* processes and threads")
    b.check(len(lines) == 1, "and so does the log", lines)
