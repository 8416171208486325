# SPDX-License-Identifier: BSD-3-Clause
"""Ordinary users and sessions of their own, through the sessions' sockets."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time
import types

from harness import ask, kernel
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.terminal import Terminal


class Tools:
    """nsjoin and nsctl of who isn't root."""

    def __init__(self, b):
        self.b = b
        self.nsjoin, self.nsctl = b.stage.bin / "nsjoin", b.stage.bin / "nsctl"

    @staticmethod
    def ids(person):
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": [], "cwd": "/"}

    def join(self, person, *arguments, **kw):
        return self.b.run(self.nsjoin, *arguments, **self.ids(person), **kw)

    def ctl(self, person, *arguments, **kw):
        return self.b.run(self.nsctl, *arguments, **self.ids(person), **kw)


def login(b, user):
    shell = b.shell(user)
    shell.do("true")
    return shell


def full(b, name):
    """A login whose account may have no more processes."""
    b.stage.config("TasksMax=12\n")
    code = "import os,signal,time\nsignal.signal(17, signal.SIG_IGN)\nfor i in range(20):\n try:\n  if os.fork() == 0: time.sleep(60); " \
           "os._exit(0)\n except OSError: break\nprint('full', flush=True); time.sleep(60)"
    filler = b.stage.sshd.background(name, f'exec python3 -c "{code}"')
    b.check(filler.stdout.readline() == "full\n", "TasksMax is used up")
    return filler


def test_join_own(b):
    name = b.alice.pw_name
    t = Tools(b)
    with login(b, name) as s:
        own = s.do(SHOW_NS)
        r = t.join(b.alice, name, "sh", "-c", SHOW_NS)
        b.lands_inside("an ordinary user steps into an own session", r.stdout + r.stderr)
        b.check(r.stdout.split() == own.split(), "in every namespace of it", r.stdout, r.stderr)
        r = t.join(b.alice, s.do("echo $NSSHELL_SESSION"), "id")
        b.check(r.stdout.strip() == s.do("id"), "by its id, with the ids that a login has",
                r.stdout + r.stderr)
        r = t.join(b.alice, name, "grep", "-E", "NoNewPrivs|^Cap", "/proc/self/status")
        b.check(r.stdout.count("0000000000000000") == 5 and "NoNewPrivs:\t1" in r.stdout,
                "without capabilities, and never with any", r.stdout + r.stderr)
        r = t.join(b.alice, "-e", "X=a b", "-e", "Y=", "-w", "/usr", name, "sh", "-c",
                   'echo "$X|$Y|$PWD|$USER|$#"; exit 9', "x", "", "--", env={"SECRET": "1"})
        b.check((r.stdout, r.returncode) == (f"a b||/usr|{name}|2\n", 9),
                "-e, -w, arguments and the exit status cross", r.stdout + r.stderr)
        data = os.urandom(2_000_000)
        p = subprocess.run([t.nsjoin, name, "cat"], input=data, stdout=subprocess.PIPE,
                           timeout=20, check=False, **t.ids(b.alice))
        b.check(p.stdout == data, "2 MB through cat come back as they were", len(p.stdout))
        r = t.join(b.alice, name, "ls", "/proc/self/fd")
        b.check(r.stdout.split() == ["0", "1", "2", "3"], "with no fd but 0 to 2 (3 is ls's own)",
                r.stdout)
        b.check(b.stage.syslog.wait(rf"nsjoin.*{name}.* joined the session of {name}"),
                "the log tells it", b.stage.syslog.lines("nsjoin")[-2:])
        p = subprocess.Popen([t.nsjoin, name, "sh", "-c", "echo up; exec sleep 1000"],
                             stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
                             **t.ids(b.alice))
        p.stdout.readline()
        status = pathlib.Path(f"/proc/{p.pid}/status").read_text(encoding="ascii")
        ids = [line.split()[1:] for line in status.splitlines() if line[:4] in ("Uid:", "Gid:")]
        b.check(ids == [[str(b.alice.pw_uid)] * 4, [str(b.alice.pw_gid)] * 4]
                and "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status,
                "what stays outside meanwhile is nobody but the user", ids)
        p.terminate()
        p.communicate(timeout=patient(10))
        b.check(p.returncode == 143, "and passes signals on", p.returncode)


