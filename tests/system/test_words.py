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


def test_pids_of_sessions_beside_each_other(b):
    """A pid in a file of the home, of postgres, git gc or Chromium, is no process of another session."""
    name = b.alice.pw_name
    open_ones = [b.shell(name) for _ in range(3)]
    try:
        first = [int(s.do("sh -c 'echo $$'")) for s in open_ones]
        apart = min(abs(x - y) for i, x in enumerate(first) for y in first[:i])
        b.check(apart > 4000, "three sessions of one account begin to count thousands of pids apart", first)
        lock = f"{b.alice.pw_dir}/lock"
        open_ones[0].do(f"sleep 60 >/dev/null 2>&1 & echo $! >{lock}")
        seen = open_ones[1].do(f"kill -0 $(cat {lock}) 2>&1 || echo gone")
        b.check("gone" in seen, "what one session has left in a lock is no process of the other", seen)
    finally:
        for s in open_ones:
            s.close()
        b.gone(name)
    again = [int(b.ssh(name, "sh -c 'echo $$'").stdout) for _ in range(4)]
    b.check(len(set(again)) == 4, "nor are logins one after the other given the same ones", again)
