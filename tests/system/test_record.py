# SPDX-License-Identifier: BSD-3-Clause
"""Record=yes: terminals of logins through PAM that root can look at."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from harness import kernel
from harness.stage import TREE
from harness.terminal import Terminal
from test_door import Door

TERMINALS = "/run/nsshell/terminals"


@contextlib.contextmanager
def shown(b, *people, config="Record=yes\n"):
    """Who has nsshell as login shell meanwhile, under sshd's, su's and login's own PAM stacks."""
    door = Door(b)
    b.stage.config(config)
    try:
        for p in people:
            subprocess.run(["usermod", "-s", str(door.shell), p.pw_name], check=True)
        yield door
    finally:
        for p in people:
            subprocess.run(["usermod", "-s", "/bin/bash", p.pw_name], check=True)


def _ssh(b, *command, person=None):
    return Terminal(b.stage.sshd.argv((person or b.alice).pw_name, *command, options=["-tt"]))


class Look:
    """nsjoin --observe, as an admin sees it."""

    def __init__(self, b, target):
        self.seen = b""
        self.process = subprocess.Popen(
            [str(b.stage.bin / "nsjoin"), "--observe", target], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)

    def sees(self, text, timeout=15):
        end = time.monotonic() + timeout
        while text not in self.seen and time.monotonic() < end:
            self.seen += self.process.stdout.read() or b""
            time.sleep(0.02)
        return text in self.seen

    def ends(self):
        out, err = self.process.communicate(timeout=15)
        self.seen += out or b""
        return self.process.returncode, err.decode()


def _refused(b, target):
    r = b.run(b.stage.bin / "nsjoin", "--observe", target)
    return r.returncode == 125 and "no terminal to look at" in r.stderr, r.stdout + r.stderr


def _of(b, name, person=None):
    """Processes of that name that the account runs inside, as the host sees them."""
    uid = (person or b.alice).pw_uid
    return [p.pid for p in kernel.processes() if p.uid == uid and p.comm == name]


def _soon(what, timeout=10):
    end = time.monotonic() + timeout
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def test_looking_over_a_shoulder(b):
    with shown(b, b.alice), _ssh(b) as t:
        b.lands_inside("the shell behind nsshell", t.ask("readlink /proc/self/ns/*"))
        b.check(t.ask("echo $0 $SHELL") == "-bash /bin/bash", "it's a login shell as ever")
        tty = t.ask("tty")
        b.check(t.ask("echo $SSH_TTY") == tty and tty.startswith("/dev/pts/"),
                "on a terminal of the session's own, and SSH_TTY is that one", tty)
        one, two = Look(b, b.alice.pw_name), None
        t.expect(r"stepped into this session")
        two = Look(b, b.record_of(b.alice.pw_name)["id"])
        t.expect(r"stepped into this session")
        b.check(True, "the user is told of each who looks")
        t.ask("echo se''en")
        b.check(one.sees(b"seen") and two.sees(b"seen"), "both see what the terminal shows")
        b.check(b"se''en" in one.seen, "and what is typed, as it is echoed")
        for look in (one, two):
            look.process.stdin.write(b"touch ~/typed\n")
            look.process.stdin.flush()
        two.process.send_signal(signal.SIGINT)
        two.ends()
        b.check(t.ask("echo still") == "still" and one.sees(b"still"),
                "one who leaves takes nothing from the other")
        b.check(not os.path.exists(f"{b.alice.pw_dir}/typed"), "what they type goes nowhere")
        t.resize(41, 123)
        t.expect("") and t.ask("for i in 1 2 3 4 5 6 7 8 9; do "
                               "[ \"$(stty size)\" = '41 123' ] && break; sleep .1; done")
        b.check(t.ask("stty size") == "41 123" and one.sees(b"41 123"),
                "the window's size is followed")
        t.line("exit 7")
        b.check(t.close() == 7, "the exit status is the shell's")
        status, err = one.ends()
        b.check(status == 0 and not err, "looking ends with the login", status, err)
        b.check(len(b.stage.syslog.lines(rf"observes the session of {b.alice.pw_name}")) == 2,
                "the log tells of both")


