#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
make check and make check-all: parts that run side by side, each with a log of its own, and one line
that counts them all.

	tests/check.py check|all [--resume] [PART...]
	tests/check.py check|all --list

--list: the parts, with the minutes and the processor's minutes that each took when it last ran here.

A part prints a line when it ends; its log is build/check.PART.log. Then come what failed, what passed
at a second try only, what was skipped, the slowest ten, and "N passed, N failed, N skipped".

--resume: parts that were through without a failure, on the very tree that is committed now, aren't run again but
counted as they were: a night that was cut goes on. "kept" in a part's line says so.
"""

import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
BUILD = TREE / "build"
TIMES = BUILD / "times.json"
TOOK = BUILD / "parts.json"  # {"check" or "all": {part: [seconds, seconds of processor time]}}
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
# The distribution's programs, and none that somebody has put before them for himself.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What is shown of a part that failed; its log has all of it.
LINES = 60


class Part:
    """
    @load: how many processors it keeps busy. @after: parts that have to be over. @alone: it changes the whole
    host, or is disturbed by whatever else runs. @counts: whether its last line is to be a count.
    @stage: what tells its accounts and directories from those of parts that run at the same time. @makes: it makes
    files that others take, and is run by each run.
    """

    def __init__(self, name, *argv, load=1.0, after=(), alone=False, counts=True, minutes=20, nice=0, env=None, stage="",
                 makes=False):
        self.name, self.argv, self.load, self.after, self.alone = name, argv, load, after, alone
        self.counts, self.minutes, self.nice, self.makes, self.kept = counts, minutes, nice, makes, False
        self.env = {"NSSHELL_TEST_NAME": os.environ.get("NSSHELL_TEST_NAME", "") + stage, **(env or {})}
        self.log = BUILD / f"check.{name}.log"
        self.process = self.result = None
        self.seconds = self.cpu = 0.0

    def start(self):
        """Its own process group: should it hang, all that it has started can be ended."""
        self.began = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.argv, cwd=TREE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PATH": PATH, "NSSHELL_TEST_SECOND_TRY": "1", "NSSHELL_TEST_SLOW": "2", **self.env}, preexec_fn=self._before)

    def _before(self):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
        os.setpgid(0, 0)
        os.nice(self.nice)

    def wait(self):
        """Return: its status, None while it runs on."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid == 0:
            if time.monotonic() - self.began < self.minutes * 60:
                return None
            self.end(signal.SIGTERM)
            time.sleep(10)
            self.end(signal.SIGKILL)
            pid, status, usage = os.wait4(self.process.pid, 0)
            self._add(f"not ok - {self.name} is through within {self.minutes} minutes\n")
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - self.began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.result = self._count(self.process.returncode)
        return self.process.returncode

    def end(self, sig):
        try:
            os.killpg(self.process.pid, sig)
        except ProcessLookupError:
            pass

    def _add(self, line):
        with open(self.log, "a", encoding="utf-8") as f:
            f.write(line)

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _count(self, status):
        if not self.counts:
            return 0, int(status != 0), 0
        found = COUNTS.findall(self.text())
        if not found:
            self._add(f"not ok - {self.name} ends with a count: status {status}\n")
            return 0, 1, 0
        passed, failed, skipped = map(int, found[-1])
        return passed, failed or int(status != 0), skipped

    def __str__(self):
        counts = "%d passed, %d failed, %d skipped" % self.result if self.counts else \
            ("failed" if self.result[1] else "done")
        return f"== {self.name}: {counts} ({self.seconds:.0f} s, {self.cpu:.0f} s of processor time{', kept' * self.kept})"

    def wrong(self):
        """What failed, with what was told of it; the end of the log where that says nothing."""
        lines, found, on = self.text().splitlines(), [], False
        for line in lines:
            if line.startswith("not ok") or (on and line.startswith("#")):
                found.append(line)
            on = line.startswith("not ok") or (on and line.startswith("#"))
        if not any(x.startswith("not ok") for x in found):
            return lines[-LINES:]
        return found[:LINES] + [f"# more of it: {self.log.relative_to(TREE)}"] * (len(found) > LINES)


