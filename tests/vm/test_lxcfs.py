# SPDX-License-Identifier: BSD-3-Clause
"""lxcfs as systemd runs it: what `make install` puts beside its unit keeps sessions right."""

from test_systemd import on_systemd

KIB = 200 << 10


def _total(shell):
    return shell.do("grep MemTotal /proc/meminfo | tr -dc 0-9", timeout=60)


@on_systemd
def test_the_unit_is_restarted(h):
    h.config("[User alice]\nMemoryMax=200M\n")
    r = h.sh("systemctl daemon-reload; systemctl cat lxcfs.service; systemctl start lxcfs.service", 90)
    try:
        h.check(r.returncode == 0 and "ExecStartPost=-/usr/local/sbin/nsctl refresh" in r.stdout,
                "lxcfs.service starts, with nsshell's drop-in", "active", r.stdout)
        with h.shell("alice") as alice:
            h.check(_total(alice) == str(KIB), "MemTotal inside is MemoryMax=", _total(alice))
            before = h.out("systemctl show -P MainPID lxcfs.service")
            h.sh("systemctl restart lxcfs.service", 90)
            after = h.out("systemctl show -P MainPID lxcfs.service")
            h.check(before != after and _total(alice) == str(KIB),
                    "systemctl restart lxcfs: the running session has its numbers again", _total(alice), h.log())
            with h.shell("alice") as new:
                h.check(_total(new) == str(KIB), "and so has a new one", _total(new))
            h.sh("systemctl stop lxcfs.service", 90)
            host = h.out("grep MemTotal /proc/meminfo | tr -dc 0-9")
            h.check(_total(alice) == host, "systemctl stop lxcfs: it has the kernel's", _total(alice), h.log())
    finally:
        # Debian's lxcfs ends with 1 when it is told to, and systemd takes that for a failure.
        h.sh("systemctl stop lxcfs.service; systemctl reset-failed lxcfs.service", 90)
        h.config()
