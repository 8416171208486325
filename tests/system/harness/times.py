# SPDX-License-Identifier: BSD-3-Clause
"""How long each test took the last time: build/times.json, {suite: {name: seconds}}."""

import fcntl
import json
import os
import pathlib

FILE = pathlib.Path(__file__).resolve().parents[3] / "build" / "times.json"


def known(suite):
    try:
        return json.loads(FILE.read_text(encoding="ascii")).get(suite, {})
    except (OSError, ValueError):
        return {}


def keep(suite, seconds):
    """Adds @seconds, {name: seconds}, to what is kept."""
    if not seconds or not FILE.parent.is_dir():
        return
    with open(f"{FILE}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            kept = json.loads(FILE.read_text(encoding="ascii"))
        except (OSError, ValueError):
            kept = {}
        kept.setdefault(suite, {}).update(seconds)
        new = FILE.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="ascii")
        os.replace(new, FILE)


def longest_first(suite, names):
    """Those that nobody has timed yet count as of a middle length."""
    seconds = known(suite)
    return sorted(names, key=lambda n: -seconds.get(n, 3.0))
