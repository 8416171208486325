# SPDX-License-Identifier: BSD-3-Clause
"""Network=private: an address of one's own, and a way out that is the host's."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import time

from harness import kernel
from harness.shell import Shell
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, SERVER, World, ask, reach

PRIVATE = "Network=private\n"
METADATA = "169.254.169.254"  # where Google's cloud has names, too
LENT = pathlib.Path("/run/nsshell/net.lent")


# Runs the real nsshell-net as on a kernel where socket(AF_NETLINK, ..., NETLINK_NETFILTER) has nobody behind it.
WITHOUT_NFTABLES = """#!/usr/bin/python3
import ctypes, os, struct, sys
def step(code, yes, no, k):
    return struct.pack("HBBI", code, yes, no, k)
nr = {{"x86_64": 41, "aarch64": 198}}[os.uname().machine]
code = (step(0x20, 0, 0, 0) + step(0x15, 0, 5, nr) + step(0x20, 0, 0, 16) + step(0x15, 0, 3, 16) +
        step(0x20, 0, 0, 32) + step(0x15, 0, 1, 12) + step(6, 0, 0, 0x50000 + 93) + step(6, 0, 0, 0x7fff0000))
room = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(room)))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit("no filter")
os.execv("{0}", sys.argv)
"""


def _address(login, family="-4"):
    return login.do(f"ip {family} -o addr show dev eth0 | awk '{{print $4}}'").split("/")[0]


def _possible(b):
    if not (b.stage.build / "nsshell-net").exists():
        b.skip("Network=private", "nsshell-net isn't built: libnl-route-3 or libnftables is missing")
        return False
    r = b.run(b.stage.build / "nsshell-net")
    if "started by nsshell" not in r.stdout or not shutil.which("nft"):
        b.skip("Network=private", f"no nft here, or nsshell-net doesn't start: {r.stderr.strip()}")
        return False
    return True


def test_the_way_out(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w:
        for address, sees in ((BEYOND4, HOST4), (BEYOND6, HOST6)):
            for kind in ("tcp", "udp"):
                w.serve(w.beyond, address, 7000, kind)
        with w.shell(b.alice.pw_name) as a:
            b.check(_address(a).startswith("100.64."), "an account has an address", _address(a),
                    b.log_tail())
            for address, sees in ((BEYOND4, HOST4), (BEYOND6, HOST6)):
                for kind in ("tcp", "udp"):
                    seen = a.do(ask(address, 7000, kind))
                    b.check(seen == sees, f"a server beyond sees the host's address: {kind} to "
                            f"{address}", seen)
            ns, address = a.do("readlink /proc/self/ns/net"), _address(a)
            with w.shell(b.alice.pw_name) as second:
                b.check(second.do("readlink /proc/self/ns/net") == ns,
                        "a second login of the account is in the same network", _address(second))
            r = b.nsctl("status", b.alice.pw_name)
            b.check(f"Network: private {address}" in r.stdout, "nsctl status says the address",
                    r.stdout[:400])
        b.gone(b.alice.pw_name)
        with w.shell(b.bob.pw_name) as o, w.shell(b.alice.pw_name) as a:
            b.check(_address(a) == address != _address(o), "the address stays the account's",
                    (_address(a), _address(o)))
        b.gone()
        _no_links(b, w)


def _no_links(b, w):
    """A namespace goes a moment after its last process."""
    for _ in range(50):
        if not w.links():
            break
        time.sleep(0.1)
    b.check(not w.links(), "no link is left after the last logout", w.links())


def test_what_is_closed(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
        w.b.run("ip", "-n", w.beyond, "addr", "add", "169.254.169.254/32", "dev", "lo")
        w.b.run("ip", "-n", w.host, "route", "add", "169.254.169.254/32", "via", BEYOND4)
        w.serve(w.beyond, "169.254.169.254", 80)
        for address in (HOST4, HOST6, "127.0.0.1"):
            w.serve(w.host, address, 7000)
        w.serve(w.host, HOST4, 7000, "udp")
        o.do("python3 -m http.server 7000 --bind :: >/dev/null 2>&1 & "
             "for i in $(seq 50); do grep -q :1B58 /proc/net/tcp6 && break; sleep .1; done")
        for family in ("-4", "-6"):
            seen = a.do(reach(_address(o, family), 7000)), o.do(reach(_address(o, family), 7000))
            b.check(seen[0].startswith("no:") and seen[1] == "in", f"another account's box isn't reached: {family}", seen)
        for what, address, port in (
                ("the host's own address", HOST4, 7000), ("the host's, IPv6", HOST6, 7000),
                ("the host's loopback", "127.0.0.1", 7000),
                ("the gateway", "169.254.1.1", 7000),
                ("the metadata address", "169.254.169.254", 80)):
            seen = a.do(ask(address, port))
            b.check(seen.startswith("no:"), f"{what} isn't reached", seen)
        seen = a.do(ask(HOST4, 7000, "udp"))
        b.check(seen.startswith("no:"), "the host's own address isn't by UDP either", seen)
        r = w.on_host(reach(_address(o), 7000))
        b.check(r.stdout == "in\n", "the host itself reaches a box, as a proxy of it does",
                r.stdout + r.stderr)
        r = b.run("ip", "-n", w.beyond, "route", "add", "100.64.0.0/16", "via", HOST4)
        r = b.run(*w.enter(w.beyond), "sh", "-c",
                  reach(_address(o), 7000))
        b.check("no:" in r.stdout, "nobody beyond the host reaches a box", r.stdout + r.stderr)


def test_what_comes_from_elsewhere_is_dropped(b):
    """As root of the host: nobody in a box can send such a packet."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        a.do("true")
        pid = b.record_of(b.alice.pw_name)["init_pid"]
        inside = ["nsenter", "-t", pid, "-n"]
        # A wall of its own: without it, as here, the table has to notice.
        for rule in ("11001", "11002"):
            r = b.run(*inside, "ip", "-6", "rule", "del", "pref", rule)
            b.check(r.returncode == 0, "of IPv6 rules inside have no way for another source", r.stderr)
        b.run(*inside, "ip", "addr", "add", "100.64.7.7/32", "dev", "eth0")
        b.run(*inside, "ip", "addr", "add", "fd6e:7373::707/128", "dev", "eth0", "nodad")
        for source, to in (("100.64.7.7", BEYOND4), ("fd6e:7373::707", BEYOND6),
                           (HOST4.replace(".1", ".77"), BEYOND4)):
            b.run(*inside, "ip", "addr", "add", source, "dev", "eth0")
            r = b.run(*inside, "ping", "-c1", "-W1", "-I", source, to)
            b.check(r.returncode != 0, f"a packet that says it is from {source} goes nowhere",
                    r.stdout + r.stderr)
        r = b.run(*inside, "ping", "-c1", "-W2", BEYOND4)
        b.check(r.returncode == 0, "one from the own address arrives", r.stdout + r.stderr)
        seen = w.nft("list", "set", "inet", "nsshell", "refused").stdout
        b.check('"nssh' in seen, "the refused ones are counted", seen)
        b.check(_address(a) != "", "the login goes on", "")


