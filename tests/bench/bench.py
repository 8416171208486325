#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a box costs: nsshell beside its peers and a floor, in one run. `make bench`, as root.

Every round runs each contender once, in a new order, so that whatever else the machine does
falls on all of them. See README.md in this folder for what the rows mean.
"""

import argparse
import atexit
import ctypes
import json
import os
import pwd
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
RUNDIR = "/run/nsshell"
NAME = "nsshell-bench"  # the account, and the start of every PAM service of ours
CONF = """[Default]
Isolate=no
Services={services}

[User {user}]
Isolate=yes
"""
# What "plain" is: nothing but the module that is measured.
STACK = """auth     required pam_permit.so
account  required pam_permit.so
session  required pam_permit.so
"""


class Cleanup:
    """What was changed on the host, undone in reverse order, however we end."""

    def __init__(self):
        self.todo = []
        atexit.register(self.run)
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, lambda *_: sys.exit(130))

    def add(self, f, *args):
        self.todo.append((f, args))

    def run(self):
        while self.todo:
            f, args = self.todo.pop()
            try:
                f(*args)
            except OSError as e:
                print("clean up:", e, file=sys.stderr)


class Contender:
    """One row: `run` does it once and gives milliseconds by the name of the column."""

    def __init__(self, name, run):
        self.name, self.run, self.times, self.error = name, run, {}, None

    def once(self, keep):
        if self.error:
            return
        try:
            found = self.run()
        except (subprocess.SubprocessError, OSError, ValueError) as e:
            self.error = str(e).splitlines()[0][:200]
            err = getattr(e, "stderr", None)
            if err:
                text = err if isinstance(err, str) else err.decode(errors="replace")
                self.error = text.strip().splitlines()[-1][:200]
            return
        if keep:
            for column, ms in found.items():
                self.times.setdefault(column, []).append(ms)


def call(argv, **kw):
    """Run to the end; on failure the exception carries what it said."""
    return subprocess.run(argv, check=True, stdin=kw.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


def spawn(argv):
    """Run one whole process; gives milliseconds from spawn to reaped, and what it printed."""
    out_r, out_w = os.pipe()
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out_w, 1),
             (os.POSIX_SPAWN_DUP2, out_w, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=files)
    _, status = os.waitpid(pid, 0)
    ms = (time.perf_counter() - start) * 1e3
    os.close(out_w)
    os.close(null)
    os.set_blocking(out_r, False)  # somebody may still hold the other end
    try:
        said = os.read(out_r, 65536).decode(errors="replace")
    except BlockingIOError:
        said = ""
    os.close(out_r)
    if status:
        raise subprocess.CalledProcessError(status, argv[0], stderr=said)
    return ms, said


def whole(argv):
    return {"whole process": spawn(argv)[0]}


def rounds(contenders, n, warmup=3):
    for i in range(n + warmup):
        order = list(contenders)
        random.shuffle(order)
        for c in order:
            c.once(i >= warmup)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def table(title, contenders, columns, base, extra=None):
    """One line a contender: median, 10 to 90 % spread, ratio to `base` in the first column."""
    print(f"\n{title}")
    head = "".join(f"{c:>22}" for c in columns)
    print(f"  {'':<34}{head}{'ratio':>9}" + (f"{extra[0]:>12}" if extra else ""))
    against = next((c for c in contenders if c.name == base and not c.error), None)
    for c in contenders:
        if c.error:
            print(f"  {c.name:<34}  not measured: {c.error}")
            continue
        line = f"  {c.name:<34}"
        for column in columns:
            t = c.times.get(column)
            line += f"{'-':>22}" if not t else "{:>22}".format(
                f"{statistics.median(t):.2f} ({quantile(t, .1):.2f}-{quantile(t, .9):.2f})")
        if against:
            own, ref = c.times[columns[0]], against.times[columns[0]]
            line += f"{statistics.median(own) / statistics.median(ref):>9.2f}"
            if extra:
                line += f"{extra[1](own, ref):>12}"
        print(line)


# ---- the peers --------------------------------------------------------------------------------

def crun_bundle(folder):
    """A bundle with /bin/true and its libraries, the namespaces of a box, no cgroup."""
    root = os.path.join(folder, "rootfs")
    libs = [w for line in call(["ldd", "/bin/true"]).stdout.splitlines()
            for w in line.split() if w.startswith("/")]
    for f in ["/bin/true", *libs]:
        os.makedirs(root + os.path.dirname(f), exist_ok=True)
        shutil.copy(os.path.realpath(f), root + f)
    call(["crun", "spec"], cwd=folder)
    path = os.path.join(folder, "config.json")
    with open(path, encoding="ascii") as f:
        conf = json.load(f)
    conf["process"].update(args=["/bin/true"], terminal=False)
    conf["linux"]["namespaces"] = [{"type": t} for t in ("pid", "mount", "uts", "ipc", "user")]
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    conf["linux"].update(uidMappings=ids, gidMappings=ids)
    conf["linux"].pop("resources", None)
    os.chmod(folder, 0o755)
    with open(path, "w", encoding="ascii") as f:
        json.dump(conf, f)
    for top, folders, _ in os.walk(root):
        for d in folders:
            os.makedirs(os.path.join(top, d), exist_ok=True)
    for d in ("proc", "dev", "sys"):
        os.makedirs(os.path.join(root, d), exist_ok=True)
    for top, folders, files in os.walk(root):
        for x in [top, *(os.path.join(top, n) for n in folders + files)]:
            os.lchown(x, 100000, 100000)


def hide_hybrid_cgroup():
    """crun refuses hybrid hosts: give this thread a mount namespace without the v2 half."""
    unified = "/sys/fs/cgroup/unified"
    if os.path.ismount(unified):
        ctypes.CDLL(None).unshare(0x00020000)  # CLONE_NEWNS
        call(["mount", "--make-rprivate", "/"])
        call(["umount", unified])


def peers(folder):
    true = "/bin/true"
    unshare = ["--user", "--map-root-user", "--pid", "--fork", "--mount", "--uts", "--ipc",
               "--mount-proc", true]
    bwrap = ["--unshare-user", "--unshare-pid", "--unshare-uts", "--unshare-ipc", "--ro-bind",
             "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
             true]
    found = []
    for name, tool, args in (("unshare (no overlay)", "unshare", unshare),
                             ("bwrap (read-only bind)", "bwrap", bwrap)):
        path = shutil.which(tool)
        if path:
            found.append(Contender(name, lambda a=[path, *args]: whole(a)))
    path = shutil.which("crun")
    if path:
        crun_bundle(folder)
        aside = ThreadPoolExecutor(1, initializer=hide_hybrid_cgroup)
        args = [path, "--cgroup-manager=disabled", "--root", os.path.join(folder, "state"), "run",
                "--bundle", folder, "bench"]
        found.append(Contender("crun (no cgroup)", lambda: aside.submit(whole, args).result()))
    return found


# ---- what nsshell needs: an account, a config, PAM services -----------------------------------

class Host:
    """The throwaway account, its config and the PAM services; gone at the end."""

    def __init__(self, clean):
        self.clean = clean
        self.folder = tempfile.mkdtemp(prefix=NAME + "-")
        clean.add(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        self.module = os.path.join(BUILD, "pam_nsshell.so")
        self.helper = os.path.join(BUILD, "nsshell-helper")
        self.floor = os.path.join(BUILD, "bench", "floor")
        self.pamcaller = os.path.join(BUILD, "bench", "pamcaller")
        self.sshproxy = os.path.join(BUILD, "bench", "sshproxy")
        self.pamdir = os.path.join(self.folder, "pam.d")
        os.mkdir(self.pamdir)
        self.conf = self.write("nsshell.conf", CONF.format(
            user=NAME, services=f"{NAME} {NAME}-sshd"))
        self.session = (f"session  required {self.module} config={self.conf} "
                        f"helper={self.helper}\n")
        self.account()
        self.write("pam.d/" + NAME, STACK + self.session)
        self.write("pam.d/" + NAME + "-none", STACK)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def account(self):
        try:
            pwd.getpwnam(NAME)
        except KeyError:
            call(["useradd", "-m", "-s", "/bin/sh", "-p", "*", NAME])
        self.clean.add(lambda: subprocess.run(["userdel", "-r", NAME], check=False,
                                              stderr=subprocess.DEVNULL))

    def caller(self, service, *args):
        return [self.pamcaller, "-d", self.pamdir, "-s", service, *args, NAME]

    def nsshell(self):
        """One session: its own clock for the parts, ours for the whole process."""
        ms, said = spawn(self.caller(NAME, "-r", RUNDIR))
        opened, caller, gone = (int(x) / 1e3 for x in said.split())
        return {"whole process": ms, "session": caller, "nothing left": gone,
                "pam_open_session": opened}

    def no_module(self):
        ms, said = spawn(self.caller(NAME + "-none"))
        opened, caller, _ = (int(x) / 1e3 for x in said.split())
        return {"whole process": ms, "session": caller, "pam_open_session": opened}

    def bare(self):
        ms, said = spawn([self.floor])
        return {"whole process": ms, "session": int(said) / 1e3}

    def rundir(self):
        """pamcaller watches the folder of records, which the first session of a host makes."""
        os.makedirs(RUNDIR + "/sessions", mode=0o700, exist_ok=True)

    def settle(self):
        """Wait for the teardown of the last login, which goes on when ssh has ended."""
        for _ in range(2000):
            if not os.path.isdir(RUNDIR + "/sessions") or not os.listdir(RUNDIR + "/sessions"):
                return
            time.sleep(0.005)


# ---- ssh --------------------------------------------------------------------------------------

SSHD_CONF = """HostKey {folder}/hostkey
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
PidFile none
LogLevel QUIET
"""


class Ssh:
    """`ssh host true` over the distribution's sshd -i, one PAM service a row."""

    def __init__(self, host):
        self.host, self.folder = host, host.folder
        for key in ("hostkey", "key"):
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                  "-f", os.path.join(self.folder, key)])
        shutil.copy(self.folder + "/key.pub", self.folder + "/authorized_keys")
        os.chmod(self.folder + "/authorized_keys", 0o644)
        self.conf = host.write("sshd_config", SSHD_CONF.format(folder=self.folder))
        if not os.path.isdir("/run/sshd"):
            os.mkdir("/run/sshd", 0o755)
            host.clean.add(os.rmdir, "/run/sshd")

    def service(self, what, session):
        """A PAM service of that name for sshd, whose own name chooses it (or an option)."""
        name = f"{NAME}-{what}"
        pam = "/etc/pam.d/" + name
        with open(pam, "w", encoding="ascii") as f:
            self.host.clean.add(os.unlink, pam)
            f.write(STACK + session)
        sshd = os.path.join(self.folder, name)
        shutil.copy(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"), sshd)
        option = []
        if subprocess.run([sshd, "-G", "-f", self.conf, "-o", "PAMServiceName=x"], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            option = ["-o", f"PAMServiceName={name}"]  # OpenSSH 9.8 and later
        proxy = " ".join([self.host.sshproxy, sshd, "-i", "-f", self.conf, *option])
        return [shutil.which("ssh"), "-F", "none", "-i", self.folder + "/key", "-l", NAME,
                "-o", "ProxyCommand=" + proxy, "-o", "ProxyUseFdpass=yes",
                "-o", "KexAlgorithms=curve25519-sha256", "-o", "StrictHostKeyChecking=no",
                "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={self.folder}/known_hosts",
                "host", "true"]

    def contender(self, row, what, session):
        argv = self.service(what, session)

        def once():
            ms, _ = spawn(argv)
            self.host.settle()
            return {"ssh host true": ms}
        return Contender(row, once)

    def contenders(self):
        poly = "/etc/security/namespace.d/" + NAME + ".conf"
        with open(poly, "w", encoding="ascii") as f:
            self.host.clean.add(os.unlink, poly)
            f.write(f"/tmp tmpfs tmpfs ~{NAME}\n")
        return [self.contender("plain", "plain", ""),
                self.contender("with nsshell", "sshd", self.host.session),
                self.contender("with pam_namespace, own /tmp", "poly",
                               "session  required pam_namespace.so\n")]


# ---- an idle session --------------------------------------------------------------------------

def processes_of(program):
    """Every process that runs this file, wherever its root is."""
    want = os.stat(program)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            st = os.stat(f"/proc/{pid}/exe")
        except OSError:
            continue
        if (st.st_dev, st.st_ino) == (want.st_dev, want.st_ino):
            found.append(pid)
    return set(found)


def pss(pid):
    """KiB, as smaps_rollup has it."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def idle(name, program, argv, n, ready=True):
    """Open `n` sessions that do nothing; what one of them takes."""
    before = processes_of(program)
    opened = []
    try:
        for _ in range(n):
            p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            opened.append(p)
            if ready and not p.stdout.readline().strip():
                raise ValueError("no session")
        time.sleep(0.5)
        pids = processes_of(program) - before
        kib = sum(pss(pid) for pid in pids)
        print(f"  {name:<34}{len(pids) / n:>22.1f}{kib / n:>22.0f}")
    except (OSError, ValueError, StopIteration) as e:
        print(f"  {name:<34}  not measured: {e}")
    finally:
        for p in opened:
            p.stdin.close()
            if not ready:
                p.terminate()
            p.stdout.close()
            p.wait()


def idle_table(host, n):
    print(f"\nAn idle session ({n} open at once; the login program and the user's own "
          "processes not counted)")
    print(f"  {'':<34}{'processes':>22}{'PSS, KiB':>22}")
    idle("floor", host.floor, [host.floor, "-i"], n)
    bwrap = shutil.which("bwrap")
    if bwrap:
        idle("bwrap", bwrap, [bwrap, "--unshare-user", "--unshare-pid", "--unshare-uts",
                              "--unshare-ipc", "--die-with-parent", "--ro-bind", "/", "/",
                              "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                              "--tmpfs", "/run", "/bin/sleep", "1000"], n, ready=False)
    idle("nsshell", host.helper, host.caller(NAME, "-i"), n)
    host.settle()


def extra_ms(own, ref):
    return f"{statistics.median(own) - statistics.median(ref):+.2f} ms"


def extra_percent(own, ref):
    plain = statistics.median(ref)
    return f"{(statistics.median(own) - plain) / plain * 100:+.1f} %"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=40, help="of each table (default: %(default)s)")
    p.add_argument("--idle", type=int, default=10, help="idle sessions at once")
    p.add_argument("--only", choices=("session", "ssh", "idle"), help="one of the tables")
    o = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench.py: needs root")
    clean = Cleanup()
    host = Host(clean)
    host.rundir()
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPUs; median of {o.rounds} interleaved "
          "rounds in ms (10 % - 90 %)")
    if o.only in (None, "session"):
        bundle = os.path.join(host.folder, "bundle")
        os.mkdir(bundle)
        floor = Contender("floor", host.bare)
        none = Contender("a login without a box", host.no_module)
        own = Contender("nsshell", host.nsshell)
        others = peers(bundle)
        rounds([floor, none, own, *others], o.rounds)
        table("A whole session: start a program, /bin/true in a box, end",
              [floor, *others, own, none], ["whole process"], "floor")
        table("The same from within: what a running login program waits for",
              [floor, own, none], ["session", "nothing left", "pam_open_session"], "floor")
    if o.only in (None, "ssh"):
        rows = Ssh(host).contenders()
        rounds(rows, o.rounds)
        table("ssh host true (sshd -i, curve25519)", rows, ["ssh host true"], "plain",
              ("extra", extra_percent))
    if o.only in (None, "idle"):
        idle_table(host, o.idle)


if __name__ == "__main__":
    main()
