# SPDX-License-Identifier: BSD-3-Clause
"""What ordinary users may do to sessions of their own, and what they are told of them."""

import glob
import json
import os
import re
import time

from harness import ask
from harness.pace import patient
from test_nsctl_sessions import check_progress, stubborn
from test_users import Tools, login


def _same(results, names):
    """Nothing tells one of the answers from another but the word that was asked for."""
    said = {(r.returncode, r.stdout, r.stderr.replace(n, "X")) for r, n in zip(results, names)}
    return len(said) == 1 and not results[0].stdout


def test_kill(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, alice) as one, login(b, alice) as two, login(b, bob) as other:
        first, others = one.do("echo $NSSHELL_SESSION"), other.do("echo $NSSHELL_SESSION")
        for s in (one, two, other):
            s.do("trap 'echo heard >>/tmp/heard' USR1")
        r = t.ctl(b.alice, "kill", "-s", "USR1", first)
        b.check(r.stdout == f"session {first} of {alice}: SIGUSR1 to 1 process\n"
                and not r.returncode, "nsctl kill -s USR1 on an own session", r.stdout + r.stderr)
        b.check(one.do("sleep 0.2; cat /tmp/heard") == "heard", "a process of it hears it")
        b.check(two.do("ls /tmp") == "", "the other one doesn't")
        r = t.ctl(b.alice, "kill", "-s", "USR1", alice)
        b.check(r.stdout.count("SIGUSR1") == 2 and one.do("sleep 0.2; wc -l </tmp/heard") == "2",
                "by name all own ones do", r.stdout + r.stderr)
        names = (bob, others, "nobody-here")
        b.check(_same([t.ctl(b.alice, "kill", x) for x in names], names),
                "somebody else's session is as if it weren't there")
        b.check(other.do("ls /tmp") == "", "and hears nothing")
        r = t.ctl(b.alice, "kill", "-s", "KILL", first)
        end = time.monotonic() + 10
        while first in {x["id"] for x in b.stage.records()} and time.monotonic() < end:
            time.sleep(0.05)
        b.check(not r.returncode and first not in {x["id"] for x in b.stage.records()},
                "kill -s KILL ends it", r.stdout + r.stderr)
        b.check(two.do("echo on") == "on" and other.do("echo on") == "on", "all others go on")


def test_pause(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)

    def state():
        return json.loads(t.ctl(b.alice, "list", "-J").stdout)["sessions"][0]["state"]

    with login(b, alice) as s, login(b, bob):
        r = t.ctl(b.alice, "pause", alice)
        b.check(not r.returncode and ": paused" in r.stdout and state() == "paused",
                "an ordinary user pauses an own session", r.stdout + r.stderr)
        r = t.ctl(b.alice, "resume", alice)
        b.check(not r.returncode and ": resumed" in r.stdout and state() == "open"
                and s.do("echo on") == "on", "and lets it go on", r.stdout + r.stderr)
        b.run(t.nsctl, "pause", alice)
        said = [t.ctl(b.alice, "resume", alice), t.ctl(b.alice, "pause", alice),
                t.ctl(b.alice, "resume", alice)]
        b.check([r.returncode for r in said] == [1, 0, 1] and "root has paused" in said[2].stderr
                and state() == "paused", "one that root has paused, only root resumes",
                [r.stdout + r.stderr for r in said])
        r = b.run(t.nsctl, "resume", alice)
        b.check(not r.returncode and s.do("echo on") == "on", "which it does", r.stdout + r.stderr)
        t.ctl(b.alice, "pause", alice)
        b.run(t.nsctl, "pause", alice)
        r = t.ctl(b.alice, "resume", alice)
        b.check(r.returncode == 1 and state() == "paused", "also after an own pause", r.stderr)
        names = (bob, "nobody-here")
        b.check(_same([t.ctl(b.alice, "pause", x) for x in names], names),
                "somebody else's session is as if it weren't there")
        r = t.ctl(b.alice, "stop", "-q", alice)
        b.check(r.returncode == 1 and "root has paused" in r.stderr, "one that root has paused, only root stops",
                r.stderr)
        said = [t.ctl(b.alice, "kill", "-s", sig, alice) for sig in ("KILL", "TERM")]
        b.check({r.returncode for r in said} == {1} and all("root has paused" in r.stderr for r in said),
                "nor sends it a signal that could end it", [r.stdout + r.stderr for r in said])
        r = b.run(t.nsctl, "stop", "-q", alice)
        b.check(not r.returncode and {x["user"] for x in b.stage.records()} == {bob},
                "a paused session can be stopped", r.stderr)
        left = [n for n in os.listdir("/run/nsshell/sessions") if n.endswith(".paused")]
        b.check(not left, "and leaves no note of it", left)


def test_stop_shows_what_it_waits_for(b):
    name = b.alice.pw_name
    t = Tools(b)
    made = [stubborn(b, name) for _ in range(2)]
    check_progress(b, "an ordinary user", t.ctl(b.alice, "stop", name), name, [i for _, i in made])
    for s, _ in made:
        s.close()
    s, session = stubborn(b, name)
    r = t.ctl(b.alice, "stop", "-q", session)
    b.check(not r.returncode and not r.stdout and not b.stage.records(), "with -q nothing of it",
            r.stdout + r.stderr)
    s.close()
    s, session = stubborn(b, name)
    r = t.ctl(b.alice, "stop", "--no-wait", session)
    b.check(not r.returncode and not r.stdout and b.gone(name), "nor with --no-wait",
            r.stdout + r.stderr)
    s.close()


def test_status(b):
    alice = b.alice.pw_name
    t = Tools(b)
    with login(b, alice) as s:
        session = s.do("echo $NSSHELL_SESSION")
        own, roots = (json.loads(r.stdout)["sessions"][0] for r in
                      (t.ctl(b.alice, "status", "-J", session),
                       b.run(t.nsctl, "status", "-J", session)))
        b.check(own["mounts"] == roots["mounts"] and len(own["mounts"]) > 5,
                "status: an ordinary user sees the mounts of an own session", len(own["mounts"]))
        b.check([x["event"] for x in own["events"]] == ["opened"],
                "and its last events", own["events"])
        for key in ("usage", "account_usage", "processes", "events", "pressure"):
            own.pop(key), roots.pop(key)
        b.check(own.pop("outdated") == {"files": None, "rules": None} and roots.pop("outdated")["files"] is False,
                "what is outdated root alone can tell", own)
        b.check(own == roots, "all else that root sees of it", sorted(own))


def _closed(b, session):
    """The account is told once all of the session has been taken away."""
    path = f"/run/nsshell/accounts/{b.alice.pw_uid}.log"
    end = time.monotonic() + patient(20)
    while time.monotonic() < end:
        with open(path, encoding="ascii") as f:
            if re.search(rf'"event":"closed".*{session}', f.read()):
                return True
        time.sleep(0.05)
    return False


def test_log(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    for old in glob.glob(f"/run/nsshell/accounts/{b.alice.pw_uid}.log*"):
        os.unlink(old)
    with login(b, alice) as s:
        session = s.do("echo $NSSHELL_SESSION")
        t.join(b.alice, alice, "true")
        b.run(t.nsjoin, alice, "echo", "of", "root")
    b.check(_closed(b, session), "the account's log says that a session of it is over")
    with login(b, bob):
        t.join(b.bob, bob, "echo", alice)
    b.stage.config("UpperSize=nonsense\n")
    b.ssh(alice, "true")
    b.stage.config()
    with login(b, alice) as s:
        r = t.ctl(b.alice, "log")
        kinds = [x.split()[1] for x in r.stdout.splitlines()]
        b.check(sorted(kinds) == ["closed", "joined", "left", "opened", "opened", "refused"] and not r.returncode,
                "nsctl log: an ordinary user sees events of the own account, also of sessions that are over", kinds,
                r.stdout + r.stderr)
        b.check(bob not in r.stdout and "root" not in r.stdout and "nonsense" not in r.stdout,
                "nothing of others, of admins, or of the config", r.stdout)
        again = t.ctl(b.alice, "log", session)
        b.check(len(again.stdout.splitlines()) == 4, "of one session", again.stdout)
        r = t.ctl(b.alice, "log", bob)
        x = t.ctl(b.alice, "log", "nobody-here")
        b.check((r.stdout, r.stderr.replace(bob, "nobody-here"), r.returncode) == (x.stdout, x.stderr, x.returncode) and not r.stdout,
                "of others it says as little as of nobody", r.stdout + r.stderr)
        _much(b, t, s)
        session = s.do("echo $NSSHELL_SESSION")
    b.check(_closed(b, session), "and that the next one is")
    r = t.ctl(b.plain, "log")
    b.check(r.stdout == "" and r.returncode == 1 and "log in, or ask root" in r.stderr,
            "who has no session is told what to do", r.stdout + r.stderr)
    _of_another(b, t)


def _much(b, t, s):
    """More than there is room for: the newest are kept, and it doesn't grow."""
    path, uid = f"/run/nsshell/accounts/{b.alice.pw_uid}.log", b.alice.pw_uid
    session = b.record_of(b.alice.pw_name)["id"]
    for _ in range(3):
        with open(path, "a", encoding="ascii") as f:
            f.write("".join(f'{{"time":{1700000000000000 + i},"event":"closed","session":"aaaaaaaaaaaa","user":"{b.alice.pw_name}","text":"x"}}\n'
                            for i in range(500)))
        r = ask.as_user(b.alice, ask.run, uid, session, ask.command(["/bin/true"]))
        b.check(r == ("", 0), "a command in between", r)
    size = sum(os.path.getsize(p) for p in glob.glob(f"{path}*"))
    r = t.ctl(b.alice, "log", "-n", "2")
    b.check(size < 80 << 10 and [x.split()[1] for x in r.stdout.splitlines()] == ["joined", "left"],
            "it is bounded, and the newest are there", size, r.stdout + r.stderr)
    b.check(s.do("echo on") == "on", "the session goes on")


def _of_another(b, t):
    """Of who had the uid before."""
    path = f"/run/nsshell/accounts/{b.alice.pw_uid}.log"
    with open(path, "r+", encoding="ascii") as f:
        text = f.read().split("\n", 1)
        f.seek(0)
        f.write("# nstformer 1000000000\n" '{"time":1700000000000000,"event":"opened","session":"zzzzzzzzzzzz","text":"zzzz"}\n' + text[1])
    with login(b, b.alice.pw_name):
        r = t.ctl(b.alice, "log")
        b.check("zzzz" not in r.stdout and len(r.stdout.splitlines()) == 1,
                "nsctl log: nothing of another account that had the uid", r.stdout + r.stderr)
