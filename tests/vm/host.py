# SPDX-License-Identifier: BSD-3-Clause
"""What a test function is handed: a machine with nsshell installed, the checks, shorthands."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time

from machine import TREE, VM_DIR, SHAPES, MachineError, run

sys.path.append(str(TREE / "tests" / "system"))

from harness import times  # noqa: E402  pylint: disable=wrong-import-position
from harness.report import Report  # noqa: E402  pylint: disable=wrong-import-position
from harness.shell import Shell  # noqa: E402  pylint: disable=wrong-import-position
from harness.terminal import Terminal  # noqa: E402  pylint: disable=wrong-import-position

NAMESPACES = ("user", "pid", "mnt", "uts", "ipc")
SHOW_NS = "readlink " + " ".join(f"/proc/self/ns/{n}" for n in NAMESPACES)
# alice and bob are isolated, the account plain isn't.
CONFIG = """[User alice]
Isolate=yes
[User bob]
Isolate=yes
"""
SERVICES = ("sshd", "login", "su", "su-l", "runuser", "runuser-l", "cron", "atd", "sudo", "sudo-i")
# What both suites need of the tree; they bring their own sshd and PAM files along.
SUITES = ("tests/system", "tests/hostile", "build/hostile/attack", "build/hostile/evil.so",
          "helpers/client/protocol.h", "build/nsshell-helper", "build/nsshell-planner", "build/nsshell-supervisor", "build/nsshell-worker", "build/nsshell-init",
           "build/nsctl", "build/nsjoin",
          "build/bin/nsshell", "build/nsshell-door", "build/nsshell-command",
          "build/pam_nsshell.so", "config", "man")


def pack():
    """The package as `make install` makes it, and what the suites need of the tree, as archives."""
    inst = VM_DIR / "inst"
    for argv in (["rm", "-rf", str(inst)],
                 ["make", "-s", "--no-print-directory", "-C", str(TREE), "install",
                  f"DESTDIR={inst}"],
                 ["tar", "-C", str(inst), "--owner=0", "--group=0", "--mtime=@1700000000", "-cf",
                  str(VM_DIR / "package.tar"), "usr", "etc"],
                 ["tar", "-C", str(TREE), "--owner=0", "--group=0", "--mtime=@1700000000", "--exclude=__pycache__",
                  "--transform=s,^,opt/nsshell/,S", "-cf", str(VM_DIR / "tests.tar"), *SUITES]):
        r = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            raise MachineError(f"{' '.join(argv[:3])}: {r.stdout.strip()}")


class ShapeReport(Report):
    """Names the shape in each line, and takes over the lines of tests that ran in there."""

    def __init__(self, shape):
        super().__init__(f"vm, {shape}", f"tests/vm/run.py --shape {shape} ")
        self.shape = shape
        self.last = "nothing was said"
        self.over = False

    def _say(self, line):
        if self.over:
            return
        # What was held until the second try has the name already.
        line = re.sub(r"^((first try: )?((not )?ok|skip|flaky)) - (?!\[)", rf"\1 - [{self.shape}] ", line)
        self.last = f"the last words were: {line}"
        super()._say(line)

    def hear(self, suite, line):
        """A line of a suite that the machine runs itself."""
        line = re.sub(r"^(# to run it alone: ).*?([^\s=]+)$", rf"\1{self.again}{suite}.\2", line)
        line = re.sub(r"^# (\S+: [\d.]+ s)$", rf"# {suite}.\1", line)
        for word, counter in (("ok - ", "passed"), ("not ok - ", "failed"),
                              ("skip - ", "skipped")):
            if line.startswith(word):
                setattr(self, counter, getattr(self, counter) + 1)
                break
        else:
            if not line.startswith(("#", "first try: ", "flaky - ")):
                return
        self._say(line)
        self._note_time(line)

    def give_up(self, did):
        """The last that is said, whatever the test that hangs makes of its machine's end."""
        self._held = None
        self.check(False, did, self.last)
        self.summary()
        self.over = True

    def summary(self):
        if self.over:
            return 1
        times.keep(self.suite, self.seconds)
        print(f"{self.shape}: {self.passed} passed, {self.failed} failed, "
              f"{self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


class Host:
    def __init__(self, machine):
        self.machine = machine
        self.shape = machine.shape
        self.kind = SHAPES[self.shape][3]
        self.systemd = self.kind != "plain"
        self.report = ShapeReport(self.shape)
        self.check = self.report.check
        self.skip = self.report.skip
        self.sh = machine.sh
        self.ssh = machine.ssh
        self.namespaces = {}

    def __str__(self):
        return f"{self.shape} ({SHAPES[self.shape][0]})"

    # ---- what every test starts from -----------------------------------------------------

    def install(self):
        """The package, a config, and the PAM services enabled."""
        self.machine.put(VM_DIR / "package.tar")
        self.machine.put(VM_DIR / "tests.tar")
        self.config()
        r = self.sh("date -s @%.3f >/dev/null; ldd /usr/local/libexec/nsshell/* "
                    "/usr/local/sbin/ns* /usr/lib/*/security/pam_nsshell.so | grep 'not found'; "
                    "test -e /root/pam.d || cp -a /etc/pam.d /root/pam.d; %s"
                    % (time.time(), SHOW_NS))
        if "not found" in r.stdout:
            raise MachineError(f"a library's package is missing in image.sh: {r.stdout}")
        self.namespaces = _namespaces(r.stdout)

    def config(self, more=""):
        self.write("/etc/nsshell/nsshell.conf", f"[Default]\nServices={' '.join(SERVICES)}\n"
                   f"{CONFIG}{more}")

    def enable(self, *services):
        """As an admin does it, and nothing if it is so already."""
        r = self.nsctl("enable", *(services or SERVICES))
        if r.returncode:
            raise MachineError(f"nsctl enable: {r.stdout}")

    def disable(self, *services):
        r = self.nsctl("disable", *(services or SERVICES))
        if r.returncode:
            raise MachineError(f"nsctl disable: {r.stdout}")

    def write(self, path, text):
        self.sh(f"cat >{path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE")

    def out(self, script, timeout=60):
        """What a root script prints."""
        return self.sh(script, timeout).stdout.strip()

    def nsctl(self, *words, timeout=60):
        return self.sh("nsctl " + " ".join(words), timeout)

    def left(self, seconds=20):
        """Sessions and processes of isolated accounts that don't go away; none: ''."""
        r = self.sh(f"""
while [ $SECONDS -lt {seconds} ]; do
	s=$(ls /run/nsshell/sessions 2>/dev/null | grep -v '[.]'; ps -o pid=,args= -u alice,bob)
	[ -z "$s" ] && exit 0
	sleep .25
done
echo "$s" """, seconds + 60)
        return r.stdout.strip() or r.stderr

    @contextlib.contextmanager
    def end_in_time(self, minutes):
        """However a test hangs: after that time it's told and counted, and this process ends."""
        def give_up():
            self.report.give_up(f"all is done within {minutes} minutes")
            self.machine.stop()
            os._exit(1)

        timer = threading.Timer(minutes * 60, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    # ---- logins --------------------------------------------------------------------------

    def shell(self, user, options=()):
        """A login that stays open without a terminal."""
        return Shell(self.machine.ssh_argv(user, "exec bash", options=options))

    def terminal(self, user, *command):
        """ssh -t as a person at a terminal has it."""
        return Terminal(self.machine.ssh_argv(user, *command, options=("-tt",)), timeout=60)

    def lands_inside(self, did, text, inside=True):
        """Whether what SHOW_NS printed is a box's; @inside False: is the host's."""
        found = _namespaces(text)
        same = [n for n in NAMESPACES if found.get(n) == self.namespaces[n]]
        if len(found) < len(NAMESPACES):
            return self.check(False, did, f"no namespaces seen: {text!r}", self.log())
        saw = "inside" if not same else f"on the host: {' '.join(same)}"
        good = not same if inside else len(same) == len(NAMESPACES)
        return self.check(good, did, saw, "" if good else self.log())

    def log(self, lines=15):
        if self.systemd:
            return self.out(f"journalctl -q --no-pager -n {lines} -o cat")
        return self.out(f"tail -n {lines} /var/log/auth.log")

    def wait(self, script, seconds=30):
        """Until a root script succeeds, in the machine; whether it did."""
        return self.sh(f"while [ $SECONDS -lt {seconds} ]; do ({script}) && exit 0; "
                       "sleep .2; done; exit 1", seconds + 90).returncode == 0

    @contextlib.contextmanager
    def file(self, path, text, mode="0644"):
        """A file that is there as long as it lasts."""
        self.write(path, text)
        self.sh(f"chmod {mode} {path}")
        try:
            yield
        finally:
            self.sh(f"rm -f {path}")


def _namespaces(text):
    return dict(re.findall(r"(user|pid|mnt|uts|ipc):\[(\d+)\]", text))


__all__ = ["Host", "SERVICES", "SHOW_NS", "Shell", "Terminal", "pack", "run"]
