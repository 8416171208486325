# SPDX-License-Identifier: BSD-3-Clause
"""A network of one's own on a machine: Debian's kernel, and systemd's own services beside it."""

import contextlib
import sys

from machine import TREE

sys.path.append(str(TREE / "tests" / "system"))

from harness.world import BEYOND4, HOST4, SERVER, ask  # noqa: E402  pylint: disable=wrong-import-position

LINKS = "ls /sys/class/net | grep -c nssh"
# It answers each question for an address of IPv4 with the same one.
RESOLVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
while True:
    q, peer = s.recvfrom(512)
    end = 12
    while q[end]:
        end += q[end] + 1
    a = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4\\xcb\\0\\x71\\x07" if q[end + 1:end + 3] == b"\\0\\1" else b""
    s.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0" + bytes([bool(a)]) + b"\\0\\0\\0\\0" + q[12:end + 5] + a, peer)
"""
BEGIN = f"""
cat /proc/sys/net/ipv4/ip_forward >/run/forwards; echo 1 >/proc/sys/net/ipv4/ip_forward
ip netns add far; ip -n far link set lo up
ip link add up0 type veth peer name eth0 netns far
ip addr add {HOST4}/24 dev up0; ip link set up0 up
ip -n far addr add {BEYOND4}/24 dev eth0; ip -n far link set eth0 up
ip netns exec far python3 /run/server.py {BEYOND4} 7000 tcp >/dev/null 2>&1 &
echo $! >/run/far.pids
ip netns exec far python3 /run/resolver.py {BEYOND4} >/dev/null 2>&1 &
echo $! >>/run/far.pids
"""
END = """
kill $(cat /run/far.pids); ip link del up0; ip netns del far; nft delete table inet nsshell
cat /run/forwards >/proc/sys/net/ipv4/ip_forward; rm -f /run/server.py /run/resolver.py /run/far.pids /run/forwards
"""


@contextlib.contextmanager
def _world(h):
    """A server beyond the host, and a resolver."""
    h.write("/run/server.py", SERVER)
    h.write("/run/resolver.py", RESOLVER)
    h.sh(BEGIN)
    try:
        yield
    finally:
        h.sh(END)


@contextlib.contextmanager
def _resolved(h):
    """systemd-resolved's stub is the host's resolver."""
    h.write("/run/resolved.conf", f"[Resolve]\nDNS={BEYOND4}\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no")
    h.sh("mkdir -p /run/systemd/resolved.conf.d; mv /run/resolved.conf /run/systemd/resolved.conf.d/; cp -a /etc/resolv.conf /run/; "
         "systemctl start systemd-resolved && ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf", 90)
    try:
        yield
    finally:
        h.sh("systemctl stop systemd-resolved; rm -rf /run/systemd/resolved.conf.d /etc/resolv.conf; mv /run/resolv.conf /etc/")


def _inside(h, alice):
    seen = alice.do(f"cat /proc/net/fib_trie | grep -c '100\\.64\\.'; {ask(BEYOND4, 7000, seconds=20)}; "
                    f"{ask('127.0.0.1', 22)}", timeout=90).splitlines()
    h.check(len(seen) == 3 and seen[0] != "0" and seen[1] == HOST4, "alice has an address, and a way out that is the host's",
            seen, h.log())
    h.check(seen[2:] == ["no: Connection refused"], "the host's sshd isn't at her localhost", seen)
    if h.systemd:
        seen = alice.do("cat /etc/resolv.conf; getent hosts name.example", timeout=60)
        h.check("203.0.113.7" in seen, "behind systemd-resolved's stub names are found", seen)


def _gone(h):
    h.wait(f"[ $({LINKS}) = 0 ]")
    seen = h.out(f"{LINKS}; ls /run/nsshell/net")
    h.check(seen == "0", "with the last session all of it is gone", seen)


def test_a_box_with_a_network_of_its_own(h):
    """Debian 12's kernel makes it, and nothing is left of it."""
    h.config("[User alice]\nNetwork=private\n")
    with _world(h), _resolved(h) if h.systemd else contextlib.nullcontext():
        with h.shell("alice") as alice:
            _inside(h, alice)
            seen = h.out(f"nsctl net -n -r -o user,link,sessions; {LINKS}; nsctl check --brief | grep -i network")
            h.check(seen.splitlines() == ["alice nssh1 1", "1"], "nsctl net has it, the host one link, and nsctl check nothing to say", seen)
        _gone(h)
    h.config()


def test_a_flushed_table(h):
    """And a box without any network beside it."""
    h.config("[User alice]\nNetwork=private\n[User bob]\nNetwork=none\n")
    with _world(h):
        with h.shell("alice") as alice:
            alice.do("true", timeout=60)
            h.sh("systemctl restart nftables.service; nft flush ruleset" if h.systemd else "nft flush ruleset", 60)
            seen = h.wait("nft list map inet nsshell publish4 >/dev/null 2>&1", 60), alice.do(ask(BEYOND4, 7000, seconds=20), timeout=60)
            h.check(seen == (True, HOST4), "nftables.service is started anew, and all flushed: it is mended", seen, h.log())
        with h.shell("bob") as bob:
            seen = bob.do("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \\n'", timeout=60)
            h.check(seen == "lo", "Network=none: bob has a loopback and nothing else", seen)
        _gone(h)
    h.config()
