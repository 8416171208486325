# SPDX-License-Identifier: BSD-3-Clause
"""Limits of swap, CPUs and disks, parts of the machine, and what a host can't give."""

import os
import shutil

from harness import kernel


def controllers():
    """What this host has mounted, v1 or v2; and whether it is v2 alone."""
    names, v1 = set(), False
    for root in kernel.cgroup_roots():
        try:
            with open(f"{root}/cgroup.controllers", encoding="utf-8") as f:
                names |= set(f.read().split())
        except OSError:
            options = [o for t, kind, o in kernel.mounts() if t == root and kind == "cgroup"]
            found = {w for o in options for w in o.split(",")}
            names |= found
            v1 |= bool(found & {"memory", "pids", "cpu"})
    return names, not v1


def can(b, *wanted):
    names, _ = controllers()
    missing = [w for w in wanted if w not in names]
    if missing:
        b.skip(f"limits of {' '.join(missing)}", "this host has no such controller")
    return not missing


def value(group, *names):
    """The first of these files that the group has, in any hierarchy."""
    for root in kernel.cgroup_roots():
        for name in names:
            try:
                with open(f"{root}/{group}/{name}", encoding="utf-8") as f:
                    return f.read().strip()
            except OSError:
                pass
    return None


def account_group(b, user):
    return os.path.dirname(b.record_of(user)["cgroup"])


def _set(b, *arguments):
    return b.run(b.stage.bin / "nsctl", "set", "--config", str(b.stage.conf), *arguments)


def _log(b):
    return "\n".join(line for line in b.stage.syslog.lines() if "nsshell" in line)


def _ram():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(f.readline().split()[1]) * 1024


def _tasks():
    least = []
    for name in ("pid_max", "threads-max"):
        with open(f"/proc/sys/kernel/{name}", encoding="ascii") as f:
            least.append(int(f.read()))
    return min(least)


