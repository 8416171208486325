# SPDX-License-Identifier: BSD-3-Clause
"""nsctl image: what becomes of archives, of honest ones and of others."""

import bz2
import contextlib
import gzip
import json
import lzma
import os
import re
import shutil
import socket
import stat
import subprocess
import tarfile
import time

from harness import acl, images
from harness.images import entry, hardlink, symlink, tar
from harness.imagestore import busybox
from harness.pace import patient
from harness.scene import json_of
from harness.stage import TREE

ROOT = (entry("./", mode=0o751), entry("./bin/"), entry("./bin/tool", b"#!/bin/sh\n", mode=0o4755),
        hardlink("./bin/again", "./bin/tool"), symlink("./bin/sh", "tool"),
        entry("./etc/"), entry("./etc/motd", b"hello\n", uid=5, gid=60, mtime=1000000000, xattrs={"user.a": "b"}),
        entry("./tmp/", mode=0o1777))


def _import(b, place, what, *words, name="x"):
    path = place / "archive"
    path.write_bytes(what)
    return b.nsctl("image", "import", path, *([name] if name else []), *words, timeout=60)


def _whole(b, r, did, name="x:latest"):
    """The image of ROOT is there, as it was made."""
    if not b.check(r.returncode == 0, f"{did}: imported", r.stdout + r.stderr):
        return
    top = images.layers_of(name)[-1]
    tool, motd = os.stat(f"{top}/bin/tool"), os.stat(f"{top}/etc/motd")
    saw = (oct(os.stat(top).st_mode), oct(tool.st_mode), tool.st_nlink, os.readlink(f"{top}/bin/sh"), motd.st_uid, motd.st_gid,
           int(motd.st_mtime), os.getxattr(f"{top}/etc/motd", "user.a"), oct(os.stat(f"{top}/tmp").st_mode))
    want = ("0o40751", "0o104755", 2, "tool", 5, 60, 1000000000, b"b", "0o41777")
    b.check(saw == want, f"{did}: modes, owners, times, links and attributes are those of the archive", str(saw))


def test_kinds_of_archives(b):
    layer = tar(*ROOT)
    with images.store(b) as place:
        _whole(b, _import(b, place, layer), "a tar")
        for kind, packed in (("xz", lzma.compress(layer)), ("lzma", lzma.compress(layer, format=lzma.FORMAT_ALONE)), ("bz2", bz2.compress(layer))):
            _whole(b, _import(b, place, packed, name=kind), f"a tar.{kind}", f"{kind}:latest")
        _whole(b, _import(b, place, images.docker_save([layer]), name=None), "docker save", "test:1")
        _whole(b, _import(b, place, gzip.compress(images.docker_save([layer])), name="zipped:2"), "docker save, compressed",
               "zipped:2")
        _whole(b, _import(b, place, images.oci_archive([layer], compress=gzip.compress, kind="tar+gzip"), name="oci"),
               "an OCI archive", "oci:latest")
        b.check(len(os.listdir(f"{images.IMAGES}/layers/sha256")) == 1, "all of them have one layer, once")
        for path, data in images.oci_files([layer], ref="localhost/layout:3").items():
            (place / "layout" / path).parent.mkdir(parents=True, exist_ok=True)
            (place / "layout" / path).write_bytes(data)
        _whole(b, b.nsctl("image", "import", place / "layout"), "an OCI layout", "layout:3")
        (place / "archive").write_bytes(layer)
        r = b.run("sh", "-c", f"cat {place}/archive | {b.stage.bin}/nsctl image import - piped")
        _whole(b, r, "from a pipe", "piped:latest")
        r = b.nsctl("image", "import", images.layers_of("x:latest")[0], "tree")
        _whole(b, r, "a directory", "tree:latest")
        b.check("hello" in open(f"{images.IMAGES}/tags/test:1/environment", encoding="ascii").read(),
                "the config's environment is there in lines")
        index = json.loads(open(f"{images.IMAGES}/index.json", encoding="ascii").read())
        names = {m["annotations"]["org.opencontainers.image.ref.name"] for m in index["manifests"]}
        b.check(names == {"x:latest", "xz:latest", "lzma:latest", "bz2:latest", "test:1", "zipped:2", "oci:latest", "layout:3", "piped:latest", "tree:latest"},
                "index.json has every name", str(names))
        b.check(os.listdir(f"{images.IMAGES}/tmp") == [], "nothing half-done is left", str(os.listdir(f"{images.IMAGES}/tmp")))


