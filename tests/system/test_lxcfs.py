# SPDX-License-Identifier: BSD-3-Clause
"""lxcfs: free, top, uptime and nproc tell of the session, also after lxcfs died or came anew."""

import errno
import os
import shutil
import signal
import subprocess
import time

from harness import kernel
from harness.scene import json_of
from harness.stage import TREE
from test_limits import _has_cgroups


class Lxcfs:
    """The distribution's daemon, mounted in the stage only."""

    def __init__(self, b):
        self.where = b.stage.base / "lxcfs"
        self.where.mkdir(exist_ok=True)
        self.pidfile = b.stage.private / "lxcfs.pid"
        self.process = None

    def start(self, *command):
        """@command: what starts it."""
        if self.pidfile.exists():
            self.pidfile.unlink()
        self.process = subprocess.Popen(
            [*command, "lxcfs", "-p", str(self.pidfile), str(self.where)],
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

    def stop(self):
        """It hangs: takes requests, answers none."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def unmount(self):
        """What lxcfs.service does once it has stopped."""
        while subprocess.run(["umount", "-l", str(self.where)], stderr=subprocess.DEVNULL,
                             check=False).returncode == 0:
            continue

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        self.unmount()
        self.where.rmdir()


def _told(b):
    """What nsctl check says of lxcfs: severity, words and what to do of each finding."""
    r = _nsctl(b, "check", "-J", "-c", str(b.stage.conf))
    return [(f["severity"], f["what"], f["todo"]) for f in (json_of(r) or {}).get("findings", [])
            if "lxcfs" in f["what"]]


def _dropin(b, when):
    """What the drop-in has systemd do then: nsctl's arguments."""
    text = (TREE / "config/lxcfs_nsshell.conf").read_text(encoding="utf-8")
    words = [x.partition("=")[2].split() for x in text.splitlines() if x.startswith(f"{when}=")]
    b.check(len(words) == 1 and words[0][0] == "-/usr/local/sbin/nsctl",
            f"the drop-in of lxcfs.service has {when}=", words)
    return words[0][1:]


def test_what_check_says(b):
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\n")
    if _others():
        b.skip("nsctl check without lxcfs", "this host has one that runs")
    else:
        told = _told(b)
        b.check(len(told) == 1 and told[0][0] == "note" and "isn't running" in told[0][1]
                and "apt install lxcfs" in told[0][2], "nsctl check: lxcfs isn't running", told)
    with Lxcfs(b) as lxcfs:
        b.check(not _told(b), "it runs: nothing is told", _told(b))
        lxcfs.die()
        told = _told(b)
        b.check(len(told) == 1 and told[0][0] == "warning" and "doesn't answer" in told[0][1]
                and "nsctl refresh" in told[0][2] and str(lxcfs.where) in told[0][1],
                "nsctl check: it died, and doesn't answer", told)


def test_what_systemd_runs(b):
    """The drop-in's own lines, when lxcfs has died and when it is there again."""
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\n")
    host = int(open("/proc/meminfo", encoding="ascii").readline().split()[1])
    with Lxcfs(b) as lxcfs, b.shell(b.alice.pw_name) as s:
        b.check(_total_kb(s) == 200 * 1024, "before, MemTotal is the limit", _total_kb(s))
        lxcfs.die()
        r = _nsctl(b, *_dropin(b, "ExecStopPost"))
        b.check(r.returncode == 0 and not r.stdout and _total_kb(s) == host,
                "once it has stopped, the running session has the kernel's numbers",
                f"{_total_kb(s)} {r.stdout}{r.stderr}")
        lxcfs.unmount()
        lxcfs.start()
        r = _nsctl(b, *_dropin(b, "ExecStartPost"))
        b.check(r.returncode == 0 and not r.stdout and _total_kb(s) == 200 * 1024,
                "and once it is there, its limit again", f"{_total_kb(s)} {r.stdout}{r.stderr}")


def _others():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [x for x in f if " fuse.lxcfs " in x]


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


# In mounts of its own, but for where it mounts: no control group is to be seen, as before any is mounted.
WITHOUT_GROUPS = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c",
                  'mount --make-rprivate /proc && mount --bind /dev/null /proc/1/cgroup && exec "$@"', "sh")


def test_one_that_has_no_control_groups(b):
    """As where sysvinit starts it before elogind, which mounts them: all that it has below /sys fails."""
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\n")
    host = int(open("/proc/meminfo", encoding="ascii").readline().split()[1])
    with Lxcfs(b) as lxcfs:
        lxcfs.die()
        lxcfs.unmount()
        subprocess.run(["mount", "--bind", lxcfs.where, lxcfs.where], check=True)
        subprocess.run(["mount", "--make-shared", lxcfs.where], check=True)
        lxcfs.start(*WITHOUT_GROUPS)
        try:
            os.stat(lxcfs.where / "sys")
            b.check(False, "lxcfs without control groups fails below /sys")
        except OSError as e:
            b.check(e.errno == errno.EIO, "lxcfs without control groups fails below /sys", e)
        with b.shell(b.alice.pw_name) as s:
            b.check(_total_kb(s) == host, "a login has the kernel's files", _total_kb(s), b.log_tail())
        told = _told(b)
        b.check(len(told) == 1 and told[0][0] == "warning" and "restart it" in told[0][2], "nsctl check: restart it", told)


