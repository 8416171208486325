# SPDX-License-Identifier: BSD-3-Clause
"""Root waits for nobody's lock without end, and for no user's at all."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import time

from harness import kernel, locks
from harness.pace import patient
from test_users import Tools

RUN = pathlib.Path("/run/nsshell")
F_OFD_SETLK = 37
# Whoever can open a file for reading can lock it, and keep it so.
LOCKER = """import fcntl, os, sys
for path in sys.argv[1:]:
    try:
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
        print("locked", path, flush=True)
    except OSError as e:
        print(type(e).__name__, path, flush=True)
print(flush=True)
sys.stdin.read()"""


class Locker:
    """A process of an ordinary user's that locks what it can."""

    def __init__(self, b, *paths):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-I", "-c", LOCKER, *map(str, paths)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, user=b.plain.pw_uid, group=b.plain.pw_gid,
            extra_groups=[])
        self.said = []

    def __enter__(self):
        while line := self.process.stdout.readline().strip():
            self.said.append(line)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(patient(10))
        self.process.stdout.close()


def _within(b, seconds, *words):
    try:
        r = b.run(*map(str, words), timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    return r


def test_a_users_lock_of_the_services(b):
    directory = b.stage.base / "pam.d"
    directory.mkdir(mode=0o755)
    (directory / "nst-service").write_text("session required pam_permit.so\n", encoding="ascii")
    nsctl = b.stage.bin / "nsctl"
    with Locker(b, directory, directory / "nst-service") as locker:
        b.check([x.split()[0] for x in locker.said] == ["locked"] * 2,
                "anybody can lock what anybody can read", locker.said)
        for command in ("enable", "disable"):
            r = _within(b, patient(20), nsctl, command, "--yes", "--pam-dir", directory, "nst-service")
            b.check(r is not None and r.returncode == 0 and "Done" in r.stdout,
                    f"nsctl {command} doesn't wait for a user's lock of the directory or of a service",
                    "hangs" if r is None else (r.stdout + r.stderr)[-80:])
    for f in (directory / "nst-service", directory):
        f.unlink() if f.is_file() else f.rmdir()


def test_lock_files_are_roots(b):
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        # What is bound into the box, .limits, is there to be read, and isn't a lock.
        files = [p for p in RUN.rglob("*") if p.is_file() and p.suffix != ".limits"]
        modes = {str(p): stat.filemode(p.lstat().st_mode) for p in (*[f.parent for f in files if f.parent != RUN], *files)}
        bad = {p: m for p, m in modes.items() if m[4:] != "------"}
        b.check(len(files) >= 4 and not bad, "what nsshell locks nobody but root can open", bad, modes)
        with Locker(b, RUN, *files) as locker:
            b.check(not [x for x in locker.said if x.startswith("locked")],
                    "and nobody's lock is in its way", locker.said)


def test_another_nsctl_is_waited_for_and_named(b):
    directory = b.stage.base / "pam.d"
    directory.mkdir(mode=0o755)
    (directory / "nst-service").write_text("session required pam_permit.so\n", encoding="ascii")
    RUN.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(RUN / "enable.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    r = _within(b, patient(40), b.stage.bin / "nsctl", "enable", "--yes", "--pam-dir", directory,
                "nst-service")
    os.close(fd)
    b.check(r is not None and r.returncode == 1 and f"process {os.getpid()} (" in r.stderr,
            "of two nsctl the second gives up after a while, and says for whom it waited",
            "hangs" if r is None else r.stderr)
    (directory / "nst-service").unlink()
    directory.rmdir()


def test_the_accounts_lock_is_waited_for_and_named(b):
    """What set, and the end of a session, wait for: here somebody never lets go."""
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("true")
        fd = os.open(RUN / "accounts" / str(b.alice.pw_uid), os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        r = _within(b, patient(40), b.stage.bin / "nsctl", "set", name, "TasksMax=77")
        os.close(fd)
        b.check(r is not None and r.returncode == 1 and f"process {os.getpid()} (" in r.stderr,
                "nsctl set gives up after a while, and says for whom it waited",
                "hangs" if r is None else r.stderr)
        r = _within(b, patient(20), b.stage.bin / "nsctl", "set", name, "TasksMax=77")
        b.check(r is not None and r.returncode == 0, "and goes on once it can",
                "hangs" if r is None else r.stderr)


def test_stop_names_who_has_the_accounts_lock(b):
    """The end of a session takes that lock, too: it comes later, and whoever stops it is told why."""
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("true")
        session = b.record_of(name)["id"]
        fd = os.open(RUN / "accounts" / str(b.alice.pw_uid), os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        r = _within(b, patient(40), b.stage.bin / "nsctl", "stop", session)
        b.check(r is not None and r.returncode == 1 and f"process {os.getpid()} (" in r.stderr
                and f"session {session}" in r.stderr,
                "nsctl stop gives up after a while, and says who has the account's lock",
                "hangs" if r is None else r.stderr)
        os.close(fd)
    b.gone(name)


WRAP = """#!/bin/sh
exec {strace} -f -qq -o /dev/null -e trace=keyctl -e inject=keyctl:signal=STOP:when=2 {helper} "$@"
"""


def test_a_child_with_the_users_ids_that_is_stopped(b):
    """With keys allowed a child becomes the account for a moment, outside, where its user is."""
    name = b.alice.pw_name
    b.stage.config("Share=account\nSystemCallFilter=@keyring\n")
    helper = b.stage.base / "stopped-helper"
    helper.write_text(WRAP.format(strace=shutil.which("strace"), helper=b.stage.helper),
                      encoding="ascii")
    helper.chmod(0o755)
    p = subprocess.Popen(
        [b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", helper, name, "true"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    stopped = _stopped_of(b.alice.pw_uid)
    free = locks.is_free(locks.of_account(b.alice))
    try:
        said, _ = p.communicate(timeout=patient(30))
    except subprocess.TimeoutExpired:
        said = "hangs"
        if stopped:
            os.kill(stopped, signal.SIGKILL)
        p.communicate(timeout=patient(30))
    helper.unlink()
    b.check(stopped, "a child of nsshell's that has the user's ids can be stopped by them", stopped)
    b.check(free, "but has no lock meanwhile that another waits for")
    b.check("user keyring" in said, "and is given up after a while", said)


def _stopped_of(uid):
    end = time.monotonic() + patient(5)
    while time.monotonic() < end:
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text(encoding="ascii", errors="replace")
                if "Name:\tnsshell-helper" in text and f"Uid:\t{uid}\t" in text \
                        and re.search(r"State:\t[tT]", text):
                    return int(status.parent.name)
        time.sleep(0.02)
    return None


def test_roots_pause(b):
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("true")
        t = Tools(b)
        session = b.record_of(name)["id"]
        r = b.nsctl("pause", name)
        b.check(r.returncode == 0, "root pauses a session", r.stderr)
        r = t.ctl(b.alice, "stop", "--no-wait", session)
        b.check(r.returncode != 0 and "root has paused" in r.stderr and _is_paused(b, name),
                "and its user's `nsctl stop --no-wait` doesn't let it go on", r.stderr)
        r = t.ctl(b.alice, "resume", session)
        b.check(r.returncode != 0 and "root has paused" in r.stderr and _is_paused(b, name),
                "nor does its user's `nsctl resume`", r.stderr)
        b.nsctl("resume", name)


PAUSES = """n=0
while :; do "$0" pause "$1"; "$0" resume "$1"; n=$((n + 1)); echo $n >"$2"; done"""


def _rounds(counts):
    return [int(c.read_text() or 0) if c.exists() else 0 for c in counts]


def _until_none_is_asked(session):
    """Who asked is gone; what the session's workers do for them may still come."""
    until = time.monotonic() + patient(10)
    while time.monotonic() < until and any(
            f"a request to session {session}" in p.command() for p in kernel.processes()):
        time.sleep(0.02)


def test_a_users_loops_of_pause(b):
    name = b.alice.pw_name
    with b.shell(name) as s, tempfile.TemporaryDirectory() as directory:
        s.do("true")
        os.chown(directory, b.alice.pw_uid, b.alice.pw_gid)
        t = Tools(b)
        session = b.record_of(name)["id"]
        counts = [pathlib.Path(directory) / str(i) for i in range(4)]
        loops = [subprocess.Popen(
            ["bash", "-c", PAUSES, t.nsctl, session, count],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, **t.ids(b.alice)) for count in counts]
        until = time.monotonic() + patient(30)
        while not all(_rounds(counts)) and time.monotonic() < until:
            time.sleep(0.05)
        before = _rounds(counts)
        # nsctl's own bound is what counts: it gives up with an error. How long it takes is the host's.
        said = []
        for _ in range(3):
            r = b.nsctl("pause", name)
            said.append((r.returncode, r.stderr))
            b.nsctl("resume", name)
        while sum(_rounds(counts)) <= sum(before) and time.monotonic() < until:
            time.sleep(0.05)
        after = _rounds(counts)
        for p in loops:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        _until_none_is_asked(session)
        b.nsctl("resume", name)
        b.check(all(before) and sum(after) > sum(before), "four loops of the user's own pause and resume go on",
                before, after)
        b.check([code for code, _ in said] == [0] * 3, "and root's pauses get in between", said)


test_a_users_loops_of_pause.later = "a race that is tried for long; users_do.pause has the rule"


def test_root_waits_for_one_pause_of_the_users_at_most(b):
    """Here this is the one that has the lock: no other of the user's gets in before root."""
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do("true")
        session = b.record_of(name)["id"]
        mark = os.open(RUN / "sessions" / f"{session}.paused", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.fcntl(mark, F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        root = subprocess.Popen([b.stage.bin / "nsctl", "pause", name], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        gate = RUN / "sessions" / f"{session}.paused"
        until = time.monotonic() + patient(5)
        while locks.is_free(gate) and time.monotonic() < until:
            time.sleep(0.01)
        b.check(not locks.is_free(gate), "root shuts the gate that a user's pause passes, and waits")
        r = Tools(b).ctl(b.alice, "resume", session)
        b.check(r.returncode != 0 and "at this moment" in r.stderr, "the user's next try is sent away",
                r.stderr)
        os.close(mark)
        said, _ = root.communicate(timeout=patient(20))
        b.check(root.returncode == 0 and _is_paused(b, name), "root's is next", said)
        b.nsctl("resume", name)


def _is_paused(b, name):
    rows = b.nsctl("list", "--noheadings", "-o", "USER,STATE").stdout.splitlines()
    return [name, "paused"] in [row.split() for row in rows]
