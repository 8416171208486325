# SPDX-License-Identifier: BSD-3-Clause
"""Whether one user who has all of a kind slows another's login."""

import os
import pathlib
import random
import statistics
import subprocess

from harness import filler
from host import NAME, RUNDIR
from measure import quantile, reap, spawn

HOG = NAME + "-hog"
LIMITS = f"""
[User {HOG}]
Isolate=yes
TmpSize=16M
Upper=tmpfs
UpperSize=16M
TasksMax=100
CPUQuota=100%
MemoryMax=256M
"""
SOURCE = pathlib.Path(filler.__file__).read_text(encoding="utf-8")
MOST = "20000"
KINDS = (("bytes of /tmp", "bytes", "/tmp"), ("files in /tmp", "inodes", "/tmp"),
         ("bytes of /dev/shm", "bytes", "/dev/shm"), ("files in /run", "inodes", "/run/lock"),
         ("bytes of the upper", "bytes", "{open}"), ("files in the upper", "inodes", "{open}"),
         ("terminals", "pty", ""), ("POSIX message queues", "mqueue", ""),
         ("System V shared memory", "shm", ""), ("System V message queues", "msg", ""),
         ("System V semaphores", "sem", ""), ("inotify", "inotify", ""),
         ("fanotify", "fanotify", ""), ("pending signals", "signal", ""),
         ("open files", "file", ""), ("pipes, full", "pipe", ""),
         ("processes that sleep", "process", ""), ("processes at work, one CPU", "busy", ""))
LOGINS = 3  # in a row, each round


def _login(host):
    _, said = spawn(host.caller(NAME, "-r", RUNDIR))
    return int(said.split()[1]) / 1e3


def _hog(host, kind, place, most):
    """A session of the other user; what it said when it had all."""
    p = subprocess.Popen([host.pamcaller, "-d", host.pamdir, "-s", NAME, HOG, "/usr/bin/python3",
                          "-c", SOURCE, kind, place or "/tmp", most],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return p, p.stdout.readline().split()


def _end(hog):
    hog.stdin.close()
    hog.stdout.read()
    hog.stdout.close()
    hog.wait()
    reap()


def _row(host, name, kind, place, n):
    """Each round both ways, in a random order: the user is logged in and has nothing, or all."""
    times = {"0": [], MOST: []}
    said = None
    for _ in range(n):
        for most in random.sample(list(times), 2):
            hog, words = _hog(host, kind, place, most)
            try:
                if len(words) != 3:
                    raise ValueError("the other user's session ended")
                said = words if most == MOST else said
                times[most] += [_login(host) for _ in range(LOGINS)]
            finally:
                _end(hog)
    cells = "".join(f"{statistics.median(t):8.2f} ({quantile(t, .1):.2f}-{quantile(t, .9):.2f})"
                    .rjust(24) for t in (times["0"], times[MOST]))
    ratio = statistics.median(times[MOST]) / statistics.median(times["0"])
    quick = quantile(times[MOST], .1) / quantile(times["0"], .1)
    print(f"  {name:<28}{said[1]:>8} {said[2]:<8}{cells}{ratio:>8.2f}{quick:>8.2f}", flush=True)


def fill_table(host, n):
    host.account(HOG)
    with open(host.conf, "a", encoding="ascii") as f:
        f.write(LIMITS)
    room = "/var/lib/" + NAME  # writable by all: what a box writes there is in its upper
    os.mkdir(room)
    host.clean.add(os.rmdir, room)
    os.chmod(room, 0o1777)
    _login(host)
    print(f"\nA login beside a user who has all of a kind ({n} rounds of {LOGINS} each way), and "
          "beside one who has nothing")
    print(f"  {'':<28}{'taken':>8} {'':<8}{'beside nothing':>24}{'beside all':>24}{'ratio':>8}"
          f"{'at 10 %':>8}")
    for name, kind, place in KINDS:
        try:
            _row(host, name, kind, place.format(open=room), n)
        except (subprocess.SubprocessError, OSError, ValueError, IndexError) as e:
            print(f"  {name:<28}  not measured: {e} {getattr(e, 'stderr', '') or ''}")
    host.settle()
