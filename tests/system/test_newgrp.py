# SPDX-License-Identifier: BSD-3-Clause
"""Another group of the account's first: what the session does for newgrp(1) and sg(1)."""

import grp
import json
import os

from harness import ask
from harness.terminal import Terminal
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
                   directory=b.alice.pw_dir)
        b.check(said[0].split() == [b.proj.gr_name, "660"], "what it makes has that group", said)
        said = _id(b, session, b.proj.gr_name, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/self/limits; readlink /proc/self/ns/*")
        want = _id(b, session, None, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/self/limits; readlink /proc/self/ns/*")
        b.check(said == want and said[1] == 0, "and is what any command of the session's is besides", said, want)
        said = _id(b, session, None)
        b.check(said[0].split()[0] == str(b.alice.pw_gid), "without a group it is that of the passwd entry", said)
        said = _id(b, session, "")
        b.check(said[0].split()[0] == str(b.alice.pw_gid), "as with an empty name", said)
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
    none = "no login of this session has"
    with login(b, name):
        session, uid = b.record_of(name)["id"], b.alice.pw_uid
        _refused(b, session, grp.getgrgid(b.bob.pw_gid).gr_name, none)
        _refused(b, session, "root", none)
        _refused(b, session, "shadow", none)
        for group in ("nst-nobody-has-it", "0", str(b.proj.gr_gid), b.proj.gr_name + "\n", "x" * 100000, "../proj", "proj:x"):
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


def _has(b, program):
    there = os.path.exists(f"/usr/bin/{program}")
    if not there:
        b.skip(f"{program} in a box", f"no {program} on this machine")
    return there


def _on_terminal(b, name):
    t = Terminal(b.stage.sshd.argv(name, options=["-tt"]))
    t.line("PS1='re''ady> '")
    t.expect("ready> ")
    return t


def test_sg(b):
    """As users have it, in place of the setuid program."""
    if not _has(b, "sg"):
        return
    name, proj = b.alice.pw_name, b.proj.gr_name
    with login(b, name) as s:
        seen = s.do(f"(cd /usr; X=y sg {proj} -c 'id -gn; pwd; echo $X $0; exit 7'; echo $?)")
        b.check(seen.split() == [proj, "/usr", "y", "sh", "7"], "sg GROUP -c COMMAND: group, directory, environment, exit status", seen)
        seen = s.do(f"sg {proj} 'id -gn'; echo in | sg {proj} 'cat; echo err >&2' 2>/dev/null; umask 027; sg {proj} umask")
        b.check(seen.split() == [proj, "in", "0027"], "sg GROUP COMMAND, with a pipe and the umask", seen)
        seen = s.do(f"sg {proj} 'echo to a file >there' && cat there; stat -c %G there; rm there")
        b.check(seen.split("\n") == ["to a file", proj], "what it makes has that group", seen)
        seen = s.do(f"sg {proj} 'kill -TERM $$'; echo $?")
        b.check(seen == "143", "one that a signal ended", seen)
        seen = s.do(f"sg {proj} 'sg {grp.getgrgid(b.alice.pw_gid).gr_name} \"id -gn\"'; sg {proj} newgrp </dev/null; echo $?")
        b.check(seen.split() == [grp.getgrgid(b.alice.pw_gid).gr_name, "0"], "one inside of the other", seen)
        for group, words in ((grp.getgrgid(b.bob.pw_gid).gr_name, "Invalid password."), ("root", "Invalid password."),
                             ("nst-none", "sg: group 'nst-none' does not exist")):
            seen = s.do(f"sg {group} true; echo $?")
            b.check(seen.split("\n")[-2:] == [words, "1"], f"sg {group}: refused as shadow does", seen)
        for words in ("", "-x", "- "):
            seen = s.do(f"sg {words}; echo $?")
            b.check(seen.split("\n") == ["Usage: sg group [[-c] command]", "1"], f"sg {words}: the usage", seen)
        seen = s.do(f"SHELL=/nowhere newgrp {proj}; echo $?")
        b.check("/nowhere: No such file" in seen and seen.endswith("\n127"), "a shell that there isn't", seen)
        seen = s.do("newgrp -x; echo $?")
        b.check(seen.split("\n") == ["Usage: newgrp [-] [group]", "1"], "newgrp: the usage", seen)
    b.check(b.gone(name), "its session ends")


def test_sg_where_nothing_is_any_more(b):
    """What it starts there isn't started elsewhere."""
    with login(b, b.alice.pw_name) as s:
        said = s.do(f"mkdir gone; cd gone; rmdir ../gone; sg {b.proj.gr_name} pwd; echo $?; cd")
        b.check("find the working directory" in said and said.endswith("1") and b.alice.pw_dir not in said, "sg in a directory that was removed", said)


def test_newgrp_on_a_terminal(b):
    if not _has(b, "newgrp"):
        return
    name, proj = b.alice.pw_name, b.proj.gr_name
    with _on_terminal(b, name) as t:
        lines = len(b.stage.syslog.lines("nsjoin"))
        t.line(f"cd /usr; export X=y; newgrp {proj}")
        t.line("PS1='in''side> '")
        t.expect("inside> ")
        seen = t.ask("id -gn; pwd; echo $X $0; tty; stty size")
        b.check(seen.split()[:4] == [proj, "/usr", "y", "bash"] and "/dev/pts/" in seen and "37 111" in seen, "newgrp GROUP is a shell on a terminal of its size", seen)
        t.jobs_obey(b.check, "newgrp")
        t.line("kill -9 %1; exit 9; exit 9")
        t.expect("ready> ")
        seen = t.ask("echo $?; id -gn")
        b.check(seen.split() == ["9", grp.getgrgid(b.alice.pw_gid).gr_name], "its exit status comes back, and the group of before", seen)
        t.line(f"newgrp - {proj}")
        t.line("PS1='in''side> '")
        t.expect("inside> ")
        seen = t.ask("id -gn; pwd; echo \"${X-unset}\" $0 $HOME")
        b.check(seen.split() == [proj, b.alice.pw_dir, "unset", "-bash", b.alice.pw_dir], "with - it is a login shell, with its environment", seen)
        t.line("newgrp")
        t.line("PS1='de''eper> '")
        t.expect("deeper> ")
        seen = t.ask("id -gn")
        b.check(seen == grp.getgrgid(b.alice.pw_gid).gr_name, "newgrp alone goes back to the group of the passwd entry", seen)
        told = b.stage.syslog.lines("nsjoin")[lines:]
        b.check(not told and "joined" not in t.seen, "nobody is told of it", told)
        t.hang_up()
    b.check(b.gone(name), "when the terminal hangs up, all of it ends")


def test_what_the_plan_says(b):
    r = b.nsctl("plan", "--json", "--config", b.stage.conf, b.alice.pw_name)
    plan = json.loads(r.stdout)
    want = sorted({os.path.realpath(f"/usr/bin/{x}") for x in ("newgrp", "sg", "wall", "write") if os.path.exists(f"/usr/bin/{x}")})
    b.check(sorted(plan["inside"]) == want, "nsctl plan lists the programs that sessions stand in for", plan["inside"])
    r = b.nsctl("plan", "--config", b.stage.conf, b.alice.pw_name)
    b.check("programs whose work the session does itself\n  /usr/bin/newgrp\n" in r.stdout, "also in words", r.stdout[-600:])
