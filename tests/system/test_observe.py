# SPDX-License-Identifier: BSD-3-Clause
"""nsjoin --observe: looking at a terminal, and only that."""

import os
import signal
import subprocess
import time

from harness.pace import patient
from harness.terminal import Terminal
from test_door import door_of


def _look(b, name):
    return subprocess.Popen([str(b.stage.bin / "nsjoin"), "--observe", name],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def test_looking_at_a_terminal(b):
    name = b.alice.pw_name
    with door_of(b, b.alice), Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("true")
        one = _look(b, name)
        t.expect(r"root\b.*\n")
        b.check(True, "nsjoin --observe: the user is told")
        two = _look(b, name)
        t.expect(r"root\b.*\n")
        for p in (one, two):
            p.stdin.write(b"touch ~/typed\n")
            p.stdin.flush()
        t.ask("echo se''en")
        b.check(not os.path.exists(f"{b.alice.pw_dir}/typed"),
                "nothing that an observer types goes in")
        two.send_signal(signal.SIGINT)
        two.wait(10)
        b.check(t.ask("echo still") == "still", "an observer's Ctrl-C ends only that observer")
        t.line("exit")
        t.close()
        out, err = one.communicate(timeout=patient(10))
        b.check(b"seen" in out and b"still" in out and one.returncode == 0,
                "what the terminal shows is shown, until the login ends", out[-200:], err)
        b.check(b.stage.syslog.lines(rf"observes the session of {name}"), "the log tells it",
                b.stage.syslog.lines("observes")[-1:])
        two.communicate()


def test_nothing_to_look_at(b):
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("true")
        r = b.run(b.stage.bin / "nsjoin", "--observe", name)
        b.check(r.returncode == 125 and "no terminal to look at" in r.stderr,
                "a login without nsshell's pty can't be looked at, and nsjoin says so",
                r.stdout + r.stderr)
    with door_of(b, b.alice):
        p = b.stage.sshd.background(name, "sleep 3")
        end = time.monotonic() + patient(5)
        while not any(r.get("state") == "open" for r in b.stage.records()) and \
                time.monotonic() < end:
            time.sleep(0.05)
        r = b.run(b.stage.bin / "nsjoin", "--observe", name)
        b.check(r.returncode == 125 and "no terminal to look at" in r.stderr,
                "nor can one through nsshell without a terminal", r.stdout + r.stderr)
        p.communicate()
