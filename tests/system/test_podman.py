# SPDX-License-Identifier: BSD-3-Clause
"""Rootless podman of an image, in a box with AllowUserNamespaces=yes: run, a build, -p, as nsshell.conf(5) says."""

import contextlib
import os
import shutil

from harness import debian, kernel
from harness.etc import own_etc
from harness.imagestore import store

SECOND = 1600000000
CONFIG = "RootFS=image:podman:1\nAllowUserNamespaces=yes\nHostCommands=none\nNetwork=none\nDevices=/dev/net/tun\nUpper=tmpfs\nUpperSize=1G\n"
# Debian's are setuid, which takes more than root of a box has.
HOOK = """for m in uid gid; do chmod u-s "$1/usr/bin/new${m}map"; setcap cap_set$m=ep "$1/usr/bin/new${m}map"; done"""
CONTAINERS = """mkdir -p ~/.config/containers
printf '[containers]\\nkeyring=false\\npidns="host"\\ncgroupns="host"\\ndefault_sysctls=[]\\n' >~/.config/containers/containers.conf
printf '[storage]\\ndriver="overlay"\\n%b\\n' 'STORAGE' >~/.config/containers/storage.conf
mkdir -p /tmp/bb/bin /tmp/bb/etc; cp /bin/busybox /tmp/bb/bin; echo root:x:0:0::/:/bin/sh >/tmp/bb/etc/passwd
for a in sh true id chown stat touch httpd; do ln -s busybox /tmp/bb/bin/$a; done
tar -C /tmp/bb --owner=0 --group=0 -c . | podman import - busybox-image >/dev/null; echo $?"""
BUILD = r"""mkdir -p b; printf 'FROM localhost/busybox-image\nRUN touch /made && chown OWNER /made\nCMD ["stat","-c","%%u","/made"]\n' >b/Dockerfile
podman build --network=host -q -t built b >/dev/null; echo $?; podman run --rm --network=none localhost/built"""
PORT = """podman run -d --name w -p 18080:80 busybox-image sh -c 'echo hello >/index.html; exec httpd -f -p 80 -h /' >/dev/null
for i in 1 2 3 4 5 6 7 8 9; do busybox wget -q -O - http://127.0.0.1:18080/ && break; sleep 1; done; podman rm -f -t 0 w >/dev/null"""


def made():
    """(the image's tar, None), or (None, why there is none)"""
    if not shutil.which("setcap"):
        return None, "setcap isn't installed"
    return debian.made("debian-podman.tar", "podman,uidmap,slirp4netns,busybox-static,sudo,passwd", "--variant=apt", f"--customize-hook={HOOK}")


def _tun(b):
    """Over that of the host, where not everybody may open it; in the stage alone."""
    node = b.stage.base / "tun"
    os.mknod(node, 0o020666, os.makedev(10, 200))
    os.chmod(node, 0o666)
    kernel.bind(str(node), "/dev/net/tun")


@contextlib.contextmanager
def _second_range(b):
    """One more of alice's, in the stage alone."""
    with own_etc(b) as etc:
        for kind in ("subuid", "subgid"):
            with open(etc / kind, "a", encoding="utf-8") as f:
                f.write(f"{b.alice.pw_name}:{SECOND}:65536\n")
        yield


def _with_a_second_range(b, one, name, uid):
    """All ids that an image may ask for, and none of them the box's own."""
    saw = one.do(f"echo {name}:65536:65536 | sudo tee /etc/subuid /etc/subgid; podman unshare cat /proc/self/uid_map 2>/dev/null")
    b.check(saw.split()[1:] == ["0", str(uid), "1", "1", "65536", "65536"], "a second range: a container has ids of it", saw, b.log_tail())
    saw, said = _do(one, CONTAINERS.replace("STORAGE", 'graphroot="/srv/containers"'))
    b.check(saw == "0", "podman import of a busybox", saw, said)
    saw, said = _do(one, "podman run --rm --network=none --user 65534:65534 busybox-image id -u; podman run --rm --network=none -v /srv/containers:/v "
                    "busybox-image sh -c 'touch /v/f; chown 65534 /v/f; stat -c %u /v/f'")
    b.check(saw.split() == ["65534", "65534"], "nobody's, too", saw, said)
    saw = os.lstat(f"/var/lib/nsshell/volumes/{uid}/containers/f").st_uid
    b.check(saw == SECOND + 65533, "which outside is one of that range", str(saw))