@contextlib.contextmanager
def _unwatched(b):
    """Supervisors that stand still mend no table."""
    pids = [int(r["supervisor_pid"]) for r in b.stage.records()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_table_that_is_gone(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a, contextlib.ExitStack() as still:
        w.serve(w.beyond, BEYOND4, 7000)
        w.serve(w.beyond, BEYOND6, 7000)
        w.serve(w.host, HOST4, 7000)
        w.serve(w.host, HOST6, 7000)
        w.serve(w.host, HOST4, 7000, "udp")
        b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "there is a way out", a.do(ask(BEYOND4, 7000)))
        still.enter_context(_unwatched(b))
        w.nft("flush", "ruleset")
        for address in (BEYOND4, BEYOND6, HOST4, HOST6):
            seen = a.do(ask(address, 7000, seconds=1))
            b.check(seen.startswith("no:"), f"the table is flushed: no way to {address}", seen)
        seen = a.do(ask(HOST4, 7000, "udp", seconds=1))
        b.check(seen.startswith("no:"), "nor to the host by UDP", seen)
        with w.shell(b.bob.pw_name) as o:
            b.check(o.do(ask(BEYOND4, 7000)) == HOST4, "the next login of anybody mends it", "")
            b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "for who was there before, too",
                    a.do(ask(BEYOND4, 7000)))
            b.check(a.do(ask(HOST4, 7000)).startswith("no:"), "and what was closed is closed",
                    a.do(ask(HOST4, 7000)))
        w.nft("delete", "table", "inet", "nsshell")
        with w.shell(b.alice.pw_name) as second:
            b.check(second.do(ask(BEYOND4, 7000)) == HOST4,
                    "so does one that only joins its account's network", second.do("true"))
        b.check("had been changed or removed" in "\n".join(b.stage.syslog.lines()),
                "and the log says so", b.log_tail())


