# SPDX-License-Identifier: BSD-3-Clause
"""What a private network leaves behind in the kernel's table of connections."""

import time

from harness.pace import patient
from harness.shell import Shell
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World, ask
from test_private import PRIVATE, _address, _possible

# As many connections as the first word says to a server that reads nothing, each with more to say than it takes: whose
# end is never told it.
STUCK = """>stuck; python3 -c '
import socket, sys
held = []
for i in range(int(sys.argv[1])):
    s = socket.create_connection((sys.argv[2], 7000), 10)
    s.setblocking(False)
    try:
        while True:
            s.send(bytes(65536))
    except BlockingIOError:
        held.append(s)
print(len(held))
sys.stdout.flush()
import time
time.sleep(600)' {} {} >stuck 2>&1 & for i in $(seq 100); do grep -q . stuck && break; sleep .1; done; cat stuck"""


def _entries(w, *addresses):
    lines = w.on_host("cat /proc/net/nf_conntrack").stdout.splitlines()
    return [line for line in lines if any(f"src={a} " in line for a in addresses)]


def _until(reached):
    end = time.monotonic() + patient(10)
    while not reached() and time.monotonic() < end:
        time.sleep(0.1)


def test_connections_go_with_the_last_session(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE)
    with World(b) as w:
        w.hold(w.beyond, BEYOND4, 7000)
        with w.shell(name) as a:
            mine = _address(a)
            seen = a.do(STUCK.format(20, BEYOND4))
            b.check(seen == "20" and len(_entries(w, mine)) == 20, "20 connections that are stuck", seen, _entries(w, mine))
        b.gone(name)
        _until(lambda: not w.links())
        left = _entries(w, mine)
        b.check(not left, "none is left in the kernel's table", len(left), left[:3])


# Sources of what arrives here, a line each.
SNIFF = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
with open(sys.argv[1], "w", buffering=1) as f:
    f.write("listens\\n")
    while True:
        data, peer = s.recvfrom(100)
        f.write(socket.inet_ntoa(data[12:16]) + "\\n")
"""
# A connection that is closed once it is told so.
LATE = f"""python3 -c '
import os, socket, time
s = socket.create_connection(("{BEYOND4}", 7000), 10)
print("connected", flush=True)
while not os.path.exists("/tmp/close"):
    time.sleep(0.1)
s.close()' >/tmp/said 2>&1 & for i in $(seq 100); do grep -q . /tmp/said && break; sleep .1; done; cat /tmp/said"""


def test_no_packet_leaves_as_it_is(b):
    """One of a connection that the kernel has forgotten is nobody's to be given another source."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    heard = b.stage.private / "heard"
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        w.hold(w.beyond, BEYOND4, 7000)
        w.started.append(Shell([*w.enter(w.beyond), "python3", "-c", SNIFF, str(heard)]))
        mine = _address(a)
        w.on_host("echo 3 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
        seen = a.do(">/tmp/said; " + LATE)
        b.check(seen == "connected" and "listens" in heard.read_text(), "a connection", seen)
        _until(lambda: not _entries(w, mine))
        a.do("touch /tmp/close; wait")
        time.sleep(1)
        seen = set(heard.read_text().split())
        b.check(HOST4 in seen and mine not in seen, "its last word is dropped, and has no address of the pool beyond", seen)


def test_a_narrow_way(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        for where, link in ((w.host, "up0"), (w.beyond, "eth0")):
            b.run("ip", "-n", where, "link", "set", link, "mtu", "1300")
        for address in (BEYOND4, BEYOND6):
            w.serve(w.beyond, address, 7000, "udp")
            seen = a.do(ask(address, 7000, "udp").replace('b"?"', "bytes(1400)") + "; " +
                        ask(address, 7000, "udp").replace('b"?"', "bytes(1400)"))
            b.check(HOST4 in seen or HOST6 in seen, "what is too long for a link beyond is told so, and sent in parts", seen)
