# SPDX-License-Identifier: BSD-3-Clause
"""Typing into terminals, taking them away, and finding those of the host or of an admin."""

import os
import pathlib
import subprocess
import time

from harness import kernel
from harness.terminal import Terminal

NO = "EPERM|EACCES|EIO|ENOENT|ENXIO|ENOTTY|EINVAL"


def _on(g, t, what, command, want):
    """A try that is typed at a terminal."""
    return g.judge(what, t.ask(g.text(command)), g.text(want))


def _over_ssh(g):
    with Terminal(g.stage.sshd.argv(g.alice.pw_name, options=["-tt"])) as t:
        t.ask("true")
        for what, command, want in (
                ("TIOCSTI on the own pty of an ssh login", "tty-type", NO),
                ("TIOCSTI with bits set that the kernel ignores", "tty-type-wide", NO),
                ("TIOCLINUX on it", "tty-paste", NO),
                ("TIOCVHANGUP of it", "tty-hangup", "EPERM"),
                ("TIOCCONS: the console's output", "tty-console", "EPERM"),
                ("a line discipline that is there (null)", "tty-discipline 27 /dev/ptmx", NO),
                ("a line discipline for modems (gsm)", "tty-discipline 21", NO),
                ("a line discipline for networks (slip)", "tty-discipline 1", NO),
                ("a line discipline for radio (kiss)", "tty-discipline 5", NO),
                ("terminals of the host, in any process", "tty-foreign", "none"),
                ("ptys that somebody else has", "tty-others", "1, such as /dev/pts/0")):
            _on(g, t, what, f"./attack {command}", want)
        _on(g, t, "device nodes below /dev/pts but the own", "ls /dev/pts", "0 +ptmx")
        g.row("the own pty taken away by another login of the account",
              "{a} tty-steal /dev/pts/0", NO)
        t.line("exit")
        t.close()
    g.row("a login without a terminal", "{a} tty-type; {a} tty-paste", "ENXIO ENXIO")
    g.row("/dev/console of a login without a terminal", "{a} open /dev/console", "ENOENT|EACCES")
    for name in ("/dev/tty0", "/dev/tty1", "/dev/vcs1", "/dev/ttyS0", "/dev/hvc0"):
        g.row(f"TIOCSTI into {name}", f"{{a}} tty-type {name}", "ENOENT|EACCES")


def _over_su(g):
    """The terminal of root's that su hands down: the box may use it while it lasts."""
    with Terminal(["bash", "--norc", "--noediting"]) as t:
        t.ask("true")
        before = os.stat(t.name)
        t.line(f"su - {g.alice.pw_name}")
        t.expect(r"\$ ")
        for what, command, want in (
                ("TIOCSTI into the terminal that su hands down", "tty-type /dev/console", NO),
                ("TIOCSTI into it as fd 0", "tty-type /proc/self/fd/0", NO),
                ("TIOCLINUX on it", "tty-paste /dev/console", NO),
                ("TIOCVHANGUP of it", "tty-hangup /dev/console", "EPERM"),
                ("it as the terminal of a session of its own", "tty-steal /dev/console", "EPERM"),
                ("terminals of the host but that one", "tty-foreign",
                 r"none|\d+, such as (/proc/\d+/fd/\d+|/dev/console)")):
            _on(g, t, what, f"./attack {command}", want)
        _on(g, t, "nodes below /dev/pts", "ls /dev/pts", "ptmx")
        t.line("setsid sleep 1000 & disown; exit")
        t.expect(r"\$ |# ")
        g.wait(lambda: os.stat(t.name).st_uid == before.st_uid)
        now = os.stat(t.name)
        g.judge("afterwards the terminal is the admin's again, owner and mode",
                (now.st_uid, now.st_gid, oct(now.st_mode)) ==
                (before.st_uid, before.st_gid, oct(before.st_mode)), "True")
        holders = [p for p in kernel.processes() if g.alice.pw_uid in p.real_uids() and any(
            os.path.exists(f"/proc/{p.pid}/fd/{n}") and
            os.readlink(f"/proc/{p.pid}/fd/{n}") == t.name for n in range(3))]
        g.judge("and no process of the user holds it", holders, r"\[\]")
        t.line("exit")
        t.close()


def _of_nsjoin(g):
    """An admin steps in: what there is of her terminal, and of the one she has inside."""
    nsjoin = str(g.stage.bin / "nsjoin")
    for options, who in ((["-q"], "the user"), (["-q", "--root", "--force"], "the box's root")):
        with Terminal([nsjoin, *options, g.alice.pw_name]) as t:
            t.ask("true")
            pty, pid = t.ask("tty"), t.ask("echo $$")
            want = NO if who != "the user" else NO + "|ok"
            g.row(f"the terminal of an admin who is {who}: opened", f"{{a}} write {pty}",
                  "EACCES" if who != "the user" else "ok")
            g.row(f"TIOCSTI into the terminal of an admin who is {who}", f"{{a}} tty-type {pty}",
                  "EPERM|EACCES|EIO")
            g.row(f"the terminal of an admin who is {who}: stolen", f"{{a}} tty-steal {pty}",
                  "EPERM|EACCES")
            g.row(f"TIOCVHANGUP of the terminal of an admin who is {who}",
                  f"{{a}} tty-hangup {pty}", "EPERM|EACCES")
            g.row(f"/proc/PID/fd of an admin who is {who}", f"stat -Lc %t /proc/{pid}/fd/0",
                  "88|.*denied.*" if who == "the user" else ".*denied.*")
            g.row(f"the host's terminal of an admin who is {who}", "{a} tty-foreign", "none")
            g.row(f"signals to an admin who is {who}", f"kill -WINCH {pid} && echo sent",
                  "sent|.*not permitted.*" if who == "the user" else ".*not permitted.*")
            g.row(f"ptrace of an admin who is {who}", f"{{a}} ptrace-seize {pid}",
                  want if who == "the user" else "EPERM")
            outside = os.stat(t.name)
            g.judge(f"the command of an admin who is {who} has no fd of the host's terminal",
                    [p for p in _joined(t) for n in os.listdir(f"/proc/{p}/fd")
                     if _same(outside, f"/proc/{p}/fd/{n}")], r"\[\]")
            t.line("exit")
            t.close()