def test_names(b):
    """A resolver at the host's loopback is reached by way of the gateway, and sees a host's question."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    resolv = b.stage.private / "resolv.conf"
    resolv.write_text("search example.org\nnameserver 127.0.0.1\noptions edns0\n", encoding="ascii")
    kernel.bind(resolv, os.path.realpath("/etc/resolv.conf"))
    try:
        with World(b) as w:
            w.serve(w.host, "127.0.0.1", 53, "udp")
            with w.shell(b.alice.pw_name) as a:
                seen = a.do("cat /etc/resolv.conf").split("\n")
                b.check(seen == ["search example.org", "nameserver 169.254.1.1", "options edns0"],
                        "resolv.conf names the gateway", seen)
                seen = a.do(ask("169.254.1.1", 53, "udp"))
                b.check(seen == "127.0.0.1", "the host's resolver answers, and sees localhost", seen,
                        w.nft("list", "table", "inet", "nsshell").stdout)
            b.gone(b.alice.pw_name)
            b.stage.config(PRIVATE + "[Network]\nDNS=192.0.2.53 2001:db8::53\n")
            with w.shell(b.alice.pw_name) as a:
                seen = a.do("grep nameserver /etc/resolv.conf").split()
                b.check(seen == ["nameserver", "192.0.2.53", "nameserver", "2001:db8::53"],
                        "DNS= names others", seen)
    finally:
        kernel.umount(os.path.realpath("/etc/resolv.conf"))


# As ufw has it: rules of its users in chains of their own.
UFW = """table ip filter {
 chain user-input { }
 chain user-forward { }
 chain INPUT { type filter hook input priority 0; policy drop; iifname "lo" accept; ct state established accept; jump user-input; }
 chain FORWARD { type filter hook forward priority 0; policy drop; jump user-forward; }
}"""


def test_a_firewall_that_drops_questions(b):
    """What the host's own resolver is asked comes to the host, and isn't passed on."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    resolv = b.stage.private / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    kernel.bind(resolv, os.path.realpath("/etc/resolv.conf"))
    try:
        with World(b) as w:
            def check():
                r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "check", "-c", b.stage.conf)
                return " ".join((r.stdout + r.stderr).split())

            w.serve(w.host, "127.0.0.1", 53, "udp")
            w.nft(UFW)
            seen = check()
            b.check("chain FORWARD in nftables' table ip filter drops what the host passes on" in seen,
                    "nsctl check finds ufw's way of dropping what is passed on", "", seen)
            w.nft('add rule ip filter user-forward iifname "nssh*" accept; add rule ip filter user-forward oifname "nssh*" accept')
            seen = check()
            b.check("chain INPUT in nftables' table ip filter drops questions to the host's resolver" in seen,
                    "what lets pass only that is no way for names", "", seen)
            with w.shell(b.alice.pw_name) as a:
                seen = a.do(ask("169.254.1.1", 53, "udp", 0.5))
                b.check(seen.startswith("no:"), "there are none, indeed", seen)
                w.nft('add rule ip filter user-input iifname "nssh*" udp dport 53 accept')
                seen = a.do(ask("169.254.1.1", 53, "udp")), check()
                b.check(seen[0] == "127.0.0.1" and "in nftables' table" not in seen[1],
                        "until these are let in, and nothing is said any more", *seen)
            resolv.write_text(f"nameserver {HOST4}\nnameserver {BEYOND4}\nnameserver fe80::1%up0\n", encoding="ascii")
            seen = check()
            b.check(f"resolver {HOST4} is at an address of the host's own" in seen and f"resolver {BEYOND4}" not in seen and
                    "resolver fe80::1%up0 is a neighbour of the host's alone" in seen,
                    "nsctl check knows resolvers that no such network reaches", "", seen)
    finally:
        kernel.umount(os.path.realpath("/etc/resolv.conf"))


UNBOUND = """server:
 interface: {}
 do-daemonize: no
 username: ""
 chroot: ""
 directory: ""
 pidfile: ""
 use-syslog: no
 local-data: "box.example. A 192.0.2.77"
remote-control:
 control-enable: no
"""


def _resolver(b, w, program, where, address):
    """A real one that knows box.example; None where it isn't installed."""
    if not shutil.which(program):
        b.skip(f"Network=private: names by {program}", f"{program} isn't installed")
        return None
    if program == "unbound":
        conf = b.stage.private / "unbound.conf"
        conf.write_text(UNBOUND.format(address), encoding="ascii")
        argv = ["unbound", "-d", "-c", str(conf)]
    else:
        argv = ["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--user=root",
                f"--listen-address={address}", "--bind-interfaces", "--address=/box.example/192.0.2.77"]
    return w.run(where, argv, 53, "udp")