def test_join_own_on_a_terminal(b):
    name = b.alice.pw_name
    t = Tools(b)
    as_alice = ["setpriv", f"--reuid={b.alice.pw_uid}", f"--regid={b.alice.pw_gid}",
                "--clear-groups"]
    with login(b, name), Terminal(["sh", "-c", f'chown {name} "$(tty)"; exec "$@"', "sh", *as_alice,
                                    t.nsjoin, name], rows=31, columns=101) as term:
        b.lands_inside("nsjoin on a terminal", term.ask(SHOW_NS))
        b.check(term.ask("stty size") == "31 101", "has its size")
        seen = term.ask("tty")
        b.check(seen.startswith("/dev/pts/"), "and is one of the session's own", seen)
        term.line("exit 4")
        b.check(term.close() == 4, "the exit status is the shell's")


def test_join_nobody_elses(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, bob) as s:
        session = s.do("echo $NSSHELL_SESSION")
        there = [t.join(b.alice, x, "id") for x in (bob, session)]
        absent = [t.join(b.alice, x, "id") for x in ("nobody-here", "0" * len(session))]
        said = [r.stderr.replace(x, "X") for r, x in
                zip(there + absent, (bob, session, "nobody-here", "0" * len(session)))]
        b.check(len(set(said)) == 1 and {r.returncode for r in there + absent} == {125}
                and not any(r.stdout for r in there),
                "somebody else's session is as if it weren't there", said)
        r = t.join(b.alice, "--session", session, bob, "id")
        x = t.join(b.alice, "--session", "0" * len(session), bob, "id")
        b.check(r.returncode == x.returncode == 125
                and r.stderr.replace(session, "X") == x.stderr.replace("0" * len(session), "X"),
                "by --session too", r.stderr + x.stderr)
        with login(b, alice):
            r = t.join(b.alice, "--session", session, alice, "id")
            b.check(r.returncode == 125 and bob not in r.stderr,
                    "an own name and another's id find nothing", r.stderr)
            for options in (["--root"], ["-u", bob], ["-u", alice], ["--force"],
                            ["--root", "--force"], ["--observe"]):
                r = t.join(b.alice, *options, alice, "id")
                b.check(r.returncode == 125 and "for root" in r.stderr,
                        f"{' '.join(options[:1])} isn't for ordinary users", r.stdout + r.stderr)
        r = b.run(t.nsjoin, bob, "id", "-un")
        b.check(r.stdout.strip() == bob, "root joins whom it wants, as ever", r.stdout + r.stderr)


