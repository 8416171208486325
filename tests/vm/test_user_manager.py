# SPDX-License-Identifier: BSD-3-Clause
"""UserManager=yes: systemd --user inside, and what its units reach."""

import functools
import re

from host import SHOW_NS

HOME = "/home/alice"
CONFIG = "[User alice]\nUserManager=yes\nMemoryMax=150M\n"
UNITS = f"{HOME}/.config/systemd/user"
# Stands for anything of the host's; nobody in a box may see it.
HOSTS = "sleep 424242"
# What a unit of a curious user does; each thing that worked is told in a line.
LEAVE = r"""#!/bin/bash
exec 2>/dev/null
got() { echo "got $1"; }
here=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
readlink /proc/self/ns/{user,pid,mnt,uts,ipc,cgroup}
echo "id $(id -u) caps $(awk '/CapBnd/ { print $2 }' /proc/self/status) nnp $(awk '/NoNewPrivs/ { print $2 }' /proc/self/status)"
echo "group $(cut -d: -f3 /proc/self/cgroup)"
touch /tmp/marker-of-a-unit
pgrep -f '[s]leep 424242' && got 'a look at the processes of the host'
echo $$ >/sys/fs/cgroup/cgroup.procs && got 'into the group of the session'
echo $$ >/sys/fs/cgroup/../cgroup.procs && got 'above the session'
mkdir /sys/fs/cgroup/mine && got 'a group beside that of the login'
for pid in 1 $(pgrep -u root); do echo $pid >$here/cgroup.procs && got "process $pid moved"; done
for group in "" /user; do
	for file in memory.max memory.high memory.swap.max pids.max cpu.max; do
		echo max >/sys/fs/cgroup$group/$file && got "$file of $group"
	done
	echo 5000 >/sys/fs/cgroup$group/cgroup.max.descendants && got "more groups in $group"
	echo 0 >/sys/fs/cgroup$group/memory.oom.group && got "memory.oom.group of $group"
	echo 1 >/sys/fs/cgroup$group/cgroup.freeze && got "the freezer of $group"
done
echo +memory >/sys/fs/cgroup/user/cgroup.subtree_control && got 'a controller'
mkdir /sys/fs/cgroup/user/mine || echo 'lost: no groups of its own'
rmdir /sys/fs/cgroup/user/mine
python3 - <<'EOF'
import os
top = "/sys/fs/cgroup/user"
def fill(name, following):
    made = []
    try:
        while len(made) < 2000:
            os.mkdir(name)
            made.append(name)
            name = following(name, len(made))
    except OSError:
        pass
    for name in reversed(made):
        os.rmdir(name)
    return len(made)
print("groups", fill(top + "/m", lambda _, n: f"{top}/m{n}"))
print("depth", fill(top + "/d", lambda name, _: name + "/d"))
EOF
nsenter -t 1 -m true && got 'the mounts of init'
nsenter -t 1 -U true && got 'the user namespace of init'
unshare -U true && got 'a user namespace'
mount -t cgroup2 cgroup2 /mnt && got 'a mount'
setpriv --reuid 0 true && got 'uid 0'
kill -9 1 && got 'init killed'
[ -w /proc/1/oom_score_adj ] && got "init's oom score"
ls /run/nsshell/sessions /run/dbus/system_bus_socket /run/systemd/private && got 'a daemon of the host'
systemctl restart cron && got 'the manager of the host'
systemd-run true && got 'a unit of the host'
echo end
"""
FIRED = "/tmp/fired"


def with_managers(function):
    @functools.wraps(function)
    def test(h):
        if h.kind == "v1":
            h.skip(function.__name__[5:].replace("_", " "), "UserManager= needs cgroup v2")
            return
        h.config(CONFIG)
        try:
            function(h)
        finally:
            h.config()
            h.sh(f"rm -rf {HOME}/.config {HOME}/leave*")

    test.__module__ = function.__module__
    return test


