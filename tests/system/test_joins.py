# SPDX-License-Identifier: BSD-3-Clause
"""What a join, and what opens a session, take of a caller: limits, timers, and nobody's patience."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import shutil
import subprocess
import threading
import time

from harness import kernel
from harness.pace import patient
from harness.sshd import Sshd

PR_SET_TIMERSLACK = 29
SLACK = 300_000_000
RANGES = "/var/lib/nsshell/ranges"


def slow_timers():
    kernel.prctl(PR_SET_TIMERSLACK, SLACK)


def limits(text):
    """proc_pid_limits(5): what -> (soft, hard)"""
    rows = re.findall(r"^Max (.+?)  +(\w+) +(\w+)", text, re.M)
    return {name: (soft, hard) for name, soft, hard in rows}


def limits_of(pid):
    return limits(pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii"))


def _login(b, user):
    shell = b.shell(user)
    shell.do("true")
    return shell


def joined(b, name, *words, **kw):
    return b.run(b.stage.bin / "nsjoin", name, *words, **kw)


def _is_most(value, most):
    return value != "unlimited" and int(value) <= most


def _is_usual(limits):
    """Nothing of the kernel's that is for all."""
    return all(_is_most(limits[what][1], most) for what, most in (
        ("realtime priority", 0), ("nice priority", 0), ("locked memory", 8 << 20),
        ("pending signals", 16384), ("msgqueue size", 819200)))


@contextlib.contextmanager
def _sshd_with(b, change):
    """An sshd whose logins begin with what change() does."""
    kept = b.stage.sshd
    other = Sshd(b.stage, b.stage.sshd_service)
    other.start(preexec=change)
    b.stage.sshd = other
    try:
        yield
    finally:
        b.stage.sshd = kept
        other.stop()


def test_the_limits_of_the_login(b):
    name = b.alice.pw_name
    most = 1 << 40

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    with _sshd_with(b, lower), _login(b, name):
        # Debian's pam_limits(8) has undone that, where root may raise a limit.
        with contextlib.suppress(PermissionError):
            resource.prlimit(int(b.record_of(name)["caller_pid"]), resource.RLIMIT_FSIZE,
                             (most, most))
        seen = limits(joined(b, name, "cat", "/proc/self/limits").stdout)
        b.check(seen["file size"] == (str(most), str(most)), "a join has the login's limits", seen)


def test_limits_that_root_cannot_raise(b):
    """As in a container whose root has no CAP_SYS_RESOURCE: what a login program may have at most is what the helper has."""
    for what in ("-d 400000", "-f 200", "-t 10", "-n 128", "-s 64"):
        for who in (b.alice, b.plain):
            r = b.run("sh", "-c", f'ulimit {what}; exec setpriv --bounding-set=-sys_resource su {who.pw_name} -c "echo in"')
            b.check(r.stdout == "in\n", f"ulimit {what}: su gets {who.pw_name} in", r.stdout + r.stderr, b.log_tail(3))


test_limits_that_root_cannot_raise.not_instrumented = "which needs more memory than the limit leaves"


def test_a_login_program_that_lacks_a_right(b):
    """As a unit's CapabilityBoundingSet= or a container leaves it: the log says so, and who isn't isolated gets in."""
    for cap in ("sys_admin", "mknod", "sys_ptrace", "setpcap"):
        b.stage.syslog.clear()
        for who in (b.alice, b.plain):
            r = b.run("setpriv", f"--bounding-set=-{cap}", "su", who.pw_name, "-c", "echo in")
            b.check((r.stdout == "in\n") == (who is b.plain), f"su without cap_{cap}: {who.pw_name}", r.stdout + r.stderr,
                    b.log_tail(3))
        lines = b.stage.syslog.wait(f"refused: the login program has no cap_{cap}.*CapabilityBoundingSet=")
        b.check(len(lines) == 1, "the log says what is missing, and what may have taken it", lines, b.log_tail())


@contextlib.contextmanager
def _few_processes(b):
    """A control group for who calls su; gives what puts a shell into it, or None where this host has no such limit."""
    root = next((r for r in map(pathlib.Path, kernel.cgroup_roots()) if "pids" in r.name.split(",") or (
        (r / "cgroup.subtree_control").exists() and "pids" in (r / "cgroup.subtree_control").read_text(encoding="ascii"))), None)
    group = root and root / f"{b.stage.accounts.prefix}-few"
    if not group:
        yield None
        return
    group.mkdir()
    try:
        yield group
    finally:
        end = time.monotonic() + patient(10)
        while group.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.05)


def test_a_unit_that_is_full(b):
    """TasksMax= of the login program's own unit: whoever can't start a process says what is used up."""
    name = b.alice.pw_name
    with _few_processes(b) as group:
        if not group:
            b.skip("a login program with few processes", "no pids controller")
            return
        for most in (1, 2, 4):
            (group / "pids.max").write_text(str(most), encoding="ascii")
            b.stage.syslog.clear()
            r = b.run("sh", "-c", f"echo $$ >{group}/cgroup.procs; exec su {name} -c 'echo in'")
            lines = b.stage.syslog.wait("refused: .*TasksMax=.*used up")
            b.check("in" not in r.stdout.split() and len(lines) == 1, f"{most} processes at most: the log says what is used up",
                    lines or r.stdout, b.log_tail(3))


