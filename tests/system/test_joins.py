# SPDX-License-Identifier: BSD-3-Clause
"""What a join, and what opens a session, take of a caller: limits, timers, and nobody's patience."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import threading
import time

from harness import kernel
from harness.pace import patient
from harness.sshd import Sshd
from harness.terminal import Terminal
from test_door import door_of
from test_users import Tools, login

PR_SET_TIMERSLACK = 29
SLACK = 300_000_000
RANGES = "/var/lib/nsshell/ranges"


def _slow_timers():
    kernel.prctl(PR_SET_TIMERSLACK, SLACK)


def _small_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, resource.RLIM_INFINITY))


def _limits(text):
    """proc_pid_limits(5): what -> (soft, hard)"""
    rows = re.findall(r"^Max (.+?)  +(\w+) +(\w+)", text, re.M)
    return {name: (soft, hard) for name, soft, hard in rows}


def _limits_of(pid):
    return _limits(pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii"))


def _joined(b, name, *words, **kw):
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

    with _sshd_with(b, lower), login(b, name):
        seen = _limits(_joined(b, name, "cat", "/proc/self/limits").stdout)
        b.check(seen["file size"] == (str(most), str(most)), "a join has the login's limits", seen)
        t = Tools(b)

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        seen = _limits(t.join(b.alice, name, "cat", "/proc/self/limits", preexec_fn=few).stdout)
        b.check(seen["file size"] == (str(most), str(most)) and seen["open files"] ==
                ("100", "100"), "one by its own user no more than who asks, either", seen)


def test_the_limits_after_the_login(b):
    name = b.alice.pw_name
    b.stage.config("Linger=yes\n")
    with login(b, name) as s:
        init = _limits_of(b.record_of(name)["init_pid"])
        b.check(_is_usual(init), "init keeps nothing of the helper's limits", init)
        s.do("setsid sleep 300 >/dev/null 2>&1 &")
    end = time.monotonic() + patient(10)
    while b.record_of(name)["state"] != "lingering" and time.monotonic() < end:
        time.sleep(0.05)
    r = _joined(b, name, "cat", "/proc/self/limits")
    seen = _limits(r.stdout)
    b.check(seen and _is_usual(seen) and seen["open files"] == ("1024", "4096"),
            "once the login is gone, a join has what the kernel gives by itself",
            r.stdout + r.stderr)
    b.nsctl("stop", name)


def test_what_a_caller_leaves_to_the_supervisor(b):
    name = b.alice.pw_name

    def odd():
        _slow_timers()
        os.nice(7)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    with _sshd_with(b, odd), login(b, name) as s:
        record = b.record_of(name)
        for who in ("supervisor", "init"):
            pid = int(record[f"{who}_pid"])
            slack = pathlib.Path(f"/proc/{pid}/timerslack_ns").read_text(encoding="ascii").strip()
            b.check(slack == "50000", f"the {who}'s timers go off in time", slack)
            b.check(os.sched_getscheduler(pid) == os.SCHED_OTHER
                    and os.getpriority(os.PRIO_PROCESS, pid) == 0, "and it is served as others are")
        seen = s.do("cat /proc/self/timerslack_ns; nice").split()
        b.check(seen == [str(SLACK), str(os.nice(0) + 7)], "what the user has, they keep", seen)


def test_what_a_caller_leaves_to_the_setuid_programs(b):
    name = b.alice.pw_name
    with login(b, name):
        t = Tools(b)
        r = t.join(b.alice, name, "cat", "/proc/self/timerslack_ns", preexec_fn=_slow_timers)
        b.check(r.stdout == "50000\n", "nsshell-own's timers go off in time", r.stdout + r.stderr)
    with door_of(b, b.alice) as door:
        r = b.run(door.shell, "-c", "cat /proc/self/timerslack_ns; ulimit -s",
                  preexec_fn=lambda: (_slow_timers(), _small_stack()),
                  **t.ids(b.alice))
        b.check(r.stdout.split() == [str(SLACK), "512"], "what goes through the door keeps its own",
                r.stdout + r.stderr)
        with subprocess.Popen(
                [door.shell, "-c", "echo up; exec cat"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, preexec_fn=_small_stack, **t.ids(b.alice)) as p:
            p.stdout.readline()
            seen = _limits_of(b.record_of(name)["supervisor_pid"])["stack size"][0]
            p.stdin.close()
        b.check(seen == str(8 << 20), "and its supervisor has room for its stack", seen)


def test_a_door_that_nobody_hears(b):
    """The socket's queue is full before the door begins."""
    with door_of(b, b.alice) as door:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, its):
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    end.send(b"x" * 1000)
        its.setblocking(True)
        p = subprocess.Popen(["sh", "-c", f'"$0" command true 3<&{its.fileno()}; exit $?', door.door],
                             pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             **Tools(b).ids(b.alice))
        its.close()
        try:
            p.wait(patient(20))
        except subprocess.TimeoutExpired:
            p.kill()
        said = p.stderr.read()
        b.check(p.returncode == 125, "it ends, instead of waiting in a session with its rights",
                f"{p.returncode} {said}")
        p.stderr.close()
        ours.close()


