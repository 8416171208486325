# SPDX-License-Identifier: BSD-3-Clause
"""nsctl image fsck: what a disk or a hand has changed in the store is found, and by --repair it is made good."""

import contextlib
import gzip
import os
import shutil

from harness import images
from harness.images import entry, hardlink, symlink, tar
from harness.imagestore import busybox

LOW = tar(entry("./"), entry("./etc/"), entry("./etc/motd", b"hello\n", uid=5, gid=60, mtime=1000000000, xattrs={"user.a": "b"}),
          entry("./etc/gone", b"1"), entry("./bin/"), entry("./bin/tool", b"#!/bin/sh\n", mode=0o4755),
          hardlink("./bin/again", "./bin/tool"), symlink("./bin/sh", "tool"), entry("./tmp/", mode=0o1777))
# Hides a file and a directory's content.
HIGH = tar(entry("./etc/"), entry("./etc/.wh.gone", b""), entry("./bin/"), entry("./bin/.wh..wh..opq", b""))


def _image(b, place, name="x"):
    path = place / "archive"
    path.write_bytes(images.oci_archive([LOW, HIGH], compress=gzip.compress, kind="tar+gzip", ref=f"localhost/{name}:1"))
    r = b.nsctl("image", "import", path, f"{name}:1")
    b.check(r.returncode == 0, "an image of two layers is imported", r.stdout + r.stderr)
    return images.layers_of(f"{name}:1")


def _bytes(path):
    st = os.stat(path)
    with open(path, "r+b") as f:
        f.write(b"H")
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def _another_link(path):
    st = os.lstat(path)
    os.unlink(path)
    os.symlink("zool", path)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns), follow_symlinks=False)


def _no_whiteout(path):
    os.unlink(path)
    with open(path, "w", encoding="ascii"):
        pass


# What is done to a layer (0: the lower one), and what is said of it.
DAMAGES = (
    (0, "etc/motd", _bytes, "its bytes differ: etc/motd"),
    (0, "etc/motd", lambda p: os.truncate(p, 3), "it has another length: etc/motd"),
    (0, "etc/motd", lambda p: os.chown(p, 6, 60), "it has another owner: etc/motd"),
    (0, "bin/tool", lambda p: os.chmod(p, 0o755), "it has another mode: bin/tool"),
    (0, "etc/motd", lambda p: os.utime(p, (1, 1)), "it has another time: etc/motd"),
    (0, "etc/motd", lambda p: os.setxattr(p, "user.a", b"c"), "its attributes differ: etc/motd"),
    (0, "etc/motd", lambda p: os.setxattr(p, "user.more", b"c"), "its attributes differ: etc/motd"),
    (0, "bin/again", os.unlink, "it is missing: bin/again"),
    (0, "bin/sh", _another_link, "it leads elsewhere: bin/sh"),
    (0, "etc/new", lambda p: os.mkdir(p), "it isn't the layer's: etc/new"),
    (0, "tmp", lambda p: os.chmod(p, 0o777), "it has another mode: tmp"),
    (0, ".", lambda p: os.chmod(p, 0o700), "it has another mode: /"),
    (1, "etc/gone", _no_whiteout, "it is of another type: etc/gone"),
    (1, "bin", lambda p: os.removexattr(p, "trusted.overlay.opaque"), "its attributes differ: bin"),
    (1, "bin", lambda p: os.setxattr(p, "trusted.overlay.redirect", b"/etc"), "its attributes differ: bin"),
    (1, "", shutil.rmtree, "isn't there"),
)


def test_damaged_layers(b):
    with images.store(b) as place:
        layers = _image(b, place)
        r = b.nsctl("image", "fsck")
        b.check(r.returncode == 0 and r.stdout == "", "a store that is whole is said nothing of", r.stdout + r.stderr)
        for at, path, damage, said in DAMAGES:
            damage(os.path.join(layers[at], path) if path else layers[at])
            r = b.nsctl("image", "fsck")
            b.check(r.returncode == 1 and f"{os.path.basename(layers[at])}: {said}\n" in r.stdout, f"found: {said}", r.stdout + r.stderr)
            r = b.nsctl("image", "fsck", "--repair")
            again = b.nsctl("image", "fsck")
            b.check(r.returncode == 0 and f"{said}: mended\n" in r.stdout and again.returncode == 0 and again.stdout == "",
                    "and mended", r.stdout + r.stderr + again.stdout)
        link = f"{images.IMAGES}/layers/l/{os.path.basename(layers[0])[:12]}"
        os.unlink(link)
        os.symlink("/etc", link)
        r = b.nsctl("image", "fsck", "--repair")
        b.check(r.returncode == 0 and "doesn't lead to its layer: mended" in r.stdout and os.path.realpath(link) == layers[0],
                "a layer's short name leads to it again", r.stdout + r.stderr)
        b.check(os.listdir(f"{images.IMAGES}/tmp") == [], "nothing is left of what was unpacked")


def test_damaged_archives(b):
    """Where the archive is lost the image is named that is to be imported anew; its logins go on meanwhile."""
    with images.store(b) as place:
        layers = _image(b, place)
        with open(f"{images.IMAGES}/tags/x:1/blobs", encoding="ascii") as f:
            blob = f"{images.IMAGES}/blobs/sha256/{f.read().split()[2]}"
        with open(blob, "r+b") as f:
            f.write(b"?")
        r = b.nsctl("image", "fsck")
        b.check(r.returncode == 1 and "is damaged" in r.stdout and "x:1: import it anew" in r.stdout, "a damaged file's image is named",
                r.stdout + r.stderr)
        r = b.nsctl("image", "fsck", "--repair")
        b.check(r.returncode == 1 and not os.path.exists(blob) and os.path.isdir(layers[0]),
                "--repair can't bring it back, and keeps what was unpacked of it", r.stdout + r.stderr)
        r = b.nsctl("image", "import", place / "archive", "x:1")
        again = b.nsctl("image", "fsck")
        b.check(r.returncode == 0 == again.returncode and os.path.exists(blob), "imported anew the store is whole", r.stdout + r.stderr + again.stdout)


def test_a_damaged_layer_in_use(b):
    """What a session has mounted isn't changed beneath it."""
    with images.store(b) as place, contextlib.ExitStack() as undo:
        busybox(place / "root")
        b.nsctl("image", "import", place / "root", "tiny:1")
        layer = images.layers_of("tiny:1")[0]
        undo.callback(b.stage.config)
        b.stage.config("RootFS=image:tiny:1\nUpper=disk\n")
        undo.callback(b.run, "rm", "-rf", "/var/lib/nsshell/upper")
        with b.shell(b.alice.pw_name) as s:
            b.check(s.do("echo mine >/tmp/x; cat /bin/busybox | wc -c") != "", "a session is over the image", b.log_tail())
            before = os.stat(layer).st_ino
            os.unlink(f"{layer}/etc/group")
            r = b.nsctl("image", "fsck", "--repair")
            b.check(r.returncode == 1 and "it is missing: etc/group: left as it is while a session" in r.stdout and
                    os.stat(layer).st_ino == before and s.do("echo here") == "here", "its layer stays as it is, which is said",
                    r.stdout + r.stderr)
        b.gone()
        r = b.nsctl("image", "fsck", "--repair")
        b.check(r.returncode == 0 and os.path.exists(f"{layer}/etc/group"), "afterwards it is mended, under what was written over it",
                r.stdout + r.stderr)
        r = b.ssh(b.alice.pw_name, "cat /etc/group")
        b.check("tty:" in r.stdout, "and the next login has it whole", r.stdout + r.stderr + b.log_tail())
