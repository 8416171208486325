#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
machine.py SHAPE PACKAGE NEWER FIRST: the package on a booted machine of its release (tests/vm's), as root: its own
autopkgtest, upgrades and a removal with a login open. Prints lines for run.sh to count.
"""

import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import booted as vm  # noqa: E402  pylint: disable=wrong-import-position
from booted import TREE, archive, check, until  # noqa: E402  pylint: disable=wrong-import-position
from harness.shell import Shell  # noqa: E402  pylint: disable=wrong-import-position

HERE = pathlib.Path(__file__).resolve().parent

CONFIG = "[User alice]\nIsolate=yes\nShare=account\nMemoryMax=200M\n"
NS = "readlink /proc/self/ns/pid"


def result(line):
    """Of a script's."""
    if line.startswith(("ok - ", "not ok - ", "# ")):
        print(line, flush=True)


def installs(m, package):
    return m.sh(f"DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /deb/{package}/*.deb", 240)


def open_login(m):
    """A login of alice's that waits for lines of input."""
    shell = Shell(m.ssh_argv("alice", "exec bash"))
    return shell, shell.do("echo $NSSHELL_SESSION; " + NS).split()


def life(m):
    m.sh("cp -a /etc/pam.d /root/pam.d")
    r = installs(m, "old")
    check(r.returncode == 0, "dpkg installs it on a booted machine", r.stdout)
    m.sh("/deb/logins.sh", 1200, each_line=result)
    m.sh("/deb/upgrade.sh", 1200, each_line=result)

    m.sh(f"printf '{CONFIG}' >/etc/nsshell/nsshell.conf.d/deb.conf")
    r = m.sh("nsctl enable --yes sshd")
    check(r.returncode == 0, "nsctl enable sshd", r.stdout)
    upgrade(m)
    remove(m)


def upgrade(m):
    shell, (session, inside) = open_login(m)
    check(inside != m.sh(NS).stdout.strip(), "a login lands inside", inside)
    r = installs(m, "new")
    check(r.returncode == 0, "an upgrade while it is open", r.stdout)
    check(shell.do("echo there; " + NS).split() == ["there", inside], "it goes on", "")
    r = m.sh("nsctl list --raw --noheadings -o id,user,state")
    check(r.stdout.split() == [session, "alice", "open"], "the new version lists it", r.stdout)
    r = m.ssh("alice", NS)
    check(r.stdout.strip() == inside, "a second login shares it", r.stdout)
    r = m.sh(f"nsjoin {session} {NS}")
    check(r.stdout.strip() == inside, "nsjoin steps into it", r.stdout)
    r = m.sh("nsctl set alice MemoryMax=150M && cat /run/nsshell/accounts/*.set")
    check(r.returncode == 0 and "150M" in r.stdout, "nsctl set changes its limits", r.stdout)
    r = m.sh(f"nsctl stop {session}")
    check(f"{session} of alice has ended" in r.stdout and not m.sh("nsctl list --raw --noheadings").stdout.strip(),
          "nsctl stop ends it", r.stdout)
    shell.close()


def remove(m):
    shell, (session, inside) = open_login(m)
    m.sh("cp -a /etc/pam.d /root/pam.enabled")
    r = m.sh("dpkg -r nsshell", 120)
    check(r.returncode == 0 and "live on" in r.stdout, "a removal while one is open says so", r.stdout)
    check(m.sh("diff -r -x '*.pam-old' /root/pam.d /etc/pam.d").stdout.strip() == "", "PAM's files are the distribution's", "")
    check(shell.do("echo there; " + NS).split() == ["there", inside], "the login goes on", "")
    r = m.ssh("alice", NS)
    check(r.stdout.strip() == m.sh(NS).stdout.strip(), "a later one isn't isolated", r.stdout)
    r = m.sh(f"dpkg -P nsshell; ls /run/nsshell/sessions/{session}")
    check("sessions are still open" in r.stdout and r.returncode == 0, "a purge leaves the open one its record", r.stdout)
    check(shell.do("echo there").split() == ["there"], "and itself")
    shell.close()
    left = f"ls /run/nsshell/sessions | grep .; pgrep -u alice; pgrep -f '^nsshell: '; grep {session} /proc/mounts"
    r = until(m, f"! {{ {left}; }}")
    check(r.returncode == 0, "its logout leaves nothing", r.stdout)


def main():
    shape, *packages = sys.argv[1:]
    vm.build_image(shape)
    m = vm.Machine(vm.free_ports())
    with m:
        m.start(shape)
        m.sh(f"date -s @{time.time():.3f}")
        for name, path in zip(("old", "new", "first"), packages):
            m.put(archive(**{f"{name}/{pathlib.Path(path).name}": path}))
        m.put(archive(**{path.name: path for path in (TREE / "debian/tests/login", HERE / "logins.sh", HERE / "upgrade.sh")}))
        life(m)


if __name__ == "__main__":
    try:
        main()
    except (vm.MachineError, OSError, subprocess.SubprocessError, ValueError) as e:
        check(False, "the machine test gets to its end", f"{type(e).__name__}: {e}")