def test_a_paused_session(b):
    name = b.alice.pw_name
    with login(b, name):
        t = Tools(b)
        b.nsctl("pause", name)
        said = [_joined(b, name, "true"), t.join(b.alice, name, "true")]
        b.nsctl("resume", name)
        b.check([r.returncode for r in said] == [125, 125]
                and all("is paused: `nsctl resume` lets" in r.stderr for r in said),
                "a session that is paused isn't waited for, by root or its user",
                [r.stderr for r in said])
        r = _joined(b, name, "echo", "in")
        b.check(r.stdout == "in\n", "and can be joined when it goes on", r.stderr)


def test_a_command_that_is_kept_from_starting(b):
    name = b.alice.pw_name
    with login(b, name):
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


def test_a_full_box_of_ones_own(b):
    b.stage.config("TasksMax=12\n")
    name = b.alice.pw_name
    code = "import os,time\nfor i in range(20):\n try:\n  if os.fork() == 0: time.sleep(60); " \
           "os._exit(0)\n except OSError: break\nprint('full', flush=True); time.sleep(60)"
    filler = b.stage.sshd.background(name, f'exec python3 -c "{code}"')
    b.check(filler.stdout.readline() == "full\n", "TasksMax is used up")
    r = Tools(b).join(b.alice, name, "echo", "in")
    b.check(r.returncode == 125 and r.stdout == "" and "as it may have" in r.stderr,
            "its user doesn't get in beyond it, and is told", r.stdout + r.stderr)
    b.nsctl("stop", name)
    filler.communicate(timeout=patient(20))


def test_hidden_from_debuggers(b):
    """Whatever fs.suid_dumpable says: every change of ids on the way in is followed at once."""
    name = b.alice.pw_name
    trace = b.stage.base / "join.trace"
    with login(b, name):
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


def test_an_observer_and_what_its_terminal_answers(b):
    """The session asks the terminal something: nobody else shall read the answer."""
    name = b.alice.pw_name
    nsjoin = b.stage.bin / "nsjoin"
    with door_of(b, b.alice), Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("true")
        with Terminal(["bash", "-c", f"stty -a; {nsjoin} --observe {name}; stty -a; "
                       "echo go; read -t 3 x; echo \"left: <$x>\"; exit 0"]) as admin:
            before = admin.expect(r"speed(?s:.*?)-?extproc")
            t.expect(r"root\b.*\n")
            t.ask("echo ask''ing")
            admin.expect("asking")
            admin.type("\x1b[?1;2c\nid\n")
            t.ask("echo ask''ed")
            admin.expect("asked")
            t.line("exit")
            t.close()
            after = admin.expect(r"speed(?s:.*?)-?extproc")
            b.check(before.group() == after.group(), "its modes are as before", after.group())
            admin.expect("go\n")
            admin.type("x\n")
            left = admin.expect(r"left: <(.*)>").group(1)
            b.check(left == "x", "what was typed or answered meanwhile is nobody's", left)
            b.check("^[" not in admin.seen, "and isn't shown", admin.seen[-200:])


def test_an_observer_that_is_stopped(b):
    name = b.alice.pw_name
    cooked = r" icanon (?s:.*) echo "
    with door_of(b, b.alice), Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("true")
        with Terminal(["bash", "--norc", "--noprofile", "-i"]) as admin:
            admin.line(f"{b.stage.bin / 'nsjoin'} --observe {name}")
            t.expect(r"root\b.*\n")
            admin.type("\x1a")
            admin.expect("Stopped")
            seen = admin.ask("stty -a")
            b.check(re.search(cooked, seen), "Ctrl-Z gives the terminal back as it was", seen[-200:])
            admin.line("fg")
            t.ask("echo back''again")
            admin.expect("backagain")
            admin.type("\x03")
            admin.expect("# ")
            seen = admin.ask("stty -a")
            b.check(re.search(cooked, seen), "and so does Ctrl-C", seen[-200:])
            admin.line("exit")
            admin.close()
        t.line("exit")
        t.close()
