# SPDX-License-Identifier: BSD-3-Clause
"""nsctl run: a command in a session without a login."""

import hashlib
import os
import signal
import subprocess
import time

from harness.pace import patient
from harness.scene import SHOW_NS
from harness.terminal import Terminal


def _argv(b, *words):
    return [str(b.stage.bin / "nsctl"), "run", "--config", str(b.stage.conf),
            "--helper", str(b.stage.helper), *words]


def _run(b, *words, **kw):
    return b.run(*_argv(b, *words), **kw)


def test_run(b):
    name = b.alice.pw_name
    r = _run(b, name, "--", "sh", "-c", SHOW_NS)
    b.lands_inside("nsctl run USER -- COMMAND", r.stdout + r.stderr)
    r = _run(b, name, "--", "sh", "-c", "id -un; id -Gn; pwd; umask; env; ls /proc/self/fd")
    lines = r.stdout.splitlines()
    b.check(lines[:1] == [name] and b.stage.accounts.name("proj") in lines[1]
            and lines[2] == b.alice.pw_dir, "as the account, with its groups, in its home",
            lines[:3], r.stderr)
    names = sorted(x.split("=")[0] for x in lines if "=" in x)
    b.check(set(names) <= {"HOME", "SHELL", "USER", "LOGNAME", "PATH", "XDG_RUNTIME_DIR", "TERM",
                           "NSSHELL_SESSION", "LANG", "PWD", "OLDPWD", "SHLVL", "_"},
            "nothing of the admin's environment crosses", names)
    b.check(lines[-4:] == ["0", "1", "2", "3"], "and no fd but 0 to 2 (3 is ls's own)",
            lines[-4:])
    r = _run(b, name, "--", "sh", "-c", "grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status")
    b.check("NoNewPrivs:\t1" in r.stdout and "CapEff:\t0000000000000000" in r.stdout,
            "without capabilities, and never with any", r.stdout)
    b.check(b.gone(name), "when it ends the session does")
    b.check(b.stage.syslog.lines(rf"nsctl.*runs sh as {name}"), "the log says who ran what",
            b.stage.syslog.lines("nsctl")[-1:])


def test_statuses_and_pipes(b):
    name = b.alice.pw_name
    seen = [_run(b, name, "--", *words).returncode for words in (
        ("true",), ("sh", "-c", "exit 7"), ("sh", "-c", "kill -TERM $$"), ("nst-no-command",),
        ("/etc/passwd",))]
    b.check(seen == [0, 7, 143, 127, 126], "exit statuses are the command's", seen)
    data = os.urandom(3_000_000)
    p = subprocess.run(_argv(b, name, "--", "cat"), input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=20, check=False)
    b.check(hashlib.sha256(p.stdout).digest() == hashlib.sha256(data).digest(),
            "pipes stay pipes: 3 MB through cat", f"{len(p.stdout)} bytes", p.stderr)
    p = subprocess.Popen(_argv(b, name, "--", "sh", "-c", "trap 'echo got; exit 3' TERM; echo up; "
                               "while :; do sleep 0.1; done"), stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    p.send_signal(signal.SIGTERM)
    out, _ = p.communicate(timeout=patient(10))
    b.check(out == "got\n" and p.returncode == 3, "signals are passed on", (out, p.returncode))


def test_options_end_at_the_user(b):
    name = b.alice.pw_name
    r = _run(b, name, "sh", "-c", "echo $0 $1", "-q", "--config")
    b.check(r.stdout == "-q --config\n" and r.returncode == 0,
            "nsctl run USER sh -c ...: what follows USER is the command's, without a -- too",
            (r.returncode, r.stdout), r.stderr)
    r = _run(b, name, "--", "sh", "-c", "echo $0", "--")
    b.check(r.stdout == "--\n", "and a -- among its words stays there", r.stdout, r.stderr)
    r = _run(b, name, "-q", "true")
    b.check(r.returncode == 64 and "before" in r.stderr,
            "an option behind USER is told, and not run", r.stderr)


def test_what_run_refuses(b):
    r = _run(b, b.plain.pw_name, "--", "true")
    b.check(r.returncode == 125 and "isn't isolated" in r.stderr,
            "an account that isn't isolated has no session to run it in", r.stderr)
    r = _run(b, "nst-nobody", "--", "true")
    b.check(r.returncode == 125 and "no account" in r.stderr, "neither has one that isn't there",
            r.stderr)
    r = _run(b, b.alice.pw_name)
    b.check(r.returncode == 64, "without a command there is nothing to do", r.stderr)
    r = b.run(b.stage.bin / "nsctl", "run", b.alice.pw_name, "--", "true", user=b.plain.pw_uid,
              group=b.plain.pw_gid, extra_groups=[])
    b.check(r.returncode == 125 and "as root" in r.stderr, "who isn't root is refused", r.stderr)
    b.stage.config("TasksMax=nonsense\n")
    r = _run(b, b.alice.pw_name, "--", "true")
    b.check(r.returncode == 125 and "TasksMax" in r.stderr, "a broken config is told", r.stderr)


def test_detached(b):
    name = b.alice.pw_name
    r = _run(b, "-d", name, "--", "sh", "-c", "tty; exec sleep 1000")
    session = r.stdout.strip()
    found = [x for x in b.stage.records() if x["id"] == session]
    b.check(r.returncode == 0 and found and found[0]["service"] == "nsctl",
            "nsctl run -d returns at once with the session's id", session or r.stderr)
    r = b.run(b.stage.bin / "nsctl", "stop", session)
    b.check(r.returncode == 0 and b.gone(name), "which can be stopped", r.stdout + r.stderr)
    r = _run(b, "-d", name, "--", "sleep", "0.3")
    b.check(r.returncode == 0 and b.gone(name), "when the command ends the session does")
    b.stage.config("Linger=yes\n")
    _run(b, "-d", name, "--", "sh", "-c", "sleep 1.5 >/dev/null 2>&1 & true")
    time.sleep(0.5)
    states = [x["state"] for x in b.stage.records()]
    b.check(states == ["lingering"], "with Linger=yes it stays while a process of it lives", states)
    b.check(b.gone(name), "and no longer")
    b.stage.config("Share=account\n")
    with b.shell(name) as s:
        session = s.do("echo $NSSHELL_SESSION")
        r = _run(b, name, "--", "sh", "-c", "echo $NSSHELL_SESSION")
        b.check(r.stdout.strip() == session, "with Share=account it joins the running session",
                r.stdout + r.stderr)
    b.check(b.gone(name), "which ends with its login")


def test_from_a_terminal(b):
    name = b.alice.pw_name
    with Terminal(_argv(b, name, "--", "bash", "--norc"), rows=37, columns=111) as t:
        b.check(t.ask("tty") == "/dev/pts/0" and t.ask("stty size") == "37 111",
                "from a terminal the command has a pty of the session's own", t.ask("tty; stty size"))
        t.resize(20, 70)
        time.sleep(0.2)
        b.check(t.ask("stty size") == "20 70", "which follows the window's size")
        t.start()
        t.type("\x03")
        b.check(t.ask("echo $?") == "130", "Ctrl-C reaches the command")
        b.check(t.ask("ls -1 /dev/pts").split() == ["0", "ptmx"], "the admin's terminal isn't there",
                t.ask("ls /dev/pts"))
        t.line("exit 5")
        status = t.close()
    b.check(status == 5 and b.gone(name), "and ends with its exit status", status)