def test_nsctl_shows_own(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, alice) as one, login(b, alice) as two, login(b, bob) as other:
        ids = [s.do("echo $NSSHELL_SESSION") for s in (one, two)]
        others = other.do("echo $NSSHELL_SESSION")
        r = t.ctl(b.alice, "list", "--json")
        rows = json.loads(r.stdout)["sessions"]
        b.check(sorted(row["id"] for row in rows) == sorted(ids) and not r.stderr
                and all(row["user"] == alice and row["state"] == "open" and row["processes"] > 1
                        and row["memory"] for row in rows),
                "nsctl list shows an ordinary user own sessions", rows, r.stderr)
        everything = [t.ctl(b.alice, *words) for words in
                      (("list",), ("status", alice), ("status", "-J", ids[0]), ("top", "-b"))]
        b.check(not any(r.returncode or r.stderr or bob in r.stdout or others in r.stdout
                        for r in everything) and all(ids[0] in r.stdout for r in everything),
                "and so do status and top; nothing of others", [r.stderr for r in everything])
        seen = json.loads(everything[2].stdout)["sessions"][0]
        b.check(len(seen["processes"]) > 1 and seen["namespaces"]["user"] > 0,
                "status has processes and namespaces", sorted(seen))
        said = [t.ctl(b.alice, "status", x) for x in (bob, others, "nobody-here")]
        texts = {r.stderr.replace(x, "X") for r, x in zip(said, (bob, others, "nobody-here"))}
        b.check(len(texts) == 1 and {r.returncode for r in said} == {1}
                and not any(r.stdout for r in said),
                "somebody else's session is as if it weren't there", texts)
        r = t.ctl(b.plain, "list", "--json")
        b.check(json.loads(r.stdout)["sessions"] == [], "who has none sees none", r.stdout)
        for words in (("set", alice, "TasksMax=9"), ("run", alice, "--", "true"), ("metrics",),
                      ("gc",), ("enable", "sshd")):
            r = t.ctl(b.alice, *words)
            b.check(r.returncode == (125 if words[0] == "run" else 1) and "is root's" in r.stderr
                    or "are root's" in r.stderr, f"nsctl {words[0]} is root's",
                    r.stdout + r.stderr)
        r = b.run(t.nsctl, "list", "--json")
        b.check(sorted(row["id"] for row in json.loads(r.stdout)["sessions"])
                == sorted([*ids, others]), "root sees all", r.stdout)


def test_nsctl_stops_own(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, alice) as one, login(b, alice) as two, login(b, bob) as other:
        first = one.do("echo $NSSHELL_SESSION")
        others = other.do("echo $NSSHELL_SESSION")
        r = t.ctl(b.alice, "stop", first)
        b.check(r.stdout.endswith(f"session {first} of {alice} has ended\n") and not r.returncode
                and others not in r.stdout
                and first not in {x["id"] for x in b.stage.records()},
                "an ordinary user ends an own session", r.stdout + r.stderr)
        b.check(two.do("echo on") == "on", "the other one goes on")
        said = [t.ctl(b.alice, "stop", x) for x in (bob, others, "nobody-here")]
        b.check(len({r.stderr.replace(x, "X") for r, x in
                     zip(said, (bob, others, "nobody-here"))}) == 1
                and {r.returncode for r in said} == {1},
                "somebody else's session is as if it weren't there", said[1].stderr)
        b.check(other.do("echo on") == "on", "bob's goes on")
        r = t.ctl(b.alice, "stop", "--kill", alice)
        b.check(r.returncode == 1 and "root" in r.stderr, "stop --kill is root's", r.stderr)
        r = t.ctl(b.alice, "stop", "-q", alice)
        b.check((r.returncode, r.stdout + r.stderr) == (0, "")
                and {x["user"] for x in b.stage.records()} == {bob}, "by name all own ones", r.stderr)


def test_who_may_connect(b):
    """The directory is the account's to read, by an ACL, and the listener asks the kernel who it is."""
    uid = b.alice.pw_uid
    with login(b, b.alice.pw_name):
        session = b.record_of(b.alice.pw_name)["id"]
        directory, mark = f"{ask.OWN}/{uid}", f"{ask.OWN}/{uid}/{session}"
        seen = {p: (os.stat(p).st_mode & 0o777, os.stat(p).st_uid, os.stat(p).st_gid)
                for p in ("/run/nsshell", ask.OWN, directory)}
        b.check(list(seen.values()) == [(0o711, 0, 0), (0o711, 0, 0), (0o750, 0, 0)],
                "who isn't of the account gets no further than to its directory", seen)
        closed = [p for p in os.listdir("/run/nsshell") if p != "own" and os.stat(f"/run/nsshell/{p}").st_mode & 0o077]
        b.check(not closed, "and all beside it is root's alone", closed)
        r = ask.as_user(b.bob, ask.ask, uid, session, ask.RECORD)
        b.check("PermissionError" in str(r), "another account can't connect", r)
        mate = types.SimpleNamespace(pw_uid=b.bob.pw_uid, pw_gid=b.alice.pw_gid)
        r = ask.as_user(mate, os.listdir, directory)
        b.check("PermissionError" in str(r), "nor one with the same group see whose sessions there are", r)
        os.chmod(directory, 0o755)
        r = ask.as_user(b.bob, ask.ask, uid, session, ask.RECORD)
        b.check(r is None or "Broken pipe" in str(r) or "reset" in str(r), "and is hung up on where it could", r)
        os.chmod(directory, 0o750)
        r = ask.as_user(b.alice, ask.ask, uid, session, ask.RECORD)
        b.check(r[0] == 0 and f"id={session}" in r[3], "the account is answered", r)
        r = ask.as_user(b.alice, os.unlink, mark)
        b.check("PermissionError" in str(r), "and can't take the socket away", r)
        r = ask.ask(uid, session, ask.RECORD)
        b.check(r[0] == 0, "so is root", r)


