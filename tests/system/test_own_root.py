# SPDX-License-Identifier: BSD-3-Clause
"""Root=yes: an account is root of its own box, over an image, and nobody outside of it."""

import ipaddress
import os
import shutil

from harness import kernel
from harness.imagestore import BUSYBOX, programs, store
from harness.scene import json_of
from harness.world import BEYOND4, BEYOND6, HOST4, HOST6, World

ROOT = "RootFS=image:tiny:1\nRoot=yes\n"
# Of plan_root_caps in core/plan/plan.c, as /proc/PID/status has them.
CAPS = "00000000800425fb"


def fill(root, *paths):
    """busybox, whose su is a program of its own with the bit, and asks root for no password."""
    programs(root, *paths)
    (root / "bin/su").unlink()
    shutil.copy(BUSYBOX, root / "bin/su")
    (root / "bin/su").chmod(0o4755)
    (root / "etc/shadow").write_text("root::0:0:99999:7:::\n", encoding="ascii")
    (root / "etc/shadow").chmod(0o600)
    for name in ("chown", "chmod", "mkfifo", "umount", "kill", "setsid", "mknod", "nc"):
        os.symlink("busybox", root / "bin" / name)


def subids(b, name):
    """Where the account's ids below the box begin, on the host: uids and gids."""
    for path in ("/etc/subuid", "/etc/subgid"):
        with open(path, encoding="ascii") as f:
            yield next(int(line.split(":")[1]) for line in f if line.startswith(f"{name}:"))


def as_root(command):
    return f"/bin/su -c '{command}' root"


def test_the_root_of_a_box(b):
    name, uid, home = b.alice.pw_name, b.alice.pw_uid, b.alice.pw_dir
    with store(b) as s:
        s.image("tiny:1", fill)
        b.stage.config(ROOT + "Upper=tmpfs\n")
        with b.shell(name) as one:
            b.check(one.do("id -un") == name, "a login lands as the account", b.log_tail())
            b.check(one.do(as_root("id -u; grep ^CapEff /proc/self/status; grep ^CapBnd /proc/self/status")).split() ==
                    ["0", "CapEff:", CAPS, "CapBnd:", CAPS], "su of the image makes it root, with these capabilities")
            b.check(one.do("grep ^Cap[PE] /proc/self/status; grep NoNewPrivs /proc/self/status").split() ==
                    ["CapPrm:", "0" * 16, "CapEff:", "0" * 16, "NoNewPrivs:", "0"], "the account itself has none")
            ids = (0, 1, 33, 999, 4321, 65534)
            b.check(one.do(as_root("for i in %s; do echo >/f; chown $i:$i /f; stat -c %%u:%%g /f; done; touch /bin/new; "
                                   "stat -c %%u /bin/new" % " ".join(map(str, ids)))).split() ==
                    [f"{i}:{i}" for i in ids] + ["0"], "files have any owner, and the image is its to write")
            one.do(f"echo mine >~/own; cp /bin/su /tmp/su; cp /bin/su {home}/su")
            saw = one.do(as_root(f"echo more >>{home}/own; touch {home}/roots; chown 0 {home}/own; chown 0 {home}/su; "
                                 "chown 0 /tmp/su; chmod 4755 /tmp/su"))
            b.check(os.stat(f"{home}/own").st_uid == uid and not os.path.exists(f"{home}/roots") and
                    open(f"{home}/own", encoding="ascii").read() == "mine\nmore\n",
                    "in the home it writes what is there, and no file gets another's id", saw)
            b.check(one.do("/tmp/su -c id root 2>&1; echo $?").endswith("1"), "out of the image nothing is setuid")
            r = b.run(b.stage.bin / "nsjoin", name, "sh", "-c", "grep CapBnd /proc/self/status; " + as_root("id -u"))
            b.check(r.stdout.split() == ["CapBnd:", CAPS, "0"], "an admin's command has no more at hand", r.stdout + r.stderr)
            r = b.run(b.stage.bin / "nsjoin", "--root", name, "sh", "-c", "id -u; grep ^Cap /proc/self/status; umount /proc/sys; echo $?")
            b.check(r.stdout.split() == ["0", "CapInh:", "0" * 16, "CapPrm:", CAPS, "CapEff:", CAPS, "CapBnd:", CAPS, "CapAmb:",
                                         "0" * 16, "1"], "nor has an admin who is root there", r.stdout + r.stderr)
            saw = one.do(as_root("mkdir -p /run/nsshell; rm -f /run/nsshell/environment; mkdir /run/nsshell/environment; ls /run/nsshell"))
            r = b.run(b.stage.bin / "nsjoin", name, "echo", "in")
            b.check(r.stdout == "in\n" and "environment" in saw, "who has put something else where variables are keeps no admin out",
                    saw + r.stdout + r.stderr)
        r = b.ssh(b.carol.pw_name, as_root("id -u; cat /proc/self/uid_map"))
        b.check(r.stdout.startswith("0\n") and r.stdout.split()[2] not in ("0", "1"), "an account without a range in subuid has one of nsshell's",
                r.stdout + r.stderr)
        where = list(subids(b, name))
        b.check(all(w >= 65536 for w in where), "and its ids lie elsewhere on the host", where)


