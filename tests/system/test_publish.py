# SPDX-License-Identifier: BSD-3-Clause
"""Publish=: ports of the host that lead into an account's network."""

import os
import time

from harness import kernel
from harness.pace import patient
from harness.shell import Shell
from harness.world import BEYOND4, BEYOND6, HOLDER, HOST4, HOST6, SERVER, World, ask
from test_private import CROWD, PRIVATE, _address, _possible

def _served(b, login, *where):
    """Servers inside that tell who asks; they end with the session."""
    login.do("cat >/tmp/server.py <<'END'\n" + SERVER + "END")
    for address, port, kind in where:
        login.do(f"python3 /tmp/server.py {address} {port} {kind} >/dev/null 2>&1 &")
    for address, port, kind in where:
        files = f"/proc/net/{kind} /proc/net/{kind}6"
        b.check(login.do(f"for i in $(seq 400); do grep -q ':{port:04X} ' {files} && echo up && break; "
                         "sleep 0.05; done") == "up", f"a server inside: {address} {port} {kind}",
                login.do(f"cat {files}"))


def _from(b, w, where, *asked, **kw):
    r = b.run(*w.enter(where), "sh", "-c", ask(*asked, **kw))
    return r.stdout.strip() or r.stderr.strip()


def test_what_is_published(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + f"[User {name}]\nPublish=8000 {HOST4}:8001:8101 [{HOST6}]:8001:8102\n"
                   "Publish=9000-9001:9010-9011/udp\nIPAddressDeny=any\n")
    with World(b) as w, w.shell(name) as a, w.shell(b.bob.pw_name) as o:
        b.check(_address(a) != "", "a login with Publish= is let in", b.log_tail())
        _served(b, a, ("::", 8000, "tcp"), ("0.0.0.0", 8101, "tcp"), ("::", 8102, "tcp"),
                ("0.0.0.0", 9011, "udp"), ("::", 9010, "udp"))
        for to, port, kind, sees in (
                (HOST4, 8000, "tcp", "::ffff:" + BEYOND4), (HOST6, 8000, "tcp", BEYOND6),
                (HOST4, 8001, "tcp", BEYOND4), (HOST6, 8001, "tcp", BEYOND6),
                (HOST4, 9001, "udp", BEYOND4), (HOST6, 9000, "udp", BEYOND6)):
            seen = _from(b, w, w.beyond, to, port, kind)
            b.check(seen == sees, f"from beyond {to} {port}/{kind} leads inside, where its own address is "
                    "seen", (seen, w.nft("list", "table", "inet", "nsshell").stdout))
        for to, port, kind, sees in (
                (HOST4, 8000, "tcp", "::ffff:" + HOST4), (HOST6, 8000, "tcp", HOST6),
                (HOST4, 9001, "udp", HOST4), ("127.0.0.1", 8000, "tcp", "::ffff:169.254.1.1"),
                ("127.0.0.1", 9001, "udp", "169.254.1.1")):
            seen = _from(b, w, w.host, to, port, kind)
            b.check(seen == sees, f"so it does from the host itself: {to} {port}/{kind}", seen)
        seen = _from(b, w, w.host, "::1", 8000)
        b.check(seen.startswith("no:"), "the host's ::1 doesn't lead there, as the manual says", seen)
        for to, port in ((HOST4, 8101), ("127.0.0.1", 8001), (HOST4, 8002)):
            seen = _from(b, w, w.beyond if to == HOST4 else w.host, to, port, seconds=1)
            b.check(seen.startswith("no:"), f"what isn't published isn't reached: {to} {port}", seen)
        seen = o.do(ask(HOST4, 8000)), o.do(ask(_address(a), 8000))
        b.check(all(s.startswith("no:") for s in seen), "nor is what is by another account's box", seen)
        seen = a.do(ask(BEYOND4, 8000, seconds=1))
        b.check(seen.startswith("no:"), "and the account's own rules hold", seen)


def _elements(w):
    r = w.nft("list", "table", "inet", "nsshell")
    return [line.strip() for line in r.stdout.splitlines() if "elements" in line]


