# SPDX-License-Identifier: BSD-3-Clause
"""nsshell, the other door: a login shell or ForceCommand, where PAM has no line of ours."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from harness import kernel
from harness.scene import SHOW_NS
from harness.sshd import Sshd, free_port
from harness.stage import TREE
from harness.terminal import Terminal

PERMIT = "".join(f"{kind} required pam_permit.so\n"
                 for kind in ("auth", "account", "password", "session"))


class Door:
    """
    nsshell and its door as make builds them, but for where they find each other and the config;
    the door setuid root in a folder of root's.
    """

    def __init__(self, b):
        self.folder = b.stage.base / "libexec" / "nsshell"
        self.shell = b.stage.base / "door" / "nsshell"
        self.door = self.folder / "nsshell-door"
        if not self.door.exists():
            self._make(b.stage)

    def _make(self, stage):
        for folder in (self.folder, self.shell.parent):
            folder.mkdir(parents=True, mode=0o755)
        self._link(stage, "door_open", self.door, "nsshell-door", "-lcap")
        self._link(stage, "nsshell", self.shell, "bin/nsshell", "-static-pie")
        self.door.chmod(0o4755)
        helper = self.folder / "nsshell-helper"
        helper.write_text(f"#!/bin/sh\nexec {stage.helper} {stage.conf}\n", encoding="ascii")
        helper.chmod(0o755)

    def _link(self, stage, own, to, made, *flags):
        """All objects of what make has built; only the one with paths in it is another."""
        objects = {"bin/nsshell": ["nsshell/door_shell.o"]}.get(made) or sorted(
            str(p.relative_to(stage.build)) for p in stage.build.glob("nsshell/door*.o")
            if p.stem != own) + ["helpers/client.o", "helpers/session_id.o"]
        libs = [str(stage.build / f"lib{n}.a") for n in ("run", "plan", "base")]
        subprocess.run(
            ["gcc", "-std=gnu17", "-O2", "-fPIE", f"-I{TREE}", "-D_GNU_SOURCE", '-DVERSION="t"',
             f'-DLIBEXECDIR="{self.folder.parent}"', str(TREE / "nsshell" / f"{own}.c"),
             *[str(stage.build / o) for o in objects], *libs, *flags, "-o", str(to)], check=True)


@contextlib.contextmanager
def _door(b, *people, config="", shell=None):
    """Who has nsshell as login shell meanwhile; no PAM service has our module."""
    door = Door(b)
    b.stage.config(f"Services=nsshell\n{config}")
    for service in (b.stage.sshd_service, "su", "su-l"):
        (b.stage.private / "pam.d" / service).write_text(PERMIT, encoding="ascii")
    try:
        for p in people:
            subprocess.run(["usermod", "-s", str(shell or door.shell), p.pw_name], check=True)
        yield door
    finally:
        for p in people:
            subprocess.run(["usermod", "-s", "/bin/bash", p.pw_name], check=True)


def _gone(b, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if not b.stage.records():
            return True
        time.sleep(0.05)
    return False


def test_a_login_shell(b):
    name = b.alice.pw_name
    with _door(b, b.alice):
        r = b.ssh(name, SHOW_NS)
        b.lands_inside("ssh host cmd, nsshell being the login shell", r.stdout + r.stderr)
        r = b.ssh(name, "id -un; id -Gn; pwd; echo $0 $SHELL; umask; ls /proc/self/fd")
        lines = r.stdout.splitlines()
        b.check(lines[:1] == [name] and b.stage.accounts.name("proj") in lines[1]
                and lines[2] == b.alice.pw_dir and lines[3] == "bash /bin/bash",
                "as the account, with its groups, in its home, in its shell", lines, r.stderr)
        b.check(lines[-4:] == ["0", "1", "2", "3"], "with no fd but 0 to 2 (3 is ls's own)",
                lines[-4:])
        r = b.ssh(name, "grep -E 'NoNewPrivs|CapEff|CapPrm|CapInh|CapAmb' /proc/self/status")
        b.check(r.stdout.count("0000000000000000") == 4 and "NoNewPrivs:\t1" in r.stdout,
                "without capabilities, and never with any", r.stdout)
        r = b.ssh(name, "echo \"$NSSHELL_SESSION\"; env | grep -c ^SSH_CONNECTION=; "
                        "cat /run/nsshell/session; ls -A /tmp | wc -l; echo $PPID; ls /home")
        lines = r.stdout.split()
        b.check(len(lines) == 6 and lines[0] == lines[2] and lines[1] == "1"
                and lines[3] == "0" and lines[4] == "0" and lines[5] == name,
                "with a session id, an own /tmp, and no other home", lines, r.stderr)
        b.check(_gone(b), "when it ends the session does", b.stage.records())
        r = b.run("su", "-", name, "-c", SHOW_NS)
        b.lands_inside("su - user -c", r.stdout + r.stderr)
        b.check(b.stage.syslog.lines(rf"opened for {name} \(nsshell\)"), "the log tells it",
                b.stage.syslog.lines("opened")[-1:])
        b.check(_gone(b), "when it ends the session does", b.stage.records())


def test_statuses_signals_and_quoting(b):
    name = b.alice.pw_name
    with _door(b, b.alice) as door:
        seen = [b.ssh(name, c).returncode for c in
                ("true", "exit 7", "kill -TERM $$", "nst-no-command", "/etc/passwd")]
        b.check(seen == [0, 7, 143, 127, 126], "exit statuses are the command's", seen)
        r = b.ssh(name, """printf '<%s>' 'a "b c"; d' "it's" \\* ; echo; cat <<'E'\n$HOME\nE\n""")
        b.check(r.stdout == """<a "b c"; d><it's><*>\n$HOME\n""", "quoting arrives unharmed",
                r.stdout + r.stderr)
        data = os.urandom(3_000_000)
        p = subprocess.run(b.stage.sshd.argv(name, "cat"), input=data, stdout=subprocess.PIPE,
                           timeout=20, check=False)
        b.check(p.stdout == data, "3 MB through cat come back as they were", len(p.stdout))
        r = b.ssh(name, "echo out; echo err >&2")
        b.check((r.stdout, r.stderr) == ("out\n", "err\n"), "stdout and stderr stay apart",
                r.stdout + r.stderr)
        p = subprocess.Popen(
            [door.shell, "-c", "trap 'echo got; exit 3' TERM; echo up; "
             "while :; do sleep 0.1; done"], stdout=subprocess.PIPE, text=True,
            user=b.alice.pw_uid, group=b.alice.pw_gid, extra_groups=[], cwd="/")
        p.stdout.readline()
        p.send_signal(signal.SIGTERM)
        out, _ = p.communicate(timeout=10)
        b.check(out == "got\n" and p.returncode == 3, "signals are passed on",
                (out, p.returncode))
        p = subprocess.Popen([door.shell, "-c", "echo up; exec sleep 1000"],
                             stdout=subprocess.PIPE, text=True, user=b.alice.pw_uid,
                             group=b.alice.pw_gid, extra_groups=[], cwd="/")
        p.stdout.readline()
        p.kill()
        p.wait()
        b.check(_gone(b), "nsshell killed: the session ends", b.stage.records())
        p.stdout.close()


