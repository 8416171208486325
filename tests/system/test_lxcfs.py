# SPDX-License-Identifier: BSD-3-Clause
"""lxcfs: free, top, uptime and nproc tell of the session, also after lxcfs died or came anew."""

import os
import shutil
import signal
import subprocess
import time

from harness import kernel
from test_limits import _has_cgroups


class Lxcfs:
    """The distribution's daemon, mounted in the stage only."""

    def __init__(self, b):
        self.where = b.stage.base / "lxcfs"
        self.where.mkdir(exist_ok=True)
        self.pidfile = b.stage.private / "lxcfs.pid"
        self.process = None

    def start(self):
        if self.pidfile.exists():
            self.pidfile.unlink()
        self.process = subprocess.Popen(
            ["lxcfs", "-p", str(self.pidfile), str(self.where)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not os.path.exists(self.where / "proc" / "uptime"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("lxcfs doesn't start")
            time.sleep(0.05)
        return self

    def die(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def unmount(self):
        """What lxcfs.service does once it has stopped."""
        while subprocess.run(["umount", "-l", str(self.where)], stderr=subprocess.DEVNULL,
                             check=False).returncode == 0:
            continue

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        self.unmount()
        self.where.rmdir()


def _total_kb(s):
    words = s.do("grep MemTotal /proc/meminfo").split()
    return int(words[1]) if len(words) == 3 and words[1].isdigit() else " ".join(words)


def _nsctl(b, *args):
    return b.run(b.stage.bin / "nsctl", *args)


def _can(b):
    return _has_cgroups(b, "memory") and b.check(
        shutil.which("lxcfs") and os.path.exists("/dev/fuse"), "lxcfs is installed")


def test_numbers_are_the_sessions(b):
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\nAllowedCPUs=0\n" if _has_cgroups(b, "cpuset")
                   else "MemoryMax=200M\n")
    with Lxcfs(b), b.shell(b.alice.pw_name) as s:
        b.check(_total_kb(s) == 200 * 1024, "MemTotal is MemoryMax=", _total_kb(s))
        total = s.do("free -m | awk '/^Mem:/ { print $2 }'")
        b.check(total == "200", "free shows it", total)
        up = float(s.do("cut -d. -f1 /proc/uptime") or 1e9)
        b.check(up < 60, "uptime counts from the session's begin", up)
        b.check(s.do("uptime") and s.status == 0, "uptime(1) works", s.do("uptime"))
        b.check("Cpu(s)" in s.do("top -bn1 | head -5"), "and top", s.do("top -bn1 | head -4"))
        b.check(s.do("ps -e -o comm= | sort | tr '\\n' ' '"), "and ps",
                s.do("ps -e -o comm= | sort | tr '\\n' ' '"))
        if kernel.cgroup_roots() and _has_cgroups(b, "cpuset"):
            b.check(s.do("nproc") == "1", "AllowedCPUs=0: nproc says 1", s.do("nproc"))
            n = s.do("grep -c ^processor /proc/cpuinfo")
            b.check(n == "1", "and so does /proc/cpuinfo", n)
        left = s.do("umount /proc/meminfo 2>&1; head -c0 /proc/meminfo && echo stays")
        b.check(left.endswith("stays"), "nobody inside can take it away", left)
        plan = _nsctl(b, "plan", "-c", str(b.stage.conf), b.alice.pw_name)
        b.check("cover" in plan.stdout and "/proc/meminfo" in plan.stdout,
                "nsctl plan shows it", plan.stdout[-100:] + plan.stderr)


def test_a_crash_and_a_restart(b):
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\n")
    with Lxcfs(b) as lxcfs, b.shell(b.alice.pw_name) as s:
        b.check(_total_kb(s) == 200 * 1024, "before, MemTotal is the limit", _total_kb(s))
        host = int(open("/proc/meminfo", encoding="ascii").readline().split()[1])
        lxcfs.die()
        b.check("not connected" in str(_total_kb(s)), "lxcfs died: its files are dead",
                _total_kb(s))
        with b.shell(b.bob.pw_name) as new:
            new.do("true")
            b.check(_total_kb(new) == host, "a new login has the kernel's", _total_kb(new))
        b.check(b.stage.syslog.wait("lxcfs doesn't answer"), "the log says why",
                b.stage.syslog.lines("lxcfs")[-1:])
        r = _nsctl(b, "refresh")
        b.check(r.returncode == 0 and "sessions show the host's numbers" in r.stdout,
                "nsctl refresh takes dead files away", r.stdout + r.stderr)
        b.check(_total_kb(s) == host, "the running session has the kernel's", _total_kb(s))
        lxcfs.unmount()
        lxcfs.start()
        r = _nsctl(b, "refresh", "--wait")
        b.check(r.returncode == 0 and "sessions show lxcfs" in r.stdout,
                "lxcfs is back: nsctl refresh", r.stdout + r.stderr)
        b.check(_total_kb(s) == 200 * 1024, "the running session has it back", _total_kb(s))
        r = _nsctl(b, "refresh", "-q")
        mounts = s.do("grep -c ' /proc/meminfo ' /proc/self/mountinfo")
        b.check(mounts == "1" and r.returncode == 0, "and only once, however often", mounts)
