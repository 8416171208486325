# SPDX-License-Identifier: BSD-3-Clause
"""Root waits for nobody's lock without end, and for no user's at all."""

import fcntl
import os
import pathlib
import stat
import subprocess

from harness.pace import patient

RUN = pathlib.Path("/run/nsshell")
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
    folder = b.stage.base / "pam.d"
    folder.mkdir(mode=0o755)
    (folder / "nst-service").write_text("session required pam_permit.so\n", encoding="ascii")
    nsctl = b.stage.bin / "nsctl"
    with Locker(b, folder, folder / "nst-service") as locker:
        b.check([x.split()[0] for x in locker.said] == ["locked"] * 2,
                "anybody can lock what anybody can read", locker.said)
        for command in ("enable", "disable"):
            r = _within(b, patient(20), nsctl, command, "--yes", "--pam-dir", folder, "nst-service")
            b.check(r is not None and r.returncode == 0 and "Done" in r.stdout,
                    f"nsctl {command} doesn't wait for a user's lock of the folder or of a service",
                    "hangs" if r is None else (r.stdout + r.stderr)[-80:])
    for f in (folder / "nst-service", folder):
        f.unlink() if f.is_file() else f.rmdir()


def test_lock_files_are_roots(b):
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        # What is bound into the box, .limits, is there to be read, and isn't a lock.
        files = [p for p in RUN.rglob("*") if p.is_file() and p.suffix != ".limits"]
        modes = {str(p): stat.filemode(p.lstat().st_mode) for p in (RUN, *files)}
        bad = {p: m for p, m in modes.items() if m[4:] != "------"}
        b.check(len(files) >= 4 and not bad, "what nsshell locks nobody but root can open", bad, modes)
        with Locker(b, RUN, *files) as locker:
            b.check(not [x for x in locker.said if x.startswith("locked")],
                    "and nobody's lock is in its way", locker.said)


def test_another_nsctl_is_waited_for_and_named(b):
    folder = b.stage.base / "pam.d"
    folder.mkdir(mode=0o755)
    (folder / "nst-service").write_text("session required pam_permit.so\n", encoding="ascii")
    RUN.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(RUN / "enable.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    r = _within(b, patient(40), b.stage.bin / "nsctl", "enable", "--yes", "--pam-dir", folder,
                "nst-service")
    os.close(fd)
    b.check(r is not None and r.returncode == 1 and f"process {os.getpid()} (" in r.stderr,
            "of two nsctl the second gives up after a while, and says for whom it waited",
            "hangs" if r is None else r.stderr)
    (folder / "nst-service").unlink()
    folder.rmdir()


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
