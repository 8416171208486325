# SPDX-License-Identifier: BSD-3-Clause
"""Every way in: what lands in a box, with the distribution's own programs and PAM files."""

import pathlib
import re
import tempfile

from host import SHOW_NS


def test_ssh(h):
    r = h.ssh("alice", SHOW_NS)
    h.lands_inside("ssh alice COMMAND lands in a box", r.stdout + r.stderr)
    r = h.ssh("plain", SHOW_NS)
    h.lands_inside("ssh of an account that isn't isolated doesn't", r.stdout + r.stderr, False)
    r = h.ssh("root", SHOW_NS)
    h.lands_inside("nor does ssh of root", r.stdout + r.stderr, False)
    with h.terminal("alice") as t:
        t.expect(r"\$ ")
        h.lands_inside("ssh with a terminal lands in a box", t.ask(SHOW_NS))
        tty = t.ask("tty")
        h.check(tty.startswith("/dev/pts/"), "on a terminal of the box's own", tty)
        t.line("exit 7")
        status = t.close(30)
        h.check(status == 7, "and its exit status comes back", status)


def test_sftp_and_scp(h):
    with tempfile.TemporaryDirectory() as directory:
        note = pathlib.Path(directory, "note")
        note.write_text("hello\n", encoding="ascii")
        r = h.machine.client("scp", note, "alice@127.0.0.1:/tmp/by-scp")
        h.check(r.returncode == 0 and h.out("ls /tmp/by-scp 2>&1").endswith("No such file or directory"),
                "scp to /tmp writes to a box's /tmp", r.stderr)
        r = h.machine.client("sftp", "-b", "-", "alice@127.0.0.1",
                             input=f"put {note} /tmp/by-sftp\nls -l /tmp\nput {note} kept\n")
        h.check("by-sftp" in r.stdout and "by-sftp" not in h.out("ls /tmp"),
                "sftp does, too", r.stdout.splitlines()[-2:], r.stderr)
        back = pathlib.Path(directory, "back")
        r = h.machine.client("scp", "alice@127.0.0.1:kept", back)
        h.check(back.exists() and back.read_text(encoding="ascii") == "hello\n"
                and h.out("stat -c %U /home/alice/kept") == "alice",
                "what goes to the home is there, and alice's", r.stderr)
        r = h.machine.client("scp", "-O", note, "alice@127.0.0.1:kept2")
        h.check(r.returncode == 0, "scp of the old protocol works", r.stderr)
    h.sh("rm -f /home/alice/kept*")


def test_su_and_runuser(h):
    for argv in ("su alice -c", "su - alice -c", "runuser -u alice -- sh -c",
                 "runuser -l alice -c"):
        r = h.sh(f"{argv} '{SHOW_NS}'")
        h.lands_inside(f"{argv.replace(' -- sh', '')} lands in a box", r.stdout)
    r = h.sh(f"su plain -c '{SHOW_NS}'")
    h.lands_inside("su plain doesn't", r.stdout, False)
    r = h.sh("su alice -c 'exit 9'")
    h.check(r.returncode == 9, "su's exit status comes back", r.returncode)


def test_the_accounts_groups(h):
    """su, login and sudo set them before they open the session."""
    h.sh("gpasswd -a alice audio")
    try:
        for command in ("su alice -c id", "runuser -u alice id", "sudo -u alice id"):
            seen = h.out(command)
            h.check("gid=1000(alice)" in seen and "29(audio)" in seen and "0(root)" not in seen,
                    f"{command}: the account's own groups", seen)
        r = h.ssh("alice", "id")
        h.check("gid=1000(alice)" in r.stdout and "29(audio)" in r.stdout, "over ssh, too", r.stdout)
    finally:
        h.sh("gpasswd -d alice audio")


def test_sudo(h):
    h.sh("echo 'plain ALL=(alice) NOPASSWD: ALL' >/etc/sudoers.d/ways")
    try:
        r = h.sh(f"sudo -u alice sh -c '{SHOW_NS}'")
        h.lands_inside("root's sudo -u alice lands in a box", r.stdout)
        r = h.sh(f"sudo -i -u alice sh -c '{SHOW_NS}'")
        h.lands_inside("so does sudo -i", r.stdout)
        r = h.ssh("plain", f"sudo -n -u alice sh -c '{SHOW_NS}'")
        h.lands_inside("and that of a user whom sudoers(5) lets", r.stdout + r.stderr)
        with h.terminal("plain") as t:
            t.expect(r"\$ ")
            t.line("sudo -u alice -i")
            t.expect(r"alice@.*\$ ")
            h.lands_inside("on a terminal, too", t.ask(SHOW_NS))
            t.line("exit")
            t.expect(r"plain@.*\$ ")
            t.line("exit")
            t.close(30)
        h.config("[User alice]\nTasksMax=lots\n")
        r = h.sh("sudo -u alice echo came through")
        h.check(r.returncode != 0 and "came through" not in r.stdout,
                "where the session can't be opened, sudo doesn't run the command", r.stdout)
        r = h.sh("sudo -u plain echo came through")
        h.check(r.stdout == "came through\n", "others' commands run", r.stdout)
    finally:
        h.config()
        h.sh("rm /etc/sudoers.d/ways")


