# SPDX-License-Identifier: BSD-3-Clause
"""A private network as who audits it would look at it: by odd addresses, in odd moments."""

import concurrent.futures
import contextlib
import os
import pathlib
import time

from harness import kernel
from harness.links import make_links
from harness.pace import patient
from harness.shell import Shell
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World, ask, reach
from test_private import PRIVATE, _address, _possible, _unwatched
from test_private_end import SNIFF, _entries, _until
from test_publish import _elements, _served

# Of the host's, beside that of its link.
OTHERS4, OTHERS6 = ("192.0.2.2", "10.99.0.1", "172.31.255.1"), ("2001:db8::2", "fd99::1")
# Where nobody is, or more than one.
NOBODY = ("0.0.0.0", "240.0.0.1", "255.255.255.255", "192.0.2.255", "192.0.2.0", "224.0.0.1", "224.0.0.251")
BY_LINK = """python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM)
s.settimeout(1)
try:
    s.setsockopt(1, 25, b"eth0")
    s.connect(("127.0.0.1", int(sys.argv[2])))
    s.send(b"?")
    print("in", s.recv(100))
except OSError as e:
    print("no:", e.strerror or e)' """
# Datagrams that are heard, a line each.
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
with open(sys.argv[2], "w", buffering=1) as f:
    while True:
        data, peer = s.recvfrom(100)
        f.write(f"{data.decode()} from {peer[0]}\\n")
"""
SEND = """python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for to in sys.argv[2:]:
    try:
        s.sendto(sys.argv[1].encode(), (to, 7001))
    except OSError:
        pass' """
# A connection on which something is said again and again, and how often something was heard, until "closed".
TALK = """>talk; python3 -c '
import os, socket, sys, time
def note(text):
    with open("talk.new", "w") as f:
        f.write(text)
    os.rename("talk.new", "talk")
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
s.settimeout(5)
n = 0
while True:
    try:
        s.send(sys.argv[3].encode())
        if not s.recv(100):
            break
        n += 1
    except OSError:
        break
    note(str(n))
    time.sleep(0.05)
note("closed")' {} {} "{}" >/dev/null 2>&1 & for i in $(seq 100); do grep -q . talk && break; sleep .1; done; cat talk"""
ECHO = """
import socket, sys, threading
s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
def answer(c):
    try:
        while c.recv(100):
            c.send(b"!")
    except OSError:
        pass
while True:
    threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
"""
# Whose other end says nothing: the next packet is always the box's.
SPEAK = """
import socket, sys, threading, time
s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
def speak(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # nor is an answer waited for
    try:
        while True:
            c.send(b"!")
            time.sleep(0.001)
    except OSError:
        pass
while True:
    threading.Thread(target=speak, args=(s.accept()[0],), daemon=True).start()
"""
FLOOD = """python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("{}", 7002))
while True:
    try:
        s.send(bytes(1000))
    except OSError:
        pass' >/dev/null 2>&1 & echo $!"""


def _moves(login, seconds=10):
    """Whether the connection of TALK goes on."""
    first, now, end = login.do("cat talk"), "", time.monotonic() + patient(seconds)
    while (not now.isdigit() or now == first) and time.monotonic() < end:
        time.sleep(0.1)
        now = login.do("cat talk")
    return now.isdigit() and now != first


def _echo(w, address, port):
    w.started.append(Shell([*w.enter(w.beyond), "python3", "-u", "-c", ECHO, address, str(port)]))
    w._listens(w.beyond, port, "tcp", address)  # pylint: disable=protected-access


