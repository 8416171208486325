# SPDX-License-Identifier: BSD-3-Clause
"""
Real firewalls of others on the host: what nsctl check finds, and whether what it says to do does. They are run out of
a directory of Debian's, NSSHELL_FIREWALLS, that has docker.io, ufw, firewalld, iptables and dbus:
mmdebstrap --variant=minbase --include=docker.io,ufw,firewalld,iptables,dbus,procps,python3 bookworm DIRECTORY
"""

import os
import pathlib
import subprocess
import time

from harness import kernel
from harness.pace import patient
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World, ask
from test_private import PRIVATE, _possible

ROOT = os.environ.get("NSSHELL_FIREWALLS", "")
MOUNTS = ("mount --rbind /dev {0}/dev; mount -t proc x {0}/proc; mount -t sysfs x {0}/sys; mount --rbind /sys/fs/cgroup "
          "{0}/sys/fs/cgroup; mount -t tmpfs x {0}/run; mount -t tmpfs x {0}/tmp; mkdir -p {0}/var/lib/docker; mount -t tmpfs x {0}/var/lib/docker; "
          "cp -a {0}/etc {0}/tmp; mount --bind {0}/tmp/etc {0}/etc; exec chroot {0} sh -c '{1}'")


class Firewall:
    """A shell in that directory, with the network of the test's host; its mounts go with it."""

    def __init__(self, w, program):
        self.w = w
        script = MOUNTS.format(ROOT, "echo ready; exec " + program)
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*w.enter(w.host), "unshare", "-m", "--propagation", "private", "sh", "-ec", script], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
            preexec_fn=kernel.die_with_parent)
        self.process.stdout.readline()

    def run(self, command):
        return self.w.b.run("nsenter", "-t", str(self.process.pid), "-m", "-n", "chroot", ROOT, "sh", "-c", command)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        here = kernel.namespaces(self.process.pid)["mnt"]
        for p in kernel.processes():
            try:
                if kernel.namespaces(p.pid)["mnt"] == here:
                    os.kill(p.pid, 9)
            except OSError:
                pass
        self.process.wait()


def _there(b):
    if not _possible(b):
        return False
    if not (ROOT and pathlib.Path(ROOT, "usr/sbin/dockerd").exists()):
        b.skip("other firewalls", "NSSHELL_FIREWALLS= names no directory that has them")
        return False
    return True


def _check(b, w):
    r = b.run(*w.enter(w.host), b.stage.bin / "nsctl", "check", "-c", b.stage.conf)
    return " ".join((r.stdout + r.stderr).split())


def _until(reached):
    end = time.monotonic() + patient(60)
    while not reached() and time.monotonic() < end:
        time.sleep(0.5)


def _ways(login):
    return [login.do(ask(address, 7000, seconds=1)) for address in (BEYOND4, BEYOND6)]


def _try(b, w, name, start, cut, words, commands):
    """Without the advice there is no way out and check says so; with it there is one, and check has nothing to say."""
    for address in (BEYOND4, BEYOND6):
        w.serve(w.beyond, address, 7000)
    with w.shell(b.alice.pw_name) as a:
        b.check(_ways(a) == [HOST4, HOST6], "there is a way out", _ways(a))
        start()
        seen, said = _ways(a), _check(b, w)
        b.check([s.startswith("no:") for s in seen] == cut and "they may have no way out" in said,
                f"{name}: it is cut, and nsctl check says so", seen, said)
        b.check(all(word in said for word in words), "with the words for that firewall", said)
        for command in commands:
            r = w.firewall.run(command)
            b.check(r.returncode == 0, f"{command}: done", r.stdout + r.stderr)
        seen, said = _ways(a), _check(b, w)
        b.check(seen == [HOST4, HOST6] and "no way out" not in said, "and there is the way out again", seen, said)


def test_docker(b):
    """It closes what is passed on where it is who switches that on."""
    if not _there(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, Firewall(w, "cat") as w.firewall:
        def start():
            w.on_host("echo 0 >/proc/sys/net/ipv4/ip_forward")
            w.firewall.run("dockerd >/tmp/log 2>&1 &")
            _until(lambda: w.firewall.run("docker info").returncode == 0)
            r = w.firewall.run("iptables -S FORWARD")
            b.check("-P FORWARD DROP" in r.stdout and "-j DOCKER-USER" in r.stdout, "a real dockerd closes FORWARD",
                    r.stdout, w.firewall.run("tail -5 /tmp/log").stdout)

        docker = "iptables -I DOCKER-USER -{} nssh+ -j ACCEPT"
        _try(b, w, "Docker", start, [True, False], (docker.format("i"), "and -o nssh+"),
             (docker.format("i"), docker.format("o")))


def test_ufw(b):
    if not _there(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, Firewall(w, "cat") as w.firewall:
        def start():
            r = w.firewall.run("ufw --force enable; ufw status verbose")
            b.check("Status: active" in r.stdout, "a real ufw is on", r.stdout + r.stderr)

        words = ("ufw route allow in on nssh+", "ufw route allow out on nssh+", "ufw allow in on nssh+ to any port 53")
        _try(b, w, "ufw", start, [True, True], words, words)


def test_firewalld(b):
    if not _there(b):
        return
    b.stage.config(PRIVATE)
    with World(b) as w, Firewall(w, "cat") as w.firewall:
        def start():
            w.firewall.run("mkdir -p /run/dbus; dbus-daemon --system --fork; firewalld --nofork >/tmp/log 2>&1 &")
            _until(lambda: "running" == w.firewall.run("firewall-cmd --state").stdout.strip())
            r = w.firewall.run("firewall-cmd --state; tail -5 /tmp/log")
            b.check(r.stdout.startswith("running"), "a real firewalld is on", r.stdout + r.stderr)

        words = ("firewall-cmd --permanent --zone=trusted --add-interface=nssh+", "and --reload")
        _try(b, w, "firewalld", start, [True, True], words, (words[0], "firewall-cmd --reload"))
