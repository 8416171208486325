# SPDX-License-Identifier: BSD-3-Clause
"""The PAM service nsshell-session: what is opened and closed on the host with a session."""

import contextlib
import os
import shutil
import signal
import time

from harness import kernel
from harness.pace import patient
from harness.terminal import Terminal

# Where and as whom it runs, what it is asked, and for whom.
HOOK = """#!/bin/sh
[ -e {directory}/hang ] && [ "$PAM_TYPE" = "$(cat {directory}/hang)" ] && sleep 1000
[ -e {directory}/refuse ] && exit 1
cut -d: -f3 /proc/self/cgroup | sort -u | tr '\\n' ' ' >{directory}/groups.$PAM_TYPE
echo "$PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RHOST $(id -u) $(readlink /proc/self/ns/mnt)" \\
	"$(grep CapEff /proc/self/status | cut -f2)" "$(grep SigIgn /proc/self/status | cut -f2)" \
	"$NSSHELL_SESSION" "$NSSHELL_SERVICE" "${{PAM_TTY:-none}}" >>{directory}/seen
"""


class Hooks:
    def __init__(self, b, service="nsshell-session"):
        self.directory = b.stage.private / f"hooks-of-{service}"
        self.directory.mkdir()
        script = self.directory / "hook"
        script.write_text(HOOK.format(directory=self.directory), encoding="utf-8")
        script.chmod(0o755)
        self.service = b.stage.private / "pam.d" / service
        self.service.write_text(f"session required pam_exec.so {script}\n", encoding="utf-8")

    def seen(self, n=0):
        """Once there are that many."""
        end = time.monotonic() + patient(10)
        while True:
            found = [x.split() for x in self._text().splitlines()]
            if len(found) >= n or time.monotonic() > end:
                return found
            time.sleep(0.05)

    def _text(self):
        path = self.directory / "seen"
        return path.read_text(encoding="utf-8") if path.exists() else ""


@contextlib.contextmanager
def hooks(b, *service):
    h = Hooks(b, *service)
    try:
        yield h
    finally:
        h.service.unlink()
        shutil.rmtree(h.directory)


def _holders(name):
    return [p for p in kernel.processes() if p.comm == "nsshell-session" and name in p.command()]


def test_opened_and_closed_on_the_host(b):
    name = b.alice.pw_name
    with hooks(b) as h:
        with b.shell(name) as s:
            b.lands_inside("a login", s.do("ls -l /proc/self/ns"))
            opened = h.seen(1)
            want = ["open_session", "nsshell-session", name, "127.0.0.1", "0", b.host_mnt]
            b.check([x[:6] for x in opened] == [want], "its session is opened on the host, by root", opened)
            b.check(int(opened[0][6], 16) == kernel.capabilities(), "with what root may there", opened[0][6])
            b.check(int(opened[0][7], 16) & ~(3 << 31) == 0, "and no signal ignored", opened[0][7])
            b.check(opened[0][8:10] == [b.record_of(name)["id"], b.stage.sshd_service], "it is told which session, and where from", opened[0][8:])
            mine = _holders(name)
            b.check(len(mine) == 1, "a process holds it open", mine)
            group = b.record_of(name)["cgroup"].rpartition("/")[0] + "/supervise"
            b.check(group in mine[0].cgroups(), "in the account's group", mine[0].cgroups().split()[:3])
        b.check([x[:6] for x in h.seen(2)[1:]] == [["close_session", *want[1:]]], "and is closed there", h.seen(2))
        b.check(b.gone(name), "before the session is over", b.stage.records())
        b.check(not _holders(name), "nothing holds it any more")


def test_with_the_supervisor_killed(b):
    name = b.alice.pw_name
    with hooks(b) as h, b.shell(name) as s:
        s.do("true")
        h.seen(1)
        os.kill(int(b.record_of(name)["supervisor_pid"]), signal.SIGKILL)
        b.check([x[0] for x in h.seen(2)] == ["open_session", "close_session"],
                "the supervisor is killed: the session is closed on the host all the same", h.seen())
    b.ssh(name, "true")  # takes away what is left


def test_a_signal_to_what_holds_it(b):
    """systemd-logind's word, where its modules have made a session of that's."""
    name = b.alice.pw_name
    with hooks(b, "nsshell-login") as h, Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("true")
        h.seen(1)
        holder = _holders(name)[0]
        os.kill(holder.pid, signal.SIGHUP)
        b.check(t.ask("echo i''n") == "in" and len(h.seen()) == 1, "SIGHUP, which is for all at once, is nothing to it", h.seen())
        os.kill(holder.pid, signal.SIGTERM)
        b.check(b.gone(name) and not _holders(name), "SIGTERM ends the session", b.stage.records())
        b.check([x[0] for x in h.seen(2)] == ["open_session", "close_session"], "and its modules have closed theirs", h.seen(2))


def test_one_for_all_logins_of_a_session(b):
    name = b.alice.pw_name
    b.stage.config("Share=account\n")
    with hooks(b) as h:
        with b.shell(name) as one:
            one.do("true")
            with b.shell(name) as two:
                two.do("true")
        b.check(b.gone(name) and [x[0] for x in h.seen(2)] == ["open_session", "close_session"],
                "two logins of one session: opened and closed once", h.seen())


