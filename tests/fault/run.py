#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Every system call of opening, joining and closing a session fails once, or its process is killed
in its place; as root.

	tests/fault/run.py [--every | --all | --some] [--count] [--only TEXT] [SCENE...]
	tests/fault/run.py --again "SCENE ROLE PROGRAM CALL N WHERE FAULT"...

Each time the login is refused clearly or is as it should be in every respect, and nothing is left
of it. --every takes each call. --all takes each place in the programs that makes one, told by the functions that
lead there: all faults the first time, two of the errors the last time, and one of them in later scenes. Without either the
list is thinned out, and --some takes of that one error for each call that a program makes; what is left out is
said and counted. --count says how many faults there would be. --only takes the faults whose ROLE:CALL:N:FAULT has that text.
That a process was never there for its faults is wrong, too. What went wrong is tried again when nothing else
runs, and counts as wrong only when it does again; --again does that with faults as they are told.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from harness import reaper  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.stage import Stage  # noqa: E402
import points  # noqa: E402
from scenes import SCENES  # noqa: E402
from worker import Worker  # noqa: E402

JOBS = 2  # half of a fault is waiting
AGAIN_MAX = 40  # where so many went wrong, there is no doubt


def options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--some", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", nargs="+", default=[])
    parser.add_argument("--part", type=int, help="what a run starts of itself")
    parser.add_argument("scenes", nargs="*", help=" ".join(s.name for s in SCENES))
    chosen = parser.parse_args()
    unknown = set(chosen.scenes) - {s.name for s in SCENES}
    if unknown:
        parser.error(f"there is no scene {' '.join(sorted(unknown))}")
    return chosen


def work(chosen):
    """One of the workers, with a stage and accounts of its own."""
    name = f"{os.environ.get('NSSHELL_TEST_NAME', '')}f{chosen.part}"
    worker = Worker(Stage(name="test" + name, prefix="nst" + name), chosen.part, JOBS)

    def inside():
        worker.open()
        if chosen.again:
            worker.run_again(chosen.again)
        else:
            how_many = next((w for w in ("every", "all", "some") if getattr(chosen, w)), "most")
            worker.run(chosen.scenes, how_many, chosen.only, chosen.count)
        return 0

    return reaper.run(worker.stage.prepare, inside, worker.stage.clean)


class Told:
    """What workers said."""

    def __init__(self):
        self.counts, self.left_out, self.bad = collections.Counter(), {}, []

    def hear(self, line):
        word, _, rest = line.partition(" ")
        n, _, what = rest.partition(" ")
        if word == "count":
            self.counts[what] += int(n)
        elif word == "left-out":
            self.left_out[what] = int(n)
        elif word == "bad":
            self.bad.append(rest)
            print(f"# went wrong: {rest[:400]}", flush=True)
        else:
            print(line, flush=True)


def gather(report, told, jobs, *more):
    """Starts workers, and listens until they have ended."""
    argv = [sys.executable, str(HERE / "run.py"), *more]
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(subprocess.Popen(
            [*argv, "--part", str(n)], stdout=subprocess.PIPE, text=True)) for n in range(jobs)]
        for w in workers:
            stack.callback(w.terminate)  # else they would go on without whoever is ended
        threads = [threading.Thread(target=lambda w=w: [told.hear(line.rstrip("\n"))
                                                        for line in w.stdout]) for w in workers]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for worker in workers:
        report.check(worker.returncode == 0, "a worker came to its end",
                     f"status {worker.returncode}")


def try_again(report, bad):
    """A machine under load makes one go wrong that is right alone. Those that are wrong again."""
    if not bad or len(bad) > AGAIN_MAX:
        return bad
    print(f"# {len(bad)} went wrong, and are tried again, alone:", flush=True)
    told = Told()
    gather(report, told, 1, "--again", *(" ".join(line.split()[:7]) for line in bad))
    again = {" ".join(line.split()[:7]) for line in told.bad}
    for name in (" ".join(line.split()[:7]) for line in bad):
        if name not in again:
            print(f"flaky - {name}", flush=True)
    return told.bad


def tell(report, told):
    """A line for each scene and fault. Return: how many faults were made."""
    total = 0
    for scene in sorted({w.split()[0] for w in told.counts}):
        for fault in points.FAULTS:
            of = {w.split()[2]: n for w, n in told.counts.items()
                  if w.split()[:2] == [scene, fault]}
            made = sum(n for what, n in of.items() if what != "missed")
            total += made
            if made:
                report.check(True, f"{scene}: {fault} at {made} system calls",
                             ", ".join(f"{v} {k}" for k, v in sorted(of.items())))
    for why, n in sorted(told.left_out.items()):
        print(f"# left out: {n} {why}")
    return total


def main():
    chosen = options()
    if chosen.part is not None:
        return work(chosen)
    report = Report()
    if os.geteuid() != 0:
        report.skip("faults", "they need root")
        return report.summary()
    told = Told()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    gather(report, told, 1 if chosen.again or chosen.count else JOBS, *sys.argv[1:])
    if chosen.count:
        print("\n".join(f"# {n} {what}" for what, n in told.counts.items()))
        return report.summary()
    bad = told.bad if chosen.again else try_again(report, told.bad)
    for line in bad:
        report.check(False, line, "", f"to run it alone: tests/fault/run.py --again \"{' '.join(line.split()[:7])}\"")
    total = tell(report, told)
    print(f"# {total} faults")
    report.check(total > 0, "faults were made", total, f"there is none whose ROLE:CALL:N:FAULT has {chosen.only!r}" if chosen.only else "")
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