def test_several_machines(b):
    """Of an index with images for several machines, as registries have it, this one's is taken; and layers by zstd."""
    layer, other = tar(*ROOT), tar(entry("other", b"s390x"))
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    ours = images.oci_files([layer])
    config = json.loads(images.config_of([other]))
    config["architecture"] = "s390x"
    theirs = images.oci_files([other], config=json.dumps(config).encode())
    parts = [dict(json.loads(f["index.json"])["manifests"][0], platform={"os": "linux", "architecture": machine})
             for f, machine in ((theirs, "s390x"), (ours, here))]
    inner = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": parts}).encode()

    def archive(index):
        return tar(*[entry(k, v) for k, v in {**theirs, **ours, f"blobs/sha256/{images.digest(inner)}": inner, "index.json": json.dumps(
            {"schemaVersion": 2, "manifests": index}).encode()}.items()])
    below = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": f"sha256:{images.digest(inner)}", "size": len(inner),
             "annotations": {"org.opencontainers.image.ref.name": "several:1"}}
    with images.store(b) as place:
        _whole(b, _import(b, place, archive([below]), name="several:1"), "an index of several machines", "several:1")
        r = _import(b, place, archive([dict(below, digest=f"sha256:{'0' * 64}")]), name="nothing:1")
        b.check(r.returncode == 1 and not os.path.lexists(f"{images.IMAGES}/tags/nothing:1"), "one that names what isn't there is refused", r.stderr)
        r = _import(b, place, images.oci_archive([other], config=json.dumps(config).encode()), name="foreign:1")
        b.check(r.returncode == 0 and "it is for s390x" in r.stderr and "s390x" in b.nsctl("image", "list").stdout,
                "another machine's alone is taken, which is said", r.stdout + r.stderr)
        if shutil.which("zstd"):
            packed = subprocess.run(["zstd", "-q", "-c"], input=layer, stdout=subprocess.PIPE, check=True).stdout
            _whole(b, _import(b, place, images.oci_archive([layer], compress=lambda _: packed, kind="tar+zstd"), name="zstd"), "layers by zstd", "zstd:latest")
        else:
            b.skip("layers by zstd", "zstd isn't installed")


def test_layers_on_layers(b):
    """Whiteouts and opaque directories, in whatever order they come, are what overlayfs makes of them."""
    low = tar(entry("gone", b"1"), entry("dir/"), entry("dir/old", b"1"), entry("opaque/"), entry("opaque/old", b"1"),
              entry("again/"), entry("again/old", b"1"), entry("file/"), entry("file/old", b"1"), entry("kept", b"low"))
    high = tar(entry(".wh.gone"), entry("dir/"), entry("dir/.wh.old"), entry("opaque/"), entry("opaque/new", b"2"),
               entry("opaque/.wh..wh..opq"), entry(".wh.again"), entry("again/"), entry("again/new", b"2"), entry("file", b"2"),
               entry(".wh.file"), entry("kept", b"high"))
    with images.store(b) as place:
        r = _import(b, place, images.docker_save([low, high, tar(entry("last", b"3"))]), name="layers")
        b.check(r.returncode == 0, "three layers are imported", r.stdout + r.stderr)
        layers = images.layers_of("layers:latest")
        st = os.lstat(f"{layers[1]}/gone")
        b.check(stat.S_ISCHR(st.st_mode) and st.st_rdev == 0, "a whiteout is a device 0:0", oct(st.st_mode))
        b.check(os.getxattr(f"{layers[1]}/opaque", "trusted.overlay.opaque") == b"y", "an opaque directory is one")
        merged = place / "merged"
        merged.mkdir()
        r = b.run("mount", "-t", "overlay", "-o", f"ro,lowerdir={':'.join(reversed(layers))}", "overlay", merged)
        saw = sorted(os.path.relpath(os.path.join(d, f), merged) for d, _, files in os.walk(merged) for f in files)
        b.run("umount", merged)
        b.check(saw == ["again/new", "file", "kept", "last", "opaque/new"], "one over the other they are what was meant",
                r.stderr + str(saw))
        r = _import(b, place, images.docker_save([low, high, low]), name="twice")
        b.check(r.returncode == 0 and len(images.layers_of("twice:latest")) == 2, "a layer that is there twice is the upper one",
                r.stdout + r.stderr)


