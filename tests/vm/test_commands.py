# SPDX-License-Identifier: BSD-3-Clause
"""Programs of the host that users need, nsshell-commands(5): a password that expired, a crontab, a mail."""

import contextlib

from test_user_manager import with_managers

# Where the image has no mail server: what is handed over, and by whom, as a file of the host's.
SPOOL = "/var/spool/stand-in"
STAND_IN = f"""#!/bin/sh
umask 077
file=$(mktemp {SPOOL}/XXXXXX) && {{ echo "Return-path: <$(id -un)>"; cat; }} >"$file"
"""
PASSWORDS = ("nsshell", "first Secret 1")
COMMANDS = "HostCommands=passwd crontab sendmail\n"


@contextlib.contextmanager
def _host(h):
    """Mail is taken, and alice has the password of before once this is over."""
    there = h.sh("test -x /usr/sbin/sendmail").returncode == 0
    if not there:
        h.write("/usr/sbin/sendmail", STAND_IN)
        h.sh(f"chmod 755 /usr/sbin/sendmail; install -d -m 1733 {SPOOL}")
    line = h.out("grep ^alice: /etc/shadow")
    try:
        yield f"{SPOOL}/*" if not there else "/var/mail/alice"
    finally:
        h.config()
        h.sh(f"usermod -p '{line.split(':')[1]}' alice; chage -d {line.split(':')[2] or -1} alice; crontab -r -u alice")
        if not there:
            h.sh(f"rm -rf /usr/sbin/sendmail {SPOOL}")


def _day(h, mails, kind):
    h.config(f"[User alice]\n{COMMANDS}{kind}")
    what = kind.strip().replace("\n", ", ") or "the default box"
    since = h.out(f"(echo alice:{PASSWORDS[0]} | chpasswd; chage -d 0 alice; crontab -r -u alice; rm -f {mails}) >/dev/null 2>&1; date +%s")
    with h.terminal("alice") as term:
        term.expect("assword has expired")
        for prompt, word in (("urrent.*password:", PASSWORDS[0]), ("ew password:", PASSWORDS[1]), ("etype new.*password:", PASSWORDS[1])):
            term.expect(prompt)
            term.line(word)
        term.expect("updated successfully")
        term.close(60)
    with h.shell("alice") as alice:
        seen = alice.do("echo '5 4 * * * /bin/true' | crontab - && EDITOR='sed -i s/^5/6/' crontab -e; crontab -l", timeout=60)
        h.check(seen.endswith("6 4 * * * /bin/true"), f"{what}: a password that had expired is changed over ssh, a crontab is edited", seen)
        sent = alice.do("printf 'Subject: hello\\n\\nbody\\n' | /usr/sbin/sendmail -i alice; echo $?", timeout=60)
    log = "journalctl -q --no-pager -o cat --since @" + since if h.systemd else "cat /var/log/auth.log"
    words = r"passwd\|crontab /tmp/[^ ]*\|sendmail -i alice"
    h.wait(f"grep -q '^Subject: hello' {mails} && [ $({log} | grep -c 'alice ran \\({words}\\) on the host, status 0') = 3 ]")
    seen = h.out(f"crontab -l -u alice; grep -h ^Return-path {mails}; {log} | sed -n 's/^.*session [a-z0-9]*: alice ran/alice ran/p'")
    h.check(sent == "0" and "6 4 * * *" in seen and "Return-path: <alice" in seen, f"{what}: the host has it, and a mail that is hers", sent, seen)
    found = [w for w in ("passwd", "crontab /tmp/", "sendmail -i alice") if f"alice ran {w}" in seen]
    h.check(len(found) == 3, f"{what}: root finds three events", found, seen)


def test_a_user_s_day(h):
    with _host(h) as mails:
        _day(h, mails, "")


def test_in_other_boxes(h):
    with _host(h) as mails:
        _day(h, mails, "Upper=disk\n")
        _day(h, mails, "Network=private\n")


@with_managers
def test_with_a_user_manager(h):
    with _host(h) as mails:
        _day(h, mails, "UserManager=yes\n")


# As little as a login and an editor need: none of the programs that are run on the host is in it.
IMAGE = """cd / && tar -ch -f /root/day.tar bin/bash bin/sh bin/sed $(ldd /bin/bash /bin/sh /bin/sed | grep -o '/[^ :]*\\.so[^ :]*' | sort -u | sed 's,^/,,')
nsctl image import /root/day.tar day:1; rm /root/day.tar"""


def test_over_an_image(h):
    r = h.sh(IMAGE)
    h.check(r.returncode == 0, "an image of a shell and an editor", r.stdout)
    try:
        with _host(h) as mails:
            _day(h, mails, "RootFS=image:day:1\n")
            _day(h, mails, "RootFS=image:day:1\nRoot=yes\n")
    finally:
        h.left()
        h.sh("nsctl image rm day:1")
