# SPDX-License-Identifier: BSD-3-Clause
"""What is tried as the user in other groups, tried as root of the box (group_root), and an admin who steps in there."""

import group_join
import group_namespaces
import group_processes
from group_root import as_root

# What root may do to init of its own box: its session's end at most, which group_root has.
TO_INIT = (" kill ", "tgkill", "sigqueue", "pidfd-kill", "prlimit", "affinity", "scheduler", "nice-", "ioprio-")
# What root may, by its capabilities or since others' processes of its box are its own.
MAY = ("with the own uid", "niceness", "forged credentials", "box's root but init", "mount(8)", "parent of", "newuidmap")


def _told(row):
    what, command, _ = row
    return not any(m in what for m in MAY) and not ("of the box" in what and any(t in command for t in TO_INIT))


def run(g):
    with as_root(g, "Upper=tmpfs\n"):
        g.rows(filter(_told, group_processes.ROWS + group_namespaces.ROWS + list(group_namespaces.FIRST)))
        group_join.stalked(g)
        # CAP_NET_RAW does nothing, and CAP_SETFCAP is for files of the box's.
        group_join.planted(g, group_join.DANGER & ~(1 << 13 | 1 << 31))