# Of these, and of images below, so many are tried by make check.
TELLING = 7
# What can't be a layer: what it is, its entries, and what is said.
HOSTILE = (
    ("a way out", (entry("a/../../b", b"x"),), "leads out"),
    ("a link that is written through", (symlink("etc", "/etc"), entry("etc/passwd", b"x")), "symbolic link"),
    ("a directory in place of a link", (symlink("etc", "/etc"), entry("etc/")), "symbolic link and a directory"),
    ("a hard link out", (hardlink("a", "../../etc/shadow"),), "leads out"),
    ("a hard link through a link", (symlink("etc", "/etc"), hardlink("a", "etc/shadow")), "symbolic link"),
    ("a hard link to nothing", (hardlink("a", "b"),), "no file of the layer's"),
    ("a hard link to a directory", (entry("b/"), hardlink("a", "b")), "no file of the layer's"),
    ("a file in place of a directory", (entry("a/"), entry("a/b", b"x"), entry("a", b"x")), "is a directory and a file"),
    ("a directory in place of a file", (entry("a", b"x"), entry("a/")), "is a file and a directory"),
    ("a file below a file", (entry("a", b"x"), entry("a/b", b"x")), "is a file and a directory"),
    ("a whiteout of nothing", (entry(".wh."),), "whiteout of nothing"),
    ("a whiteout of what is above", (entry("a/.wh..."),), "whiteout of nothing"),
    ("a root that hides all", (entry(".wh..wh..opq"),), "hides all layers"),
    ("a root that is none", (entry(".", b"x"),), "is no directory"),
    ("an owner beyond 65534", (entry("a", b"x", uid=100000),), "ids go up to 65534"),
    ("an owner below 0", (entry("a", b"x", gid=-1),), "ids go up to 65534"),
    ("a name longer than Linux takes", (entry("n" * 256, b"x"),), "longer than Linux takes"),
    ("a tree that is too deep", (entry("/".join(["d"] * 256) + "/"),), "too deep"),
    ("a path longer than Linux takes", (entry("/".join(["n" * 200] * 25), b"x"),), "longer than Linux takes"),
    ("an access control list that is none", (entry("a", b"x", xattrs={"system.posix_acl_access": "\2\0\0\0abc"}),), "of 7 bytes that can't be set"),
    ("more files than allowed", tuple(entry(f"{i}", b"") for i in range(12)), "--max-files"),
    ("more bytes than allowed", (entry("a", b"x" * 70000), entry("b", b"x" * 70000)), "--max-size"),
)


def _refused(b, place, did, what, word, *words, name="bad"):
    before = images.stored()
    r = _import(b, place, what, "--max-files=10", "--max-size=100K", *words, name=name)
    b.check(r.returncode == 1 and word in r.stderr, f"{did}: refused, with a word", r.stdout + r.stderr)
    b.check(images.stored() == before, f"{did}: nothing is left", str(set(images.stored()) - set(before)))


def test_hostile_layers(b):
    with images.store(b) as place:
        _import(b, place, tar(entry("good", b"x")), name="good")
        for did, entries, word in HOSTILE[:TELLING]:
            _refused(b, place, did, tar(*entries), word)
        _refused(b, place, "a bomb", lzma.compress(tar(entry("a", bytes(50 << 20)))), "--max-size")
        _refused(b, place, "what was compressed twice, as a bomb of time is", gzip.compress(gzip.compress(tar(entry("a", b"x")))), "can't be read")


