# SPDX-License-Identifier: BSD-3-Clause
"""A private network whose makers are killed, and its table: nothing is left, and nothing open."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import time

from harness import kernel
from harness.links import make_links
from harness.pace import patient
from harness.world import BEYOND4, HOST4, World, ask
from test_private import PRIVATE, _address, _possible
from test_publish import _elements

LOGINS = int(os.environ.get("NSSHELL_STORM_LOGINS", "1000"))
# What stands in for nsshell-net: it runs the real one and has somebody killed, before or behind it.
KILLED = {
    "the supervisor, before nsshell-net": "kill -9 $PPID",
    "the supervisor, once the link is there": '"$0.real" "$@"; kill -9 $PPID',
    "nsshell-net, once it has done its work": '"$0.real" "$@"; kill -9 $$',
    "nsshell-net, at once": "kill -9 $$",
    "nsshell-net, on its way": '"$0.real" "$@" & p=$!; sleep 0.00{}; kill -9 $p; wait $p',
}


@contextlib.contextmanager
def _instead(b, script):
    program = b.stage.private / "nothing" / "nsshell-net"
    real = program.with_name("nsshell-net.real")
    program.rename(real)
    program.write_text(f'#!/bin/sh\n[ "$1" = open ] || exec "$0.real" "$@"\n{script}\nexit 1\n', encoding="ascii")
    program.chmod(0o755)
    try:
        yield
    finally:
        real.replace(program)


def _net(b):
    return str(b.stage.private / "nothing" / "nsshell-net")


def _left(w):
    return w.links(), _elements(w), os.listdir("/run/nsshell/net")


def _nothing(w):
    """A namespace goes a moment after its last process."""
    end = time.monotonic() + patient(10)
    while any(_left(w)) and time.monotonic() < end:
        time.sleep(0.1)
    return not any(_left(w))


def test_who_makes_it_is_killed(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + "IPAddressDeny=10.0.0.0/8\nRestrictPorts=25\n[User %s]\nPublish=8000\n" % name)
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        for what, script in KILLED.items():
            with _instead(b, script.format(7)):
                r = w.ssh(name, "true")
            b.check(r.returncode != 0, f"a login is refused while somebody is killed: {what}", r.returncode)
            with w.shell(name) as a:
                seen = a.do(ask(BEYOND4, 7000)), w.links(), "\n".join(_elements(w))
                b.check(seen[0] == HOST4 and len(seen[1]) == 1 and "tcp . 8000" in seen[2] and ". 25" in seen[2],
                        "the next one has all of its network", (seen, b.log_tail()))
            b.gone(name)
            b.check(_nothing(w), "and nothing is left behind it", _left(w))


def test_a_flushed_table_is_mended(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + f"RestrictPorts=7001\n[User {name}]\nPublish=8000\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        w.serve(w.beyond, BEYOND4, 7001)
        with w.shell(name) as a, w.shell(b.bob.pw_name) as o:
            for login in (a, o):
                b.check(login.do(ask(BEYOND4, 7000)) == HOST4, "there is a way out", "")
            whole = w.nft("-s", "-t", "list", "table", "inet", "nsshell").stdout
            for how in (("flush", "ruleset"), ("flush", "table", "inet", "nsshell"),
                        ("delete", "table", "inet", "nsshell")):
                w.nft(*how)
                end = time.monotonic() + patient(15)
                while w.nft("-s", "-t", "list", "table", "inet", "nsshell").stdout != whole and \
                        time.monotonic() < end:
                    time.sleep(0.1)
                seen = [login.do(ask(BEYOND4, port)) for login in (a, o) for port in (7000, 7001)]
                b.check(seen[0] == seen[2] == HOST4 and seen[1].startswith("no:") and seen[3].startswith("no:") and
                        "tcp . 8000" in "\n".join(_elements(w)),
                        f"nft {' '.join(how)}: the table is made anew without a login, with all rules", seen)
            log = "\n".join(b.stage.syslog.lines())
            b.check("had been changed or removed" in log, "and the log says so", log[-2000:])


def test_without_host_commands(b):
    """A supervisor that runs no programs of the host's keeps few capabilities: enough for the table and the link."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + "HostCommands=none\nRestrictPorts=25\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(name) as a:
            b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "HostCommands=none: there is a way out", b.log_tail())
            w.nft("delete", "table", "inet", "nsshell")
            end = time.monotonic() + patient(15)
            while w.nft("list", "map", "inet", "nsshell", "publish4").returncode and time.monotonic() < end:
                time.sleep(0.1)
            seen = a.do(ask(BEYOND4, 7000))
            b.check(seen == HOST4, "the table is mended", seen, b.log_tail())
        b.gone(name)
        seen = b.stage.syslog.lines("not all could be taken away")
        b.check(_nothing(w) and not b.stage.records() and not seen, "and after the logout nothing is left",
                (_left(w), b.stage.records(), seen))


