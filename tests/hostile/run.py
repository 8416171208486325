#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The hostile suite: real logins of two users who try everything against each other and the host,
and an observer on the host who looks after each try whether anything happened.

	tests/hostile/run.py [--list] [--jobs N] [--but GROUP]... [GROUP...]

A try is a row of a table in group_*.py: what is tried, the command, and the answers that it may
get. Nothing of the host is changed for good: see tests/system/harness/stage.py.
"""

import argparse
import importlib
import os
import pathlib
import signal
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
sys.dont_write_bytecode = True
if "NSSHELL_TEST_QUEUE" not in os.environ:  # a worker's name has it already
    os.environ["NSSHELL_TEST_NAME"] = "h" + os.environ.get("NSSHELL_TEST_NAME", "")

from harness import reaper, shards, sshd, times  # noqa: E402  pylint: disable=wrong-import-position
from harness.pace import patient  # noqa: E402  pylint: disable=wrong-import-position
from harness.scene import Scene  # noqa: E402  pylint: disable=wrong-import-position
from harness.stage import REPORTS  # noqa: E402  pylint: disable=wrong-import-position
from ground import Ground  # noqa: E402  pylint: disable=wrong-import-position

GROUPS = ("processes", "files", "homes", "ipc", "namespaces", "privileges", "masks", "network", "private",
          "terminals", "helper", "commands", "join", "root", "root_more", "root_whole", "root_nested", "judge", "unfiltered", "rules")
SECONDS_A_GROUP = 300
SUITE = "hostile, instrumented" if REPORTS else "hostile"
AGAIN = "make check-instrumented TESTS=hostile." if REPORTS else "make check-hostile TESTS="


class TooLong(Exception):
    pass


def _alarm(*_):
    raise TooLong(f"longer than {SECONDS_A_GROUP} s")


def run_group(ground, name):
    scene = ground.scene
    print(f"# {name}", flush=True)
    scene.begin(name)
    before = scene.observer.snapshot()
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(int(patient(SECONDS_A_GROUP)))
    try:
        ground.begin(name)
        importlib.import_module(f"group_{name}").run(ground)
    except Exception as e:  # pylint: disable=broad-except
        scene.check(False, f"{name} comes to its end", f"{type(e).__name__}: {e}",
                    traceback.format_exc() + scene.log_tail())
    finally:
        signal.alarm(0)
        ground.end()
    scene.end(name, before)


def on_a_stage(scene, names):
    def inside():
        scene.open()
        ground = Ground(scene)
        groups = 0
        try:
            for groups, name in enumerate(names, 1):
                scene.report.twice(name, lambda n=name: run_group(ground, n))
        finally:
            ground.close()
            scene.close()
        print(f"# {ground.tries} hostile tries in {groups} groups; after each the observer "
              f"looked at {ground.looked_at} things on the host and in the other's box", flush=True)
        return scene.report.summary()

    return reaper.run(scene.stage.prepare, inside, scene.stage.clean)


def options():
    parser = argparse.ArgumentParser(usage=__doc__.strip(), add_help=False)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--but", action="append", default=[], choices=GROUPS)
    parser.add_argument("groups", nargs="*")
    return parser.parse_args()


def main():
    arguments = options()
    unknown = [a for a in arguments.groups if a not in GROUPS]
    if unknown:
        raise SystemExit(f"no group is called {' or '.join(unknown)}: {' '.join(GROUPS)}")
    chosen = [g for g in arguments.groups or GROUPS if g not in arguments.but]
    if arguments.list:
        print("\n".join(chosen))
        return 0
    scene = Scene(SUITE, AGAIN)
    if os.geteuid() != 0 or not sshd.exists():
        scene.report.skip("hostile tries", "they need root and the distribution's sshd")
        return scene.report.summary()
    names = shards.queue()
    if names is not None:
        scene.report.suite = ""
        return on_a_stage(scene, names)
    if arguments.jobs == 1:
        return on_a_stage(scene, chosen)
    shards.run([__file__], times.longest_first(SUITE, chosen), arguments.jobs, scene.report)
    return scene.report.summary()


if __name__ == "__main__":
    sys.exit(main())