def test_more_hostile_layers(b):
    with images.store(b) as place:
        _import(b, place, tar(entry("good", b"x")), name="good")
        for did, entries, word in HOSTILE[TELLING:]:
            _refused(b, place, did, tar(*entries), word)
        _refused(b, place, "half an archive", tar(entry("a", b"x" * 9000))[:5000], "can't be read")
        _refused(b, place, "half a compressed one", gzip.compress(os.urandom(9000))[:5000], "can't be read")
        sparse = entry("a", b"1\n0\n512\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                                                       "GNU.sparse.name": "b", "GNU.sparse.realsize": str(1 << 50)})
        _refused(b, place, "a sparse bomb", tar(sparse), "")
        _refused(b, place, "what is no archive", b"#!/bin/sh\necho hello\n" * 100, "")


test_more_hostile_layers.later = "it tries more of the same"


def test_access_control_lists(b):
    """As tar has them in its own headers; those of nobody's id are left out, and that is said."""
    mode = "user::rw-,group::r--,mask::rwx,other::---"

    def listed(name, kind, text):
        return entry(name, None if name.endswith("/") else b"x", pax_headers={f"SCHILY.acl.{kind}": text})
    layer = tar(listed("file", "access", f"{mode},group:g:r-x:60,user:5:rwx,user:u:r--:4"),
                listed("begins/", "default", f"{mode},user:u:rwx:5"), listed("alone", "access", f"{mode},user:joe:rwx"),
                listed("beyond", "access", f"{mode},user:u:rwx:65535"), listed("plain", "access", "user::rw-,group::r--,other::---"))
    want = {"file": {"system.posix_acl_access": acl.value((1, 6), (2, 4, 4), (2, 7, 5), (4, 4), (8, 5, 60), (16, 7), (32, 0))},
            "begins": {"system.posix_acl_default": acl.value((1, 6), (2, 7, 5), (4, 4), (16, 7), (32, 0))}, "alone": {}, "beyond": {}, "plain": {}}
    with images.store(b) as place:
        r = _import(b, place, layer, name="lists")
        top = images.layers_of("lists:latest")[0]
        saw = {f: {a: os.getxattr(f"{top}/{f}", a) for a in os.listxattr(f"{top}/{f}")} for f in os.listdir(top)}
        b.check(saw == want, "a layer's files have them", f"{saw} {r.stderr}")
        b.check(sorted(r.stderr.splitlines()) == ["nsctl image import: without its attribute SCHILY.acl.access: alone",
                                                  "nsctl image import: without its attribute system.posix_acl_access: beyond"],
                "of whom only the name is told, or whose id no box has, none is made, which is said", r.stderr)


def test_what_is_defused(b):
    """Left out, or made harmless, and named."""
    magic = (0x02000000).to_bytes(4, "little").decode("latin-1")
    v3 = ((0x03000000).to_bytes(4, "little") + bytes(20)).decode("latin-1")
    layer = tar(entry("/absolute", b"x"), entry("dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3),
                entry("dev/sda", kind=tarfile.BLKTYPE, devmajor=8), entry("twice", b"1"), entry("twice", b"22"),
                entry("overlay", b"x", xattrs={"trusted.overlay.redirect": "/etc", "user.overlay.opaque": "y"}),
                entry("lower/", xattrs={"trusted.overlay.opaque": "y"}),
                entry("caps", b"x", xattrs={"security.capability": v3, "security.selinux": "x:y:z"}),
                entry("ping", b"x", xattrs={"security.capability": magic + "\0" * 16}),
                entry(".wh..wh.plnk/"), entry("e\u0301", b"x"), entry("\x1b]0;steer\x07", kind=tarfile.BLKTYPE),
                symlink("out", "/etc/shadow"))
    with images.store(b) as place:
        r = _import(b, place, layer, name="defused")
        b.check(r.returncode == 0, "the rest is imported", r.stdout + r.stderr)
        top = images.layers_of("defused:latest")[0]
        for word in ("dev/null", "dev/sda", "twice", "trusted.overlay.redirect", "user.overlay.opaque", "security.selinux",
                     "security.capability", ".wh..wh.plnk"):
            b.check(word in r.stderr, f"what became of {word} is said", r.stderr)
        b.check("\x1b" not in r.stderr, "no name steers the terminal", repr(r.stderr))
        b.check(sorted(os.listdir(top)) == ["absolute", "caps", "e\u0301", "lower", "out", "overlay", "ping", "twice"],
                "what is there is what may be, and names are the bytes that they were", str(sorted(os.listdir(top))))
        xattrs = {f: os.listxattr(f"{top}/{f}", follow_symlinks=False) for f in os.listdir(top)}
        b.check(xattrs.pop("ping") == ["security.capability"] and not any(xattrs.values()),
                "no attribute that overlayfs believes, no capability of a foreign namespace", str(xattrs))
        b.check(open(f"{top}/twice", encoding="ascii").read() == "22", "of two files of one name the last one counts")
        r = _import(b, place, tar(*[entry(f"d{i}", kind=tarfile.BLKTYPE) for i in range(19)], entry("a", b"x")), name="many")
        b.check(r.returncode == 0 and r.stderr.count("a device") == 16 and "and 3 more of that kind" in r.stderr, "of many some are named, and how many more", r.stderr)
        steering = images.config_of([layer], Env=["A=\u009b31m"], Labels={"a\u009bb": "c\u009d"})
        r = _import(b, place, images.docker_save([layer], config=steering), name="steering")
        r = b.nsctl("image", "show", "steering")
        b.check("31m" in r.stdout and not set("\u009b\u009d") & set(r.stdout), "no text of its config does when it is shown", repr(r.stdout) + r.stderr)


def _image_cases():
    layer, other = tar(entry("a", b"x")), tar(entry("b", b"x"))
    good = json.loads(images.config_of([layer]))

    def changed(**kw):
        return json.dumps({**good, **kw}).encode()

    def lie(key, value):
        def change(manifest):
            manifest["layers"][0][key] = value
        return change

    def swapped(files):
        """The layer's file is another one than its name says."""
        name = f"blobs/sha256/{images.digest(layer)}"
        return tar(*[entry(k, other if k == name else v) for k, v in files.items()])

    return (
        ("a layer that isn't the config's", images.docker_save([other], config=images.config_of([layer])),
         "isn't what the image's config says"),
        ("a blob that isn't what it is called", swapped(images.oci_files([layer])), "isn't what its digest says"),
        ("a size that isn't true", images.oci_archive([layer], lie=lie("size", 1)), "isn't as long"),
        ("a digest that is a path", images.oci_archive([layer], lie=lie("digest", "sha256:../../../../etc/passwd")), "digest"),
        ("another kind of digest", images.oci_archive([layer], lie=lie("digest", "sha512:" + "a" * 128)), "digest"),
        ("a layer that isn't there", images.oci_archive([layer], lie=lie("digest", "sha256:" + "a" * 64)), "isn't in the archive"),
        ("an environment with a line break", images.docker_save([layer], config=changed(config={"Env": ["A=b\nLD_PRELOAD=x"]})),
         "line break"),
        ("an environment without a name", images.docker_save([layer], config=changed(config={"Env": ["=b"]})), "environment"),
        ("more variables than a login has", images.docker_save([layer], config=changed(config={"Env": [f"A{i}=b" for i in range(513)]})), "more than 512 variables"),
        ("no layers", images.docker_save([], config=changed(rootfs={"diff_ids": []})), "no layers"),
        ("another system", images.docker_save([layer], config=changed(os="windows")), "not for linux"),
        ("more layers than overlayfs takes", images.docker_save([layer], config=changed(
            rootfs={"diff_ids": ["sha256:" + "%064x" % i for i in range(200)]})), "more than 128 layers"),
        ("a config that is no JSON", images.docker_save([layer], config=b"{" * 5000), "no JSON"),
        ("a key twice", images.docker_save([layer], config=b'{"os":"linux","os":"linux"}'), "no JSON"),
        ("a file that is no file", tar(entry("manifest.json", b"[]"), entry("oci-layout", kind=tarfile.FIFOTYPE)), "no file of an"),
        ("a manifest of nothing", tar(entry("manifest.json", b"[]"), entry("oci-layout", b"{}")), "no image"),
    )

def test_hostile_images(b):
    layer = tar(entry("a", b"x"))
    with images.store(b) as place:
        _import(b, place, tar(entry("good", b"x")), name="good")
        for did, what, word in _image_cases()[:TELLING]:
            _refused(b, place, did, what, word)
        # Who knows a digest hasn't what it is of.
        private, other = tar(entry("private", b"x")), tar(entry("other", b"x"))
        _import(b, place, private, name="private")
        for did, layers, said, compress in (
                ("another image's layer by its digest alone", [other], [private], None),
                ("the same, compressed", [other], [private], gzip.compress),
                ("an own layer twice, the second by its digest alone", [layer, other], [layer, layer], gzip.compress)):
            _refused(b, place, did, images.oci_archive(layers, config=images.config_of(said), **(
                {"compress": compress, "kind": "tar+gzip"} if compress else {})), "isn't what the image's config says")

        def by_its_file(manifest):
            manifest["layers"][0].update(digest=f"sha256:{images.digest(private)}", size=len(private))
        told = {"config": images.config_of([private]), "lie": by_its_file}
        _refused(b, place, "another image's file by its digest alone", images.oci_archive([other], **told), "isn't in the archive")
        for path, data in images.oci_files([other], **told).items():
            (place / "layout" / path).parent.mkdir(parents=True, exist_ok=True)
            (place / "layout" / path).write_bytes(data)
        (place / "layout/blobs/sha256" / images.digest(private)).write_bytes(b"x" * len(private))
        r = b.nsctl("image", "import", place / "layout", "bad")
        b.check(r.returncode == 1 and "isn't what its digest says" in r.stderr, "nor of a layout in which it is another's", r.stdout + r.stderr)
        r = _import(b, place, images.oci_archive([private, other, private], compress=gzip.compress, kind="tar+gzip"), name="both")
        b.check(r.returncode == 0 and "3 layers, 1 new" in r.stdout, "who has it shares it", r.stdout + r.stderr)
        _refused(b, place, "a name that is none", images.docker_save([layer]), "no name of an image", name="../x")
        _refused(b, place, "no name at all", layer, "no name", name=None)
        r = b.run(b.stage.bin / "nsctl", "image", "import", place / "archive", "x", preexec_fn=lambda: os.setuid(65534))
        b.check(r.returncode == 1 and "root's" in r.stderr, "nobody but root imports", r.stdout + r.stderr)


def test_more_hostile_images(b):
    with images.store(b) as place:
        _import(b, place, tar(entry("good", b"x")), name="good")
        for did, what, word in _image_cases()[TELLING:]:
            _refused(b, place, did, what, word)


test_more_hostile_images.later = "it tries more of the same"


def test_names_of_images(b):
    """list, show, tag, remove, export, gc and fsck."""
    low, high, config = tar(entry("low", b"1" * 5000)), tar(entry("high", b"22")), {"Env": ["A=b"], "Cmd": ["/bin/sh", "-l"]}
    with images.store(b) as place:
        r = b.nsctl("image", "list", "--json")
        b.check(json_of(r) == {"images": []}, "a host without images has none", r.stdout + r.stderr)
        _import(b, place, images.docker_save([low, high], config=images.config_of([low, high], **config)), name="two")
        _import(b, place, images.docker_save([low]), name="one:5")
        b.check(b.nsctl("image", "tag", "two", "again:x").returncode == 0, "one more name is given")
        rows = json_of(b.nsctl("image", "list", "--json"))["images"]
        b.check([(x["name"], x["layers"], x["size"], x["users"]) for x in rows] ==
                [("again:x", 2, 5002, 0), ("one:5", 1, 5000, 0), ("two:latest", 2, 5002, 0)], "list has all of them", str(rows))
        told = json_of(b.nsctl("image", "show", "--json", "two"))
        b.check(told["env"] == ["A=b"] and told["cmd"] == ["/bin/sh", "-l"] and [x["size"] for x in told["layers"]] == [5000, 2],
                "show has its config and layers", str(told))
        empty = place / "empty.tar"
        for what, content, words in (("an empty file", b"", (empty,)), ("an archive of nothing", tar(), (empty,)), ("a pipe that says nothing", b"", ("-",))):
            empty.write_bytes(content)
            r = b.nsctl("image", "import", *words, "two")
            b.check(r.returncode == 1 and "there is no file in it" in r.stderr and json_of(b.nsctl("image", "list", "--json"))["images"] == rows,
                    f"{what} takes no image's place", r.stdout + r.stderr)
        r = b.nsctl("image", "show", "two")
        b.check("A=b" in r.stdout and images.digest(high)[:12] in r.stdout, "in words, too", r.stdout + r.stderr)
        for option in ("--docker", None):
            r = b.nsctl("image", "export", *([option] if option else []), "two", place / "out.tar")
            q = b.nsctl("image", "import", place / "out.tar", "back")
            b.check(r.returncode == 0 == q.returncode and images.layers_of("back:latest") == images.layers_of("two:latest"),
                    f"what is exported{' as docker does' if option else ''} comes back", r.stderr + q.stdout + q.stderr)
        b.nsctl("image", "remove", "back")
        _kept_while_used(b)
        r = b.nsctl("image", "remove", "two", "nobody")
        b.check(r.returncode == 1 and "no image nobody:latest" in r.stderr, "one that isn't there is named", r.stdout + r.stderr)
        b.check(len(os.listdir(f"{images.IMAGES}/layers/sha256")) == 2, "by its other name it is still there")
        b.nsctl("image", "remove", "again:x")
        b.check(os.listdir(f"{images.IMAGES}/layers/sha256") == [images.digest(low)] and
                os.listdir(f"{images.IMAGES}/tags") == ["one:5"], "with its last name it goes, but for what another one has")
        b.check(b.nsctl("image", "fsck").returncode == 0, "the store is whole")
        with open(f"{images.IMAGES}/blobs/sha256/{images.digest(low)}", "r+b") as f:
            f.write(b"?")
        os.unlink(f"{images.IMAGES}/layers/l/{images.digest(low)[:12]}")
        r = b.nsctl("image", "fsck")
        b.check(r.returncode == 1 and "damaged" in r.stdout and "layers/l/" in r.stdout, "a damaged one isn't", r.stdout + r.stderr)
        b.nsctl("image", "remove", "one:5")
        b.check(images.stored() == EMPTY, "after the last one nothing is left", str(images.stored()))


EMPTY = ["blobs", "blobs/sha256", "index.json", "layers", "layers/l", "layers/sha256", "layers/size", "oci-layout", "ready", "tags",
         "tmp"]


def _kept_while_used(b):
    """By what an account wrote over it, and by a session's record."""
    digest = json_of(b.nsctl("image", "show", "--json", "two"))["manifest"]
    for path, text in ((f"/var/lib/nsshell/upper/{b.alice.pw_uid}/fs/+two:latest", f"two:latest@sha256:{digest}\n"),
                       ("/run/nsshell/sessions/abcdefabcdef", f"id=abcdefabcdef\nimage=old:1@sha256:{digest}\n")):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        r = b.nsctl("image", "remove", "two")
        b.check(r.returncode == 1 and "two:latest is in use: " in r.stderr, f"one that is used stays ({path.split('/')[3]})",
                r.stdout + r.stderr)
        users = json_of(b.nsctl("image", "show", "--json", "two"))["used_by"]
        b.check(len(users) == 1 and users[0].split()[-1] in path, "and by whom is shown", str(users))
        r = b.nsctl("image", "show", "two")
        word = ", as old:1" if "old:1" in text else ""
        b.check(f"\nused by       {users[0]}{word}\n" in r.stdout, "with the image's name, where that is another", r.stdout + r.stderr)
        os.unlink(path)
    b.run("rm", "-rf", "/var/lib/nsshell/upper")


def test_a_login_over_what_was_imported(b):
    """A session keeps its image, whatever becomes of the name meanwhile."""
    name = b.alice.pw_name
    with images.store(b) as place:
        busybox(place / "root")
        r = b.nsctl("image", "import", place / "root", "tiny:1")
        b.check(r.returncode == 0, "a directory is imported", r.stdout + r.stderr)
        old = images.layers_of("tiny:1")[0]
        b.stage.config("RootFS=image:tiny:1\n")
        with b.shell(name) as s:
            saw = s.do("id -un; readlink /proc/self/exe")
            b.check(saw.split()[:2] == [name, "/bin/busybox"], "a login has it as its root file system", saw, b.log_tail())
            rows = json_of(b.nsctl("image", "list", "--json"))["images"]
            r = b.nsctl("image", "remove", "tiny:1")
            b.check([x["users"] for x in rows] == [1] and r.returncode == 1 and "in use: session" in r.stderr,
                    "while it is logged in the image stays", r.stdout + r.stderr + str(rows))
            (place / "root/etc/new").write_text("x", encoding="ascii")
            b.nsctl("image", "import", place / "root", "tiny:1")
            b.nsctl("image", "gc")
            b.check(os.path.isdir(old) and images.layers_of("tiny:1")[0] != old and s.do("cat /etc/new 2>/dev/null || echo old").strip() == "old",
                    "with a new one under its name as well")
        b.gone(name)
        r = b.ssh(name, "cat /etc/new")
        b.check(r.stdout == "x", "the next login has the new one", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.nsctl("image", "gc")
        b.check(not os.path.exists(old), "and the old one goes with who used it")


CONTAINERFILE = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /d/old /tmp && chmod 1777 /tmp && echo x >/d/old/f && echo gone >/gone && echo y >/a && ln /a /b && chown 5:6 /b
RUN rm /gone && rm -r /d/old && mkdir /d/old && echo new >/d/old/g
ENV A=b
"""


def _look(root):
    """Every file below a directory: mode, owner, size, time, attributes, links."""
    found = {}
    for directory, directories, files in os.walk(root):
        for path in (os.path.join(directory, f) for f in directories + files):
            st = os.lstat(path)
            plain = not stat.S_ISDIR(st.st_mode)
            found[os.path.relpath(path, root)] = (oct(st.st_mode), st.st_uid, st.st_gid, plain and st.st_size, int(st.st_mtime),
                                                  os.listxattr(path, follow_symlinks=False), plain and st.st_nlink)
    return found


def _overlay(b, place, name):
    """What the image is in a box."""
    merged = place / "merged"
    merged.mkdir(exist_ok=True)
    b.run("mount", "-t", "overlay", "-o", f"ro,lowerdir={':'.join(reversed(images.layers_of(name)))}", "overlay", merged)
    try:
        return _look(merged)
    finally:
        b.run("umount", merged)


def test_by_other_tools(b):
    """What buildah builds is here what it is to umoci, and what is exported what it is to podman."""
    missing = [t for t in ("buildah", "podman", "umoci", "skopeo") if not shutil.which(t)]
    if missing or not os.path.exists("/bin/busybox"):
        b.skip("images of other tools", f"{' and '.join(missing) or 'busybox'} isn't there")
        return
    with images.store(b) as place:
        def tool(name, *words):
            where = [] if name in ("umoci", "skopeo") else [
                "--storage-driver=vfs", f"--root={place}/storage", f"--runroot={place}/run"]
            r = b.run(name, *where, *words, timeout=120)
            return b.check(r.returncode == 0, f"{name} {words[0]}", r.stdout[-500:] + r.stderr[-500:])

        (place / "Containerfile").write_text(CONTAINERFILE, encoding="ascii")
        shutil.copy("/bin/busybox", place)
        tool("buildah", "build", "--layers", "--isolation=chroot", "-t", "built:1", place)
        tool("buildah", "push", "built:1", f"oci-archive:{place}/oci.tar:built:1")
        tool("buildah", "push", "built:1", f"docker-archive:{place}/docker.tar:built:1")
        for path, name in (("oci.tar", "oci"), ("docker.tar", "docker")):
            r = b.nsctl("image", "import", place / path, name, timeout=60)
            b.check(r.returncode == 0, f"{path} of buildah is imported", r.stdout + r.stderr)
        b.check(images.layers_of("oci:latest") == images.layers_of("docker:latest"), "both have the same layers")
        # The store is a layout itself, which they read where it is.
        tool("umoci", "unpack", "--image", f"{images.IMAGES}:oci:latest", place / "direct")
        tool("skopeo", "inspect", f"oci:{images.IMAGES}:oci:latest")
        b.nsctl("image", "export", "oci", place / "out.tar")
        tool("skopeo", "copy", f"oci-archive:{place}/out.tar:oci:latest", f"oci:{place}/layout:1")
        tool("umoci", "unpack", "--image", f"{place}/layout:1", place / "bundle")
        here, there = _overlay(b, place, "oci:latest"), _look(place / "bundle/rootfs")
        other = {k: (here.get(k), there.get(k)) for k in set(here) | set(there) if here.get(k) != there.get(k)}
        b.check(len(here) > 100 and not other, "every file is as umoci has it", str(list(other.items())[:5]))
        b.nsctl("image", "export", "--docker", "oci", place / "docker-out.tar")
        for archive in ("out.tar", "docker-out.tar"):
            tool("podman", "load", "-i", place / archive)
        r = b.run("podman", "--storage-driver=vfs", f"--root={place}/storage", f"--runroot={place}/run", "save", "-o", place / "podman.tar",
                  "localhost/oci:latest", timeout=120)
        r = b.nsctl("image", "import", place / "podman.tar", "again", timeout=60)
        b.check(r.returncode == 0 and images.layers_of("again:latest") == images.layers_of("oci:latest"),
                "what podman saves again is the same", r.stdout + r.stderr)
        b.run("sh", "-c", f"umount -R {place}/storage/vfs {place}/storage 2>/dev/null; rm -rf {place}/storage {place}/run")


test_by_other_tools.later = "it starts buildah, podman, skopeo and umoci, which take their time"


@contextlib.contextmanager
def _registry(program, place):
    """The real one, on a port of its own: its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    (place / "registry.yml").write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {place}/registry}}}}\n"
                                        f"http: {{addr: {address}}}\nlog: {{accesslog: {{disabled: true}}}}\n", encoding="ascii")
    with open(place / "registry.log", "wb") as log, \
            subprocess.Popen([program, "serve", place / "registry.yml"], stdout=log, stderr=log) as process:
        try:
            yield address
        finally:
            process.terminate()


