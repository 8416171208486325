# SPDX-License-Identifier: BSD-3-Clause
"""Another group of the account's first: what the session does for newgrp(1) and sg(1)."""

import grp

from harness import ask
from test_users import login


def _id(b, session, group, command="id -g; id -Gn", **kw):
    """What a command sees that has that group first, or why it wasn't started."""
    return ask.as_user(b.alice, ask.run, b.alice.pw_uid, session, ask.command(["/bin/sh", "-c", command], group=group, **kw))


def test_a_group_of_the_account_s(b):
    name = b.alice.pw_name
    with login(b, name) as s:
        session, lines = b.record_of(name)["id"], len(b.stage.syslog.lines("nsjoin"))
        said = _id(b, session, b.proj.gr_name)
        mine = set(s.do("id -Gn").split())
        b.check(said[1] == 0 and said[0].split()[0] == str(b.proj.gr_gid), "a group that the account has becomes its first one", said)
        b.check(set(said[0].split()[1:]) == mine, "it keeps the others, its primary one too", said, mine)
        said = _id(b, session, b.proj.gr_name, "umask 007; touch made; stat -c '%G %a' made; rm made",
                   folder=b.alice.pw_dir)
        b.check(said[0].split() == [b.proj.gr_name, "660"], "what it makes has that group", said)
        said = _id(b, session, b.proj.gr_name, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/self/limits; readlink /proc/self/ns/*")
        want = _id(b, session, None, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/self/limits; readlink /proc/self/ns/*")
        b.check(said == want and said[1] == 0, "and is what any command of the session's is besides", said, want)
        said = _id(b, session, None)
        b.check(said[0].split()[0] == str(b.alice.pw_gid), "without a group it is that of the passwd entry", said)
        said = _id(b, session, grp.getgrgid(b.alice.pw_gid).gr_name)
        b.check(said[0].split()[0] == str(b.alice.pw_gid), "which can be named, too", said)
        said = _id(b, session, b.proj.gr_name, "exit 7", login=1)
        b.check(said[1] == 7 << 8 and s.do("true") == "", "its exit status comes back", said)
        told = b.stage.syslog.lines("nsjoin")[lines:]
        said = _id(b, session, b.proj.gr_name, "exit 8", login=1)
        b.check(b.stage.syslog.lines("nsjoin")[lines:] == told and said[1] == 8 << 8, "nobody is told that somebody joined", told)


def _refused(b, session, group, words):
    said = _id(b, session, group)
    b.check(said[0] == 1 and words in said[2], f"group {group[:40]!r}: refused", said)


def test_groups_that_are_not_the_account_s(b):
    name = b.alice.pw_name
    none = "none of the session's"
    with login(b, name):
        session, uid = b.record_of(name)["id"], b.alice.pw_uid
        _refused(b, session, grp.getgrgid(b.bob.pw_gid).gr_name, none)
        _refused(b, session, "root", none)
        _refused(b, session, "shadow", none)
        for group in ("nst-nobody-has-it", "", "0", str(b.proj.gr_gid), b.proj.gr_name + "\n", "x" * 100000, "../proj", "proj:x"):
            _refused(b, session, group, "does not exist")
        data = ask.command(["/bin/true"], group=b.proj.gr_name)
        for what, tail in (("a word more", b"x\0"), ("bytes behind it", b"x"), ("a second group", b"root\0")):
            said = ask.as_user(b.alice, ask.run, uid, session, data + tail)
            b.check(said[0] == 1 and "read the command" in said[2], f"{what}: refused", said)


def test_a_group_that_was_given_meanwhile(b):
    """It is none of the session's: as on a host, where the next login has it."""
    name = b.alice.pw_name
    members = grp.getgrnam(b.proj.gr_name).gr_mem
    with login(b, name):
        session = b.record_of(name)["id"]
        b.run("gpasswd", "-d", name, b.proj.gr_name)
        try:
            said = _id(b, session, b.proj.gr_name)
            b.check(said[1] == 0, "a group that was taken away stays until the session ends, as for all of its processes", said)
        finally:
            b.run("gpasswd", "-a", name, b.proj.gr_name)
    b.check(b.gone(name) and sorted(grp.getgrnam(b.proj.gr_name).gr_mem) == sorted(members), "the session ends")
