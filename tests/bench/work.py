# SPDX-License-Identifier: BSD-3-Clause
"""What a box costs those who work in it: a clone, a build and an archive, inside and outside."""

import os
import pathlib
import pwd
import shutil
import tarfile

from harness import kernel
from host import NAME, ROOT
from measure import Contender, call, rounds, spawn, table

FILES = 50000  # of the repository
SMALL = 20000  # of the archive
TMP = "/tmp/nsshell-bench-work"
# What is measured, and what takes its work away.
JOBS = (("git clone, 50,000 files", "git clone -q repository clone", "rm -rf clone"),
        ("make -j2", "make -s -j2 -C product build/nsshell-helper", "rm -rf product/build"),
        ("tar x, 20,000 files, home", "mkdir out; tar xf small.tar -C out", "rm -rf out"),
        ("tar x, 20,000 files, /tmp", f"tar xf small.tar -C {TMP}", f"rm -rf {TMP}/small"))
OUTSIDE = "outside"


def _repository(home):
    """By fast-import: to add as many files takes minutes."""
    path = home / "repository"
    call(["git", "init", "-q", "--bare", str(path)])
    lines = ["commit refs/heads/master\ncommitter bench <bench@localhost> 0 +0000\ndata 0\n"]
    for i in range(FILES):
        text = f"file {i}\n" * 20
        lines.append(f"M 100644 inline {i // 250}/{i}\ndata {len(text)}\n{text}\n")
    call(["git", "-C", str(path), "fast-import", "--quiet"], stdin=None, input="".join(lines))
    call(["git", "-C", str(path), "symbolic-ref", "HEAD", "refs/heads/master"])


def _archive(home):
    small = home / "small"
    for i in range(SMALL):
        if i % 200 == 0:
            (small / str(i // 200)).mkdir(parents=True)
        (small / str(i // 200) / str(i)).write_text(f"{i}\n" * 100, encoding="ascii")
    with tarfile.open(home / "small.tar", "w") as t:
        t.add(small, "small")
    shutil.rmtree(small)


def _product(home):
    """What has to be compiled: the helper, all of it."""
    (home / "product").mkdir()
    for name in call(["git", "-C", ROOT, "ls-files", "--", "Makefile", "debian/changelog", "*.c",
                      "*.h", "*.S"]).stdout.split():
        to = home / "product" / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), to)


def _prepare(host):
    account = pwd.getpwnam(NAME)
    home = pathlib.Path(account.pw_dir)
    _repository(home)
    _archive(home)
    _product(home)
    call(["chown", "-R", f"{account.pw_uid}:{account.pw_gid}", str(home)])
    # A tmpfs outside, too: what is compared is the box, and not a disk with memory.
    os.mkdir(TMP)
    host.clean.add(os.rmdir, TMP)
    kernel.mount("tmpfs", TMP, "tmpfs")
    host.clean.add(kernel.umount, TMP)
    os.chmod(TMP, 0o1777)
    with open(host.conf, "a", encoding="ascii") as f:
        f.write("TmpSize=1G\n")


def _job(host, service, column, do, undo):
    """By the clock of the shell that does it: a login isn't in it."""
    def once():
        script = (f"cd ~{NAME}; export HOME=$PWD; mkdir -p {TMP}; from=$(date +%s%N); {do}; to=$(date +%s%N); {undo}; "
                  "echo $(((to - from) / 1000))")
        said = spawn(host.caller(service)[:-1] + [NAME, "/bin/sh", "-ec", script])[1]
        # The last word: what is done may warn.
        return {column: int(said.split()[-1]) / 1e3}
    return once


def work_table(host, n):
    _prepare(host)
    for name, do, undo in JOBS:
        rows = [Contender(OUTSIDE, _job(host, NAME + "-none", name, do, undo)),
                Contender("inside", _job(host, NAME, name, do, undo))]
        rounds(rows, n, warmup=1)
        table(f"{name}, ms", rows, [name], OUTSIDE)
    host.settle()
