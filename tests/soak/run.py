#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Many logins and logouts of mixed kinds, eight at a time, then a time of random joins, stops, kills
and pauses; as root. Nothing is left, and what stays all the while keeps its size.

	tests/soak/run.py [--logins N] [--minutes N]
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from harness import kernel, reaper  # noqa: E402
from harness.observe import tell  # noqa: E402
from harness.scene import Scene  # noqa: E402
from test_door import Door  # noqa: E402

AT_ONCE = 8
SERVICE = "nsshell-soak"
LIMITS = "MemoryMax=256M\nTasksMax=200\n"
# A little is the allocator's; what grew by a kilobyte a hundred logins is seen.
GROWTH_KIB = 512


class Soak:
    def __init__(self, scene, logins, minutes):
        self.b, self.logins, self.minutes = scene, logins, minutes
        self.refused = []

    def begin(self):
        stage = self.b.stage
        stage.pam_all()
        stage.conf.write_text(
            f"[Default]\nServices={SERVICE} {stage.sshd_service} {' '.join(stage.services)}\n"
            f"[Group {stage.box_group}]\nIsolate=yes\n{LIMITS}", encoding="ascii")
        confdir = stage.private / "pam.soak"
        confdir.mkdir()
        (confdir / "other").write_text("auth required pam_deny.so\n", encoding="ascii")
        (confdir / SERVICE).write_text("session required pam_permit.so\n" + stage.module_line(),
                                       encoding="ascii")
        self.caller = [stage.build / "bench" / "pamcaller", "-d", confdir, "-s", SERVICE]
        self.door = Door(self.b).shell

    # ---- logins ----------------------------------------------------------------------------

    def _login(self, number):
        """(kind, whether it got in, what was said)"""
        b = self.b
        user = (b.alice, b.bob, b.carol)[number % 3]
        kind = ("ssh", "su", "caller", "door")[number // 3 % 4]
        if kind == "ssh":
            r = b.ssh(user.pw_name, "echo in", timeout=60)
        elif kind == "su":
            r = b.run("su", "-", user.pw_name, "-c", "echo in", timeout=60)
        elif kind == "caller":
            r = b.run(*self.caller, user.pw_name, "/bin/echo", "in", timeout=60)
        else:
            r = b.run("setpriv", "--reuid", user.pw_uid, "--regid", user.pw_gid, "--init-groups",
                      self.door, "-c", "echo in", timeout=60)
        good = r.returncode == 0 and "in" in r.stdout.split()
        return kind, good, (r.stdout + r.stderr).strip()

    def many(self):
        b = self.b
        for n in range(12):
            self._login(n)
        before = b.observer.snapshot()
        stays = Stays(b)
        started = time.monotonic()
        results = []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for done, result in enumerate(pool.map(self._login, range(self.logins)), 1):
                results.append(result)
                if done % 1000 == 0:
                    self.refused += b.stage.syslog.lines("refused")
                    b.stage.syslog.clear()
                    print(f"# {done} logins in {time.monotonic() - started:.0f} s; {stays.now()}",
                          flush=True)
        seconds = time.monotonic() - started
        failed = [r for r in results if not r[1]]
        self.refused += b.stage.syslog.lines("refused")
        counts = collections.Counter(r[0] for r in results)
        b.check(not failed, f"{self.logins} logins and logouts, {AT_ONCE} at a time",
                ", ".join(f"{n} by {k}" for k, n in sorted(counts.items())) +
                f"; {seconds:.0f} s", f"{len(failed)} failed, the first: {failed[:2]}\n" + "\n".join(self.refused[-20:]))
        stays.check("while they came and went")
        stays.end()
        left = b.observer.left(before, 30)
        b.check(not left, "zero processes, records, cgroups, mounts, ptys and files are left",
                tell(left))

    # ---- at random -------------------------------------------------------------------------

    def _upset(self, rng, session, user):
        """Something that an admin, or an accident, does to a session."""
        b = self.b
        what = rng.choice(("nsjoin", "nsjoin", "nsjoin", "pause", "stop", "init", "supervisor",
                           "caller", "nothing"))
        if what == "nsjoin":
            b.run(b.stage.bin / "nsjoin", session, "true", timeout=30)
        elif what == "pause":
            b.run(b.stage.bin / "nsctl", "pause", session, timeout=30)
            time.sleep(rng.random() * 0.1)
            b.run(b.stage.bin / "nsctl", "resume", session, timeout=30)
        elif what == "stop":
            b.run(b.stage.bin / "nsctl", "stop", session, timeout=30)
        elif what != "nothing":
            for record in b.stage.records():
                pid = int(record.get(f"{what}_pid", 0))
                if record.get("id") == session and record.get("user") == user and pid > 1:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        return what

    def _life(self, number, until):
        """Logins one after the other, each upset a few times."""
        b, rng = self.b, random.Random(number)
        user = (b.alice, b.bob, b.carol)[number % 3].pw_name
        seen = collections.Counter()
        while time.monotonic() < until:
            with b.shell(user) as shell:
                try:
                    session = shell.do("echo $NSSHELL_SESSION", timeout=60)
                    for _ in range(rng.randrange(1, 6)):
                        seen[self._upset(rng, session, user)] += 1
                except (OSError, EOFError, TimeoutError):
                    seen["ended early"] += 1
                seen["logins"] += 1
        return seen

    def random_life(self):
        b = self.b
        if self.minutes <= 0:
            return
        before = b.observer.snapshot()
        stays = Stays(b)
        until = time.monotonic() + self.minutes * 60
        seen = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for counts in pool.map(lambda n: self._life(n, until), range(AT_ONCE)):
                seen.update(counts)
        b.check(seen["logins"] > 0, f"{self.minutes:g} minutes of joins, pauses, stops and kills",
                ", ".join(f"{n} {k}" for k, n in seen.most_common()))
        stays.check("all the while")
        stays.end()
        for user in (b.alice, b.bob, b.carol):
            r = b.ssh(user.pw_name, "echo in", timeout=60)
            b.check(r.stdout == "in\n", "afterwards one more login of each account works",
                    r.stdout + r.stderr)
        left = b.observer.left(before, 30)
        b.check(not left, "and nothing is left of any", tell(left))

    def run(self):
        self.begin()
        self.many()
        self.random_life()


class Stays:
    """What lives through it: sshd, and a session of bob's with its supervisor and its init."""

    def __init__(self, b):
        self.b = b
        self.shell = b.shell(b.bob.pw_name)
        session = self.shell.do("echo $NSSHELL_SESSION", timeout=60)
        record = next(r for r in b.stage.records() if r.get("id") == session)
        self.pids = {"supervisor": int(record["supervisor_pid"]),
                     "init": int(record["init_pid"]), "sshd": b.stage.sshd.process.pid}
        time.sleep(3)  # after it has settled, and has looked at the host's directories
        self.mounts = len(list(kernel.mounts(1)))
        self.first = self._sizes()

    def _sizes(self):
        found = {}
        for name, pid in self.pids.items():
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                rss = next(int(x.split()[1]) for x in f if x.startswith("RssAnon"))
            found[name] = (rss, len(os.listdir(f"/proc/{pid}/fd")))
        return found

    def now(self):
        return ", ".join(f"{k} {rss} KiB {fds} fds" for k, (rss, fds) in self._sizes().items())

    def check(self, when):
        last = self._sizes()
        grown = {k for k in last if last[k][0] > self.first[k][0] + GROWTH_KIB or
                 last[k][1] > self.first[k][1]}
        self.b.check(not grown, f"{when} sshd, a supervisor and an init keep their size",
                     self.now(), f"at first {self.first}")
        self.b.check(self.shell.do("echo alive") == "alive", "and that session goes on")

    def end(self):
        self.shell.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--logins", type=int, default=10000)
    parser.add_argument("--minutes", type=float, default=60)
    chosen = parser.parse_args()
    os.environ["NSSHELL_TEST_NAME"] = os.environ.get("NSSHELL_TEST_NAME", "") + "soak"
    os.nice(5)
    scene = Scene()
    if os.geteuid() != 0:
        scene.skip("soak", "it needs root")
        return scene.report.summary()

    def inside():
        scene.open()
        try:
            Soak(scene, chosen.logins, chosen.minutes).run()
        finally:
            scene.close()
        return scene.report.summary()

    return reaper.run(scene.stage.prepare, inside, scene.stage.clean)


if __name__ == "__main__":
    sys.exit(main())