def test_it_goes_with_the_last_session(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + f"[User {name}]\nPublish=8000 {HOST4}:8001\nRestrictPorts=25\n")
    with World(b) as w:
        with w.shell(name) as a:
            with w.shell(name) as second:
                second.do("true")
            a.do(ask(HOST4, 1))  # refused, and counted
            seen = "\n".join(_elements(w))
            b.check("tcp . 8000 :" in seen and ". 8001" in seen,
                    "a published port stays when one of two sessions has gone", seen)
        b.gone(name)
        b.check(not _elements(w) and not w.links(), "and goes with the last one",
                (_elements(w), w.links()))
        with w.shell(name) as a:
            a.do("true")
            kernel.kill_and_wait(int(b.record_of(name)["supervisor_pid"]))
        w.serve(w.host, HOST4, 8000)
        r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "gc")
        b.check(not _elements(w) and not w.links(), "nsctl gc takes away what a killed supervisor left",
                (_elements(w), r.stdout + r.stderr))
        b.check(_from(b, w, w.beyond, HOST4, 8000) == BEYOND4, "and the host's own port is its own again", "")
        b.check(not os.listdir("/run/nsshell/net"), "of its rules nothing is left", os.listdir("/run/nsshell/net"))


def test_a_port_that_is_taken(b):
    if not _possible(b):
        return
    alice, bob = b.alice.pw_name, b.bob.pw_name
    config = PRIVATE + f"[User {alice}]\nPublish=8000 8001/udp\n[User {bob}]\nPublish={HOST4}:7999-8000\n"
    with World(b) as w:
        b.stage.config(config)
        for address, port, kind in ((HOST4, 8000, "tcp"), ("127.0.0.1", 8001, "udp")):
            s = w.serve(w.host, address, port, kind)
            r = w.ssh(alice, "true")
            log = b.log_tail(40)
            b.check(r.returncode != 0 and f"port {port}/{kind} of the host is taken: a program of uid 0 listens "
                    f"at {address}" in log, f"a port of the host that is taken refuses the login: {port}/{kind}",
                    r.returncode, log)
            s.process.kill()
            s.process.wait()
        with w.shell(alice) as a:
            a.do("true")
            r = w.ssh(bob, "true")
            log = b.log_tail(40)
            b.check(r.returncode != 0 and f"it is published for {alice}" in log,
                    "so does one of another account's", r.returncode, log)
            b.stage.config(config.replace(f"[User {bob}]\n", f"[User {bob}]\nOnError=allow\n"))
            with w.shell(bob) as o:
                b.check(_address(o).startswith("100.64."), "with OnError=allow it is let in, into its box",
                        b.log_tail())
                _served(b, a, ("0.0.0.0", 8000, "tcp"))
                b.check(_from(b, w, w.beyond, HOST4, 8000) == BEYOND4,
                        "and the port stays the other one's", b.log_tail())
                b.check("is without a port of its own" in b.log_tail(60), "the log says so", b.log_tail(60))
        b.gone()
        r = w.ssh(bob, "true")
        b.check(r.returncode == 0, "once nobody has it, it is had", b.log_tail())


def _fill(b, w, a, far):
    a.do("cat >/tmp/holder.py <<'END'\n" + HOLDER + "END")
    serve = ("python3 /tmp/holder.py 0.0.0.0 7000 >/dev/null 2>&1 & for i in $(seq 400); do "
             "grep -q ':1B58 .* 0A ' /proc/net/tcp && echo up && break; sleep .05; done")
    seen = a.do(serve)
    b.check(seen == "up", "a server inside takes all who come", seen, b.log_tail())
    far.do(f"coproc {CROWD} {HOST4} 6; read -r held <&${{COPROC[0]}}")
    seen = far.do("echo $held")
    b.check(seen == "5 1", "of six connections from beyond at once five are taken", seen)
    seen = a.do(ask(BEYOND4, 7000))
    b.check(seen == HOST4, "the way out is as open as before", seen)
    far.do("kill $COPROC_PID; wait")
    a.do("kill %1; wait")
    seen, end = a.do(serve), time.monotonic() + patient(60)
    while (taken := far.do(f"{CROWD} {HOST4} 1 </dev/null")) != "1 0" and time.monotonic() < end:
        pass  # five a minute
    b.check((seen, taken) == ("up", "1 0"), "and once they are closed others are taken", seen, taken)
    seen = "\n".join(_elements(w))
    b.check("ct count over 5" in seen, "by what the kernel counts for the link", seen)


def test_as_many_from_beyond(b):
    """Who comes in from there fills no table of the host's either, and takes nothing from who is inside."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(f"[Network]\nConnectionsMax=5\n[Default]\n{PRIVATE}[User {name}]\nPublish=7000\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(name) as a, Shell([*w.enter(w.beyond), "bash"]) as far:
            _fill(b, w, a, far)
        b.gone(name)
        b.check(not _elements(w), "and the kernel forgets what it counted with the last session", _elements(w))