def test_a_module_that_refuses(b):
    with hooks(b) as h:
        (h.directory / "refuse").touch()
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check("in" not in r.stdout.split() and "session id" in r.stdout + r.stderr, "a module refuses: so is the login",
                r.stdout + r.stderr)
        said = [x for x in b.stage.syslog.lines() if "nsshell-session refuses" in x]
        b.check(said and b.gone(), "the log says which service did", said[-1:])
        r = b.ssh(b.plain.pw_name, "echo in")
        b.check(r.stdout == "in\n", "who isn't isolated has nothing to do with it", r.stdout + r.stderr)


def test_a_module_that_hangs(b):
    """Its hold on a login, and on what is taken away after one, is bounded."""
    with hooks(b) as h:
        (h.directory / "hang").write_text("close_session", encoding="ascii")
        began = time.monotonic()
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.stdout == "in\n" and time.monotonic() - began < patient(8), "a module hangs at the end: no login does",
                r.stdout + r.stderr)
        b.check(b.gone(timeout=30), "and the session is taken away in the end", b.stage.records())
        b.check(b.stage.syslog.wait("nsshell-session doesn't end"), "which the log tells")
        b.check(not [p for p in kernel.processes() if str(h.directory) in p.command()], "with the module's own process")


def test_from_the_first_terminal_on(b):
    """nsshell-login has what who(1) has: logins with a terminal, by the line that the host knows."""
    name = b.alice.pw_name
    with hooks(b, "nsshell-login") as h:
        b.check(b.ssh(name, "echo in").stdout == "in\n" and b.run("su", "-", name, "-c", "echo in").stdout == "in\n" and b.gone(name),
                "a command over ssh, and su")
        b.check(not h.seen(), "aren't noted", h.seen())
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            t.ask("true")
            opened = h.seen(1)
            record = b.record_of(name)
            b.check([x[:5] for x in opened] == [["open_session", "nsshell-login", name, "127.0.0.1", "0"]] and opened[0][5] == b.host_mnt,
                    "a terminal is, on the host", opened)
            b.check(opened[0][8:] == [record["id"], b.stage.sshd_service, record["line"]] and record["line"].startswith("pts/"),
                    "by the line that utmp has", opened[0][8:], record["line"])
            t.line("exit")
        b.check([x[0] for x in h.seen(2)] == ["open_session", "close_session"] and b.gone(name), "and so is its end", h.seen(2))
        b.check(not _holders(name), "nothing holds it any more")


def test_a_note_that_fails(b):
    name = b.alice.pw_name
    with hooks(b, "nsshell-login") as h:
        (h.directory / "refuse").touch()
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            b.check(t.ask("echo i''n") == "in", "a module of nsshell-login refuses: nobody is refused for that")
            b.check(b.stage.syslog.wait("nsshell-login refuses"), "and the log tells")
            (h.directory / "refuse").unlink()
            (h.directory / "hang").write_text("open_session", encoding="ascii")
        b.check(b.gone(name), "its session ends")
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            b.check(t.ask("echo i''n") == "in", "a module hangs: no terminal waits for it")
            r = b.nsctl("list", "--raw", "--noheadings", "-o", "user")
            b.check(r.stdout.split() == [name], "nor does the session", r.stdout + r.stderr)
        b.check(b.gone(timeout=30), "which is taken away in the end", b.stage.records())


def test_a_note_that_hangs_at_the_end(b):
    """It has its time, and nsshell-session all of its own."""
    name = b.alice.pw_name
    with hooks(b, "nsshell-login") as note, hooks(b) as h:
        (note.directory / "hang").write_text("close_session", encoding="ascii")
        with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
            t.ask("true")
            note.seen(1)
        b.check(b.gone(name, timeout=30), "a module of nsshell-login hangs: the session ends all the same", b.stage.records())
        b.check([x[0] for x in h.seen()] == ["open_session", "close_session"], "and nsshell-session is closed", h.seen())
        b.check(not _holders(name), "nothing holds either", _holders(name))


test_a_note_that_hangs_at_the_end.later = "waits ten seconds for a module that hangs"
test_a_note_that_fails.later = "waits ten seconds for a module that hangs, as another does for nsshell-session"


def test_check_names_modules(b):
    """Those whose end matters, as long as a gate doesn't skip them."""
    run = "session optional pam_exec.so /bin/true\n"
    gate = b.stage.module_line("gate", control="[success=1 default=ignore]")
    b.stage.pam("su", run, b.stage.module_line())
    b.stage.pam("runuser", gate, run, b.stage.module_line())
    said = [x for x in b.nsctl("check", "--brief", "--config", b.stage.conf).stdout.splitlines() if "pam_exec" in x]
    b.check(said and all("/su:" in x and "closes it in the box" in x for x in said),
            "nsctl check names a module that is closed in the box, where no gate is", said)
    wtmpdb = "session optional pam_wtmpdb.so\n"
    b.stage.pam("su", wtmpdb, b.stage.module_line())
    said = [x for x in b.nsctl("check", "--brief", "--config", b.stage.conf).stdout.splitlines() if "pam_wtmpdb" in x]
    b.check(said and all("nsshell-login" in x for x in said), "and where what the host notes of logins belongs", said)
    with hooks(b), hooks(b, "nsshell-login"):
        said = [x for x in b.nsctl("check", "--brief", "--config", b.stage.conf).stdout.splitlines() if "through nsshell-" in x]
        b.check(not said, "and takes neither service for a way in", said)
