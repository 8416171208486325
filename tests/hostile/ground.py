# SPDX-License-Identifier: BSD-3-Clause
"""
The ground that the tries are made on: alice, who attacks from her box; bob, who has something to
lose in his; and canaries on the host. Ground.look() is the observer.
"""

import contextlib
import ctypes
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import kernel
from harness.pace import patient
from harness.stage import REPORTS, TREE

_libc = ctypes.CDLL(None, use_errno=True)
IPC_CREAT, IPC_RMID = 0o1000, 0
# Runs of two people at once have two.
CANARY_KEY = 0x6E730000 | os.getpid() & 0xFFFF


def has_key(name):
    """Whether this nsshell has that key of nsshell.conf(5) yet."""
    return f'"{name}"' in (TREE / "config" / "keys.c").read_text(encoding="ascii")


def _stat(path):
    """All of a file that an attack could change."""
    try:
        st = os.lstat(path)
        text = b""
        if st.st_size < 1 << 20 and os.path.isfile(path):
            text = pathlib.Path(path).read_bytes()
    except OSError as e:
        return str(e)
    return (st.st_mode, st.st_uid, st.st_gid, st.st_nlink, hashlib.sha256(text).hexdigest()[:16])


def _text(path):
    try:
        return pathlib.Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError as e:
        return e.strerror


def _accounts(path, prefix):
    """Mode and owner of the file, and the lines of root and of our people: others come and go, and move them."""
    ours = re.compile(rf"(root|{prefix}(alice|bob|carol|plain|box|proj)):")
    lines = [x for x in pathlib.Path(path).read_text(encoding="utf-8").splitlines() if ours.match(x)]
    st = os.stat(path)
    return (st.st_mode, st.st_uid, st.st_gid, *sorted(set(lines)))


def _difference(before, now):
    before, now = (x.splitlines() if isinstance(x, str) else x for x in (before, now))
    return f"{[x for x in before if x not in now]} became {[x for x in now if x not in before]}"


class Canary:
    """A process that must not notice anything."""

    def __init__(self, pid, whose):
        self.pid = pid
        self.whose = whose

    def facts(self):
        try:
            stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return "dead"
        fields = stat[stat.rindex(")") + 2:].split()
        status = _text(f"/proc/{self.pid}/status")
        kept = re.findall(r"^(TracerPid|Uid|Gid|Groups|Cpus_allowed|SigPnd|ShdPnd|Cap\w+):\s*(.*)$",
                          status, re.M)
        # state, ppid, group, session, terminal, priority, nice, start
        return ("stopped" if fields[0] in "tTZX" else "there", *fields[1:5], fields[15],
                fields[16], fields[19], *kept, _text(f"/proc/{self.pid}/limits"),
                _text(f"/proc/{self.pid}/oom_score_adj"))


