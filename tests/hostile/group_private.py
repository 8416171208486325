# SPDX-License-Identifier: BSD-3-Clause
"""
A network of one's own (Network=private) on a host of the suite's own, without the filter of system calls and
with user namespaces allowed: what isn't the account's is out of reach, and nobody changes what is.
"""

import pathlib
import shutil

from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World, ask, reach

CONFIG = ("Network=private\nAllowUserNamespaces=yes\nSystemCallFilter=no\nRestrictAddressFamilies=no\n"
          "[Network]\nConnectionsMax=64\n")
META4, META6 = "169.254.169.254", "fd00:ec2::254"
# Azure's, which has names at port 53; Alibaba's; by IPv6 Google's, Scaleway's, Oracle's and Linode's.
METADATA = (("168.63.129.16", 80), ("100.100.100.200", 80), ("fd20:ce::254", 80), ("fd00:42::42", 80),
            ("fd00:c1::a9fe:a9fe", 80), ("fd00:a9fe:a9fe::1", 80),
            # By a NAT64: Amazon's own, Alibaba's, the host's loopback.
            ("64:ff9b::a9fe:a9fe", 80), ("64:ff9b::6464:64c8", 80), ("64:ff9b::7f00:1", 80))
NO = "no:.*"
DENIED = ".*(not permitted|denied|Read-only|must be root|No such|EPERM|not supported).*"

# What it hears, a line each; PORT on all addresses, and the multicast group of mDNS.
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", int(sys.argv[1])))
with open(sys.argv[2], "w", buffering=1) as f:
    while True:
        data, peer = s.recvfrom(100)
        f.write(f"{data.decode()} from {peer[0]}\\n")