def test_the_limits_after_the_login(b):
    name = b.alice.pw_name
    b.stage.config("Linger=yes\n")
    with _login(b, name) as s:
        init = limits_of(b.record_of(name)["init_pid"])
        b.check(_is_usual(init), "init keeps nothing of the helper's limits", init)
        caller = pathlib.Path("/proc") / b.record_of(name)["caller_pid"]
        s.do("setsid sleep 300 >/dev/null 2>&1 &")
    end = time.monotonic() + patient(10)
    while (caller.exists() or b.record_of(name)["state"] != "lingering") \
            and time.monotonic() < end:
        time.sleep(0.05)
    r = joined(b, name, "cat", "/proc/self/limits")
    seen = limits(r.stdout)
    b.check(seen and _is_usual(seen) and seen["open files"] == ("1024", "4096"),
            "once the login is gone, a join has what the kernel gives by itself",
            seen, r.stderr)
    b.nsctl("stop", name)


def test_what_a_caller_leaves_to_the_supervisor(b):
    name = b.alice.pw_name

    def odd():
        slow_timers()
        os.nice(7)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    with _sshd_with(b, odd), _login(b, name) as s:
        record = b.record_of(name)
        for who in ("supervisor", "init"):
            pid = int(record[f"{who}_pid"])
            slack = pathlib.Path(f"/proc/{pid}/timerslack_ns").read_text(encoding="ascii").strip()
            b.check(slack == "50000", f"the {who}'s timers go off in time", slack)
            b.check(os.sched_getscheduler(pid) == os.SCHED_OTHER
                    and os.getpriority(os.PRIO_PROCESS, pid) == 0, "and it is served as others are")
        seen = s.do("cat /proc/self/timerslack_ns; nice").split()
        b.check(seen == [str(SLACK), str(os.nice(0) + 7)], "what the user has, they keep", seen)


def test_a_paused_session(b):
    name = b.alice.pw_name
    with _login(b, name):
        b.nsctl("pause", name)
        r = joined(b, name, "true")
        b.nsctl("resume", name)
        b.check(r.returncode == 125 and "is paused: `nsctl resume` lets" in r.stderr,
                "a session that is paused isn't waited for", r.stderr)
        r = joined(b, name, "echo", "in")
        b.check(r.stdout == "in\n", "and can be joined when it goes on", r.stderr)


def test_a_command_that_is_kept_from_starting(b):
    name = b.alice.pw_name
    with _login(b, name):
        # strace itself waits for the process that it holds up, dead as that is by then.
        with subprocess.Popen(
                [shutil.which("strace"), "-f", "-qq", "-o", "/dev/null", "-e",
                 "inject=setsid:delay_enter=90000000", b.stage.bin / "nsjoin", name, "true"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True) as p:
            timer = threading.Timer(patient(60), p.kill)
            timer.start()
            said = ""
            while p.poll() is None and "nsjoin:" not in said:
                said = p.stderr.readline()
            timer.cancel()
            p.kill()
        b.check("didn't let the command start" in said, "nsjoin gives up, and says why", said)


def test_hidden_from_debuggers(b):
    """Whatever fs.suid_dumpable says: every change of ids on the way in is followed at once."""
    name = b.alice.pw_name
    trace = b.stage.base / "join.trace"
    with _login(b, name):
        b.run(shutil.which("strace"), "-f", "-qq", "-o", trace, "-e", "trace=setresuid,prctl,setns,execve",
              b.stage.bin / "nsjoin", name, "true")
    calls = {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        pid, call = line.split(None, 1)
        calls.setdefault(pid, []).append(call)
    trace.unlink()
    followed = [(one, after) for row in calls.values() for one, after in zip(row, row[1:])
                if one.startswith("setresuid(") and one.endswith("= 0")
                and any(c.startswith("setns(") for cs in calls.values() for c in cs)]
    b.check(len(followed) >= 2 and all("PR_SET_DUMPABLE, SUID_DUMP_DISABLE" in after
                                       for _, after in followed),
            "the joiner and the command hide as soon as they are somebody else", followed)


def test_the_ranges_are_not_to_be_waited_for(b):
    name = b.carol.pw_name
    r = b.ssh(name, "echo in")
    b.check(r.stdout == "in\n", "an account without lines in subuid(5) logs in", r.stderr)
    with open(RANGES, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_SH)
        r = b.ssh(name, "echo in")
        b.check(r.stdout == "in\n", "also while another login only looks at the ranges", r.stderr)
        fcntl.flock(f, fcntl.LOCK_EX)
        r = b.ssh(name, "echo in")
        b.check(not r.stdout.endswith("in\n") and b.stage.syslog.lines("another login has held it for 5 s"),
                "and while one keeps them locked it isn't waited for without end",
                r.stdout + r.stderr, b.log_tail())
