# SPDX-License-Identifier: BSD-3-Clause
"""What a user is told inside: by nsctl and nsjoin, in files, and from the host."""


def test_what_is_the_hosts_from_inside(b):
    name = b.alice.pw_name
    for command in ("nsctl top -b", "nsctl set x TasksMax=3", f"nsctl run {name} -- true", "nsctl metrics", "nsctl gc",
                    f"nsctl plan {name}", "nsctl enable sshd", "nsctl check"):
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


def test_sizes_and_linger_are_told(b):
    """What is no limit of a group, and is met all the same: the keys to ask the admin for."""
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTmpSize=20M\nUpper=tmpfs\nUpperSize=30M\nLinger=90s\n")
    own = ["[Session]", f"TmpSize={20 << 20}", f"UpperSize={30 << 20}", "Linger=90s"]
    with b.shell(name) as s:
        seen = s.do("cat /run/nsshell/limits").split()
        b.check(seen[0] == f"MemoryMax={512 << 20}" and seen[-4:] == own,
                "/run/nsshell/limits names TmpSize=, UpperSize= and Linger=, too", seen)
        s.do("head -c 15M /dev/zero >/tmp/much")
        seen = s.do(f"{b.stage.bin}/nsctl status")
        rows = [line.strip() for line in seen.split("\n")]
        b.check("TmpSize=20M" in rows and "Linger=90s" in rows and
                "/tmp: 15M of 20M used, TmpSize=" in rows and any(
                    r.startswith("/: ") and r.endswith("M used, UpperSize=") for r in rows),
                "nsctl status inside tells how full they are, and which key makes room", "as said", seen)
        b.stage.config("MemoryMax=256M\nTmpSize=40M\nUpper=none\nLinger=no\n")
        with b.shell(name) as other:
            there = other.do("cat /run/nsshell/limits").split()
            here = s.do("cat /run/nsshell/limits").split()
        b.check(here[-4:] == own and here[0] == there[0] == f"MemoryMax={256 << 20}" and
                there[-3:] == ["[Session]", f"TmpSize={40 << 20}", "Linger=no"],
                "a later login with other ones changes the account's limits, and not these",
                f"{here} {there}")
    b.nsctl("stop", name)
    b.check(b.gone(name), "and all end")