def _image(b, command, *words):
    return b.nsctl("image", command, "--insecure", *words, timeout=60)


def _push(b, *words):
    """Once the registry is up."""
    for _ in range(int(patient(10) / 0.2)):
        r = _image(b, "push", *words)
        if r.returncode == 0 or "refused" not in r.stderr:
            break
        time.sleep(0.2)
    b.check(r.returncode == 0, "an image is pushed", r.stdout + r.stderr)


def test_a_registry(b):
    """push and pull, by skopeo as nobody."""
    unpacked = TREE / "build/metrics/usr/bin/docker-registry"
    program = unpacked if unpacked.exists() else shutil.which("docker-registry")
    if not program or not shutil.which("skopeo"):
        b.skip("a registry", "docker-registry or skopeo isn't there")
        return
    with images.store(b) as place, _registry(program, place) as address:
        _import(b, place, images.docker_save([tar(*ROOT)]), name="mine:7")
        _push(b, "mine:7", f"{address}/course/mine:7")
        b.nsctl("image", "remove", "mine:7")
        b.check(os.listdir(f"{images.IMAGES}/layers/sha256") == [], "it is gone here")
        _whole(b, _image(b, "pull", f"docker://{address}/course/mine:7"), "pulled", "mine:7")
        r = _image(b, "pull", f"{address}/nothing")
        b.check(r.returncode == 1 and "couldn't copy" in r.stderr, "what the registry hasn't isn't there", r.stdout + r.stderr)
        r = b.nsctl("image", "pull", f"{address}/course/mine:7", timeout=60)
        b.check(r.returncode == 1, "http has to be asked for", r.stdout + r.stderr)
        b.check(os.listdir(f"{images.IMAGES}/tmp") == [], "nothing half-done is left")