class Ground:
    def __init__(self, scene):
        self.scene = scene
        self.stage = scene.stage
        self.alice, self.bob = scene.alice, scene.bob
        self.attack = TREE / "build" / "hostile" / "attack"
        # The attacker's own aren't instrumented, whatever they attack.
        if os.environ.get("NSSHELL_BUILD") and not REPORTS:
            self.attack = pathlib.Path(os.environ["NSSHELL_BUILD"]) / "hostile" / "attack"
        self.tries = self.looked_at = 0
        self.group = ""
        self._theirs = ""
        self._victim = None
        self.heard, self._sockets = [], []
        self._last = time.monotonic()
        self.me = self.other = None
        self.values = {}
        self.becomes = {}  # what a login of that user's executes, where that isn't bash
        self._canaries, self._children, self._files, self._before = [], [], [], {}
        self._mark = f"{self.stage.accounts.prefix}-canary"
        self._make_host()

    # ---- what there is to lose ----------------------------------------------------------

    def _child(self, whose, **ids):
        while True:
            p = subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL, cwd="/",
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True, preexec_fn=kernel.die_with_parent, **ids)
            # Not a pid that a box has, too.
            if p.pid > 2000:
                break
            p.kill()
            p.wait()
        self._children.append(p)
        self._canaries.append(Canary(p.pid, whose))
        return p.pid

    def _file(self, path, mode=0o644, owner=None):
        path = pathlib.Path(path)
        path.write_text("canary\n", encoding="ascii")
        path.chmod(mode)
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        self._files.append(path)
        return path

    def _make_host(self):
        v = self.values
        v["root"] = self._child("root's on the host")
        v["plain"] = self._child("another user's on the host", user=self.scene.plain.pw_uid,
                                 group=self.scene.plain.pw_gid, extra_groups=[])
        # Same uid, outside: the attacker's own, but not this box's.
        v["same"] = self._child("the attacker's own on the host", user=self.alice.pw_uid,
                                group=self.alice.pw_gid, extra_groups=[])
        self._file(f"/tmp/{self._mark}", 0o666)
        self._file(f"/dev/shm/{self._mark}", 0o666)
        self._file(self.stage.open / "canary", 0o666)
        self._file(f"{self.bob.pw_dir}/canary", 0o666, self.bob)
        os.chmod(self.bob.pw_dir, 0o755)
        v["shm"] = _libc.shmget(CANARY_KEY, 4096, IPC_CREAT | 0o666)
        v["msg"] = _libc.msgget(CANARY_KEY, IPC_CREAT | 0o666)
        v["sem"] = _libc.semget(CANARY_KEY, 1, IPC_CREAT | 0o666)
        v["key"] = hex(CANARY_KEY)
        v["queue"] = "/" + self._mark
        self.stage.run(self.attack, "mq-make", v["queue"])
        self._listen()
        v.update(mark=self._mark, uid=self.alice.pw_uid, home=self.alice.pw_dir,
                 name=self.alice.pw_name, bobname=self.bob.pw_name, bobhome=self.bob.pw_dir,
                 bobuid=self.bob.pw_uid, open=self.stage.open, base=self.stage.base,
                 bin=self.stage.bin, private=self.stage.private, a="./attack",
                 port=self.stage.sshd.port)

    def _listen(self):
        """Sockets of the host: one in its root, one in its /run, one abstract, one over TCP."""
        self.values["socket"] = str(self.stage.open / "socket")
        self.values["runsocket"] = f"/run/{self._mark}.socket"
        self.values["abstract"] = "@" + self._mark
        for address in (self.values["socket"], self.values["runsocket"], "\0" + self._mark):
            s = socket.socket(socket.AF_UNIX)
            if not address.startswith("\0"):
                pathlib.Path(address).unlink(missing_ok=True)
            s.bind(address)
            if not address.startswith("\0"):
                os.chmod(address, 0o777)
            self._serve(s, address)
        s = socket.create_server(("127.0.0.1", 0))
        self.values["tcp"] = s.getsockname()[1]
        self._serve(s, "tcp")

    def _serve(self, s, address):
        s.listen(64)
        self._sockets.append(s)

        def accept():
            while True:
                try:
                    c, _ = s.accept()
                except OSError:
                    return
                self.heard.append(address)
                with c, contextlib.suppress(OSError):
                    c.sendall(b"heard\n")

        threading.Thread(target=accept, daemon=True).start()

    # ---- the two logins -----------------------------------------------------------------

    def login(self, user):
        s = self.scene.shell(user)
        session = s.do("echo $NSSHELL_SESSION")
        if user == self.alice.pw_name:
            self.values["session"] = session
        return s

    def install(self, user, where="attack"):
        """As the user, over the login: what they would do with a program of their own."""
        with open(self.attack, "rb") as f:
            subprocess.run(self.stage.sshd.argv(user, f"cat >{where} && chmod 755 {where}"),
                           stdin=f, check=True, timeout=patient(20))

    def host_pid(self, box_pid, session):
        """The pid on the host of a process in that box: the account's last one may still be ending."""
        record = next(r for r in self.stage.records() if r["id"] == session)
        ns = kernel.namespaces(int(record["init_pid"]))["pid"]
        for p in kernel.processes():
            try:
                if kernel.namespaces(p.pid)["pid"] == ns and re.search(
                        rf"^NSpid:.*\s{box_pid}$", _text(f"/proc/{p.pid}/status"), re.M):
                    return p.pid
            except OSError:
                pass
        raise LookupError(f"no pid {box_pid} in session {session}")

    def begin(self, group):
        self.group = group
        self.install(self.alice.pw_name)
        self.install(self.bob.pw_name)
        self.other = self.login(self.bob.pw_name)
        self.me = self.login(self.alice.pw_name)
        self.watch_other()

    def watch_other(self):
        """What there is to lose in the other's box, and how all looks now."""
        box_pid = int(self.other.do("sleep 3600 >/dev/null 2>&1 & echo $!"))
        self.other.do(f"echo canary >/tmp/{self._mark}; echo canary >/dev/shm/{self._mark}; "
                      f"chmod 666 /tmp/{self._mark} /dev/shm/{self._mark}")
        self._theirs = self.other.do("echo $NSSHELL_SESSION")
        pid = self.host_pid(box_pid, self._theirs)
        self._victim = Canary(pid, "the other user's in their box")
        self.values.update(bob=pid, bobin=box_pid)
        self._before = self._facts()
        self.looked_at = len(self._before)

    def end(self):
        for s in (self.me, self.other):
            if s:
                s.close()
        self.me = self.other = None

    def close(self):
        for p in self._children:
            p.kill()
            p.wait()
        for f in self._files:
            f.unlink(missing_ok=True)
        for s in self._sockets:
            s.close()
        for name in ("socket", "runsocket"):
            pathlib.Path(self.values[name]).unlink(missing_ok=True)
        _libc.shmctl(self.values["shm"], IPC_RMID, None)
        _libc.msgctl(self.values["msg"], IPC_RMID, None)
        _libc.semctl(self.values["sem"], 0, IPC_RMID)
        self.stage.run(self.attack, "mq-unlink", self.values["queue"])

    # ---- the observer -------------------------------------------------------------------

    def _facts(self):
        facts = {f"process ({c.whose})": c.facts() for c in self._canaries + [self._victim]}
        box = f"/proc/{self._victim.pid}/root"
        paths = [*self._files, f"{box}/tmp/{self._mark}", f"{box}/dev/shm/{self._mark}",
                 "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/hostname", "/root/.ssh",
                 *(f"/var/spool/cron/crontabs/{u.pw_name}" for u in self.scene.people()),
                 self.stage.bin / "nsjoin", "/dev/null", "/dev/tty"]
        facts.update({f"file {p}": _stat(p) for p in paths})
        facts.update({f"accounts in {p}": _accounts(p, self.stage.accounts.prefix) for p in
                      ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/subuid")})
        facts.update({f"sysctl {n}": _text(f"/proc/sys/{n}") for n in (
            "kernel/core_pattern", "kernel/hostname", "kernel/domainname", "kernel/modprobe",
            "kernel/sysrq", "fs/suid_dumpable", "kernel/randomize_va_space")})
        for kind in ("shm", "msg", "sem"):
            lines = _text(f"/proc/sysvipc/{kind}").splitlines()
            facts[f"sysv {kind}"] = [x.split()[1:3] for x in lines
                                     if x.split()[0] == str(CANARY_KEY)]
        for root in kernel.cgroup_roots():
            facts[f"release agent of {root}"] = _text(f"{root}/release_agent")
        # Of what others mount below these meanwhile, our copy goes with the directory.
        facts["mounts"] = sorted(f"{target} {fstype}" for target, fstype, _ in
                                 [*kernel.mounts(), *(m for m in kernel.mounts(1) if "nsshell" in m[0])]
                                 if not target.startswith(("/tmp/", "/root/")))
        facts["mounts of the other"] = _text(f"/proc/{self._victim.pid}/mountinfo")
        facts["lo"] = _text("/sys/class/net/lo/flags")
        facts["record of the other"] = _text(f"/run/nsshell/sessions/{self._theirs}")
        return facts

    def look(self):
        """What has changed since the group began."""
        now = self._facts()
        return [f"{k}: {_difference(self._before[k], now[k])}" for k in now
                if now[k] != self._before[k]]

    # ---- tries --------------------------------------------------------------------------

    def text(self, command):
        return re.sub(r"\{(\w+)\}", lambda m: str(self.values.get(m[1], m[0])), command)

    def judge(self, what, saw, want):
        """One try: an answer that it may get, and no harm done."""
        self.tries += 1
        now = time.monotonic()
        if os.environ.get("NSSHELL_TEST_TIMES") and now - self._last > 0.5:
            print(f"# {now - self._last:.1f} s", flush=True)
        self._last = now
        saw = " ".join(str(saw).split())
        good = re.fullmatch(want, saw, re.S)
        harm = self.look()
        self.scene.check(good and not harm, f"{self.group}: {what}", saw[:120] or "nothing",
                         "" if good and not harm else
                         "\n".join([f"may be: {want}", *harm, self.scene.log_tail(4)]))
        if harm:
            self._before = self._facts()
        return bool(good and not harm)

    def row(self, what, command, want):
        """A try from the attacker's login."""
        try:
            saw = self.me.do(f"(cd; PATH=$PATH:/usr/sbin:/sbin; {self.text(command)}\n)", timeout=60)
        except (EOFError, TimeoutError, OSError) as e:
            saw = f"the login is gone: {e}"
            self.me.close(2)
            self.me = self.login(self.alice.pw_name)
        missing = re.search(r"(\S+): command not found", saw)
        if missing and not shutil.which(missing[1]):
            self.scene.skip(f"{self.group}: {what}", f"{missing[1]} isn't installed")
            return True
        return self.judge(what, saw, self.text(want))

    def rows(self, table):
        for r in table:
            self.row(*r)

    def admin(self, *arguments, **kw):
        """nsjoin, as root on the host."""
        return self.stage.run(self.stage.bin / "nsjoin", *arguments, **kw)

    def box_root(self, command, want, what, timeout=60):
        """The same as root of the box, who has what the login program has."""
        r = self.admin("-q", "--root", "--force", self.values["session"], "sh", "-c",
                       self.text(command), timeout=timeout)
        return self.judge(f"{what}, as root of the box", r.stdout + r.stderr, self.text(want))

    def wait(self, what, seconds=10):
        end = time.monotonic() + patient(seconds)
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.05)
        return False

    @staticmethod
    def kill(pid, sig=signal.SIGKILL):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass
