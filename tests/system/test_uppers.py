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


def test_reset(b):
    """An account begins anew, and has again what it had."""
    name = b.alice.pw_name
    place = f"{b.stage.open}/f"
    with _uppers(b) as upper:
        b.stage.config("Upper=disk\n")
        r = b.nsctl("reset", name)
        b.check(r.returncode == 1 and "nothing" in r.stderr, "who has written nothing has nothing to lose", r.stdout + r.stderr)
        with b.shell(name) as one:
            one.do(f"echo first >{place}")
            r = b.nsctl("reset", name)
            b.check(r.returncode == 1 and "nsctl stop" in r.stderr and one.do(f"cat {place}") == "first",
                    "nothing is taken from under a session", r.stdout + r.stderr)
        b.gone(name)
        r = b.nsctl("reset", name)
        b.check(r.returncode == 0 and f"{upper}.old" in r.stdout, "nsctl reset says where the old one is", r.stdout + r.stderr)
        r = b.ssh(name, f"cat {place}; echo second >{place}")
        b.check("No such file" in r.stderr, "the next login has the host's root as it is", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        r = b.nsctl("reset", name)
        b.check(r.returncode == 1 and "--old=remove" in r.stderr, "a second time nothing is lost without a word", r.stdout + r.stderr)
        r = b.nsctl("gc")
        b.check(f"layers of {name} " in r.stdout and "nsctl reset" in r.stdout, "nsctl gc tells of what is kept", r.stdout + r.stderr)
        r = b.nsctl("reset", "--old=restore", name)
        b.check(r.returncode == 0 and b.ssh(name, f"cat {place}").stdout == "first\n", "the old one comes back", r.stdout + r.stderr)
        b.gone(name)
        r = b.nsctl("reset", "--old=replace", name)
        b.check(r.returncode == 0 and not os.path.exists(upper) and not os.path.exists(f"{upper}.gone"),
                "or the one takes the place of the other", f"{r.stdout}{r.stderr}")
        with open(f"{upper}.old/upper/-{place}", encoding="utf-8") as f:
            b.check(f.read() == "first\n", "which is the newer one")
        r = b.nsctl("reset", "--old=remove", name)
        b.check(r.returncode == 0 and not os.path.exists(f"{upper}.old"), "and goes when told", r.stdout + r.stderr)
        b.ssh(name, f"echo third >{place}")
        b.gone(name)
        b.nsctl("reset", name)
        with open(f"{upper}.old/account", "w", encoding="utf-8") as f:
            f.write("nobody-such\n")
        r = b.nsctl("reset", "--old=restore", name)
        b.check(r.returncode == 1 and "nobody-such" in r.stderr, "another account's isn't given to who has its uid now", r.stderr)
        r = b.nsctl("gc", "--gone")
        b.check(not os.path.exists(f"{upper}.old"), "and goes with what accounts that are gone have left", r.stdout + r.stderr)
