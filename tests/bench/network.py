# SPDX-License-Identifier: BSD-3-Clause
"""
What Network=private costs beside the host's network, and beside pasta(1): a login, and what goes through it. In a
network namespace of the bench's own, which is the host, with a second one beyond it.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time

from harness import kernel
from harness.links import make_links
from crowd import CROWD, cell, crowd, new_accounts
from host import BUILD, LIBEXEC, NAME, RUNDIR, STACK, Ssh
from measure import Contender, call, extra_percent, quantile, reap, rounds, spawn, table

HOST, BEYOND = "192.0.2.1", "192.0.2.9"
CONF = """[Default]
Isolate=no
Services={0} {0}-sshd {0}-private

[User {0}]
Isolate=yes
Network={1}
"""
FEW, MANY = 10, int(os.environ.get("NSSHELL_CROWD", "1000"))
# Column; arguments of iperf3.
STREAMS = (("TCP", ()), ("TCP, eight", ("-P", "8")), ("UDP", ("-u", "-b", "0")))


def _leave(host):
    """A host of our own: its loopback, a link to a namespace beyond it, and a way through."""
    shutil.copy(os.path.join(BUILD, "nsshell-net"), LIBEXEC)  # beside what host.py has put there
    kernel.private_network()
    far = subprocess.Popen(["unshare", "-n", "sleep", "100000"], preexec_fn=kernel.die_with_parent)
    host.clean.add(far.kill)
    while os.readlink(f"/proc/{far.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    beyond = ["nsenter", "-t", str(far.pid), "-n"]
    for words in (f"ip link add up0 type veth peer name eth0 netns {far.pid}", f"ip addr add {HOST}/24 dev up0",
                  "ip link set up0 up", "ip link set lo up", f"ip route add default via {BEYOND}",
                  "sysctl -qw net.ipv4.ip_forward=1"):
        call(words.split())
    call(["sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"])  # for pasta
    for words in (f"ip addr add {BEYOND}/24 dev eth0", "ip link set eth0 up", "ip link set lo up"):
        call([*beyond, *words.split()])
    return beyond


def _login(host, row, argv, beside):
    """A login, with that many sessions that stay."""
    def once():
        ms, _ = spawn(argv)
        while sum("." not in name for name in os.listdir(RUNDIR + "/sessions")) > beside:
            time.sleep(0.005)
        reap()
        return {"ssh host true": ms}
    return Contender(row, once)


@contextlib.contextmanager
def _open(host, service):
    """A session that stays."""
    p = subprocess.Popen(host.caller(service, "-i"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        p.stdout.readline()
        yield host.init_of_session()
    finally:
        p.stdin.close()
        p.stdout.close()
        p.wait()
        host.settle()


def _seconds(pid):
    """Of processor time, by now."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _iperf(enter, arguments, beside):
    """Gbit/s that arrive, and seconds of processor time for each GB: of both ends, and of the processes @beside."""
    before = sum(map(_seconds, beside))
    end = {}
    while "cpu_utilization_percent" not in end:  # the server may be busy with the end of the one before
        r = call([*enter, "iperf3", "-J", "-t", "1", "-c", BEYOND, *arguments], timeout=60)
        end = json.loads(r.stdout)["end"]
    said, used = end.get("sum_received", end.get("sum")), end["cpu_utilization_percent"]
    arrived = said["bytes"] * (1 - said.get("lost_percent", 0) / 100)
    seconds = (used["host_total"] + used["remote_total"]) / 100 * said["seconds"] + sum(map(_seconds, beside)) - before
    return arrived * 8 / said["seconds"] / 1e9, seconds / arrived * 1e9


def _round_trip(enter):
    r = call([*enter, "ping", "-q", "-A", "-c", "200", "-w", "5", BEYOND])
    return float(r.stdout.split("=")[1].split("/")[1]) * 1000


