#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Runs the unit test programs named as arguments, two at a time, and counts their checks.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
sys.dont_write_bytecode = True

from harness.report import Report  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = 120
ENV = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")


def run(program):
    """(seconds, status, what it said)"""
    started = time.monotonic()
    try:
        r = subprocess.run([program], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=SECONDS,
                           stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        status, out = r.returncode, r.stdout
    except subprocess.TimeoutExpired as e:
        status, out = f"still running after {SECONDS} s", (e.stdout or b"").decode(errors="replace")
    return time.monotonic() - started, status, out


def tell(report, program, status, out):
    # cmocka says "not ok 2 # SKIP" of a test that is skipped; the test has said why in a line before.
    checks = re.findall(r"^(not )?ok \d+ (# SKIP )?(?:- )?(\S+)", out, re.M)
    skipped = [test for _, skip, test in checks if skip]
    bad = [test for no, skip, test in checks if no and not skip]
    good = len(checks) - len(skipped) - len(bad)
    for test in skipped:
        report.skip(f"{program.name}: {test}", "; ".join(re.findall(r"^# SKIP (.*)$", out, re.M)) or "it doesn't say why")
    if status == 0 and checks and not bad:
        report.add(good, 0, 0)
        print(f"ok - {program.name}: {good} checks", flush=True)
        return
    report.add(good, max(0, len(bad) - 1), 0)
    report.check(False, f"{program.name}, status {status}", " ".join(bad) or "no check failed",
                 "\n".join(x for x in out.splitlines() if not x.startswith("ok ")) +
                 f"\nto run it alone: CMOCKA_MESSAGE_OUTPUT=TAP {os.path.relpath(program)}")


def main():
    programs = [pathlib.Path(p).resolve() for p in sys.argv[1:]]
    report = Report("unit, instrumented" if os.environ.get("NSSHELL_TEST_REPORTS") else "unit")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, (seconds, status, out) in zip(programs, pool.map(run, programs)):
            tell(report, program, status, out)
            report.seconds[program.name] = round(seconds, 2)
    if not programs:
        report.check(False, "there are programs to run", "none")
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
