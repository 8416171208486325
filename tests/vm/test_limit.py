# SPDX-License-Identifier: BSD-3-Clause
"""Limits limit, whatever the host's cgroups are."""

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
