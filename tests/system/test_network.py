# SPDX-License-Identifier: BSD-3-Clause
"""Network=: a localhost of one's own, and networks that the admin made."""

import contextlib
import os

from harness import kernel
from test_users import Tools

SERVE = """>/tmp/served; python3 -c '
import socket, sys
s = socket.create_server(("127.0.0.1", 8080))
print("listens", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(sys.argv[1].encode())
    c.close()' {} >/tmp/served 2>&1 & for i in $(seq 50); do
    grep -q . /tmp/served && break; sleep 0.1; done; cat /tmp/served"""
ASK = """python3 -c '
import socket
try:
    s = socket.create_connection(("127.0.0.1", 8080), 5)
    print(s.recv(100).decode())
except OSError as e:
    print(e.strerror)'"""
PING = "/proc/sys/net/ipv4/ping_group_range"
NS = "readlink /proc/self/ns/net"


def _host():
    return os.readlink("/proc/self/ns/net")


@contextlib.contextmanager
def _netns(b, name):
    mounted = os.path.ismount("/run/netns")
    b.run("ip", "netns", "add", name)
    try:
        yield
    finally:
        b.run("ip", "netns", "del", name)
        if not mounted:
            kernel.umount("/run/netns")


def test_two_accounts_on_one_port(b):
    b.stage.config("Network=none\n")
    with b.shell(b.alice.pw_name) as a, b.shell(b.bob.pw_name) as o:
        seen = a.do(SERVE.format("alices")), o.do(SERVE.format("bobs"))
        b.check(seen == ("listens", "listens"), "two accounts listen on 127.0.0.1:8080", seen,
                b.log_tail())
        seen = a.do(ASK), o.do(ASK)
        b.check(seen == ("alices", "bobs"), "and each reaches its own server", seen)
        with b.shell(b.alice.pw_name) as second:
            b.check(second.do(ASK) == "alices", "a second login of one reaches its first one's",
                    second.do(ASK))
        seen = a.do("ls /sys/class/net; cat /proc/net/dev | tail -n +3 | cut -d: -f1")
        b.check(seen.split() == ["lo"], "there is no other link than the loopback", seen)
        with open(PING, encoding="ascii") as f:
            seen, host = a.do(f"cat {PING}").split(), f.read().split()
        b.check(seen[:1] == host[:1] or seen == ["65534", "65534"],
                "who may ping is as on the host", (seen, host))
        net, inside = b.record_of(b.bob.pw_name), o.do(NS)
        b.check(inside == f"net:[{net.get('ns_net')}]" and inside != _host(),
                "the record names the namespace", (inside, net))
        r = b.nsctl("status", b.bob.pw_name)
        b.check("Network: none" in r.stdout, "nsctl status says so", r.stdout[:400])


def test_each_login_its_own(b):
    b.stage.config("Network=none\nNetworkShare=login\n")
    with b.shell(b.alice.pw_name) as one, b.shell(b.alice.pw_name) as two:
        b.check(one.do(SERVE.format("ones")) == "listens" and two.do(ASK) == "Connection refused",
                "NetworkShare=login: a second login has a localhost of its own", two.do(ASK))


def test_anothers(b):
    """Network=user:NAME: as both accounts' config allows, and as long as the other has a session."""
    alice, bob, carol = (a.pw_name for a in (b.alice, b.bob, b.carol))
    guest = f"[User {bob}]\nNetwork=user:{alice}\n[User {carol}]\nNetwork=user:{alice}\n"
    allowed = f"[User {alice}]\nNetwork=none\nNetworkAllowUsers={bob} nobodys\n" + guest
    b.stage.config(allowed)
    r = b.ssh(bob, "true")
    b.check(r.returncode != 0 and f"{alice} has no session" in b.log_tail(40),
            "it is refused while the other has no session, and the log says so", r.returncode, b.log_tail())
    with b.shell(alice) as a:
        ns = a.do(NS)
        with b.shell(bob) as o:
            b.check(a.do(SERVE.format("alices")) == "listens" and o.do(ASK) == "alices" and o.do(NS) == ns,
                    "another account is in its network", o.do(ASK), b.log_tail())
            r = b.ssh(carol, "true")
            b.check(r.returncode != 0 and f"{alice} doesn't allow it" in b.log_tail(40),
                    "a third one that it doesn't name is refused", r.returncode, b.log_tail())
            r = b.nsctl("list", "-n", "-r", "-o", "USER,NETWORK")
            b.check(f"{bob} user:{alice}" in r.stdout, "nsctl list says whose it is", r.stdout + r.stderr)
            os.kill(int(b.record_of(alice)["init_pid"]), 9)
            b.gone(alice)
            with b.shell(alice) as again:
                b.check(again.do(NS) == ns == o.do(NS), "who comes back finds it where a guest is still in it",
                        (again.do(NS), ns))
    b.gone()
    for what, text, why in (
            ("doesn't name it", f"[User {alice}]\nNetwork=none\n" + guest, "doesn't allow it"),
            ("shares another's itself", allowed.replace("Network=none", f"Network=user:{bob}"),
             "has no network of its own"),
            ("isn't there", guest.replace(f"user:{alice}", "user:nobodys"), "no such account")):
        b.stage.config(text)
        r = b.ssh(bob, "true")
        b.check(r.returncode != 0 and why in b.log_tail(10), f"an account that {what} shares none",
                r.returncode, b.log_tail())
    r = b.run(b.stage.bin / "nsctl", "check", "--brief", "-c", b.stage.conf)
    b.check("Network=user:nobodys: there is no such account" in r.stdout, "nsctl check finds it, too",
            r.stdout + r.stderr)


