# SPDX-License-Identifier: BSD-3-Clause
"""Where systemd runs the host: an account's sessions in a scope of their own, limits as properties."""

import contextlib
import functools
import re

from machine import VM_DIR

LIMITS = """MemoryMax=300M
TasksMax=200
CPUQuota=150%
CPUWeight=50
"""
SCOPE = "nsshell-1000.scope"
GROUP = f"/nsshell.slice/{SCOPE}"
# File of v2 - of v1, the value, and the property with what systemctl shows of it.
VALUES = (("memory.max", "memory/memory.limit_in_bytes", "314572800", "MemoryMax=314572800"),
          ("pids.max", "pids/pids.max", "200", "TasksMax=200"),
          ("cpu.max", "cpu/cpu.cfs_quota_us", "150000", "CPUQuotaPerSecUSec=1.500000s"),
          ("cpu.weight", "cpu/cpu.shares", "50", "CPUWeight=50"))
# v1: what systemd manages, and "" for the hierarchy without controllers.
MANAGED = ("memory", "pids", "cpu,cpuacct", "blkio", "devices", "name=systemd", "")
PROGRAM = "/usr/local/libexec/nsshell/nsshell-scope"


def needs_systemd(test):
    @functools.wraps(test)
    def run(h):
        if not h.systemd:
            h.skip(test.__name__[5:].replace("_", " "), "systemd doesn't run this machine")
            return
        h.config(LIMITS_FOR_ALICE)
        try:
            test(h)
        finally:
            h.config()
    return run


LIMITS_FOR_ALICE = f"[User alice]\n{LIMITS}"


