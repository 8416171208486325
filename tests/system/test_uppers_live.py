# SPDX-License-Identifier: BSD-3-Clause
"""What accounts write with Upper=tmpfs: told and made an image of, as long as their session runs."""

import os

from harness.images import layers_of
from harness.imagestore import busybox, store
from harness.scene import json_of

from test_uppers import WANT, WRITE, _diff, _import, _open

MEMORY = "RootFS=image:tiny:1\nUpper=tmpfs\n"


def _session(b, name):
    return b.record_of(name)["id"]


def test_diff_in_memory(b):
    """nsctl diff, over an image and over the host's root."""
    name = b.alice.pw_name
    with store(b) as s:
        s.tag("tiny:1", [s.layer(busybox), s.layer(_open)])
        b.stage.config(MEMORY)
        with b.shell(name) as one:
            one.do(WRITE)
            r, rows = _diff(b)
            b.check(set(rows) == WANT, "each of what is written in memory is told, and nothing else", f"{set(rows) ^ WANT} {r.stderr}")
            b.check(rows and rows["D", "/open/gone"]["size"] == 10 and rows["C", "/open"]["over"] == "tiny:1", "with sizes, and what it is over", str(rows))
            r = b.nsctl("diff", _session(b, name), "--json")
            b.check({(x["kind"], x["path"]) for x in json_of(r)["diff"]} == WANT, "by the session's id, too", r.stdout + r.stderr)
            r = b.nsctl("diff", name, "--image", "other:1")
            b.check(r.returncode == 1 and "over other:1" in r.stderr, "another image has nothing", r.stderr)
            with b.shell(name) as two:
                two.do("true")
                first, second = sorted(x["id"] for x in b.stage.records() if x["user"] == name)
                r = b.nsctl("diff", name)
                b.check(r.returncode == 1 and first in r.stderr and second in r.stderr, "of two sessions one has to be named", r.stdout + r.stderr)
        b.gone(name)
        r = b.nsctl("diff", name)
        b.check(r.returncode == 1 and "goes with the session" in r.stderr, "and with the session it is gone, which is said", r.stderr)
        b.stage.config("Upper=tmpfs\n")
        place = str(b.stage.open)
        with b.shell(name) as one:
            one.do(f"echo mine >{place}/f")
            r, rows = _diff(b)
            b.check(rows.get(("A", f"{place}/f"), {}).get("over") == "host" and ("C", place) in rows and
                    not [p for _, p in rows if p.startswith(("/tmp", "/run", "/dev", "/home"))],
                    "over the host's root it is the same, and no more than that", f"{rows} {r.stderr}")
            r = b.nsctl("image", "commit", name, "done:1")
            b.check(r.returncode == 1 and "no image to commit onto" in r.stderr, "which is nothing to commit onto", r.stderr)
        b.gone(name)
        b.stage.config("Upper=none\n")
        with b.shell(name) as one:
            one.do("true")
            r = b.nsctl("diff", _session(b, name))
            b.check(r.returncode == 1 and "nothing that is kept" in r.stderr, "with Upper=none there is nothing", r.stderr)


def _held(pid):
    """What of a session it has open: one that comes to watch the host for all has its directories besides."""
    fds = f"/proc/{pid}/fd"
    return sorted(x for x in (os.readlink(f"{fds}/{n}") for n in os.listdir(fds)) if x.startswith(("/upper", "socket:", "pipe:", "/proc")))


def test_commit_in_memory(b):
    """A running session's, which goes on; a second account logs in to the result."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with store(b):
        _import(b)
        b.stage.config(MEMORY)
        with b.shell(name) as one:
            one.do(WRITE + "; mkfifo fifo; chmod 2750 new; echo live >live")
            supervisor = b.record_of(name)["supervisor_pid"]
            fds = _held(supervisor)
            # Moved meanwhile: what it lies on counts, and not who has the name now.
            b.nsctl("image", "commit", name, "tiny:1")
            r = b.nsctl("image", "commit", name, "done:1", timeout=60)
            b.check(r.returncode == 0 and one.do("cat /open/live") == "live", "a session's writings are committed, and it goes on", r.stdout + r.stderr)
            b.check(_held(supervisor) == fds, "its supervisor has no more open than before", fds, _held(supervisor))
            top = layers_of("done:1")[-1]
            b.check(len(layers_of("done:1")) == 2 and os.lstat(f"{top}/open/new").st_uid == uid and
                    oct(os.lstat(f"{top}/open/new").st_mode) == "0o42750" and os.lstat(f"{top}/open").st_uid == 0 and
                    os.lstat(f"{top}/open/link").st_nlink == 2 and not os.path.exists(f"{top}/run") and not os.path.exists(f"{top}/etc/hosts"),
                    "as its box had it, without what each box has of its own", str(os.listdir(top)))
            r = b.nsctl("image", "commit", _session(b, name), "done:2")
            b.check(r.returncode == 0 and layers_of("done:2")[-1] == top, "by the session's id the same", r.stdout + r.stderr)
        b.gone(name)
        b.stage.config("RootFS=image:done:1\n")
        r = b.ssh(b.bob.pw_name, "cd /open; cat new/f 2>/dev/null; cat dir/y dir/over live; ls -a . dir; cat /open/changed")
        b.check(r.returncode == 0 and r.stdout.startswith("y\nz\nlive\n") and r.stdout.endswith("of mine\n") and
                not {"gone", "whole", "old"} & set(r.stdout.split()), "a second account logs in to the result", r.stdout + r.stderr, b.log_tail())
