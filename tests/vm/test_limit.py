# SPDX-License-Identifier: BSD-3-Clause
"""Limits limit, whatever the host's cgroups are."""

import re

TAKE = "head -c 150M /dev/zero | tail -c 150M >/dev/null; echo status ${PIPESTATUS[1]}"
FORKS = """python3 -c '
import os, time
n = 0
try:
    while n < 60:
        if os.fork() == 0:
            time.sleep(3); os._exit(0)
        n += 1
    print("all", n)
except OSError:
    print("refused", n)
'"""


def test_memory(h):
    r = h.ssh("alice", TAKE, timeout=200)
    h.check("status 0" in r.stdout, "without MemoryMax= 150 MB can be had", r.stdout + r.stderr)
    h.config("[User alice]\nMemoryMax=64M\n")
    with h.shell("bob") as bob:
        bob.do("true", timeout=60)
        r = h.ssh("alice", TAKE, timeout=200)
        h.check("status 137" in r.stdout, "MemoryMax=64M: who takes 150 MB is killed",
                r.stdout + r.stderr, h.log())
        h.check(bob.do("echo here", timeout=60) == "here", "and not a neighbour")
    h.config()


def test_tasks(h):
    h.config("[User alice]\nTasksMax=30\n")
    with h.shell("bob") as bob:
        bob.do("true", timeout=60)
        seen = h.ssh("alice", FORKS, timeout=200).stdout.split()
        h.check(seen[:1] == ["refused"] and 10 < int(seen[1]) < 30,
                "TasksMax=30: of 60 forks some are refused", seen)
        h.check(bob.do("echo here", timeout=60) == "here", "a neighbour goes on")
    h.config()


def test_what_nsctl_tells_is_what_holds(h):
    h.config("[User alice]\nMemoryMax=200M\nTasksMax=77\nCPUQuota=50%\n")
    with h.shell("alice") as alice:
        alice.do("true", timeout=60)
        told = h.nsctl("status alice").stdout
        h.check("MemoryMax=200M" in told and "TasksMax=77" in told and "CPUQuota=50%" in told,
                "nsctl status reads the limits back from the kernel",
                [x.strip() for x in told.splitlines() if "Max=" in x or "Quota" in x], told)
    h.config()


def test_pressure(h):
    if h.kind == "v1":
        h.skip("pressure of a session", "groups of cgroup v1 tell none")
        return
    h.config("[User alice]\nCPUQuota=20%\n")
    with h.shell("alice") as alice:
        alice.do("timeout 5 sh -c 'while :; do :; done'", timeout=60)
        r = h.nsctl("status --json alice")
        told = re.findall(r'"(cpu|memory|io)": *{\s*"some10"', r.stdout)
        waited = re.search(r'"cpu": *{[^}]*"some_usec": *(\d+)', r.stdout)
        h.check(told == ["cpu", "memory", "io"] and waited and int(waited[1]) > 100000,
                "nsctl status tells how long who spins below CPUQuota=20% has waited",
                waited and f"{waited[1]} microseconds", r.stdout)
    h.config()


def test_init_is_born_in_its_group(h):
    """A move into it would wait for all processors (RCU), clone3(2) with CLONE_INTO_CGROUP doesn't."""
    if h.kind == "v1":
        h.skip("init is born in its group", "only cgroup v2 can do that")
        return
    h.sh("strace -f --seccomp-bpf -e trace=clone3 -o /root/clones su alice -c true", 120)
    seen = h.out("cat /root/clones; rm /root/clones")
    inits = [line for line in seen.splitlines() if "CLONE_NEWPID" in line]
    h.check(len(inits) == 1 and "CLONE_INTO_CGROUP" in inits[0] and re.search(r"= \d+$", inits[0]),
            "a session's init is born in its group", inits, seen)


def test_init_is_spared(h):
    """A full /tmp beyond MemoryMax= takes processes of the session, and not its init."""
    h.config("[User alice]\nMemoryMax=128M\nTmpSize=300M\nOOMPolicy=continue\n")
    with h.shell("alice") as alice:
        alice.do("true", timeout=60)
        init = h.out("sed -n 's/^init_pid=//p' /run/nsshell/sessions/????????????")
        h.wait(f"grep -qx -- -900 /proc/{init}/oom_score_adj")
        score = h.out(f"cat /proc/{init}/oom_score_adj")
        h.check(score == "-900", "init has the supervisor's oom_score_adj", score)
        mine = alice.do("cat /proc/self/oom_score_adj", timeout=60)
        h.check(mine == "0", "a user's process has its own", mine)
    h.config()
