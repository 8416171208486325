# SPDX-License-Identifier: BSD-3-Clause
"""What a test function is handed: the stage, the people on it, and the checks."""

import json
import os
import re
import signal
import time

from . import kernel
from .observe import Observer, tell
from .pace import patient
from .report import Report
from .shell import Shell
from .stage import Stage


class Scene:
    """
    alice and bob: isolated, with ranges in subuid(5), both members of the group proj.
    carol: isolated, without a range there. plain: an account that no config isolates.
    """

    def __init__(self, suite="", again=""):
        self.report = Report(suite, again)
        self.check = self.report.check
        self.skip = self.report.skip
        # Two runs at once, of two people on one machine, need two names.
        self.stage = Stage(name="test" + os.environ.get("NSSHELL_TEST_NAME", ""),
                           prefix="nst" + os.environ.get("NSSHELL_TEST_NAME", ""))
        self.ssh = self.stage.ssh
        self.run = self.stage.run
        self.name = ""
        self.background = {}

    def open(self):
        accounts = self.stage.accounts
        accounts.add_group("box")
        self.proj = accounts.add_group("proj")
        self.alice = accounts.add("alice", groups=("box", "proj"))
        self.bob = accounts.add("bob", groups=("box", "proj"))
        self.carol = accounts.add("carol", groups=("box",), subids=False)
        self.plain = accounts.add("plain")
        self.observer = Observer(self.stage, [u.pw_uid for u in self.people()],
                                 self.plain.pw_uid)
        self.stage.enter()
        self.host_mnt = kernel.namespaces()["mnt"]
        self.stage.sshd.start()
        self.module = self.stage.module.exists()

    def people(self):
        return (self.alice, self.bob, self.carol, self.plain)

    def close(self):
        for thing in self.background.values():
            thing.stop()
        if self.stage.sshd.process:
            self.stage.sshd.stop()

    def begin(self, name):
        self.name = name
        self.stage.pam_all()
        self.stage.config()
        self.stage.syslog.clear()

    def end(self, name, before):
        """A test that leaves something behind has failed, and must not fail the next one."""
        self.stage.pam_all()
        self.stage.config()
        left = self.observer.left(before)
        if left:
            self.check(False, f"after {name} nothing is left", tell(left), self.log_tail())
            self.sweep(before)

    def sweep(self, before):
        """Kill what a test left running, then let one more login reconcile."""
        keep = {p.pid for p in before["processes"]}
        for p in kernel.descendants(os.getppid()):
            if p.pid not in keep and p.pid != os.getpid():
                try:
                    os.kill(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for person in (self.alice, self.bob):
            self.ssh(person.pw_name, "true")
        self.observer.left(before, 3.0)

    def log_tail(self, n=12):
        return "\n".join(self.stage.syslog.lines()[-n:])

    # ---- shorthands ---------------------------------------------------------------------

    def shell(self, user, options=(), sshd=None):
        """A login that stays open without a terminal."""
        return Shell((sshd or self.stage.sshd).argv(user, "exec bash", options=options))

    def record_of(self, user):
        """The record of the only session of that account."""
        found = [r for r in self.stage.records() if r.get("user") == user]
        if len(found) != 1:
            raise LookupError(f"{len(found)} session records of {user}, not one")
        return found[0]

    def gone(self, user=None, timeout=10):
        """Wait until no session of that account, or of anybody, is on record."""
        end = time.monotonic() + patient(timeout)
        while time.monotonic() < end:
            if not [r for r in self.stage.records() if user in (None, r.get("user"))]:
                return True
            time.sleep(0.05)
        return False

    def nsctl(self, *arguments, **kw):
        return self.run(self.stage.bin / "nsctl", *arguments, **kw)

    def lands_inside(self, did, text):
        host = {k: re.sub(r"\D", "", v) for k, v in kernel.namespaces().items()}
        found = dict(re.findall(r"(user|pid|mnt|uts|ipc|cgroup):\[(\d+)\]", text))
        same = [n for n in ("user", "pid", "mnt", "uts", "ipc") if found.get(n) == host[n]]
        missing = [n for n in ("user", "pid", "mnt", "uts", "ipc") if n not in found]
        saw = "inside" if not same and not missing else (
            f"on the host: {' '.join(same)}" if same else f"no namespaces seen: {text!r}")
        return self.check(not same and not missing, did, saw, self.log_tail())


def json_of(result):
    """What a command printed as JSON, or None."""
    try:
        return json.loads(result.stdout)
    except ValueError:
        return None


SHOW_NS = "readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt /proc/self/ns/uts " \
          "/proc/self/ns/ipc /proc/self/ns/cgroup"
