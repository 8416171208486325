# SPDX-License-Identifier: BSD-3-Clause
"""When a session's memory is used up, init isn't whom the kernel takes."""

import pathlib
import time

SCORE = "oom_score_adj"


def _score(pid):
    return pathlib.Path(f"/proc/{pid}/{SCORE}").read_text(encoding="ascii").strip()


def _lowered(pid):
    """Nobody's login waits for it."""
    end = time.monotonic() + 5
    while _score(pid) != "-900" and time.monotonic() < end:
        time.sleep(0.05)
    return _score(pid)


def may_lower():
    """A container's root may not: CAP_SYS_RESOURCE."""
    try:
        with open(f"/proc/self/{SCORE}", "r+", encoding="ascii") as f:
            was = f.read()
            f.seek(0)
            f.write("-900")
            f.flush()
            f.seek(0)
            f.write(was)
        return True
    except OSError:
        return False


def test_scores(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=256M\nOOMPolicy=continue\n")
    with b.shell(name) as one:
        one.do("true")
        record = b.record_of(name)
        for who in ("supervisor", "init"):
            if not may_lower():
                b.skip(f"the {who} is spared", "root may not lower a score here (CAP_SYS_RESOURCE)")
                continue
            got = _lowered(record[f"{who}_pid"])
            b.check(got == "-900", f"the {who} is spared", got)
        mine = one.do(f"cat /proc/self/{SCORE}")
        b.check(mine == _score("self"), "a user's process has the score that it has outside", mine)
        said = one.do(f"echo -1 2>&1 >/proc/self/{SCORE}; echo -900 2>&1 >/proc/1/{SCORE}; "
                      f"cat /proc/self/{SCORE}")
        b.check(said.endswith(mine), "and can't lower it", said)
        orphan = one.do(f"(sleep 60 & echo $!) | head -1 | xargs -I% cat /proc/%/{SCORE}")
        b.check(orphan == mine, "init's foster children have theirs, too", orphan)
        joined = b.run(b.stage.bin / "nsjoin", name, "cat", f"/proc/self/{SCORE}")
        b.check(joined.stdout.strip() == "0", "who steps in has the usual one",
                joined.stdout + joined.stderr)