def test_every_address_of_the_hosts(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    heard = pathlib.Path(b.stage.private) / "heard"
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        for address in OTHERS4 + OTHERS6:
            where = "up0" if address.startswith(("192", "2001")) else "lo"
            b.run("ip", "-n", w.host, "addr", "add", address + ("/128" if ":" in address else "/32"), "dev", where,
                  *["nodad"] * (":" in address))
            w.serve(w.host, address, 7000)
        w.start(w.host, LISTEN, 7001, heard)
        for address in OTHERS4 + OTHERS6:
            seen = a.do(ask(address, 7000, seconds=1))
            b.check(seen.startswith("no:"), f"no address of the host's is reached: {address}", seen)
        # A datagram needs no answer.
        a.do(SEND + "spoofed " + " ".join(OTHERS4 + NOBODY + (HOST4, "127.0.0.1")))
        a.do(SEND + "gone " + BEYOND4)
        w.on_host(SEND + "own " + HOST4)
        _until(lambda: "own" in heard.read_text(encoding="ascii"))
        b.check("spoofed" not in heard.read_text(encoding="ascii"), "nor one that stands for many, by a datagram",
                heard.read_text(encoding="ascii"))
        seen = a.do("ip -6 addr show dev eth0 | grep -c fe80; ip -6 route show table all | grep -c 'fe80::/'; ip maddr | grep -c nothing")
        link = w.on_host("ip -6 addr show | grep -A2 nssh | grep -c fe80; cat /proc/sys/net/ipv4/conf/nssh*/accept_redirects").stdout.split()
        b.check(seen.split()[0] == "0" and link == ["0", "0"], "there is no link-local address at either end, and redirects are no matter",
                seen, link)


def test_echoes_and_fragments(b):
    """ICMP has the host's address, too; and what comes in parts is one packet to the rules."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE + "RestrictPorts=7002/udp\n")
    heard = b.stage.private / "heard"
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        w.on_host("echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range")
        w.started.append(Shell([*w.enter(w.beyond), "python3", "-c", SNIFF, str(heard)]))
        mine, pid = _address(a), b.record_of(b.alice.pw_name)["init_pid"]
        _until(lambda: "listens" in heard.read_text())
        for address in (BEYOND4, BEYOND6):
            r = b.run("nsenter", "-t", pid, "-n", "ping", "-c1", "-W3", address)
            b.check(r.returncode == 0, f"an echo comes back from {address}", r.stdout + r.stderr)
        _until(lambda: HOST4 in heard.read_text())
        seen = set(heard.read_text().split())
        table = [line for line in w.on_host("cat /proc/net/nf_conntrack").stdout.splitlines() if "icmpv6" in line]
        b.check(HOST4 in seen and mine not in seen and "dst=2001:0db8:0000:0000:0000:0000:0000:0001 " in "".join(table),
                "and was asked for with the host's address", seen, table)
        for to, sees in ((BEYOND4, HOST4), (BEYOND6, HOST6)):
            for port in (7001, 7002):
                w.serve(w.beyond, to, port, "udp")
            seen = [a.do(ask(to, port, "udp", 1).replace('b"?"', "bytes(5000)")) for port in (7001, 7002)]
            b.check(seen[0] == sees and seen[1].startswith("no:"), f"a datagram in four parts goes where it may and nowhere else: {to}",
                    seen)


def test_a_table_that_is_gone_and_the_loopback(b):
    """The link lets packets to 127.0.0.1 in, for names: the table gone, nothing of it arrives."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    heard = pathlib.Path(b.stage.private) / "heard"
    with World(b) as w, w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o, contextlib.ExitStack() as still:
        for kind in ("tcp", "udp"):
            w.serve(w.host, "127.0.0.1", 7000, kind)
        w.start(w.host, LISTEN, 7001, heard)
        o.do("python3 -m http.server 7000 --bind :: >/dev/null 2>&1 & "
             "for i in $(seq 50); do grep -q :1B58 /proc/net/tcp6 && break; sleep .1; done")
        still.enter_context(_unwatched(b))
        for strict in ("1", "2"):
            w.on_host(f"echo {strict} >/proc/sys/net/ipv4/conf/all/rp_filter")
            for gone in (False, True):
                if gone:
                    w.nft("flush", "ruleset")
                what = f"rp_filter of the host's {strict}, the table {'gone' if gone else 'there'}"
                seen = a.do(BY_LINK + "tcp 7000; " + BY_LINK + "udp 7000")
                b.check(seen.count("no:") == 2, f"127.0.0.1 by the link isn't reached: {what}", seen)
                seen = [a.do(reach(_address(o, family), 7000).replace("$4", "1")) for family in ("-4", "-6")]
                b.check(all(s.startswith("no:") for s in seen), f"nor another box: {what}", seen)
                a.do(SEND + "spoofed " + " ".join((HOST4, "169.254.1.1", *NOBODY)))
            with w.shell(b.carol.pw_name) as c:  # mends it
                c.do("true")
        w.on_host(SEND + "own " + HOST4)
        _until(lambda: "own" in heard.read_text(encoding="ascii"))
        b.check("spoofed" not in heard.read_text(encoding="ascii"), "and no datagram arrived", heard.read_text(encoding="ascii"))


# Each of the rest from such an address, which nobody here has: IPV6_FREEBIND.
FROM = """python3 -c '
import socket, sys
for source in sys.argv[3:]:
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        s.setsockopt(41, 78, 1)
        s.bind((source, 0))
        s.sendto(sys.argv[1].encode(), (sys.argv[2], 7001))
    except OSError:
        pass' """


def test_a_table_that_is_gone_and_sources(b):
    """Of IPv6 nobody but the table looked at the source of what goes on: with another one a datagram left the host."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o, contextlib.ExitStack() as still:
        heard = {where: pathlib.Path(b.stage.private) / f"heard-{where}" for where in (w.host, w.beyond)}
        for where, path in heard.items():
            w.start(where, LISTEN.replace("AF_INET", "AF_INET6"), 7001, path)
        mine, bobs = _address(a, "-6"), _address(o, "-6")
        a.do(FROM + f"own {BEYOND6} {mine}")
        still.enter_context(_unwatched(b))
        w.nft("flush", "ruleset")
        for to in (BEYOND6, HOST6, bobs):
            a.do(FROM + f"spoofed {to} {bobs} {HOST6} 2001:db8::77 2001:4860::1 fd6e:7373::ffff 64:ff9b::c000:209")
        a.do(FROM + f"gone {BEYOND6} {mine}")
        w.on_host(FROM + f"last {BEYOND6} {HOST6}")
        w.on_host(FROM + f"last {HOST6} {HOST6}")
        _until(lambda: all("last" in path.read_text(encoding="ascii") for path in heard.values()))
        seen = {where: path.read_text(encoding="ascii").split()[::3] for where, path in heard.items()}
        b.check(seen == {w.host: ["last"], w.beyond: ["own", "last"]}, "with any source, the table gone, nothing leaves the box", seen)


def test_rules_in_a_flood(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(name) as a:
        nsctl = [*w.enter(w.host), b.stage.bin / "nsctl", "set", "-c", b.stage.conf, name]
        _echo(w, BEYOND4, 7000)
        w.serve(w.beyond, BEYOND4, 7002, "udp")
        flood = a.do(FLOOD.format(BEYOND4))
        a.do(TALK.format(BEYOND4, 7000, "?"))
        b.check(_moves(a), "a connection goes on beside a flood", a.do("cat talk"))
        r = b.run(*nsctl, "IPAddressDeny=192.0.2.0/24")
        before = _sent(w)
        time.sleep(0.5)  # the host itself looks for its neighbours; a datagram of the flood has 1042
        b.check(r.returncode == 0 and not _moves(a, 1) and _sent(w) - before < 5000, "what nsctl set denies ends at once, the flood too",
                (r.stdout + r.stderr, before, _sent(w)))
        a.do(f"kill {flood}")
        r = b.run(*nsctl, "IPAddressDeny=")
        seen = a.do(ask(BEYOND4, 7002, "udp"))
        b.check(r.returncode == 0 and seen == HOST4, "and what it allows again goes again", r.stdout + r.stderr, seen)


def _sent(w):
    """Bytes that left the host for beyond."""
    return int(w.on_host("cat /sys/class/net/up0/statistics/tx_bytes 2>/dev/null || awk '/up0/{print $10}' /proc/net/dev").stdout.split()[0])


def test_a_port_that_is_published_no_more(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + f"[User {name}]\nPublish=7000 7001\n")
    with World(b) as w, w.shell(name) as a, Shell([*w.enter(w.beyond), "bash"]) as far, Shell([*w.enter(w.beyond), "bash"]) as other:
        a.do("cat >/tmp/echo.py <<'END'\n" + ECHO + "END")
        a.do("cat >/tmp/speak.py <<'END'\n" + SPEAK + "END")
        a.do("python3 /tmp/speak.py 0.0.0.0 7000 >/dev/null 2>&1 & python3 /tmp/echo.py 0.0.0.0 7001 >/dev/null 2>&1 & "
             "for i in $(seq 400); do [ $(grep -c ':1B5[89] .* 0A ' /proc/net/tcp) = 2 ] && break; sleep .05; done")
        for shell, where, port, says in ((far, "one", 7000, ""), (other, "two", 7001, "?")):
            shell.do(f"mkdir -p {b.stage.private}/{where}; cd {b.stage.private}/{where}; " + TALK.format(HOST4, port, says))
        b.check(_moves(far) and _moves(other), "two published ports are in use", far.do("cat talk"), other.do("cat talk"))
        r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "set", "-c", b.stage.conf, name, "Publish=none 7001")
        _until(lambda: far.do("cat talk") == "closed")
        b.check(r.returncode == 0 and far.do("cat talk") == "closed", "a connection by a port that isn't published any more ends",
                r.stdout + r.stderr, far.do("cat talk"))
        b.check(_moves(other), "one by another port goes on", other.do("cat talk"))


def test_another_pool(b):
    """A pool that is changed while somebody is logged in: their way out is closed, and nothing leaves with an address of it."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    heard = b.stage.private / "heard"
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        w.serve(w.beyond, BEYOND4, 7000)
        w.serve(w.beyond, BEYOND4, 7000, "udp")
        w.started.append(Shell([*w.enter(w.beyond), "python3", "-c", SNIFF, str(heard)]))
        mine = _address(a)
        a.do("python3 -m http.server 7000 --bind 0.0.0.0 >/dev/null 2>&1 & "
             "for i in $(seq 50); do grep -q :1B58 /proc/net/tcp && break; sleep .1; done")
        b.stage.config("[Network]\nPool=10.77.0.0/16 fd77::/48\n[Default]\n" + PRIVATE)
        with w.shell(b.bob.pw_name) as o:
            b.check(_address(o).startswith("10.77.") and o.do(ask(BEYOND4, 7000)) == HOST4, "who logs in has an address of the other pool",
                    _address(o), b.log_tail())
            seen = a.do(ask(BEYOND4, 7000, seconds=1)), a.do(ask(BEYOND4, 7000, "udp", 1)), a.do(reach(_address(o), 7000)), \
                o.do(reach(mine, 7000))
            b.check(all(s.startswith("no:") for s in seen), "who was there has no way out any more, nor one to the other", seen)
            r = w.ssh(b.alice.pw_name, "true")
            b.check(r.returncode != 0 and "of another Pool= than now" in b.log_tail(40), "and is told so at the next login",
                    r.returncode, b.log_tail())
        seen = set(heard.read_text().split())
        b.check(HOST4 in seen and mine not in seen, "no packet went beyond with an address of a pool", seen)
    b.gone()


def test_an_account_that_is_made_anew(b):
    """What was the address of an account is no other's, not even one with its uid."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w:
        with w.shell(b.alice.pw_name) as a:
            mine = _address(a)
        b.gone()
        ledger = pathlib.Path("/var/lib/nsshell/addresses")
        text = ledger.read_text(encoding="ascii")
        try:
            # As if somebody else had had alice's uid.
            ledger.write_text(text.replace(f" {b.alice.pw_name}\n", " whohaditbefore\n"), encoding="ascii")
            with w.shell(b.alice.pw_name) as a:
                b.check(_address(a) not in ("", mine), "another name with the same uid has another address", (_address(a), mine))
            b.gone()
        finally:
            ledger.write_text(text, encoding="ascii")
        b.check(not _entries(w, mine), "of the former one no connection is left", _entries(w, mine))


def test_a_pool_that_is_used_up(b):
    """And one of as many accounts as a university has had: each line is an account that has an address."""
    if not _possible(b):
        return
    name, ledger = b.alice.pw_name, pathlib.Path("/var/lib/nsshell/addresses")
    b.stage.config("[Network]\nPool=100.64.0.0/28\n[Default]\n" + PRIVATE)
    had = ledger.read_text(encoding="ascii") if ledger.exists() else None
    ledger.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with World(b) as w:
            lines = [f"{3000000 + n} {n} whohasit{n}\n" for n in range(1, 60001)]
            ledger.write_text("".join(lines[:14]), encoding="ascii")
            r = w.ssh(name, "true")
            b.check(r.returncode != 0 and "no address is left: give [Network] a larger Pool=" in b.log_tail(40),
                    "a pool that is used up refuses the next account's login, and the log says what to do", r.returncode, b.log_tail())
            ledger.write_text("".join(lines[:6] + lines[7:14]), encoding="ascii")
            with w.shell(name) as a:
                b.check(_address(a) == "100.64.0.7", "and an address whose line is removed is the next one's", _address(a), b.log_tail())
            b.gone()
            b.stage.config(PRIVATE)
            ledger.write_text("".join(lines), encoding="ascii")
            for what in ("the 60,001st account has an address", "and keeps it"):
                with w.shell(name) as a:
                    b.check(_address(a) == "100.64.234.97", what, _address(a), b.log_tail())
                b.gone()
    finally:
        if had is None:
            ledger.unlink()
        else:
            ledger.write_text(had, encoding="ascii")


def test_hairpins(b):
    """From a box to what the host publishes: one's own is no way, nor another's, but where it is allowed."""
    if not _possible(b):
        return
    alice, bob = b.alice.pw_name, b.bob.pw_name
    b.stage.config(PRIVATE + f"[User {alice}]\nPublish=8000\n")
    with World(b) as w, w.shell(alice) as a, w.shell(bob) as o:
        _served(b, a, ("0.0.0.0", 8000, "tcp"))
        mine = _address(a)
        for login, what in ((a, "one's own"), (o, "another's")):
            for address in (HOST4, "127.0.0.1" if login is o else HOST4, "169.254.1.1"):
                seen = login.do(ask(address, 8000, seconds=1))
                b.check(seen.startswith("no:"), f"{what} published port isn't reached at {address}", seen)
        r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "set", "-c", b.stage.conf, bob, f"IPAddressAllow={mine}")
        seen = o.do(ask(mine, 8000)), o.do(ask(mine, 22, seconds=1)), a.do(reach(_address(o), 8000))
        b.check(r.returncode == 0 and not seen[0].startswith("no:") and seen[2].startswith("no:"),
                "IPAddressAllow= of its address leads there, and not back", r.stdout + r.stderr, seen)


# Of others: what is sent to one address they lead to another.
NAT = f"""table ip others {{
 chain pre {{
  type nat hook prerouting priority -101;
  tcp dport 80 dnat to {HOST4}:7000
  ip daddr {{ 127.0.0.1, 169.254.169.254, 198.51.100.1 }} tcp dport 81 dnat to {BEYOND4}:7000
 }}
}}"""


def test_what_others_lead_elsewhere(b):
    """A proxy that all is sent to, or one for the cloud's metadata: what is closed isn't open by it."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    resolv, real = b.stage.private / "resolv.conf", os.path.realpath("/etc/resolv.conf")
    resolv.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    kernel.bind(resolv, real)
    try:
        with World(b) as w, w.shell(b.alice.pw_name) as a:
            w.serve(w.host, "127.0.0.1", 53)
            w.serve(w.host, HOST4, 7000)
            w.serve(w.beyond, BEYOND4, 7000)
            w.nft(NAT)
            seen = a.do(ask("198.51.100.1", 81)), a.do(ask("169.254.1.1", 53))
            b.check(seen == (HOST4, "127.0.0.1"), "what may be reached is, where somebody leads it, and names are", seen)
            seen = a.do(ask("169.254.1.1", 80, seconds=1)), a.do(ask("169.254.169.254", 81, seconds=1)), a.do(BY_LINK + "tcp 81")
            b.check(all(s.startswith("no:") for s in seen), "the host by the gateway, the metadata and 127.0.0.1 aren't", seen)
            r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "set", "-c", b.stage.conf, b.alice.pw_name,
                      "IPAddressAllow=169.254.169.254")
            seen = a.do(ask("169.254.169.254", 81))
            b.check(r.returncode == 0 and seen == HOST4, "but as IPAddressAllow= says", r.stdout + r.stderr, seen)
    finally:
        kernel.umount(real)