def test_a_terminal(b):
    name = b.alice.pw_name
    with _door(b, b.alice):
        with Terminal(b.stage.sshd.argv(name, options=["-tt"]), rows=31, columns=101) as t:
            b.lands_inside("ssh -t", t.ask(SHOW_NS))
            seen = t.ask("tty; echo $SSH_TTY; ls /dev/pts; shopt -q login_shell && echo login")
            b.check(seen.split() == ["/dev/pts/0", "/dev/pts/0", "0", "ptmx", "login"],
                    "its terminal is of the session's own devpts, its shell a login shell", seen)
            b.check(t.ask("stty size") == "31 101", "stty size is the client's")
            t.resize(20, 61)
            t.process.send_signal(signal.SIGWINCH)
            seen = t.ask("sleep 0.5; stty size")
            b.check(seen == "20 61", "and follows when the window changes", seen)
            t.start()
            t.type("\x03")
            b.check(t.ask("echo $?") == "130", "Ctrl-C interrupts a command")
            t.start()
            t.type("\x1a")
            t.expect("Stopped")
            b.check("sleep" in t.ask("jobs"), "Ctrl-Z stops a command, jobs lists it")
            t.line("kill %1; exit 9; exit 9")
            status = t.close()
            b.check(status == 9, "the exit status of the shell comes back", status)
        b.check(_gone(b), "when it ends the session does", b.stage.records())
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            t.ask("true")
            t.hang_up()
            b.check(_gone(b), "hung up: the session ends", b.stage.records())
        with Terminal(["su", "-", name]) as t:
            before = subprocess.run(["stty", "-F", t.name, "-g"], stdout=subprocess.PIPE,
                                    check=False).stdout
            b.lands_inside("su - user on a terminal", t.ask(SHOW_NS))
            t.line("exit 4")
            status = t.process.wait(10)
            after = subprocess.run(["stty", "-F", t.name, "-g"], stdout=subprocess.PIPE,
                                   check=False).stdout
            b.check(status == 4 and before == after, "which is as it was afterwards", status)
        with Terminal(["su", "-", name, "-c", "ls -l /proc/self/fd/0 /proc/self/fd/2; "
                                              "read x; echo $x"]) as t:
            t.expect("0 -> /dev/pts/0")
            t.line("hello")
            t.expect("hello\n")
            t.close()
