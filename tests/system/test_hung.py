# SPDX-License-Identifier: BSD-3-Clause
"""A file system of the user's own that never answers: root gives up on it, and nobody waits with a lock."""

import contextlib
import os
import pathlib
import subprocess
import time

from harness import locks
from harness.hung import HOST, Fuse
from harness.pace import patient


def _lookers(b):
    """Of this stage's: others may have theirs at the same time."""
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text(encoding="ascii", errors="replace") == "nsshell-look\n" and \
                    b.alice.pw_name in (comm.parent / "mountinfo").read_text(encoding="utf-8", errors="replace"):
                found.append(int(comm.parent.name))
    return found


def _login(b, helper=None):
    return subprocess.Popen(
        [b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", helper or b.stage.helper,
         b.alice.pw_name, "echo", "in"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _answer(p):
    try:
        return p.communicate(timeout=patient(40))[0]
    except subprocess.TimeoutExpired:
        p.kill()
        return "hangs"


def _refused(b, what, answers, share, binds="-{at}:/mnt/hung"):
    at = pathlib.Path(b.alice.pw_dir) / "hung"
    b.stage.config(f"Share={share}\n[User {b.alice.pw_name}]\nBindPaths={binds.format(at=at)}\n")
    before = set(_lookers(b))
    with Fuse(at, b.alice, answers) as fuse:
        p = _login(b)
        end = time.monotonic() + patient(5)
        while not set(_lookers(b)) - before and time.monotonic() < end:
            time.sleep(0.01)
        if answers < HOST:
            time.sleep(0.5)
            b.check(p.poll() is None and locks.is_free(locks.of_account(b.alice)), f"{what}: it waits, without the account's lock")
        said = _answer(p)
        b.check(p.returncode not in (0, None) and "doesn't answer" in said and "nsshell-look" in said,
                f"{what}: a login is refused, and says why", said, b.log_tail())
        # Who refused it may still be ending, and with it who looked at the host for it, where all answered.
        soon = time.monotonic() + patient(3)
        while time.monotonic() < soon and not (locks.is_free(locks.of_account(b.alice)) and len(set(_lookers(b)) - before) == 1):
            time.sleep(0.02)
        b.check(locks.is_free(locks.of_account(b.alice)), "the account's lock is free then")
        stuck = set(_lookers(b)) - before
        b.check(len(stuck) == 1, "who looked can't be killed, and is let be", sorted(stuck))
        said = _answer(_login(b))
        b.check("doesn't answer" in said and set(_lookers(b)) - before == stuck,
                "the next login makes no second one", said)
        r = b.run(b.stage.bin / "nsctl", "plan", "--config", b.stage.conf, b.alice.pw_name,
                  timeout=patient(40))
        b.check(r.returncode != 0 and "doesn't answer" in r.stdout + r.stderr, "nor does nsctl plan",
                r.stdout[-200:] + r.stderr)
        r = b.nsctl("check", "--config", b.stage.conf, timeout=patient(60))
        b.check("doesn't answer" in r.stdout, "nsctl check says so, and ends", r.stdout[-300:] + r.stderr)
        r = b.ssh(b.bob.pw_name, "echo in")
        b.check(r.stdout == "in\n", "another account's login notices nothing", r.stdout + r.stderr)
        fuse.end()
        end = time.monotonic() + patient(5)
        while set(_lookers(b)) & stuck and time.monotonic() < end:
            time.sleep(0.01)
        b.check(not set(_lookers(b)) & stuck, "it is gone with the file system", sorted(_lookers(b)))
    b.stage.config(f"Share={share}\n")
    said = _answer(_login(b))
    b.check(said.endswith("in\n"), "and then the account's logins go on", said, b.log_tail())


def test_another_account_s_process_in_its_place(b):
    """The number of one that hung may be any user's by now."""
    fake = subprocess.Popen(
        ["/usr/bin/python3", "-c", "import ctypes, sys, time; c = ctypes.CDLL(None); c.prctl(15, b'nsshell-look', 0, 0, 0); "
         "c.prctl(4, 0, 0, 0, 0); print('up', flush=True); time.sleep(600)"], user=b.bob.pw_uid, group=b.bob.pw_gid,
        extra_groups=[], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        fake.stdout.readline()
        b.check(os.stat(f"/proc/{fake.pid}/comm").st_uid == 0, "a process of bob's that can't be dumped looks like root's")
        accounts = pathlib.Path("/run/nsshell/accounts")
        accounts.mkdir(mode=0o700, parents=True, exist_ok=True)
        (accounts / f"{b.alice.pw_uid}.stuck").write_text(f"{fake.pid}\n", encoding="ascii")
        said = _answer(_login(b))
        b.check(said.endswith("in\n"), "it doesn't pass for one that looks for alice, who gets in", said)
    finally:
        fake.kill()
        fake.wait()


def _can(b):
    if os.access("/dev/fuse", os.W_OK):
        return True
    b.skip("file systems that never answer", "there is no /dev/fuse")
    return False


def test_a_file_system_that_never_answers(b):
    if _can(b):
        _refused(b, "a user's own FUSE below a bind's source", 0, "login")


def test_one_that_answers_while_the_plan_is_made(b):
    if _can(b):
        _refused(b, "one that goes silent once the plan is made", 3, "login")


def test_and_where_sessions_are_shared(b):
    if _can(b):
        _refused(b, "the same with Share=account", 3, "account")


def test_a_mount_point_that_is_gone_silent_when_the_box_is_made(b):
    """Only now with the account's lock: so for two seconds at most."""
    if not _can(b):
        return
    shared = b.stage.base / "hung-shared"
    shared.mkdir(mode=0o755)
    _refused(b, "one that answers outside, and not in the box", HOST, "account",
             f"{shared}:{{at}}/shared")
    shared.rmdir()
