# SPDX-License-Identifier: BSD-3-Clause
"""The host's network, which a box shares: it may be used, not changed."""

from ground import has_key


def run(g):
    policy = "PrivateNetwork=no" if has_key("PrivateNetwork") else \
        "the host's network is shared, always"
    print(f"# policy: {policy}", flush=True)
    for what, address, port in (("cloud metadata", "169.254.169.254", 80),
                                ("cloud metadata of AWS over IPv4 DNS", "169.254.169.253", 53),
                                ("a daemon of the host on localhost", "127.0.0.1", g.values["tcp"]),
                                ("localhost where nobody listens", "127.0.0.1", 9)):
        outside = g.stage.run(g.attack, "tcp", address, port).stdout.strip()
        g.row(f"{what} ({address}) as the host reaches it, {policy}",
              f"{{a}} tcp {address} {port}", outside)
    for what, words, want in (
            ("a port below 1024", "bind 81", "EACCES|EPERM"), ("a raw socket", "raw", "EPERM"),
            ("everybody's packets", "sniff", "EAFNOSUPPORT"), ("an interface's flags", "interface", "EPERM"),
            ("an address on lo", "address", "EPERM"), ("the audit daemon", "audit",
                                                       "EPERM|ECONNREFUSED|EPROTONOSUPPORT"),
            ("each process of the host that begins or ends", "connector", "EPERM|EPROTONOSUPPORT"),
            # AF_INET or AF_INET6, type, protocol; of AF_NETLINK.
            ("datagrams with half a checksum (UDP-Lite)", "protocol 2 2 136", "EPROTONOSUPPORT"),
            ("those of IPv6", "protocol 10 2 136", "EPROTONOSUPPORT"),
            ("SCTP", "protocol 2 1 132", "EPROTONOSUPPORT"), ("DCCP", "protocol 10 6 33", "EPROTONOSUPPORT"),
            ("tunnels of L2TP", "protocol 2 2 115", "EPROTONOSUPPORT"), ("SMC by TCP's name", "protocol 2 1 256", "EPROTONOSUPPORT"),
            ("TCP", "protocol 2 1 6", "ok"),
            ("disks of iSCSI", "protocol 16 3 8", "EPROTONOSUPPORT"), ("the kernel's ciphers", "protocol 16 3 21", "EPROTONOSUPPORT")):
        g.row(what, f"{{a}} {words}", want)
        g.box_root(f"{g.alice.pw_dir}/attack {words}", want, what)
    for what, command in (("ip link", "ip link set lo down"), ("iptables", "iptables -F"),
                          ("nft", "nft flush ruleset"), ("a sysctl", "sysctl -w net.ipv4.ip_forward=1"),
                          ("a route", "ip route add 10.99.0.0/16 dev lo"),
                          ("tc", "tc qdisc add dev lo root netem delay 1s"),
                          ("a namespace of its own", "ip netns add nst")):
        g.row(what, f"{command}; true", ".*(not found|denied|not permitted|Read-only|must be root|"
              "No such).*")
