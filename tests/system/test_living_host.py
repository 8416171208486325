# SPDX-License-Identifier: BSD-3-Clause
"""The host goes on living under open boxes: what root changes there, and the rules for the next login."""

import os
import re

from harness.etc import own_etc, replace



def _project(b, name, secret="secret"):
    """A directory of the host's that all may write, with one in it that is to be hidden."""
    directory = b.stage.base / name
    (directory / secret).mkdir(parents=True)
    directory.chmod(0o1777)
    (directory / secret / "word").write_text("hidden\n", encoding="ascii")
    return directory


def test_a_mask_beside_an_open_session(b):
    name = b.alice.pw_name
    directory = _project(b, "masked")
    for upper in ("tmpfs", "disk"):
        b.stage.config(f"Upper={upper}\nBindPaths={directory}\nInaccessiblePaths={directory}/secret\n")
        with b.shell(name) as one:
            b.check(one.do(f"ls {directory}") == "secret", f"Upper={upper}: a bind with a mask below it",
                    b.log_tail())
            for n in (2, 3):
                r = b.ssh(name, f"ls {directory}; cat {directory}/secret/word")
                b.check(r.stdout == "secret\n" and "denied" in r.stderr,
                        f"Upper={upper}: login {n} beside it is let in, and the mask is there, too",
                        r.stdout + r.stderr, b.log_tail())
    _remove_uppers(b)


def _remove_uppers(b):
    b.gone()
    b.run("rm", "-rf", "/var/lib/nsshell/upper")


def test_a_login_beside_an_open_session_sees_the_host(b):
    name = b.alice.pw_name
    look = "cat /etc/motto /etc/late"
    with own_etc(b) as etc:
        for upper in ("tmpfs", "disk"):
            b.stage.config(f"Upper={upper}\n")
            replace(etc / "motto", "old\n")
            (etc / "late").unlink(missing_ok=True)
            with b.shell(name) as one:
                one.do(look)
                replace(etc / "motto", "new\n")
                (etc / "late").write_text("there\n", encoding="ascii")
                r = b.ssh(name, look)
                b.check(r.stdout == "new\nthere\n", f"Upper={upper}: beside an open session a login sees "
                        "a file that was replaced, and one that is new", r.stdout + r.stderr)
                (etc / "late").unlink()
                r = b.ssh(name, look)
                b.check("No such" in r.stderr, f"Upper={upper}: and that one is gone", r.stderr)
    _remove_uppers(b)


def test_rules_reach_the_next_login(b):
    name = b.alice.pw_name
    note = b.stage.open / "rule-note"
    note.write_text("seen\n", encoding="ascii")
    hide = f"InaccessiblePaths={note}\n"
    b.stage.config("Upper=tmpfs\n")
    with b.shell(name) as one:
        b.check(one.do(f"cat {note}") == "seen", "a session is opened")
        b.stage.config("Upper=tmpfs\n" + hide)
        r = b.ssh(name, f"cat {note}")
        b.check("No such" in r.stderr, "what the config hides since is hidden from the next login",
                r.stdout + r.stderr)
    b.stage.config("Upper=tmpfs\nShare=account\n")
    with b.shell(name) as one:
        first = one.do("echo $NSSHELL_SESSION")
        for rule in (hide, f"BindPaths={b.stage.open}:/mnt\n", "TmpSize=1M\n", "SystemCallFilter=~sethostname\n"):
            b.stage.config("Upper=tmpfs\nShare=account\n" + rule)
            r = b.ssh(name, "echo $NSSHELL_SESSION")
            b.check(r.stdout.strip() not in ("", first), f"Share=account and {rule.split('=')[0]}=: a "
                    "login with other rules has a session of its own", r.stdout + r.stderr)
        b.stage.config("Upper=tmpfs\nShare=account\nLinger=1s\n")
        b.check(b.ssh(name, "echo $NSSHELL_SESSION").stdout.strip() == first,
                "while one with the same joins", b.log_tail())
    b.stage.config("Upper=disk\n")
    with b.shell(name) as one:
        one.do("true")
        b.stage.config("Upper=disk\n" + hide)
        r = b.ssh(name, "echo got-in")
        b.check("got-in" not in r.stdout, "Upper=disk: beside a session with other rules a login is refused",
                r.stdout + r.stderr)
        told = re.findall(r"was opened with other groups.*nsctl stop (\w+)\)", "\n".join(b.stage.syslog.lines()))
        b.check(told == [one.do("echo $NSSHELL_SESSION")], "and the log says what to do", told, b.log_tail())
    b.gone(name)
    r = b.ssh(name, f"cat {note}")
    b.check("No such" in r.stderr, "once that one has ended, they hold", r.stdout + r.stderr)
    _remove_uppers(b)


def _group_without(etc, group, user):
    text = (etc / "group").read_text(encoding="utf-8")
    lines = [",".join(x for x in line.replace(":", ":,").split(",") if x != user).replace(":,", ":")
             if line.startswith(group + ":") else line for line in text.splitlines()]
    replace(etc / "group", "\n".join(lines) + "\n")
    return text


def test_groups_of_a_shared_session(b):
    name = b.alice.pw_name
    directory = b.stage.open / "of-proj"
    directory.mkdir()
    os.chown(directory, 0, b.proj.gr_gid)
    directory.chmod(0o2770)
    b.stage.config(f"Share=account\nBindPaths={directory}\n")
    with own_etc(b) as etc, b.shell(name) as one:
        b.check(one.do(f"touch {directory}/one && echo done") == "done", "a member of a group writes")
        first = one.do("echo $NSSHELL_SESSION")
        text = _group_without(etc, b.proj.gr_name, name)
        r = b.ssh(name, f"touch {directory}/two; id -Gn; echo $NSSHELL_SESSION")
        b.check("denied" in r.stderr and b.proj.gr_name not in r.stdout and first not in r.stdout,
                "Share=account: a login whose group was taken away has a session of its own, and writes "
                "there no more", r.stdout + r.stderr)
        replace(etc / "group", text)
        r = b.ssh(name, f"touch {directory}/two && echo $NSSHELL_SESSION")
        b.check(r.stdout.strip() == first, "given back, it joins the first again", r.stdout + r.stderr)
    b.check(not (directory / "three").exists() and (directory / "two").exists(), "as the files tell")