def test_names_of_real_resolvers(b):
    """Each where such a one is: on the host's loopback, at the address of systemd-resolved's stub, beyond, and a cloud's."""
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    resolv, real = b.stage.private / "resolv.conf", os.path.realpath("/etc/resolv.conf")
    resolv.write_text("", encoding="ascii")
    kernel.bind(resolv, real)
    try:
        with World(b) as w:
            b.run("ip", "-n", w.beyond, "addr", "add", METADATA + "/32", "dev", "lo")
            b.run("ip", "-n", w.host, "route", "add", METADATA + "/32", "via", BEYOND4)
            w.serve(w.beyond, METADATA, 80)
            for program, where, address, seen_at in (
                    ("dnsmasq", w.host, "127.0.0.1", "169.254.1.1"),
                    ("unbound", w.host, "127.0.0.1", "169.254.1.1"),
                    ("unbound", w.host, "127.0.0.53", "169.254.1.1"),
                    ("dnsmasq", w.beyond, BEYOND4, BEYOND4),
                    ("dnsmasq", w.beyond, METADATA, "169.254.1.1")):
                resolver = _resolver(b, w, program, where, address)
                if not resolver:
                    continue
                resolv.write_text(f"nameserver {address}\n", encoding="ascii")
                with w.shell(b.alice.pw_name) as a:
                    seen = a.do("cat /etc/resolv.conf; for by in attempts:1 use-vc; do RES_OPTIONS=$by "
                                "getent ahostsv4 box.example | awk '{print $1}' | sort -u; done").split()
                    b.check(seen == ["nameserver", seen_at, "192.0.2.77", "192.0.2.77"],
                            f"{program} at {address} tells a name inside, by UDP and TCP", seen, b.log_tail())
                    seen = a.do(ask(METADATA, 80, seconds=1))
                    b.check(seen.startswith("no:"), "and nothing else of a cloud's is reached", seen)
                b.gone(b.alice.pw_name)
                resolver.process.kill()
                resolver.close()
    finally:
        kernel.umount(real)


INSIDE = """python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 7200))
print("up", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"inside")
    c.close()' >up 2>&1 & for i in $(seq 100); do grep -q up up && break; sleep .1; done"""


def test_the_login_program_comes_along(b):
    """Its connection stays the host's; what it connects and listens for the user is inside."""
    if not _possible(b):
        return
    name, sshd = b.alice.pw_name, b.stage.sshd
    b.stage.config(PRIVATE + f"IPAddressDeny={OTHER4}\n")
    env = dict(os.environ, DISPLAY="127.0.0.1:77", XAUTHORITY=str(b.stage.private / "Xauthority"))
    if shutil.which("xauth"):
        b.run("xauth", "add", env["DISPLAY"], "MIT-MAGIC-COOKIE-1", "00112233445566778899aabbccddeeff", env=env)
    with World(b) as w:
        w.run(w.beyond, ["ip", "addr", "add", OTHER4 + "/32", "dev", "lo"])
        for where, address, port in ((w.beyond, OTHER4, 7000), (w.host, "127.0.0.1", 7200)):
            w.serve(where, address, port)
        options = ["-Y", "-L", "7100:127.0.0.1:7200", "-L", f"7101:{OTHER4}:7000", "-R", "7300:127.0.0.1:7200"]
        argv = [*w.enter(w.host), *sshd.argv(name, "exec bash", options=options)]
        with Shell(argv, env=env) as a:
            a.do(INSIDE)
            seen = w.on_host(ask("127.0.0.1", 7100, seconds=8)).stdout.strip()
            b.check(seen == "inside", "ssh -L connects to the localhost inside", seen, b.log_tail())
            seen = [w.on_host(ask(*to, seconds=8)).stdout.strip() for to in ((OTHER4, 7000), ("127.0.0.1", 7101))]
            b.check(seen[0] == HOST4 and seen[1] != HOST4, "and where the account's rules let it", seen)
            seen = a.do(ask("127.0.0.1", 7300, seconds=8)), w.on_host(ask("127.0.0.1", 7300, seconds=8)).stdout.strip()
            b.check(seen[0] == "127.0.0.1" and seen[1].startswith("no:"), "ssh -R listens inside, and not on the host",
                    seen)
            if shutil.which("xauth"):
                seen = a.do("echo $DISPLAY; grep -c ':177A .* 0A ' /proc/net/tcp"), \
                    w.on_host("grep -c ':177A .* 0A ' /proc/net/tcp").stdout.strip()
                b.check(seen == ("localhost:10.0\n1", "0"), "so does X11's display", seen)
        r = b.run(*w.enter(w.host), "sftp", *sshd.options(), "-P", str(sshd.port), "-b", "-", f"{name}@127.0.0.1",
                  input="ls -1\n")
        b.check(r.returncode == 0 and "up" in r.stdout.split(), "sftp works as ever", r.stdout + r.stderr)


