#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
System tests: the distribution's sshd, su, cron and login, as root, on this host.

	tests/system/run.py [--list] [--jobs N] [--beside | --alone] [--release] [--some] [NAME...]

A NAME is (the beginning of) a file's name without "test_", or FILE.TEST. --jobs N: that many
tests at a time, each on a stage of its own. Tests that say that they change the whole host
(test_x.alone = "why") follow by themselves; --beside leaves those out, --alone leaves out the others.
--release takes the most telling ones, and what can't be had of an instrumented build. --some leaves out those
that say why they are for `make check-all` only (test_x.later = "why"), and names them.
Nothing of the host is changed for good: see harness/stage.py.
"""

import argparse
import os
import pathlib
import signal
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness import choose, reaper, shards, sshd, times  # noqa: E402  pylint: disable=wrong-import-position
from harness.pace import patient  # noqa: E402  pylint: disable=wrong-import-position
from harness.scene import Scene  # noqa: E402  pylint: disable=wrong-import-position
from harness.stage import REPORTS  # noqa: E402  pylint: disable=wrong-import-position

# The order of a run of one job: cron needs a full minute to come round while the others run.
ORDER = ("harness", "cron", "ssh", "forward", "su", "console", "inside", "outside", "pam", "nsctl",
         "nsctl_words", "nsctl_complete", "nsctl_sessions", "nsctl_look", "nsctl_set", "nsctl_run", "nsctl_doctor", "nsjoin", "door", "users", "users_do", "observe",
         "share", "lifecycle", "limits", "filter", "faults", "host_faults", "storm", "cron_result")
# With an instrumented build those are run that stand for a way in, a wall or a life that optimizing could break.
TELLING = ("ssh.a_terminal", "ssh.sftp", "su.su_from_a_terminal", "console.login_on_a_pty", "inside.owners_and_secrets",
           "outside.the_hosts_mount_table", "door.a_login_shell", "nsjoin.nothing_of_the_admin_crosses", "users.join_own",
           "nsctl_set.set_of_a_live_account", "limits.tasks", "lifecycle.a_killed_supervisor", "share.many_at_once",
           "filter.every_way_in")
SUITE = "system, instrumented" if REPORTS else "system"
AGAIN = f"make {'check-instrumented' if REPORTS else 'check-system'} TESTS="
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
    scene.begin(name)
    before = scene.observer.snapshot()
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(int(patient(getattr(function, "seconds", SECONDS_A_TEST))))
    try:
        function(scene)
    except Exception as e:  # pylint: disable=broad-except
        where = traceback.extract_tb(e.__traceback__)
        line = next((f for f in reversed(where) if f.name == function.__name__), where[-1])
        inner = "" if line is where[-1] else f" ({os.path.basename(where[-1].filename)}:{where[-1].lineno}: {where[-1].line})"
        scene.check(False, f"{name}, line {line.lineno}", f"{type(e).__name__}: {e}{inner}",
                    scene.log_tail())
    finally:
        signal.alarm(0)
    if not getattr(function, "leaves", False):
        scene.end(name, before)


def on_a_stage(scene, names, tests):
    """Runs @names, of @tests, and after them those that say that they come after one of them."""
    def inside():
        scene.open()
        try:
            missing = [n for n in ("pam_nsshell.so", "nsshell-helper", "nsctl")
                       if not (scene.stage.bin / n).exists()]
            if missing:
                scene.check(False, f"{scene.stage.build} has what make builds",
                            f"no {' '.join(missing)}")
            later = []
            for name in names:
                later += [n for n, f in tests.items() if getattr(f, "after", None) == name]
                one(name, missing)
            for name in later:
                one(name, missing)
        finally:
            scene.close()
        return scene.report.summary()

    def one(name, missing):
        if not missing or name.startswith("harness."):
            scene.report.twice(name, lambda: run_one(scene, name, tests[name]))

    return reaper.run(scene.stage.prepare, inside, scene.stage.clean)


def options():
    parser = argparse.ArgumentParser(usage=__doc__.strip(), add_help=False)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--release", action="store_true")
    parser.add_argument("--some", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def chosen_of(tests, arguments):
    """(names that may run side by side, names that may not)"""
    alone = [n for n, f in tests.items() if hasattr(f, "alone") and not arguments.beside]
    beside = [n for n, f in tests.items() if not hasattr(f, "alone") and not arguments.alone]
    return beside, alone


def without_later(tests):
    for name, function in tests.items():
        if hasattr(function, "later"):
            print(f"# only in check-all: {name}: {function.later}", flush=True)
    return {n: f for n, f in tests.items() if not hasattr(f, "later")}


def main():
    arguments = options()
    tests = dict(choose.tests(HERE, _rank, arguments.names))
    if arguments.release:
        tests = {n: f for n, f in tests.items() if n in TELLING or hasattr(f, "not_instrumented")}
    if arguments.some:
        tests = without_later(tests)
    beside, alone = chosen_of(tests, arguments)
    if arguments.list:
        print("\n".join(beside + alone))
        return 0
    if not tests:
        raise SystemExit(f"no test is called {' or '.join(arguments.names)}; see --list")
    scene = Scene(SUITE, AGAIN)
    if os.geteuid() != 0 or not sshd.exists():
        scene.report.skip("system tests", "they need root and the distribution's sshd")
        return scene.report.summary()
    names = shards.queue()
    if names is not None:
        scene.report.suite = ""
        return on_a_stage(scene, names, tests)
    # A test that comes after one that is run as well is left to whoever runs that.
    first = [n for n in beside if getattr(tests[n], "after", None) not in tests]
    if arguments.jobs == 1:
        return on_a_stage(scene, first + alone, tests)
    shards.run([__file__], times.longest_first(SUITE, first), arguments.jobs, scene.report)
    if alone:
        shards.run([__file__], alone, 1, scene.report)
    return scene.report.summary()


if __name__ == "__main__":
    sys.exit(main())
