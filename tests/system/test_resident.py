# SPDX-License-Identifier: BSD-3-Clause
"""What stays for as long as a session does: programs of their own, with what they need and nothing else."""

import contextlib
import os
import pathlib
import re
import shutil

from harness.stage import TREE


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


def test_supervisor(b):
    b.stage.config("HostCommands=none\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        pid = b.record_of(b.alice.pw_name)["supervisor_pid"]
        status = _status(pid)
        b.check(status["CapEff"] == status["CapPrm"] == status["CapBnd"], "the supervisor has no way to more than it holds", status)
        open_on_exec = [fd for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2 and not _closes(pid, fd)]
        b.check(not open_on_exec, "what it was handed over goes no further", open_on_exec)


def _closes(pid, fd):
    text = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text(encoding="ascii")
    return int(re.search(r"^flags:\s*([0-7]+)", text, re.M)[1], 8) & os.O_CLOEXEC


def test_what_a_supervisor_maps(b):
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        files = _files(b.record_of(b.alice.pw_name)["supervisor_pid"])
        ours = {f for f in files if not f.startswith(("ld-", "libc.", "libcap.", "libnss_"))}
        b.check(ours == {"nsshell-supervisor"}, "the supervisor has its own program mapped, with libc and libcap", files)


test_what_a_supervisor_maps.not_instrumented = "which has a sanitizer's libraries mapped"


def test_no_supervisor(b):
    b.stage.config("OnError=allow\n")
    with _instead(b, "nsshell-supervisor", None):
        _refused(b, "without nsshell-supervisor", "nsshell-supervisor")


def test_a_supervisor_of_another_version(b):
    """What an upgrade may leave for a moment: nobody is let in, and the next login takes away what there was."""
    place = b.stage.private / "nothing" / "nsshell-supervisor"
    program = b.stage.private / "another-version"
    said, version = place.read_bytes(), re.search(rb"\((.*?)\)", (TREE / "debian/changelog").read_bytes())[1]
    b.check(said.count(version + b"\0"), "the program says which version it is")
    program.write_bytes(said.replace(version + b"\0", b"9" * len(version) + b"\0"))
    program.chmod(0o755)
    b.stage.config("OnError=allow\n")
    b.stage.syslog.clear()
    with _instead(b, "nsshell-supervisor", program):
        r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.returncode != 0 and "in\n" not in r.stdout, "one of another version: no login", r.stdout + r.stderr)
    lines = [x for x in b.stage.syslog.wait("are of two versions") if "are of two versions" in x]
    b.check(lines, "and the log says why", lines or b.log_tail())
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n" and b.gone(), "the next one is let in, and takes away what that left", r.stdout + r.stderr, b.stage.records())


def test_no_init(b):
    b.stage.config("OnError=allow\n")
    with _instead(b, "nsshell-init", None):
        _refused(b, "without nsshell-init", "nsshell-init")
    with _instead(b, "nsshell-init", "/bin/true"):
        _refused(b, "with one that ends at once", "init of the session died")
