# SPDX-License-Identifier: BSD-3-Clause
"""Ordinary users and sessions of their own, through the setuid program."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

from harness import kernel
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.stage import COMPILER, TREE
from harness.terminal import Terminal


class Tools:
    """nsjoin and nsctl that find nsshell-own, setuid root in a folder of root's."""

    def __init__(self, b):
        self.b = b
        self.own = b.stage.base / "own" / "nsshell" / "nsshell-own"
        self.nsjoin = self.own.parent / "nsjoin"
        self.nsctl = self.own.parent / "nsctl"
        if not self.own.exists():
            self._make(b.stage)

    def _make(self, stage):
        self.own.parent.mkdir(parents=True, mode=0o755)
        self.own.parent.parent.chmod(0o755)
        shutil.copy(stage.build / "nsshell-own", self.own)
        self.own.chmod(0o4755)
        self._link(stage, self.nsjoin, "nsjoin_own", "nsjoin*", [], "-lcap")
        self._link(stage, self.nsctl, "nsctl_own", "nsctl*",
                   ["helpers/client.o", "helpers/session_id.o"],
                   *subprocess.run(["make", "-s", "-C", str(TREE), "print-libs"], text=True,
                                   check=True, stdout=subprocess.PIPE).stdout.split())

    def _link(self, stage, to, own, objects, more, *flags):
        """All objects of what make has built; only the one with a path in it is another."""
        if not (TREE / "nsshell" / f"{own}.c").exists():
            return
        found = sorted(p for p in stage.build.glob(f"nsshell/{objects}.o") if p.stem != own)
        libs = [str(stage.build / f"lib{n}.a") for n in ("run", "config", "plan", "base")]
        subprocess.run(
            [*COMPILER, "-std=gnu17", "-O2", "-fPIE", f"-I{TREE}", "-D_GNU_SOURCE", '-DVERSION="t"',
             f'-DLIBEXECDIR="{self.own.parent.parent}"', str(TREE / "nsshell" / f"{own}.c"),
             *map(str, found), *[str(stage.build / m) for m in more], *libs, *flags, "-o",
             str(to)], check=True)

    @staticmethod
    def ids(person):
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": [], "cwd": "/"}

    def join(self, person, *arguments, **kw):
        return self.b.run(self.nsjoin, *arguments, **self.ids(person), **kw)

    def ctl(self, person, *arguments, **kw):
        return self.b.run(self.nsctl, *arguments, **self.ids(person), **kw)

    def ask(self, person, *arguments, **kw):
        return self.b.run(self.own, *arguments, **self.ids(person), **kw)


