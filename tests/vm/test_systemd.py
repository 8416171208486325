# SPDX-License-Identifier: BSD-3-Clause
"""A host that systemd runs: what it restarts and reloads, and what it tells of sessions."""

import contextlib
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


def _hears(h, terminals, did, words):
    """What systemd or wall(1) tells everybody has arrived: no terminal is waited for longer than the slowest."""
    for who, t in terminals.items():
        try:
            t.expect(words)
            h.check(t.ask("echo be''hind").endswith("behind"), f"{did}: told on {who}'s terminal")
        except Exception as e:  # pylint: disable=broad-except
            h.check(False, f"{did}: told on {who}'s terminal", t.seen[-200:], f"{e}\n{h.log()}")


@contextlib.contextmanager
def _listed(h):
    """As it is once nsshell is installed on Debian 13, whose wall(1) and systemd-logind tell logind's own sessions."""
    login = "/etc/pam.d/nsshell-login"
    if h.shape == "trixie":
        h.sh("rm -rf /root/listed; mkdir /root/listed; cp -a /etc/pam.d /var/lib/pam /root/listed/; /usr/local/share/nsshell/pam_profile.sh on source")
        seen = h.out(f"cat {login}")
        h.check("\n-session\toptional\tpam_systemd.so class=background-light" in seen, "Debian 13's pam_profile.sh has logind list isolated sessions", seen)
    try:
        yield
    finally:
        if h.shape == "trixie":
            h.sh(f"/usr/local/share/nsshell/pam_profile.sh off; rm -f {login}; cp -a /root/listed/pam.d /etc/; cp -a /root/listed/pam /var/lib/")


@on_systemd
def test_warnings_of_a_shutdown(h):
    """systemd-logind's, through its own sandbox: by utmp, or by its own list of sessions on Debian 13."""
    h.config("[User alice]\nShare=account\n[User bob]\nRecord=yes\n")
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_listed(h))
            # Debian 13 tells nobody of plain's kind: its sshd opens the session before it has a terminal.
            at = {who: stack.enter_context(h.terminal(who.split(",")[0]))
                  for who in ("alice", "alice, again", "bob", "plain")[:3 if h.shape == "trixie" else 4]}
            for t in at.values():
                t.expect(r"\$ ")
            h.wait(f"[ $(who | grep -c -e ^alice -e ^bob -e ^plain) -ge {len(at) - 1} ]")
            before = h.out("who")
            h.sh("wall the printer is out of paper")
            _hears(h, at, "root's wall", "printer is out of paper")
            r = h.sh("shutdown -k +10")
            h.check(r.returncode == 0, "shutdown -k +10, which only warns: below a quarter of an hour at once", r.stdout + r.stderr, before)
            _hears(h, at, "systemd-logind's warning", "The system will power off at")
            h.sh("shutdown -c")
            _hears(h, at, "that it was called off", "shutdown has been cancelled")
            for t in at.values():
                t.line("exit")
    finally:
        h.sh("shutdown -c")
        h.config()
    h.check(not h.left() and not h.out("who | grep -e ^alice -e ^bob"), "who has none of them afterwards", h.out("who"))


@on_systemd
def test_what_logind_has(h):
    """Of who is isolated: an entry, and nothing that runs."""
    if h.shape != "trixie":
        h.skip("systemd-logind's list of isolated sessions", "Debian 13's is the first that can have one and nothing more")
        return
    with _listed(h), h.terminal("alice") as term:
        term.expect(r"\$ ")
        h.wait("who | grep -q ^alice")
        ids = h.out("loginctl list-sessions --no-legend | awk '$3 == \"alice\" { print $1 }'").split()
        seen = h.out(f"loginctl show-session -p Class -p Service -p Active -p TTY {' '.join(ids)}; loginctl show-user -p Display alice")
        h.check(len(ids) == 1 and "Class=background-light" in seen and "Service=nsshell-login" in seen and "Display=c" not in seen,
                "logind lists it, for no seat and no display", ids, seen)
        h.check(not h.out("pgrep -u alice -f 'systemd --user'"), "no systemd --user is started")
        groups = h.out("for p in $(pgrep -u alice); do grep ^0: /proc/$p/cgroup; done")
        h.check(groups and "session-" not in groups and "user.slice" not in groups, "and nothing of alice's is in its scope", groups)
        h.check(term.ask("ls -A /run/systemd/sessions 2>/dev/null | wc -l") == "0", "inside there is no list", term.seen[-200:])
        h.sh(f"loginctl terminate-session {' '.join(ids)}")
        h.check(not h.left() and not h.out("loginctl list-sessions --no-legend | grep -w alice"), "loginctl terminate-session ends the session", h.out("nsctl list"))


@on_systemd
def test_log_from_the_journal(h):
    h.ssh("alice", "true")
    h.left()
    seen = h.nsctl("log -n 2 alice").stdout
    h.check("opened" in seen and "closed" in seen, "nsctl log reads the journal",
            seen.splitlines())
    line = '{"time":1,"event":"note","user":"alice","text":"before there was a journal"}'
    h.sh("install -d -m 0700 /var/log/nsshell")
    with h.file("/var/log/nsshell/events", line, "0600"):
        seen = h.nsctl("log -n 0 alice").stdout.splitlines()
    h.check(len(seen) > 2 and "before there was a journal" in seen[0] and "closed" in seen[-1],
            "with what the file of events has, in the order of time", seen[:1] + seen[-1:], seen)


@on_systemd
def test_the_box_cant_reach_systemd(h):
    r = h.ssh("alice", "systemctl --user status 2>&1; busctl list 2>&1; ls -d /run/user/$(id -u); "
                       "stat -c %U /run/user/$(id -u)")
    h.check("Failed" in r.stdout and r.stdout.endswith("/run/user/1000\nalice\n"),
            "inside: no bus, and /run/user/UID is there, alice's", r.stdout)