def test_who_steps_in(b):
    b.stage.config("Network=none\n")
    name = b.alice.pw_name
    with b.shell(name) as login:
        ns = login.do(NS)
        login.do(SERVE.format("alices"))
        r = b.run(b.stage.bin / "nsjoin", "-q", name, "sh", "-c", f"{NS}; {ASK}")
        b.check(r.stdout.split() == [ns, "alices"], "an admin who steps in is in its network",
                r.stdout + r.stderr)
        r = Tools(b).join(b.alice, "-q", name, "sh", "-c", f"{NS}; {ASK}")
        b.check(r.stdout.split() == [ns, "alices"], "so is who steps into an own session",
                r.stdout + r.stderr)
        r = b.ssh(name, ASK)
        b.check(r.stdout == "alices\n", "and a command over ssh", r.stdout + r.stderr)


def test_nobody_has_a_right_over_it(b):
    b.stage.config("Network=none\nAllowUserNamespaces=yes\n")
    with b.shell(b.alice.pw_name) as login:
        for try_ in ("ip link add nst0 type dummy", "ip addr add 10.9.9.9/8 dev lo",
                     "ip link set lo down",
                     "python3 -c 'import socket; socket.socket(17, 3, 768)'",
                     "python3 -c 'import socket; socket.socket(2, 3, 1)'"):
            for how in ("", "unshare -Ur "):
                seen = login.do(f"{how}{try_} && echo got it")
                b.check("got it" not in seen, f"{how}{try_}: refused", seen)


def test_it_goes_with_the_last_session(b):
    b.stage.config("Network=none\n")
    name = b.alice.pw_name
    with b.shell(name) as one:
        first, pid = one.do(NS), int(b.record_of(name)["supervisor_pid"])
        with b.shell(name) as two:
            b.check(two.do(NS) == first, "the second session has the first one's network",
                    two.do(NS))
            os.kill(pid, 9)
            b.check(two.do(NS) == first, "also when the first one's supervisor was killed",
                    two.do(NS))
            with b.shell(name) as three:
                b.check(three.do(NS) == first, "and a third one finds it", three.do(NS))
    b.gone(name)
    left = [p for p in kernel.processes() if _net(p.pid) == first]
    b.check(not left, "nobody is in it after the last logout", left)


def _net(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def test_the_admins_own(b):
    lab = b.stage.accounts.prefix + "lab"
    b.stage.config(f"Network=netns:{lab}\n")
    r = b.ssh(b.alice.pw_name, "true")
    log = b.log_tail(40)
    b.check(r.returncode != 0 and "ip netns add" in log,
            "netns:NAME refuses a login where there is none, and says what to do", r.returncode, log)
    with _netns(b, lab):
        r = b.run("ip", "netns", "exec", lab, "readlink", "/proc/self/ns/net")
        want = r.stdout.strip()
        with b.shell(b.alice.pw_name) as a, b.shell(b.bob.pw_name) as o:
            b.check(want and a.do(NS) == want and o.do(NS) == want,
                    "with it, who has that line is in there", (want, a.do(NS)))
            r = b.run(b.stage.bin / "nsjoin", "-q", b.alice.pw_name, "sh", "-c", NS)
            b.check(r.stdout.strip() == want, "so is an admin who steps in", r.stdout + r.stderr)
            r = b.run("nsenter", f"--net=/run/netns/{lab}", b.stage.bin / "nsjoin", "-q",
                      b.alice.pw_name, "sh", "-c", NS)
            b.check(r.stdout.strip() == want, "also one who stands in it already",
                    r.stdout + r.stderr)
