# SPDX-License-Identifier: BSD-3-Clause
"""The list of calls that fail in turn: made from a trace, and thinned out for reasons it counts."""

import collections
import errno
import os
import zlib

ERRORS = ("EPERM", "ENOSYS", "ENOMEM", "EMFILE", "ENOSPC", "EINTR")
FAULTS = (*ERRORS, "KILL")

# "These functions are always successful", or the kernel has no error to give.
NEVER_FAILS = {"getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "umask",
               "exit", "exit_group", "rt_sigreturn", "alarm", "sched_yield", "set_tid_address",
               "setfsuid", "setfsgid", "brk", "arch_prctl", "set_robust_list", "rseq",
               "getpgrp", "getpgid", "getsid"}
# In an instrumented build these are the sanitizer's own, for which it gives up, and reports that as it does what it finds.
SANITIZERS = {"mmap", "munmap", "sigaltstack"} if os.environ.get("NSSHELL_TEST_REPORTS") else set()
# The fd is gone whatever close(2) answers; a lost one would be the test's doing.
DONE_ANYHOW = {"close"}
# wait4(2) that doesn't wait would leave what nobody else can reap.
ONLY = {"wait4": ("EINTR",), "waitid": ("EINTR",)}
LONG = 6
# Without --all SIGKILL comes in place of one call in so many.
KILL_ONE_IN = 3

class Point(collections.namedtuple("Point", "role program call n where site", defaults=("",))):
    """
    One system call: the @n-th @call of the process @role. @site: from which place in the programs' text, by way of
    which callers.
    """

    __slots__ = ()

    def __str__(self):
        return " ".join(map(str, self[:5]))


def read(path):
    """Of several processes that have a role, each call is the first one's that makes it."""
    with open(path, encoding="ascii") as f:
        points = {}
        for line in f:
            role, program, call, n, where, site = line.split()
            points.setdefault((role, call, n), Point(role, program, call, int(n), where, site))
        return list(points.values())


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


def place(point):
    return point.program, point.call, point.site


def _of_sites(points):
    """Of all calls that a program makes from one place, by way of the same callers: the first and the last."""
    first, last = {}, {}
    for p in points:
        first.setdefault(place(p), p)
        last[place(p)] = p
    return set(first.values()), set(last.values())


def draw(point, n):
    """A number below @n that is the same in every run, whatever other calls there are."""
    return zlib.crc32(f"{point.role}:{point.call}:{point.n}".encode()) % n


def _errors(point, how_many):
    """All six, two or one of them: which ones differs from call to call."""
    return (*ERRORS, *ERRORS)[draw(point, 6):][0:4:3][:how_many] if how_many < 6 else ERRORS


def beyond(points, plain):
    """Of each process, what lies between the calls with which it begins and ends in @plain, too."""
    theirs, ours = collections.defaultdict(list), collections.defaultdict(list)
    for p in plain:
        theirs[p.role].append(p.call)
    for p in points:
        ours[p.role].append(p)
    found = []
    for role, mine in ours.items():
        calls, other = [p.call for p in mine], theirs[role]
        begin = len(os.path.commonprefix([calls, other]))
        calls, other = calls[begin:], other[begin:]
        ending = len(os.path.commonprefix([calls[::-1], other[::-1]]))
        found += mine[begin:len(mine) - ending]
    return found


def choose(points, how_many, one_in, own=(), had=()):
    """
    @how_many: "every" call, "all" places that make one, or fewer. @had: places of which another scene takes the whole,
    so that one error is enough here.
    [(point, fault)], and what was left out: {reason: how many}.
    """
    left_out = collections.Counter()
    chosen = []
    everything = how_many in ("every", "all")
    first, last = _of_sites(points)
    again = {p for p in points if how_many == "all" and place(p) in had}
    kept = {"every": set(points), "all": first | last - again}.get(how_many) or _of_runs(points)
    whole = {"every": kept, "all": first - again}.get(how_many, ())
    for p in points:
        if p not in kept:
            left_out["from the same place by way of the same callers, the first and the last stand for all, and the first "
                     "where a scene before had the place" if everything
                     else "of the same call many times in a row, the ends and the middle stand for all"] += len(FAULTS)
            continue
        if p.where == "loader" and not everything and draw(p, 8):
            left_out["of the dynamic loader's, one in eight is taken"] += len(FAULTS)
            continue
        if not everything and p.program not in own and draw(p, one_in * 7) % one_in:
            left_out[f"one call in {one_in} is taken"] += len(FAULTS)
            continue
        if p.call in SANITIZERS:
            left_out["of a sanitizer's own: mmap, munmap, sigaltstack"] += len(FAULTS)
            continue
        if p.call in NEVER_FAILS:
            left_out["can't fail (SIGKILL only)"] += len(ERRORS)
        else:
            wanted = ONLY.get(p.call) or _errors(p, 6 if p in whole else 1 if p in again else 2)
            if len(wanted) < len(ERRORS):
                left_out["two of the six errors a call, one where a scene before had the place, other ones for the next; "
                         "EINTR for wait4"] += len(ERRORS) - len(wanted)
            chosen += [(p, e) for e in wanted]
        if p in whole or draw(p, 11 * KILL_ONE_IN) // 11 == 0:
            chosen.append((p, "KILL"))
        else:
            left_out[f"SIGKILL: in place of one call in {KILL_ONE_IN}"] += 1
    return chosen, left_out


def some(chosen, had):
    """Of these one error, and a SIGKILL in one of three, for each call of each program that @had, a set, doesn't
    have yet."""
    kept = []
    for p, fault in sorted(chosen, key=lambda c: draw(c[0], 1 << 31)):
        key = (p.program, p.call, fault == "KILL")
        if p.where != "loader" and key not in had and (fault != "KILL" or draw(p, 13 * KILL_ONE_IN) // 13 == 0):
            had.add(key)
            kept.append((p, fault))
    return kept


def spec(point, fault):
    """For inject -f: ROLE:CALL:N:FAULT."""
    number = getattr(errno, fault, fault)
    also = ":also" if point.call in DONE_ANYHOW and fault != "KILL" else ""
    return f"{point.role}:{point.call}:{point.n}:{number}{also}"