def test_hostile_calls(b):
    """The socket itself, asked by hand."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    huge = "A" * 100_000
    with login(b, name) as s:
        session = b.record_of(name)["id"]
        supervisor = int(b.record_of(name)["supervisor_pid"])
        fds = _sockets(supervisor)
        r = ask.as_user(b.alice, ask.run, uid, session, ask.command(["id", "-un"], ["PATH=/usr/bin"]))
        b.check(r == (name + "\n", 0), "called rightly by hand it does what nsjoin does", r)
        for what, kind, value in (("no such request", 0, 0), ("one beyond all", 99, 0), ("the last of all", 2 ** 32 - 1, 0),
                                  ("no signal", ask.SIGNAL, 0), ("one below", ask.SIGNAL, -9),
                                  ("one above", ask.SIGNAL, 65), ("to run nothing", ask.RUN, 0)):
            r = ask.as_user(b.alice, ask.ask, uid, session, kind, value)
            b.check(isinstance(r, tuple) and r[0] == 1 and r[2], f"refused: {what}", r)
        r = ask.as_user(b.alice, ask.ask, uid, session, ask.RECORD, 0, (), 0x41414141)
        b.check(isinstance(r, tuple) and "another version" in r[2], "refused: another version's", r)
        for what, *messages in (("nothing", b""), ("a byte", b"x"), ("too much", b"x" * 5000)):
            r = ask.as_user(b.alice, ask.raw, uid, session, *messages)
            b.check(r is None, f"hung up on: {what}", r)
        good = ask.command(["id"], ["A=b"])
        wrong = {
            "an empty one": b"x", "half a head": good[:100], "a head alone": good[:ask.HEAD.size], "one cut short": good[:-3],
            "one byte more": good + b"x", "no words": ask.command([]), "a count that lies": ask.command(["id"], n_argv=2),
            "a count beyond all": ask.command(["id"], n_argv=2 ** 32 - 1),
            "counts that add up to nothing": ask.command(["id"], n_argv=2 ** 31, n_env=2 ** 31),
            "no program": ask.command(["id"], file=""), "a relative directory": ask.command(["id"], directory="../.."),
            "a pty of eight fds": ask.command(["id"], on_pty=8),
        }
        for what, data in wrong.items():
            r = ask.as_user(b.alice, ask.run, uid, session, data)
            b.check(isinstance(r, tuple) and r[0] == 1, f"refused: {what}", str(r)[:200])
        r = ask.as_user(b.alice, lambda: ask.ask(uid, session, ask.RUN, 0, os.pipe()))
        b.check(isinstance(r, tuple) and r[0] == 1, "refused: a command in a pipe that nobody writes into", r)
        r = ask.as_user(b.alice, ask.run, uid, session,
                        ask.command(["/bin/sh", "-c", "grep ^Cap /proc/self/status; ls /proc/self/fd; cat /proc/self/oom_score_adj"]))
        b.check(isinstance(r[0], str) and r[0].split().count("0000000000000000") == 5
                and r[0].split()[10:] == ["0", "1", "2", "3", "0"],
                "what is started has no capability and no other fd", r)
        r = ask.as_user(b.alice, ask.run, uid, session, ask.command(["/nowhere"]))
        b.check(r[:2] == (1, 1) and "No such file" in r[2], "a program that isn't there is told apart", r)
        held = ask.as_user(b.alice, _hold, uid, session, 40)
        b.check(b.record_of(name) and s.do("echo still here") == "still here",
                "of forty that connect and say nothing none holds up the session", held)
        r = b.nsctl("list", "--noheadings", "-o", "ID", timeout=10)
        b.check(session in r.stdout, "nor root", r.stderr)
        end = time.monotonic() + patient(15)
        while _sockets(supervisor) > fds and time.monotonic() < end:
            time.sleep(0.1)
        b.check(_sockets(supervisor) <= fds, "and they have all been let go of", f"{fds} fds, {_sockets(supervisor)}")
        left = _workers(supervisor)
        b.check(not left, "no process of it is left", left)
        r = Tools(b).join(b.alice, name + "\nfake line: root joined", "id")
        b.check(r.returncode == 125 and not b.stage.syslog.lines("^fake line"),
                "no line of the log can be forged", b.stage.syslog.lines("fake")[-2:])


def _sockets(pid):
    n = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            n += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
    return n


def _hold(uid, session, n):
    held = []
    for _ in range(n):
        try:
            held.append(ask.connect(uid, session, 1))
        except OSError:
            break
    time.sleep(0.5)
    return len(held)


def _workers(supervisor):
    init = [p for p in kernel.processes() if p.ppid == supervisor]
    return [repr(p) for p in init if "a request" in repr(p)]


WATCHES = [f"{1 << 5:016x}"] * 2


def _caps(pids):
    return [line.split()[1] for pid in pids for line in
            pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            if line.startswith(("CapPrm:", "CapEff:"))]


def test_what_a_worker_holds(b):
    """A command that runs: its worker has the connection, and nothing of the supervisor's."""
    name = b.alice.pw_name
    with login(b, name):
        supervisor = int(b.record_of(name)["supervisor_pid"])
        before = {p.pid for p in kernel.processes() if p.ppid == supervisor}
        p = subprocess.Popen([Tools(b).nsjoin, name, "sh", "-c", "echo up; exec sleep 1000"], stdout=subprocess.PIPE,
                             stdin=subprocess.PIPE, text=True, **Tools.ids(b.alice))
        p.stdout.readline()
        new = [q.pid for q in kernel.processes() if q.ppid == supervisor and q.pid not in before]
        # The command is up before its worker has become what watches it.
        end = time.monotonic() + patient(10)
        while _caps(new) != WATCHES and time.monotonic() < end:
            time.sleep(0.05)
        links = [os.readlink(f"/proc/{pid}/fd/{n}") for pid in new for n in os.listdir(f"/proc/{pid}/fd")]
        held = [x for x in links if x != "/dev/null" and not x.startswith(("socket:", "anon_inode:[pidfd]"))]
        b.check(len(new) == 1 and not held and len(links) <= 7, "it holds the connection, and no lock, lease or leash",
                (new, links))
        group = pathlib.Path(f"/proc/{new[0]}/cgroup").read_text(encoding="ascii") if new else ""
        b.check(f"/{b.alice.pw_uid}/" in group or "supervise" in group, "and counts as the account's", group)
        b.check(_caps(new) == WATCHES, "it keeps but what passing signals on takes", _caps(new))
        os.kill(p.pid, 9)
        p.wait()
        end = time.monotonic() + patient(10)
        while _alive(new) and time.monotonic() < end:
            time.sleep(0.05)
        b.check(not _alive(new), "who asked and is gone takes it and the command along", new)


