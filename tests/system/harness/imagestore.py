# SPDX-License-Identifier: BSD-3-Clause
"""A store of images, made by hand: directories as layers, without an archive and without JSON."""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from .stage import STATE

STORE = pathlib.Path(STATE) / "images"
BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "cat", "ls", "id", "echo", "touch", "mkdir", "rm", "env", "sleep", "test", "true", "readlink", "stat",
           "head", "tail", "grep", "wc", "ps", "mount", "hostname", "tty", "su", "pwd", "ln", "cp", "mv", "od", "dd")


def busybox(root):
    """The smallest system: one program by many names."""
    for directory in ("bin", "etc", "tmp", "root"):
        os.makedirs(root / directory)
    shutil.copy2(BUSYBOX, root / "bin/busybox")
    for name in APPLETS:
        os.symlink("busybox", root / "bin" / name)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nsomebody:x:4321:4321::/:/bin/false\n", encoding="utf-8")
    (root / "etc/group").write_text("root:x:0:\ntty:x:5:\n", encoding="utf-8")


def programs(root, *paths):
    """busybox, and these programs of the host with the libraries that they are linked with."""
    busybox(root)
    for path in paths:
        linked = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        for one in (path, *re.findall(r"(/\S+) \(0x", linked)):
            to = root / one.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            if not to.exists():
                shutil.copy2(one, to)


class Store:
    def __init__(self):
        self.n = 0

    def layer(self, fill):
        """A layer of what @fill makes in a directory. Gives its name."""
        self.n += 1
        full = hashlib.sha256(f"{fill} {self.n}".encode()).hexdigest()
        root = STORE / "layers/sha256" / full
        root.mkdir(parents=True, mode=0o755)
        root.chmod(0o755)
        fill(root)
        (STORE / "layers/l").mkdir(exist_ok=True)
        os.symlink(f"../sha256/{full}", STORE / "layers/l" / full[:12])
        return full

    def tag(self, name, layers, environment=()):
        """An image of these layers, lowest first, under that name."""
        lines = "".join(f"{full[:12]} {full}\n" for full in layers)
        digest = hashlib.sha256(lines.encode()).hexdigest()
        ready = STORE / "ready" / digest
        if not ready.exists():
            ready.mkdir(parents=True)
            (ready / "layers").write_text(lines, encoding="utf-8")
            (ready / "environment").write_text("".join(f"{e}\n" for e in environment), encoding="utf-8")
            (ready / "about").write_text("architecture amd64\n", encoding="utf-8")
        (STORE / "tags").mkdir(exist_ok=True)
        link = STORE / "tags" / (name if ":" in name else f"{name}:latest")
        link.unlink(missing_ok=True)
        os.symlink(f"../ready/{digest}", link)
        return digest

    def image(self, name, fill=busybox):
        return self.tag(name, [self.layer(fill)])


@contextlib.contextmanager
def store(b):
    """A store for as long as a test lasts; one that is there already comes back."""
    aside = STORE.with_name("images.aside")
    if STORE.exists():
        os.rename(STORE, aside)
    STORE.mkdir(parents=True, mode=0o700)
    try:
        yield Store()
    finally:
        b.gone()
        b.run("rm", "-rf", STORE)
        if aside.exists():
            os.rename(aside, STORE)
