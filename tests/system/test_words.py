# SPDX-License-Identifier: BSD-3-Clause
"""What a user is told inside: by nsctl and nsjoin, in files, and from the host."""


def test_no_way_to_sessions_from_inside(b):
    """Not "chmod u+s it": what is true is that a box has no way to sessions yet."""
    name = b.alice.pw_name
    for command in ("nsctl list", "nsctl top -b", "nsctl stop x", "nsctl log", f"nsctl kill {name}",
                    f"nsctl pause {name}", f"nsjoin {name} true", "nsctl set x TasksMax=3",
                    f"nsctl run {name} -- true", "nsctl metrics", "nsctl gc", f"nsctl plan {name}", "nsctl enable sshd"):
        r = b.ssh(name, f"{b.stage.bin}/{command}")
        said = r.stdout + r.stderr
        b.check(r.returncode != 0 and "inside" in said and "nsctl status" in said and "chmod" not in said,
                f"{command} inside says that it is inside", said)