def _connections(w, first, n):
    """In the kernel's table, of numbers from @first on."""
    mine = {f"src=100.64.{i >> 8}.{i & 255} " for i in range(first, first + n)}
    return [line for line in w.on_host("cat /proc/net/nf_conntrack").stdout.splitlines() if any(m in line for m in mine)]


def test_rules_that_were_taken_back(b):
    """Who was killed before it could forget an account's rules leaves word of what isn't in the table any more."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE + "RestrictPorts=7001\n")
    with World(b) as w:
        for port in (7000, 7001):
            w.serve(w.beyond, BEYOND4, port)
        with w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
            o.do("true")
            path = pathlib.Path("/run/nsshell/net", _address(a).rpartition(".")[2])
            rules = path.read_text(encoding="ascii")
            a.close()
            b.gone(b.alice.pw_name)
            path.write_text(rules, encoding="ascii")
            with w.shell(b.alice.pw_name) as again:
                seen = again.do(ask(BEYOND4, 7000)), again.do(ask(BEYOND4, 7001)), o.do(ask(BEYOND4, 7001))
                b.check(seen[0] == HOST4 and seen[1].startswith("no:") and seen[2].startswith("no:"),
                        "the next login has its rules, and so has who was there", seen, _elements(w))


def _gc_works(b, w, n):
    """What nsctl gc opens and starts for N sessions that lost their supervisors: records, and nsshell-net."""
    users, out = (b.alice.pw_name, b.bob.pw_name, b.carol.pw_name), b.stage.private / "trace"
    with contextlib.ExitStack() as logins:
        for i in range(n):
            logins.enter_context(w.shell(users[i % 3])).do("true")
        ids = [r["id"] for r in b.stage.records()]
        for r in b.stage.records():
            kernel.kill_and_wait(int(r["supervisor_pid"]))
        end = time.monotonic() + patient(30)
        while w.links() and time.monotonic() < end:
            time.sleep(0.1)
        r = b.run(*w.enter(w.host), "strace", "-f", "-qq", "-e", "trace=openat,execve", "-o", out, b.stage.bin / "nsctl", "gc")
    b.check(len(ids) == n and r.returncode == 0 and not b.stage.records() and _nothing(w), f"{n} sessions that lost their supervisors "
            "are ended by nsctl gc, and nothing is left of their links", (len(ids), r.stdout + r.stderr, _left(w)))
    text = out.read_text(encoding="utf-8", errors="replace")
    return sum(text.count(f'"{i}"') for i in ids), text.count('/nsshell-net", ')


def test_many_lost_supervisors(b):
    """To end them takes no look at all of them for each, and one program for all."""
    if not _possible(b):
        return
    if not shutil.which("strace"):
        b.skip("Network=private: many sessions that lost their supervisors", "strace isn't installed")
        return
    b.stage.config(PRIVATE + "NetworkShare=login\nRestrictPorts=25\n")
    with World(b) as w:
        few, many = _gc_works(b, w, 3), _gc_works(b, w, 9)
        b.check(0 < few[0] and many[0] <= 3 * few[0], "three times as many take three times as many looks at records", few, many)
        b.check(many[1] == few[1], "and as many programs", few, many)


# Runs the real one, and notes what it is told, by number.
TOLD = '#!/bin/sh\nexec strace -qq -e trace=recvmsg,recvfrom -o {0}/told-$2 {1} "$@"\n'


def test_one_more_among_many(b):
    """A link takes as much with others beside it as without."""
    if not _possible(b):
        return
    if not shutil.which("strace"):
        b.skip("Network=private: one more link among many", "strace isn't installed")
        return
    b.stage.config(PRIVATE)
    net = b.stage.private / "told"
    net.write_text(TOLD.format(b.stage.private, _net(b)), encoding="ascii")
    net.chmod(0o755)
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        a.do("true")
        with make_links(w.enter(w.host), str(net), BEYOND4, 1001, 16) as made:
            told = [sum(map(int, re.findall(r"= (\d+)$", (b.stage.private / f"told-{n}").read_text(encoding="ascii"), re.M)))
                    for n in (1001, 1016)]
            b.check(made == 16 and 0 < told[1] <= told[0] + 200, "of a sixteenth link the kernel tells as much as of the first, in bytes",
                    made, told)
        b.run(*w.enter(w.host), b.stage.bin / "nsctl", "gc", timeout=120)


# How many times the tables of nftables were changed.
CHANGES = """python3 -c '
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.send(struct.pack("=IHHIII", 20, 10 << 8 | 16, 1, 1, 0, 0))
print(struct.unpack_from(">I", s.recv(8192), 24)[0])' """