class Kept:
    """What was found by a run before, as long as nothing of the tree has changed since."""

    def __init__(self, resume):
        said = subprocess.run(("git", "status", "--porcelain"), cwd=TREE, stdout=subprocess.PIPE, text=True)
        tree = subprocess.run(("git", "rev-parse", "HEAD^{tree}"), cwd=TREE, stdout=subprocess.PIPE, text=True)
        clean = said.returncode == tree.returncode == 0 and not said.stdout
        self.tree, self.resume = tree.stdout.strip() if clean else "", resume

    @staticmethod
    def _path(part):
        return BUILD / f"check.{part.name}.kept"

    def note(self, part):
        if self.tree and not part.result[1]:
            self._path(part).write_text(json.dumps([self.tree, part.result, part.seconds, part.cpu]), encoding="ascii")

    def take(self, part):
        """Return: whether there is something, and @part has it now. What makes files is quick where they are there."""
        if not self.resume or not self.tree or part.makes or not self._path(part).exists():
            return False
        tree, result, seconds, cpu = json.loads(self._path(part).read_text(encoding="ascii"))
        if tree != self.tree:
            return False
        part.result, part.seconds, part.cpu, part.kept = tuple(result), seconds, cpu, True
        return True


class Schedule:
    """Starts each part as soon as what it comes after is over and processors are free."""

    def __init__(self, parts, kept):
        self.todo, self.running, self.over, self.kept = list(parts), [], [], kept
        # What is too slow for its own patience fails: no more at once than there are processors for.
        self.room = os.cpu_count() or 1

    def _is_ready(self, part):
        return not {p.name for p in self.todo + self.running} & set(part.after)

    def _has_room(self, part):
        if part.alone or any(p.alone for p in self.running):
            return not self.running
        return not self.running or sum(p.load for p in self.running) + part.load <= self.room

    def _start(self):
        """In their order, none before one that only waits for room; what runs alone comes last."""
        before = len(self.todo)
        for part in sorted(filter(self._is_ready, self.todo), key=lambda p: p.alone):
            if not self._has_room(part):
                break
            self.todo.remove(part)
            if any(p.result[1] and not p.counts for p in self.over if p.name in part.after):
                part.result = 0, 1, 0
                print(f"not ok - {part.name}: what it needs couldn't be made", flush=True)
                self.over.append(part)
                continue
            if self.kept.take(part):
                print(part, flush=True)
                self.over.append(part)
                continue
            part.start()
            self.running.append(part)
        if self.todo and not self.running and len(self.todo) == before:
            raise SystemExit(f"not ok - these wait for each other: {' '.join(p.name for p in self.todo)}")

    def run(self):
        try:
            while self.todo or self.running:
                self._start()
                for part in list(self.running):
                    if part.wait() is not None:
                        self.running.remove(part)
                        self.over.append(part)
                        self.kept.note(part)
                        print(part, flush=True)
                time.sleep(0.2)
        finally:
            for part in self.running:
                part.end(signal.SIGTERM)
            for part in self.running:
                part.process.wait()


# ---- what there is --------------------------------------------------------------------------------------

def make(*words):
    return ("make", "-s", "--no-print-directory", "CI=1", *words)


def python(path, *words):
    return (sys.executable, f"tests/{path}", *words)


def instrumented():
    """(its directory, where its programs write)"""
    return subprocess.run(make("print-instrumented"), cwd=TREE, check=True, stdout=subprocess.PIPE,
                          text=True).stdout.split()


def units(directory):
    return sorted(str(p) for p in directory.glob("unit/test_*") if p.suffix == "")


