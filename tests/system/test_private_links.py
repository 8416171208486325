# SPDX-License-Identifier: BSD-3-Clause
"""Links of Network=private that an admin takes away, or changes, while there are sessions: they are made anew."""

import os
import signal
import time

from harness.pace import patient
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World, ask
from test_private import PRIVATE, _address, _possible
from test_private_crash import _net

ROUTES = "28275"
# What somebody does on the host, {} being the link; or inside, as root of the host.
OUTSIDE = ("ip link del {}", "ip link set {} down", "ip link set {} down && ip link set {} up",
           "ip route flush table " + ROUTES, "ip -6 route flush table " + ROUTES)
INSIDE = ("ip link del eth0", "ip link set eth0 down", "ip addr flush dev eth0", "ip -6 addr flush dev eth0",
          "ip route del default", "ip -6 route del default")
SAID = "had been changed or removed, and is as it was"


class _Account:
    def __init__(self, b, w, login):
        self.b, self.w, self.login = b, w, login
        self.link = "nssh" + _address(login).rpartition(".")[2]
        self.inside = ["nsenter", "-t", str(b.record_of(b.alice.pw_name)["init_pid"]), "-n"]

    def ways(self):
        """The way out by both families, what is refused, and the way in; a first packet may come before its link is ready."""
        seen = [self.login.do(ask(*where)) for where in ((BEYOND4, 7000, "tcp", 10), (BEYOND6, 7000, "tcp", 10), (BEYOND4, 7001))]
        r = self.b.run(*self.w.enter(self.w.beyond), "sh", "-c", ask(HOST4, 8000, "tcp", 10).replace("s.recv(100).decode()", '"in"'))
        return seen[0] == HOST4 and seen[1] == HOST6 and seen[2].startswith("no:") and r.stdout == "in\n", (seen, r.stdout)

    def do(self, command, where):
        r = self.b.run(*where, "sh", "-c", command.format(*[self.link] * 2))
        # A flush goes on until it finds none, and may find that its link is another by then.
        self.b.check(r.returncode == 0 or "Flush terminated" in r.stderr, f"an admin says {command.format('LINK', 'LINK')}", r.stderr)

    def told(self):
        return len([line for line in self.b.stage.syslog.lines(SAID) if self.link + " of " in line])

    def await_told(self, before):
        end = time.monotonic() + patient(15)
        while self.told() == before and time.monotonic() < end:
            time.sleep(0.05)
        return self.told() > before


def _begin(b, w):
    for address in (BEYOND4, BEYOND6):
        w.serve(w.beyond, address, 7000)
    w.serve(w.beyond, BEYOND4, 7001)
    b.stage.config(PRIVATE + f"RestrictPorts=7001\n[User {b.alice.pw_name}]\nPublish=8000\n")


def _listen(login):
    login.do("python3 -m http.server 8000 --bind 0.0.0.0 >/dev/null 2>&1 & "
             "for i in $(seq 100); do grep -q :1F40 /proc/net/tcp && break; sleep .1; done")


def _without_a_login(b, inside, commands):
    if not _possible(b):
        return
    with World(b) as w:
        _begin(b, w)
        with w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
            _listen(a)
            o.do("true")
            one = _Account(b, w, a)
            ok, seen = one.ways()
            b.check(ok, "there are all ways", seen, b.log_tail())
            for command in commands:
                told = one.told()
                one.do(command, one.inside if inside else w.enter(w.host))
                b.check(one.await_told(told), "it is made anew, and the log says so", b.log_tail())
                ok, seen = one.ways()
                b.check(ok, "and there are all ways", seen, b.log_tail())
            b.check(o.do(ask(BEYOND4, 7000)) == HOST4, "another account's, meanwhile", b.log_tail())
        b.gone()
        seen = w.links(), os.listdir("/run/nsshell/net")
        b.check(not any(seen), "after the last logout nothing is left", seen)


def test_without_a_login(b):
    _without_a_login(b, False, OUTSIDE)


def test_what_is_inside_without_a_login(b):
    _without_a_login(b, True, INSIDE)


def test_by_the_next_login(b):
    """Its supervisor doesn't hear of it: another version's, say."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    with World(b) as w:
        _begin(b, w)
        with w.shell(name) as a:
            _listen(a)
            one = _Account(b, w, a)
            supervisor = int(b.record_of(name)["supervisor_pid"])
            for command, where in ((OUTSIDE[0], w.enter(w.host)), ("ip rule del pref 11000", w.enter(w.host)),
                                   (INSIDE[2], one.inside)):
                told = one.told()
                os.kill(supervisor, signal.SIGSTOP)
                try:
                    one.do(command, where)
                    r = w.ssh(name, ask(BEYOND4, 7000))
                finally:
                    os.kill(supervisor, signal.SIGCONT)
                b.check(r.stdout == HOST4 + "\n", "the next login has its ways", r.stdout + r.stderr, b.log_tail())
                ok, seen = one.ways()
                b.check(ok and one.told() > told, "so has the first one, and the log says so", seen, b.log_tail())


def test_rules_that_were_swept_up(b):
    """Between a link's end and its next beginning somebody sweeps up: it doesn't begin without its rules."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    with World(b) as w:
        _begin(b, w)
        with w.shell(name) as a:
            _listen(a)
            one = _Account(b, w, a)
            supervisor = int(b.record_of(name)["supervisor_pid"])
            os.kill(supervisor, signal.SIGSTOP)
            try:
                one.do(OUTSIDE[0], w.enter(w.host))
                r = w.on_host(f"{_net(b)} sweep")
            finally:
                os.kill(supervisor, signal.SIGCONT)
            end = time.monotonic() + patient(15)
            while not b.stage.syslog.lines("its rules are gone, too") and time.monotonic() < end:
                time.sleep(0.05)
            seen = [a.do(ask(BEYOND4, port, seconds=1)) for port in (7000, 7001)]
            b.check(b.stage.syslog.lines("its rules are gone, too") and all(s.startswith("no:") for s in seen),
                    "it isn't made without what it is refused, and the log says so", (seen, r.stdout + r.stderr), b.log_tail())
            r = w.ssh(name, "true")
            ok, seen = one.ways()
            b.check(ok, "the next login makes both", (seen, r.stderr), b.log_tail())
