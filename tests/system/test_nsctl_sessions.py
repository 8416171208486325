# SPDX-License-Identifier: BSD-3-Clause
"""nsctl on running sessions: looking at them, stopping, signalling, pausing."""

import os
import re
import signal
import time

from harness import kernel
from harness.scene import json_of
from test_limits import _has_cgroups


def test_list_shows_what_sessions_use(b):
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("x=$(head -c 30000000 /dev/zero | tr '\\0' x); i=0; "
             "while [ $i -lt 200000 ]; do i=$((i+1)); done")
        r = b.nsctl("list", "--json", "-o", "id,user,processes,memory,cpu,state,peak,tasks")
        rows = (json_of(r) or {}).get("sessions", [])
        row = rows[0] if rows else {}
        b.check(row.get("user") == name and row.get("memory", 0) > 10e6
                and row.get("cpu", 0) > 0.1 and row.get("state") == "open",
                "nsctl list --json: memory in bytes, CPU in seconds", row, r.stderr)
        b.check(row.get("peak", 0) >= row.get("memory", 1), "the peak is no less")
        r = b.nsctl("list")
        b.check(r.returncode == 0 and "MEMORY" in r.stdout and "CPU" in r.stdout,
                "nsctl list has them in words", r.stdout)
        r = b.nsctl("list", "-o", "id,colour")
        b.check(r.returncode == 1 and "colour" in r.stderr, "an unknown column is refused",
                r.stderr)
    r = b.run(b.stage.bin / "nsctl", "list", user=b.plain.pw_uid, group=b.plain.pw_gid,
              extra_groups=[])
    b.check(r.returncode == 0 and r.stdout + r.stderr == "",
            "an ordinary user without a session sees none", r.stdout + r.stderr)