@contextlib.contextmanager
def _pasta():
    """The same by a process of the host's beside it, without root's hand in the host's network: its way in, and its pid. None: it ended."""
    ns = subprocess.Popen(["unshare", "-n", "sleep", "100000"], preexec_fn=kernel.die_with_parent)
    while os.readlink(f"/proc/{ns.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    # -f: it is ours to end.
    pasta = subprocess.Popen(["pasta", "--config-net", "-q", "-f", "--runas", "0", *"-t none -u none -T none -U none".split(),
                              "--no-map-gw", "--netns-only", "--netns", f"/proc/{ns.pid}/ns/net"],
                             stderr=subprocess.DEVNULL, preexec_fn=kernel.die_with_parent)
    enter = ["nsenter", "-t", str(ns.pid), "-n"]
    try:
        while f"{HOST}" not in call([*enter, "cat", "/proc/net/fib_trie"]).stdout and pasta.poll() is None:
            time.sleep(0.01)
        yield (enter, pasta.pid) if pasta.poll() is None else None
    finally:
        for p in (pasta, ns):
            p.kill()
            p.wait()


def _turns(ways, n):
    seen = {}
    for i in range(n):
        for way, enter, beside in ways[::1 if i % 2 else -1]:
            for column, arguments in STREAMS:
                seen.setdefault((way, column), []).append(_iperf(enter, arguments, beside))
            seen.setdefault((way, "round trip"), []).append((_round_trip(enter), 0))
    return seen


def _through(host, beyond, n):
    """One after the other in each round: what else the machine does falls on all."""
    server = subprocess.Popen([*beyond, "iperf3", "-s"], stdout=subprocess.DEVNULL, preexec_fn=kernel.die_with_parent)
    host.clean.add(server.kill)
    while ":1451 " not in call([*beyond, "cat", "/proc/net/tcp", "/proc/net/tcp6"]).stdout:
        time.sleep(0.02)
    with _open(host, NAME + "-private") as init, contextlib.ExitStack() as stack:
        ways = [("host", [], []), ("private", ["nsenter", "-t", init, "-n"], [])]
        if shutil.which("pasta"):
            found = stack.enter_context(_pasta())
            if found:
                ways.append(("pasta", found[0], [found[1]]))
            else:
                print("\npasta: not measured: it ended by itself")
        seen = _turns(ways, n)
    names = [way for way, _, _ in ways]
    print(f"\nThrough the network, to a namespace beyond (iperf3, Gbit/s; ping -A, \u00b5s; median of {n} rounds; in brackets "
          "seconds of processor time for each GB)")
    print(f"  {'':<14}" + "".join(f"{name:>17}" for name in names) + "".join(f"{name + ' ratio':>15}" for name in names[1:]))
    for column in [c for c, _ in STREAMS] + ["round trip"]:
        rate, used = ([statistics.median(x[i] for x in seen[name, column]) for name in names] for i in (0, 1))
        print(f"  {column:<14}" + "".join(f"{r:>9.2f} " + (f"({u:.2f})" if u else "").rjust(7) for r, u in zip(rate, used)) +
              "".join(f"{statistics.median(a[0] / b[0] for a, b in zip(seen[name, column], seen['host', column])):>15.2f}"
                      for name in names[1:]))


def _at_once(host, n):
    """Each account's first login, which makes its link."""
    services = (("the host's network", NAME), ("private", NAME + "-private"))
    accounts = new_accounts(host, CROWD, {host.conf: "", host.directory + "/private.conf": "Network=private\n"})
    found = {row: [] for row, _ in services}
    for _ in range(n):
        for row, service in services:
            found[row].append(crowd(host, service, accounts))
            host.settle()
    print(f"\n{CROWD} accounts log in at once ({n} rounds in turns; in brackets the least and the most)")
    print(f"  {'':<34}{'ms until the last is in':>26}{'ratio':>9}{'CPU ms a login':>26}{'ratio':>9}")
    base = [statistics.median(x[i] for x in found[services[0][0]]) for i in (0, 1)]
    for row, seen in found.items():
        print(f"  {row:<34}" + "".join(f"{cell([x[i] for x in seen])}{statistics.median(x[i] for x in seen) / base[i]:>9.2f}"
                                       for i in (0, 1)), flush=True)


def _one_more(host, n):
    """pam_open_session of an account's first login; what was made for others before is waited for."""
    spawn(host.caller(NAME + "-private"))
    ms = []
    for _ in range(n):
        ms.append(int(spawn(host.caller(NAME + "-private", "-r", RUNDIR))[1].split()[0]) / 1e3)
        host.settle()
    return ms


def _beside(host, n):
    """Few before and after, so that a machine that has become slower meanwhile is seen."""
    net, times, swept = LIBEXEC + "/nsshell-net", {}, {}
    for row, links in ((f"beside {FEW} accounts' links", FEW), (f"beside {MANY}", MANY), (f"beside {FEW}, again", FEW)):
        with make_links([], net, BEYOND, 1001, links) as made:
            if made != links:
                raise ValueError(f"{made} of {links} links were made")
            times[row] = _one_more(host, n)
        while any(name.startswith("nssh") for name in os.listdir("/proc/sys/net/ipv4/conf")):
            time.sleep(0.05)
        swept[row] = spawn([net, "sweep"])[0]
    print(f"\nOne more account's first login: pam_open_session ({n} each); and once all these links are gone, nsctl gc's part of it")
    print(f"  {'':<34}{'ms':>26}{'ratio':>9}{'swept in, ms':>14}")
    few = statistics.median(times[next(iter(times))])
    for row, ms in times.items():
        within = f"{statistics.median(ms):.2f} ({quantile(ms, .1):.2f}-{quantile(ms, .9):.2f})"
        print(f"  {row:<34}{within:>26}{statistics.median(ms) / few:>9.2f}{swept[row]:>14.0f}", flush=True)


def network_table(host, n):
    if not os.path.exists(os.path.join(BUILD, "nsshell-net")):
        print("\nNetwork=private: not measured: nsshell-net isn't built")
        return
    beyond = _leave(host)
    private = host.write("private.conf", CONF.format(NAME, "private"))
    line = host.session.replace(host.conf, private)
    host.write(f"pam.d/{NAME}-private", STACK + line)
    ssh = Ssh(host)
    services = [ssh.service("sshd", host.session), ssh.service("private", line)]
    rows = ("the host's network", "private")
    first, later = ([_login(host, *pair, beside) for pair in zip(rows, services)] for beside in (0, 1))
    rounds(first, n)
    table("ssh host true, the account's only session", first, ["ssh host true"], rows[0], ("extra", extra_percent))
    with _open(host, NAME + "-private"):
        rounds(later, n)
    table("ssh host true, beside an open session of the account", later, ["ssh host true"], rows[0],
          ("extra", extra_percent))
    _at_once(host, max(1, n // 10))
    _beside(host, n)
    if shutil.which("iperf3"):
        _through(host, beyond, max(2, n // 4))
    else:
        print("\nThrough the network: not measured: iperf3 isn't installed")
