# SPDX-License-Identifier: BSD-3-Clause
"""A machine of tests/vm, for the tests of the package: lines for run.sh to count, and files of /deb."""

import io
import pathlib
import sys
import tarfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(TREE / "tests" / "vm"), str(TREE / "tests" / "system")]

from machine import SHAPES, Machine, MachineError, build_image, free_ports  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import


def check(good, did, saw=""):
    print(f"{'' if good else 'not '}ok - {did}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(saw).splitlines()[-25:]), end="", flush=True)
    return good


def archive(**files):
    """What put() takes: files of /deb."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, path in files.items():
            tar.add(path, f"deb/{name}", filter=_root_s)
    return out.getvalue()


def _root_s(info):
    info.uid = info.gid = 0
    return info


def until(m, script, seconds=60):
    return m.sh(f"while [ $SECONDS -lt {seconds} ]; do ({script}) && exit 0; sleep .3; done; {script}", seconds + 60)