def _alive(pids):
    return [p for p in pids if os.path.exists(f"/proc/{p}")]


def test_a_full_box_can_be_stopped(b):
    """No process may be started in it: neither is one needed for that."""
    name = b.alice.pw_name
    filler = full(b, name)
    session = b.record_of(name)["id"]
    r = Tools(b).ctl(b.alice, "list", "--noheadings", "-o", "ID")
    b.check(session in r.stdout, "its user sees it", r.stdout + r.stderr)
    r = Tools(b).ctl(b.alice, "stop", name)
    b.check(r.returncode == 0 and not [x for x in b.stage.records() if x["id"] == session],
            "and ends it", r.stdout + r.stderr)
    filler.communicate(timeout=patient(20))


def test_a_box_with_room_for_one_more(b):
    """Who answers may be started, who looks for that whose the home is may not."""
    name = b.alice.pw_name
    filler = full(b, name)
    session = b.record_of(name)["id"]
    sleeper = max(p.pid for p in kernel.processes() if b.alice.pw_uid in p.real_uids() and "signal.signal(17" in p.command())
    os.kill(sleeper, 9)
    end = time.monotonic() + patient(10)
    while _alive([sleeper]) and time.monotonic() < end:
        time.sleep(0.05)
    r = Tools(b).ctl(b.alice, "list", "--noheadings", "-o", "ID")
    b.check(session in r.stdout, "its user sees it", r.stdout + r.stderr)
    r = Tools(b).ctl(b.alice, "kill", "-s", "CONT", session)
    b.check(r.returncode != 0 and "as many processes as it may have" in r.stderr, "is told why more can't be done", r.stdout + r.stderr)
    r = Tools(b).ctl(b.alice, "stop", name)
    b.check(r.returncode == 0 and not [x for x in b.stage.records() if x["id"] == session],
            "and ends it", r.stdout + r.stderr)
    filler.communicate(timeout=patient(20))


