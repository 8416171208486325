#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a box costs: nsshell beside its peers and a floor, in one run. `make bench`, as root.

Every round runs each contender once, in a new order, so that whatever else the machine does
falls on all of them. See README.md in this directory for what the rows mean.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leave no __pycache__ in the tree
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "system"))
# pylint: disable=wrong-import-position
from harness import kernel
from crowd import beside_table, crowd_table
from fill import fill_table
from image import image_table
from host import BUILD, Host, LIBEXEC, NAME, Ssh
from joins import crun_exec, door, firejail_join
from network import network_table
from measure import Cleanup, Contender, extra_percent, rounds, table, whole
from peers import peers
from work import work_table


def processes_of(programs):
    """Every process that runs one of these files, wherever its root is."""
    want = {(st.st_dev, st.st_ino) for st in map(os.stat, programs)}
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            st = os.stat(f"/proc/{pid}/exe")
        except OSError:
            continue
        if (st.st_dev, st.st_ino) in want:
            found.append(pid)
    return set(found)


def pss(pid):
    """KiB, as smaps_rollup has it."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def idle(name, programs, argv, n, ready=True):
    """Open `n` sessions that do nothing; what one of them takes."""
    opened = []
    try:
        before = processes_of(programs)
        for _ in range(n):
            p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            opened.append(p)
            if ready and not p.stdout.readline().strip():
                raise ValueError("no session")
        time.sleep(0.5)
        pids = processes_of(programs) - before
        kib = sum(pss(pid) for pid in pids)
        print(f"  {name:<34}{len(pids) / n:>22.1f}{kib / n:>22.0f}")
    except (OSError, ValueError, StopIteration) as e:
        print(f"  {name:<34}  not measured: {e}")
    finally:
        for p in opened:
            p.stdin.close()
            if not ready:
                p.terminate()
            p.stdout.close()
            p.wait()


def join_table(host, n):
    """Stepping into one session that is open all the while."""
    session = subprocess.Popen(host.caller(NAME, "-i"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        session.stdout.readline()
        init = host.init_of_session()
        floor = Contender("bare setns", lambda: whole([host.setns, init]))
        rows = [floor]
        nsenter = shutil.which("nsenter")
        if nsenter:
            rows.append(Contender("nsenter -a", lambda: whole(
                [nsenter, "-a", "-t", init, "/bin/true"])))
        rows.append(Contender("nsjoin", lambda: whole([host.nsjoin, NAME, "true"])))
        rows += crun_exec(os.path.join(host.directory, "exec"), host.clean)
        rows += firejail_join(host.clean)
        rounds(rows, n)
        table("Step into a session: start a program, /bin/true in the box, end", rows,
              ["whole process"], "nsenter -a")
    finally:
        session.stdin.close()
        session.stdout.close()
        session.wait()
        host.settle()


def door_table(host, n):
    rows = door(host, NAME, kernel.bind, kernel.umount)
    rounds(rows, n)
    table("The other door: a command of an ordinary user, shell and all", rows,
          ["whole process"], rows[0].name)


def idle_table(host, n):
    print(f"\nAn idle session ({n} open at once; the login program and the user's own "
          "processes not counted)")
    print(f"  {'':<34}{'processes':>22}{'PSS, KiB':>22}")
    idle("floor", [host.floor], [host.floor, "-i"], n)
    bwrap = shutil.which("bwrap")
    if bwrap:
        idle("bwrap", [bwrap], [bwrap, "--unshare-user", "--unshare-pid", "--unshare-uts",
                              "--unshare-ipc", "--die-with-parent", "--ro-bind", "/", "/",
                              "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                              "--tmpfs", "/run", "/bin/sleep", "1000"], n, ready=False)
    idle("nsshell", [os.path.join(LIBEXEC, name) for name in ("nsshell-supervisor", "nsshell-init")],
         host.caller(NAME, "-i"), n)
    host.settle()


def filter_lines():
    """The system call filter by itself: no session is needed to see what it costs."""
    said = subprocess.run([os.path.join(BUILD, "bench", "filter")], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.split()
    made, installed, length, *ns = said
    print(f"\nThe system call filter: {length} instructions, {made} us to make (once for all sessions), "
          f"{installed} us to install")
    print(f"  {'':<34}{'without, ns':>22}{'with, ns':>22}")
    for name, before, after in (("getppid", *ns[:2]), ("ioctl", *ns[2:])):
        print(f"  {name:<34}{before:>22}{after:>22}")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=40, help="of each table (default: %(default)s)")
    p.add_argument("--idle", type=int, default=10, help="idle sessions at once")
    p.add_argument("--image", type=int, default=1000, help="MiB of the image that is imported (default: %(default)s)")
    p.add_argument("--accounts", type=int, default=100, help="of one image, and sessions (default: %(default)s)")
    p.add_argument("--only", choices=("session", "join", "door", "ssh", "idle", "filter", "fill", "image", "crowd", "beside",
                                       "work", "network"),
                   help="one of the tables")
    o = p.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench.py: needs root")
    clean = Cleanup()
    host = Host(clean)
    kernel.private_mounts()
    host.scratch_state()
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPUs; median of {o.rounds} interleaved "
          "rounds in ms (10 % - 90 %)")
    if o.only in (None, "session"):
        bundle = os.path.join(host.directory, "bundle")
        os.mkdir(bundle)
        floor = Contender("floor", host.bare)
        none = Contender("a login without a box", host.no_module)
        own = Contender("nsshell", host.nsshell)
        others = peers(bundle)
        rounds([floor, none, own, *others], o.rounds)
        table("A whole session: start a program, /bin/true in a box, end",
              [floor, *others, own, none], ["whole process"], "floor")
        table("The same from within: what a running login program waits for",
              [floor, own, none], ["session", "nothing left", "pam_open_session"], "floor")
    if o.only in (None, "join"):
        join_table(host, o.rounds)
    if o.only in (None, "filter"):
        filter_lines()
    if o.only in (None, "door"):
        door_table(host, o.rounds)
    if o.only in (None, "ssh"):
        rows = Ssh(host).contenders()
        rounds(rows, o.rounds)
        table("ssh host true (sshd -i, curve25519)", rows, ["ssh host true"], "plain",
              ("extra", extra_percent))
    if o.only in (None, "idle"):
        idle_table(host, o.idle)
    if o.only in (None, "fill"):
        fill_table(host, max(1, o.rounds // 2))
    if o.only in (None, "image"):
        image_table(host, kernel.bind, kernel.umount, o.rounds, o.image, o.accounts)
    if o.only in (None, "crowd"):
        crowd_table(host, max(1, o.rounds // 10))
    if o.only in (None, "beside"):
        beside_table(host, o.rounds)
    if o.only in (None, "work"):
        work_table(host, max(1, o.rounds // 8))
    if o.only in (None, "network"):
        network_table(host, o.rounds)  # the last: it leaves the machine's network


def reaped():
    """
    Supervisors and halves of sshd outlive who started them, a pid namespace ends when its dead
    are reaped, and not every pid 1 is quick at that: main() runs below a process that is.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
        main()
        sys.exit(0)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: os.kill(child, number))
    pid = status = 0
    while pid != child:
        pid, status = os.waitpid(-1, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    reaped()
