#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
What `ssh HOST true` takes on a whole Debian, beside the distribution's own PAM stack.

	tests/vm/bench.py [--rounds N]

Software emulation is 20 to 40 times slower than the machine, system calls most of all: only the
ratios mean something.
"""

import argparse
import contextlib
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import machine as vm  # noqa: E402  pylint: disable=wrong-import-position
from host import Host, pack  # noqa: E402  pylint: disable=wrong-import-position


def alone(h, user):
    """Nobody of that name is logged in, and nothing of an earlier login is left."""
    h.wait(f"! systemctl is-active -q nsshell-$(id -u {user}).scope user-$(id -u {user}).slice", 60)


def timed(h, user):
    start = time.monotonic()
    r = h.ssh(user, "true")
    took = time.monotonic() - start
    if r.returncode:
        raise vm.MachineError(f"ssh {user} true: {r.stderr}")
    return took * 1000


def first(user):
    def run(h):
        alone(h, user)
        return timed(h, user)
    return run


def later(user):
    def run(h):
        with contextlib.closing(h.shell(user)) as shell:
            shell.do("true", timeout=60)
            return timed(h, user)
    return run


# plain isn't isolated: Debian's own stack, pam_systemd with a user manager and all
ROWS = (("pam_systemd, first login of the account", first("plain")),
        ("pam_systemd, another beside it", later("plain")),
        ("nsshell, first login: systemd makes the scope", first("alice")),
        ("nsshell, another beside it", later("alice")))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--at", type=int, help="a machine that runs already, as run.py --hold says")
    o = p.parse_args()
    machine = vm.Machine(o.at or vm.free_ports())
    took = {name: [] for name, _ in ROWS}
    with contextlib.ExitStack() as stack:
        if not o.at:
            vm.build_image()
            pack()
            stack.enter_context(machine)
            machine.start("v2")
        h = Host(machine)
        if not o.at:
            h.install()
        h.config("[Default]\nMemoryMax=300M\nTasksMax=200\n")
        h.enable()
        for user in ("plain", "alice"):
            timed(h, user)
        for _ in range(o.rounds):
            for name, run in random.sample(ROWS, len(ROWS)):
                took[name].append(run(h))
    base = statistics.median(took[ROWS[0][0]])
    print(f"{'ssh HOST true, milliseconds in emulation':48} {'median':>7} {'least':>7} {'most':>7} {'ratio':>6}")
    for name, _ in ROWS:
        v = took[name]
        print(f"{name:48} {statistics.median(v):7.0f} {min(v):7.0f} {max(v):7.0f} "
              f"{statistics.median(v) / base:6.2f}")


if __name__ == "__main__":
    main()
