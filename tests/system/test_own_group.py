# SPDX-License-Identifier: BSD-3-Clause
"""/sys/fs/cgroup inside: the session's own group, with the limits that programs size themselves by."""

import json
import os

from harness import kernel
from test_limits import _has_cgroups

# As a JVM looks for its limits, and Go's runtime: the mount table leads to a hierarchy, /proc/self/cgroup to
# the group in it. What is below the mount's root is looked for below its place.
LOOK = r"""import json, os
mounts, groups, seen = {}, {}, {}
for line in open("/proc/self/mountinfo"):
    fields, _, rest = line.partition(" - ")
    root, place = fields.split()[3:5]
    kind, _, options = rest.split()
    for name in options.split(",") if kind == "cgroup" else [""] * (kind == "cgroup2"):
        mounts[name] = (root, place)
for line in open("/proc/self/cgroup"):
    _, names, path = line.strip().split(":", 2)
    for name in names.split(","):
        groups[name] = path
for names, files in ((("memory", ""), ("memory.limit_in_bytes", "memory.max")), (("pids", ""), ("pids.max",)),
                     (("cpu", ""), ("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max"))):
    for name in names:
        root, place = mounts.get(name, (None, None))
        for file in files if root else ():
            try:
                path = os.path.relpath(groups[name], root)
                seen[file] = open(os.path.join(place, path, file)).read().strip()
            except OSError:
                pass
print(json.dumps(seen))"""


def _v2():
    return any(kind == "cgroup2" and os.path.exists(f"{place}/cgroup.controllers")
               and "memory" in open(f"{place}/cgroup.controllers", encoding="ascii").read().split()
               for place, kind, _ in kernel.mounts())


def _want(memory, tasks, quota):
    """@quota: percent; None: no limit."""
    if _v2():
        return {"memory.max": str(memory or "max"), "pids.max": str(tasks or "max"),
                "cpu.max": f"{quota * 1000 if quota else 'max'} 100000"}
    return {"memory.limit_in_bytes": str(memory or (1 << 63) - os.sysconf("SC_PAGESIZE")),
            "pids.max": str(tasks or "max"),
            "cpu.cfs_quota_us": str(quota * 1000 if quota else -1), "cpu.cfs_period_us": "100000"}


def _look(b, shell):
    with open(f"{b.alice.pw_dir}/look.py", "w", encoding="utf-8") as f:
        f.write(LOOK)
    return json.loads(shell.do("python3 ~/look.py"))


def _set(b, *words):
    return b.run(b.stage.bin / "nsctl", "set", "-c", str(b.stage.conf), b.alice.pw_name, *words)


def test_limits_to_be_read(b):
    if not _has_cgroups(b, "memory", "pids", "cpu"):
        return
    name = b.alice.pw_name
    b.stage.config("MemoryMax=256M\nTasksMax=99\nCPUQuota=150%\n")
    with b.shell(name) as s:
        b.check(_look(b, s) == _want(256 << 20, 99, 150), "programs find the account's limits at the root of the "
                "session's own group", _look(b, s), s.do("cat /proc/self/cgroup /proc/self/mountinfo"))
        with b.shell(name) as other:
            other.do("true")
            for words, want, did in ((("MemoryMax=128M", "TasksMax=60", "CPUQuota=50%"), (128 << 20, 60, 50),
                                      "lowers"),
                                     (("MemoryMax=1G", "TasksMax=200", "CPUQuota=175%"), (1 << 30, 200, 175),
                                      "raises"),
                                     (("MemoryMax=infinity", "TasksMax=infinity", "CPUQuota=infinity"),
                                      (None, None, None), "takes away"),
                                     (("MemoryMax=", "TasksMax=", "CPUQuota="), (256 << 20, 99, 150),
                                      "brings back")):
                r = _set(b, *words)
                seen = [_look(b, s), _look(b, other)]
                b.check(r.returncode == 0 and seen == [_want(*want)] * 2,
                        f"what nsctl set {did} is seen so in each session of the account", seen, r.stderr)
        b.stage.config("TasksMax=70\n")
        with b.shell(name) as other:
            seen = [_look(b, other), _look(b, s)]
            b.check(seen == [_want(None, 70, None)] * 2, "and so is what a changed config says, from the next login "
                    "on", seen, b.log_tail())
    os.unlink(f"{b.alice.pw_dir}/look.py")


def test_no_limits(b):
    if not _has_cgroups(b, "memory", "pids", "cpu"):
        return
    b.stage.config("TasksMax=infinity\n")
    with b.shell(b.alice.pw_name) as s:
        b.check(_look(b, s) == _want(None, None, None), "without limits there are none to be read", _look(b, s))
    os.unlink(f"{b.alice.pw_dir}/look.py")


def _hierarchies(shell):
    """Every mount of cgroups inside: (root, place, options)."""
    lines = [line.split() for line in shell.do("cat /proc/self/mountinfo").splitlines()]
    return [(f[3], f[4], set(f[5].split(","))) for f in lines if f[f.index("-") + 1] in ("cgroup", "cgroup2")]


def test_nothing_but_the_own_group(b):
    if not _has_cgroups(b, "memory"):
        return
    with b.shell(b.alice.pw_name) as s, b.shell(b.alice.pw_name) as sibling, b.shell(b.bob.pw_name) as other:
        own, *_ = (x.do("echo $NSSHELL_SESSION") for x in (s, sibling, other))
        group = next(r["cgroup"] for r in b.stage.records() if r["id"] == own)
        seen = _hierarchies(s)
        b.check(seen and all(place.startswith("/sys/fs/cgroup") for _, place, _ in seen),
                "/sys/fs/cgroup shows cgroups", [place for _, place, _ in seen])
        b.check(all(root == "/" and {"ro", "nosuid", "nodev", "noexec"} <= options
                    for root, _, options in seen), "read-only, nosuid, nodev, noexec", seen)
        on_host = {os.stat(f"{top}/{group}").st_ino for top in kernel.cgroup_roots()
                   if os.path.exists(f"{top}/{group}")}
        inside = {int(s.do(f"stat -c %i {place}")) for _, place, _ in seen}
        b.check(inside <= on_host, "their roots are the session's own group", f"{inside} of {on_host}")
        directories = s.do("find /sys/fs/cgroup -mindepth 1 -type d -o -type l").splitlines()
        b.check(set(directories) <= {place for _, place, _ in seen},
                "there are no groups of other sessions, nor of other accounts", directories)
        done = s.do("find /sys/fs/cgroup -writable; for f in $(find /sys/fs/cgroup -type f); do "
                    "(echo 1 >$f) 2>/dev/null && echo $f; done; "
                    "for d in $(find /sys/fs/cgroup -type d); do mkdir $d/nst 2>/dev/null && echo $d; done")
        b.check(done == "", "nothing can be written there, and no group made", done or "nothing")


def test_a_quota_that_holds_back_is_counted(b):
    if not _has_cgroups(b, "cpu"):
        return
    # Far more than there is for it, in time of its own: on a busy host it may be long before it has had that.
    b.stage.config("CPUQuota=5%\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("python3 -c 'import time\nwhile time.process_time() < 0.2: pass'")
        r = b.nsctl("status", b.alice.pw_name)
        b.check("held back" in r.stdout, "nsctl status tells how often the quota made a session wait",
                [x.strip() for x in r.stdout.splitlines() if "CPU:" in x], r.stdout)
