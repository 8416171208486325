# SPDX-License-Identifier: BSD-3-Clause
"""Sessions open over an upgrade and over a downgrade: programs of the first packaged version (tests/older.sh) and ours."""

import contextlib
import os
import pathlib
import shutil

from harness import kernel
from harness.scene import SHOW_NS, json_of
from harness.stage import TREE
from test_layers import _disk

OLDER = pathlib.Path(os.environ.get("NSSHELL_OLDER", TREE / "build" / "older" / "build"))
PROGRAMS = ("pam_nsshell.so", "nsshell-helper", "nsctl", "nsjoin")
WHY = "programs of an older version are built for it, and it says of each way in what others say of one"


def _install(b, build):
    """As dpkg does: what runs keeps its file."""
    for name in PROGRAMS:
        new = b.stage.bin / (name + ".dpkg-new")
        shutil.copy(build / name, new)
        new.rename(b.stage.bin / name)


@contextlib.contextmanager
def _two_versions(b):
    if not (OLDER / "nsctl").exists():
        b.skip("an upgrade", "the older version isn't built: tests/older.sh build/older")
        yield None
        return
    try:
        yield OLDER
    finally:
        b.gone()
        _install(b, b.stage.build)


def _in_hand(b, session, inside, age):
    """What an admin does with a session of another version's."""
    name = b.alice.pw_name
    said = (json_of(b.nsctl("list", "--json", "-o", "id,user,state")) or {}).get("sessions", [])
    b.check({"id": session, "user": name, "state": "open"} in said, f"nsctl list has the session of {age}", said)
    r = b.run(b.stage.bin / "nsjoin", session, "sh", "-c", SHOW_NS)
    b.check(sorted(r.stdout.split()) == sorted(inside.split()), "nsjoin steps into it", r.stdout + r.stderr)
    r = b.nsctl("status", session)
    b.check(r.returncode == 0 and session in r.stdout, "nsctl status shows it", r.stdout + r.stderr)
    r = b.nsctl("set", "-c", b.stage.conf, name, "TasksMax=77")
    b.check(r.returncode == 0, "nsctl set changes its limits", r.stdout + r.stderr)
    for command in ("pause", "resume"):
        r = b.nsctl(command, session)
        b.check(r.returncode == 0, f"nsctl {command} does", r.stdout + r.stderr)


def _ends(b, session):
    r = b.nsctl("stop", session)
    b.check(r.returncode == 0 and "has ended" in r.stdout and b.gone(b.alice.pw_name), "nsctl stop ends it", r.stdout + r.stderr)
    b.check(not [p for p in kernel.processes() if p.uid == b.alice.pw_uid], "nobody is left")


def _over(b, before, after, age):
    """A session of the one, in the hands of the other."""
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    _install(b, before)
    with b.shell(name) as s:
        inside = s.do(SHOW_NS)
        session = b.record_of(name)["id"]
        _install(b, after)
        _in_hand(b, session, inside, age)
        r = b.ssh(name, SHOW_NS)
        b.lands_inside("a second login isn't refused", r.stdout)
        shares = set(r.stdout.split()) == set(inside.split())
        b.check(shares or after == OLDER or b.stage.syslog.lines(f"another box than session {session}"),
                "it shares the first one's box" if shares else "and the log says why it has a box of its own")
        b.check(s.do("echo there") == "there", "and the first goes on")
        _ends(b, session)


def test_an_upgrade(b):
    with _two_versions(b) as older:
        if older:
            _over(b, older, b.stage.build, "the version before")


def test_a_downgrade(b):
    with _two_versions(b) as older:
        if older:
            _over(b, b.stage.build, older, "the version after")


def test_an_upgrade_with_an_upper_on_disk(b):
    """One upper is never mounted twice: the login says which session is in its way, or shares it."""
    name = b.alice.pw_name
    with _two_versions(b) as older:
        if not older:
            return
        with _disk(b):
            _install(b, older)
            with b.shell(name) as s:
                s.do(f"echo kept >{b.stage.open}/kept")
                session = b.record_of(name)["id"]
                _install(b, b.stage.build)
                r = b.ssh(name, "echo in")
                said = b.stage.syslog.lines(f"end it first .nsctl stop {session}.") or b.stage.syslog.lines(f"end session {session} first")
                b.check(r.stdout == "in\n" or said, "a second login shares it, or the log says what to do", r.stdout + r.stderr, said)
                _ends(b, session)
            r = b.ssh(name, f"cat {b.stage.open}/kept")
            b.check(r.stdout == "kept\n", "what was written is there with the new version", r.stdout + r.stderr)


def test_a_crash_over_an_upgrade(b):
    name = b.alice.pw_name
    with _two_versions(b) as older:
        if not older:
            return
        _install(b, older)
        with b.shell(name) as s:
            s.do("sleep 1000 & echo")
            session = b.record_of(name)["id"]
            _install(b, b.stage.build)
            kernel.kill_and_wait(int(b.record_of(name)["supervisor_pid"]))
        r = b.nsctl("gc")
        b.check(r.returncode == 0 and session in r.stdout and b.gone(name), "what a crash left of an older session, nsctl gc takes away",
                r.stdout + r.stderr)


def test_a_version_that_is_taken_away(b):
    """dpkg removes the old one's programs last: a helper of it may have begun, and not have opened them yet."""
    old, new = b.stage.bin / "nsshell-helper", b.stage.private / "nothing" / "nsshell-helper"
    ours = old.read_bytes()
    try:
        for program in ("planner", "init", "supervisor"):
            gone = ours.replace(f"/nsshell-{program}\0".encode(), f"/{'gone'.ljust(len(program) + 8, '-')}\0".encode())
            b.check(gone != ours, f"a helper whose nsshell-{program} has just gone")
            new.with_suffix(".new").write_bytes(gone)
            new.with_suffix(".new").chmod(0o755)
            new.with_suffix(".new").rename(old)
            r = b.ssh(b.alice.pw_name, SHOW_NS)
            b.check(r.returncode != 0 and b.stage.syslog.lines(r"refused: start \S*/gone-*: No such file"),
                    "with no other version there, it says what isn't there", r.stdout + r.stderr)
            shutil.copy(b.stage.build / "nsshell-helper", new)
            b.lands_inside("and leaves the login to the version that came", b.ssh(b.alice.pw_name, SHOW_NS).stdout)
            b.gone()
            new.unlink()
    finally:
        new.unlink(missing_ok=True)
        shutil.copy(b.stage.build / "nsshell-helper", new.with_suffix(".new"))
        new.with_suffix(".new").rename(old)


for _test in (test_an_upgrade, test_a_downgrade, test_an_upgrade_with_an_upper_on_disk, test_a_crash_over_an_upgrade):
    _test.later = WHY
