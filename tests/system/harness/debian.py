# SPDX-License-Identifier: BSD-3-Clause
"""Tars of Debian that mmdebstrap makes, once for all that ask."""

import fcntl
import os
import pathlib
import shutil
import subprocess

from .pace import patient
from .stage import TREE

RELEASE = "/etc/os-release"


def release():
    """The host's own."""
    lines = pathlib.Path(RELEASE).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line).get("VERSION_CODENAME", "bookworm")


def made(name, include, *options, suite="", mirror=()):
    """
    @name: below build. @include: packages, with commas between. @suite: the host's release where empty.
    Return: (its path, None), or (None, why there is none). Suites that run side by side wait for each other.
    """
    tar = TREE / "build" / name
    if not shutil.which("mmdebstrap"):
        return (tar, None) if tar.exists() else (None, "mmdebstrap isn't installed")
    tar.parent.mkdir(exist_ok=True)
    with open(f"{tar}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tar.exists():
            return tar, None
        r = subprocess.run(["mmdebstrap", "--quiet", "--format=tar", f"--include={include}", *options, suite or release(), f"{tar}.part", *mirror],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=patient(600))
        if r.returncode:
            return None, f"mmdebstrap made none: {r.stdout[-300:]}"
        os.rename(f"{tar}.part", tar)
    return tar, None
