# SPDX-License-Identifier: BSD-3-Clause
"""Limits limit, and others don't notice."""

import os
import re
import time

from harness import kernel
from harness.pace import patient

HOG = "python3 -c 'x = bytearray(400 << 20); print(len(x))'"
BOMB = """python3 -c '
import os, time
n = 0
try:
    while n < 500:
        if os.fork() == 0:
            time.sleep(3); os._exit(0)
        n += 1
except OSError as e:
    print("stopped", n, e.strerror, flush=True)
else:
    print("went on", n, flush=True)
'"""
# Its start isn't counted: on an emulated machine that alone takes half a second.
SPIN = "python3 -c 'import time\nt = time.monotonic()\nc = time.process_time()\n" \
       "while time.monotonic() - t < 3: pass\nprint(time.process_time() - c)'"


def _has_cgroups(b, *controllers):
    """Whether this host has those controllers mounted anywhere."""
    for root in kernel.cgroup_roots():
        names = set(root.split("/")[-1].split(","))
        try:
            with open(f"{root}/cgroup.controllers", encoding="utf-8") as f:
                names |= set(f.read().split())
        except OSError:
            pass
        controllers = [c for c in controllers if c not in names]
    if controllers:
        b.skip(f"limits of {' '.join(controllers)}", "this host has no such controller")
    return not controllers


def test_memory(b):
    if not _has_cgroups(b, "memory"):
        return
    r = b.ssh(b.alice.pw_name, HOG)
    b.check(r.stdout.strip() == str(400 << 20), "without MemoryMax= 400 MB can be had",
            r.stdout + r.stderr)
    b.stage.config("MemoryMax=100M\n")
    r = b.ssh(b.alice.pw_name, HOG + "; echo status $?")
    b.check("status 137" in r.stdout,
            "MemoryMax=100M: a program that takes 400 MB is killed", r.stdout + r.stderr,
            b.log_tail())
    take = "python3 -c 'x = bytearray(70 << 20); import time; time.sleep(2)'; echo status $?"
    logins = [b.stage.sshd.background(b.alice.pw_name, take) for _ in range(2)]
    seen = [p.communicate(timeout=patient(30))[0] for p in logins]
    b.check(any("status 137" in out for out in seen), "the limit is the account's: 70 MB in each "
            "of two logins are too much", seen)


def _group_values(cgroup, names):
    values = {}
    for root in kernel.cgroup_roots():
        for name in names:
            try:
                with open(f"{root}/{cgroup}/{name}", encoding="utf-8") as f:
                    values[name] = f.read().strip()
            except OSError:
                pass
    return values


def _is_safe_to_bomb(b, limit):
    """Nothing is let loose unless the box and its limit are there."""
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        group = os.path.dirname(b.record_of(b.alice.pw_name)["cgroup"])
        seen = _group_values(group, ["pids.max"]).get("pids.max")
    return b.check(seen == str(limit), f"TasksMax={limit} stands in the account's group", seen)


def _bob_logs_in(b, did):
    """How long it took is told, not judged: other people's work on the machine counts as well."""
    started = time.monotonic()
    r = b.ssh(b.bob.pw_name, "echo quick")
    b.check(r.stdout == "quick\n", did, f"{time.monotonic() - started:.2f} s", r.stderr)


def test_tasks(b):
    if not _has_cgroups(b, "pids"):
        return
    b.stage.config("TasksMax=60\n")
    if not _is_safe_to_bomb(b, 60):
        return
    r = b.ssh(b.alice.pw_name, BOMB)
    m = re.search(r"stopped (\d+) (.*)", r.stdout)
    b.check(m and 20 < int(m.group(1)) <= 60, "TasksMax=60: a fork bomb stops",
            m.group(0) if m else r.stdout + r.stderr)
    # A bomb must stop even where the box fails: not outside, and never above 400.
    p = b.stage.sshd.background(b.alice.pw_name, 'test -n "$NSSHELL_SESSION" && ulimit -u 400 && '
                                "{ :(){ :|:& };: ; sleep 3; }")
    time.sleep(1)
    _bob_logs_in(b, "while alice's shell fork bomb runs, bob logs in")
    p.terminate()
    p.communicate()


def test_cpu(b):
    if not _has_cgroups(b, "cpu"):
        return
    b.stage.config(f"[User {b.alice.pw_name}]\nCPUQuota=20%\n")
    spinners = [b.stage.sshd.background(b.alice.pw_name, SPIN) for _ in range(2)]
    time.sleep(0.7)
    _bob_logs_in(b, "while they spin, bob logs in")
    used = []
    for p in spinners:
        out = p.communicate(timeout=patient(30))[0].strip()
        used.append(float(out) if re.fullmatch(r"[\d.]+", out) else 99.0)
    b.check(0.1 < sum(used) < 1.2, "CPUQuota=20%: two spinners of one account get about 0.6 s of "
            "3 together", f"{sum(used):.2f} s")


def test_limits_are_written_as_told(b):
    if not _has_cgroups(b, "memory", "pids", "cpu"):
        return
    b.stage.config("MemoryMax=256M\nTasksMax=99\nCPUQuota=150%\nCPUWeight=50\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        group = b.record_of(b.alice.pw_name)["cgroup"]
        b.check(group, "the record names the session's cgroup", group)
        account = os.path.dirname(group)
        values = _group_values(account, (
            "memory.max", "memory.limit_in_bytes", "pids.max", "cpu.max", "cpu.cfs_quota_us"))
        memory = values.get("memory.max") or values.get("memory.limit_in_bytes")
        b.check(memory == str(256 << 20), "MemoryMax=256M stands in the account's group", values)
        b.check(values.get("pids.max") == "99", "TasksMax=99 does", values.get("pids.max"))
        cpu = values.get("cpu.max", "").split()[:1] or [values.get("cpu.cfs_quota_us")]
        b.check(cpu == ["150000"], "CPUQuota=150% does", cpu)
        init = b.record_of(b.alice.pw_name)["init_pid"]
        with open(f"/proc/{init}/cgroup", encoding="utf-8") as f:
            lines = f.read().splitlines()
        b.check(any(line.endswith(group) for line in lines), "init is in the session's group")
    r = b.ssh(b.alice.pw_name, "cat /sys/fs/cgroup/*/nsshell/*/pids.max "
              "/sys/fs/cgroup/nsshell/*/pids.max; echo max >/sys/fs/cgroup/pids.max; "
              "find /sys/fs/cgroup -writable -type f; find /sys/fs/cgroup -name release_agent")
    b.check(r.stdout == "", "inside, no limit can be written and no release_agent seen",
            r.stdout or "nothing")


def test_a_limit_lowered_under_a_running_session(b):
    if not _has_cgroups(b, "pids"):
        return
    b.stage.config("TasksMax=200\n")
    with b.shell(b.alice.pw_name) as one:
        one.do("true")
        b.stage.config("TasksMax=60\n")
        r = b.ssh(b.alice.pw_name, BOMB)  # which ends by itself at 500
        m = re.search(r"stopped (\d+)", r.stdout)
        b.check(m and int(m.group(1)) <= 60, "a limit changed in the config holds from the next "
                "login on", m.group(0) if m else r.stdout + r.stderr)


def test_upper_size(b):
    b.stage.config("UpperSize=2M\n")
    r = b.ssh(b.alice.pw_name, f"head -c 5M /dev/zero >{b.stage.open}/big; echo; "
              f"stat -c %s {b.stage.open}/big")
    b.check("No space" in r.stderr, "UpperSize=2M: 5 MB don't fit into the root", r.stderr)