def test_signals_and_jobs(b):
    with shown(b, b.alice):
        with _ssh(b) as t:
            t.ask("true")
            t.start()
            t.type("\x03")
            b.check(t.ask("echo $?") == "130", "Ctrl-C ends what runs, and not the shell")
            t.start()
            t.type("\x1a")
            t.expect("Stopped")
            b.check("Stopped" in t.ask("jobs"), "Ctrl-Z stops it")
            t.ask("kill %1")
        with _ssh(b) as t:
            inner = t.ask("echo $$")
            pids = _of(b, "bash")
            b.check(len(pids) == 1 and inner.isdigit(), "one shell runs")
            t.hang_up()
            b.check(_soon(lambda: not _of(b, "bash")), "a connection that breaks ends it")
        r = b.ssh(b.alice.pw_name, "echo $NSSHELL_TERMINAL-; tty; cat", input="in\n")
        b.check(r.stdout == "-\nnot a tty\nin\n", "without a terminal nothing stands between",
                r.stdout + r.stderr)
        r = b.run(*b.stage.sshd.argv(b.alice.pw_name, "tty; exit 3", options=["-tt"]), input="")
        b.check(r.returncode == 3 and "/dev/pts/" in r.stdout,
                "a command on a terminal has one, and its status", r.stdout + r.stderr)


def test_su_and_a_shell_of_the_admins_choice(b):
    with shown(b, b.alice, config="Record=yes\nShell=/bin/dash\n"):
        with Terminal(["su", "-", b.alice.pw_name]) as t:
            b.check(t.ask("echo $0 $SHELL") == "-dash /bin/dash",
                    "su: behind nsshell inside is the shell that Shell= says")
            look = Look(b, b.alice.pw_name)
            t.expect("stepped into this session")
            b.check(t.ask("echo se''en") == "seen" and look.sees(b"seen"),
                    "its terminal can be looked at")
            t.line("exit")
            t.close()
            look.ends()


def test_from_a_profile(b):
    """The shipped snippet, for who keeps the shell that passwd(5) says."""
    text = (TREE / "config" / "profile_nsshell.sh").read_text(encoding="ascii").replace(
        "/usr/local/bin/nsshell", str(Door(b).shell))
    profile = pathlib.Path(b.alice.pw_dir) / ".bash_profile"
    profile.write_text(text + "echo pro''file\n", encoding="ascii")
    try:
        b.stage.config("Record=yes\n")
        with _ssh(b) as t:
            b.check(t.ask("echo $0 $NSSHELL_TERMINAL; tty").split()
                    == ["-bash", "/dev/pts/1", "/dev/pts/1"],
                    "a profile sends the login behind a terminal, as the same shell")
            look = Look(b, b.alice.pw_name)
            t.expect("stepped into this session")
            b.check(t.ask("echo se''en") == "seen" and look.sees(b"seen"), "it can be looked at")
            b.check(t.ask("bash -lc tty").split() == ["profile", "/dev/pts/1"]
                    and t.ask("bash -lic tty").split() == ["profile", "/dev/pts/1"],
                    "a login shell below it stays where it is")
            look.process.kill()
            look.ends()
        with _ssh(b, f"chmod 0 {TERMINALS}; unset NSSHELL_TERMINAL; exec bash -l") as t:
            b.check(t.ask("echo $NSSHELL_TERMINAL; tty").split() == ["none", "/dev/pts/0"]
                    and "can't be looked at" in t.seen,
                    "where that fails, it says so and goes on as it is", t.seen)
        r = b.run(*b.stage.sshd.argv(b.alice.pw_name, "bash -lic tty", options=["-tt"]))
        b.check(r.stdout.split()[-2:] == ["profile", "/dev/pts/0"], "a command isn't lost in it",
                r.stdout)
        b.stage.config("")
        with _ssh(b) as t:
            b.check(t.ask("echo -$NSSHELL_TERMINAL; tty").split() == ["-", "/dev/pts/0"],
                    "without Record= it does nothing")
    finally:
        profile.unlink()


def test_two_terminals(b):
    with shown(b, b.alice, config="Record=yes\nShare=account\n"), _ssh(b) as one:
        first = one.ask("tty")
        with _ssh(b) as two:
            second = two.ask("tty")
            look = Look(b, b.alice.pw_name)
            two.expect("stepped into this session")
            two.ask("echo tw''o")
            b.check(first != second and look.sees(b"two") and b"<<" + first.encode()
                    not in look.seen, "of two terminals the newest is shown")
            two.line("exit")
            two.close()
            _, err = look.ends()
            b.check("shows 2 terminals" in err and second in err, "and which it is, is said", err)
        look = Look(b, b.alice.pw_name)
        one.expect("stepped into this session")
        b.check(one.ask("echo on''e") == "one" and look.sees(b"one"),
                "when that is gone it's the other one's turn")
        r = b.run(b.stage.bin / "nsjoin", b.alice.pw_name, "echo", "hello")
        b.check(r.stdout == "hello\n", "nsjoin itself is as ever", r.stdout + r.stderr)
        one.expect("stepped into this session")
        one.ask("sleep .2")
        told = one.seen.count("stepped into")
        b.check(told == 2, "and its line is shown once, not once a pty", told)
        one.line("exit")
        one.close()
        look.ends()


