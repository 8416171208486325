# SPDX-License-Identifier: BSD-3-Clause
"""nsshell, the other door: a login shell or ForceCommand, where PAM has no line of ours."""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

from harness import kernel
from harness.hostile import Hostile
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.sshd import Sshd, free_port
from harness.stage import COMPILER, REPORTS, TREE
from harness.terminal import Terminal

EVENTS = pathlib.Path("/var/log/nsshell/events")
PERMIT = "".join(f"{kind} required pam_permit.so\n"
                 for kind in ("auth", "account", "password", "session"))


class Door:
    """
    nsshell and its door as make builds them, but for where they find each other and the config;
    the door setuid root in a directory of root's.
    """

    def __init__(self, b):
        self.directory = b.stage.base / "libexec" / "nsshell"
        self.shell = b.stage.base / "door" / "nsshell"
        self.door = self.directory / "nsshell-door"
        if not self.door.exists():
            self._make(b.stage)

    def _make(self, stage):
        for directory in (self.directory, self.shell.parent):
            directory.mkdir(parents=True, mode=0o755)
        self._link(stage, "door/open", self.door, "-lcap")
        self._link(stage, "shell/nsshell", self.shell, "-pie" if REPORTS else "-static-pie")
        self.door.chmod(0o4755)
        helper = self.directory / "nsshell-helper"
        helper.write_text(f"#!/bin/sh\nexec {stage.helper} {stage.conf}\n", encoding="ascii")
        helper.chmod(0o755)

    def _link(self, stage, own, to, *flags):
        """All objects of what make has built; only the one with paths in it is another."""
        room, name = own.split("/")
        objects = sorted(str(p.relative_to(stage.build)) for p in stage.build.glob(f"nsshell/{room}/*.o")
                         if p.stem != name and (TREE / "nsshell" / room / f"{p.stem}.c").exists())
        if room == "door":
            objects += [f"helpers/client/{n}.o" for n in ("client", "client_open", "session_id")]
        libs = [str(stage.build / f"lib{n}.a") for n in ("run", "plan", "base")]
        subprocess.run(
            [*COMPILER, "-std=gnu17", "-O2", "-fPIE", f"-I{TREE}", "-D_GNU_SOURCE", '-DVERSION="t"',
             f'-DLIBEXECDIR="{self.directory.parent}"', str(TREE / "nsshell" / f"{own}.c"),
             *[str(stage.build / o) for o in objects], *libs, *flags, "-o", str(to)], check=True)


@contextlib.contextmanager
def door_of(b, *people, config="", shell=None):
    """Who has nsshell as login shell meanwhile; no PAM service has our module."""
    door = Door(b)
    b.stage.config(config)
    for service in (b.stage.sshd_service, "su", "su-l"):
        (b.stage.private / "pam.d" / service).write_text(PERMIT, encoding="ascii")
    try:
        for p in people:
            subprocess.run(["usermod", "-s", str(shell or door.shell), p.pw_name], check=True)
        yield door
    finally:
        for p in people:
            subprocess.run(["usermod", "-s", "/bin/bash", p.pw_name], check=True)


def test_a_login_shell(b):
    name = b.alice.pw_name
    with door_of(b, b.alice):
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
                        "cat /run/nsshell/session; ls /tmp | wc -l; echo $PPID; ls /home")
        lines = r.stdout.split()
        b.check(len(lines) == 6 and lines[0] == lines[2] and lines[1] == "1"
                and lines[3] == "0" and lines[4] == "0" and lines[5] == name,
                "with a session id, an own /tmp, and no other home", lines, r.stderr)
        b.check(b.gone(), "when it ends the session does", b.stage.records())
        r = b.run("su", "-", name, "-c", SHOW_NS)
        b.lands_inside("su - user -c", r.stdout + r.stderr)
        b.check(b.stage.syslog.lines(rf"opened for {name} \(nsshell\)"), "the log tells it",
                b.stage.syslog.lines("opened")[-1:])
        b.check(b.gone(), "when it ends the session does", b.stage.records())