def _same(st, path):
    """Names won't do: each devpts has its own /dev/pts/0."""
    there = os.stat(path)
    return (there.st_dev, there.st_ino) == (st.st_dev, st.st_ino)


def _joined(t):
    return [p.pid for p in kernel.descendants(t.process.pid)
            if p.comm != "nsjoin" and p.comm != "sleep"]


def _pushed_back(g):
    """What a command inside types into its terminal must not reach the admin's shell."""
    marker = pathlib.Path(f"/tmp/{g.values['mark']}-typed")
    with Terminal(["bash", "--norc", "--noediting"]) as t:
        t.ask("true")
        before = subprocess.run(["stty", "-F", t.name, "-g"], stdout=subprocess.PIPE, check=True)
        code = "import fcntl, termios\\nfor c in b'touch %s\\\\n': fcntl.ioctl(0, termios.TIOCSTI, " \
               "bytes([c]))" % str(marker).encode().decode()
        for options in ("-q", "-q --root --force"):
            t.ask(f"{g.stage.bin}/nsjoin {options} {g.alice.pw_name} sh -c "
                  f"'printf \"{code}\" | python3 -; python3 -c \"$(printf \"{code}\")\"; "
                  "stty raw -echo; kill -9 $$'", timeout=20)
            seen = t.ask("echo clean")
            g.judge(f"nsjoin {options}: what is typed in from inside stays there",
                    f"{seen} {marker.exists()}", "clean False")
        after = subprocess.run(["stty", "-F", t.name, "-g"], stdout=subprocess.PIPE, check=True)
        g.judge("and the admin's terminal has the modes that it had",
                after.stdout == before.stdout, "True")
        t.line("exit")
        t.close()
    marker.unlink(missing_ok=True)


def _stands(pid):
    """Whether a program that writes all the time can't: as all that there is on the way to the terminal is full."""
    seen = set()
    for _ in range(3):
        seen.add(pathlib.Path(f"/proc/{pid}/io").read_text(encoding="ascii"))
        time.sleep(0.3)
    return len(seen) == 1


def _answered(g):
    """What the session has asked the terminal, whose answer comes when nobody inside reads it any more."""
    marker = pathlib.Path(f"/tmp/{g.values['mark']}-answered")

    def below(comm):
        return [p.pid for p in kernel.descendants(t.process.pid) if p.comm == comm]

    with Terminal(["bash", "--norc", "--noediting"]) as t:
        t.ask("true")
        for options in ("-q", "-q --root --force"):
            # Nobody reads what it shows: some of that is still on its way when the command is gone.
            t.line(f"{g.stage.bin}/nsjoin {options} {g.alice.pw_name} sh -c 'printf \"\\033[c\"; exec yes'")
            t.expect("^y$", 20)  # a prompt before it may be that of the line just typed
            asked = g.wait(lambda: below("yes") and _stands(below("yes")[0]), 20)
            for pid in below("yes"):
                g.kill(pid)
            gone = g.wait(lambda: not below("yes"))
            t.type(f"\x1b[?62c\ntouch {marker}\n")
            t.expect(r"^y?\S*# ", 20)
            seen = t.ask("echo clean")
            g.judge(f"nsjoin {options}: a late answer of the terminal's is typed into no shell",
                    f"{bool(asked)} {gone} {seen} {marker.exists()}", "True True clean False")
        # By pipes, with the terminal at the end of one alone.
        t.line(f"{g.stage.bin}/nsjoin -q {g.alice.pw_name} sh -c 'printf \"\\033[casking\\n\"; exec sleep 3600' </dev/null")
        t.expect("asking$")  # behind the prompt, or below it
        t.type(f"\x1b[?62c\ntouch {marker}\n")
        g.wait(lambda: below("sleep"))
        for pid in below("sleep"):
            g.kill(pid)
        t.expect(r"bash\S*# ", 20)
        seen = t.ask("echo clean")
        g.judge("nsjoin in a pipe: what the terminal answers is typed into no shell", f"{seen} {marker.exists()}", "clean False")
        t.line("exit")
        t.close()
    marker.unlink(missing_ok=True)


def run(g):
    _over_ssh(g)
    _answered(g)
    _of_nsjoin(g)
    _pushed_back(g)
    _over_su(g)
    g.judge("lines of the log that came from a box as a message to all", g.stage.syslog.lines(
        r"^kernel: |^systemd"), r"\[\]")
