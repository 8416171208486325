# SPDX-License-Identifier: BSD-3-Clause
"""Slice=: limits that accounts share."""

import glob
import json
import os
import time

from harness import kernel
from test_limit_keys import account_group, can, value

# Children that go away by themselves, and how many there could be.
HOLD = """python3 -c '
import os, time
n = 0
try:
    while n < 40:
        if os.fork() == 0:
            os.close(1); os.close(2); time.sleep(20); os._exit(0)
        n += 1
except OSError:
    pass
print(n, flush=True)
os._exit(0)
'"""


def _name(b, ending):
    """Others' runs on this machine have slices, too."""
    return f"{b.stage.box_group[:20]}_{ending}".replace("-", "_")


def _config(b, text, ending="course"):
    b.stage.conf.write_text(
        f"[Default]\nServices={b.stage.sshd_service} su\n"
        f"[Group {b.stage.box_group}]\nIsolate=yes\nSlice={_name(b, ending)}\n"
        + text.replace("[Slice ", f"[Slice {_name(b, '')}"),
        encoding="utf-8")


def _slice_group(b, user):
    return os.path.dirname(account_group(b, user))


def _wait(condition, timeout=10):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def _is_there(group):
    """Where a slice has a group. Those of systemd are its own to keep: where one has any below."""
    found = [f"{r}/{group}" for r in kernel.cgroup_roots() if os.path.isdir(f"{r}/{group}")]
    if group.startswith("nsshell.slice/"):
        return [path for path in found if glob.glob(f"{path}/*/")]
    return found


def test_accounts_share_a_limit(b):
    if not can(b, "pids", "memory"):
        return
    _config(b, "[Slice course]\nTasksMax=70\nMemoryMax=1G\n")
    with b.shell(b.alice.pw_name) as a, b.shell(b.bob.pw_name) as other:
        a.do("true")
        other.do("true")
        above = _slice_group(b, b.alice.pw_name)
        b.check(above == _slice_group(b, b.bob.pw_name) and
                os.path.basename(above).endswith("course.slice"),
                "both accounts are below one slice", above)
        b.check(value(above, "pids.max") == "70" and
                value(above, "memory.max", "memory.limit_in_bytes") == str(1 << 30),
                "which has its limits", value(above, "pids.max"))
        own = value(account_group(b, b.alice.pw_name), "pids.max")
        b.check(own not in ("70", None), "the account doesn't have it as well", own)
        one = int(a.do(HOLD).split()[-1])
        two = int(other.do(HOLD).split()[-1])
        b.check(one == 40 and two < 40, "what one has taken is gone for the other",
                f"{one} and {two} sleeps of 40")
        r = b.run(b.stage.bin / "nsctl", "list", "--noheadings", "-o", "USER,CGROUP")
        b.check(r.stdout.count(f"{os.path.basename(above)}/") == 2, "nsctl list shows where", r.stdout)
        r = b.run(b.stage.bin / "nsctl", "status", b.alice.pw_name)
        b.check(f"Slice: {above}" in r.stdout and "TasksMax=70" in r.stdout,
                "nsctl status shows the slice and its limits", r.stdout)

        r = b.run(b.stage.bin / "nsctl", "status", "--json", b.alice.pw_name)
        one = json.loads(r.stdout or "{}").get("sessions", [{}])[0]
        b.check(one.get("slice", {}).get("limits", {}).get("TasksMax") == 70,
                "so does --json", one.get("slice"), r.stderr)


def test_the_last_account_takes_the_slice_along(b):
    _config(b, "[Slice course]\nTasksMax=70\n")
    if not can(b, "pids"):
        return
    with b.shell(b.alice.pw_name) as a:
        a.do("true")
        above = _slice_group(b, b.alice.pw_name)
        with b.shell(b.bob.pw_name) as other:
            other.do("true")
        b.ssh(b.bob.pw_name, "true")
        b.check(_is_there(above) and value(above, "pids.max") == "70",
                "while alice is there the slice stays, with its limits", above)
    b.check(_wait(lambda: not _is_there(above)), "the last account takes the slice along", _is_there(above))


def test_a_slice_that_changes(b):
    if not can(b, "pids"):
        return
    slices = "[Slice course]\nTasksMax=70\n[Slice lab]\nTasksMax=90\n"
    _config(b, slices)
    name = b.alice.pw_name
    with b.shell(name) as a:
        a.do("true")
        first = account_group(b, name)
        _config(b, slices.replace("70", "75"))
        b.ssh(b.bob.pw_name, "true")
        b.check(value(os.path.dirname(first), "pids.max") == "75",
                "a limit of the slice changes with the next login of any of its accounts")
        _config(b, slices, "lab")
        with b.shell(name) as second:
            second.do("true")
            groups = {os.path.dirname(r["cgroup"]) for r in b.stage.records()
                      if r["user"] == name}
            b.check(groups == {first}, "Slice= changed: a new login joins the sessions that run",
                    groups)
            r = b.run(b.stage.bin / "nsctl", "plan", "-c", str(b.stage.conf), "-s", "su", name)
            b.check(f"stay in {first}" in r.stdout, "nsctl plan says so", r.stdout[-300:])
            r = b.run(b.stage.bin / "nsctl", "set", "--config", str(b.stage.conf), name,
                      "TasksMax=33")
            b.check(r.returncode == 0 and value(first, "pids.max") == "33",
                    "nsctl set finds them there", value(first, "pids.max"), r.stderr)
    _wait(lambda: not b.stage.records())
    with b.shell(name) as a:
        a.do("true")
        above = _slice_group(b, name)
        b.check(os.path.basename(above).endswith("lab.slice") and
                value(above, "pids.max") == "90", "once they have ended, the new slice holds",
                above)


def test_a_crash_in_a_slice(b):
    _config(b, "[Slice course]\nTasksMax=70\n")
    if not can(b, "pids"):
        return
    with b.shell(b.alice.pw_name) as a:
        a.do("true")
        record = b.record_of(b.alice.pw_name)
        above = _slice_group(b, b.alice.pw_name)
        kernel.kill_and_wait(int(record["supervisor_pid"]))
        _wait(lambda: not os.path.exists(f"/proc/{record['init_pid']}/exe"))
    r = b.run(b.stage.bin / "nsctl", "gc")
    b.check(r.returncode == 0 and not _is_there(above),
            "after its supervisor was killed, nsctl gc takes session, account and slice away",
            _is_there(above), r.stdout + r.stderr)
