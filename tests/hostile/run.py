#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The hostile suite: real logins of two users who try everything against each other and the host,
and an observer on the host who looks after each try whether anything happened.

	tests/hostile/run.py [--list] [GROUP...]

A try is a row of a table in group_*.py: what is tried, the command, and the answers that it may
get. Nothing of the host is changed for good: see tests/system/harness/stage.py.
"""

import importlib
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
sys.dont_write_bytecode = True
os.environ["NSSHELL_TEST_NAME"] = "h" + os.environ.get("NSSHELL_TEST_NAME", "")

from harness import reaper, sshd  # noqa: E402  pylint: disable=wrong-import-position
from harness.pace import patient  # noqa: E402  pylint: disable=wrong-import-position
from harness.scene import Scene  # noqa: E402  pylint: disable=wrong-import-position
from ground import Ground  # noqa: E402  pylint: disable=wrong-import-position

GROUPS = ("processes", "files", "homes", "ipc", "namespaces", "privileges", "masks", "network",
          "terminals", "helper", "join", "judge", "unfiltered", "rules")
SECONDS_A_GROUP = 300


class TooLong(Exception):
    pass


def _alarm(*_):
    raise TooLong(f"longer than {SECONDS_A_GROUP} s")


def run_group(ground, name):
    scene = ground.scene
    print(f"# {name}", flush=True)
    started = time.monotonic()
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
    if os.environ.get("NSSHELL_TEST_TIMES"):
        print(f"# {name}: {time.monotonic() - started:.1f} s", flush=True)


def main():
    wanted = [a for a in sys.argv[1:] if a != "--list"]
    unknown = [a for a in wanted if a not in GROUPS]
    if unknown:
        raise SystemExit(f"no group is called {' or '.join(unknown)}: {' '.join(GROUPS)}")
    chosen = [g for g in GROUPS if not wanted or g in wanted]
    if "--list" in sys.argv:
        print("\n".join(chosen))
        return 0
    scene = Scene()
    if os.geteuid() != 0 or not sshd.exists():
        scene.report.skip("hostile tries", "they need root and the distribution's sshd")
        return scene.report.summary()

    def inside():
        scene.open()
        ground = Ground(scene)
        try:
            for name in chosen:
                scene.report.twice(name, lambda n=name: run_group(ground, n))
        finally:
            ground.close()
            scene.close()
        print(f"# {ground.tries} hostile tries in {len(chosen)} groups; after each the observer "
              f"looked at {ground.looked_at} things on the host and in the other's box")
        return scene.report.summary()

    return reaper.run(scene.stage.prepare, inside, scene.stage.clean)


if __name__ == "__main__":
    sys.exit(main())
