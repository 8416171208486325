# SPDX-License-Identifier: BSD-3-Clause
"""ping in a box, without the capability that its file has; in a network of the test's own."""

import json
import os

PING = "/usr/bin/ping"
_RANGE = "/proc/sys/net/ipv4/ping_group_range"


def _in_own_network(b, group_range, command, **kw):
    """A loopback, and a range of groups that may ping."""
    ready = f"ip link set lo up && echo '{group_range}' >{_RANGE} && "
    return b.run("unshare", "-n", "sh", "-c", ready + command, **kw)


def test_ping_inside(b):
    if not os.path.exists(PING):
        b.skip("ping in a box", "no ping on this machine")
        return
    name, gid = b.alice.pw_name, b.alice.pw_gid
    ping = "{ ping -q -c1 -W2 127.0.0.1; ping -q -c1 -W2 ::1; } 2>&1"
    for words, group_range, works in (("a range that holds all groups", "0 2147483647", True), ("one with the account's", f"{gid} {gid}", True),
                                      ("one with another group of its", f"{b.proj.gr_gid} {b.proj.gr_gid}", True), ("none", "1 0", False)):
        r = _in_own_network(b, group_range, f"su {name} -c '{ping}'")
        b.check((r.stdout.count(" 0% packet loss") == 2) == works, f"{words}: ping {'works' if works else 'can do nothing'}, IPv6 as well", r.stdout + r.stderr)


def test_what_check_says(b):
    if not os.path.exists(PING):
        b.skip("nsctl check about ping", "no ping on this machine")
        return
    name, gid = b.alice.pw_name, b.alice.pw_gid

    def told(group_range, config=""):
        b.stage.config(config)
        r = _in_own_network(b, group_range, f"{b.stage.bin / 'nsctl'} check --json --config {b.stage.conf}")
        return [f for f in json.loads(r.stdout)["findings"] if "ping_group_range" in f["what"]]
    seen = told("1 0")
    b.check(len(seen) == 1 and seen[0]["severity"] == "note" and name in seen[0]["concerns"] and "0 2147483647" in seen[0]["todo"],
            "nsctl check says whose ping does nothing, and the line to write", seen)
    b.check(not told("0 2147483647"), "nothing where it works")
    seen = told(f"{gid} {gid}")
    b.check(seen and name not in seen[0]["concerns"] and b.bob.pw_name in seen[0]["concerns"], "nor of whom it works for", seen)
    seen = told(f"{b.proj.gr_gid} {b.proj.gr_gid}")
    b.check(seen and name not in seen[0]["concerns"], "also by another group", seen)
    seen = told(f"{b.proj.gr_gid} {b.proj.gr_gid}", "SupplementaryGroups=none\n")
    b.check(seen and name in seen[0]["concerns"], "but of those that the box doesn't have", seen)
