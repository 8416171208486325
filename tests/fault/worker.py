# SPDX-License-Identifier: BSD-3-Clause
"""Makes one fault after the other, and judges what came of it."""

import collections
import os
import shutil
import subprocess
import time

import points
from harness import kernel
from harness.observe import Observer, tell
from scenes import SCENES, Names, Result

REFERENCES = 4
SECONDS = 40  # what takes longer hangs
SLOW = 12.0
FOLLOW_UP = 25  # how many faults go by at most before a plain login


class Worker:
    def __init__(self, stage, part, parts):
        self.stage, self.part, self.parts = stage, part, parts
        self.counts = collections.Counter()

    def open(self):
        self.stage.accounts.add_group("box")
        self.user = self.stage.accounts.add("a", groups=("box",))
        self.stage.enter()
        for name in ("login", "inject", "pam_mark.so"):
            shutil.copy(self.stage.build / "fault" / name, self.stage.bin / name)
        shutil.copy(self.stage.build / "bench" / "pamcaller", self.stage.bin)
        self.observer = Observer(self.stage, [self.user.pw_uid], None)
        self.names = Names(set(kernel.namespaces().values()) |
                           {os.readlink(f"/proc/self/ns/{n}") for n in ("net", "time")})

    # ---- one run ------------------------------------------------------------------------

    def _run(self, scene, argv):
        started = time.monotonic()
        r = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                           check=False)
        result = Result(r.stdout, self.names, scene.direct)
        result.seconds = time.monotonic() - started
        return result

    def _plain(self, scene):
        """A login without a fault; what is wrong with it, or None."""
        result = self._run(scene, self._inject("-f", "none:getpid:1:KILL", scene))
        return self._wrong_facts(result)

    def _inject(self, option, value, scene):
        return [self.stage.bin / "inject", *scene.options, "-s", SECONDS, "-o", self.stage.bin,
                option, value, *scene.argv()]

    def _reference(self, scene):
        """What is the same in every login without a fault."""
        runs = [self._run(scene, self._inject("-f", "none:getpid:1:KILL", scene))
                for _ in range(REFERENCES)]
        if any(not r.is_in() for r in runs):
            raise RuntimeError(f"{scene.name} without a fault fails:\n{runs[0].text[:2000]}\n" +
                               "\n".join(self.stage.syslog.lines()[-5:]))
        self.facts = set.intersection(*(r.facts for r in runs))
        differ = set.union(*(r.facts for r in runs)) - self.facts
        if differ:
            raise RuntimeError(f"logins without a fault differ: {sorted(differ)[:6]}")

    # ---- judging ------------------------------------------------------------------------

    def _wrong_facts(self, result):
        if not result.is_in():
            return f"not in: {' '.join(result.text.split())[:200]}"
        return self._strange(result.facts) or self._missing(result)

    def _strange(self, facts):
        more = facts - self.facts
        return f"has what it shouldn't: {'; '.join(sorted(more)[:3])}" if more else None

    def _missing(self, result):
        lacks = self.facts - result.facts
        return f"lacks {'; '.join(sorted(lacks)[:3])}" if lacks else None

    @staticmethod
    def _speaks_for_itself(result, fault):
        """A joined command that was killed, or whose pipe broke, ends as a shell would tell it."""
        return result.direct and (fault == "KILL" or (result.opened or 0) > 128)

    def _judge(self, result, point, fault):
        """(what it came to, what is wrong with that or None)"""
        if result.late:
            return "hung", f"hung for {SECONDS} s: {result.still_there()}"
        if not result.fired:
            return "missed", None
        if result.is_refused():
            if self._speaks_for_itself(result, fault):
                return "ended", None
            if not result.said and not self.stage.syslog.lines("refused"):
                return "refused", "refused without a word"
            return "refused", None
        if fault == "KILL":
            # Whoever was killed took the session along, sooner or later.
            return ("in", self._strange(result.of_living())) if result.is_in() else ("ended", None)
        if result.is_in():
            return "in", self._wrong_facts(result)
        if point.where == "loader":
            return "ended", None  # of what ld.so does, nothing is ours
        if result.opened is None and result.end == 9:
            return "ended", None  # killed with its session before it was told a thing
        if self.stage.syslog.lines("refused|another login failed"):
            return "ended", None  # with its session, that is; the log says why
        return "ended", f"neither in nor refused: {' '.join(result.text.split())[-300:]}"

    def _left(self):
        now = self._snapshot()
        return {k: now[k] - self.before[k] for k in now if now[k] - self.before[k]}

    def _snapshot(self):
        """Processes are inject's to see: it ends when none is left."""
        o = self.observer
        groups = {p for root in kernel.cgroup_roots() for p in self._account_groups(root)}
        return {"mounts": o.own_mounts(), "files": o.files(), "utmp": o.utmp(),
                "ptys": o.ptys(), "devices": o.devices(), "cgroups": groups}

    def _account_groups(self, root):
        """Folders named by the account's uid, where a plain login has its session's."""
        for group in self.groups:
            if os.path.exists(f"{root}{group}"):
                yield f"{root}{group}"

    def _one(self, scene, point, fault):
        self.stage.syslog.clear()
        result = self._run(scene, self._inject("-f", points.spec(point, fault), scene))
        outcome, wrong = self._judge(result, point, fault)
        if not wrong and result.seconds > SLOW:
            wrong = f"took {result.seconds:.0f} s"
        left = self._left()
        self.since += 1
        if left and fault == "KILL":
            # A killed supervisor can't clear up: the next login does.
            wrong = wrong or self._follow_up(scene)
            left = self._left()
        elif self.since >= FOLLOW_UP or wrong:
            wrong = wrong or self._follow_up(scene)
        if left:
            wrong = wrong or f"left: {tell(left)}"
            self._follow_up(scene)
            self.before = self._snapshot()
        if wrong:
            print(f"bad {scene.name}: {point.program} {points.spec(point, fault)} {fault} "
                  f"({point.where}): {outcome}: {wrong}", flush=True)
            outcome = "bad"
        self.counts[f"{scene.name} {fault} {outcome}"] += 1

    def _follow_up(self, scene):
        self.since = 0
        wrong = self._plain(scene)
        return wrong and f"the next login {wrong} {self.stage.syslog.lines('refused')[-1:]}"

    # ---- a scene ------------------------------------------------------------------------

    def run(self, names, everything, only):
        for scene in SCENES:
            if not names or scene.name in names:
                self._scene(scene(self.stage, self.user), everything, only)
        for what, n in sorted(self.counts.items()):
            print(f"count {n} {what}")

    def _scene(self, scene, everything, only):
        scene.begin()
        self._reference(scene)
        self.groups = {os.path.dirname(f.split(":", 3)[3]) for f in self.facts
                       if f.startswith("caller cgroup:") and str(self.user.pw_uid) in f}
        self.before = self._snapshot()
        self.since = 0
        trace = self.stage.private / "trace"
        self._run(scene, self._inject("-l", trace, scene))
        found = points.read(trace)
        chosen, left_out = points.choose(found, everything, scene.one_in)
        if self.part == 0:
            print(f"# {scene.name}: {len(found)} system calls of {len({p.role for p in found})} "
                  f"processes; {len(self.facts)} facts of an open session are compared")
        for why, n in left_out.items():
            print(f"left-out {n} {scene.name}: {why}")
        for point, fault in chosen:
            if points.draw(point, self.parts) == self.part and only in f"{point.role}:{point.call}:{point.n}:{fault}":
                self._one(scene, point, fault)
        scene.end()