def test_a_terminal_after_one_that_was_killed(b):
    with shown(b, b.alice, config="Record=yes\nShare=account\n"), _ssh(b) as one:
        one.ask("true")
        with _ssh(b) as two:
            killed = two.ask("tty")
            two.line("kill -9 $PPID")
            two.close()
        b.check(one.ask(f"ls {TERMINALS} | wc -l") == "2", "who is killed leaves a socket")
        with _ssh(b) as two:
            b.check(two.ask("tty") == killed, "the next terminal has that number")
            look = Look(b, b.alice.pw_name)
            two.expect("stepped into this session")
            b.check(two.ask("echo se''en") == "seen" and look.sees(b"seen"),
                    "and can be looked at all the same")
            two.line("exit")
            two.close()
            look.ends()
        b.check(one.ask(f"ls {TERMINALS} | wc -l") == "1", "who ends well leaves none")


def test_nothing_to_look_at(b):
    with shown(b, b.alice), b.shell(b.alice.pw_name) as s:
        s.do("true")
        refused, said = _refused(b, b.alice.pw_name)
        b.check(refused and "behind nsshell(1)" in said,
                "Record=yes, and no terminal: nsjoin says so", said)
    b.stage.config("Record=yes\n")
    with _ssh(b) as t:
        t.ask("true")
        refused, said = _refused(b, b.alice.pw_name)
        b.check(refused and "login shell or from a profile" in said,
                "Record=yes, and another login shell: nsjoin says what is missing", said)
    with shown(b, b.alice, config=""), _ssh(b) as t:
        b.check(t.ask(f"ls {TERMINALS} 2>&1; echo $NSSHELL_TERMINAL").endswith("No such file or "
                                                                              "directory"),
                "without Record= a box has no place for it")
        b.check(not _of(b, "nsshell"), "nor a process")
        refused, said = _refused(b, b.alice.pw_name)
        b.check(refused and "Record= of nsshell.conf" in said, "and nsjoin says so", said)


def test_an_observer_that_doesnt_look(b):
    with shown(b, b.alice), _ssh(b) as t:
        t.ask("true")
        look = Look(b, b.alice.pw_name)
        t.expect("stepped into this session")
        look.process.send_signal(signal.SIGSTOP)
        # More than a socket's buffer has room for.
        b.check(t.ask("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo do''ne").endswith("done"),
                "one that is stopped holds nobody up: a megabyte passes")
        look.process.send_signal(signal.SIGCONT)
        status, _ = look.ends()
        b.check(status == 0, "it was let go meanwhile", status)
        look = Look(b, b.alice.pw_name)
        t.expect("stepped into this session")
        look.process.kill()
        look.ends()
        b.check(t.ask("echo still") == "still", "one that is killed isn't missed")


def test_a_user_who_ends_what_shows_it(b):
    with shown(b, b.alice), _ssh(b) as t:
        number = t.ask("tty").rsplit("/", 1)[1]
        look = Look(b, b.alice.pw_name)
        t.expect("stepped into this session")
        t.line("kill -9 $PPID")
        b.check(t.close() != 0, "who kills the nsshell in front of the own shell is logged out")
        status, _ = look.ends()
        b.check(status == 0, "and the look is over", number, status)
        b.check(_soon(lambda: not b.stage.records()), "and the session with it")


HOSTILE = r"""
import os, socket, sys, threading
os.chdir("/run/nsshell/terminals")
mine = next(n for n in os.listdir(".") if n.isdigit())
for i in range(200):
    open(f"junk{i}", "w").close()
    os.mkfifo(f"{5000 + i}")
os.symlink("/run/nsshell/session", "4998")
os.symlink(mine, "4997")
os.mkdir("4996")
def knock():
    for i in range(2000):
        with socket.socket(socket.AF_UNIX) as s:
            s.setblocking(False)
            try:
                s.connect(mine)
                s.send(b"")
            except OSError:
                pass
threads = [threading.Thread(target=knock) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print("kno" + "cked")
"""