def check():
    run = ("tests/instrumented/run.sh", *instrumented())
    return (
        Part("image", "tests/vm/image.sh", "build/vm/trixie", "trixie", load=0, counts=False, nice=5, makes=True),
        Part("build", *make("-j2", "instrumented"), load=2, counts=False, makes=True),
        Part("begin", *run, "begin", load=0, counts=False, after=("build",)),
        Part("vm", *python("vm/run.py", "--shape", "trixie", "--some"), load=1, after=("image",), minutes=30),
        Part("system", *run, "system", "--jobs", "3", "--beside", "--some", load=1, after=("begin",), minutes=40),
        Part("release", *python("system/run.py", "--jobs", "2", "--release", "--some"), load=0.5, stage="r",
             env={"NSSHELL_HOSTILE_CALLS": "500", "NSSHELL_DAEMON_ROUNDS": "20"}),
        Part("hostile", *python("hostile/run.py", "--jobs", "2", "--but", "helper", "--but", "join", "--but", "root_more",
                                   "--but", "root_whole", "--but", "root_nested"), load=0.5,
             env={"NSSHELL_HOSTILE_CALLS": "150"}),
        Part("hostile-instrumented", *run, "hostile", "helper", "join", load=0.5, after=("begin",), stage="i"),
        Part("unit", *python("unit/run.py", *units(BUILD)), load=1),
        Part("unit-instrumented", *run, "unit", load=1, after=("begin",)),
        # Without the scenes of a terminal: nearly all that they do, the others do as well.
        Part("faults", *python("fault/run.py", "--some", "login", "gate", "second", "share", "sweep", "join", "door", "host"), load=1),
        Part("fuzz", *make("fuzz-smoke"), load=1, nice=10, env={"SECONDS_EACH": "2"}),
        Part("lint", "tests/lint.sh", "--some", load=1, nice=10),
        Part("system-alone", *python("system/run.py", "--alone"), alone=True, after=("system",), env={"NSSHELL_STORM_LOGINS": "40"}),
        Part("found", *run, "found", after=("system", "unit-instrumented", "hostile-instrumented")),
    )


def everything():
    run = ("tests/instrumented/run.sh", *instrumented())
    soak = os.environ.get("SOAK_MINUTES", "5")
    vm = ("--all",) if os.environ.get("VM") == "all" else ()
    return (
        Part("image", "tests/vm/image.sh", "build/vm", load=1, counts=False, makes=True),
        Part("image-13", "tests/vm/image.sh", "build/vm/trixie", "trixie", load=1, counts=False, makes=True),
        Part("build", *make("-j2", "instrumented"), load=2, counts=False, makes=True),
        Part("begin", *run, "begin", load=0, counts=False, after=("build",)),
        Part("unit", *python("unit/run.py", *units(BUILD)), load=1),
        Part("unit-instrumented", *run, "unit", load=1, after=("begin",)),
        Part("system", *run, "system", "--jobs", "4", "--beside", load=1, after=("begin",), minutes=60),
        Part("system-release", *python("system/run.py", "--jobs", "4", "--beside"), load=1, minutes=60, stage="r"),
        # The longest of those that leave a processor free, side by side, and then what else does.
        Part("deb", "tests/deb/run.sh", "bookworm", "trixie", load=1, minutes=120),
        Part("faults", *python("fault/run.py", f"--{os.environ.get('FAULTS', 'all')}"), load=1, minutes=600),
        Part("hostile", *python("hostile/run.py", "--jobs", "2"), load=1, minutes=60),
        Part("hostile-instrumented", *run, "hostile", "helper", "join", load=0.5, after=("begin",), stage="i"),
        Part("cross", "tests/cross/run.sh", load=1, minutes=60, nice=5),
        Part("mail", "tests/mail/run.sh", load=1, minutes=60, nice=5),
        Part("vm-more", *make("check-vm-more"), load=1, minutes=60),
        Part("broken", *make("check-broken"), load=1, minutes=120, stage="b"),
        Part("faults-instrumented", *run, "faults", load=1, after=("begin",), minutes=60, stage="i"),
        Part("lint", "tests/lint.sh", load=1, minutes=60, nice=5),
        Part("fuzz", *make("fuzz-smoke"), load=1, minutes=600, nice=5,
             env={"SECONDS_EACH": os.environ.get("FUZZ_SECONDS", "60")}),
        Part("system-alone", *run, "system", "--alone", alone=True, after=("system",)),
        Part("system-release-alone", *python("system/run.py", "--alone"), alone=True),
        Part("soak", *python("soak/run.py", "--logins", "10000" if "SOAK_MINUTES" in os.environ else "2000",
                             "--minutes", soak), alone=True, minutes=60 + 2 * float(soak)),
        Part("vm", *python("vm/run.py", "--jobs", "2", *vm), alone=True, after=("image", "image-13"), minutes=600 if vm else 120),
        Part("found", *run, "found", alone=True),
        Part("coverage", *run, "coverage", alone=True),
    )


