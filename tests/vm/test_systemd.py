# SPDX-License-Identifier: BSD-3-Clause
"""A host that systemd runs: what it restarts and reloads, and what it tells of sessions."""

import functools

from test_limit import FORKS


def on_systemd(function):
    @functools.wraps(function)
    def test(h):
        if h.systemd:
            function(h)
        else:
            h.skip(function.__name__[5:].replace("_", " "), "no systemd on this host")

    test.__module__ = function.__module__
    return test


def _refused(shell):
    return shell.do(FORKS, timeout=200).startswith("refused")


@on_systemd
def test_daemon_reload(h):
    h.config("[User alice]\nTasksMax=30\n")
    with h.shell("alice") as alice:
        h.check(_refused(alice), "TasksMax=30 holds")
        alice.do("sleep 4", timeout=60)
        r = h.sh("systemctl daemon-reload && systemctl daemon-reexec")
        h.check(r.returncode == 0 and alice.do("echo here", timeout=60) == "here",
                "daemon-reload and daemon-reexec leave the session alone", r.stdout)
        h.check(_refused(alice), "and its limit")
        alice.do("sleep 4", timeout=60)
        seen = h.nsctl("status alice").stdout
        h.check("TasksMax=30" in seen, "nsctl status says so",
                [x.strip() for x in seen.splitlines() if "Tasks" in x], seen)
    h.config()


@on_systemd
def test_shared_mounts(h):
    """systemd makes every mount shared: nothing of a box may be mounted on the host."""
    h.sh("mkdir -p /srv/tree/secret /srv/ro/late /home/alice/late && echo key >/srv/tree/secret/key && "
         "chown alice: /home/alice/late")
    h.config("[User alice]\nBindReadOnlyPaths=/var/log /etc /srv/ro\nBindPaths=/srv/tree\n"
             "InaccessiblePaths=/srv/tree/secret\n")
    look = ("cut -d' ' -f4- /proc/self/mountinfo | grep -v -e /run/user -e credentials | sort; "
            "wc -l </etc/shadow; cat /srv/tree/secret/key; ls /etc/nsshell")
    before = h.out(look)
    try:
        with h.shell("alice") as alice:
            seen = alice.do("cat /srv/tree/secret/key; ls -d /etc/ssh", timeout=60)
            h.check("denied" in seen and "/etc/ssh" in seen, "a mask below a bind", seen)
            h.check("shared:" in before and h.out(look) == before,
                    "while it is open the host's mounts and hidden files are as before", "",
                    f"{before}\n---\n{h.out(look)}")
            for place in ("/srv/ro/late", "/home/alice/late"):
                h.sh(f"mount -t tmpfs late {place} && touch {place}/here")
            seen = alice.do("ls /srv/ro/late; echo; ls /home/alice/late", timeout=60)
            h.check(seen == "here", "a late mount of the host's is seen below the home, not below what is "
                    "read-only", seen)
            r = h.sh("umount /srv/ro/late /home/alice/late")
            h.check(r.returncode == 0 and not alice.do("ls /home/alice/late", timeout=60),
                    "the host can unmount it, and it is gone inside", r.stdout)
        h.check(not h.left() and h.out(look) == before, "and after the logout")
    finally:
        h.sh("umount -q /srv/ro/late /home/alice/late; rm -rf /srv/tree /srv/ro /home/alice/late")
        h.config()


@on_systemd
def test_apparmor_is_on(h):
    """Else nothing of what is tried here would show that it lets nsshell work."""
    seen = h.out("cat /sys/module/apparmor/parameters/enabled; tr , '\\n' </sys/kernel/security/lsm | grep -x apparmor")
    h.check(seen == "Y\napparmor", "AppArmor is enabled in this machine's kernel", seen)


@on_systemd
def test_a_restart_of_sshd(h):
    with h.shell("alice") as alice, h.shell("plain") as plain:
        alice.do("sleep 600 & echo $!", timeout=60)
        plain.do("true", timeout=60)
        r = h.sh("systemctl restart ssh.service && systemctl is-active ssh.service")
        h.check(r.stdout.strip() == "active", "systemctl restart ssh", r.stdout)
        h.check(alice.do("echo here; jobs -r", timeout=60).startswith("here"),
                "an isolated session goes on")
        h.check(plain.do("echo here", timeout=60) == "here", "so does another")
        r = h.ssh("alice", "echo again")
        h.check(r.stdout == "again\n", "and logins work", r.stderr)
    h.check(not h.left(), "a session from before the restart still ends with its login")


@on_systemd
def test_the_supervisor_is_nobody_elses(h):
    """No unit may kill it: not sshd's, not a getty's, not logind's scope of the login."""
    with h.shell("alice") as alice:
        alice.do("true", timeout=60)
        pid = h.out("sed -n 's/^supervisor_pid=//p' /run/nsshell/sessions/????????????")
        groups = h.out(f"cat /proc/{pid}/cgroup")
        bad = [x for x in groups.splitlines() if "ssh.service" in x or "session-" in x]
        h.check(groups and not bad, "the supervisor is in no group of sshd's or logind's",
                bad or "none", groups)


@on_systemd
def test_what_systemd_tells(h):
    with h.shell("alice") as alice, h.shell("plain") as plain:
        alice.do("sleep 31007 &", timeout=60)
        plain.do("true", timeout=60)
        pid = h.out("pgrep -f '^sleep 31007'")
        tree = h.out("systemd-cgls --no-pager -l")
        at = tree.find("sleep 31007")
        h.check(at > 0 and "nsshell" in tree[:at].rsplit("slice", 1)[-1] + tree[:at][-400:],
                "systemd-cgls shows the session's processes below nsshell", f"pid {pid}", tree)
        ssh = h.out("systemctl status ssh.service --no-pager -l")
        h.check("sleep 31007" not in ssh, "systemctl status ssh doesn't list them", "", ssh)
        users = h.out("loginctl list-users --no-legend; loginctl list-sessions --no-legend")
        h.check("plain" in users, "loginctl lists who isn't isolated", users)
        h.check("alice" not in users, "and no session for alice, whom it doesn't look after", users)
        managers = h.out("ps -eo user=,args= | grep 'systemd --user' | grep -v grep")
        h.check("plain" in managers and "alice" not in managers,
                "no systemd --user of an isolated account runs on the host", managers)
    state = h.out("systemctl is-system-running; systemctl --failed --no-legend --plain")
    h.check(state == "running", "no unit has failed", state)


@on_systemd
def test_log_from_the_journal(h):
    h.ssh("alice", "true")
    h.left()
    seen = h.nsctl("log -n 2 alice").stdout
    h.check("opened" in seen and "closed" in seen, "nsctl log reads the journal",
            seen.splitlines())


@on_systemd
def test_the_box_cant_reach_systemd(h):
    r = h.ssh("alice", "systemctl --user status 2>&1; busctl list 2>&1; ls -d /run/user/$(id -u); "
                       "stat -c %U /run/user/$(id -u)")
    h.check("Failed" in r.stdout and r.stdout.endswith("/run/user/1000\nalice\n"),
            "inside: no bus, and /run/user/UID is there, alice's", r.stdout)
