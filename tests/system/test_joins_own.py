# SPDX-License-Identifier: BSD-3-Clause
"""The same of who isn't root and of the setuid program, and who looks at a terminal."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import time

from harness.pace import patient
from harness.terminal import Terminal
from test_door import door_of
from test_joins import SLACK, limits, limits_of, slow_timers
from test_users import Tools, full, login


def _small_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, resource.RLIM_INFINITY))


def test_the_limits_of_who_asks(b):
    name = b.alice.pw_name
    with login(b, name):
        t = Tools(b)

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        seen = limits(t.join(b.alice, name, "cat", "/proc/self/limits", preexec_fn=few).stdout)
        b.check(seen["open files"] == ("100", "100"),
                "a user's own join gives no more than they have outside", seen)


def test_what_a_caller_leaves(b):
    name = b.alice.pw_name
    with login(b, name):
        t = Tools(b)
        r = t.join(b.alice, name, "cat", "/proc/self/timerslack_ns", preexec_fn=slow_timers)
        b.check(r.stdout == "50000\n", "what a user starts in an own session has timers that go off in time", r.stdout + r.stderr)
    with door_of(b, b.alice) as door:
        r = b.run(door.shell, "-c", "cat /proc/self/timerslack_ns; ulimit -s",
                  preexec_fn=lambda: (slow_timers(), _small_stack()),
                  **t.ids(b.alice))
        b.check(r.stdout.split() == [str(SLACK), "512"], "what goes through the door keeps its own",
                r.stdout + r.stderr)
        with subprocess.Popen(
                [door.shell, "-c", "echo up; exec cat"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, preexec_fn=_small_stack, **t.ids(b.alice)) as p:
            p.stdout.readline()
            seen = limits_of(b.record_of(name)["supervisor_pid"])["stack size"][0]
            p.stdin.close()
        b.check(seen == str(8 << 20), "and its supervisor has room for its stack", seen)


def test_a_paused_session_of_ones_own(b):
    name = b.alice.pw_name
    with login(b, name):
        b.nsctl("pause", name)
        r = Tools(b).join(b.alice, name, "true")
        b.nsctl("resume", name)
        b.check(r.returncode == 125 and "is paused: `nsctl resume` lets" in r.stderr,
                "a session that is paused isn't waited for", r.stderr)


def test_a_full_box_of_ones_own(b):
    name = b.alice.pw_name
    filler = full(b, name)
    r = Tools(b).join(b.alice, name, "echo", "in")
    b.check(r.returncode == 125 and r.stdout == "" and "as it may have" in r.stderr,
            "its user doesn't get in beyond it, and is told", r.stdout + r.stderr)
    b.nsctl("stop", name)
    filler.communicate(timeout=patient(20))


def test_many_joins_of_ones_own_at_once(b):
    """Each finds room when it looks, before any of them is in: strace holds them there."""
    most, name = 16, b.alice.pw_name
    b.stage.config(f"TasksMax={most}\n")
    with login(b, name):
        t = Tools(b)
        held = [shutil.which("strace"), "-f", "-qq", "-u", name, "-o", "/dev/null", "-e",
                "trace=setns", "-e", "inject=setns:delay_enter=6000000"]
        joins = [subprocess.Popen([*held, t.nsjoin, name, "sleep", "300"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) for _ in range(24)]
        end, seen, looks = time.monotonic() + patient(25), 0, []
        while time.monotonic() < end and seen <= most:
            tasks = b.nsctl("list", "--noheadings", "-o", "TASKS").stdout.split()
            looks += [int(tasks[0])] if tasks else []
            # One that finds itself one too many is gone by the next look.
            seen = max(seen, min(looks[-3:], default=0))
            if sum(p.poll() is None for p in joins) < most - 3:
                break
            time.sleep(0.5)
        b.check(3 < max(looks, default=0) and seen <= most, f"of 24 joins of a user's own at once no more get in than "
                f"TasksMax={most} has room for", looks)
        b.nsctl("stop", "--kill", name)
        for p in joins:
            p.kill()
            p.wait()


test_many_joins_of_ones_own_at_once.later = "many of what nsjoin.many_at_once tries of root's"


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
        p = subprocess.Popen(["bash", "-c", f'"$0" command true 3<&{its.fileno()}; exit $?', door.door],
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


@contextlib.contextmanager
def _full_pipe():
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(w, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(w, b"x")
    os.set_blocking(w, True)
    try:
        yield w
    finally:
        os.close(r)
        os.close(w)


def _status_of(pid, key):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return re.search(rf"^{key}:\s+(.*)$", text, re.M).group(1)


def _waits(pid, comm):
    """Asleep at each of many looks, as what was executed: nothing else in it waits that long."""
    end, seen = time.monotonic() + patient(5), 0
    while seen < 15 and time.monotonic() < end:
        asleep = _status_of(pid, "Name") == comm and _status_of(pid, "State").startswith("S")
        seen = seen + 1 if asleep else 0
        time.sleep(0.02)
    return seen == 15


def test_nobody_writes_as_root_into_what_is_the_callers(b):
    """A pipe that is kept full: what waits there is the user's own, and counted as such."""
    with door_of(b, b.alice) as door:
        t = Tools(b)
        for what, *words in (("the door, refusing", door.door, "nonsense"),
                             ("the door, without its socket", door.door, "login")):
            with _full_pipe() as full:
                p = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=full, **t.ids(b.alice))
                waits = _waits(p.pid, words[0].name)
                uids = _status_of(p.pid, "Uid").split()
                b.check(waits and uids == [str(b.alice.pw_uid)] * 4
                        and _status_of(p.pid, "CapPrm").strip("0") == "",
                        f"{what}: who waits for a full pipe is the caller, with nothing of root's",
                        f"uids {uids}", waits)
                p.kill()
                p.wait()


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