def _do(one, script):
    """What it says by standard output, and the rest, which is much."""
    saw = one.do(f"{{ {script}\n}} 2>/tmp/said", timeout=60)
    return saw, one.do("tail -c 1500 /tmp/said")


def _containers(b, one, storage, owner):
    saw, said = _do(one, CONTAINERS.replace("STORAGE", storage))
    b.check(saw == "0", "podman import of a busybox", saw, said)
    saw, said = _do(one, "podman run --rm busybox-image true; echo $?; podman run --rm busybox-image id")
    b.check(saw.startswith("0\nuid=0(root)"), "podman run --rm busybox-image true", saw, said)
    saw, said = _do(one, BUILD.replace("OWNER", str(owner)))
    b.check(saw.split() == ["0", str(owner)], "a build, and what it made", saw, said)
    saw, said = _do(one, PORT)
    b.check(saw == "hello", "-p: the container's port is the box's", saw, said)


def test_containers_in_a_box(b):
    """Without a root of one's own a container has one id; with one as many as are given to it."""
    tar, why = made()
    if why or not os.path.exists("/dev/net/tun"):
        b.skip("podman in a box", why or "the host has no /dev/net/tun")
        return
    name, uid = b.alice.pw_name, b.alice.pw_uid
    _tun(b)
    try:
        with store(b):
            r = b.nsctl("image", "import", tar, "podman:1", timeout=120)
            b.check(r.returncode == 0, "the image of mmdebstrap's tar", r.stdout + r.stderr)
            b.stage.config(CONFIG)
            with b.shell(name) as one:
                _containers(b, one, '[storage.options.overlay]\\nignore_chown_errors="true"', 0)
                one.do("podman unshare rm -rf ~/.local/share/containers")
            b.gone(name)
            b.stage.config(CONFIG + "Root=yes\nVolumes=containers:/srv/containers\n")
            with b.shell(name) as one:
                saw = one.do(f"echo {name}:2000:60000 | sudo tee /etc/subuid /etc/subgid; podman unshare cat /proc/self/uid_map 2>/dev/null")
                b.check(saw.split()[1:] == ["0", str(uid), "1", "1", "2000", "60000"], "Root=yes: a container has ids of the box's", saw, b.log_tail())
                _containers(b, one, 'graphroot="/srv/containers"', 33)
                saw, said = _do(one, "podman run --rm --network=none --user 1000:1000 busybox-image id -u; podman run --rm --network=none busybox-image "
                                "sh -c 'touch /f; chown 1000 /f; stat -c %u /f'")
                b.check(saw.split() == ["1000", "1000"], "and users of its own", saw, said)
                owners = {os.lstat(os.path.join(d, f)).st_uid for d, _, fs in os.walk(f"/var/lib/nsshell/volumes/{uid}/containers") for f in fs}
                b.check(owners and not owners & {0, 33, 1000, 2000} and uid in owners, "of which the host sees the account's own ones alone", str(sorted(owners)))
            b.gone(name)
            r = b.nsctl("volume", "remove", name, "containers", timeout=60)
            b.check(r.returncode == 0, "what it stored goes with the volume", r.stdout + r.stderr)
            with _second_range(b):
                with b.shell(name) as one:
                    _with_a_second_range(b, one, name, uid)
                b.gone(name)
    finally:
        b.run("rm", "-rf", f"/var/lib/nsshell/volumes/{uid}")
        kernel.umount("/dev/net/tun")


test_containers_in_a_box.seconds = 600  # the image is made by whoever is the first


test_containers_in_a_box.later = "it takes a Debian with podman, which is made once"