def _changes(w):
    return int(w.on_host(CHANGES).stdout)


def test_many_links_that_are_gone(b):
    """What a crash leaves of many accounts is taken away in one go, and nothing of who is there."""
    if not _possible(b):
        return
    name, n = b.alice.pw_name, 24
    b.stage.config(PRIVATE + f"RestrictPorts=25\n[User {name}]\nPublish=8000\n")
    with World(b) as w, w.shell(name) as a:
        w.serve(w.beyond, BEYOND4, 7001)
        w.on_host("echo 3600 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout")  # links take a while each
        a.do("true")
        before = _elements(w)
        for odd in (False, True):
            with make_links(w.enter(w.host), _net(b), BEYOND4, 1001, n) as made:
                seen = len(_connections(w, 1001, n))
                b.check(made == seen == n, f"{n} accounts have a connection each", made, seen)
            end = time.monotonic() + patient(30)
            while len(w.links()) > 1 and time.monotonic() < end:
                time.sleep(0.1)
            if odd:  # of who was killed while publishing what somebody else has by now
                pathlib.Path("/run/nsshell/net/1030.new").write_text("publish 8000-8000/tcp\nat 100.64.4.6\n", encoding="ascii")
            changes = _changes(w)
            r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "gc", timeout=120)
            changes = _changes(w) - changes
            seen = _connections(w, 1001, n), os.listdir("/run/nsshell/net"), w.links()
            b.check(changes == 1 and not seen[0] and len(seen[1]) == len(seen[2]) == 1,
                    f"their links being gone all of it goes at once{', also where somebody was killed' if odd else ''}",
                    (changes, *map(len, seen)), r.stdout + r.stderr)
            seen = _elements(w)
            b.check(seen == before, "and nothing of who is there", before, seen)
        b.check(a.do(ask(BEYOND4, 7001)) == HOST4, "who has a way out", b.log_tail())


def test_many_logins(b):
    """Four at once, half of them killed."""
    if not _possible(b):
        return
    names = [user.pw_name for user in (b.alice, b.bob, b.carol)]
    b.stage.config(PRIVATE + f"RestrictPorts=25\n[User {names[0]}]\nPublish=8000\n")
    with World(b) as w:
        def login(i):
            """Of one that is killed the words may be lost."""
            r = w.ssh(names[i % 3], "echo in" + "; kill -9 $PPID" * (i % 2))
            return i % 2 == 1 or "in" in r.stdout

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            bad = list(pool.map(login, range(LOGINS))).count(False)
        refused = b.stage.syslog.lines("refused")
        b.check(bad == 0 and not refused, f"{LOGINS} logins and logouts", (bad, refused[-3:]))
        b.gone()
        b.check(_nothing(w), "nothing is left", _left(w))


test_many_logins.later = "a thousand logins"
test_many_logins.seconds = 3000
