# SPDX-License-Identifier: BSD-3-Clause
"""The store of images while many change it at once, are killed at it, or find the disk full: it stays whole."""

import contextlib
import gzip
import os
import signal
import subprocess
import time

from harness import images, kernel
from harness.images import entry, tar
from harness.imagestore import BUSYBOX, STORE, store
from harness.scene import json_of

UPPER = "/var/lib/nsshell/upper"


def _system(*more):
    with open(BUSYBOX, "rb") as f:
        busybox = f.read()
    return [tar(entry("./"), entry("./bin/"), entry("./bin/busybox", busybox, mode=0o755), images.symlink("./bin/sh", "busybox"),
                images.symlink("./bin/echo", "busybox"), entry("./open/", mode=0o1777)), *more]


def _archive(b, name, *layers, compress=None):
    path = b.stage.base / f"{name}.tar"
    path.write_bytes(images.oci_archive(list(layers), compress=compress, kind="tar+gzip") if compress else images.docker_save(list(layers)))
    return path


def _start(b, *words):
    return subprocess.Popen([b.stage.bin / "nsctl", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, start_new_session=True)


def _whole(b, did):
    """Nothing is damaged, nothing is half there, and once somebody has been at it nothing is left over."""
    r = b.nsctl("image", "gc", timeout=60)
    q = b.nsctl("image", "fsck", timeout=60)
    b.check(r.returncode == 0 and q.returncode == 0 and not os.listdir(STORE / "tmp"), f"{did}: the store is whole, and nothing is left in it",
            r.stdout + r.stderr + q.stdout + q.stderr, str(os.listdir(STORE / "tmp")))


def test_many_at_once(b):
    """Imports, names that move, removals, gc and commits, while accounts log in."""
    name = b.alice.pw_name
    with store(b):
        try:
            small = [_archive(b, f"small{i}", *_system(tar(entry(f"./of-{i}", b"x" * 100000)))) for i in range(3)]
            b.nsctl("image", "import", small[0], "base:1", timeout=60)
            b.stage.config("RootFS=image:base:1\nUpper=disk\n")
            r = b.ssh(name, "echo written >/open/f; echo in")
            b.check(r.stdout == "in\n", "an account writes over an image", r.stdout + r.stderr, b.log_tail())
            commands = [("import", small[0], "a:1"), ("import", small[1], "a:1"), ("import", small[2], "b:1"), ("tag", "base:1", "a:1"),
                        ("remove", "a:1"), ("gc",), ("commit", name, "c:1"), ("remove", "c:1"), ("tag", "b:1", "c:1"), ("list",), ("fsck",)]
            refused = []
            for turn in range(3):
                running = [_start(b, "image", *words) for words in commands[turn:] + commands[:turn]]
                r = b.ssh(name, "read x </open/f; echo $x", timeout=60)
                b.check(r.stdout == "written\n", "a login meanwhile is as ever", r.stdout + r.stderr, b.log_tail())
                for p in running:
                    said = p.communicate(timeout=120)[0]
                    if p.returncode not in (0, 1) or (p.returncode and not said.strip()):
                        refused.append(f"{p.args[2:]} {p.returncode} {said}")
            b.check(not refused, "each does what it is told, or says why not", str(refused))
            _whole(b, "after all of them")
            b.gone(name)
            r = b.nsctl("image", "commit", name, "c:2", timeout=60)
            b.check(r.returncode == 0, "and what was written can be committed", r.stdout + r.stderr)
        finally:
            b.gone(name)
            b.run("sh", "-c", f"rm -rf {UPPER}/{b.alice.pw_uid}*")


def test_kills(b):
    """Killed at any moment, all of it: what was there is there, and the next one takes away what is left."""
    name = b.alice.pw_name
    with store(b):
        try:
            big = _archive(b, "big", *_system(tar(*[entry(f"./open/{i}", os.urandom(50000)) for i in range(60)])), compress=gzip.compress)
            b.nsctl("image", "import", _archive(b, "base", *_system()), "base:1", timeout=60)
            b.stage.config("RootFS=image:base:1\nUpper=disk\n")
            b.ssh(name, "i=0; while [ $i -lt 300 ]; do echo $i >/open/$i; i=$((i + 1)); done")
            b.gone(name)
            before = json_of(b.nsctl("image", "show", "--json", "base:1"))
            caught = {}
            for words in (("import", big, "big:1"), ("commit", name, "c:1"), ("remove", "c:1", "big:1"), ("gc",)):
                for delay in (0.005, 0.02, 0.05, 0.1, 0.2, 0.4):
                    p = _start(b, "image", *words)
                    time.sleep(delay)
                    caught[words[0]] = caught.get(words[0], 0) + (p.poll() is None)
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(p.pid, signal.SIGKILL)
                    p.communicate(timeout=60)
            b.check(caught["import"] and caught["commit"], "they are killed in the middle", str(caught))
            b.nsctl("image", "import", big, "big:1", timeout=60)
            _whole(b, "after kills")
            b.check(json_of(b.nsctl("image", "show", "--json", "base:1")) == before, "what was there is as it was")
            r = b.ssh(name, "echo in")
            b.check(r.stdout == "in\n", "and logged in to", r.stdout + r.stderr, b.log_tail())
        finally:
            b.gone(name)
            b.run("sh", "-c", f"rm -rf {UPPER}/{b.alice.pw_uid}*")


def test_a_full_disk(b):
    """An import and a commit that find no room say so, and leave what was there."""
    with store(b):
        kernel.mount("none", str(STORE), "tmpfs", options="size=12m,mode=700")
        try:
            r = b.nsctl("image", "import", _archive(b, "base", *_system()), "base:1", timeout=60)
            b.check(r.returncode == 0, "with room an image is imported", r.stdout + r.stderr)
            used = os.statvfs(STORE).f_bfree
            big = _archive(b, "big", *_system(tar(*[entry(f"./{i}", os.urandom(1 << 20)) for i in range(12)])))
            r = b.nsctl("image", "import", big, "big:1", timeout=60)
            b.check(r.returncode == 1 and "No space left" in r.stderr, "without, it is said", r.stdout + r.stderr)
            b.check(os.statvfs(STORE).f_bfree >= used - 16 and not os.listdir(STORE / "tmp"), "and nothing is left that takes any",
                    f"{used} {os.statvfs(STORE).f_bfree} {os.listdir(STORE / 'tmp')}")
            r = b.nsctl("image", "list", "-n", "-r")
            b.check(r.stdout.split()[:1] == ["base:1"] and len(r.stdout.splitlines()) == 1, "what was there is there", r.stdout)
            _whole(b, "after that")
        finally:
            kernel.umount(str(STORE))
