# SPDX-License-Identifier: BSD-3-Clause
"""A user's day in a box of each kind: a password, a crontab, a mail, and what root finds of them."""

import contextlib
import os
import pathlib
import shutil
import subprocess

from harness.imagestore import programs, store
from harness.shell import Shell
from harness.stage import TREE
from harness.world import World
from test_commands import CRONTABS, _hash_of, _set_password, entry
from test_door import door_of
from test_lxcfs import Lxcfs, _can, _total_kb
from test_users import login

PASSWORDS = ("first Secret 1", "second Secret 2")
COMMANDS = ("passwd", "crontab", "sendmail")
ALL = f"HostCommands={' '.join(COMMANDS)}\n"
# A mail server's interface, which keeps what it is given and by whom, as a file of the host's.
SENDMAIL = """umask 077
file=$(mktemp %s/XXXXXX) && { echo "Return-path: <$(id -un)> $(readlink /proc/self/ns/user)"; cat; } >"$file"
"""


class Host:
    """What a day takes of the host, and leaves there."""

    def __init__(self, b):
        self.b, self.name = b, b.alice.pw_name
        self.spool = b.stage.base / "spool"
        self.spool.mkdir(mode=0o1733, exist_ok=True)
        self.spool.chmod(0o1733)
        shipped = (TREE / "config/commands/sendmail.conf").read_text(encoding="ascii")
        self.sendmail = entry(b, "sendmail", *[x for x in shipped.splitlines() if not x.startswith(("Program=", "#"))],
                              text=SENDMAIL % self.spool)
        self.shadow = next(line.split(":") for line in pathlib.Path("/etc/shadow").read_text(encoding="ascii").splitlines()
                           if line.startswith(self.name + ":"))

    def mails(self):
        return [p.read_text(encoding="ascii") for p in self.spool.iterdir()]

    def begin(self):
        _set_password(self.name, PASSWORDS[0])
        (CRONTABS / self.name).unlink(missing_ok=True)
        for p in self.spool.iterdir():
            p.unlink()
        self.b.stage.syslog.clear()

    def end(self):
        self.begin()
        subprocess.run(["usermod", "-p", self.shadow[1], self.name], check=True)
        shutil.rmtree(self.b.stage.private / "commands")


@contextlib.contextmanager
def _host(b):
    host = Host(b)
    try:
        yield host
    finally:
        host.end()


def _day(host, what, s):
    """@s: a shell in a box, which need have nothing but sh and sed."""
    b, name = host.b, host.name
    host.begin()
    before = _hash_of(name)
    old, new = PASSWORDS
    said = s.do(f"printf '%s\\n' '{old}' '{new}' '{new}' | passwd; echo $?", timeout=30)
    b.check(said.endswith("\n0") and _hash_of(name) != before, f"{what}: the password is changed", said)
    said = s.do("echo '5 4 * * * /bin/true' | crontab - && EDITOR='sed -i s/^5/6/' crontab -e; crontab -l", timeout=30)
    there = (CRONTABS / name).read_text(encoding="ascii")
    b.check(said.endswith("6 4 * * * /bin/true") and "6 4 * * * /bin/true" in there, f"{what}: a crontab is edited", said)
    said = s.do(f"printf 'Subject: hello\\n\\nbody\\n' | {host.sendmail} -i {name}; echo $?; {host.sendmail} -bs; echo $?", timeout=30)
    mail = "".join(host.mails())
    outside = os.readlink("/proc/self/ns/user")
    b.check(said.startswith("0\n") and said.endswith("125") and "Subject: hello\n\nbody\n" in mail and
            mail.startswith(f"Return-path: <{name}> {outside}\n"), f"{what}: a mail is sent, and it is theirs", said, mail)
    wanted = {f"{name} ran passwd on the host, status 0", f"{name} ran crontab /tmp/", f"{name} ran sendmail -i {name} on the host, status 0",
              f"{name} was refused sendmail -bs"}
    lines = b.stage.syslog.wait(f"{name} was refused sendmail -bs") and b.stage.syslog.lines("on the host")
    b.check(not {w for w in wanted if not any(w in x for x in lines)}, f"{what}: root finds three events, and what was refused", lines)
    session = s.do("cat /run/nsshell/session")
    b.check(session and all(f"session {session}" in x for x in lines), f"{what}: each has the session's id", session, lines[-1:])


