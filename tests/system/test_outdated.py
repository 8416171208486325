# SPDX-License-Identifier: BSD-3-Clause
"""nsctl list tells which sessions still run on files that the host has replaced, or by other rules."""

import contextlib
import os
import resource
import shutil
import subprocess
import time

from harness import kernel
from harness.pace import patient
from harness.scene import json_of

MANY_MAPS = """: >/tmp/many; python3 -c '
import ctypes, mmap, time
libc = ctypes.CDLL(None)
n = 30000
libc.mmap.restype = ctypes.c_void_p
at = libc.mmap(None, ctypes.c_size_t(n * 4096), 3, 0x22, -1, 0)
for i in range(0, n, 2):
    libc.mprotect(ctypes.c_void_p(at + i * 4096), ctypes.c_size_t(4096), 1)
print("ready", flush=True)
time.sleep(60)' > /tmp/many & while ! grep -q ready /tmp/many; do sleep 0.1; done; cat /tmp/many"""


@contextlib.contextmanager
def _own_local(b):
    """The host's /usr/local is a directory that a test may change, with a program in it."""
    local = b.stage.private / "local.outdated"
    try:
        with b.stage.own_local(local, "bin"):
            shutil.copy("/bin/sleep", local / "bin/rest")
            yield local / "bin/rest"
    finally:
        b.gone()
        b.run("rm", "-rf", local, "/var/lib/nsshell/upper")


def _marks(b):
    """What list and status say of the only session."""
    rows = json_of(b.nsctl("list", "-J", "-c", str(b.stage.conf), "-o", "ID,OUTDATED"))["sessions"]
    full = json_of(b.nsctl("status", "-J", "-c", str(b.stage.conf), rows[0]["id"]))["sessions"][0]["outdated"]
    return [row["outdated"] for row in rows], full


def _upgrade(program):
    """As a package manager does it."""
    new = program.with_name("rest.dpkg-new")
    shutil.copy("/bin/sleep", new)
    os.rename(new, program)


def test_files_that_the_host_replaced(b):
    for upper in ("none", "tmpfs", "disk"):
        b.stage.config(f"Upper={upper}\n")
        with _own_local(b) as program, b.shell(b.alice.pw_name) as one:
            one.do("cp /bin/sleep ~/own; ~/own 60 & cp /bin/sleep /tmp/own; /tmp/own 60 & sleep 0.2; rm ~/own /tmp/own")
            pid = one.do("/usr/local/bin/rest 60 >/dev/null 2>&1 & sleep 0.2; pgrep -x rest")
            marks, full = _marks(b)
            b.check(marks == [None] and full == {"files": False, "rules": False},
                    f"Upper={upper}: a session has no mark, though its user has removed programs of their own that run",
                    f"{marks} {full}", b.log_tail())
            _upgrade(program)
            marks, full = _marks(b)
            said = b.nsctl("status", b.alice.pw_name).stdout
            b.check(pid and marks == ["files"] and full["files"] and full["file"] == "/usr/local/bin/rest"
                    and "which the host has replaced" in said,
                    f"Upper={upper}: one whose program the host has replaced has", f"{marks} {full}", said)
            one.do("pkill -x rest; sleep 0.2")
            marks, full = _marks(b)
            b.check(marks == [None], f"Upper={upper}: and none when nobody runs it any more", f"{marks} {full}")
            one.do("pkill -x own")


def test_rules_that_changed(b):
    b.gone()
    b.stage.config("Upper=none\n")
    with b.shell(b.alice.pw_name) as one:
        one.do("true")
        b.check(_marks(b)[0] == [None], "a session has no mark", _marks(b))
        for rule in (f"InaccessiblePaths={b.stage.open}\n", "TmpSize=1M\n"):
            b.stage.config("Upper=none\n" + rule)
            marks, full = _marks(b)
            b.check(marks == ["rules"] and full["rules"] and not full["files"],
                    f"with {rule.split('=')[0]}= in the config it has one", f"{marks} {full}")
        b.stage.config(f"Upper=none\n[User {b.alice.pw_name}]\nIsolate=no\n")
        b.check(_marks(b)[0] == ["rules"], "and where its account isn't isolated any more", _marks(b))
        b.stage.config("Upper=none\n")
        b.check(_marks(b)[0] == [None], "and none when it is as before", _marks(b))


def test_a_user_can_not_hold_it_up(b):
    b.stage.config("Upper=none\n")
    with b.shell(b.alice.pw_name) as one:
        b.check(one.do(MANY_MAPS) == "ready", "a user maps memory 30000 times")
        begun = time.monotonic()
        r = b.nsctl("list", "-J", "-c", str(b.stage.conf), "-o", "ID,OUTDATED")
        took = time.monotonic() - begun
        b.check(json_of(r)["sessions"][0]["outdated"] == "?" and took < patient(3),
                "list says that it couldn't look at all, and is there at once", f"{r.stdout} {took:.2f} s")
        one.do("kill %1")


def _cpu(b, columns):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    b.nsctl("list", "-c", str(b.stage.conf), "-o", columns)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_every_way_in_begins_without_a_mark(b):
    b.stage.config("Upper=none\n")
    name = b.alice.pw_name
    ways = {"su": ["su", "-", name, "-c", "sleep 60"], "runuser": ["runuser", "-l", name, "-c", "sleep 60"],
            "ssh -tt": b.stage.sshd.argv(name, "sleep 60", options=["-tt"]),
            "nsctl run": [str(b.stage.bin / "nsctl"), "run", "-q", "-c", str(b.stage.conf), "--helper",
                         str(b.stage.helper), name, "--", "sleep", "60"]}
    running = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for argv in ways.values()]
    rows = []
    end = time.monotonic() + patient(20)
    # "?" is what it says where a busy host left it no time to look.
    while (len([x for x in rows if (x["processes"] or 0) > 1 and x["outdated"] != "?"]) < len(ways) and
           all(p.poll() is None for p in running) and time.monotonic() < end):
        rows = json_of(b.nsctl("list", "-J", "-c", str(b.stage.conf)))["sessions"]
    b.check(len(rows) == len(ways) and all(x["outdated"] is None for x in rows),
            f"{', '.join(ways)}: sessions begin without a mark", [(x["service"], x["outdated"]) for x in rows], b.log_tail())
    took = _cpu(b, "ID,OUTDATED") - _cpu(b, "ID")
    b.check(took < 0.5, "and to look takes little", f"{took * 1000 / len(ways):.1f} ms of CPU time a session")
    for p in running:
        p.terminate()
        p.wait()
    b.gone()