def test_what_is_shown_and_refused(b):
    name = b.alice.pw_name
    with store(b) as s:
        s.image("tiny:1", fill)
        b.stage.config(ROOT)
        with b.shell(name) as one:
            one.do("true")
            r = b.nsctl("list", "-n", "-r", "-o", "USER,ROOT")
            b.check(r.stdout == f"{name} yes\n", "nsctl list says whose boxes have a root", r.stdout + r.stderr)
            r = b.nsctl("status", name)
            b.check("Root: its user may be root of it\n" in r.stdout, "nsctl status, too", r.stdout + r.stderr)
            r = b.nsctl("status", "--json", name)
            b.check(json_of(r)["sessions"][0]["root"] is True, "and in JSON", r.stdout[:300])
        r = b.nsctl("plan", "--config", b.stage.conf, "--service", b.stage.sshd_service, name)
        b.check("setuid      works inside" in r.stdout and "login keeps cap_chown" in r.stdout, "nsctl plan has the capabilities", r.stderr)
        b.gone(name)
        b.stage.config(ROOT + "BindPaths=/dev/shm:/shm\n")
        r = b.ssh(name, "echo in")
        b.check("in" not in r.stdout.split() and b.stage.syslog.wait("can be idmapped at /dev/shm"),
                "where an id of the box's could get onto the host's file system there is no login", r.stdout + r.stderr, b.log_tail())
        r = b.nsctl("check", "--config", b.stage.conf)
        b.check("can be idmapped at /dev/shm" in r.stdout + r.stderr, "and nsctl check says so", (r.stdout + r.stderr)[-600:])


def test_what_is_mounted_below(b):
    """What can't be idmapped, at the login and later: no file there gets an id of the box's."""
    name, home = b.alice.pw_name, b.alice.pw_dir
    places = [f"{home}/ram", f"{home}/later"]
    with store(b) as s:
        s.image("tiny:1", fill)
        b.stage.config(ROOT)
        for place in places:
            os.mkdir(place)
        kernel.bind(home, home)
        kernel.mount("none", home, flags=kernel.MS_SHARED)
        try:
            with b.shell(name) as one:
                one.do("true")
                kernel.mount("none", places[1], "ramfs")
                os.chmod(places[1], 0o777)
                saw = one.do(as_root(f"touch {places[1]}/roots"))
                b.check(not os.listdir(places[1]), "of what is mounted later in the home nothing comes in",
                        saw + str([os.stat(f"{places[1]}/{f}").st_uid for f in os.listdir(places[1])]))
            b.gone(name)
            kernel.umount(places[1])
            kernel.mount("none", places[0], "ramfs")
            os.chmod(places[0], 0o777)
            r = b.ssh(name, as_root(f"touch {places[0]}/roots; echo in"))
            b.check("in" not in r.stdout.split() and not os.listdir(places[0]) and b.stage.syslog.wait("mounted below it"),
                    "with what can't be idmapped below the home there is no login", (r.stdout + r.stderr)[-300:] +
                    str([os.stat(f"{places[0]}/{f}").st_uid for f in os.listdir(places[0])]), b.log_tail())
        finally:
            kernel.umount(home)
            for place in places:
                os.rmdir(place)