test_a_registry.later = "it starts a registry and skopeo, which take their time"


def _slowly(b, name, stderr, until):
    """nsctl image import of an archive that comes bit by bit, while until() has not seen enough. Its status."""
    data = tar(entry("./"), entry("./big", bytes(8 << 20)))
    pause = 0.05
    with subprocess.Popen([b.stage.bin / "nsctl", "image", "import", "-", name], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=stderr) as p:
        at = 0
        while at < len(data) - (64 << 10) and not until():
            p.stdin.write(data[at:at + (32 << 10)])
            p.stdin.flush()
            at += 32 << 10
            time.sleep(pause)
        p.stdin.write(data[at:])
        p.stdin.close()
        return p.wait(timeout=patient(60))


def test_progress(b):
    """A bar on a terminal for what takes longer than a second, and none in a file."""
    with images.store(b) as place:
        ours, theirs = os.openpty()
        os.set_blocking(ours, False)
        seen = bytearray()

        def look():
            with contextlib.suppress(BlockingIOError):
                seen.extend(os.read(ours, 4096))
            return b"K  " in seen or seen.count(b"\r") > 2

        status = _slowly(b, "slow:1", theirs, look)
        look()
        b.check(status == 0 and re.search(rb"\r\x1b\[K[a-z ]+  [0-9.]+[KM]\r", seen), "on a terminal a line tells how far it is", bytes(seen))
        b.check(seen.endswith(b"\r\x1b[K"), "which goes at the end", bytes(seen))
        os.close(theirs)
        os.close(ours)
        with open(place / "said", "w+b") as said:
            begun = time.monotonic()
            status = _slowly(b, "slow:2", said, lambda: time.monotonic() > begun + 2)
            said.seek(0)
            text = said.read()
        b.check(status == 0 and b"\r" not in text and b"\x1b" not in text, "a file gets none", text)
