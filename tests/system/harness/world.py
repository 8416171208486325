# SPDX-License-Identifier: BSD-3-Clause
"""
A host of the test's own, and a server beyond it: two network namespaces and a link between them. A
login that goes through shell() or ssh() has that host for its host; the machine's own network stays as it is.
"""

import os
import subprocess
import time

from . import kernel
from .pace import patient
from .shell import Shell

HOST4, BEYOND4 = "192.0.2.1", "192.0.2.9"
HOST6, BEYOND6 = "2001:db8::1", "2001:db8::9"


class World:
    def __init__(self, b):
        self.b = b
        self.host = b.stage.accounts.prefix + "host"
        self.beyond = b.stage.accounts.prefix + "far"
        self.started = []
        self.daemon = None

    def __enter__(self):
        self._mounted = os.path.ismount("/run/netns")
        for name in (self.host, self.beyond):
            self.b.run("ip", "netns", "del", name)
            self._ip("netns", "add", name)
            self._ip("-n", name, "link", "set", "lo", "up")
        self._ip("-n", self.host, "link", "add", "up0", "type", "veth", "peer", "name", "eth0",
                 "netns", self.beyond)
        for name, link, v4, v6 in ((self.host, "up0", HOST4, HOST6),
                                   (self.beyond, "eth0", BEYOND4, BEYOND6)):
            self._ip("-n", name, "addr", "add", v4 + "/24", "dev", link)
            self._ip("-n", name, "addr", "add", v6 + "/64", "dev", link, "nodad")
            self._ip("-n", name, "link", "set", link, "up")
        self._ip("-n", self.host, "route", "add", "default", "via", BEYOND4)
        self._ip("-n", self.host, "-6", "route", "add", "default", "via", BEYOND6)
        self.forward(1)
        self._sshd()
        return self

    def __exit__(self, *exc):
        for p in self.started:
            p.process.kill()
            p.close()
        self.daemon.terminate()
        self.daemon.wait()
        for name in (self.host, self.beyond):
            self.b.run("ip", "netns", "del", name)
        if not self._mounted:
            kernel.umount("/run/netns")

    def _ip(self, *words):
        r = self.b.run("ip", *words)
        if r.returncode:
            raise RuntimeError(f"ip {' '.join(words)}: {r.stderr.strip()}")
        return r.stdout

    def forward(self, on):
        for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.on_host(f"echo {on} >/proc/sys/net/{key}")

    def on_host(self, command, **kw):
        return self.b.run(*self.enter(self.host), "sh", "-c", command, **kw)

    def enter(self, name):
        return ["nsenter", f"--net=/run/netns/{name}"]

    def nft(self, *words):
        return self.b.run(*self.enter(self.host), "nft", *words)

    def links(self):
        """Of accounts, on this host."""
        r = self.on_host("ls /sys/class/net 2>/dev/null; cat /proc/net/dev")
        return sorted({w.rstrip(":") for w in r.stdout.split() if w.startswith("nssh")})

    def _argv(self, user, *command):
        return [*self.enter(self.host), *self.b.stage.sshd.argv(user, *command)]

    def shell(self, user, command="exec bash"):
        """A login over ssh on that host that stays open."""
        return Shell(self._argv(user, command))

    def ssh(self, user, *command, **kw):
        return self.b.run(*self._argv(user, *command), **kw)

    def _sshd(self):
        """The stage's, a second time, at the same port of another network."""
        sshd = self.b.stage.sshd
        self.daemon = subprocess.Popen(  # pylint: disable=consider-using-with
            [*self.enter(self.host), str(self.b.stage.bin / sshd.service), "-D", "-f",
             str(sshd.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=kernel.die_with_parent, start_new_session=True)
        self._listens(self.host, sshd.port, "tcp")

    def _listens(self, where, port, kind, address=None):
        """At @address: a server of the other family may have the port already."""
        tables = [f"/proc/net/{kind}{end}" for end in ("", "6") if address is None or (end == "6") == (":" in address)]
        end = time.monotonic() + patient(5)
        while time.monotonic() < end:
            r = self.b.run(*self.enter(where), "cat", *tables)
            if f":{port:04X} " in r.stdout:
                return
            time.sleep(0.05)
        raise RuntimeError(f"nobody listens at port {port}")

    def hold(self, where, address, port):
        """A server that takes what comes, and keeps it."""
        s = Shell([*self.enter(where), "python3", "-u", "-c", HOLDER, address, str(port)])
        self.started.append(s)
        self._listens(where, port, "tcp", address)

    def run(self, where, argv, port=0, kind="udp"):
        """A program there; with a port one that goes on, and listens at it."""
        if not port:
            return self.b.run(*self.enter(where), *argv)
        s = Shell([*self.enter(where), *argv])
        self.started.append(s)
        self._listens(where, port, kind)
        return s

    def start(self, where, program, port, *words):
        """A program of the test's that listens by UDP, there."""
        s = Shell([*self.enter(where), "python3", "-u", "-c", program, str(port), *map(str, words)])
        self.started.append(s)
        self._listens(where, port, "udp")
        return s

    def serve(self, where, address, port, kind="tcp"):
        """A server that tells who asks, there: its answer is the address it sees."""
        s = Shell([*self.enter(where), "python3", "-u", "-c", SERVER, address, str(port), kind])
        self.started.append(s)
        self._listens(where, port, kind, address)
        return s


HOLDER = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
held = []
while True:
    held.append(s.accept())
"""

SERVER = """
import socket, sys
address, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((address, port))
if kind == "tcp":
    s.listen()
    while True:
        c, peer = s.accept()
        c.sendall(peer[0].encode())
        c.close()
while True:
    data, peer = s.recvfrom(100)
    s.sendto(peer[0].encode(), peer)
"""

ASK = """python3 -c '
import socket, sys
address, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[4]))
try:
    s.connect((address, port))
    if kind == "udp":
        s.send(b"?")
    print(s.recv(100).decode())
except OSError as e:
    print("no:", e.strerror or e)' """


def ask(address, port, kind="tcp", seconds=2):
    """A shell's command that asks such a server, and prints what it says or why not."""
    return f"{ASK} {address} {port} {kind} {seconds}"


def reach(address, port):
    """The same where a connection is enough: it prints "in"."""
    return ask(address, port).replace("s.recv(100).decode()", '"in"')