def test_limits_as_columns(b):
    if not _has_cgroups(b, "memory", "pids", "cpu"):
        return
    b.stage.config("MemoryMax=300M\nTasksMax=77\nCPUQuota=150%\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        columns = "id,MemoryMax,TasksMax,CPUQuota"
        for command in (("list",), ("top", "-b", "-d", "100ms")):
            r = b.nsctl(*command, "--json", "-o", columns)
            row = ((json_of(r) or {}).get("sessions") or [{}])[0]
            b.check((row.get("memorymax"), row.get("tasksmax"), row.get("cpuquota"))
                    == (300 << 20, 77, 150), f"nsctl {command[0]} -o {columns}", row, r.stderr)
        r = b.nsctl("list", "-rn", "-o", columns.partition(",")[2])
        b.check(r.stdout == "300M 77 150\n", "in words", r.stdout)
        b.nsctl("set", "-c", str(b.stage.conf), b.alice.pw_name, "MemoryMax=infinity", "TasksMax=78")
        r = b.nsctl("list", "-rn", "-o", "memorymax,tasksmax")
        b.check(r.stdout == "infinity 78\n", "those that hold now", r.stdout)
        row = (json_of(b.nsctl("list", "-J", "-o", "memorymax")) or {}).get("sessions", [{}])[0]
        b.check(row.get("memorymax", 0) is None, "no limit is no number in JSON", row)


def test_stop_all(b):
    with b.shell(b.alice.pw_name) as one, b.shell(b.bob.pw_name) as two:
        for s in (one, two):
            s.do("true")
        r = b.nsctl("stop", "--all", b.alice.pw_name)
        b.check(r.returncode == 64 and len(b.stage.records()) == 2, "nsctl stop takes --all or some", r.returncode, r.stderr)
        r = b.run(b.stage.bin / "nsctl", "stop", "--all", user=b.plain.pw_uid, group=b.plain.pw_gid, extra_groups=[])
        b.check(r.returncode == 0 and len(b.stage.records()) == 2, "all are the own ones, for who isn't root", r.stdout + r.stderr)
        r = b.nsctl("stop", "--all")
        b.check(r.returncode == 0 and r.stdout.count("has ended") == 2 and b.gone(), "nsctl stop --all ends them all", r.stdout + r.stderr)
    r = b.nsctl("stop", "--all")
    b.check(r.returncode == 0 and r.stdout == "", "with none there is nothing to say", r.stdout + r.stderr)


def stubborn(b, user):
    """A session with processes that take no SIGTERM, so that stopping it takes the whole grace."""
    s = b.shell(user)
    s.do("for i in 1 2; do (trap '' TERM HUP; sleep 1000) >/dev/null 2>&1 & done; sleep 0.2")
    return s, s.do("echo $NSSHELL_SESSION")


def check_progress(b, who, r, name, ids):
    lines = r.stdout.splitlines()
    left = [x for x in lines if re.fullmatch(
        rf"session ({'|'.join(ids)}) of {name}: [0-9]+ process(es)? left", x)]
    ended = [f"session {x} of {name} has ended" for x in ids]
    b.check(r.returncode == 0 and left and left[0] == lines[0] and not r.stderr,
            f"nsctl stop shows {who} what it waits for", lines, r.stderr)
    b.check(sorted(x for x in lines if x not in left) == sorted(ended)
            and lines[-1] in ended, "and what has ended", lines)


def test_stop_shows_what_it_waits_for(b):
    name = b.alice.pw_name
    made = [stubborn(b, name) for _ in range(2)]
    check_progress(b, "root", b.nsctl("stop", name), name, [i for _, i in made])
    for s, _ in made:
        s.close()


def test_stop(b):
    name = b.alice.pw_name
    one, two, other = b.shell(name), b.shell(name), b.shell(b.bob.pw_name)
    first = one.do("echo $NSSHELL_SESSION")
    for s in (two, other):
        s.do("true")
    r = b.nsctl("stop", first)
    ids = {x["id"] for x in b.stage.records()}
    b.check(r.returncode == 0 and "has ended" in r.stdout and first not in ids
            and len(ids) == 2, "nsctl stop SESSION ends that one and returns when it is gone",
            r.stdout + r.stderr)
    b.check(one.close() != 0, "its login ends too")
    r = b.nsctl("stop", name)
    left = {x["user"] for x in b.stage.records()}
    b.check(r.returncode == 0 and left == {b.bob.pw_name},
            "nsctl stop USER ends all of the account's, nobody else's", left)
    two.close()
    b.check(other.do("echo still here") == "still here", "bob's goes on")
    r = b.nsctl("stop", name)
    b.check(r.returncode == 1 and name in r.stderr, "one without a session is an error", r.stderr)
    other.do("trap '' TERM HUP; sleep 1000 >/dev/null 2>&1 & true")
    started = time.monotonic()
    r = b.nsctl("stop", "--kill", "--quiet", b.bob.pw_name)
    b.check(r.returncode == 0 and not r.stdout and time.monotonic() - started < 2.5,
            "stop --kill doesn't wait for who ignores SIGTERM",
            f"{time.monotonic() - started:.1f} s", r.stderr)
    other.close()


def test_kill(b):
    name = b.alice.pw_name
    with b.shell(name) as s, b.shell(b.bob.pw_name) as other:
        s.do("trap 'echo heard >/tmp/heard' USR1")
        other.do("trap 'echo heard >/tmp/heard' USR1")
        r = b.nsctl("kill", "-s", "USR1", name)
        b.check(r.returncode == 0 and "SIGUSR1 to 1 process" in r.stdout, "nsctl kill -s USR1 USER",
                r.stdout + r.stderr)
        b.check(s.do("sleep 0.2; cat /tmp/heard") == "heard", "a process of the session hears it")
        b.check(other.do("cat /tmp/heard 2>&1; true").startswith("cat:"), "nobody else's does")
        r = b.nsctl("kill", "-s", "NOPE", name)
        b.check(r.returncode == 64 and "NOPE" in r.stderr, "what is no signal is refused",
                r.stderr)
    s = b.shell(name)
    s.do("true")
    r = b.nsctl("kill", "-s", "9", name)
    b.check(r.returncode == 0 and b.gone(name), "kill -s KILL ends the session",
            r.stdout + r.stderr)
    s.close()


def _ticks(s):
    return int(s.do("cat /tmp/ticks").split()[0])


def test_pause_and_resume(b):
    name = b.alice.pw_name
    s = b.shell(name)
    s.do("(i=0; while :; do i=$((i+1)); echo $i >/tmp/t && mv /tmp/t /tmp/ticks; sleep 0.02; done)"
         " >/dev/null 2>&1 & sleep 0.3")
    before = _ticks(s)
    r = b.nsctl("pause", name)
    b.check(r.returncode == 0 and ": paused" in r.stdout, "nsctl pause USER",
            r.stdout + r.stderr)
    rows = (json_of(b.nsctl("list", "-J")) or {}).get("sessions", [{}])
    b.check(rows[0].get("state") == "paused", "list says so", rows[0].get("state"))
    time.sleep(0.6)
    r = b.nsctl("resume", name)
    after = _ticks(s)
    b.check(r.returncode == 0 and after - before < 25, "meanwhile nothing of it ran",
            f"{after - before} ticks of about 30 in 0.6 s")
    time.sleep(0.3)
    b.check(_ticks(s) > after, "after nsctl resume it goes on")
    b.nsctl("pause", name)
    r = b.nsctl("stop", name)
    b.check(r.returncode == 0 and not b.stage.records(), "a paused session can be stopped",
            r.stdout + r.stderr)
    s.close()
    s = b.shell(name)
    s.do("true")
    b.nsctl("pause", name)
    os.kill(int(b.record_of(name)["supervisor_pid"]), signal.SIGTERM)
    b.check(b.gone(name), "and ends when its supervisor is told to")
    s.close()


def test_gc(b):
    name = b.alice.pw_name
    s, other = b.shell(name), b.shell(b.bob.pw_name)
    session = s.do("echo $NSSHELL_SESSION")
    other.do("true")
    b.nsctl("pause", name)
    supervisor = b.record_of(name)["supervisor_pid"]
    kernel.kill_and_wait(int(supervisor))
    r = b.nsctl("gc", "--dry-run")
    b.check(r.returncode == 0 and session in r.stdout and "1 would be ended, 1 run" in r.stdout
            and len(b.stage.records()) == 2, "nsctl gc --dry-run shows what a crash left",
            r.stdout + r.stderr)
    r = b.nsctl("gc")
    b.check(r.returncode == 0 and "1 ended, 1 run" in r.stdout and len(b.stage.records()) == 1,
            "nsctl gc removes it, paused as it was", r.stdout + r.stderr)
    b.check(other.do("echo here") == "here", "and leaves who runs alone")
    s.close()
    other.close()
    b.nsctl("gc")