def login(b, user):
    shell = b.shell(user)
    shell.do("true")
    return shell


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
        b.check(b.stage.syslog.lines(rf"nsjoin.*{name}.* joined the session of {name}"),
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
        said = [t.ask(b.alice, "stop", "wait", x) for x in (others, "0" * len(others))]
        b.check(said[0].stderr.replace(others, "X") == said[1].stderr.replace("0" * len(others), "X")
                and {r.returncode for r in said} == {125}, "by hand too", said[0].stderr)
        for words in (("stop",), ("stop", "wait"), ("stop", "wait", "../../etc/passwd"),
                      ("stop", "wait", ""), ("stop", "wait", *[first] * 65)):
            r = t.ask(b.alice, *words)
            b.check(r.returncode == 125 and r.stderr, f"refused: {' '.join(words)[:40]}", r.stderr)
        b.check(other.do("echo on") == "on", "bob's goes on")
        r = t.ctl(b.alice, "stop", "--kill", alice)
        b.check(r.returncode == 1 and "root" in r.stderr, "stop --kill is root's", r.stderr)
        r = t.ctl(b.alice, "stop", "-q", alice)
        b.check((r.returncode, r.stdout + r.stderr) == (0, "")
                and {x["user"] for x in b.stage.records()} == {bob}, "by name all own ones", r.stderr)


def _request(target, *rest, flags="c", session="", folder="", term="", settings=()):
    return ("join", flags, target, session, folder, term, str(len(settings)), *settings, *rest)


def test_hostile_calls(b):
    """The setuid program itself, called by hand."""
    name = b.alice.pw_name
    t = Tools(b)
    huge = "A" * 100_000
    with login(b, name) as s:
        r = t.ask(b.alice, *_request(name, "id", "-un"))
        b.check(r.stdout.strip() == name, "called rightly by hand it does what nsjoin does",
                r.stdout + r.stderr)
        wrong = {
            "nothing": (), "no such word": ("root",), "no arguments": ("join",),
            "a flag too many": _request(name, "id", flags="cR"),
            "to observe": _request(name, flags="o"),
            "no target": _request("", "id"), "a huge target": _request(huge, "id"),
            "a huge folder": _request(name, "id", folder="/" + huge),
            "a relative folder": _request(name, "id", folder="../.."),
            "a setting that is none": _request(name, "id", settings=("no equals sign",)),
            "many settings": _request(name, "id", settings=["A=b"] * 65),
            "a count that lies": ("join", "", name, "", "", "", "9", "A=b"),
            "a count below zero": ("join", "", name, "", "", "", "-1", "A=b"),
            "a count beyond all": ("join", "", name, "", "", "", "4294967295", "A=b"),
            "a command without its flag": _request(name, "id", flags=""),
            "the flag without a command": _request(name),
            "more than list": ("list", b.bob.pw_name), "a format": ("%n%s%n",),
        }
        for what, words in wrong.items():
            r = t.ask(b.alice, *words)
            b.check(r.returncode == 125 and r.stderr and not r.stdout, f"refused: {what}",
                    r.returncode, (r.stdout + r.stderr)[:300])
        r = b.run("sh", "-c", f"exec {t.own} join c {name} '' '' '' 0 id -un <&- 2>&-",
                  **t.ids(b.alice))
        b.check(r.stdout.strip() == name, "closed fds become /dev/null", r.stdout + r.stderr)
        r = b.run("sh", "-c", f"exec {t.own} join c {name} '' '' '' 0 ls /proc/self/fd 3</ 9</etc",
                  **t.ids(b.alice))
        b.check(r.stdout.split() == ["0", "1", "2", "3"], "others are not handed down",
                r.stdout + r.stderr)
        env = {"LD_PRELOAD": "/nowhere.so", "LD_DEBUG": "all", "TZ": ":/etc/shadow",
               "PATH": "/nowhere", "NSSHELL_SESSION": "x", "HOME": "/root", "SECRET": "x"}
        r = t.ask(b.alice, *_request(name, "env"), env=env)
        b.check(r.returncode == 0 and not any(w in r.stdout + r.stderr for w in
                ("LD_", "nowhere", "SECRET", "TZ=", "/root")), "nothing of the environment crosses",
                r.stdout + r.stderr)
        r = t.ask(b.alice, *_request(name + "\nfake line: root joined", "id"))
        b.check(r.returncode == 125 and not b.stage.syslog.lines("^fake line"),
                "no line of the log can be forged", b.stage.syslog.lines("fake")[-2:])
        r = b.run("sh", "-c", f"ulimit -n 8; ulimit -f 0; ulimit -s 256; exec {t.own} join c {name} '' '' '' 0 id",
                  **t.ids(b.alice))
        # Root of a container may not raise limits.
        b.check(r.returncode == (0 if r.stdout.startswith("uid=") else 125),
                "tiny limits: it works, or says that it doesn't",
                r.returncode, r.stdout + r.stderr)
        for words, fd in ((("list",), 1), (_request("nobody-here", "id"), 2), (("nonsense",), 2)):
            reads, writes = os.pipe()
            os.set_blocking(writes, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writes, bytes(4096))
            os.set_blocking(writes, True)
            p = subprocess.Popen([t.own, *words], stdin=subprocess.DEVNULL,
                                 stdout=writes if fd == 1 else subprocess.DEVNULL,
                                 stderr=writes if fd == 2 else subprocess.DEVNULL,
                                 **t.ids(b.alice))
            time.sleep(0.3)
            status = pathlib.Path(f"/proc/{p.pid}/status").read_text(encoding="ascii")
            ids = next(x.split()[1:] for x in status.splitlines() if x.startswith("Uid:"))
            b.check(p.poll() is None and ids == [str(b.alice.pw_uid)] * 4,
                    f"{words[0]}: a caller who doesn't read has a process of their own waiting", ids)
            p.kill()
            p.wait()
            os.close(reads)
            os.close(writes)
        b.check(b.stage.records() and s.do("echo still here") == "still here",
                "the session is as it was", b.stage.records())
    time.sleep(0.5)
    left = [repr(p) for p in kernel.processes() if p.comm in ("nsshell-own", "nsjoin")
            and str(b.stage.base) in repr(p)]
    b.check(not left, "no process is left", left)


test_hostile_calls.not_instrumented = "which needs more memory than a hostile limit leaves"