def test_devices_and_variables(b):
    """Root of the box has no more of the host's devices than its account; and keeps no login out of a box that is shared."""
    name = b.alice.pw_name
    devices = [(b.stage.accounts.prefix + str(mode), mode) for mode in (0o600, 0o666)]
    with store(b) as s:
        s.image("tiny:1", fill)
        for device, mode in devices:
            os.mknod(f"/dev/{device}", 0o020000 | mode, os.makedev(1, 9))
            os.chmod(f"/dev/{device}", mode)
        try:
            b.stage.config(ROOT + "Share=account\nEnvironment=EDITOR=vi\nDevices=" + " ".join(f"/dev/{d}" for d, _ in devices) + "\n")
            with b.shell(name) as one:
                saw = [one.do(as_root(f"head -c 4 /dev/{d} 2>/dev/null | wc -c")) for d, _ in devices]
                b.check(saw == ["0", "4"],
                        "a device of the host's root is nobody's there but where all may have it", saw)
                one.do(as_root("rm -f /run/nsshell/environment; mkdir /run/nsshell/environment"))
                r = b.ssh(name, "cat /run/nsshell/session")
                b.check(r.stdout.strip() == one.do("cat /run/nsshell/session") != "", "who has put something else where variables are keeps no login out",
                        r.stdout + r.stderr, b.log_tail())
        finally:
            for device, _ in devices:
                os.unlink(f"/dev/{device}")


def test_ports_of_its_own_network(b):
    """With Root=no it is root's, whom nobody there is."""
    name = b.alice.pw_name
    serve = ("nc -l -p 80 </dev/null & while kill -0 $! 2>/dev/null && ! grep -q ':0050 .* 0A ' /proc/net/tcp /proc/net/tcp6; do "
             "sleep 0.1; done; grep -h -o ':0050 .* 0A ' /proc/net/tcp /proc/net/tcp6 | wc -l; kill $!")
    with store(b) as s:
        s.image("tiny:1", fill)
        for root in ("no", "yes"):
            b.stage.config(f"RootFS=image:tiny:1\nNetwork=none\nRoot={root}\n")
            r = b.ssh(name, serve)
            b.check((r.stdout == "1\n") == (root == "yes"), f"Root={root}: who listens at port 80 of the own network", r.stdout + r.stderr, b.log_tail())
            b.gone(name)


TELLER = """
import socket
s = socket.create_server(("", 7001), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, who = s.accept()
    c.sendall(f"{who[0].removeprefix('::ffff:')} {'low' if who[1] < 1024 else 'high'}\\n".encode())
    c.close()
"""


# From a port of its own, IPv6; busybox's nc has one only where it listens. An address of IPv4 is one of IPv6, too.
ASKER = ('socket(S, 10, 1, 0); bind(S, pack("Snx24", 10, %d)) or die "bind: $!"; '
         'connect(S, pack("Snx4H32x4", 10, 7001, "%s")) or die "connect: $!"; print <S>')


def test_ports_that_others_trust(b):
    """A server of NFS takes what comes from a port below 1024 for the word of the host's root."""
    if not (b.stage.build / "nsshell-net").exists() or not shutil.which("nft"):
        b.skip("ports that others trust", "there is no nsshell-net or no nft")
        return
    with store(b) as s, World(b) as w:
        s.image("tiny:1", lambda root: fill(root, "/usr/bin/perl"))
        w.run(w.beyond, ["python3", "-u", "-c", TELLER], 7001, "tcp")
        b.stage.config(ROOT + "Network=private\n")
        for far, host in ((BEYOND4, HOST4), (BEYOND6, HOST6)):
            for port in (700, 7000):
                r = w.ssh(b.alice.pw_name, f"perl -e '{ASKER % (port, ipaddress.ip_address(far.replace('192', '::ffff:192')).packed.hex())}'")
                b.check(r.stdout == f"{host} high\n", f"from port {port} of a box with Root=yes, a server at {far} sees no port of root's",
                        r.stdout + r.stderr, b.log_tail())
        b.gone()