def test_without_the_program(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    program = b.stage.private / "nothing" / "nsshell-net"
    away = program.with_suffix(".away")
    program.rename(away)
    try:
        with World(b) as w:
            r = w.ssh(b.alice.pw_name, "true")
            b.check(r.returncode != 0 and "nsshell-net" in b.log_tail(40),
                    "without nsshell-net the login is refused, and the log says why", r.returncode,
                    b.log_tail())
            program.write_text(WITHOUT_NFTABLES.format(away), encoding="ascii")
            program.chmod(0o755)
            lacks = "this kernel lacks nf_tables (try modprobe nf_tables): Protocol not supported"
            r = b.run(b.stage.bin / "nsctl", "check", "-c", b.stage.conf)
            b.check(lacks in " ".join(r.stdout.split()) and "modprobe -a veth nf_tables" in r.stdout,
                    "nsctl check says what a kernel without nf_tables lacks", r.stdout + r.stderr)
            r = w.ssh(b.alice.pw_name, "true")
            b.check(r.returncode != 0 and lacks in b.log_tail(40), "so does the log of a login that it refuses", r.returncode,
                    b.log_tail())
    finally:
        away.rename(program)


def test_a_killed_supervisor_leaves_no_link(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(b.alice.pw_name) as a:
            a.do("true")
            os.kill(int(b.record_of(b.alice.pw_name)["supervisor_pid"]), signal.SIGKILL)
        with w.shell(b.alice.pw_name) as a:
            b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "the next login has the way out", "")
            b.check(len(w.links()) == 1, "by the only link", w.links())
        b.gone()
        _no_links(b, w)


def test_anothers(b):
    if not _possible(b):
        return
    alice, bob = b.alice.pw_name, b.bob.pw_name
    b.stage.config(f"[User {alice}]\nNetwork=private\nNetworkAllowUsers={bob}\n"
                   f"[User {bob}]\nNetwork=user:{alice}\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(alice) as a:
            address = _address(a)
            with w.shell(bob) as o:
                b.check(_address(o) == address and o.do(ask(BEYOND4, 7000)) == HOST4,
                        "Network=user:NAME: another account has its address and its way out",
                        (_address(o), o.do(ask(BEYOND4, 7000))), b.log_tail())
                b.check(o.do("cat /etc/resolv.conf") == a.do("cat /etc/resolv.conf"),
                        "and its resolvers", o.do("cat /etc/resolv.conf"))
                os.kill(int(b.record_of(alice)["init_pid"]), signal.SIGKILL)
                b.gone(alice)
                with w.shell(alice) as again:
                    seen = again.do(ask(BEYOND4, 7000)), o.do(ask(BEYOND4, 7000)), _address(again)
                    b.check(seen == (HOST4, HOST4, address),
                            "who comes back while a guest is in it has it again, and both have the way out", seen)
                    b.check(len(w.links()) == 1, "by one link", w.links())
        b.gone()
        _no_links(b, w)


def _is_locked(path):
    """By its supervisor: else the next login may have the same number."""
    with open(path, "rb") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_each_login_its_own(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config("[Network]\nPool=100.64.0.0/28\n[Default]\n" + PRIVATE + "NetworkShare=login\n"
                   f"[User {b.bob.pw_name}]\nNetworkShare=account\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(name) as one, w.shell(name) as two, w.shell(b.bob.pw_name) as o:
            seen = {_address(one), _address(two), _address(o)}
            b.check(len(seen) == 3 and "" not in seen, "each login has an address of its own", seen, b.log_tail())
            one.do("python3 -m http.server 7000 --bind 127.0.0.1 >/dev/null 2>&1 & "
                   "for i in $(seq 50); do grep -q :1B58 /proc/net/tcp && break; sleep .1; done")
            seen = one.do(reach("127.0.0.1", 7000)), two.do(reach("127.0.0.1", 7000))
            b.check(seen[0] == "in" and seen[1].startswith("no:"), "and a localhost of its own", seen)
            seen = one.do(ask(BEYOND4, 7000)), two.do(ask(BEYOND4, 7000)), two.do(reach(_address(one), 7000))
            b.check(seen[:2] == (HOST4, HOST4) and seen[2].startswith("no:"),
                    "each has a way out, and none to the other", seen)
            r = b.nsctl("list", "-n", "-r", "-o", "USER,NETWORK,ADDRESS")
            seen = [f"{name} private {_address(login)}" in r.stdout for login in (one, two)]
            b.check(seen == [True, True], "nsctl list has both", r.stdout + r.stderr)
            b.check([_is_locked(p) for p in LENT.iterdir()] == [True, True], "each number is somebody's", list(LENT.iterdir()))
            pid = next(int(r["supervisor_pid"]) for r in b.stage.records() if r["user"] == name)
            os.kill(pid, signal.SIGKILL)
        b.gone()
        with w.shell(name) as one:
            b.check(_address(one) != "", "a later one has one, too", "")
            b.check(len(list(LENT.iterdir())) == 1, "also what a killed supervisor left is free", list(LENT.iterdir()))
        b.gone()
        b.check(not list(LENT.iterdir()), "no number is left", list(LENT.iterdir()))
        _no_links(b, w)


OTHER4 = "198.51.100.5"


def test_rules(b):
    if not _possible(b):
        return
    alice = f"[User {b.alice.pw_name}]\n"
    b.stage.config(PRIVATE + alice + f"IPAddressDeny=any\nIPAddressAllow={BEYOND4} {HOST4} "
                   f"169.254.169.254\nRestrictPorts=7001 7002-7003/udp\n")
    with World(b) as w:
        for address in (OTHER4, "169.254.169.254"):
            b.run("ip", "-n", w.beyond, "addr", "add", address + "/32", "dev", "lo")
            w.serve(w.beyond, address, 7000)
        b.run("ip", "-n", w.host, "route", "add", "169.254.169.254/32", "via", BEYOND4)
        for address in (BEYOND4, BEYOND6):
            w.serve(w.beyond, address, 7000)
        for port, kind in ((7001, "tcp"), (7001, "udp"), (7002, "tcp"), (7002, "udp")):
            w.serve(w.beyond, BEYOND4, port, kind)
        w.serve(w.host, HOST4, 7000)
        with w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
            _rules_hold(b, a, o)
            w.nft("flush", "ruleset")
            with w.shell(b.carol.pw_name) as c:
                b.check(c.do(ask(OTHER4, 7000)) == HOST4, "the table was flushed and mended",
                        b.log_tail())
                _rules_hold(b, a, o)
            b.stage.config(PRIVATE + alice + "IPAddressDeny=192.0.2.0/24 10.0.0.0/8 10.1.0.0/16\n")
            with w.shell(b.alice.pw_name) as second:
                second.do("true")
                for login in (a, second):
                    seen = login.do(ask(OTHER4, 7000)), login.do(ask(BEYOND4, 7000)), \
                        login.do(ask(HOST4, 7000)), login.do(ask(BEYOND6, 7000))
                    b.check(seen[0] == HOST4 and seen[3] == HOST6 and
                            all(s.startswith("no:") for s in seen[1:3]),
                            "other rules hold for all sessions of the account from its next login "
                            "on", seen, w.nft("list", "table", "inet", "nsshell").stdout)
        b.gone()
        with w.shell(b.alice.pw_name) as a:
            b.check(a.do(ask(BEYOND4, 7000)).startswith("no:"), "and for a new network", "")


def _rules_hold(b, a, o):
    seen = a.do(ask(BEYOND4, 7000)), a.do(ask("169.254.169.254", 7000)), a.do(ask(HOST4, 7000))
    b.check(not any(s.startswith("no:") for s in seen),
            "IPAddressAllow= opens an address, that of the host and that of the metadata", seen)
    seen = a.do(ask(OTHER4, 7000)), a.do(ask(BEYOND6, 7000))
    b.check(all(s.startswith("no:") for s in seen), "IPAddressDeny=any closes all else", seen)
    seen = [a.do(ask(BEYOND4, port, kind, 1)).startswith("no:")
            for port, kind in ((7001, "tcp"), (7001, "udp"), (7002, "tcp"), (7002, "udp"))]
    b.check(seen == [True, True, False, True], "RestrictPorts= closes ports", seen)
    seen = o.do(ask(OTHER4, 7000)), o.do(ask(BEYOND4, 7001)), o.do(ask("169.254.169.254", 7000))
    b.check(seen[:2] == (HOST4, HOST4) and seen[2].startswith("no:"),
            "another account has its own", seen)


CROWD = """python3 -c '
import socket, sys
held, refused = [], 0
for _ in range(int(sys.argv[2])):
    s = socket.socket()
    s.settimeout(3)
    try:
        s.connect((sys.argv[1], 7000))
        held.append(s)
    except OSError:
        refused += 1
print(len(held), refused, flush=True)
sys.stdin.read()' """


def test_as_many_connections(b):
    """Nobody fills the kernel's table of connections for all."""
    if not _possible(b):
        return
    b.stage.config("[Network]\nConnectionsMax=5\n[Default]\n" + PRIVATE)
    with World(b) as w, w.shell(b.alice.pw_name) as a, w.shell(b.bob.pw_name) as o:
        a.do("true")
        w.hold(w.beyond, BEYOND4, 7000)
        a.do(f"mkfifo end; >held; {CROWD} {BEYOND4} 12 <end >held 2>&1 & exec 9>end; for i in $(seq 300); do "
             "grep -q . held && break; sleep .1; done")
        seen = a.do("cat held")
        b.check(seen == "5 7", "of twelve connections at once five are taken", seen, b.log_tail())
        seen = o.do(f"{CROWD} {BEYOND4} 5 </dev/null")
        b.check(seen == "5 0", "and another account has its own", seen)
        seen = a.do("""python3 -c '
import socket
n = 0
for i in range(200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("192.0.2.9", 10000 + i))
    try:
        s.send(b"x"); s.send(b"x"); n += 1
    except OSError:
        pass
print(n)' """)
        r = w.on_host("cat /proc/sys/net/netfilter/nf_conntrack_count")
        b.check(int(r.stdout) < 60, "two hundred by UDP take no room either", (seen, r.stdout))


CLOSED = """python3 -c '
import socket, sys
done = 0
for _ in range(int(sys.argv[2])):
    s = socket.socket()
    s.settimeout(2)
    try:
        s.connect((sys.argv[1], 7000))
        s.recv(100)
        done += 1
    except OSError:
        pass
    s.close()
print(done)' """


def test_connections_that_are_closed(b):
    """The kernel remembers them for two minutes: who closes them fast fills its table as who keeps them."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(f"[Network]\nConnectionsMax=50\n[Default]\n{PRIVATE}[User {name}]\nPublish=7000\n")
    with World(b) as w, w.shell(name) as a, w.shell(b.bob.pw_name) as o:
        w.serve(w.beyond, BEYOND4, 7000)
        seen = int(a.do(f"{CLOSED} {BEYOND4} 300")), o.do(ask(BEYOND4, 7000))
        r = w.on_host("cat /proc/sys/net/netfilter/nf_conntrack_count")
        b.check(50 <= seen[0] < 200 and seen[1] == HOST4 and int(r.stdout) < 220, "of 300 connections that are closed at once no more are "
                "taken than may be open, and another account has its own", seen, r.stdout)
        a.do("cat >server.py <<'END'\n" + SERVER + "END\npython3 server.py 0.0.0.0 7000 tcp >/dev/null 2>&1 & "
             "for i in $(seq 400); do grep -q ':1B58 .* 0A ' /proc/net/tcp && break; sleep .05; done")
        seen = int(b.run(*w.enter(w.beyond), "sh", "-c", f"{CLOSED.replace('(2)', '(0.1)')} {HOST4} 100").stdout)
        b.check(50 <= seen < 100, "nor of a hundred that come in by a published port", seen)


def test_rules_need_the_network(b):
    b.stage.config("IPAddressDeny=10.0.0.0/8\n")
    r = b.ssh(b.alice.pw_name, "true")
    b.check(r.returncode != 0 and "holds for Network=private" in b.log_tail(40),
            "IPAddressDeny= without a network of one's own is refused", r.returncode, b.log_tail())


def test_what_check_and_list_say(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w:
        def check():
            r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "check", "-c", b.stage.conf)
            return " ".join((r.stdout + r.stderr).split())

        def says(what, did):
            seen = check()
            b.check(what in seen, did, what, seen)

        quiet = check()
        for what in ("ip_forward is 0", "overlaps a route", "what the host passes on", "nf_tables"):
            b.check(what not in quiet, f"nsctl check says nothing of what is right: {what}", quiet)
        w.forward(0)
        says("net.ipv4.ip_forward is 0", "it finds a host that passes nothing on")
        w.forward(1)
        b.run("ip", "-n", w.host, "route", "add", "100.64.3.0/24", "via", BEYOND4)
        says("100.64.0.0/16 overlaps a route", "a route that the pool overlaps")
        b.run("ip", "-n", w.host, "route", "del", "100.64.3.0/24")
        w.nft("add table ip filter; add chain ip filter FORWARD "
              "{ type filter hook forward priority 0; policy drop; }")
        says("chain FORWARD in nftables' table ip filter drops", "another's firewall that drops what is passed on")
        w.nft("insert rule ip filter FORWARD iifname \"nssh*\" accept")
        b.check("what the host passes on" not in check(), "and says no more where that lets our links pass", "")
        w.nft("delete", "table", "ip", "filter")
        w.nft("add table inet firewalld; add chain inet firewalld filter_FORWARD "
              "{ type filter hook forward priority 10; policy accept; }; "
              "add rule inet firewalld filter_FORWARD ct state established accept; "
              "add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited")
        says("filter_FORWARD in nftables' table inet firewalld drops", "one that ends with a rule that rejects all, as firewalld's")
        w.nft("delete", "table", "inet", "firewalld")
        _other_iptables(b, w, check)
        b.run("ip", "-n", w.host, "-6", "route", "add", "fd6e:7373::100/120", "via", BEYOND6)
        says("fd6e:7373::/48 overlaps a route", "a route of IPv6 that the pool overlaps")
        b.run("ip", "-n", w.host, "-6", "route", "del", "fd6e:7373::100/120")
        with w.shell(b.alice.pw_name) as a:
            address = _address(a)
            r = b.nsctl("list", "-n", "-r", "-o", "USER,NETWORK,ADDRESS")
            b.check(r.stdout.split() == [b.alice.pw_name, "private", address],
                    "nsctl list has a column for the network, and one for the address",
                    r.stdout + r.stderr)


def _other_iptables(b, w, check):
    for program, where in (("iptables-nft", "nftables' table ip filter drops"),
                           ("iptables-legacy", "FORWARD of iptables-legacy is to drop")):
        if not shutil.which(program) or w.on_host(f"{program} -P FORWARD DROP").returncode:
            b.skip(f"nsctl check: {program}", "it isn't installed, or the kernel has none of its tables")
            continue
        seen = check()
        b.check(where in seen, f"the same by real {program}", where, seen)
        w.on_host(f"{program} -I FORWARD -i nssh+ -j ACCEPT")
        seen = check()
        b.check("what the host passes on" not in seen, "until it lets our links pass", "", seen)
        w.on_host(f"{program} -P FORWARD ACCEPT; {program} -F FORWARD")


def test_who_manages_links(b):
    """On a /run and an /etc that only this one command has."""
    b.stage.config(PRIVATE)

    def check(prepare):
        made = b.stage.private / "layer"
        made.mkdir(exist_ok=True)
        r = b.run("unshare", "-mn", "sh", "-ec", f"mount -t tmpfs x {made}; mkdir {made}/u {made}/w; mount -t overlay -o "
                  f"lowerdir=/etc,upperdir={made}/u,workdir={made}/w x /etc; mount -t tmpfs x /run; {prepare}; "
                  f"{b.stage.bin}/nsctl check -c {b.stage.conf} || true")
        return " ".join((r.stdout + r.stderr).split())

    networkd = "mkdir -p /run/systemd/netif /etc/systemd/network; cd /etc/systemd/network; rm -f *; "
    for what, prepare, said in (
            ("nobody who does", "true", None),
            ("networkd with a file for all of type ether", networkd + "printf '[Match]\nType=ether\n[Network]\nDHCP=yes\n' "
             ">50-all.network", "systemd-networkd takes links nssh* for its own, by /etc/systemd/network/50-all.network"),
            ("one with a file before it that leaves them alone", networkd + "printf '[Match]\nName=*\n' >50-all.network; "
             "printf '[Match]\nName=nssh*\n[Link]\nUnmanaged=yes\n' >00-nsshell.network", None),
            ("one whose file is for another link", networkd + "printf '[Match]\nName=en*\n' >50.network; "
             "printf '[Match]\nName=*\nMACAddress=02:00:00:00:00:01\n' >60.network", None),
            ("NetworkManager that takes any link", "mkdir /run/NetworkManager; mount -t tmpfs x /usr/lib/udev",
             "NetworkManager takes links nssh*"),
            ("one that was told", "mkdir -p /run/NetworkManager /etc/NetworkManager/conf.d; mount -t tmpfs x /usr/lib/udev; echo "
             "'unmanaged-devices+=interface-name:nssh*' >/etc/NetworkManager/conf.d/a.conf", None)):
        seen = check(prepare)
        if "mount:" in seen:
            b.skip("nsctl check knows who manages links", f"/etc and /run can't be covered here: {seen[:120]}")
            return
        b.check("Network=private" in seen and (said in seen if said else "takes links" not in seen),
                f"nsctl check knows who manages links: {what}", said or "nothing", seen)


def test_nobody_has_a_right_over_it(b):
    if not _possible(b):
        return
    b.stage.config(PRIVATE + "AllowUserNamespaces=yes\n")
    with World(b) as w, w.shell(b.alice.pw_name) as a:
        before = a.do("ip addr; ip route; ip neigh")
        for tried in ("ip addr add 100.64.9.9/32 dev eth0", "ip link set eth0 down",
                      "ip route del default", "ip neigh flush all nud permanent",
                      "ip link add nst0 type veth", "nft list ruleset",
                      "python3 -c 'import socket; socket.socket(17, 3, 768)'",
                      "python3 -c 'import socket; socket.socket(2, 3, 1)'",
                      "python3 -c 'import socket; "
                      "socket.socket().setsockopt(1, 36, 0x6e000000)'"):  # SO_MARK
            for how in ("", "unshare -Ur "):
                seen = a.do(f"{how}{tried} && echo got it")
                b.check("got it" not in seen, f"{how}{tried}: refused", seen)
        b.check(a.do("ip addr; ip route; ip neigh") == before, "all is as it was", "")
