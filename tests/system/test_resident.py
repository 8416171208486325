# SPDX-License-Identifier: BSD-3-Clause
"""What stays for as long as a session does: programs of their own, with what they need and nothing else."""

import contextlib
import os
import pathlib
import re
import shutil


def _status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {m[1]: m[2].split() for m in re.finditer(r"^(\w+):[ \t]*(.*)$", text, re.M)}


def _files(pid):
    """What it has mapped of files."""
    lines = pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
    return {os.path.basename(f[5]) for f in map(str.split, lines) if len(f) > 5 and f[5].startswith("/")}


@contextlib.contextmanager
def _instead(b, name, program):
    """Another program, or none, in the place of the stage's own."""
    place = b.stage.private / "nothing" / name
    away = place.with_suffix(".away")
    place.rename(away)
    if program:
        shutil.copy(program, place)
    try:
        yield
    finally:
        away.replace(place)


def _refused(b, did, log):
    b.stage.syslog.clear()
    before = b.observer.snapshot()
    r = b.ssh(b.alice.pw_name, "echo in")
    lines = [x for x in b.stage.syslog.wait("refused") if "refused: " in x and log in x]
    b.check(r.returncode != 0 and "in\n" not in r.stdout and lines, f"{did}: no login, and the log says why",
            (lines or [b.log_tail()])[0], r.stdout + r.stderr)
    left = b.observer.left(before, 15)
    b.check(not left, "and nothing is left", left)


def test_init(b):
    b.stage.config("")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        pid = b.record_of(b.alice.pw_name)["init_pid"]
        status, files = _status(pid), _files(pid)
        kill = 1 << 5
        b.check(files == {"nsshell-init"}, "init has its own program mapped, and no library", files)
        b.check(status["CapEff"] == status["CapPrm"] == status["CapBnd"] == [f"{kill:016x}"],
                "it may end processes, and nothing else", status)
        b.check(status["NoNewPrivs"] == ["1"] and status["Seccomp"] == ["2"], "it lives under the session's filter", status)
        fds = sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
        b.check(fds == ["0", "1", "2", "3", "4"], "it has its leash and its signals open", fds)


def test_no_init(b):
    b.stage.config("OnError=allow\n")
    with _instead(b, "nsshell-init", None):
        _refused(b, "without nsshell-init", "nsshell-init")
    with _instead(b, "nsshell-init", "/bin/true"):
        _refused(b, "with one that ends at once", "init of the session died")
