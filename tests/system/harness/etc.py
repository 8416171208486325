# SPDX-License-Identifier: BSD-3-Clause
"""The host's /etc, as a copy that a test may change."""

import contextlib
import os
import pathlib
import subprocess

from harness import kernel


def copy_etc(to):
    """A copy of it as it is, with accounts and all. Other tests make and remove accounts meanwhile: locks come and go."""
    r = subprocess.run(["cp", "-a", "/etc", to], stderr=subprocess.PIPE, text=True, check=False)
    wrong = [x for x in r.stderr.splitlines() if not x.endswith(": No such file or directory")]
    if wrong:
        raise OSError("\n".join(wrong))


@contextlib.contextmanager
def own_etc(b):
    copy = b.stage.private / "etc.own"
    copy_etc(copy)
    kernel.bind(copy, "/etc")
    kernel.bind(b.stage.private / "pam.d", "/etc/pam.d")
    try:
        yield pathlib.Path("/etc")
    finally:
        kernel.umount("/etc/pam.d")
        kernel.umount("/etc")
        b.run("rm", "-rf", copy)


def replace(path, text):
    """As an editor does, and useradd: a new file under the name of the old one."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.rename(new, path)
