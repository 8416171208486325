#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Every system call of opening, joining and closing a session fails once, or its process is killed
in its place; as root.

	tests/fault/run.py [--all] [--only TEXT] [SCENE...]

Each time the login is refused clearly or is as it should be in every respect, and nothing is left
of it. Without --all the list is thinned out; what is left out is said and counted. --only takes
the faults whose ROLE:CALL:N:FAULT has that text.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from harness import reaper  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.stage import Stage  # noqa: E402
import points  # noqa: E402
from worker import Worker  # noqa: E402

JOBS = 2


def options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--part", type=int, help="what a run starts of itself")
    parser.add_argument("scenes", nargs="*")
    return parser.parse_args()


def work(chosen):
    """One of JOBS workers, with a stage and accounts of its own."""
    name = f"{os.environ.get('NSSHELL_TEST_NAME', '')}f{chosen.part}"
    worker = Worker(Stage(name="test" + name, prefix="nst" + name), chosen.part, JOBS)

    def inside():
        worker.open()
        worker.run(chosen.scenes, chosen.all, chosen.only)
        return 0

    return reaper.run(worker.stage.prepare, inside, worker.stage.clean)


def gather(chosen, report):
    """Starts the workers; their lines are counts for us, or are shown."""
    argv = [sys.executable, str(HERE / "run.py"), *sys.argv[1:]]
    workers = [subprocess.Popen([*argv, "--part", str(n)], stdout=subprocess.PIPE, text=True)
               for n in range(JOBS)]
    counts, left_out, refused = collections.Counter(), collections.Counter(), 0
    for worker in workers:
        for line in worker.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "count":
                n, _, what = rest.partition(" ")
                counts[what] += int(n)
            elif word == "left-out":
                n, _, what = rest.partition(" ")
                left_out[what] = int(n)
            elif word == "bad":
                refused += 1
                report.check(False, rest)
            else:
                print(line, end="", flush=True)
        status = worker.wait()
        report.check(status == 0, "a worker came to its end", f"status {status}")
    return counts, left_out


def main():
    chosen = options()
    if chosen.part is not None:
        return work(chosen)
    report = Report()
    if os.geteuid() != 0:
        report.skip("faults", "they need root")
        return report.summary()
    counts, left_out = gather(chosen, report)
    total = 0
    for scene in sorted({w.split()[0] for w in counts}):
        for fault in points.FAULTS:
            of = {w.split()[2]: n for w, n in counts.items() if w.split()[:2] == [scene, fault]}
            n = sum(of.values())
            total += n
            if n:
                bad = of.get("bad", 0)
                report.check(not bad, f"{scene}: {fault} at {n} system calls",
                             ", ".join(f"{v} {k}" for k, v in sorted(of.items())))
    for why, n in sorted(left_out.items()):
        print(f"# left out: {n} {why}")
    print(f"# {total} faults")
    report.check(total > 0 or chosen.only, "faults were made", total)
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
