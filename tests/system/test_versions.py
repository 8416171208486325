# SPDX-License-Identifier: BSD-3-Clause
"""Records as other versions of nsshell have them: what is open over an upgrade, and over a downgrade."""

import os
import pathlib
import re
import signal
import time

from harness import kernel
from harness.pace import patient
from harness.scene import SHOW_NS, json_of
from test_layers import _disk

SESSIONS = pathlib.Path("/run/nsshell/sessions")
# What the first versions had, and we only need for comfort.
COMFORT = ("service=", "rhost=", "tty=", "since=", "caller_", "leases=", "line=", "lent_", "pids=")


def _change(b, name, how):
    """The record of the account's one session, its lines changed. Return: its id."""
    path = SESSIONS / b.record_of(name)["id"]
    lines = how(path.read_text(encoding="utf-8").splitlines())
    path.write_text("".join(x + "\n" for x in lines), encoding="utf-8")
    return path.name


def _list(b):
    return (json_of(b.nsctl("list", "--json", "-o", "id,user,state")) or {}).get("sessions")


def test_a_record_of_a_newer_and_an_older_version(b):
    """One with keys that are new, one without those that were given up: nothing is different."""
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    for age, how in (("newer", lambda lines: [*lines, "colour=red", "tint="]),
                     ("older", lambda lines: [x for x in lines if not x.startswith(COMFORT)])):
        with b.shell(name) as s:
            inside = s.do(SHOW_NS)
            session = _change(b, name, how)
            b.check(_list(b) == [{"id": session, "user": name, "state": "open"}], f"nsctl list has the session of a {age} version", _list(b))
            r = b.run(b.stage.bin / "nsjoin", session, "sh", "-c", SHOW_NS)
            b.check(sorted(r.stdout.split()) == sorted(inside.split()), "nsjoin steps into it", r.stdout + r.stderr)
            r = b.ssh(name, SHOW_NS)
            b.check(sorted(r.stdout.split()) == sorted(inside.split()), "a second login shares it", r.stdout + r.stderr)
            _change(b, name, how)
            r = b.nsctl("set", "-c", b.stage.conf, name, "TasksMax=77")
            b.check(r.returncode == 0, "nsctl set changes its limits", r.stdout + r.stderr)
            r = b.nsctl("stop", session)
            b.check(r.returncode == 0 and b.gone(name), "nsctl stop ends it", r.stdout + r.stderr)


def _unknown(b, s, session, user):
    name = b.alice.pw_name
    inside = s.do(SHOW_NS)
    said = b.nsctl("list", "--raw", "-o", "id,user,state")
    b.check([session, user, "unknown"] in [x.split() for x in said.stdout.splitlines()] and "nsctl stop" in said.stderr,
            "nsctl list has it all the same, and says what to do", said.stdout + said.stderr)
    r = b.run(b.stage.bin / "nsjoin", session, "true")
    b.check(r.returncode == 125 and f"nsctl stop {session}" in r.stderr, "nsjoin doesn't step into it, and says why", r.stdout + r.stderr)
    r = b.ssh(name, SHOW_NS)
    b.check(r.stdout and not set(r.stdout.split()) & set(inside.split()), "a login isn't refused for it, and has another box", r.stdout + r.stderr)
    b.check(b.stage.syslog.lines(f"another box than session {session}"), "of which the log says why")
    r = b.nsctl("status", session)
    b.check(r.returncode == 0 and f"nsctl stop {session}" in r.stdout and not re.search(r"\(uid |open since|root of it|user \d", r.stdout),
            "nsctl status shows it, says what to do, and nothing that it doesn't know", r.stdout + r.stderr)
    r = b.nsctl("status", "--json", session)
    b.check(json_of(r) and json_of(r)["sessions"][0]["root"] is None and "4294967295" not in r.stdout,
            "as JSON, too", r.stdout + r.stderr)
    r = b.nsctl("check", "--brief", "--config", b.stage.conf)
    b.check(re.search(f"(?m)^warning: session {session} of .* can't be understood.*nsctl stop", r.stdout),
            "nsctl check warns of it", r.stdout + r.stderr)
    r = b.nsctl("stop", session)
    b.check(r.returncode == 0 and "has ended" in r.stdout and not (SESSIONS / session).exists() and b.gone(name),
            "nsctl stop ends it", r.stdout + r.stderr)


def test_a_record_that_says_more_than_is_understood(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    for what, user, how in (("a key that nobody may pass over", name, lambda lines: [*lines, "!colour=red"]),
                            ("no supervisor", name, lambda lines: [x for x in lines if not x.startswith("supervisor_")]),
                            ("nothing at all", "?", lambda lines: ["\x7fELF"]),
                            ("more lines than any has", "?", lambda lines: lines * 200)):
        with b.shell(name) as s:
            s.do("true")
            session = _change(b, name, how)
            b.check(True, f"a record with {what}")
            _unknown(b, s, session, user)


def test_one_whose_supervisor_was_killed(b):
    """What it left is found by its control group."""
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("sleep 1000 & echo")
        supervisor = int(b.record_of(name)["supervisor_pid"])
        session = _change(b, name, lambda lines: [x for x in lines if not x.startswith(("init_", "supervisor_"))])
        os.kill(supervisor, signal.SIGKILL)
    end = time.monotonic() + patient(20)
    while [p for p in kernel.processes() if p.uid == b.alice.pw_uid] and time.monotonic() < end:
        time.sleep(0.05)  # its init has died with it, and takes them along
    r = b.nsctl("gc")
    b.check(r.returncode == 0 and not (SESSIONS / session).exists(), "nsctl gc takes away what a crash left of one", r.stdout + r.stderr)
    b.check(not [p for p in kernel.processes() if p.uid == b.alice.pw_uid], "nobody is left")


def test_an_upper_that_may_be_mounted(b):
    """Where a session that isn't understood may have it, a login can't: it says what to do."""
    name = b.alice.pw_name
    with _disk(b), b.shell(name) as s:
        s.do("true")
        session = _change(b, name, lambda lines: [*lines, "!colour=red"])
        r = b.ssh(name, "echo in")
        said = b.stage.syslog.lines(f"end session {session} first")
        b.check("in" not in r.stdout.split() and said, "a login is refused, and the log says which session is in its way", r.stdout + r.stderr)
        r = b.nsctl("stop", session)
        b.check(r.returncode == 0 and b.ssh(name, "echo in").stdout == "in\n", "once that has ended it isn't", r.stdout + r.stderr)
