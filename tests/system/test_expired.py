# SPDX-License-Identifier: BSD-3-Clause
"""A password that has to be changed: at every way in it can be, and the login lands in a box then."""

import pathlib
import subprocess

from harness.scene import SHOW_NS
from harness.sshd import Sshd
from harness.terminal import Terminal

PASSWORDS = ["first Secret 1", "second Secret 2", "third Secret 3", "fourth Secret 4"]


def _shadow_of(name):
    """(hash, day of its last change)"""
    return next(line.split(":")[1:3] for line in pathlib.Path("/etc/shadow").read_text(encoding="ascii").splitlines()
                if line.startswith(name + ":"))


def _hash_of(name):
    return _shadow_of(name)[0]


class Expired:
    """An account whose password is known, and has expired."""

    def __init__(self, b, name):
        self.name, self.at, self.b, self.was = name, 0, b, _shadow_of(name)
        subprocess.run(["chpasswd"], input=f"{name}:{PASSWORDS[0]}\n", text=True, check=True)
        self.expire()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Other tests log in as it is."""
        subprocess.run(["usermod", "-p", self.was[0], self.name], check=True)
        subprocess.run(["chage", "-d", self.was[1] or "-1", self.name], check=True)

    def expire(self):
        subprocess.run(["chage", "-d", "0", self.name], check=True)
        self.before = _hash_of(self.name)

    def change(self, term):
        """What the user types; the next password is the one that holds."""
        old, new = PASSWORDS[self.at:self.at + 2]
        term.expect("urrent.*password:")
        term.line(old)
        term.expect("ew password:")
        term.line(new)
        term.expect("etype new.*password:")
        term.line(new)
        self.at += 1

    def is_changed(self, how):
        return self.b.check(_hash_of(self.name) != self.before, f"the password is changed {how}")


def test_with_a_key(b):
    """sshd executes passwd in the session, without an argument, which is the client in the box."""
    name = b.alice.pw_name
    with Expired(b, name) as user:
        with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as term:
            term.expect("assword has expired")
            user.change(term)
            term.expect("updated successfully")
            user.is_changed("at an ssh login with a key")
            term.close()
        b.check(b.stage.syslog.wait(rf"session \S+: {name} ran passwd on the host, status 0"), "and root finds the event")
        b.lands_inside("the next login", b.ssh(name, SHOW_NS).stdout)
        user.expire()
        r = b.ssh(name, "echo in")
        b.check("in\n" not in r.stdout and "no TTY" in r.stdout + r.stderr, "without a terminal the login is refused, as outside",
                r.stdout + r.stderr)


def test_with_a_password(b):
    """sshd has PAM change it before there is a session."""
    name = b.alice.pw_name
    with Expired(b, name) as user:
        sshd = Sshd(b.stage, b.stage.sshd_service, f"Match User {name}\n\tKbdInteractiveAuthentication yes\n\tPubkeyAuthentication no")
        sshd.start()
        try:
            argv = ["BatchMode=no" if word == "BatchMode=yes" else word
                    for word in sshd.argv(name, options=("-tt", "-o", "PreferredAuthentications=keyboard-interactive"))]
            with Terminal(argv) as term:
                term.expect("assword:")
                term.line(PASSWORDS[0])
                user.change(term)
                term.expect(r"\$ ")
                user.is_changed("at an ssh login with it")
                b.lands_inside("which goes on", term.ask(SHOW_NS))
                term.line("exit")
                term.close()
        finally:
            sshd.stop()


def test_without_passwd_in_the_box(b):
    """sshd runs what isn't there: nsctl check has told who can't get in, and says what to do."""
    name, word = b.alice.pw_name, "whose password has expired"

    def told():
        return [line for line in b.nsctl("check", "--brief", "--config", str(b.stage.conf)).stdout.splitlines() if word in line]

    with Expired(b, name):
        seen = told()
        b.check(not seen, "an expired password that can be changed in the box is nothing for nsctl check", seen)
        b.stage.config("HostCommands=none\n")
        seen = told()
        b.check(len(seen) == 1 and seen[0].startswith("warning: 1 account ") and "HostCommands=passwd" in seen[0],
                "without passwd there it is a warning", seen)
        with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as term:
            term.expect("assword has expired")
            term.expect("urrent.*password:")
            term.line(PASSWORDS[0])
            term.close()
        b.check("$ " not in term.seen and "updated" not in term.seen, "and sshd's word: by a key nobody gets in", term.seen.splitlines()[-1:], term.seen)
        subprocess.run(["chage", "-d", "-1", name], check=True)
        seen = told()
        b.check(not seen, "and not for a password that hasn't", seen)


def test_at_the_console(b):
    name = b.alice.pw_name
    with Expired(b, name) as user:
        with Terminal(["login"]) as term:
            term.expect("login:")
            term.line(name)
            term.expect("assword:")
            term.line(PASSWORDS[0])
            user.change(term)
            term.expect(r"\$ ")
            user.is_changed("at the console")
            b.lands_inside("where the login goes on", term.ask(SHOW_NS))
            term.line("exit")
            term.close()


def test_by_su(b):
    name = b.alice.pw_name
    with Expired(b, name) as user:
        plain = ["setpriv", f"--reuid={b.plain.pw_uid}", f"--regid={b.plain.pw_gid}", "--clear-groups"]
        with Terminal(["sh", "-c", f'chown {b.plain.pw_name} "$(tty)"; cd /; exec "$@"', "sh", *plain, "su", "-", name]) as term:
            term.expect("assword:")
            term.line(PASSWORDS[0])
            user.change(term)
            term.expect(r"\$ ")
            user.is_changed("by su")
            b.lands_inside("which goes on", term.ask(SHOW_NS))
            term.line("exit")
            term.close()
