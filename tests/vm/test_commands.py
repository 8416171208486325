# SPDX-License-Identifier: BSD-3-Clause
"""Programs of the host that users need, nsshell-commands(5): a password that expired, a crontab, a mail."""

import contextlib

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
    what = kind.strip() or "the default box"
    h.sh(f"echo alice:{PASSWORDS[0]} | chpasswd; chage -d 0 alice; crontab -r -u alice; rm -f {mails}")
    before = h.out("grep ^alice: /etc/shadow")
    since = h.out("date +%s")
    with h.terminal("alice") as term:
        term.expect("assword has expired")
        for prompt, word in (("urrent.*password:", PASSWORDS[0]), ("ew password:", PASSWORDS[1]), ("etype new.*password:", PASSWORDS[1])):
            term.expect(prompt)
            term.line(word)
        term.expect("updated successfully")
        term.close(60)
    h.check(h.out("grep ^alice: /etc/shadow") != before, f"{what}: an expired password is changed over ssh")
    with h.shell("alice") as alice:
        seen = alice.do("echo '5 4 * * * /bin/true' | crontab - && EDITOR='sed -i s/^5/6/' crontab -e; crontab -l", timeout=60)
        h.check(seen.endswith("6 4 * * * /bin/true") and "6 4" in h.out("crontab -l -u alice"), f"{what}: a crontab is edited", seen)
        seen = alice.do("printf 'Subject: hello\\n\\nbody\\n' | /usr/sbin/sendmail -i alice; echo $?", timeout=60)
        came = h.wait(f"grep -q '^Subject: hello' {mails}")
        h.check(seen == "0" and came and "Return-path: <alice" in h.out(f"cat {mails}"), f"{what}: a mail is sent, and is hers",
                seen, h.out(f"ls -l {mails}; tail -n 5 /var/log/exim4/mainlog"))
        _looked_after(h, alice, what)
    log = "journalctl -q --no-pager -o cat --since @" + since if h.systemd else "cat /var/log/auth.log"
    words = ("passwd on the host, status 0", "crontab /tmp/[^ ]* on the host, status 0", "sendmail -i alice on the host, status 0")
    found = [w for w in words if h.wait(f"{log} | grep -q 'session [a-z0-9]*: alice ran {w}'", 10)]
    h.check(len(found) == 3, f"{what}: root finds three events", found, h.log(40))


def _looked_after(h, alice, what):
    """The program may be ended for want of memory, its worker not before that."""
    alice.do("mkfifo hold; (exec 3>hold; sleep 60) & crontab - <hold & echo", timeout=60)
    # The client in the box is called so, too.
    h.wait("for p in $(pgrep -x crontab); do grep -q /supervise /proc/$p/cgroup && exit 0; done; exit 1")
    seen = h.out("for p in $(pgrep -x crontab); do grep -q /supervise /proc/$p/cgroup || continue; "
                 "cat /proc/$p/oom_score_adj /proc/$(awk '/^PPid/ { print $2 }' /proc/$p/status)/oom_score_adj; "
                 "cat /proc/$p/cgroup; done").split()
    alice.do("kill %1 %2; wait; rm hold", timeout=60)
    h.check(seen[:2] == ["0", "-900"], f"{what}: who looks after a command isn't what a full memory ends", seen[:2], seen)
    h.check("1000" in seen[-1], f"{what}: the command is in the account's group", seen[-1])


def test_a_user_s_day(h):
    with _host(h) as mails:
        _day(h, mails, "")


def test_in_other_boxes(h):
    with _host(h) as mails:
        for kind in ("Upper=disk\n", "Upper=tmpfs\nNetwork=private\n", "Network=none\nShare=account\n"):
            _day(h, mails, kind)