def limits(h, group=GROUP):
    """What the kernel has, in the words of the config's values."""
    files = [f"/sys/fs/cgroup{group}/{v2}" if h.kind == "v2" else
             f"/sys/fs/cgroup/{v1.split('/')[0]}{group}/{v1.split('/')[1]}"
             for v2, v1, _, _ in VALUES]
    found = h.out("cat " + " ".join(files)).splitlines()
    if h.kind == "v1" and len(found) == 4:
        found[3] = str(-(-int(found[3]) * 100 // 1024))
    return [line.split()[0] for line in found]


WANTED = [value for _, _, value, _ in VALUES]


def groups_of(h, pid):
    """{controllers: path} of a process."""
    return dict(line.split(":", 2)[1:] for line in h.out(f"cat /proc/{pid}/cgroup").splitlines())


def pid_of(h, pattern):
    return h.out(f"pgrep -o -f '{pattern}'")


@contextlib.contextmanager
def login(h, user="alice"):
    with contextlib.closing(h.shell(user)) as shell:
        shell.do("true", timeout=30)
        yield shell


def is_gone(h, unit=SCOPE):
    return h.wait(f"[ \"$(systemctl show -p LoadState --value {unit})\" = not-found ]")


@needs_systemd
def test_a_login_has_a_scope_with_limits(h):
    with login(h):
        shown = h.out(f"systemctl show {SCOPE}")
        h.check("ActiveState=active" in shown and "Description=nsshell sessions of alice" in shown
                and "Delegate=yes" in shown, "a login has a delegated scope",
                re.findall(r"^(?:ActiveState|Description|Delegate)=.*", shown, re.M))
        h.check(all(p in shown.splitlines() for _, _, _, p in VALUES),
                "whose properties are the limits",
                re.findall(r"^(?:MemoryMax|TasksMax|CPUQuotaPerSecUSec|CPUWeight)=.*", shown, re.M))
        h.check(limits(h) == WANTED, "and they are the kernel's", limits(h))
        for who, pattern in (("the supervisor", "session .* of alice"),
                             ("init", "init of alice"), ("sshd's monitor", "sshd.*: alice .priv")):
            found = groups_of(h, pid_of(h, pattern))
            managed = {c: p for c, p in found.items() if h.kind == "v2" or c in MANAGED}
            h.check(managed and all(p.startswith(GROUP + "/") for p in managed.values()),
                    f"{who} is in it, in every hierarchy of systemd's", sorted(managed.items()))
        status = h.out(f"systemctl status --no-pager {SCOPE}; systemctl status --no-pager ssh")
        h.check(len(re.findall(r"sshd(?:-session)?: alice \[priv\]", status)) == 1 and "supervise" in status,
                "systemctl status shows sshd's monitor there, and not in ssh.service",
                re.findall(r"[├└]─.*", status), status)
        tree = h.out("systemd-cgls --no-pager /nsshell.slice; loginctl --no-legend list-sessions")
        h.check(SCOPE in tree and "init of alice" in tree and " alice " not in tree.split("─")[-1],
                "systemd-cgls shows it, and loginctl no session of logind's", tree.splitlines()[-3:])
    h.check(is_gone(h), "the scope goes with the last session", "gone")
    left = h.out("find /sys/fs/cgroup -name '*nsshell-1000*'")
    h.check(left == "", "and no group is left in any hierarchy", left or "nothing")


@needs_systemd
def test_a_first_login_that_mounts_below_its_home(h):
    """Each of the places is mounted by a child of the supervisor's: one is there when systemd has taken that in."""
    h.config(f"{LIMITS_FOR_ALICE}BindReadOnlyPaths={' '.join(f'/srv:/home/alice/at{n}' for n in range(8))}\n")
    h.write("/root/slow-helper", "#!/bin/sh\nexec strace -D -f -qq -o /dev/null -e trace=exit_group "
            "-e inject=exit_group:delay_enter=500000 /usr/local/libexec/nsshell/nsshell-helper \"$@\"")
    r = h.sh("chmod 755 /root/slow-helper; nsctl run --helper /root/slow-helper alice ls -d /home/alice/at7")
    h.check(r.stdout.strip() == "/home/alice/at7", "such a login is let in", r.stdout, h.log())
    h.left()
    h.sh("rm /root/slow-helper; rmdir /home/alice/at*")


@needs_systemd
def test_only_the_first_login_needs_systemd(h):
    with login(h):
        h.sh(f"mv {PROGRAM} {PROGRAM}.away")
        try:
            with login(h) as second:
                inside = second.do("hostname").strip()
                h.check(inside != "" and h.nsctl("list -n -o user").stdout.count("alice") == 2,
                        "a second login doesn't ask systemd for anything", inside)
            r = h.ssh("bob", "true")
            h.check(r.returncode != 0 and "refused" in r.stdout + r.stderr,
                    "a first one that can't is refused", (r.stdout + r.stderr).splitlines()[-1:])
            log = h.log(30)
            h.check(PROGRAM in log, "and the log says what is missing",
                    [line for line in log.splitlines() if PROGRAM in line], log)
        finally:
            h.sh(f"mv {PROGRAM}.away {PROGRAM}")
    r = h.ssh("bob", "echo in")
    h.check(r.stdout == "in\n", "nothing of it is left: the next one is let in", r.stdout + r.stderr)


@needs_systemd
def test_nothing_of_an_admin_s_day_ends_a_session_or_lifts_a_limit(h):
    with login(h) as shell:
        shell.do("sleep 1000 & echo")
        for did, script in (
                ("systemctl daemon-reload", "systemctl daemon-reload"),
                ("systemctl daemon-reexec", "systemctl daemon-reexec"),
                ("a restart of sshd", "systemctl restart ssh"),
                ("the end of a logind session", "loginctl terminate-user root")):
            h.sh(script)
            alive = shell.do("jobs -r | wc -l").strip()
            h.check(alive == "1" and limits(h) == WANTED, f"{did}: the session lives, with limits",
                    alive, limits(h))
        h.machine.put(VM_DIR / "package.tar")
        alive = shell.do("jobs -r | wc -l").strip()
        h.check(alive == "1" and limits(h) == WANTED, "an upgrade of the package, too", limits(h))
        h.config(LIMITS_FOR_ALICE)
        with login(h):
            h.check(h.nsctl("list -n -o user").stdout.count("alice") == 2,
                    "and another login joins it in its scope", limits(h))
        h.sh("systemctl restart ssh")


# systemd lets go of every connection, and doesn't listen for a while.
ANEW = """
touch /tmp/going; rm -f /tmp/ran
(for i in 1 2 3 4 5 6; do systemctl daemon-reexec; sleep 2; done; rm /tmp/going) &
while test -e /tmp/going; do su alice -c 'echo in' >>/tmp/ran 2>&1; done; wait
"""


@needs_systemd
def test_systemd_executes_itself_anew_meanwhile(h):
    h.sh(ANEW, 300)
    ran = h.out("cat /tmp/ran; rm -f /tmp/ran").splitlines()
    h.check(len(ran) >= 3 and set(ran) == {"in"},
            "first logins beside systemctl daemon-reexec, again and again: all are let in", ran,
            h.out("journalctl -q --no-pager -o cat | grep 'of alice refused' | tail"))
    h.check(is_gone(h), "and the scope goes with the last of them", "gone")


@needs_systemd
def test_the_name_of_systemd_s_socket_is_away_for_a_moment(h):
    r = h.sh("cd /run/systemd; mv private private.away; su alice -c 'echo in; sleep 1' & "
             "for n in $(seq 300); do pgrep -x nsshell-scope >/dev/null && break; sleep .1; done; "
             "sleep 1; mv private.away private; wait", 120)
    h.check(r.stdout.splitlines() == ["in"],
            "a first login between systemd's unlink(2) and bind(2) of its socket waits for it",
            r.stdout + r.stderr)


@needs_systemd
def test_stop_ends_the_account_s_sessions(h):
    with login(h), login(h):
        took = h.sh(f"systemctl stop {SCOPE}")
        h.check(took.returncode == 0, "systemctl stop of the scope works", took.stdout)
        h.check(h.nsctl("list -n").stdout == "" and h.out("ls /run/nsshell/sessions") == "",
                "and ends the account's sessions, records and all", h.out("ls /run/nsshell/sessions"))
        log = h.log(20)
        h.check(log.count("of alice closed after") >= 2, "as the log says", log.splitlines()[-4:])
    r = h.ssh("alice", "echo in")
    h.check(r.stdout == "in\n", "the next login is let in", r.stdout + r.stderr)


@needs_systemd
def test_a_login_while_the_old_scope_goes(h):
    h.sh("rm -f /tmp/ran; for i in 1 2 3 4 5 6; do su alice -c 'echo in' >>/tmp/ran 2>&1; done", 180)
    ran = h.out("cat /tmp/ran").split()
    h.check(ran == ["in"] * 6, "logins right after each other, each the first", ran)
    h.sh("rm -f /tmp/ran; for i in 1 2 3 4; do su alice -c 'echo in; sleep 3' >>/tmp/ran 2>&1 & "
         "done; wait", 180)
    ran = h.out("cat /tmp/ran").split()
    h.check(ran == ["in"] * 4, "four first logins at the same time", ran)
    h.sh("rm -f /tmp/ran")
    h.check(is_gone(h), "and the scope goes with the last of them", "gone")


@needs_systemd
def test_a_crash_is_put_right(h):
    with login(h):
        h.sh(f"kill -KILL {pid_of(h, 'session .* of alice')}")
        h.wait("! pgrep -f 'init of alice' >/dev/null")
    r = h.ssh("alice", "echo in")
    h.check(r.stdout == "in\n", "when a supervisor is killed the next login is let in",
            r.stdout + r.stderr)
    h.check(is_gone(h) and h.out("ls /run/nsshell/sessions") == "",
            "and neither scope nor record stays", h.out("ls /run/nsshell/sessions"))


@needs_systemd
def test_limits_are_changed_through_systemd(h):
    with login(h):
        r = h.nsctl("set alice MemoryMax=200M TasksMax=100")
        shown = h.out(f"systemctl show {SCOPE} -p MemoryMax -p TasksMax").split()
        h.check(r.returncode == 0 and limits(h)[:2] == ["209715200", "100"]
                and set(shown) == {"MemoryMax=209715200", "TasksMax=100"},
                "nsctl set changes the properties, and what the kernel has", limits(h), shown)
        h.sh("systemctl daemon-reload")
        h.check(limits(h)[:2] == ["209715200", "100"], "daemon-reload keeps them", limits(h))
        with login(h):
            h.check(limits(h)[:2] == ["209715200", "100"], "and another login, too", limits(h))
    h.check(is_gone(h), "with the last session they go", "gone")
    with login(h):
        h.check(limits(h) == WANTED, "the next has the config's", limits(h))
        h.config(LIMITS_FOR_ALICE.replace("TasksMax=200", "TasksMax=150"))
        with login(h):
            h.check(limits(h)[1] == "150", "a config that changes meanwhile holds from the next login on",
                    limits(h))


@needs_systemd
def test_accounts_share_a_slice(h):
    h.config("[Default]\nSlice=course\n[Slice course]\nMemoryMax=400M\nTasksMax=300\n"
             + LIMITS_FOR_ALICE)
    above = "/nsshell.slice/nsshell-course.slice"
    with login(h), login(h, "bob"):
        h.check(limits(h, f"{above}/{SCOPE}") == WANTED and limits(h, above)[:2] == ["419430400", "300"],
                "an account's limits stand below the slice's",
                limits(h, above), limits(h, f"{above}/{SCOPE}"))
        scopes = h.out("systemctl list-units --plain --no-legend 'nsshell-*.scope'").split("\n")
        h.check(len(scopes) == 2, "two accounts have a scope each in it", scopes)
        h.config("[Default]\nSlice=course\n[Slice course]\nTasksMax=250\n" + LIMITS_FOR_ALICE)
    h.check(is_gone(h) and is_gone(h, "nsshell-1001.scope"), "both go", "gone")
    with login(h):
        h.check(limits(h, above)[1] == "250" and limits(h, above)[0] not in ("419430400", ""),
                "a limit that the config has no more is the slice's no more", limits(h, above))


# Key, file of v2 with what it has, file of v1.
REST = (("MemoryHigh=200M", ("memory.high", "209715200"),
         ("memory/memory.soft_limit_in_bytes", "209715200")),
        ("AllowedCPUs=0", ("cpuset.cpus", "0"), ("cpuset/cpuset.cpus", "0")),
        ("IOReadBandwidthMax=/home 10M", ("io.max", "rbps=10000000"),
         ("blkio/blkio.throttle.read_bps_device", " 10000000")),
        ("IOWriteIOPSMax=/home 500", ("io.max", "wiops=500"),
         ("blkio/blkio.throttle.write_iops_device", " 500")))


@needs_systemd
def test_every_limit_is_kept_by_somebody(h):
    """systemd, or nsshell where systemd has no property."""
    h.config(LIMITS_FOR_ALICE + "".join(f"{key}\n" for key, _, _ in REST))
    with login(h):
        for reloaded in (False, True):
            for key, v2, v1 in REST:
                path = (f"{GROUP}/{v2[0]}" if h.kind == "v2" else
                        f"/{v1[0].split('/')[0]}{GROUP}/{v1[0].split('/')[1]}")
                found = h.out(f"cat /sys/fs/cgroup{path}")
                h.check((v2 if h.kind == "v2" else v1)[1] in found,
                        f"{key} is kept{' after daemon-reload' * reloaded}", found)
            h.sh("systemctl daemon-reload")
        h.check(limits(h) == WANTED, "beside the others", limits(h))
    h.check(is_gone(h) and h.out("find /sys/fs/cgroup -name '*nsshell-1000*'") == "",
            "and no group is left in any hierarchy", "nothing")


@needs_systemd
def test_who_is_refused_goes_back(h):
    """OnError=allow: the caller goes on outside, and is where it was."""
    h.config("[User bob]\nOnError=allow\n")
    most = h.out("sysctl -n user.max_user_namespaces")
    h.sh("sysctl -qw user.max_user_namespaces=0")
    try:
        before, after = h.out("cat /proc/self/cgroup; echo ---; "
                              "su bob -c 'cat /proc/self/cgroup'").split("\n---\n")
        log = h.log(10)
    finally:
        h.sh(f"sysctl -qw user.max_user_namespaces={most}")
    h.check("not isolated" in log.lower(),
            "a session that can't be opened, with OnError=allow",
            [line for line in log.splitlines() if "isolated" in line.lower()], log)
    h.check(after == before, "su is in the groups that it came from",
            after.splitlines()[-1], before.splitlines())
    h.check(is_gone(h, "nsshell-1001.scope"), "and the scope goes", "gone")


# A user's unit with Delegate= owns its group: a login from there, held up by its account's lock.
DELEGATED = r"""
systemd-run -q --unit=delegated -p Delegate=yes -p User=alice sleep 1000
g=/sys/fs/cgroup/system.slice/delegated.service
accounts=/run/nsshell/accounts/1000
su - alice -c 'sleep 600' </dev/null >/dev/null 2>&1 &
for i in $(seq 300); do [ -s $accounts ] && break; sleep .1; done
for i in $(seq 300); do pgrep -x nsshell-helper >/dev/null || break; sleep .1; done  # the one asked for below is another
stat -c 'group of %U' $g
exec 9<$accounts
flock 9
sh -c "echo \$\$ >$g/cgroup.procs; exec su - alice -c true" </dev/null >/dev/null 2>&1 9<&- &
for i in $(seq 300); do pgrep -x nsshell-helper >/dev/null && break; sleep .1; done
sleep 2
helper=$(pgrep -o -x nsshell-helper)  # not who looks for it, and is gone by now
echo "helper $(cut -d: -f3 /proc/$helper/cgroup)"
echo 1 >$g/cgroup.freeze
flock -u 9
flock -w 60 $accounts echo free
echo 0 >$g/cgroup.freeze
nsctl stop alice >/dev/null
systemctl stop delegated
"""


@needs_systemd
def test_a_login_from_a_delegated_group(h):
    if h.kind != "v2":
        h.skip("a login from a delegated group", "systemd delegates to users on cgroup v2 only")
        return
    said = h.out(DELEGATED, timeout=400)
    h.check("group of alice" in said, "systemd gives a user a group of their own", said)
    h.check("helper /\n" in said + "\n", "a login from there leaves it before it waits for a lock", said)
    h.check(said.rstrip().endswith("free"), "and has none while that group stands still", said)
