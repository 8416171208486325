# SPDX-License-Identifier: BSD-3-Clause
"""What accounts wrote with Upper=disk: told, set aside, made an image of."""

import contextlib
import os

from harness.imagestore import busybox, store
from harness.scene import json_of

IMAGE = "RootFS=image:tiny:1\nUpper=disk\n"


def _open(root):
    """A layer with a directory that all may write to."""
    for path in ("open", "open/dir", "open/whole"):
        (root / path).mkdir()
        (root / path).chmod(0o777)
    for path in ("open/gone", "open/changed", "open/dir/old", "open/dir/over", "open/whole/old", "open/kept"):
        (root / path).write_text(f"{path}\n", encoding="utf-8")
        (root / path).chmod(0o666)


WRITE = r"""cd /open; rm gone; echo of mine >changed; mkdir new; echo x >new/f; rm -r dir; mkdir dir; echo y >dir/y; echo z >dir/over
rm -r whole; touch "$(printf 'a\033[31mb\nc')"; ln -s /etc/shadow link; ln link again"""
WANT = {("C", "/open"), ("D", "/open/gone"), ("C", "/open/changed"), ("A", "/open/new"), ("A", "/open/new/f"), ("C", "/open/dir"),
        ("A", "/open/dir/y"), ("C", "/open/dir/over"), ("D", "/open/dir/old"), ("D", "/open/whole"), ("A", "/open/a\x1b[31mb\nc"),
        ("A", "/open/link"), ("A", "/open/again")}


@contextlib.contextmanager
def _uppers(b):
    """Afterwards nothing of alice's is left."""
    try:
        yield f"/var/lib/nsshell/upper/{b.alice.pw_uid}"
    finally:
        b.gone()
        b.run("sh", "-c", f"rm -rf /var/lib/nsshell/upper/{b.alice.pw_uid}*")


def _diff(b, *words):
    r = b.nsctl("diff", b.alice.pw_name, "--json", *words)
    return r, {(row["kind"], row["path"]): row for row in json_of(r).get("diff", [])} if r.returncode == 0 else {}


def test_diff(b):
    """nsctl diff, over an image and over the host's root."""
    name = b.alice.pw_name
    with store(b) as s, _uppers(b):
        s.tag("tiny:1", [s.layer(busybox), s.layer(_open)])
        r = b.nsctl("diff", name)
        b.check(r.returncode == 1 and "nothing" in r.stderr, "nothing is written yet, which is said", r.stdout + r.stderr)
        b.stage.config(IMAGE)
        r = b.ssh(name, WRITE)
        b.check(r.returncode == 0, "a user writes, deletes and makes anew over an image", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        r, rows = _diff(b)
        b.check(set(rows) == WANT, "each of it is told, and nothing else", f"{set(rows) ^ WANT} {r.stderr}")
        b.check(rows and rows["C", "/open/changed"]["size"] == 8 and rows["D", "/open/gone"]["size"] == 10 and
                rows["C", "/open"]["over"] == "tiny:1", "with sizes, and what it is over", str(rows))
        r = b.nsctl("diff", name)
        b.check(r.returncode == 0 and "\x1b" not in r.stdout and "\\x1b[31mb\\x0ac" in r.stdout and r.stdout.split()[:3] ==
                ["KIND", "SIZE", "PATH"], "no name steers the terminal, or makes a line of its own", repr(r.stdout))
        b.stage.config("Upper=disk\n")
        r = b.ssh(name, f"echo mine >{b.stage.open}/f; mkdir {b.stage.open}/d")
        b.gone(name)
        r, rows = _diff(b)
        place = str(b.stage.open)
        b.check(rows.get(("A", f"{place}/f"), {}).get("over") == "host" and ("C", place) in rows and ("D", "/open/gone") in rows,
                "what is over the host's root is beside it", f"{rows} {r.stderr}")
        r, rows = _diff(b, "--image", "tiny:1")
        b.check(set(rows) == WANT, "or not, where one image is asked for", str(set(rows) ^ WANT))
        r, rows = _diff(b, "--max-files=3")
        b.check(r.returncode == 1 and "--max-files" in r.stderr, "more than may be told is said", r.stderr)
        r = b.run(b.stage.bin / "nsctl", "diff", name, preexec_fn=lambda: os.setuid(b.alice.pw_uid))
        b.check(r.returncode == 1 and "root's" in r.stderr, "and to root alone", r.stdout + r.stderr)
