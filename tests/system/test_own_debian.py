# SPDX-License-Identifier: BSD-3-Clause
"""Root=yes over a real Debian: sudo, su, useradd, apt-get install, a daemon at port 80, and an admin as root of the box."""

import hashlib
import shutil

from harness import debian
from harness.imagestore import store

CONFIG = "RootFS=image:debian:1\nRoot=yes\nUpper=disk\nHostCommands=none\nNetwork=none\n"
CONTROL = """Package: nst-tool
Version: 1
Architecture: all
Maintainer: nst <nst@nst.invalid>
Depends: adduser
Description: a program that is setuid, and an account that owns something
"""
POSTINST = """#!/bin/sh
set -e
adduser --system --group --no-create-home --home /var/lib/nst nstd
install -d -o nstd -g nstd -m 2750 /var/lib/nst
install -m 4755 /usr/bin/id /usr/bin/nst-tool
"""
# As root it takes the port, and serves as nobody.
DAEMON = """use IO::Socket::INET;
my $l = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 80, Listen => 5, ReuseAddr => 1) or die "listen: $!";
$) = "65534 65534"; $( = 65534; ($<, $>) = (65534, 65534);
open my $f, ">", "/tmp/ready"; close $f;
my $c = $l->accept; print $c "uid $>\\n"; close $c;
"""


def made():
    """(the image's tar, None), or (None, why there is none)"""
    return debian.made("debian-root.tar", "sudo,passwd,adduser", "--variant=apt")


def repository(b, place):
    """One package, and what apt-get asks for of a directory with some."""
    tree = b.stage.base / "nst-tool"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CONTROL, encoding="ascii")
    (tree / "DEBIAN/postinst").write_text(POSTINST, encoding="ascii")
    (tree / "DEBIAN/postinst").chmod(0o755)
    place.mkdir(parents=True, exist_ok=True)
    deb = place / "nst-tool_1_all.deb"
    b.run("dpkg-deb", "--root-owner-group", "-b", tree, deb)
    (place / "Packages").write_text(f"{CONTROL}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\n"
                                    f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n", encoding="ascii")
    b.run("chmod", "-R", "a+rX", place)


def test_a_debian_of_ones_own(b):
    tar, why = made()
    if why or not shutil.which("dpkg-deb"):
        b.skip("a Debian with a root of its own", why or "dpkg-deb isn't installed")
        return
    name = b.alice.pw_name
    place = b.stage.base / "repository"
    repository(b, place)
    with store(b):
        r = b.nsctl("image", "import", tar, "debian:1", timeout=120)
        b.check(r.returncode == 0, "the image of mmdebstrap's tar", r.stdout + r.stderr)
        b.stage.config(CONFIG + f"BindReadOnlyPaths={place}:/srv/repository\n")
        try:
            _lived_in(b, name)
            _handed_on(b, name)
        finally:
            b.gone()
            b.run("rm", "-rf", f"/var/lib/nsshell/upper/{b.alice.pw_uid}")


test_a_debian_of_ones_own.seconds = 600  # the image is made by whoever is the first


def _lived_in(b, name):
    with b.shell(name) as one:
        b.check(one.do("id -un; sudo -n id -u; sudo -n -u nobody id -un").split() == [name, "0", "nobody"],
                "sudo, without a password", b.log_tail())
        saw = one.do("sudo useradd -m -d /srv/course -s /bin/sh course && sudo -u course touch /srv/course/f && stat -c %U /srv/course/f")
        b.check(saw == "course", "useradd, and who it made writes in its home", saw)
        saw = one.do("echo root:secret | sudo chpasswd && echo secret | su -c 'id -u' 2>&1")
        b.check(saw.endswith("0"), "su, once root has a password", saw)
        saw = one.do("sudo rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:/srv/repository ./' | "
                     "sudo tee /etc/apt/sources.list; sudo apt-get update -q && sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy nst-tool", timeout=90)
        b.check(one.status == 0, "apt-get update and install, from a repository on disk", saw[-700:])
        b.check(one.do("nst-tool -ru; stat -c '%U %G %a' /var/lib/nst; dpkg-query -W nst-tool").split() ==
                [str(b.alice.pw_uid), "nstd", "nstd", "2750", "nst-tool", "1"], "what its script made: an account, and what that owns")
        b.check("euid=0(root)" in one.do("nst-tool"), "and a program that is setuid")
        one.do(f"cat >/tmp/daemon.pl <<'EOF'\n{DAEMON}EOF\n")
        saw = one.do("sudo perl /tmp/daemon.pl & while ! [ -e /tmp/ready ] && kill -0 $! 2>/dev/null; do sleep 0.1; done; "
                     "cat </dev/tcp/127.0.0.1/80")
        b.check(saw == "uid 65534", "a daemon takes port 80 of the box's network, and is nobody", saw)
        r = b.run(b.stage.bin / "nsjoin", "--root", name, "sh", "-c", "id -u; dpkg --audit; dpkg-query -W nst-tool", timeout=30)
        b.check(r.stdout.split() == ["0", "nst-tool", "1"], "nsjoin --root sees it, as root", r.stdout + r.stderr)
    b.gone(name)
    r = b.ssh(name, "dpkg-query -W nst-tool; nst-tool | cut -d' ' -f4; sudo id -u; getent passwd course | cut -d: -f1")
    b.check(r.stdout.split()[:2] == ["nst-tool", "1"] and r.stdout.split()[-2:] == ["0", "course"],
            "the next login has all of it", r.stdout + r.stderr)


def _handed_on(b, name):
    """What she made of it is an image, and a second account's from its first login on."""
    b.gone(name)
    r = b.nsctl("image", "commit", name, "debian:2", timeout=120)
    b.check(r.returncode == 0, "what she made of it is committed", r.stdout + r.stderr)
    b.stage.config(CONFIG.replace("debian:1", "debian:2").replace("disk", "tmpfs"))
    r = b.ssh(b.carol.pw_name, "dpkg-query -W nst-tool; nst-tool | cut -d' ' -f3; stat -c '%U %a' /var/lib/nst; sudo -n id -u; "
              f"getent passwd {name} || echo nobody else")
    b.check(r.stdout.split() == ["nst-tool", "1", "euid=0(root)", "nstd", "2750", "0", "nobody", "else"],
            "a second account has the package, what it owns, a root of its own, and no account of the first", r.stdout + r.stderr, b.log_tail())


test_a_debian_of_ones_own.later = "it takes a Debian, which is made once"