# Listens as a terminal would, newer than any; and accepts nobody, or floods who comes.
DEAF = r"""
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/nsshell/terminals/4000")
s.listen(0)
print("rea" + "dy", flush=True)
if sys.argv[1] == "flood":
    c, _ = s.accept()
    try:
        while True:
            c.sendmsg([os.urandom(65536)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                      (0).to_bytes(4, "little"))])
    except OSError:
        pass
    print("cu" + "t", flush=True)
time.sleep(60)
"""


def _sockets(pid):
    """Not its directories, nor what it watches those with: one of all supervisors does, and another where that ends."""
    links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    return len([x for x in links if not x.startswith("/") and "inotify" not in x])


def _rss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon"))


def test_hostile(b):
    for name, text in (("hostile.py", HOSTILE), ("deaf.py", DEAF)):
        path = pathlib.Path(b.alice.pw_dir) / name
        path.write_text(text, encoding="ascii")
        path.chmod(0o644)
    with shown(b, b.alice), _ssh(b) as t:
        t.ask("cd; true")
        supervisor = int(b.record_of(b.alice.pw_name)["supervisor_pid"])
        fds, memory = _sockets(supervisor), _rss(supervisor)
        b.check(t.ask("python3 hostile.py", 60) == "knocked",
                "8000 connects to the own terminal's socket pass, and junk beside it")
        look = Look(b, b.alice.pw_name)
        t.expect("stepped into this session")
        b.check(t.ask("echo se''en") == "seen" and look.sees(b"seen"),
                "afterwards it can be looked at as before")
        look.process.kill()
        look.ends()
        b.check(t.ask("rm -r /run/nsshell/terminals/4* /run/nsshell/terminals/5*; ls "
                      "/run/nsshell/terminals | grep -vc junk") == "1", "the terminal's own stays")
        t.line("python3 deaf.py deaf &")
        t.expect("ready")
        look = [Look(b, b.alice.pw_name) for _ in range(6)]
        t.ask("sleep 1")
        b.check(t.ask("echo still") == "still", "a socket that accepts nobody stops no one")
        for one in look:
            one.process.send_signal(signal.SIGINT)
            one.ends()
        codes = sorted(one.process.returncode for one in look)
        b.check(codes == [-signal.SIGINT] * 5 + [0] and
                len([one for one in look if b"4 at most" in one.seen]) == 1,
                "one of six waits there, four see the real one, the last is told of no room", codes)
        t.ask("kill %1; rm -f /run/nsshell/terminals/4000; wait")
        t.line("python3 deaf.py flood &")
        t.expect("ready")
        look = Look(b, b.alice.pw_name)
        end = time.monotonic() + 20
        while len(look.seen) < 8 << 20 and time.monotonic() < end:
            look.seen += look.process.stdout.read() or b""
        b.check(len(look.seen) >= 8 << 20, "what floods is only bytes")
        b.check(len(os.listdir(f"/proc/{look.process.pid}/fd")) < 10,
                "and brings no fd into nsjoin")
        look.process.kill()
        look.ends()
        t.expect("cut")
        _soon(lambda: _sockets(supervisor) == fds)
        b.check(_sockets(supervisor) == fds and _rss(supervisor) <= memory + 4096,
                "the supervisor took no part in it: no socket, and none of eight megabytes",
                f"{fds} and {_sockets(supervisor)} sockets, {memory} and {_rss(supervisor)} KiB")
        t.ask("kill %1")


def test_links_that_lead_out(b):
    """The directory is the account's: what it is replaced by must lead nowhere."""
    with shown(b, b.alice), _ssh(b) as t:
        b.check("denied" in t.ask(f"rmdir {TERMINALS} 2>&1; mv {TERMINALS} /run/x 2>&1"),
                "the directory itself is root's to replace")
        host = b.stage.base / "host.sock"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(host))
            s.listen()
            s.settimeout(0.2)
            t.ask(f"rm {TERMINALS}/*; ln -s {host} {TERMINALS}/7; ln {host} {TERMINALS}/8")
            refused, said = _refused(b, b.alice.pw_name)
            b.check(refused, "a link to another socket isn't followed", said)
            try:
                s.accept()[0].close()
                b.check(False, "and that socket hears nothing")
            except TimeoutError:
                b.check(True, "and that socket hears nothing")
        host.unlink()