def test_from_inside(b):
    """One's own sessions are reached from a box as from outside, and nobody else's."""
    alice, bob = b.alice.pw_name, b.bob.pw_name
    programs = b.stage.open / "tools"
    shutil.copytree(b.stage.bin, programs, ignore=lambda d, names: [n for n in names if n not in ("nsctl", "nsjoin")])
    b.stage.config(f"BindReadOnlyPaths={b.stage.open}\n")
    with login(b, alice) as one, login(b, alice) as two, login(b, bob):
        first, second = one.do("echo $NSSHELL_SESSION"), two.do("echo $NSSHELL_SESSION")
        seen = one.do(f"{programs}/nsctl list --noheadings -o ID | sort | tr -d ' '").split()
        b.check(seen == sorted([first, second]), "nsctl list inside shows own sessions", seen)
        seen = one.do(f"{programs}/nsjoin {second} sh -c 'echo $NSSHELL_SESSION; readlink /proc/self/ns/pid; id -u'").split()
        b.check(seen == [second, two.do("readlink /proc/self/ns/pid"), str(b.alice.pw_uid)],
                "nsjoin inside steps into another one", seen)
        said = one.do(f"{programs}/nsjoin {bob} id 2>&1; {programs}/nsctl run {alice} true 2>&1")
        b.check("no running session" in said and "uid=" not in said and "is inside session" in said,
                "others' aren't there, and what is root's isn't for there", said)
        r = one.do(f"{programs}/nsctl pause {first} 2>&1; {programs}/nsctl pause {second}; {programs}/nsctl resume {second}")
        b.check("this runs in it" in r and f"{second} of {alice}: resumed" in r, "it pauses others, and not itself", r)
        r = one.do(f"{programs}/nsctl stop {second}")
        b.check(r.endswith(f"session {second} of {alice} has ended") and
                [x["id"] for x in b.stage.records() if x["user"] == alice] == [first], "nsctl stop inside ends it", r)
        seen = one.do("ls /run/nsshell/own; touch /run/nsshell/own/$(id -u)/x 2>&1; ls -ld /run/nsshell/own/*").splitlines()
        b.check(seen[0] == str(b.alice.pw_uid) and len(seen) == 3, "in there is but the own directory, to be read", seen)
    shutil.rmtree(programs)