def test_neighbours(b):
    """The link has none but those that were said, whatever pool there is."""
    if not _possible(b):
        return
    look = "ip neigh show | grep -E 'eth0|nssh' | grep -v PERMANENT; ip -6 -o addr show | grep -E 'eth0|nssh' | grep fe80; true"
    for pool in ("100.64.0.0/16 fd6e:7373::/48", "100.64.0.0/16"):
        b.stage.config(f"[Network]\nPool={pool}\n[Default]\n" + PRIVATE)
        with World(b) as w, w.shell(b.alice.pw_name) as a:
            w.serve(w.beyond, BEYOND4, 7000)
            a.do(UNROUTED)
            seen = a.do(look), w.on_host(look).stdout, a.do(ask(BEYOND4, 7000))
            b.check(seen == ("", "", HOST4), f"{pool}: nobody is asked for by ARP, and no end has a link-local address", seen)
        b.gone()


# Past the routes, as if those were neighbours.
UNROUTED = f"""python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(1, 5, 1)
s.setsockopt(1, 25, b"eth0")
for to in ("{HOST4}", "169.254.1.1", "10.9.8.7", "10.9.8.6"):
    try:
        s.sendto(b"x", (to, 7000))
    except OSError:
        pass
import time
time.sleep(0.2)' """
# Of both families, a line each.
HEAR = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 7000))
with open("heard", "w", buffering=1) as f:
    print("listens", file=f)
    while True:
        data, peer = s.recvfrom(100)
        f.write(f"{data.decode()} from {peer[0]}\\n")