def test_statuses_signals_and_quoting(b):
    name = b.alice.pw_name
    with door_of(b, b.alice) as door:
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
             "while :; do sleep 0.1; done"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            user=b.alice.pw_uid, group=b.alice.pw_gid, extra_groups=[], cwd="/")
        p.stdout.readline()
        p.send_signal(signal.SIGTERM)
        out, _ = p.communicate(timeout=patient(10))
        b.check(out == "got\n" and p.returncode == 3, "signals are passed on",
                (out, p.returncode))
        p = subprocess.Popen([door.shell, "-c", "echo up; exec sleep 1000"],
                             stdout=subprocess.PIPE, text=True, user=b.alice.pw_uid,
                             group=b.alice.pw_gid, extra_groups=[], cwd="/")
        p.stdout.readline()
        p.kill()
        p.wait()
        b.check(b.gone(), "nsshell killed: the session ends", b.stage.records())
        p.stdout.close()


def test_a_terminal(b):
    name = b.alice.pw_name
    with door_of(b, b.alice):
        with Terminal(b.stage.sshd.argv(name, options=["-tt"]), rows=31, columns=101) as t:
            b.lands_inside("ssh -t", t.ask(SHOW_NS))
            seen = t.ask("tty; echo $SSH_TTY; ls /dev/pts; shopt -q login_shell && echo login")
            b.check(seen.split() == ["/dev/pts/0", "/dev/pts/0", "0", "ptmx", "login"],
                    "its terminal is of the session's own devpts, its shell a login shell", seen)
            b.check(t.ask("stty size") == "31 101", "stty size is the client's")
            t.resize(20, 61)
            t.process.send_signal(signal.SIGWINCH)
            seen = t.ask("for i in $(seq 100); do [ \"$(stty size)\" = '20 61' ] && break; sleep 0.1; done; stty size")
            b.check(seen == "20 61", "and follows when the window changes", seen)
            t.jobs_obey(b.check, "nsshell")
            t.line("kill %1; exit 9; exit 9")
            status = t.close()
            b.check(status == 9, "the exit status of the shell comes back", status)
        b.check(b.gone(), "when it ends the session does", b.stage.records())
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            t.ask("true")
            t.hang_up()
            b.check(b.gone(), "hung up: the session ends", b.stage.records())
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


def _event(kind, user):
    """The last one of its kind that the host has of somebody."""
    lines = [json.loads(x) for x in EVENTS.read_text(encoding="ascii").splitlines()] if EVENTS.exists() else []
    return next((x for x in reversed(lines) if x["event"] == kind and x.get("user") == user), None)


def test_what_is_not_isolated(b):
    name = b.alice.pw_name
    outside = os.readlink("/proc/self/ns/mnt")
    with door_of(b, b.alice, b.plain) as door:
        r = b.ssh(b.plain.pw_name, "readlink /proc/self/ns/mnt; echo $0; exit 3")
        b.check(r.stdout.split() == [outside, "bash"] and r.returncode == 3,
                "an account without Isolate=yes gets a plain shell", r.stdout + r.stderr)
        r = b.run(door.shell, "-c", "readlink /proc/self/ns/mnt; id -u")
        b.check(r.stdout.split() == [outside, "0"], "so does root", r.stdout + r.stderr)
        b.stage.config("TasksMax=nonsense\n")
        r = b.ssh(name, "echo in")
        b.check(r.returncode == 125 and "session id" in r.stderr and not r.stdout
                and b.stage.syslog.wait("refused.*TasksMax"),
                "a broken config: refused, the log says why", r.stdout + r.stderr)
        b.stage.config("OnError=allow\nBindPaths=/nst-not-there\n")
        r = b.ssh(name, "readlink /proc/self/ns/mnt")
        b.check(r.stdout.strip() == outside and b.stage.syslog.lines("NOT ISOLATED"),
                "OnError=allow: let in, with an alert in the log", r.stdout + r.stderr)
        b.stage.config("Services=\nServices=sshd\n")
        r = b.ssh(name, "readlink /proc/self/ns/mnt")
        b.check(r.stdout.strip() == outside, "Services= without nsshell: a plain shell",
                r.stdout + r.stderr)
        helper = door.directory / "nsshell-helper"
        helper.rename(door.directory / "away")
        r = b.ssh(name, "echo in")
        (door.directory / "away").rename(helper)
        b.check(r.returncode == 125 and not r.stdout, "without a helper: refused",
                r.stdout + r.stderr)
        told = _event("refused", name)
        b.check(told and told["session"] in r.stderr and "nsshell-helper" in told["text"],
                "which is an event that the user's sentence leads to", told, r.stderr)
        b.stage.config()
        exempt = "nsshell-exempt"
        made = subprocess.run(["groupadd", exempt], stderr=subprocess.DEVNULL, check=False)
        if made.returncode == 0:
            try:
                subprocess.run(["usermod", "-a", "-G", exempt, name], check=True)
                helper.rename(door.directory / "away")
                r = b.ssh(name, "readlink /proc/self/ns/mnt")
                (door.directory / "away").rename(helper)
                b.check(r.stdout.strip() == outside and b.stage.syslog.lines("although") and _event("exempt", name),
                        "but for members of nsshell-exempt, of whom an event tells", r.stdout + r.stderr)
            finally:
                subprocess.run(["groupdel", exempt], check=False)
        door.door.chmod(0o755)
        r = b.ssh(name, "echo in")
        door.door.chmod(0o4755)
        b.check(r.returncode == 125 and "setuid root" in r.stderr and not r.stdout,
                "a door that isn't setuid root: refused", r.stdout + r.stderr)


