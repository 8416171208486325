# SPDX-License-Identifier: BSD-3-Clause
"""What a user can stop on a login's way in keeps neither root nor another login waiting."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from harness import locks
from harness.pace import patient
from test_programs import TICKET, pam_makes, ticket_cache
from test_users import Tools

STRACE = shutil.which("strace")
# No more than this is waited for a lock, however loaded the host is: nsctl itself gives up after 10 s.
SOON = 8


def _can_stop(b, what):
    if not STRACE:
        b.skip(what, "strace isn't there")
    return bool(STRACE)


def _is_ours(status):
    """Below this test, or the reaper that orphans of this stage go to: others run side by side."""
    for _ in range(40):
        parent = int(re.search(r"^PPid:\t(\d+)$", status.read_text(encoding="ascii", errors="replace"), re.M).group(1))
        if parent in (os.getpid(), os.getppid()):
            return True
        if parent <= 1:
            return False
        status = pathlib.Path(f"/proc/{parent}/status")
    return False


def _standing(name):
    found = set()
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text(encoding="ascii", errors="replace")
            if text.startswith(f"Name:\t{name}\n") and "\nstate:\tt" in text.lower() and _is_ours(status):
                found.add(int(status.parent.name))
    return found


def _watches(pid):
    return any("inotify" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))


def _in_time(look):
    end = time.monotonic() + patient(20)
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _stopped(name, wanted=1):
    """Wait for as many processes of that name which stand still: strace stops them at each call, too."""
    end = time.monotonic() + patient(20)
    while time.monotonic() < end:
        for_long = _standing(name)
        for _ in range(10):
            time.sleep(0.03)
            for_long &= _standing(name)
        if len(for_long) >= wanted:
            return for_long
    return None


def _run(b, *words):
    """Return: what it said, None where it took too long."""
    try:
        r = b.run(*map(str, words), timeout=patient(SOON))
    except subprocess.TimeoutExpired:
        return None
    return r if r.returncode == 0 else r.stdout + r.stderr


def _goes_on(b, what):
    nsctl = b.stage.bin / "nsctl"
    name = b.alice.pw_name
    b.check(locks.is_free(locks.of_account(b.alice)), f"{what}: nobody has the account's lock")
    r = _run(b, nsctl, "set", name, "TasksMax=77")
    b.check(getattr(r, "returncode", 1) == 0, "nsctl set goes on", r)
    r = _run(b, nsctl, "list")
    b.check(name in getattr(r, "stdout", ""), "and nsctl list", r)


def _stops(b):
    record = b.record_of(b.alice.pw_name)
    r = _run(b, b.stage.bin / "nsctl", "stop", record["id"])
    b.check(getattr(r, "returncode", 1) == 0, "and nsctl stop", r, b.log_tail())


def _end(p):
    """strace and whom it stopped."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(p.pid, signal.SIGKILL)
    p.communicate(timeout=patient(20))