# ---- what is told at the end ----------------------------------------------------------------------------

def slowest(parts, n=10):
    """Of the suites that ran: those of times.json are by suite, the vm's by shape."""
    try:
        kept = json.loads(TIMES.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []
    ran = {m for p in parts for m in re.findall(r"^# (\S+): [\d.]+ s$", p.text(), re.M)}
    found = [(s, f"{suite}: {name}") for suite, tests in kept.items() if suite
             for name, s in tests.items() if name in ran]
    return [f"# {s:6.1f} s  {what}" for s, what in sorted(found, reverse=True)[:n]]


def tell(parts, seconds):
    for part in parts:
        if part.result[1]:
            print("\n".join(part.wrong()))
    for part in parts:
        for line in part.text().splitlines():
            if line.startswith(("skip - ", "flaky - ")):
                print(line if part.name == "vm" else line.replace(" - ", f" - {part.name}: ", 1))
            elif line.startswith("first try: not ok"):
                print(f"# {line}")
    later = sum(p.text().count("# only in check-all: ") for p in parts)
    print(f"# {later} tests are only run by make check-all; the parts' logs name them, and why" if later else "# all tests were run")
    print("# the slowest ten; build/times.json has every test's time")
    print("\n".join(slowest(parts)))
    counts = [sum(p.result[i] for p in parts) for i in range(3)]
    flaky = [f"{p.name}: {m}" for p in parts for m in re.findall(r"^flaky - (.*)$", p.text(), re.M)]
    print(f"# {len(parts)} parts in {seconds:.0f} s, {sum(p.cpu for p in parts):.0f} s of processor time")
    print(f"# passed at a second try only: {'; '.join(flaky)}" if flaky else "# no test needed a second try")
    print("%d passed, %d failed, %d skipped" % tuple(counts), flush=True)
    return int(counts[1] > 0)


def took(kind):
    try:
        return json.loads(TOOK.read_text(encoding="ascii")).get(kind, {})
    except (OSError, ValueError):
        return {}


def keep_took(kind, parts):
    """What ran to its end. A part that was kept has been noted by the run that it is of."""
    kept = {k: took(k) for k in ("check", "all")}
    kept[kind].update({p.name: [round(p.seconds), round(p.cpu)] for p in parts if p.seconds and not p.kept})
    TOOK.write_text(json.dumps(kept), encoding="ascii")


def list_parts(kind, parts):
    known = took(kind)
    print(f"{'part':22} minutes  of processor time")
    for part in parts:
        seconds, cpu = known.get(part.name, (None, None))
        print(part.name if seconds is None else f"{part.name:22} {seconds / 60:7.1f} {cpu / 60:7.1f}")
    there = [known[p.name] for p in parts if p.name in known]
    print(f"{len(there)} of {len(parts)} parts: {sum(s for s, _ in there) / 60:.1f} minutes one after the other, "
          f"{sum(c for _, c in there) / 60:.1f} of processor time")
    return 0


def stop(*_):
    raise KeyboardInterrupt


def main():
    words = [a for a in sys.argv[1:] if a not in ("--list", "--resume")]
    if not words or words[0] not in ("check", "all"):
        raise SystemExit(__doc__.strip())
    parts = check() if words[0] == "check" else everything()
    if "--list" in sys.argv:
        return list_parts(words[0], parts)
    parts = [p for p in parts if p.name in words[1:] or not words[1:]]
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    began = time.monotonic()
    schedule = Schedule(parts, Kept("--resume" in sys.argv))
    try:
        schedule.run()
    except KeyboardInterrupt:
        return 130
    finally:
        keep_took(words[0], schedule.over)
    return tell(parts, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