# A FUSE file system of a user's own, with the name of another. Nobody answers on it.
MOUNT = """
import os, socket, sys
ours, theirs = socket.socketpair()
os.set_inheritable(theirs.fileno(), True)
os.environ["_FUSE_COMMFD"] = str(theirs.fileno())
if os.spawnvp(os.P_WAIT, "fusermount3", ["fusermount3", "-o", "subtype=lxcfs", "--", sys.argv[1]]):
    sys.exit("fusermount3")
fds = socket.recv_fds(ours, 1, 1)[1]
print("mounted", flush=True)
sys.stdin.read()
"""


def test_a_user_s_own(b):
    """Anybody may mount something that is called lxcfs."""
    if not _can(b) or not b.check(shutil.which("fusermount3"), "fuse3 is installed"):
        return
    if not os.stat("/dev/fuse").st_mode & 0o002:
        b.skip("a user mounts what is called lxcfs", "only root may open this host's /dev/fuse")
        return
    b.stage.config("MemoryMax=200M\n")
    where = b.stage.base / "posing"
    where.mkdir()
    os.chown(where, b.plain.pw_uid, b.plain.pw_gid)
    with Lxcfs(b), subprocess.Popen(
            ["python3", "-c", MOUNT, str(where)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, user=b.plain.pw_uid, group=b.plain.pw_gid, extra_groups=[]) as poser:
        try:
            b.check(poser.stdout.readline() == "mounted\n", "a user mounts what is called lxcfs")
            with open("/proc/self/mountinfo", encoding="utf-8") as f:
                mount = [line for line in f if str(where) in line]
            b.check(len(mount) == 1 and " fuse.lxcfs " in mount[0], "and the mount table has it", mount)
            with b.shell(b.alice.pw_name) as s:
                b.check(_total_kb(s) == 200 * 1024, "a login still sees the numbers of the host's lxcfs",
                        _total_kb(s), b.log_tail())
                r = _nsctl(b, "refresh", "-q")
                b.check(r.returncode == 0 and _total_kb(s) == 200 * 1024,
                        "after nsctl refresh, too", r.stdout + r.stderr)
            b.check(not b.stage.syslog.lines("lxcfs doesn't answer"), "nobody has asked the user's")
        finally:
            subprocess.run(["umount", "-l", str(where)], check=False)
            poser.stdin.close()
    where.rmdir()


def _waiting(b):
    """Our processes that were left behind to wait for lxcfs: they have a lock open and no more."""
    found = []
    for pid in (p.pid for p in kernel.descendants(b.observer.reaper)):
        try:
            if any(os.readlink(f"/proc/{pid}/fd/{fd}") == "/run/nsshell/lxcfs.asked"
                   for fd in os.listdir(f"/proc/{pid}/fd")):
                found.append(pid)
        except OSError:
            pass
    return found


def test_one_that_hangs(b):
    """A stopped lxcfs: whoever looks at a file of it waits, until it goes on."""
    if not _can(b):
        return
    b.stage.config("MemoryMax=200M\n")
    host = int(open("/proc/meminfo", encoding="ascii").readline().split()[1])
    with Lxcfs(b) as lxcfs, b.shell(b.alice.pw_name) as s:
        b.check(_total_kb(s) == 200 * 1024, "before, MemTotal is the limit", _total_kb(s))
        lxcfs.stop()
        for name in (b.bob.pw_name, b.carol.pw_name, b.bob.pw_name):
            with b.shell(name) as new:
                new.do("true")
                b.check(_total_kb(new) == host, "lxcfs hangs: a login has the kernel's numbers",
                        _total_kb(new))
        b.check(b.stage.syslog.wait("lxcfs doesn't answer"), "the log says why",
                b.stage.syslog.lines("lxcfs")[-1:])
        left = _waiting(b)
        b.check(len(left) == 1, "one process waits for it, however many logins", left)
        r = _nsctl(b, "refresh")
        b.check(r.returncode == 0 and _total_kb(s) == host,
                "nsctl refresh takes its files out of the running session", r.stdout + r.stderr)
        lxcfs.go_on()
        end = time.monotonic() + 60
        while _waiting(b) and time.monotonic() < end:
            time.sleep(0.05)
        b.check(not _waiting(b), "it goes on: nobody waits any more", _waiting(b))
        with b.shell(b.bob.pw_name) as new:
            b.check(_total_kb(new) == 200 * 1024, "and logins have their limits' numbers again",
                    _total_kb(new))
        r = _nsctl(b, "refresh", "-q")
        b.check(r.returncode == 0 and _total_kb(s) == 200 * 1024,
                "the running session, too, after nsctl refresh", r.stderr)