"""
SAY = """
import socket, sys
for word, source, to in zip(*[iter(sys.argv[1:])] * 3):
    six = ":" in to
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 7000))
    s.sendto(word.encode(), (to, 7000))
"""


def test_who_says_that_he_is_another_box(b):
    """From beyond to a published port: what is answered would come to that other box."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE + f"[User {b.alice.pw_name}]\nPublish=7000/udp\n")
    with World(b) as w, w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
        w.on_host("for i in all up0; do echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter; done")
        a.do("cat >hear.py <<'END'\n" + HEAR + "END\npython3 hear.py >/dev/null 2>&1 & "
             "for i in $(seq 100); do grep -q listens heard && break; sleep .1; done")
        bobs = _address(o), _address(o, "-6")
        for address in bobs:
            b.run("ip", "-n", w.beyond, "addr", "add", address, "dev", "lo", *["nodad"] * (":" in address))
        words = "spoofed", bobs[0], HOST4, "spoofed", bobs[1], HOST6
        r = b.run(*w.enter(w.beyond), "python3", "-c", SAY, *words, "own", BEYOND4, HOST4, "own", BEYOND6, HOST6)
        _until(lambda: a.do("grep -c own heard") == "2")
        seen = a.do("cat heard")
        b.check("spoofed" not in seen and seen.count("own") == 2, "who has another box's address comes to no published port", seen,
                r.stdout + r.stderr)