"""

# One datagram: FAMILY TO PORT WORD [FROM | !OPTION]; from an address that nobody here has.
SEND = """python3 -c '
import socket, sys
six, to, port, word = sys.argv[1] == "6", sys.argv[2], int(sys.argv[3]), sys.argv[4]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
try:
    if len(sys.argv) > 5:
        s.setsockopt(41 if six else 0, 78 if six else 15, 1)
        s.bind((sys.argv[5], 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.sendto(word.encode(), (to, port))
    print("sent")
except OSError as e:
    print("no:", e.strerror)' """
OPTION = """python3 -c '
import socket, sys
s = socket.socket()
for level, option, value in ((1, 36, 0x6e000000), (0, 19, 1), (41, 75, 1), (1, 33, 1), (1, 32, 1 << 30)):
    try:
        s.setsockopt(level, option, value)
        print("set", level, option)
    except OSError as e:
        print(e.strerror)' """
# The kernel inside would keep it, but for who says by which link.
BY_LINK = """python3 -c '
import socket
s = socket.socket()
s.settimeout(1)
try:
    s.setsockopt(1, 25, b"eth0")
    s.connect(("127.0.0.1", 7000))
    print("in", s.recv(100))
except OSError as e:
    print("no:", e.strerror or e)' """
# Loose source routing: to one who may be reached, and on from there.
ROUTED = f"""python3 -c '
import socket
s = socket.socket()
s.settimeout(1)
try:
    s.setsockopt(0, 4, bytes([131, 7, 4]) + socket.inet_aton("{BEYOND4}") + b"\\0")
    s.connect(("{META4}", 80))
    print("in", s.recv(100))
except OSError as e:
    print("no:", e.strerror or e)' """
# A router's advertisement by a socket that is for echo requests.
ADVERTISE = """python3 -c '
import socket
try:
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 58)
    s.sendto(bytes([134, 0, 0, 0]) + bytes(12), ("ff02::1%eth0", 0))
    print("sent")
except OSError as e:
    print("no:", e.strerror)' """
MANY = f"""python3 -c '
import socket
held = []
for i in range(600):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("{BEYOND4}", 10000 + i))
    try:
        s.send(b"x")
    except OSError:
        pass
    held.append(s)
print("done")' """


COMMANDS = ("ip addr add 100.64.9.9/32 dev eth0", "ip link set eth0 down", "ip route replace default dev lo",
            "ip neigh replace 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0", "ip rule add pref 1 table 99",
            "ip link set eth0 netns $$", "ip link add v0 type veth peer name v1", "nft flush ruleset",
            "nft add table inet x", "iptables -F", "ip tuntap add t0 mode tun", "tc qdisc replace dev eth0 root pfifo",
            "sysctl -w net.ipv4.conf.eth0.accept_redirects=1", "mknod tun c 10 200")


def _address(login, family):
    return login.do(f"ip {family} -o addr show dev eth0 | awk '{{print $4}}'").split("/")[0]


def run(g):
    if not (g.stage.build / "nsshell-net").exists() or not shutil.which("nft"):
        g.scene.skip("private: everything", "nsshell-net isn't built, or there is no nft")
        return
    login = g.login
    g.end()
    g.scene.gone()
    g.stage.config(CONFIG)
    try:
        with World(g.scene) as w:
            g.login = lambda user: _login(g, w, user)
            g.me, g.other = g.login(g.alice.pw_name), g.login(g.bob.pw_name)
            g.watch_other()
            _try(g, w)
            g.end()
            g.scene.gone()
    finally:
        g.login = login
        g.stage.config("")


def _login(g, w, user):
    s = w.shell(user, g.becomes.get(user, "exec bash"))
    session = s.do("cat /run/nsshell/session")
    if user == g.alice.pw_name:
        g.values["session"] = session
    return s


def _try(g, w):
    heard = {where: pathlib.Path(g.stage.private) / f"heard-{where}" for where in (w.host, w.beyond)}
    for where, path in heard.items():
        w.start(where, LISTEN, 7001, path)
    for address, port in ((META4, 80), (META6, 80), *METADATA, (METADATA[0][0], 53)):
        g.scene.run("ip", "-n", w.beyond, "addr", "add", address, "dev", "lo", *["nodad"] * (":" in address))
        g.scene.run("ip", "-n", w.host, "route", "add", address, "via", BEYOND6 if ":" in address else BEYOND4)
        w.serve(w.beyond, address, port)
    g.judge("names at Azure's", g.me.do(ask(METADATA[0][0], 53)), HOST4)
    for address in (HOST4, HOST6, "127.0.0.1", "::1"):
        w.serve(w.host, address, 7000)
    w.serve(w.beyond, BEYOND4, 7000)
    bobs = {f: _address(g.other, f) for f in ("-4", "-6")}
    g.other.do("python3 -m http.server 7000 --bind :: >/dev/null 2>&1 & "
               "for i in $(seq 100); do grep -q :1B58 /proc/net/tcp6 && break; sleep .1; done")
    g.judge("a server beyond, which may be reached", g.me.do(ask(BEYOND4, 7000)), HOST4)
    # A server that waits for a question: to be connected is enough.
    for family, address in bobs.items():
        g.row(f"the other's box, IPv{family[1]}", reach(address, 7000), NO)
        g.judge("which the other reaches", g.other.do(reach(address, 7000)), "in")
    for what, address, port in (
            ("the host", HOST4, 7000), ("the host, IPv6", HOST6, 7000), ("the gateway", "169.254.1.1", 7000),
            ("the gateway's sshd", "169.254.1.1", g.stage.sshd.port), ("the gateway, IPv6", "fe80::1%eth0", 7000),
            ("the host's loopback", "127.0.0.1", 7000), ("that of IPv6", "::1", 7000),
            ("it by an address of both", "::ffff:127.0.0.1", 7000), ("by none", "0.0.0.0", 7000),
            ("the cloud's metadata", META4, 80), ("that of IPv6", META6, 80),
            *(("another cloud's", *where) for where in METADATA)):
        g.row(what, ask(address, port, seconds=1), NO)
    g.row("the host's loopback, by the link", BY_LINK, NO)
    g.row("the metadata, by a route that the sender names", ROUTED, NO)
    _spoof(g, heard, w, bobs)
    _change(g)
    g.row("600 connections", MANY, "done")
    r = w.on_host("cat /proc/sys/net/netfilter/nf_conntrack_count")
    g.judge("the host's table of connections", int(r.stdout) < 200, "True")
    g.judge("the other's way out, meanwhile", g.other.do(ask(BEYOND4, 7000)), HOST4)


def _spoof(g, heard, w, bobs):
    # What may be sent is heard: else nothing below is a proof.
    g.row("a datagram of one's own", f"{SEND} 6 {BEYOND6} 7001 own", "sent")
    g.wait(lambda: "own" in heard[w.beyond].read_text(encoding="ascii"))
    for word, source in (("another's", bobs["-6"]), ("host's", HOST6), ("beyond's", "2001:db8::77"),
                         ("nobody's", "fd6e:7373::ffff"), ("link's", "fe80::5%eth0"), ("NAT64's", "64:ff9b::c000:209")):
        g.row(f"IPv6 from the {word} address", f"{SEND} 6 {BEYOND6} 7001 spoofed {source}", "sent|" + NO)
        g.row(f"the same to the {word}", f"{SEND} 6 {HOST6} 7001 spoofed {source}", "sent|" + NO)
    for source in (bobs["-4"], HOST4):
        g.row(f"IPv4 from {'the host' if source == HOST4 else 'the other'}",
              f"{SEND} 4 {BEYOND4} 7001 spoofed {source}", "sent|" + NO)
    for what, family, to in (("all", 4, "255.255.255.255"), ("all hosts", 4, "224.0.0.1"),
                             ("all nodes", 6, "ff02::1%eth0"), ("all routers", 6, "ff02::2%eth0"),
                             ("the host", 4, HOST4), ("the gateway", 4, "169.254.1.1"),
                             ("the gateway, IPv6", 6, "fe80::1%eth0")):
        g.row(f"a datagram to {what}", f"{SEND} {family} {to} 7001 spoofed", "sent|" + NO)
    g.row("a router's advertisement", ADVERTISE, NO)
    # Behind all of them, by the same way.
    g.row("a last datagram of one's own", f"{SEND} 6 {BEYOND6} 7001 last", "sent")
    g.wait(lambda: "last" in heard[w.beyond].read_text(encoding="ascii"))
    said = {where: sorted({line.split()[0] for line in path.read_text(encoding="ascii").splitlines()})
            for where, path in heard.items()}
    g.judge("what was heard beyond", said[w.beyond], r"\['last', 'own'\]")
    g.judge("what the host heard", said[w.host], r"\[\]")


def _change(g):
    before = g.me.do("ip -d addr; ip route; ip -6 route; ip neigh; ip rule")
    g.row("a mark, another's address, a device, a priority", OPTION, "(Operation not permitted ?)+(set 1 32)?.*")
    for what, words in (("a raw socket", "raw"), ("everybody's packets", "sniff"), ("a link's flags", "interface"),
                        ("an address on lo", "address")):
        g.row(what, f"{{a}} {words}", "EPERM")
        g.row(f"{what}, in a user namespace", f"unshare -Ur {{a}} {words}", "EPERM")
        g.box_root(f"{g.alice.pw_dir}/attack {words}", "EPERM", what)
    tried = "; ".join(f"{c} >/dev/null 2>&1 && echo got: {c}" for c in COMMANDS)
    g.row("what an admin would say", f"{tried}; true", "")
    g.row("the same in a user namespace", f"unshare -Ur sh -c '{tried}; true'", "")
    g.box_root(f"{tried}; true", "", "what an admin would say")
    g.row("a device for tunnels", "ls /dev/net/tun", ".*No such.*")
    g.row("a network below: it has no way out", "unshare -Urn sh -c 'ip link set lo up; " +
          ask(BEYOND4, 7000, seconds=1).replace("'", "'\\''") + "'", "no: Network is unreachable")
    g.row("a link between it and one's own", "sleep 60 >/dev/null 2>&1 & unshare -Urn ip link add v0 type veth peer "
          "name v1 netns $! 2>&1; kill $!", DENIED)
    g.row("the host's connections", "cat /proc/net/nf_conntrack 2>&1 | head -1; true", f"({DENIED})?")
    g.judge("the links, addresses and routes", g.me.do("ip -d addr; ip route; ip -6 route; ip neigh; ip rule") == before,
            "True")