def test_at(h):
    """The job is put into the queue by who isn't in a box: at is setgid, and needs its spool."""
    h.sh("pgrep -x atd || atd")
    job = f"{SHOW_NS} >/home/alice/at.out; id >>/home/alice/at.out"
    r = h.sh(f"cd /home/alice && echo '{job}' | setpriv --reuid alice --regid alice --init-groups "
             "at now")
    came = h.wait("grep -q gid /home/alice/at.out", 90)
    h.check(came, "atd runs the job", r.stdout)
    seen = h.out("cat /home/alice/at.out")
    h.lands_inside("it lands in a box", seen)
    h.check("gid=1000(alice)" in seen, "with the account's groups", seen.splitlines()[-1:])
    h.sh("rm -f /home/alice/at.out")


def test_cron(h):
    """Both jobs in one minute: at most 60 s to wait, plus cron's own second."""
    job = f"{SHOW_NS}"
    with h.file("/etc/cron.d/ways",
                f"* * * * * alice {job} >/home/alice/cron.d 2>&1\n"):
        h.sh(f"echo '* * * * * {job} >/home/alice/crontab 2>&1' | crontab -u alice -")
        came = h.wait("[ -s /home/alice/cron.d ] && [ -s /home/alice/crontab ]", 75)
        h.sh("crontab -u alice -r")
    h.check(came, "cron runs the jobs of /etc/cron.d and of the account's crontab", came)
    h.lands_inside("a job of /etc/cron.d lands in a box", h.out("cat /home/alice/cron.d"))
    h.lands_inside("a job of the crontab does, too", h.out("cat /home/alice/crontab"))
    h.sh("rm -f /home/alice/cron*")


def test_console(h):
    """agetty and login on the second serial line, with a password."""
    if h.systemd:
        h.sh("systemctl restart serial-getty@ttyS1.service")
    try:
        with _Serial(h) as t:
            t.send("")
            t.expect("login: ")
            t.send("alice")
            t.expect("Password: ")
            t.send("nsshell")
            t.expect(r"\$ ")
            t.send(f"stty -echo; {SHOW_NS}; echo tty $(tty); echo do''ne")
            seen = t.expect("done")
            h.lands_inside("login on a serial console lands in a box", seen)
            h.check("tty /dev/" in seen, "and has a terminal", seen.split("tty ")[-1])
            # Debian 13's who(1) asks logind, which has no isolated login.
            asked = "nsctl list" if h.shape == "trixie" else "who"
            who = h.out(asked)
            h.check("alice" in who and "ttyS1" in who, f"{asked} on the host knows of it", who)
            t.send("exit")
            t.expect("login: ")
            h.check(not h.left(), "logged out: no session is left, and the next can log in",
                    h.nsctl("list").stdout)
            t.send("plain")
            t.expect("Password: ")
            t.send("nsshell")
            t.expect(r"\$ ")
            t.send(f"stty -echo; {SHOW_NS}; echo do''ne")
            h.lands_inside("an account that isn't isolated logs in on the host",
                           t.expect("done"), False)
            t.send("exit")
            t.expect("login: ")
    finally:
        if h.systemd:
            h.sh("systemctl stop serial-getty@ttyS1.service")
    owner = h.out("stat -c '%U' /dev/ttyS1")
    h.check(owner == "root", "the line is root's again", owner)


class _Serial:
    """A person at the far end of ttyS1."""

    def __init__(self, h):
        self.socket = h.machine.tty()
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r")

    def expect(self, pattern, seconds=60):
        """Everything up to what matches, which the next call doesn't see again."""
        self.socket.settimeout(seconds)
        while not (m := re.search(pattern, self.seen)):
            try:
                chunk = self.socket.recv(4096)
            except TimeoutError:
                raise TimeoutError(f"no {pattern!r} on the console, but {self.seen!r}") from None
            if not chunk:
                raise EOFError(f"the console closed: {self.seen!r}")
            self.seen += chunk.decode(errors="replace").replace("\r", "")
        seen, self.seen = self.seen[:m.end()], self.seen[m.end():]
        return seen