def test_the_real_shell(b):
    name = b.alice.pw_name
    with door_of(b, b.alice, config="Shell=/bin/dash\n") as door:
        r = b.ssh(name, "echo $0 $SHELL; readlink /proc/self/exe")
        b.check(r.stdout.split()[:2] == ["dash", "/bin/dash"], "Shell=/bin/dash",
                r.stdout + r.stderr)
        r = b.ssh(name, f"{door.shell} -c 'echo $0 $NSSHELL_SESSION; tty' ; echo $NSSHELL_SESSION")
        words = r.stdout.split()
        b.check(words[0] == "dash" and words[1] == words[-1],
                "nsshell inside a box: the same shell in the same box", words, r.stderr)
        b.stage.config("Shell=/usr/bin/env\n")
        r = b.ssh(name, "x")
        b.check(r.returncode == 125 and "isn't listed in /etc/shells" in r.stderr,
                "one that /etc/shells doesn't list is refused", r.stdout + r.stderr)
        b.check(b.gone(), "and leaves nothing", b.stage.records())
        b.stage.config("Share=account\n")
        with b.shell(name) as one:
            one.do("true")
            r = b.ssh(name, "echo $NSSHELL_SESSION")
            b.check(r.stdout.strip() == one.do("echo $NSSHELL_SESSION"),
                    "Share=account: the second login joins the first one's session",
                    r.stdout + r.stderr)
            seen = b.run(b.stage.bin / "nsjoin", name, "tty")
            b.check(seen.stdout.strip() == "not a tty", "nsjoin steps into it", seen.stderr)
        b.check(b.gone(), "which ends with the last one", b.stage.records())


def test_sftp(b):
    name = b.alice.pw_name
    put = b.stage.private / "put"
    put.write_text("hello\n", encoding="ascii")
    batch = b.stage.private / "batch"
    batch.write_text(f"put {put} /tmp/nst-put\nls /tmp\nls /home\n", encoding="ascii")
    with door_of(b, b.alice, b.bob), \
            Sshd(b.stage, b.stage.sshd_service, subsystem="/usr/lib/openssh/sftp-server") as s:
        r = s.client("sftp", "-b", batch, f"{name}@127.0.0.1")
        b.check(r.returncode == 0 and "nst-put" in r.stdout and b.bob.pw_name not in r.stdout
                and not os.path.exists("/tmp/nst-put"),
                "sftp by the sftp-server program lands inside", r.stdout + r.stderr)
        r = s.client("scp", "-O", put, f"{name}@127.0.0.1:there")
        there = pathlib.Path(b.alice.pw_dir) / "there"
        b.check(r.returncode == 0 and there.exists(), "scp -O", r.stderr)
        there.unlink(missing_ok=True)
        b.gone()