def _days(b, kinds):
    with _host(b) as host:
        for kind in kinds:
            b.stage.config(f"{ALL}{kind}\n")
            with b.shell(host.name) as s:
                _day(host, kind.replace("\n", ", "), s)
            b.gone(host.name)
    b.run("rm", "-rf", f"/var/lib/nsshell/upper/{b.alice.pw_uid}")


def test_of_the_host_s_root(b):
    _days(b, ("Upper=disk", "Network=none"))


def test_of_other_settings(b):
    _days(b, ("Upper=none", "Upper=tmpfs", "Share=account", "AllowUserNamespaces=yes", "PrivateTmp=account", "SystemCallFilter=@keyring",
              "MemoryMax=256M\nTasksMax=100", "NetworkShare=login\nNetwork=none"))


test_of_other_settings.later = "of_the_host_s_root and over_an_image have the ones that differ most"


def _over_an_image(b, kinds):
    def fill(root):
        # What stands for host commands is linked with more where it is instrumented.
        programs(root, "/bin/bash", "/bin/sed", str(b.stage.build / "nsshell-command"))
        (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    with store(b) as images:
        images.image("day:1", fill)
        _days(b, [f"RootFS=image:day:1{kind}" for kind in kinds])


def test_over_an_image(b):
    _over_an_image(b, ("", "\nRoot=yes\nUpper=disk"))


def test_over_an_image_with_less(b):
    _over_an_image(b, ("\nUpper=disk", "\nRoot=yes", "\nRoot=yes\nAllowUserNamespaces=yes", "\nNetwork=none"))


test_over_an_image_with_less.later = "over_an_image has more of it"


def test_in_a_network_of_its_own(b):
    if not ((b.stage.build / "nsshell-net").exists() and shutil.which("nft")):
        b.skip("a user's day with Network=private", "nsshell-net isn't built, or there is no nft")
        return
    with _host(b) as host, World(b) as w:
        b.stage.config(f"{ALL}Network=private\n")
        with w.shell(host.name) as s:
            _day(host, "Network=private", s)


def test_with_the_numbers_of_lxcfs(b):
    if not _can(b):
        return
    with _host(b) as host, Lxcfs(b):
        b.stage.config(f"{ALL}MemoryMax=200M\n")
        with b.shell(host.name) as s:
            b.check(_total_kb(s) == 200 * 1024, "the box has lxcfs's numbers", _total_kb(s))
            _day(host, "lxcfs", s)


def test_by_other_ways_in(b):
    name = b.alice.pw_name
    with _host(b) as host:
        b.stage.config(ALL)
        with login(b, name):
            for what, argv in (("root's nsjoin", [b.stage.bin / "nsjoin", name, "bash"]),
                               ("their own nsjoin", ["setpriv", f"--reuid={b.alice.pw_uid}", f"--regid={b.alice.pw_gid}", "--init-groups",
                                                     b.stage.bin / "nsjoin", name, "bash"])):
                with Shell([str(x) for x in argv], cwd="/") as s:
                    _day(host, what, s)
        b.gone(name)
        with Shell(["su", "-", name, "-c", "exec bash"], cwd="/") as s:
            _day(host, "su -", s)
        b.gone(name)
        with door_of(b, b.alice, config=ALL), b.shell(name) as s:
            _day(host, "nsshell as the login shell", s)
        b.stage.pam_all()


test_by_other_ways_in.later = "what runs on the host is the session's to start, whatever led into it"
