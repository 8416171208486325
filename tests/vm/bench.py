#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
What `ssh HOST true` takes on a whole Debian, beside the distribution's own PAM stack.

	tests/vm/bench.py [--rounds N]

nsshell's groups are made in two ways: as it does it where systemd runs, a scope that systemd makes
over D-Bus at the account's first login; and by mkdir(2), as it would in the subtree of one service with
Delegate=yes. For the second, another sshd runs where nsshell doesn't see systemd: what it does there is
the same, one level higher.

Software emulation is 20 to 40 times slower than the machine, system calls most of all: only the
ratios mean something.
"""

import argparse
import contextlib
import pathlib
import random
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import machine as vm  # noqa: E402  pylint: disable=wrong-import-position
from host import Host, pack  # noqa: E402  pylint: disable=wrong-import-position


SECOND = 3  # of machine.DOORS
SECOND_SSHD = """systemctl stop second-sshd 2>/dev/null; systemd-run -q --unit=second-sshd \\
    -p TemporaryFileSystem=/run/systemd -p KillMode=process -p Delegate=yes \\
    /usr/sbin/sshd -D -p 25
for n in $(seq 100); do ss -ltn | grep -q ':25 ' && exit; sleep 0.2; done; exit 1"""


def alone(h, user):
    """Nobody of that name is logged in, and nothing of an earlier login is left."""
    h.wait(f"! systemctl is-active -q nsshell-$(id -u {user}).scope user-$(id -u {user}).slice && "
           f"! test -e /sys/fs/cgroup/nsshell/$(id -u {user})", 60)


def timed(h, user, door=0):
    start = time.monotonic()
    r = h.ssh(user, "true", door=door)
    took = time.monotonic() - start
    if r.returncode:
        raise vm.MachineError(f"ssh {user} true: {r.stderr}")
    return took * 1000


def first(user, door=0):
    def run(h):
        alone(h, user)
        return timed(h, user, door)
    return run


def later(user, door=0):
    def run(h):
        alone(h, user)
        with subprocess.Popen(h.machine.ssh_argv(user, "echo in; exec cat", door=door),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
            held.stdout.readline()
            took = timed(h, user, door)
            held.stdin.close()
        return took
    return run


# plain isn't isolated: Debian's own stack, pam_systemd with a user manager and all
ROWS = (("pam_systemd: first login of the account", first("plain")),
        ("pam_systemd: another beside it", later("plain")),
        ("nsshell: first login, systemd makes the scope", first("alice")),
        ("nsshell: another beside it", later("alice")),
        ("nsshell, delegated service: first login", first("alice", SECOND)),
        ("nsshell, delegated service: another beside it", later("alice", SECOND)))


def tenths(values):
    return statistics.quantiles(values, n=10) if len(values) > 1 else [values[0]] * 9


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    p.add_argument("--rounds", type=int, default=20)
    p.add_argument("--at", type=int, help="a machine that runs already, as run.py --hold says")
    o = p.parse_args()
    machine = vm.Machine(o.at or vm.free_ports())
    took = {name: [] for name, _ in ROWS}
    with contextlib.ExitStack() as stack:
        if not o.at:
            vm.build_image("v2")
            pack()
            stack.enter_context(machine)
            machine.start("v2")
        h = Host(machine)
        if not o.at:
            h.install()
        h.config("[Default]\nMemoryMax=300M\nTasksMax=200\n")
        h.enable()
        if h.sh(SECOND_SSHD).returncode:
            raise vm.MachineError("the second sshd doesn't start")
        for user, door in (("plain", 0), ("alice", 0), ("alice", SECOND)):
            timed(h, user, door)
        for _ in range(o.rounds):
            for name, run in random.sample(ROWS, len(ROWS)):
                took[name].append(run(h))
        h.sh("systemctl stop second-sshd")
    base = {True: ROWS[0][0], False: ROWS[1][0]}
    print(f"{o.rounds} rounds\n{'ssh HOST true, milliseconds in emulation':48} {'median':>7} {'10 %':>7} "
          f"{'90 %':>7} {'of pam_systemd':>15}")
    for i, (name, _) in enumerate(ROWS):
        v = took[name]
        usual = statistics.median(took[base[i % 2 == 0]])
        print(f"{name:48} {statistics.median(v):7.0f} {tenths(v)[0]:7.0f} {tenths(v)[-1]:7.0f} "
              f"{statistics.median(v) / usual:15.2f}")


if __name__ == "__main__":
    main()