def _group(h):
    """Directory of the only session's group."""
    return h.out("find /sys/fs/cgroup/nsshell* -name $(ls /run/nsshell/sessions | grep -v '[.]')")


@with_managers
def test_units_run_inside(h):
    with h.shell("alice") as alice:
        def do(command):
            return alice.do(command, timeout=120)

        seen = do("systemctl --user is-system-running")
        h.check(seen == "running", "right after the login systemctl --user works", seen, h.log())
        uid = h.out("id -u alice")
        usual = f"/run/user/{uid} unix:path=/run/user/{uid}/bus"
        told = "echo $XDG_RUNTIME_DIR $DBUS_SESSION_BUS_ADDRESS"
        for way, seen in (("a login", do(told)), ("a command over ssh", h.ssh("alice", told).stdout.strip()),
                          ("nsctl run", h.nsctl(f"run alice -- sh -c '{told}'").stdout.strip())):
            h.check(seen == usual, f"{way} finds bus and directory as pam_systemd(8) tells of them", seen)
        ours = do(SHOW_NS)
        theirs = do(f"systemd-run -q --user --wait --pipe sh -c '{SHOW_NS}'")
        h.check("mnt:[" in ours and ours == theirs,
                "systemd-run --user runs in the namespaces of the login", theirs)
        do(f"systemd-run -q --user --on-active=1s --timer-property=AccuracySec=100ms touch {FIRED}")
        seen = do(f"for n in $(seq 100); do [ -e {FIRED} ] && break; sleep .3; done; stat -c %U {FIRED}")
        h.check(seen == "alice" and not h.out(f"find {FIRED} 2>/dev/null"), "a user timer fires, inside", seen)
        seen = do("busctl --user call org.freedesktop.DBus / org.freedesktop.DBus GetId")
        h.check(alice.status == 0, "the session has a D-Bus session bus", seen)

        seen = do("systemd-run -q --user --wait --pipe "
                  "bash -c 'ulimit -Hr; ulimit -He; ulimit -Hl; chrt -f 1 true && echo real time'")
        h.check(seen.split()[:3] == ["0", "0", "8192"] and not seen.endswith("real time"),
                "a unit has neither real time nor better priority, nor memory to lock", seen)

        do("systemd-run -q --user sleep 313131")
        group = _group(h)
        seen = h.out("cat /proc/$(pgrep -f '^[^ ]*sleep 313131')/cgroup")
        h.check("nsshell" in group and f"/sys/fs/cgroup{seen[3:]}".startswith(f"{group}/user/"),
                "on the host a unit is seen below the session's group", seen)
        n = h.out("nsctl list --noheadings --raw -o PROCESSES")
        h.check(n.isdigit() and int(n) >= 6, "nsctl list counts the units' processes", n)
        seen = h.out(f"cd {group} && find . -maxdepth 2 -type f -user alice | sort").split()
        h.check(seen == [f"./user/cgroup.{f}" for f in ("procs", "subtree_control", "threads")],
                "of its files only those for moving processes are the account's", seen)
        seen = do("systemd-run -q --user --wait --pipe "
                  "sh -c 'head -c 400M /dev/zero | tail -c 400M | wc -c; echo survived' ")
        kills = h.out(f"awk '/^oom_kill / {{ print $2 }}' {group}/memory.events")
        h.check("419430400" not in seen and kills.isdigit() and int(kills) > 0,
                "MemoryMax= of the account holds for a unit", f"{seen!r}, {kills} killed")
        h.check(not h.out("find /run/user/1000 2>/dev/null; pgrep -u alice -f 'systemd --user' | "
                          "while read p; do grep -L /user/init.scope /proc/$p/cgroup; done"),
                "the host has no user manager of alice's")
    h.check(not h.left() and not h.out("pgrep -f '^[^ ]*sleep 313131'"),
            "the units end with the session")


