# SPDX-License-Identifier: BSD-3-Clause
"""The list of calls that fail in turn: made from a trace, and thinned out for reasons it counts."""

import collections
import errno
import zlib

ERRORS = ("EPERM", "ENOSYS", "ENOMEM", "EMFILE", "ENOSPC", "EINTR")
FAULTS = (*ERRORS, "KILL")

# "These functions are always successful", or the kernel has no error to give.
NEVER_FAILS = {"getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "umask",
               "exit", "exit_group", "rt_sigreturn", "alarm", "sched_yield", "set_tid_address",
               "setfsuid", "setfsgid", "brk", "arch_prctl", "set_robust_list", "rseq"}
# The fd is gone whatever close(2) answers; a lost one would be the test's doing.
DONE_ANYHOW = {"close"}
# wait4(2) that doesn't wait would leave what nobody else can reap.
ONLY = {"wait4": ("EINTR",), "waitid": ("EINTR",)}
LONG = 6

Point = collections.namedtuple("Point", "role program call n where")


def read(path):
    with open(path, encoding="ascii") as f:
        points = []
        for line in f:
            role, program, call, n, where = line.split()
            points.append(Point(role, program, call, int(n), where))
        return points


def _of_runs(points):
    """Of the same call many times in a row: the ends and the middle."""
    by_role = collections.defaultdict(list)
    for p in points:
        by_role[p.role].append(p)
    kept = set()
    for mine in by_role.values():
        start = 0
        for i in range(1, len(mine) + 1):
            if i < len(mine) and mine[i].call == mine[start].call:
                continue
            run = mine[start:i]
            kept.update(run if len(run) <= LONG else
                        [run[0], run[1], run[len(run) // 2], run[-2], run[-1]])
            start = i
    return kept


def draw(point, n):
    """A number below @n that is the same in every run, whatever other calls there are."""
    return zlib.crc32(f"{point.role}:{point.call}:{point.n}".encode()) % n


def _errors(point, few):
    """All, or two of the six: which ones differs from call to call."""
    return (*ERRORS, *ERRORS)[draw(point, 6):][0:4:3] if few else ERRORS


def choose(points, everything, one_in):
    """[(point, fault)], and what was left out: {reason: how many}."""
    left_out = collections.Counter()
    chosen = []
    kept = set(points) if everything else _of_runs(points)
    for p in points:
        if p not in kept:
            left_out["of the same call many times in a row, the ends and the middle "
                     "stand for all"] += len(FAULTS)
            continue
        if p.where == "loader" and not everything and draw(p, 8):
            left_out["of the dynamic loader's, one in eight is taken"] += len(FAULTS)
            continue
        if not everything and draw(p, one_in * 7) % one_in:
            left_out[f"of what a login has as well, one in {one_in} is taken"] += len(FAULTS)
            continue
        if p.call in NEVER_FAILS:
            left_out["can't fail (SIGKILL only)"] += len(ERRORS)
        else:
            wanted = ONLY.get(p.call) or _errors(p, not everything)
            if len(wanted) < len(ERRORS):
                left_out["two of the six errors a call, other ones for the next; EINTR for wait4"] += len(ERRORS) - len(wanted)
            chosen += [(p, e) for e in wanted]
        chosen.append((p, "KILL"))
    return chosen, left_out


def spec(point, fault):
    """For inject -f: ROLE:CALL:N:FAULT."""
    number = getattr(errno, fault, fault)
    also = ":also" if point.call in DONE_ANYHOW and fault != "KILL" else ""
    return f"{point.role}:{point.call}:{point.n}:{number}{also}"
