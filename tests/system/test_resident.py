# SPDX-License-Identifier: BSD-3-Clause
"""What stays for as long as a session does: programs of their own, with what they need and nothing else."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
import struct
import time

from harness import ask, kernel
from harness.pace import patient
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
        b.check(status["NoNewPrivs"] == ["1"] and status["Seccomp"] == ["2"], "it lives under a filter", status)
        fds = sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
        b.check(fds == ["0", "1", "2", "3", "4"], "it has its leash and its signals open", fds)


CALL = """set $was = $pc
set $pc = $pc - 2
set $orig_rax = -1
set $rax = {number}
set $rdi = 0
set $rsi = 0
stepi
printf "answer %ld\\n", $rax
set $pc = $was
set $rax = -4
"""


def _call(b, pid, number):
    """A system call that a process makes as it waits in one: a negative error, or what it gives."""
    script = b.stage.private / "call.gdb"
    script.write_text(CALL.format(number=number), encoding="ascii")
    r = b.run("gdb", "-q", "-batch", "-nx", "-p", str(pid), "-x", str(script))
    found = re.search(r"^answer (-?\d+)$", r.stdout, re.M)
    return (int(found[1]) if found else None), r.stdout + r.stderr


def test_calls_of_init(b):
    """What it does without, whoever has taken it over would do without, too: also where the session has no filter."""
    if os.uname().machine != "x86_64" or not shutil.which("gdb"):
        b.skip("init's system calls", "they are made by gdb, on x86-64")
        return
    b.stage.config("SystemCallFilter=no\nRestrictAddressFamilies=no\n")
    with b.shell(b.alice.pw_name) as s:
        b.check("Seccomp:\t0" in s.do("cat /proc/self/status"), "who logs in has no filter")
        pid = b.record_of(b.alice.pw_name)["init_pid"]
        answer, said = _call(b, pid, 39)
        b.check(answer == -errno.EPERM, "getpid(2) is refused to init", answer, said)
        answer, said = _call(b, pid, 228)
        b.check(answer in (0, -errno.EFAULT), "clock_gettime(2) isn't", answer, said)
        b.check(s.do("sleep 0 & wait; echo $?") == "0" and "in" == s.do("echo in"), "and it goes on")
    b.check(b.gone(), "to its end", b.stage.records())


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
        b.check(files == {"nsshell-supervisor"}, "the supervisor has its own program mapped, and no library", files)


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


def _worker(supervisor):
    """One that waits for what it is asked."""
    until = time.monotonic() + patient(10)
    while time.monotonic() < until:
        found = [p.pid for p in kernel.processes() if p.ppid == supervisor and "a request" in repr(p)]
        if found:
            return found[0]
        time.sleep(0.02)
    raise AssertionError("no worker")


def _ends(pid):
    until = time.monotonic() + patient(3)
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.02)
    return not os.path.exists(f"/proc/{pid}")


def test_worker(b):
    """Where there are host commands an exec gives root's capabilities back: they go again."""
    b.stage.config("HostCommands=passwd\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        r = b.record_of(b.alice.pw_name)
        supervisor = int(r["supervisor_pid"])
        with ask.connect(b.alice.pw_uid, r["id"]):
            pid = _worker(supervisor)
            status = _status(pid)
            may = _status(supervisor)["CapPrm"]
            b.check(status["CapBnd"] != may and status["CapEff"] == status["CapPrm"] == may, "it may what its supervisor may", status)
            fds = sorted(os.listdir(f"/proc/{pid}/fd"), key=int)
            b.check(fds[3:] == ["3", "5"], "it has its connection open, and the terminals", fds)
            os.kill(supervisor, 9)
            b.check(_ends(pid), "and it ends with its supervisor")
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n" and b.gone(), "the next login takes away what that left", r.stdout + r.stderr)


def _record(b):
    """What the session says of itself."""
    with ask.connect(b.alice.pw_uid, b.record_of(b.alice.pw_name)["id"]) as sock:
        sock.send(struct.pack("@IIi", ask.MAGIC, ask.RECORD, 0))
        return ask.hear(sock)


def test_a_worker_of_another_version(b):
    """It can't be by an upgrade, as the session has hold of its own: here it was written over."""
    place = b.stage.private / "nothing" / "nsshell-worker"
    program = b.stage.private / "another-worker"
    said, version = place.read_bytes(), re.search(rb"\((.*?)\)", (TREE / "debian/changelog").read_bytes())[1]
    program.write_bytes(said.replace(version + b"\0", b"9" * len(version) + b"\0"))
    program.chmod(0o755)
    with _instead(b, "nsshell-worker", program), b.shell(b.alice.pw_name) as s:
        s.do("true")
        said = _record(b)
        b.check("are of two versions" in str(said), "of a worker of another version: who asks is told", said)
        b.check(s.do("echo on") == "on", "and the session goes on")


def test_no_worker(b):
    b.stage.config("OnError=allow\n")
    with _instead(b, "nsshell-worker", None):
        _refused(b, "without nsshell-worker", "nsshell-worker")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        with _instead(b, "nsshell-worker", None):
            said = _record(b)
        b.check(said[0] == 0, "a session has hold of its own: an upgrade takes nothing from it", said)
