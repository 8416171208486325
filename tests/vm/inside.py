# SPDX-License-Identifier: BSD-3-Clause
"""The suites of tests/system and tests/hostile, run by the machine's own Python."""

import os
import re

from machine import TREE

SECONDS = 3600
SLOW = 4
# Files of tests/system, groups of tests/hostile.
SUITES = ("system", "hostile")
# Left out even when all is wanted, and why.
NEVER = {
    "system": {
        "door": "builds a program with a compiler, which the machine doesn't have",
        "joins_own": "builds a program with a compiler, which the machine doesn't have",
        "users": "builds a program with a compiler, which the machine doesn't have",
        "users_do": "builds a program with a compiler, which the machine doesn't have",
        "filter": "tries compilers and debuggers, which the machine doesn't have",
        "storm": "is about many logins at once, which emulation is too slow for",
        "fill": "fills file systems by the million files, which emulation is too slow for",
    },
    "hostile": {},
}
# What is run when nobody names or wants more: what init, cgroups, the kernel or the stack of PAM
# modules could make a difference to. Everything else, in that shape, is for `make check-vm-all`. FILE.TEST is
# one test of a file. By a shape's kind.
CHOSEN = {
    "v2": {"system": ("harness", "lifecycle", "limits", "limit_keys", "slices", "host_faults",
                      "nsctl_sessions", "nsctl_set", "own_group", "hits", "lxcfs",
                      "joins.what_a_caller_leaves_to_the_supervisor",
                      "joins.a_paused_session", "joins.a_command_that_is_kept_from_starting",
                      "joins.hidden_from_debuggers", "nsjoin.who_and_where",
                      "nsctl_look.status", "nsctl_look.limits_that_were_hit_are_counted",
                      "accounts.a_range_of_two", "living_host.a_mask_beside_an_open_session",
                      "readonly.it_is_the_default",
                      "resolve.a_socket_that_is_a_link_of_the_users", "resolve.hidden_behind_links"),
           "hostile": ("processes", "ipc", "namespaces", "privileges")},
    "v1": {"system": ("limits", "limit_keys", "slices", "host_faults", "own_group"),
           "hostile": ("namespaces", "privileges")},
    "plain": {"system": ("limits", "limit_keys", "slices", "host_faults", "own_group"),
              "hostile": ("namespaces", "privileges")},
}


# What `make check` does on Debian 13 beside the machine's own tests: what a host may not show that has no systemd and
# no cgroup v2.
SOME = {"system": ("limit_keys.the_whole_session_is_killed", "limit_keys.cpus", "limit_keys.swap",
                   "hits.tasks_are_told", "lifecycle.a_killed_supervisor", "joins.what_a_caller_leaves_to_the_supervisor"),
        "hostile": ()}


def all_of(suite):
    """Names of a suite's files or groups."""
    head = {"system": "test_", "hostile": "group_"}[suite]
    return sorted(p.stem[len(head):] for p in (TREE / "tests" / suite).glob(f"{head}*.py"))


def is_inside(name):
    """Whether a NAME of the command line is of these suites."""
    return name.split(".")[0] in SUITES


def _words(suite, names):
    """FILE is that file only, not what begins so, too."""
    return [f"{n}." if suite == "system" and n in all_of(suite) else n for n in names]


def run_suite(host, suite, names):
    """Adds its lines and counts to those of @host."""
    environment = [f"NSSHELL_TEST_SLOW={SLOW}"]
    environment += ["NSSHELL_TEST_SECOND_TRY=1"] * bool(os.environ.get("NSSHELL_TEST_SECOND_TRY"))
    command = f"tests/{suite}/run.py {' '.join(_words(suite, names))}"
    # No process of the host has a number that one of a box could have, too.
    r = host.sh("echo 4000 >/proc/sys/kernel/ns_last_pid; "
                f"cd /opt/nsshell && {' '.join(environment)} python3 {command}",
                timeout=SECONDS, each_line=lambda line: host.report.hear(suite, line))
    if not re.search(r"^\d+ passed, \d+ failed, \d+ skipped$", r.stdout, re.M):
        host.check(False, f"{command} ends with a count", f"status {r.returncode} {r.stderr}",
                   r.stdout[-2000:])


def run_chosen(host, how_many):
    """What the shape has in CHOSEN, "some" of it, or "all" that can be run in there; says what isn't."""
    for suite in SUITES:
        there = [n for n in all_of(suite) if n not in NEVER[suite]]
        chosen = {"all": there, "some": SOME[suite], "chosen": CHOSEN[host.kind][suite]}[how_many]
        if chosen:  # without a name it would be all of them
            run_suite(host, suite, chosen)
        for name, why in NEVER[suite].items():
            print(f"# [{host.shape}] not in here: tests/{suite}, {name}: {why}", flush=True)
        left = [n for n in there if n not in chosen]
        if left:
            print(f"# [{host.shape}] left to `make check-vm-all`: tests/{suite}, {' '.join(left)}",
                  flush=True)