CROWDED = int(os.environ.get("NSSHELL_CROWD", "1000"))


def test_a_thousand_addresses(b):
    """A thousand links beside each other, with a rule each."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE + "RestrictPorts=25\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(b.alice.pw_name) as a:
            a.do("true")
            net = str(b.stage.private / "nothing" / "nsshell-net")
            with make_links(w.enter(w.host), net, BEYOND4, 1001, CROWDED - 1) as made:
                b.check(made == CROWDED - 1 and len(w.links()) == CROWDED, f"{CROWDED} links", made, len(w.links()))
                b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "alice has her way out among them", b.log_tail())
                with w.shell(b.bob.pw_name) as o:
                    b.check(o.do(ask(BEYOND4, 7000)) == HOST4, "and so has the next one", b.log_tail())
                _until(lambda: len(w.links()) == CROWDED)
                w.nft("flush", "ruleset")
                end = time.monotonic() + patient(60)
                while a.do(ask(BEYOND4, 7000, seconds=1)) != HOST4 and time.monotonic() < end:
                    pass
                seen = w.nft("list", "set", "inet", "nsshell", "ports").stdout.count("tcp . 25")
                b.check(seen == CROWDED, "a flushed table is mended with the rules of all", seen, b.log_tail())
        b.gone()
        _until(lambda: not w.links())
        r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "gc", timeout=600)
        b.check(not w.links() and not _elements(w) and not os.listdir("/run/nsshell/net"), "nothing is left of them",
                len(w.links()), r.stdout + r.stderr)


test_a_thousand_addresses.later = "a thousand links"
test_a_thousand_addresses.seconds = 600
AT_ONCE = int(os.environ.get("NSSHELL_AT_ONCE", "100"))


def test_a_crowd_at_once(b):
    """Real logins that all begin at the same moment; each account's first makes the link, the others join."""
    if not _possible(b):
        return
    names = [user.pw_name for user in (b.alice, b.bob, b.carol)]
    b.stage.config(PRIVATE)
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            seen = list(pool.map(lambda i: w.ssh(names[i % 3], ask(BEYOND4, 7000, seconds=30)).stdout.strip(), range(AT_ONCE)))
        b.check(seen == [HOST4] * AT_ONCE, f"{AT_ONCE} logins at once have a way out", [s for s in seen if s != HOST4][:5],
                b.stage.syslog.lines("refused")[-3:])
        b.gone()
        _until(lambda: not w.links())
        b.check(not w.links() and not _elements(w), "and nothing is left", w.links(), _elements(w))