def test_the_shipped_snippet(b):
    """ForceCommand: sftp and forwarding are closed too."""
    name = b.alice.pw_name
    put = b.stage.private / "put"
    put.write_text("hello\n", encoding="ascii")
    batch = b.stage.private / "batch"
    batch.write_text(f"put {put} /tmp/nst-put\nls /home\n", encoding="ascii")
    with door_of(b, b.alice) as door:
        text = (TREE / "config/sshd_nsshell.conf").read_text(encoding="utf-8")
        text = text.replace("/usr/local/bin/nsshell", str(door.shell)).replace(
            "Group students", f"Group {b.stage.box_group}")
        with Sshd(b.stage, b.stage.sshd_service, options=text) as s:
            r = s.ssh(name, SHOW_NS)
            b.lands_inside("ssh host cmd", r.stdout + r.stderr)
            r = s.ssh(name, """printf '<%s>' 'a "b c"; d' "it's"; exit 6""")
            b.check(r.stdout == """<a "b c"; d><it's>""" and r.returncode == 6,
                    "quoting and exit status arrive unharmed", r.stdout + r.stderr)
            r = s.client("sftp", "-b", batch, f"{name}@127.0.0.1")
            b.check(r.returncode == 0 and b.bob.pw_name not in r.stdout
                    and not os.path.exists("/tmp/nst-put"),
                    "internal-sftp is replaced by one that runs inside", r.stdout + r.stderr)
            r = s.ssh(name, "true", options=["-R", f"{free_port()}:127.0.0.1:1"])
            b.check(r.returncode == 255, "forwarding is refused", r.stderr)
            with Terminal(s.argv(name, options=["-tt"])) as t:
                b.lands_inside("ssh -t", t.ask(SHOW_NS))
                b.check(t.ask("shopt -q login_shell && echo yes") == "", "with a shell")
                t.line("exit")
                t.close()
        b.check(b.gone(), "nothing is left", b.stage.records())
    # The account's own shell runs nsshell then; dash reads nothing of the user's.
    with door_of(b, b.alice, shell="/bin/dash"), \
            Sshd(b.stage, b.stage.sshd_service, options=text) as s:
        r = s.ssh(name, SHOW_NS + "; echo $0")
        b.lands_inside("ForceCommand with another login shell", r.stdout + r.stderr)
        b.check(r.stdout.split()[-1:] == ["dash"], "which is the one that runs inside", r.stdout)
        b.check(b.gone(), "nothing is left", b.stage.records())


test_the_shipped_snippet.later = "the door by another line of sshd's; door.a_login_shell has the walls"


def _agent(b, path, person=None):
    """An ssh-agent; root's has the key of the tests."""
    ids = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []} if person else {}
    p = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, **ids)
    end = time.monotonic() + 5
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.02)
    if not person:
        b.run("ssh-add", "-q", b.stage.sshd.key, env=dict(os.environ, SSH_AUTH_SOCK=path))
    return p


