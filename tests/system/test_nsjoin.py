# SPDX-License-Identifier: BSD-3-Clause
"""nsjoin: an admin steps into a running session."""

import hashlib
import os
import pathlib
import re
import signal
import subprocess
import time

from harness import kernel
from harness.observe import tell
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.terminal import Terminal

SESSIONS = "/run/nsshell/sessions"


def _nsjoin(b, *arguments, **kw):
    return b.run(b.stage.bin / "nsjoin", *arguments, **kw)


def _argv(b, *arguments):
    return [str(b.stage.bin / "nsjoin"), *arguments]


def _spawn(b, *arguments, **kw):
    return subprocess.Popen(_argv(b, *arguments), stdin=kw.pop("stdin", subprocess.PIPE),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def _login(b, user):
    """A login that is there when this returns."""
    shell = b.shell(user)
    shell.do("true")
    return shell


def _modes(t):
    return subprocess.run(["stty", "-F", t.name, "-g"], stdout=subprocess.PIPE, text=True,
                          check=False).stdout.strip()


def test_who_and_where(b):
    name = b.alice.pw_name
    with _login(b, name) as s:
        own = s.do(SHOW_NS)
        seen = _nsjoin(b, name, "sh", "-c", SHOW_NS)
        b.lands_inside("nsjoin USER COMMAND", seen.stdout + seen.stderr)
        b.check(seen.stdout.split() == own.split(), "in every namespace of the session",
                seen.stdout, seen.stderr)
        r = _nsjoin(b, s.do("echo $NSSHELL_SESSION"), "id", "-un")
        b.check(r.stdout.strip() == name, "nsjoin SESSION", r.stdout + r.stderr)
        same = [(_nsjoin(b, name, *c).stdout, s.do(" ".join(c)) + "\n")
                for c in (("id",), ("pwd",), ("hostname",), ("umask",))
                if c != ("umask",)]
        b.check(all(x == y for x, y in same), "as its user, with its groups, home, hostname",
                [x for pair in same for x in pair])
        r = _nsjoin(b, name, "cat", "/proc/self/cgroup")
        b.check(sorted(r.stdout.split()) == sorted(s.do("cat /proc/self/cgroup").split()),
                "in its cgroups", r.stdout + r.stderr)
        record = b.record_of(name)
        process = _spawn(b, name, "cat")
        time.sleep(0.3)
        inside = [p for p in kernel.processes() if p.comm == "cat" and p.ppid == process.pid]
        groups = pathlib.Path(f"/proc/{inside[0].pid}/cgroup").read_text(encoding="ascii") \
            if inside else ""
        b.check(not record["cgroup"] or f"/{record['cgroup']}\n" in groups,
                "which the host sees too", groups)
        process.communicate()
        r = _nsjoin(b, name, "grep", "-E", "NoNewPrivs|^Cap(Inh|Prm|Eff|Amb|Bnd)",
                    "/proc/self/status")
        values = re.findall(r":\s+(\S+)", r.stdout)
        b.check(len(values) == 6 and values[-1] == "1" and not any(int(v, 16) for v in values[:5]),
                "no capability is left, and no_new_privs is set", r.stdout + r.stderr)


def test_nothing_of_the_admin_crosses(b):
    name = b.alice.pw_name
    secret, extra = os.pipe()
    with _login(b, name):
        env = dict(os.environ, SECRET="1", LD_PRELOAD_X="1", TERM="xterm", LANG="xx")
        r = _nsjoin(b, name, "env", env=env)
        keys = sorted(line.split("=")[0] for line in r.stdout.splitlines())
        b.check(keys == ["HOME", "LANG", "LOGNAME", "NSSHELL_SESSION", "PATH", "SHELL", "USER",
                         "XDG_RUNTIME_DIR"], "the environment is a fresh one", r.stdout, r.stderr)
        r = _nsjoin(b, name, "ls", "-l", "/proc/self/fd", pass_fds=(secret, extra), cwd="/root")
        fds = re.findall(r" (\d+) -> (\S+)", r.stdout)
        b.check([f for f, _ in fds] == ["0", "1", "2", "3"] and
                all(t.startswith("pipe:") for f, t in fds if f < "3"),
                "of fds, three pipes of its own", fds, r.stderr)
        r = _nsjoin(b, name, "sh", "-c", "echo a >/dev/stdout; echo b >/dev/stderr; "
                    "read x </dev/stdin; echo $x", input="c\n")
        b.check((r.stdout, r.stderr) == ("a\nc\n", "b\n"), "/dev/stdin and its kind can be opened",
                r.stdout + r.stderr)
        r = _nsjoin(b, name, "sh", "-c", "ulimit -c; nice; cat /proc/self/oom_score_adj; umask",
                    preexec_fn=lambda: (os.nice(5), os.umask(0o077)))
        b.check(r.stdout.split()[1:] == ["0", "0", "0022"], "niceness, OOM score, umask",
                r.stdout + r.stderr)
        code = "import ctypes,sys; c=ctypes.CDLL(None); " \
               "sys.exit(c.syscall(250, 10, -3, b'user', b'nst-secret', 0) > 0)"
        outer = "import ctypes,os,sys; c=ctypes.CDLL(None); c.syscall(250, 1, None); " \
                "k=c.syscall(248, b'user', b'nst-secret', b'x', 1, -3); " \
                "assert k > 0 and c.syscall(250, 10, -3, b'user', b'nst-secret', 0) == k; " \
                "os.execv(sys.argv[1], sys.argv[1:])"
        if os.uname().machine == "x86_64":
            r = b.run("python3", "-c", outer, b.stage.bin / "nsjoin", name, "python3", "-c", code)
            b.check(r.returncode == 0, "the session keyring", f"{r.returncode} {r.stderr}")
    os.close(secret)
    os.close(extra)


def test_options(b):
    name = b.alice.pw_name
    with _login(b, name):
        r = _nsjoin(b, "-e", "A=1 2", "--env", "PATH=/bin", name, "sh", "-c", "echo $A $PATH")
        b.check(r.stdout == "1 2 /bin\n", "-e NAME=VALUE", r.stdout + r.stderr)
        r = _nsjoin(b, "-w", "/tmp", name, "pwd")
        b.check(r.stdout == "/tmp\n", "-w DIR", r.stdout + r.stderr)
        r = _nsjoin(b, "-w", "/nst/not/there", name, "pwd")
        b.check(r.returncode == 125 and "/nst/not/there" in r.stderr, "-w of what isn't there",
                r.stderr)
        r = _nsjoin(b, "-u", "nobody", name, "id", "-u")
        b.check(r.stdout == "65534\n", "-u USER", r.stdout + r.stderr)
        r = _nsjoin(b, "-u", "4242", name, "id")
        b.check(r.stdout.startswith("uid=4242 gid=4242"), "-u UID", r.stdout + r.stderr)
        r = _nsjoin(b, "-u", "nst-nobody", name, "id")
        b.check(r.returncode == 125 and "nst-nobody" in r.stderr, "-u of nobody", r.stderr)
        for options in (("--root",), ("-u", "root"), ("-u", "0")):
            r = _nsjoin(b, *options, name, "id", "-u")
            b.check(r.returncode == 125 and "Root=no" in r.stderr and not r.stdout,
                    f"{' '.join(options)} is refused with Root=no", r.stderr)
        r = _nsjoin(b, "--root", "--force", name, "sh", "-c",
                    "id -u; cat /proc/self/uid_map | head -1; cat /etc/shadow; "
                    "grep NoNewPrivs /proc/self/status; mount -t tmpfs x /mnt && echo mounted")
        b.check(r.stdout.startswith("0\n") and "NoNewPrivs:\t1" in r.stdout
                and "root:" not in r.stdout and "mounted" not in r.stdout,
                "--root --force is root of the box, with little to say", r.stdout, r.stderr)
        r = _nsjoin(b, name, "--", "echo", "-n", "x")
        b.check(r.stdout == "x", "nsjoin USER -- COMMAND", r.stdout + r.stderr)
        for wrong in ((name, "-T", "id"), ("-e", "1A=2", name), ("-e", "A", name), ("-w", "x", name),
                      ("--nonsense", name), (), ("-u",)):
            r = _nsjoin(b, *wrong)
            b.check(r.returncode == 125 and len(r.stderr.splitlines()) == 1 and not r.stdout,
                    f"nsjoin {' '.join(wrong)}", r.stderr)
    r = _nsjoin(b, "--help")
    b.check(r.returncode == 0 and "--session" in r.stdout, "--help", r.stdout.splitlines()[0])


def test_exit_statuses(b):
    name = b.alice.pw_name
    with _login(b, name) as s:
        s.do("printf 'x' >/tmp/plain; printf '#!/bin/sh\\nexit 9\\n' >/tmp/script; "
             "chmod 755 /tmp/script")
        for command, want in ((["true"], 0), (["sh", "-c", "exit 7"], 7),
                              (["sh", "-c", "kill -9 $$"], 137), (["sh", "-c", "kill -15 $$"], 143),
                              (["nst-no-command"], 127), (["/nst/none"], 127), (["/tmp/plain"], 126),
                              (["/tmp"], 126), (["/tmp/script"], 9)):
            r = _nsjoin(b, name, *command)
            b.check(r.returncode == want, f"{' '.join(command)}: exit status {want}",
                    f"{r.returncode} {r.stderr}")
        r = _nsjoin(b, name, "sh", "-c", "sleep 100 & echo done")
        b.check(r.stdout == "done\n", "what the command left behind isn't waited for",
                r.stdout + r.stderr)
        process = _spawn(b, name, "sh", "-c", "trap 'echo caught; exit 3' TERM; echo ready; "
                         "while :; do sleep 0.1; done")
        process.stdout.readline()
        process.terminate()
        out, err = process.communicate(timeout=patient(10))
        b.check((out, process.returncode) == (b"caught\n", 3), "SIGTERM to nsjoin is the command's",
                f"{out} {err} {process.returncode}")
        s.do("pkill sleep")


def test_login_shell(b):
    with _login(b, b.alice.pw_name):
        r = _nsjoin(b, b.alice.pw_name, input="echo $0 $-; shopt -q login_shell && echo login\n")
        b.check(r.stdout.split()[0] == "-bash" and "login" in r.stdout, "without a command: the "
                "account's shell, as a login shell", r.stdout + r.stderr)


def test_pipes(b):
    name = b.alice.pw_name
    blob = os.urandom(1 << 20)
    with _login(b, name):
        with open("/dev/full", "w", encoding="ascii") as full:
            r = subprocess.run(_argv(b, name, "echo", "lost"), stdout=full, stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, check=False)
        b.check(r.returncode == 125 and "No space left" in r.stderr,
                "what is lost on a full disk is an error", f"{r.returncode} {r.stderr}")
        r = subprocess.run(_argv(b, name, "cat"), input=blob, stdout=subprocess.PIPE, check=False,
                           timeout=30)
        b.check(r.stdout == blob, "a megabyte of random bytes through cat", len(r.stdout))
        r = subprocess.run(_argv(b, name, "sha256sum"), input=blob, stdout=subprocess.PIPE,
                           check=False, timeout=30)
        b.check(r.stdout.decode().split()[0] == hashlib.sha256(blob).hexdigest(),
                "the end of standard input arrives, and the answer comes back", r.stdout)
        started = time.monotonic()
        r = b.run("bash", "-c", f"head -c 128M /dev/zero | tr '\\0' x | '{b.stage.bin}/nsjoin' {name} "
                  "cat | sha256sum; echo ${PIPESTATUS[*]}", timeout=100)
        direct = b.run("bash", "-c", "head -c 128M /dev/zero | tr '\\0' x | sha256sum", timeout=100)
        b.check(r.stdout.split()[0] == direct.stdout.split()[0] and r.stdout.endswith("0 0 0 0\n"),
                "128 MiB go in and come out unharmed",
                f"{time.monotonic() - started:.1f} s for both ways and the one to compare with",
                r.stdout + r.stderr)
        source = b.stage.base / "nsjoin-tree"
        b.run("cp", "-rT", str(pathlib.Path(__file__).parent), str(source))
        r = b.run("bash", "-c", f"tar -C {source} -c harness | '{b.stage.bin}/nsjoin' -w /tmp {name} "
                  f"tar x && '{b.stage.bin}/nsjoin' -w /tmp {name} tar c harness | tar -t | "
                  "grep -c py$")
        b.check(r.returncode == 0 and int(r.stdout) > 5, "tar c | nsjoin USER tar x, and back",
                r.stdout + r.stderr)
        r = b.run("bash", "-c", f"'{b.stage.bin}/nsjoin' {name} yes | head -n 1; "
                  "echo ${PIPESTATUS[0]}")
        b.check(r.stdout == "y\n141\n", "who writes for nobody gets SIGPIPE", r.stdout + r.stderr)
        r = b.run("bash", "-c", f"yes | '{b.stage.bin}/nsjoin' {name} true; echo ${{PIPESTATUS[*]}}")
        b.check(r.stdout.split()[1] == "0", "input that nobody reads holds nothing up", r.stdout)
        path = b.stage.private / "out"
        with open(path, "ab") as f:
            f.write(b"before\n")
            f.flush()
            subprocess.run(_argv(b, name, "sh", "-c", "echo out; echo err >&2"), stdout=f, stderr=f,
                           stdin=subprocess.DEVNULL, check=False, timeout=20)
        text = path.read_text(encoding="ascii")
        b.check(sorted(text.split()) == ["before", "err", "out"], "output appended to a file", text)
        r = b.run("sh", "-c", f"'{b.stage.bin}/nsjoin' {name} sh -c 'cat; echo end' <&- 2>&1")
        b.check(r.stdout == "end\n", "without any standard input", r.stdout)


def test_terminal(b):
    name = b.alice.pw_name
    with _login(b, name), Terminal(_argv(b, name), rows=31, columns=99) as t:
        t.ask("true")
        tty = t.ask("tty")
        b.check(re.fullmatch(r"/dev/pts/\d+", tty), "nsjoin on a terminal: a pty of the session",
                tty)
        seen = t.ask(f"stat -c '%U %F' {tty}")
        b.check(seen == f"{name} character special file", "which is the user's", seen)
        b.check(t.ask("stty size") == "31 99", "of the terminal's size")
        t.resize(20, 70)
        os.kill(t.process.pid, signal.SIGWINCH)
        time.sleep(0.2)
        seen = t.ask("stty size")
        b.check(seen == "20 70", "also when that changes", seen)
        seen = t.ask("echo $TERM")
        b.check(seen == "dumb", "TERM is the terminal's", seen)
        t.jobs_obey(b.check, "nsjoin")
        t.ask("kill -9 %1; sleep 0.3; jobs")
        t.line("exit 44")
        status = t.close()
        b.check(status == 44, "and the exit status comes back", status, t.seen[-300:])
    with _login(b, name), Terminal(_argv(b, name, "cat")) as t:
        t.line("once")
        t.expect("once\nonce")
        t.type("\x04")
        b.check(t.close() == 0, "Ctrl-D ends cat")


def test_the_admins_terminal_stays_outside(b):
    """No fd of it inside, nothing to push characters into, and its modes come back."""
    name = b.alice.pw_name
    with _login(b, name), Terminal(["bash", "--norc", "--noediting"]) as t:
        t.ask("true")
        before = _modes(t)
        nsjoin = f"{b.stage.bin}/nsjoin"
        seen = t.ask(f"{nsjoin} {name} sh -c 'ls -l /proc/self/fd; stty -a' | cat")
        b.check("/dev/pts" not in seen, "with a pipe behind it there is no terminal inside", seen)
        t.ask(f"{nsjoin} {name} sh -c 'stty raw -echo'")
        b.check(_modes(t) == before, "modes set inside stay inside")
        for how, sig in (("SIGTERM", signal.SIGTERM), ("SIGHUP", signal.SIGHUP),
                         ("SIGINT", signal.SIGINT)):
            t.line(f"{nsjoin} {name} sh -c 'echo rea''dy; exec sleep 31101'; echo status $?")
            t.expect("ready")
            time.sleep(0.1)
            raw = _modes(t)
            joined = [p for p in kernel.descendants(t.process.pid) if p.comm == "nsjoin"]
            os.kill(joined[0].pid, sig)
            t.expect(f"status {128 + sig}")
            b.check(raw != before and _modes(t) == before,
                    f"{how} to nsjoin: the terminal is as it was")
        time.sleep(0.3)
        left = [p for p in kernel.processes() if "sleep 31101" in p.command()]
        b.check(not left, "and the command has been hung up", left)
        t.line(f"{nsjoin} {name} sh -c 'echo rea''dy; exec sleep 31102'; echo status $?")
        t.expect("ready")
        joined = [p for p in kernel.descendants(t.process.pid) if p.comm == "nsjoin"]
        os.kill(joined[0].pid, signal.SIGTSTP)
        t.expect("Stopped")
        time.sleep(0.1)
        b.check("isig" in subprocess.run(["stty", "-F", t.name, "-a"], stdout=subprocess.PIPE,
                                         text=True, check=False).stdout.replace("-isig", ""),
                "SIGTSTP: nsjoin stops, and gives the terminal back meanwhile")
        t.line("fg")
        time.sleep(0.5)
        b.check(_modes(t) == raw, "fg: it is raw again")
        t.type("\x03")
        time.sleep(0.5)
        b.check(t.ask("echo $?") == "130", "and Ctrl-C goes inside")
        t.line("exit")
        t.close()


def test_the_newest_of_a_second(b):
    """Two logins right after each other: the later one is meant, whatever its id is."""
    name = b.alice.pw_name
    for _ in range(4):
        with _login(b, name), _login(b, name) as two:
            seen = _nsjoin(b, name, "readlink", "/proc/self/ns/pid").stdout
            mine = two.do("readlink /proc/self/ns/pid")
            b.check(seen.strip() and seen.strip() in str(mine), "nsjoin USER: the newest", seen, mine)


test_the_newest_of_a_second.later = "needs many logins for a matter of luck"


def test_a_session_that_ends(b):
    name = b.alice.pw_name
    before = b.observer.snapshot()
    shell = _login(b, name)
    with Terminal(["bash", "--norc", "--noediting"]) as t:
        t.ask("true")
        modes = _modes(t)
        t.line(f"{b.stage.bin}/nsjoin {name} sh -c 'trap \"\" TERM HUP; echo rea''dy; "
               "while :; do sleep 1; done'; echo status $?")
        t.expect("ready")  # behind a prompt, where that comes late
        pipe = _spawn(b, name, "sh", "-c", "echo up; exec sleep 31103")
        pipe.stdout.readline()
        shell.close()
        t.expect(r"session \w{12} of \w+ has ended\n(.*\n)*status 137", timeout=12)
        b.check(_modes(t) == modes, "the session ends: nsjoin says so and ends, the terminal is as "
                "it was")
        pipe.communicate(timeout=patient(10))
        b.check(pipe.returncode > 128, "one on pipes too", pipe.returncode)
        t.line("exit")
        t.close()
    left = b.observer.left(before)
    b.check(not left, "and nothing is left", tell(left))


def test_which_session(b):
    name = b.alice.pw_name
    with _login(b, name) as one:
        first = one.do("echo $NSSHELL_SESSION")
        time.sleep(1.1)
        with _login(b, name) as two:
            second = two.do("echo $NSSHELL_SESSION")
            r = _nsjoin(b, name, "printenv", "NSSHELL_SESSION")
            b.check(r.stdout.strip() == second and first in r.stderr and second in r.stderr,
                    "several sessions: the newest, and the message lists them", r.stderr, r.stdout)
            r = _nsjoin(b, "-q", "--session", first, name, "sh", "-c", SHOW_NS)
            b.check(r.stdout.split() == one.do(SHOW_NS).split() and not r.stderr,
                    "--session: that one; -q: no message", r.stderr or "none")
            r = _nsjoin(b, "--session", first, b.bob.pw_name, "id")
            b.check(r.returncode == 125 and not r.stdout, "--session of somebody else", r.stderr)
    # A logout returns before its session has ended.
    end = time.monotonic() + patient(10)
    while b.stage.records() and time.monotonic() < end:
        time.sleep(0.05)
    r = _nsjoin(b, name, "id")
    b.check(r.returncode == 125 and "no running session" in r.stderr, "no session", r.stderr)
    r = _nsjoin(b, "nst-nobody", "id")
    b.check(r.returncode == 125 and "no running session" in r.stderr, "nobody", r.stderr)


def test_log_and_notice(b):
    name = b.alice.pw_name
    with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as t:
        t.ask("true")
        r = _nsjoin(b, name, "echo", "two words", "esc\x1b[31m")
        m = t.expect(r"nsshell: .*stepped into this session at \d\d:\d\d")
        b.check(r.returncode == 0, "the user's terminal says that an admin has come", m.group(0))
        found = b.stage.syslog.wait(f"joined the session of {name}")
        b.check(found and "root" in found[0] and "'two words'" in found[0]
                and "\x1b" not in found[0] and b.record_of(name)["id"] in found[0],
                "the log says who, whose, and what", found)
        found = b.stage.syslog.wait(f"left the session of {name}.*status 0")
        b.check(found, "and when it is over", found)
        _nsjoin(b, "--root", name, "id")
        found = b.stage.syslog.wait("didn't join.*Root=no")
        b.check(found, "and what was refused", b.stage.syslog.lines("didn't join"))
        with Terminal(_argv(b, name, "sleep", "1")) as admin:
            t.expect("stepped into this session")
            admin.close()
        found = b.stage.syslog.wait(r"on pts/\d+ joined")
        b.check(found, "and from which terminal", found)
        t.line("exit")
        t.close()
    b.stage.config("NotifyJoin=no\n")
    with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as t:
        t.ask("true")
        _nsjoin(b, name, "true")
        seen = t.ask("sleep 0.5; echo quiet")
        b.check("stepped" not in t.seen and "quiet" in seen, "NotifyJoin=no: the user isn't told",
                seen)
        b.check(b.stage.syslog.wait(f"joined the session of {name}"), "but the log is")
        t.line("exit")
        t.close()
    b.stage.config()
    with Terminal(["su", "-", name]) as t:
        t.ask("true")
        _nsjoin(b, name, "true")
        t.expect("stepped into this session")
        b.check(True, "a su from a terminal is told on that one")
        t.line("exit")
        t.close()


def test_who_may(b):
    with _login(b, b.alice.pw_name):
        for person in (b.plain, b.bob):
            r = b.run(b.stage.bin / "nsjoin", b.alice.pw_name, "id", user=person.pw_uid,
                      group=person.pw_gid, extra_groups=[])
            b.check(r.returncode == 125 and "no running session" in r.stderr and not r.stdout,
                    f"nsjoin by {person.pw_name} is refused", r.stderr)
        copy = b.stage.base / "writable"
        b.run("cp", b.stage.bin / "nsjoin", copy)
        os.chmod(copy, 0o775)
        r = b.run(copy, b.alice.pw_name, "id")
        b.check(r.returncode == 125 and "can write" in r.stderr,
                "an nsjoin that others could write refuses to run", r.stderr)


def test_from_inside(b):
    """What a box can do to who steps in: nothing that it couldn't do before."""
    name = b.alice.pw_name
    nsjoin = b.stage.bin / "nsjoin"
    digest = hashlib.sha256(nsjoin.read_bytes()).digest()
    with _login(b, name) as s:
        s.do("ln -s /proc/self/exe /tmp/evil; printf '#!/proc/self/exe\\n' >/tmp/evil2; "
             "chmod 755 /tmp/evil2")
        for path in ("/tmp/evil", "/tmp/evil2"):
            process = _spawn(b, name, path, "--help")
            process.communicate(timeout=patient(10))
        s.do("cat >/tmp/watch.py <<'X'\n"
             "import os, time\n"
             "seen, got = set(), []\n"
             "end = time.monotonic() + 4\n"
             "while time.monotonic() < end:\n"
             "    for p in os.listdir('/proc'):\n"
             "        if not p.isdigit() or int(p) < 3 or int(p) == os.getpid(): continue\n"
             "        try:\n"
             "            exe = os.readlink(f'/proc/{p}/exe')\n"
             "        except OSError: continue\n"
             "        if 'nsjoin' not in exe: continue\n"
             "        got.append(exe)\n"
             "        for flags in (os.O_WRONLY, os.O_RDWR):\n"
             "            try:\n"
             "                os.write(os.open(f'/proc/{p}/exe', flags), b'x'); got.append('WROTE')\n"
             "            except OSError: pass\n"
             "print('saw', sorted(set(got)))\n"
             "X\n(python3 /tmp/watch.py >/tmp/watched 2>&1 </dev/null &)")
        end = time.monotonic() + patient(3)
        while time.monotonic() < end:
            _nsjoin(b, "-q", name, "true")
        time.sleep(2)
        seen = s.do("cat /tmp/watched")
        b.check(seen == "saw []", "before its exec the joiner's files in /proc are closed to the box",
                seen)
        b.check(hashlib.sha256(nsjoin.read_bytes()).digest() == digest, "nsjoin is as it was")
        r = _nsjoin(b, name, "sh", "-c", "echo $PPID; ls /proc | grep -c '^[0-9]*$'; ps -e -o comm=")
        b.check(r.stdout.split()[0] == "0" and "nsjoin" not in r.stdout,
                "the joined command has no parent inside, and nsjoin isn't seen", r.stdout, r.stderr)


def test_a_record_that_lies(b):
    """A record that names another process, or other namespaces, gets nobody anywhere."""
    name = b.alice.pw_name
    with _login(b, name) as s:
        s.do("true")
        path = pathlib.Path(f"{SESSIONS}/{b.record_of(name)['id']}")
        good = path.read_text(encoding="ascii")
        me = kernel.Process(os.getpid())
        init = kernel.Process(1)
        wrong = {
            "another start time": {"init_start": "1"},
            "another process": {"init_pid": str(me.pid), "init_start": str(me.start)},
            "the host's init": {"init_pid": "1", "init_start": str(init.start)},
            "a process that isn't there": {"init_pid": "4194303"},
            "root": {"uid": "0"},
            "another group": {"cgroup": "nsshell/0/abcdefghijkl"},
            **{f"another {n} namespace": {f"ns_{n}": "4026531999"}
               for n in ("user", "pid", "mnt", "uts", "ipc")},
            **{f"no {n} namespace": {f"ns_{n}": "0"} for n in ("user", "pid", "mnt")},
        }
        host = {f"ns_{n}": re.sub(r"\D", "", v) for n, v in kernel.namespaces().items()}
        wrong["the host's process and namespaces"] = {"init_pid": str(me.pid),
                                                      "init_start": str(me.start), **host}
        try:
            for what, change in wrong.items():
                lines = [f"{k}={change.get(k, v)}" for k, v in
                         (line.split("=", 1) for line in good.splitlines())]
                path.write_text("\n".join(lines) + "\n", encoding="ascii")
                r = _nsjoin(b, name, "id")
                b.check(r.returncode == 125 and not r.stdout, f"a record with {what} is refused",
                        r.stderr)
        finally:
            path.write_text(good, encoding="ascii")
        r = _nsjoin(b, name, "id", "-un")
        b.check(r.stdout.strip() == name, "and the true one isn't", r.stdout + r.stderr)


def test_a_full_box(b):
    b.stage.config("TasksMax=12\n")
    name = b.alice.pw_name
    code = "import os,time\nfor i in range(20):\n try:\n  if os.fork() == 0: time.sleep(60); " \
           "os._exit(0)\n except OSError: break\nprint('full', flush=True); time.sleep(60)"
    filler = b.stage.sshd.background(name, f'exec python3 -c "{code}"')
    b.check(filler.stdout.readline() == "full\n", "TasksMax is used up")
    r = _nsjoin(b, name, "bash", "-c", "echo in; kill -9 -1")
    # The session may be over before the admin's own shell has gone on.
    b.check(r.stdout == "in\n" and r.returncode in (0, 128 + signal.SIGTERM, 128 + signal.SIGKILL),
            "an admin still gets in, and can end it",
            f"{r.stdout} {r.stderr} {r.returncode}", b.log_tail())
    filler.communicate(timeout=patient(10))


def test_many_at_once(b):
    name = b.alice.pw_name
    before = b.observer.snapshot()
    with _login(b, name):
        many = [_spawn(b, "-q", name, "sh", "-c", f"cat; exit {i}") for i in range(40)]
        for i, p in enumerate(many):
            p.stdin.write(b"%d" % i)
        for i in range(0, 40, 4):
            many[i].kill()
        good = 0
        for i, p in enumerate(many):
            out, _ = p.communicate(timeout=patient(20))
            good += i % 4 == 0 or (out == b"%d" % i and p.returncode == i)
        b.check(good == 40, "40 at once, every fourth one killed", good)
    left = b.observer.left(before)
    b.check(not left, "leave nothing", tell(left))