test_a_crowd_at_once.later = "a hundred logins at once"
test_a_crowd_at_once.seconds = 300


ACCOUNTS = int(os.environ.get("NSSHELL_ACCOUNTS", "60"))


def test_many_accounts_at_once(b):
    """The first login of each of many accounts, all at the same moment: each makes a link."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    roles = [f"m{i}" for i in range(ACCOUNTS)]
    try:
        names = [b.stage.accounts.add(role, groups=("box",)).pw_name for role in roles]
        _at_once(b, names)
    finally:
        for role in roles:
            b.stage.accounts.remove(role)


def _at_once(b, names):
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        begun = time.monotonic()

        def login(name):
            said = w.ssh(name, ask(BEYOND4, 7000, seconds=30) + "; ip -4 -o addr show dev eth0 | awk '{print $4}'").stdout.split()
            return *said, time.monotonic() - begun

        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            seen = list(pool.map(login, names))
        b.check(all(s[0] == HOST4 for s in seen) and len({s[1] for s in seen}) == len(names),
                f"{len(names)} accounts at once have a way out and an address each: the last one is through after "
                f"{seen and max(s[-1] for s in seen):.1f} s", [s for s in seen if s[0] != HOST4][:5], b.stage.syslog.lines("refused")[-3:])
        b.gone()
        _until(lambda: not w.links())
        seen = w.links(), _elements(w), os.listdir("/run/nsshell/net")
        b.check(not any(seen), "and nothing is left", seen)


test_many_accounts_at_once.later = "the first logins of many accounts at once"
test_many_accounts_at_once.seconds = 300