def _exe(pid):
    """Its program; "" where it is gone by now."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe")
    return ""


def test_a_forwarded_agent(b):
    name = b.alice.pw_name
    path = str(b.stage.private / "door-agent.sock")
    theirs = f"/tmp/nst-agent-{os.getpid()}"
    p, q = _agent(b, path), _agent(b, theirs, b.alice)
    env = dict(os.environ, SSH_AUTH_SOCK=path)
    try:
        with door_of(b, b.alice) as door:
            r = b.ssh(name, "ssh-add -l; echo $SSH_AUTH_SOCK; stat -c '%U %a' $SSH_AUTH_SOCK; "
                            "for i in $(seq 40); do ssh-add -l >/dev/null & done; wait; ssh-add -l",
                      options=["-A"], env=env)
            lines = r.stdout.splitlines()
            b.check(r.stdout.count("(ED25519)") == 2 and lines[1].startswith("/run/")
                    and lines[2] == f"{name} 700", "ssh -A through the door: ssh-add -l inside lists "
                    "the key, 40 at once too", lines, r.stderr)
            with Terminal(b.stage.sshd.argv(name, options=["-A", "-tt"]), env=env) as t:
                seen = t.ask("ssh-add -l")
                b.check("(ED25519)" in seen, "on a terminal", seen)
                t.line("exit")
                b.check(t.close() == 0, "which ends as ever")
            r = b.ssh(name, "echo $SSH_AUTH_SOCK. $(ls -A $XDG_RUNTIME_DIR)", env=env)
            b.check(r.stdout.strip() == ".", "without -A there is none", r.stdout)
            # A socket of the user's own, and one of root's: neither is the login program's.
            for what, where in (("another one of the user's", theirs), ("root's", path)):
                r = _as(b, door.shell, "-c", "ssh-add -l; echo $SSH_AUTH_SOCK.",
                        env={"SSH_AUTH_SOCK": where, "PATH": "/usr/bin:/bin"})
                b.check(r.stdout == ".\n", f"an agent that isn't the login's is left out: {what}",
                        r.stdout + r.stderr)
            b.check(b.gone(), "nothing is left", b.stage.records())
            left = [repr(x) for x in kernel.processes() if x.comm == "nsshell"
                    and str(b.stage.base) in _exe(x.pid)]
            b.check(not left, "no process stays for it", left)
    finally:
        for x in (p, q):
            x.terminate()
            x.wait()
        for x in (path, theirs):
            if os.path.exists(x):
                os.unlink(x)


def test_dropbear(b):
    """A server that has never heard of PAM."""
    name = b.alice.pw_name
    server = shutil.which("dropbear")
    if not server:
        b.skip("dropbear", "it isn't installed")
        return
    directory = pathlib.Path(b.alice.pw_dir) / ".ssh"
    port = free_port()
    log = open(b.stage.private / "dropbear.log", "w", encoding="utf-8")
    with door_of(b, b.alice) as door, log:
        directory.mkdir(mode=0o700)
        shutil.copy(b.stage.base / "authorized_keys", directory / "authorized_keys")
        for p in (directory, directory / "authorized_keys"):
            os.chown(p, b.alice.pw_uid, b.alice.pw_gid)
        # It asks /etc/shells, where an admin would have listed nsshell.
        shells = b.stage.private / "shells"
        shells.write_text(pathlib.Path("/etc/shells").read_text(encoding="utf-8")
                          + f"{door.shell}\n", encoding="utf-8")
        kernel.bind(shells, "/etc/shells")
        key = b.stage.private / "dropbear_key"
        b.run("dropbearkey", "-t", "ed25519", "-f", key)
        p = subprocess.Popen([server, "-F", "-E", "-s", "-p", f"127.0.0.1:{port}", "-r", str(key),
                              "-P", str(b.stage.private / "dropbear.pid")],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             preexec_fn=kernel.die_with_parent)
        try:
            time.sleep(0.5)
            argv = [str(port) if a == str(b.stage.sshd.port) else a
                    for a in b.stage.sshd.argv(name)]
            r = b.run(*argv, SHOW_NS)
            said = pathlib.Path(log.name).read_text(encoding="utf-8")
            b.lands_inside("ssh to dropbear", r.stdout + r.stderr + said)
            r = b.run(*argv, "exit 11")
            b.check(r.returncode == 11, "its exit status comes back", r.returncode)
            with Terminal([*argv[:1], "-tt", *argv[1:]], rows=31, columns=101) as t:
                b.lands_inside("ssh -t to dropbear", t.ask(SHOW_NS))
                seen = t.ask("stty size; tty")
                b.check(seen.split() == ["31", "101", "/dev/pts/0"], "with its terminal", seen)
                t.line("exit")
                t.close()
        finally:
            p.terminate()
            p.wait()
            subprocess.run(["umount", "/etc/shells"], check=False)
            shutil.rmtree(directory)
        b.check(b.gone(), "nothing is left", b.stage.records())


test_dropbear.later = "another server in front of the same door"


def _as(b, *argv, **kw):
    """As alice, without a login."""
    return b.run(*argv, user=b.alice.pw_uid, group=b.alice.pw_gid, extra_groups=[],
                 **dict({"cwd": "/"}, **kw))


def test_what_goes_in(b):
    spy = b.stage.open / "spy.so"
    proof = b.stage.open / "spied"
    with door_of(b, b.alice) as door:
        shell = door.shell
        r = _as(b, shell, "-c", "umask; ulimit -n; ulimit -u; pwd; echo $A $HOME $SSH_AUTH_SOCK",
                cwd="/etc", env={"A": "1 2", "HOME": "/nowhere", "SSH_AUTH_SOCK": "/x"},
                preexec_fn=lambda: (os.umask(0o027),
                                    resource.setrlimit(resource.RLIMIT_NOFILE, (77, 4000)),
                                    resource.setrlimit(resource.RLIMIT_NPROC, (99, 99))))
        b.check(r.stdout.split() == ["0027", "77", "99", "/etc", "1", "2", b.alice.pw_dir],
                "umask, limits, directory and environment are the caller's, not what names things "
                "of outside", r.stdout + r.stderr)
        r = _as(b, shell, "-c", "prlimit --pid $$ --nofile=77:4001 || echo refused",
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (77, 4000)))
        b.check("refused" in r.stdout, "a hard limit is one inside", r.stdout + r.stderr)
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        r = subprocess.run([shell, "-c", "readlink /proc/self/fd/0; ls /proc/self/fd/0/home"],
                           stdin=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, user=b.alice.pw_uid, group=b.alice.pw_gid,
                           extra_groups=[], cwd="/", check=False, timeout=20)
        os.close(root)
        b.check(r.stdout.startswith("pipe:") and b.bob.pw_name not in r.stdout,
                "a directory as stdin isn't a way out", r.stdout)
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(spy)], text=True,
                       check=True, input="#include <fcntl.h>\n#include <unistd.h>\n"
                       "__attribute__((constructor)) static void f(void) { "
                       f"close(open(\"{proof}\", O_CREAT | O_WRONLY, 0666)); }}\n")
        spy.chmod(0o755)
        if REPORTS:
            b.skip("LD_PRELOAD runs nothing outside", "an instrumented nsshell isn't static")
        else:
            r = _as(b, shell, "-c", "echo $0", env={"LD_PRELOAD": str(spy), "PATH": "/bin"})
            b.check(r.stdout == "bash\n" and not proof.exists(),
                    "LD_PRELOAD runs nothing outside", r.stdout + r.stderr)
        spy.unlink()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        soon = patient(0.3)  # after the first lines of the door, also on a busy machine
        p = subprocess.Popen([door.door], stdin=subprocess.DEVNULL, user=b.alice.pw_uid,
                             group=b.alice.pw_gid, extra_groups=[], cwd="/", close_fds=False,
                             preexec_fn=lambda: (os.dup2(theirs.fileno(), 3),
                                                 signal.setitimer(signal.ITIMER_REAL, soon)))
        theirs.close()
        _, kind = struct.unpack_from("II", ours.recv(8192))
        time.sleep(2 * soon)
        b.check(kind == 1 and p.poll() is None and b.record_of(b.alice.pw_name),
                "a timer of the caller's doesn't go off", f"{kind} {p.returncode}")
        status = pathlib.Path(f"/proc/{p.pid}/status").read_text(encoding="ascii")
        uids = next(x.split()[1:] for x in status.splitlines() if x.startswith("Uid:"))
        b.check(uids == [str(b.alice.pw_uid)] * 4 and "CapPrm:\t0000000000000000" in status and "NoNewPrivs:\t1" in status,
                "what holds the session is nobody but the caller", uids)
        ours.close()
        b.check(p.wait(10) == 0, "and ends with who called it", p.returncode)
        b.check(b.gone(), "nothing is left", b.stage.records())


test_what_goes_in.seconds = 60


def test_hostile_calls(b):
    """An ordinary user calls the setuid program in every wrong way."""
    with door_of(b, b.alice) as door, Hostile(b, door.directory) as hostile:
        seen = hostile.run(b.alice, door.door)
        b.check(seen["refused"] > 0.8 * hostile.calls and seen["ran"] <= seen["right"]
                and not seen["other"], "what isn't right is refused, if it starts at all", seen)
        b.check(b.gone(), "no session is left", b.stage.records())
        opened = len(b.stage.syslog.lines(r"session \w+ opened"))
        b.check(0 < opened <= seen["right"], "those opened were asked for rightly",
                f"{opened} of {seen['right']}")
        r = b.ssh(b.alice.pw_name, SHOW_NS)
        b.lands_inside("and a login is as ever", r.stdout + r.stderr)


test_hostile_calls.not_instrumented = "which needs more memory than a hostile limit leaves"
test_hostile_calls.seconds = 200