def _su(b, *inject):
    return subprocess.Popen(
        [STRACE, "-qq", "-o", "/dev/null", *inject, "su", "-", b.alice.pw_name, "-c", "echo in; sleep 100"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True)


# The login program's own way in, once it was told how.
JOIN = ("-e", "trace=setns", "-e", "inject=setns:signal=STOP:when=1")


def test_a_login_that_stands_still_on_its_way_in(b):
    if not _can_stop(b, "a login that is stopped"):
        return
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    p = _su(b, *JOIN)
    stopped = _stopped("su")
    b.check(stopped, "a user's su, first login of the account, stands still when it is to join", stopped)
    _goes_on(b, "meanwhile")
    with b.shell(name) as s:
        one = s.do("echo $NSSHELL_SESSION")
        b.check(one == b.record_of(name)["id"], "another login gets into that session", one)
        q = _su(b, *JOIN)
        b.check(_stopped("su", 2), "one more stands still")
        b.check(b.record_of(name)["leases"] == "1", "who isn't in doesn't count",
                b.record_of(name)["leases"])
        _goes_on(b, "of two that do")
        with b.shell(name) as t:
            b.check(t.do("echo $NSSHELL_SESSION") == one, "the next login doesn't notice")
        _end(q)
        _stops(b)
    _end(p)
    b.check(b.gone(name), "nothing is left", b.stage.records(), b.log_tail())


def test_the_only_login_stands_still_and_is_stopped(b):
    if not _can_stop(b, "a login that is stopped"):
        return
    b.stage.config("Share=account\n")
    p = _su(b, *JOIN)
    b.check(_stopped("su"), "a user's su stands still when it is to join")
    _stops(b)
    _end(p)
    b.check(b.gone(b.alice.pw_name), "and nothing is left", b.stage.records(), b.log_tail())


def test_a_login_that_dies_on_its_way_in(b):
    if not _can_stop(b, "a login that is stopped"):
        return
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    p = _su(b, *JOIN)
    stopped = _stopped("su")
    first = b.record_of(name)["id"]
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    _end(p)
    b.check(b.gone(name), "a login that dies on its way in ends the session that was for it",
            b.stage.records(), b.log_tail())
    r = b.ssh(name, "echo $NSSHELL_SESSION")
    b.check(r.returncode == 0 and r.stdout.strip() not in ("", first), "the next has another", r.stdout)


WRAP = """#!/bin/sh
exec {strace} -D -f -qq -o /dev/null -e trace=sethostname -e inject=sethostname:signal=STOP {helper} "$@"
"""


def _run_with_an_init_that_stops(b):
    helper = b.stage.base / "stopped-helper"
    helper.write_text(WRAP.format(strace=STRACE, helper=b.stage.helper), encoding="ascii")
    helper.chmod(0o755)
    return subprocess.Popen(
        [b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", helper, b.alice.pw_name, "true"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True)


def test_an_init_that_stands_still(b):
    """As where the session's user manager doesn't get ready, or a file system of the user's hangs."""
    if not _can_stop(b, "an init that is stopped"):
        return
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    p = _run_with_an_init_that_stops(b)
    b.check(_stopped("nsshell-helper"), "the session's init stands still before it is ready")
    _goes_on(b, "meanwhile")
    first = b.record_of(name)["id"]
    second = b.stage.sshd.background(name, "echo $NSSHELL_SESSION")
    end = time.monotonic() + patient(10)
    while not _waiting(first) and time.monotonic() < end:
        time.sleep(0.02)
    b.check(_waiting(first), "another login waits for that session")
    _goes_on(b, "with it")
    _stops(b)
    said = second.communicate(timeout=patient(20))[0].strip()
    b.check(second.returncode == 0 and said not in ("", first), "which then gets one of its own", said,
            b.log_tail())
    said = p.communicate(timeout=patient(20))[0]
    b.check(p.returncode != 0 and re.search("told to end|init of the session died", said), "and the first is told why it has none", said)
    b.check(b.gone(name), "nothing is left", b.stage.records(), b.log_tail())


def test_a_ticket_of_a_login_that_waits(b):
    if not _can_stop(b, "an init that is stopped"):
        return
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    p = _run_with_an_init_that_stops(b)
    stopped = _stopped("nsshell-helper")
    first = b.record_of(name)["id"]
    path, make = ticket_cache(b, "waits")
    with pam_makes(b, b.stage.sshd_service, make, f"KRB5CCNAME=FILE:{path}\n"):
        second = b.stage.sshd.background(name, f"cat {path}; echo $NSSHELL_SESSION")
        end = time.monotonic() + patient(10)
        while not _waiting(first) and time.monotonic() < end:
            time.sleep(0.02)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        said = second.communicate(timeout=patient(20))[0]
    p.communicate(timeout=patient(20))
    b.check(said.split() == [*TICKET.split(), first], "who waited for a session's init has the ticket inside", said,
            b.log_tail())
    b.check(not os.path.exists(path), "and not on the host")


def _waiting(session):
    """Whether somebody has connected to the session's socket, beside who listens there (proc(5))."""
    lines = pathlib.Path("/proc/net/unix").read_text(encoding="ascii", errors="replace")
    return lines.count(f"/sessions/{session}.sock") > 1


HELD = """#!/bin/sh
exec {strace} -f -qq -o /dev/null -e trace=flock -e inject=flock:signal=STOP:when=1 {helper} "$@"
"""


@contextlib.contextmanager
def _delegated(b):
    """Groups that belong to a user, of each hierarchy in which one can stand still."""
    found = [p for p in map(pathlib.Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"))
             if (p / "cgroup.procs").exists()]
    groups = []
    for root in found:
        group = root / f"delegated-{b.alice.pw_name}"
        group.mkdir()
        for path in (group, *group.iterdir()):
            os.chown(path, b.alice.pw_uid, b.alice.pw_gid)
        groups.append(group)
    try:
        yield groups
    finally:
        for group in groups:
            for _ in range(50):
                with contextlib.suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.05)


def _enter(groups):
    for group in groups:
        (group / "cgroup.procs").write_text("0", encoding="ascii")


def _groups_of(pid):
    text = pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
    return [line.split(":", 2)[2] for line in text.splitlines() if line.split(":")[1] in ("", "freezer")]


def test_the_callers_cgroup_is_left_before_a_lock(b):
    """A user logs in from a group of their own, which they can let stand still at any time."""
    if not _can_stop(b, "locks from a group that a user may freeze"):
        return
    helper = b.stage.bin / "held-helper"
    helper.write_text(HELD.format(strace=STRACE, helper=b.stage.helper), encoding="ascii")
    helper.chmod(0o755)
    b.stage.pam_all(helper=helper)
    with _delegated(b) as groups:
        p = subprocess.Popen(["su", "-", b.alice.pw_name, "-c", "true"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                             preexec_fn=lambda: _enter(groups))
        held = _stopped("nsshell-helper")
        b.check(groups and held, "the helper of a login from a user's own group has its first lock", groups, held)
        for pid in held or ():
            mine = [g for g in _groups_of(pid) if "delegated" in g]
            b.check(not mine, "it isn't in that group any more", _groups_of(pid))
            b.check(os.getsid(pid) == pid, "nor in reach of the login's terminal", os.getsid(pid))
        os.killpg(p.pid, signal.SIGKILL)
        for pid in held or ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        p.wait(patient(20))
        b.stage.pam_all()
        helper.unlink()
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n", "the next login is as ever", r.stdout + r.stderr, b.log_tail())


def test_a_pause_from_a_group_of_the_users(b):
    """Who pauses for them is of no group that a user may freeze."""
    if not _can_stop(b, "a pause from a group that a user may freeze"):
        return
    name = b.alice.pw_name
    with b.shell(name) as s, _delegated(b) as groups:
        s.do("true")
        supervisor = b.record_of(name)["supervisor_pid"]
        # A lock of its own that it has by then: the first one that is taken after it is the pause's.
        b.check(_in_time(lambda: _watches(supervisor)), "the session's supervisor watches the host")
        trace = subprocess.Popen(
            [STRACE, "-f", "-qq", "-p", supervisor, "-o", "/dev/null", "-e", "trace=flock", "-e",
             "inject=flock:signal=STOP:when=1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        p = subprocess.Popen(["setpriv", "--reuid", name, "--clear-groups", "--regid", str(b.alice.pw_gid),
                              Tools(b).nsctl, "pause", name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, preexec_fn=lambda: _enter(groups))
        held = _stopped("nsshell")
        b.check(groups and held, "a user's own pause has its lock", held)
        mine = [g for pid in held or () for g in _groups_of(pid) if "delegated" in g]
        b.check(not mine, "and stands in no group of the user's", mine)
        trace.kill()
        trace.wait()
        for pid in held or ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        p.kill()
        p.wait(patient(20))
        b.nsctl("resume", name)
        b.check(s.do("echo on") == "on", "the session goes on")