@with_managers
def test_a_unit_that_tries_to_leave(h):
    """Enabled in the home, so that the manager starts it by itself."""
    h.sh(f"{HOSTS} >/dev/null 2>&1 & disown")
    h.sh(f"mkdir -p {UNITS}/default.target.wants && ln -sf ../leave.service {UNITS}/default.target.wants/")
    with h.file(f"{HOME}/leave.sh", LEAVE, "0755"), h.file(
            f"{UNITS}/leave.service", f"[Service]\nExecStart={HOME}/leave.sh\n"
            f"StandardOutput=file:{HOME}/leave.out\n"):
        h.sh(f"chown -R alice: {HOME}/.config {HOME}/leave.sh")
        with h.shell("alice") as alice:
            inside = alice.do(f"{SHOW_NS} /proc/self/ns/cgroup", timeout=120)
            h.wait(f"grep -q ^end {HOME}/leave.out", 120)
            told = h.out(f"cat {HOME}/leave.out")
            h.check(told.endswith("end"), "a unit that lies in the home is started", told[-60:], h.log())
            h.check(told.startswith(inside), "in the namespaces of the login", told[:20])
            h.check("id 1000 caps 0000000000000000 nnp 1" in told, "as the account, with no way to more",
                    re.findall("^id.*", told, re.M))
            h.check("group /user/app.slice/leave.service\n" in told, "its group ends at the session's",
                    re.findall("^group .*", told, re.M))
            got = re.findall("^(?:got|lost).*", told, re.M)
            h.check(not got, "it tried what there is, and got nowhere", got)
            groups, depth = (int(re.search(rf"^{w} (\d+)", told, re.M)[1]) for w in ("groups", "depth"))
            h.check(500 < groups < 1025 and 10 < depth < 18, "groups of its own are bounded",
                    f"{groups}, {depth} deep")
            h.check(not h.out("find /tmp/marker-of-a-unit 2>/dev/null"), "its /tmp is the session's")
            h.check(alice.do("echo here", timeout=60) == "here", "and the login goes on")
    h.sh("pkill -xf 'sleep 424242'")


@with_managers
def test_one_manager_for_all_logins(h):
    h.config(f"{CONFIG}Share=account\nLinger=yes\n")
    with h.shell("alice") as one:
        one.do("systemd-run -q --user sleep 515151", timeout=120)
        with h.shell("alice") as two:
            seen = two.do("systemctl --user is-system-running; pgrep -c -f 'systemd --user$'", timeout=120)
            h.check(seen.split() == ["running", "1"], "Share=account: one manager for all logins", seen)
    r = h.ssh("alice", "pgrep -f '^[^ ]*sleep 515151'")
    h.check(r.stdout.strip().isdigit(), "and with Linger=yes its units go on without a login", r.stdout + r.stderr)
    h.nsctl("stop", "alice")
    h.config(f"{CONFIG}Linger=yes\n")
    h.ssh("alice", "systemd-run -q --user sleep 515151")
    h.check(not h.left(), "Share=login: the manager doesn't keep a session, whatever Linger= says")


def test_where_there_can_be_none(h):
    if h.kind != "v1":
        h.skip("UserManager=yes where there can't be one", "this host has cgroup v2")
        return
    h.config(CONFIG)
    seen = h.nsctl("check").stdout
    h.check("UserManager=yes: needs cgroup v2" in seen, "nsctl check says what UserManager=yes needs",
            re.findall("^.*UserManager.*", seen, re.M), seen)
    r = h.ssh("alice", "stat -c '%U %a' $XDG_RUNTIME_DIR; echo $XDG_RUNTIME_DIR")
    h.check(r.stdout == "alice 700\n/run/user/1000\n",
            "the login works, and /run/user/UID is the account's", r.stdout + r.stderr)
    h.check("UserManager=yes: needs cgroup v2" in h.log(40), "and the log says why there is none")
    h.config()
