# SPDX-License-Identifier: BSD-3-Clause
"""Makes one fault after the other, and judges what came of it."""

import collections
import contextlib
import fcntl
import os
import shutil
import subprocess
import termios
import time

import points
from harness import kernel
from harness.observe import Observer, tell
from scenes import SCENES, Names, Result

REFERENCES = 4
SECONDS = 40  # what takes longer hangs
SLOW = 20.0
PLACE = ("out", "caller cwd:", "shell cwd:")  # facts that tell where a shell has started
FOLLOW_UP = 25  # how many faults go by at most before a plain login
TRACES = 3  # in which a process is looked for that wasn't there for any of its faults


class Worker:
    def __init__(self, stage, part, parts):
        self.stage, self.part, self.parts = stage, part, parts
        self.counts = collections.Counter()
        self.had = set()  # what "some" has taken
        self.places = set()  # of which a scene before has taken all faults
        self.plain = {}  # what the simpler scenes do, call by call

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

    def _run(self, scene, *inject):
        """@inject: its option, and the value of that."""
        argv = [str(a) for a in (self.stage.bin / "inject", *scene.options, "-s", SECONDS,
                                 *scene.counted(), *inject, *scene.argv())]
        started = time.monotonic()
        text, left = self._on_terminal(argv) if scene.on_terminal else (self._piped(argv), False)
        result = Result(text, scene, self.names)
        result.seconds = time.monotonic() - started
        result.terminal_left = left
        return result

    @staticmethod
    def _piped(argv):
        return subprocess.run(argv, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace", check=False).stdout

    @staticmethod
    def _on_terminal(argv):
        """What appeared there, and whether it was left in another state than before."""
        master, slave = os.openpty()
        before = termios.tcgetattr(master)
        with subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, cwd="/",
                              start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                                  0, termios.TIOCSCTTY, 0)) as process:
            seen = b""
            os.close(slave)
            with contextlib.suppress(OSError):  # EIO: nobody has it any more
                while data := os.read(master, 65536):
                    seen += data
            process.wait()
        left = termios.tcgetattr(master) != before
        os.close(master)
        return seen.decode(errors="replace").replace("\r", ""), left

    def _plain(self, scene):
        """A login without a fault."""
        return self._run(scene, "-f", "none:getpid:1:KILL")

    def _reference(self, scene):
        """What is the same in every login without a fault."""
        runs = [self._plain(scene) for _ in range(REFERENCES)]
        if any(not r.is_in() for r in runs):
            raise RuntimeError(f"{scene.name} without a fault fails:\n{runs[0].text[:2000]}\n" +
                               "\n".join(self.stage.syslog.lines()[-5:]))
        self.facts = set.intersection(*(r.facts for r in runs))
        differ = set.union(*(r.facts for r in runs)) - self.facts
        if differ:
            raise RuntimeError(f"logins without a fault differ: {sorted(differ)[:6]}")

    # ---- judging ------------------------------------------------------------------------

    @staticmethod
    def _may_differ(scene, point):
        """How facts begin that are others, and as they should be, where that call failed."""
        if point is None:
            return ()
        # As login(1) does: where the directory can't be entered, or nobody can tell which it was, the shell starts elsewhere.
        enters = ("nsshell-door", "login") + ("nsshell-worker",) * scene.name.startswith("door")
        if point.program in enters and point.call in ("chdir", "getcwd"):
            return PLACE
        # A limit that can't be raised, as with a lower fs.nr_open, stays what it is.
        return ("shell limits: ",) if point.call == "prlimit64" else ()

    def _wrong_facts(self, scene, result, point=None):
        if not result.is_in():
            return f"not in: {' '.join(result.text.split())[:200]}"
        but = self._may_differ(scene, point)
        return self._strange(result.facts, but) or self._missing(result, but)

    def _strange(self, facts, but=()):
        more = {f for f in facts - self.facts if not f.startswith(but)}
        return f"has what it shouldn't: {'; '.join(sorted(more)[:3])}" if more else None

    def _missing(self, result, but):
        lacks = {f for f in self.facts - result.facts if not f.startswith(but)}
        return f"lacks {'; '.join(sorted(lacks)[:3])}" if lacks else None

    @staticmethod
    def _speaks_for_itself(result, fault):
        """A joined command that was killed, or whose pipe broke, ends as a shell would tell it."""
        return result.direct and (fault == "KILL" or (result.opened or 0) > 128)

    @staticmethod
    def _is_loading(point):
        """Of what ld.so does, nothing is ours; a static program does that itself, before main()."""
        return point.where == "loader" or (point.call == "mprotect" and point.program in ("nsshell", "passwd", "newgrp", "wall"))

    def _judge(self, scene, result, point, fault):
        """(what it came to, what is wrong with that or None)"""
        if result.late:
            return "hung", f"hung for {SECONDS} s: {result.still_there()}"
        if not result.fired:
            return "missed", None
        if result.terminal_left and fault != "KILL" and point.call != "ioctl":
            return "ended", "the terminal isn't as it was"
        if scene.on_terminal and (point.role, point.call) in (("c", "read"), ("c", "write")):
            return "ended", None  # what appears is lost in part
        if result.is_refused():
            if self._speaks_for_itself(result, fault):
                return "ended", None
            mute = not {point.call, f"{point.program} {point.call}"}.isdisjoint(scene.mute)
            if not result.said and not mute and not self.stage.syslog.lines("refused") and not self._is_loading(point):
                return "refused", f"refused without a word: {result.text[-200:]!r}"
            return "refused", None
        if fault == "KILL":
            # Whoever was killed took the session along, sooner or later.
            return ("in", self._strange(result.of_living())) if result.is_in() else ("ended", None)
        if result.is_in():
            return "in", self._wrong_facts(scene, result, point)
        if self._is_loading(point):
            return "ended", None
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
        """Directories named by the account's uid, where a plain login has its session's."""
        for group in self.groups:
            if os.path.exists(f"{root}{group}"):
                yield f"{root}{group}"

    def _one(self, scene, point, fault):
        scene.before()
        self.stage.syslog.clear()
        result = self._run(scene, "-f", points.spec(point, fault))
        outcome, wrong = self._judge(scene, result, point, fault)
        if not wrong and result.seconds > SLOW:
            wrong = f"took {result.seconds:.0f} s"
        left = self._left()
        self.since += 1
        if left and (fault == "KILL" or scene.sweeps):
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
            # Its first line is for --again.
            print(f"bad {scene.name} {point} {fault} "
                  f"{points.spec(point, fault)}: {outcome}: {wrong}", flush=True)
            outcome = "bad"
        self.counts[f"{scene.name} {fault} {outcome}"] += 1
        return result.met

    def _make(self, scene, faults, named):
        """
        All of them. A process that was never there is wrong where it was asked for by its name, or a plain run has it: then
        nothing was tried of it. One that is there needn't get as far each time.
        """
        absent, there = collections.defaultdict(list), set()
        for point, fault in faults:
            if self._one(scene, point, fault):
                there.add(point.role)
            else:
                absent[point.role].append((point, fault))
        for role in absent.keys() - there:
            self._look_for(scene, absent[role], named)

    def _look_for(self, scene, absent, named):
        point, fault = absent[0]
        found = False
        for _ in range(TRACES):
            is_there = any(p.role == point.role for p in self._trace(scene))
            if is_there and any(self._one(scene, p, f) for p, f in absent[:TRACES]):
                return
            found |= is_there
        if found or named:
            print(f"bad {scene.name} {point} {fault} {points.spec(point, fault)}: missed: {point.role} was never there for any "
                  f"of {len(absent)} faults, and without one it is{'' if found else ' not'}", flush=True)
            self.counts[f"{scene.name} {fault} bad"] += 1
        else:
            print(f"left-out {len(absent)} {scene.name}: of {point.role}, which was there when calls were listed, and never again",
                  flush=True)

    def _follow_up(self, scene):
        self.since = 0
        wrong = self._wrong_facts(scene, self._plain(scene))
        return wrong and f"the next login {wrong} {self.stage.syslog.lines('refused')[-1:]}"

    # ---- a scene ------------------------------------------------------------------------

    def run(self, names, how_many, only, count=False):
        """@how_many: as _chosen() has it. @only: the text that a fault's name has. @count: make none."""
        for kind in SCENES:
            if names and kind.name not in names:
                continue
            if kind.rare and how_many == "some" and not names:
                if self.part == 0:
                    print(f"# left to `make faults`: {kind.name}")
                continue
            with self._scene(kind) as scene:
                chosen = self._chosen(scene, how_many)
                if count:
                    print(f"count {len(chosen)} {scene.name} faults", flush=True)
                    continue
                mine = [(point, fault) for point, fault in chosen
                        if points.draw(point, 101 * self.parts) // 101 == self.part and
                        only in f"{point.role}:{point.call}:{point.n}:{fault}"]
                began = time.monotonic()
                self._make(scene, mine, bool(only))
                print(f"# {scene.name}: {len(mine)} faults in {time.monotonic() - began:.0f} s", flush=True)
        self._tell_counts()

    def run_again(self, faults):
        """Those of lines that begin as a bad one's."""
        faults = [f.split() for f in faults]
        for kind in SCENES:
            mine = [f[1:] for f in faults if f[0] == kind.name]
            if mine:
                with self._scene(kind) as scene:
                    self._make(scene, [(points.Point(role, program, call, int(n), where), fault)
                                       for role, program, call, n, where, fault in mine], True)
        self._tell_counts()

    def _tell_counts(self):
        for what, n in sorted(self.counts.items()):
            print(f"count {n} {what}")

    def _begin(self, kind, tries=3):
        scene = kind(self.stage, self.user)
        with open("/run/utmp", "w", encoding="ascii"):
            pass  # else each login of a scene reads the entries of all before
        try:
            scene.begin(self.names)
            self._reference(scene)
        except RuntimeError as e:
            if tries == 1:
                raise
            print(f"# {kind.name} is begun anew: {e}", flush=True)
            scene.end()
            return self._begin(kind, tries - 1)
        return scene

    @contextlib.contextmanager
    def _scene(self, kind):
        if kind.beyond and kind.beyond not in self.plain:
            plain = kind.beyond(self.stage, self.user)
            plain.begin(self.names)
            self.plain[kind.beyond] = self._trace(plain)
            plain.end()
        scene = self._begin(kind)
        self.groups = {os.path.dirname(f.split(":", 3)[3]) for f in self.facts
                       if f.startswith("caller cgroup:") and str(self.user.pw_uid) in f}
        self.before = self._snapshot()
        self.since = 0
        yield scene
        scene.end()

    def _trace(self, scene):
        path = self.stage.private / "trace"
        scene.before()
        self._run(scene, "-l", path)
        return points.read(path)

    def _chosen(self, scene, how_many):
        """@how_many: "every", "all", "some" or "most" """
        found = self._trace(scene)
        chosen_of = found
        if scene.beyond:
            chosen_of = points.beyond(found, self.plain[scene.beyond])
        chosen, left_out = points.choose(chosen_of, how_many, scene.one_in, scene.own, self.places)
        self.places.update(map(points.place, chosen_of))
        if how_many == "some":
            before = len(chosen)
            chosen = points.some(chosen, self.had)
            left_out["one error a call of a program is taken"] = before - len(chosen)
        if len(chosen_of) < len(found):
            left_out[f"of what {scene.beyond.name} does as well"] = \
                len(points.FAULTS) * (len(found) - len(chosen_of))
        if self.part == 0:
            print(f"# {scene.name}: {len(found)} system calls of {len({p.role for p in found})} "
                  f"processes; {len(self.facts)} facts of an open session are compared")
        for why, n in left_out.items():
            print(f"left-out {n} {scene.name}: {why}")
        return chosen
