# SPDX-License-Identifier: BSD-3-Clause
"""What the cron job saw; cron was started by test_cron.py."""

import os
import re
import time

from harness.pace import patient


def test_the_job_ran_inside(b):
    cron = b.background.pop("cron", None)
    if cron is None:
        b.skip("a cron job lands inside", "cron wasn't started")
        return
    out = f"{b.carol.pw_dir}/cron.out"
    end = time.monotonic() + patient(75)
    while not os.path.exists(out) and time.monotonic() < end:
        time.sleep(0.2)
    cron.stop()
    seen = ""
    if os.path.exists(out):
        with open(out, encoding="utf-8") as f:
            seen = f.read()
    b.lands_inside("a cron job", seen)
    b.check(b.carol.pw_name in seen.split(), "it runs as its user")
    table = [line.split() for line in seen.splitlines() if re.match(r" *\d+ +\d+ ", line)]
    b.check(table and {p[1] for p in table if p[0] != "1"} == {str(b.carol.pw_uid)},
            "and sees its own processes only", [" ".join(p) for p in table])


test_the_job_ran_inside.seconds = 100
test_the_job_ran_inside.after = "cron.start_a_job"