def test_parts_of_the_machine(b):
    if not can(b, "memory", "pids"):
        return
    b.stage.config("MemoryMax=25%\nTasksMax=1.5%\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        group = account_group(b, b.alice.pw_name)
        memory = int(value(group, "memory.max", "memory.limit_in_bytes"))
        b.check(abs(memory - _ram() // 4) < 65536, "MemoryMax=25% is a quarter of the memory",
                f"{memory} of {_ram()}")
        tasks = value(group, "pids.max")
        b.check(int(tasks) == _tasks() * 150 // 10000, "TasksMax=1.5% is one of the kernel's "
                "maximum", f"{tasks} of {_tasks()}")


def test_cpus(b):
    if not can(b, "cpuset"):
        return
    last = (os.cpu_count() or 1) - 1
    b.stage.config(f"AllowedCPUs={last},4000-4007\n")
    with b.shell(b.alice.pw_name) as s:
        seen = s.do("nproc; grep Cpus_allowed_list /proc/self/status").split()
        b.check(seen == ["1", "Cpus_allowed_list:", str(last)],
                f"AllowedCPUs={last}: nproc says 1, and processes are there", seen)
        seen = s.do("taskset -c 0-63 nproc 2>&1; grep -c . /proc/self/status >/dev/null; nproc")
        b.check(seen.split()[-1] == "1" and seen.split()[0] == "1",
                "an affinity mask doesn't lead out of it", seen)
        group = account_group(b, b.alice.pw_name)
        b.check(value(group, "cpuset.cpus") == str(last), "CPUs that the host doesn't have are "
                "left out", value(group, "cpuset.cpus"))
        if last > 0:
            r = _set(b, b.alice.pw_name, f"AllowedCPUs=0-{last}")
            seen = s.do("nproc")
            b.check(r.returncode == 0 and seen.strip() == str(last + 1),
                    "nsctl set gives a running session more", seen, r.stderr)
            r = _set(b, b.alice.pw_name, "AllowedCPUs=0")
            seen = s.do("nproc")
            b.check(r.returncode == 0 and seen.strip() == "1", "and less", seen, r.stderr)
    b.gone()  # what was set holds as long
    b.stage.config("AllowedCPUs=4000\n")
    r = b.ssh(b.alice.pw_name, "echo got-in")
    b.check("got-in" not in r.stdout and "AllowedCPUs=" in _log(b),
            "a host with none of them refuses the login, and says why", r.stdout, _log(b)[-400:])


def _swap_is_counted():
    _, v2 = controllers()
    return v2 or os.path.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")


def test_swap(b):
    if not can(b, "memory"):
        return
    if not _swap_is_counted():
        b.skip("MemorySwapMax=", "this host doesn't count swap")
        return
    _, v2 = controllers()
    names = ("memory.swap.max", "memory.memsw.limit_in_bytes")
    plus = 0 if v2 else 64 << 20
    b.stage.config("MemoryMax=64M\nMemorySwapMax=16M\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        group = account_group(b, b.alice.pw_name)
        b.check(value(group, *names) == str((16 << 20) + plus), "MemorySwapMax=16M stands in the "
                "account's group", value(group, *names))
        # On v1 memory alone may never be above memory with swap: both ways have an order.
        for size in (256, 32):
            r = _set(b, b.alice.pw_name, f"MemoryMax={size}M", "MemorySwapMax=8M")
            want = (8 << 20) + (0 if v2 else size << 20)
            b.check(r.returncode == 0 and value(group, *names) == str(want),
                    f"nsctl set to {size}M and 8M of swap", value(group, *names), r.stderr)
        r = _set(b, b.alice.pw_name, "MemoryMax=128M")
        want = (8 << 20) + (0 if v2 else 128 << 20)
        b.check(r.returncode == 0 and value(group, *names) == str(want),
                "the swap stays when only the memory changes", value(group, *names), r.stderr)
        b.stage.config("MemoryMax=256M\nMemorySwapMax=1M\n")
        r = _set(b, b.alice.pw_name, "MemoryMax=", "MemorySwapMax=")
        want = (1 << 20) + (0 if v2 else 256 << 20)
        b.check(r.returncode == 0 and value(group, *names) == str(want),
                "back to what the config says", value(group, *names), r.stderr)


def _disk_of(path):
    """MAJ:MIN of the whole disk below a path, or None."""
    dev = os.stat(path).st_dev
    here = f"/sys/dev/block/{os.major(dev)}:{os.minor(dev)}"
    if not os.path.exists(here):
        return None
    if os.path.exists(f"{here}/partition"):
        here = os.path.dirname(os.path.realpath(here))
    with open(f"{here}/dev", encoding="ascii") as f:
        return f.read().strip()


def _io(group, disk):
    """The limits of a disk as the kernel has them: {'rbps': '1000', ...}"""
    found = {}
    for line in (value(group, "io.max") or "").splitlines():
        if line.split()[0] == disk:
            found = dict(w.split("=") for w in line.split()[1:] if not w.endswith("=max"))
    for name in ("read_bps", "write_bps", "read_iops", "write_iops"):
        for line in (value(group, f"blkio.throttle.{name}_device") or "").splitlines():
            if line.split()[0] == disk:
                found[name[0] + name.split("_")[1]] = line.split()[1]
    return found


def test_speed_of_disks(b):
    _, v2 = controllers()
    if not can(b, "io" if v2 else "blkio"):
        return
    path = str(b.stage.base)
    disk = _disk_of(path)
    if not disk:
        b.skip("IOReadBandwidthMax=", f"{path} lies on no disk")
        return
    b.stage.config(f"IOReadBandwidthMax={path} 200M\nIOWriteIOPSMax={path} 5K\n"
                   f"IOReadBandwidthMax=/ infinity\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        group = account_group(b, b.alice.pw_name)
        want = {"rbps": "200000000", "wiops": "5000"}
        b.check(_io(group, disk) == want, "speeds stand in the account's group for the disk",
                _io(group, disk), disk)
        r = _set(b, b.alice.pw_name, f"IOReadBandwidthMax={path} 1M",
                 f"IOWriteBandwidthMax={path} 2M")
        want = {"rbps": "1000000", "wbps": "2000000", "wiops": "5000"}
        b.check(r.returncode == 0 and _io(group, disk) == want, "nsctl set changes them",
                _io(group, disk), r.stderr)
        r = _set(b, b.alice.pw_name, "IOReadBandwidthMax=", "IOWriteBandwidthMax=")
        want = {"rbps": "200000000", "wiops": "5000"}
        b.check(r.returncode == 0 and _io(group, disk) == want,
                "what the config doesn't limit is free again", _io(group, disk), r.stderr)
        with b.shell(b.alice.pw_name) as other:
            other.do("true")
            b.check(_io(group, disk) == want, "a second login changes nothing", _io(group, disk))


def test_what_this_host_cannot_give(b):
    _, v2 = controllers()
    wanted = ["IOReadIOPSMax=/proc 100\n", "IOReadIOPSMax=/not/there 100\n"]
    if not v2:
        wanted += ["OOMPolicy=kill\n", "MemorySwapMax=10M\n"]
    for line in wanted:
        key = line.split("=")[0]
        b.stage.config(line)
        b.stage.syslog.clear()
        r = b.ssh(b.alice.pw_name, "echo got-in")
        b.check("got-in" not in r.stdout and f"{key}=" in _log(b),
                f"{line.strip()}: the login is refused, the log says why", r.stdout, _log(b)[-400:])
        r = b.run(b.stage.bin / "nsctl", "plan", "-c", str(b.stage.conf), "-s", "su",
                  b.alice.pw_name)
        b.check(r.returncode == 1 and f"{key}=" in r.stderr, "so does nsctl plan", r.stderr)
        r = b.run(b.stage.bin / "nsctl", "check", "-c", str(b.stage.conf))
        b.check(r.returncode == 1 and r.stdout.count("a limit that this host can't give") == 1
                and f"{key}=" in r.stdout, "nsctl check tells it once, for all whom it concerns",
                r.stdout[:300] + r.stderr)
        b.stage.config(line + "OnError=allow\n")
        r = b.ssh(b.alice.pw_name, "echo got-in")
        path = key.startswith("IO")  # which a user may have taken away
        b.check(("got-in" in r.stdout) != path, "OnError=allow " + (
            "refuses it, too: paths may be a user's" if path else "lets in, without a box"), r.stdout, r.stderr)


test_what_this_host_cannot_give.later = "each key once more; tests/unit/test_limits.c has the table"


def test_the_whole_session_is_killed(b):
    _, v2 = controllers()
    if not can(b, "memory"):
        return
    if not v2:
        b.skip("OOMPolicy=kill", "only cgroup v2 can")
        return
    b.stage.config("MemoryMax=100M\nMemorySwapMax=0\nOOMPolicy=kill\n")
    with b.shell(b.alice.pw_name) as quiet:
        quiet.do("true")
        r = b.ssh(b.alice.pw_name, "sleep 60 & python3 -c 'x = bytearray(400 << 20)'; echo alive")
        b.check("alive" not in r.stdout, "OOMPolicy=kill: with the hog its session dies",
                r.stdout, r.stderr)
        b.check(quiet.do("echo here").strip() == "here", "the account's other one lives on")


def test_status_inside(b):
    if not can(b, "memory", "pids"):
        return
    b.stage.config("MemoryMax=256M\nTasksMax=99\nCPUQuota=150%\n")
    nsctl = b.stage.open / "nsctl-inside"
    shutil.copy(b.stage.bin / "nsctl", nsctl)
    try:
        r = b.ssh(b.alice.pw_name, f"{nsctl} status")
    finally:
        nsctl.unlink()
    b.check(r.returncode == 0 and all(w in r.stdout for w in (
        "MemoryMax=256", "TasksMax=99", "CPUQuota=150%", "Memory:", "Tasks:")) and "Note:" not in r.stdout,
        "inside, nsctl status tells the user limits and usage", r.stdout, r.stderr)
    r = b.ssh(b.alice.pw_name, "cat /run/nsshell/limits; echo TasksMax=1 >/run/nsshell/limits")
    b.check("MemoryMax=268435456\nTasksMax=99\n" in r.stdout and "Read-only" in r.stderr,
            "a script reads them, and can't write", r.stdout, r.stderr)
