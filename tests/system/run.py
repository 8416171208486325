#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
System tests: the distribution's sshd, su, cron and login, as root, on this host.

	tests/system/run.py [--list] [NAME...]

A NAME is (the beginning of) a file's name without "test_", or FILE.TEST. Nothing of the host
is changed for good: see harness/stage.py.
"""

import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness import choose, reaper, sshd  # noqa: E402  pylint: disable=wrong-import-position
from harness.pace import patient  # noqa: E402  pylint: disable=wrong-import-position
from harness.scene import Scene  # noqa: E402  pylint: disable=wrong-import-position
from harness.stage import REPORTS  # noqa: E402  pylint: disable=wrong-import-position

# Slow starters first: cron needs a full minute to come round while the others run.
ORDER = ("harness", "cron", "ssh", "forward", "su", "console", "inside", "outside", "pam", "nsctl",
         "nsctl_words", "nsctl_complete", "nsctl_sessions", "nsctl_look", "nsctl_set", "nsctl_run", "nsctl_doctor", "nsjoin", "door", "users", "users_do", "observe",
         "share", "lifecycle", "limits", "filter", "faults", "host_faults", "storm", "cron_result")
SECONDS_A_TEST = 150


def _rank(name):
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


class TooLong(Exception):
    pass


def _alarm(*_):
    raise TooLong(f"longer than {SECONDS_A_TEST} s")


def run_one(scene, name, function):
    why = getattr(function, "not_instrumented", "")
    if REPORTS and why:
        scene.skip(name, f"not of an instrumented build, {why}")
        return
    started = time.monotonic()
    scene.begin(name)
    before = scene.observer.snapshot()
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(int(patient(getattr(function, "seconds", SECONDS_A_TEST))))
    try:
        function(scene)
    except Exception as e:  # pylint: disable=broad-except
        where = traceback.extract_tb(e.__traceback__)
        line = next((f for f in reversed(where) if f.name == function.__name__), where[-1])
        scene.check(False, f"{name}, line {line.lineno}", f"{type(e).__name__}: {e}",
                    scene.log_tail())
    finally:
        signal.alarm(0)
    if not getattr(function, "leaves", False):
        scene.end(name, before)
    if os.environ.get("NSSHELL_TEST_TIMES"):
        print(f"# {name}: {time.monotonic() - started:.1f} s", flush=True)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    if any(a.startswith("-") for a in arguments):
        raise SystemExit(__doc__.strip())
    chosen = choose.tests(HERE, _rank, arguments)
    if "--list" in sys.argv:
        print("\n".join(name for name, _ in chosen))
        return 0
    if not chosen:
        raise SystemExit(f"no test is called {' or '.join(arguments)}; see --list")
    scene = Scene()
    if os.geteuid() != 0 or not sshd.exists():
        scene.report.skip("system tests", "they need root and the distribution's sshd")
        return scene.report.summary()

    def inside():
        scene.open()
        try:
            missing = [n for n in ("pam_nsshell.so", "nsshell-helper", "nsctl")
                       if not (scene.stage.bin / n).exists()]
            if missing:
                scene.check(False, f"{scene.stage.build} has what make builds",
                            f"no {' '.join(missing)}")
            for name, function in chosen:
                if not missing or name.startswith("harness."):
                    scene.report.twice(name, lambda n=name, f=function: run_one(scene, n, f))
        finally:
            scene.close()
        return scene.report.summary()

    return reaper.run(scene.stage.prepare, inside, scene.stage.clean)


if __name__ == "__main__":
    sys.exit(main())
