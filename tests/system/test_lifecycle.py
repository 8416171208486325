# SPDX-License-Identifier: BSD-3-Clause
"""How sessions end: lease, linger, upper, records of a crash."""

import fcntl
import os
import signal
import time

from harness import kernel
from harness.observe import tell
from harness.pace import patient


def _alive(pid):
    try:
        return kernel.Process(pid).state not in "ZX"
    except (OSError, ValueError):
        return False


def _processes_named(b, mark):
    return [p for p in kernel.descendants(b.observer.reaper) if mark in p.command()
            and "ssh" not in p.comm]


def _wait(what, timeout=10.0):
    end = time.monotonic() + patient(timeout)
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return what()


def test_no_linger_ends_everything(b):
    before = b.observer.snapshot()
    b.ssh(b.alice.pw_name, "nohup sleep 31001 >/dev/null 2>&1 & "
          "setsid bash -c 'trap \"\" TERM HUP INT; while :; do sleep 31002; done' "
          ">/dev/null 2>&1 </dev/null & echo started")
    left = b.observer.left(before, 15)
    b.check(not left, "Linger=no: background jobs end with the login, one that ignores TERM too",
            tell(left))


def test_processes_get_time_to_finish(b):
    r = b.ssh(b.alice.pw_name, "nohup bash -c 'trap \"sleep 0.3; echo saved >~/saved; exit\" TERM; "
              "touch ~/armed; while :; do sleep 0.1; done' >/dev/null 2>&1 </dev/null & "
              "while ! test -e ~/armed; do sleep 0.05; done")
    path = f"{b.alice.pw_dir}/saved"
    b.check(_wait(lambda: os.path.exists(path), 5), "a program may save its work on SIGTERM",
            r.stderr or "saved")
    for n in ("saved", "armed"):
        if os.path.exists(f"{b.alice.pw_dir}/{n}"):
            os.unlink(f"{b.alice.pw_dir}/{n}")


def test_linger(b):
    name = b.alice.pw_name
    b.stage.config("Linger=yes\n")
    before = b.observer.snapshot()
    b.ssh(name, "nohup sleep 31003 >/dev/null 2>&1 </dev/null & echo kept >/tmp/kept")
    time.sleep(1.5)
    found = _processes_named(b, "sleep 31003")
    b.check(len(found) == 1, "Linger=yes: a background job lives on after logout", found)
    states = [r.get("state") for r in b.stage.records()]
    b.check(states == ["lingering"], "the record says lingering", states)
    for p in found:
        os.kill(p.pid, signal.SIGTERM)
    left = b.observer.left(before)
    b.check(not left, "when it ends, so does the session", tell(left))
    b.ssh(name, "true")
    left = b.observer.left(before)
    b.check(not left, "a login that leaves nothing running doesn't linger", tell(left))


def test_linger_for_a_while(b):
    b.stage.config("Linger=2s\n")
    before = b.observer.snapshot()
    b.ssh(b.alice.pw_name, "nohup sleep 31004 >/dev/null 2>&1 </dev/null &")
    time.sleep(0.8)
    b.check(_processes_named(b, "sleep 31004"), "Linger=2s: the job lives on at first")
    started = time.monotonic()
    left = b.observer.left(before, 10)
    b.check(not left, "and is ended some 2 s after logout",
            tell(left) if left else f"{time.monotonic() - started + 0.8:.1f} s")


def test_linger_and_come_back(b):
    name = b.alice.pw_name
    b.stage.config("Linger=yes\nShare=account\n")
    b.ssh(name, "nohup sleep 31005 >/dev/null 2>&1 </dev/null & echo mine >/tmp/note")
    time.sleep(0.5)
    r = b.ssh(name, "cat /tmp/note; pkill -f 'sleep 3100[5]'; echo")
    b.check("mine" in r.stdout, "Share=account, Linger=yes: one comes back to one's own /tmp",
            r.stdout + r.stderr)


def test_upper_on_tmpfs(b):
    path = b.stage.open / "upper-note"
    with b.shell(b.alice.pw_name) as one:
        one.do(f"echo mine >{path}")
        with b.shell(b.alice.pw_name) as two:
            b.check("No such" in two.do(f"cat {path} 2>&1") and one.do(f"cat {path}") == "mine",
                    "Upper=tmpfs: what one session writes to the root is its own")
    b.check(not path.exists(), "and never on the host")
    time.sleep(0.5)
    r = b.ssh(b.alice.pw_name, f"cat {path}")
    b.check(r.stdout == "", "and gone after its logout", r.stdout or "gone")


def test_upper_on_disk(b):
    path = b.stage.open / "upper-note"
    b.stage.config("Upper=disk\n")
    try:
        b.ssh(b.alice.pw_name, f"echo mine >{path}")
        time.sleep(0.3)
        r = b.ssh(b.alice.pw_name, f"cat {path}; stat -c %u:%g {path}")
        b.check(r.stdout.split() == ["mine", f"{b.alice.pw_uid}:{b.alice.pw_gid}"],
                "Upper=disk: what was written is there at the next login", r.stdout + r.stderr,
                b.log_tail())
        b.check(not path.exists(), "but not on the host")
        r = b.ssh(b.bob.pw_name, f"cat {path}; ls /var/lib/nsshell")
        b.check(r.stdout == "", "and not for another account", r.stdout or "nothing")
    finally:
        # It is meant to stay; here it must not count as left behind.
        time.sleep(0.5)
        for directory in os.listdir("/var/lib/nsshell"):
            if directory != "ranges":
                b.run("rm", "-rf", f"/var/lib/nsshell/{directory}")


def test_a_killed_supervisor(b):
    before = b.observer.snapshot()
    shell = b.shell(b.alice.pw_name)
    shell.do("true")
    record = b.record_of(b.alice.pw_name)
    os.kill(int(record["supervisor_pid"]), signal.SIGKILL)
    b.check(_wait(lambda: not _alive(int(record["init_pid"]))),
            "the supervisor is killed: the session ends with it")
    shell.close()
    b.ssh(b.bob.pw_name, "true")
    left = b.observer.left(before)
    b.check(not left, "the next login of anybody clears what the crash left", tell(left))


def test_a_login_that_hangs_holds_up_nobody_else(b):
    before = b.observer.snapshot()
    shell = b.shell(b.alice.pw_name)
    shell.do("true")
    kernel.kill_and_wait(int(b.record_of(b.alice.pw_name)["supervisor_pid"]))
    shell.close()
    with open(f"/run/nsshell/accounts/{b.alice.pw_uid}", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a login does whose home doesn't answer
        b.check(b.ssh(b.bob.pw_name, "echo in").stdout == "in\n" and b.gone(b.bob.pw_name, 30),
                "while a login of alice's hangs, bob's session opens and ends", b.log_tail())
        b.check(any("a login of the account holds its lock" in x for x in b.stage.syslog.lines()),
                "the log says what is left of alice's, which lost its supervisor", b.log_tail())
    b.ssh(b.bob.pw_name, "true")
    left = b.observer.left(before)
    b.check(not left, "the next login of anybody takes that away", tell(left))


def test_a_killed_init(b):
    before = b.observer.snapshot()
    shell = b.shell(b.alice.pw_name)
    shell.do("true")
    os.kill(int(b.record_of(b.alice.pw_name)["init_pid"]), signal.SIGKILL)
    shell.close()
    left = b.observer.left(before)
    b.check(not left, "init is killed: the session ends, nothing is left", tell(left))


def test_init_ends_on_sigterm(b):
    before = b.observer.snapshot()
    shell = b.shell(b.alice.pw_name)
    shell.do("true")
    os.kill(int(b.record_of(b.alice.pw_name)["init_pid"]), signal.SIGTERM)
    b.check(_wait(lambda: shell.process.poll() is not None, 12),
            "SIGTERM to init from the host ends the session")
    shell.close()
    left = b.observer.left(before)
    b.check(not left, "nothing is left", tell(left))


def test_a_forged_record(b):
    """After a reboot or a crash a record may name pids that are somebody else's now."""
    before = b.observer.snapshot()
    bystander = b.stage.sshd.background(b.plain.pw_name, "exec sleep 31006")
    _wait(lambda: _processes_named(b, "sleep 31006"))
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        path = f"/run/nsshell/sessions/{b.record_of(b.alice.pw_name)['id']}"
        with open(path, encoding="utf-8") as f:
            text = f.read()
    time.sleep(0.5)
    victim = _processes_named(b, "sleep 31006")[0].pid
    lines = []
    for line in text.splitlines():
        key = line.split("=")[0]
        lines.append(f"{key}={victim}" if key in ("init_pid", "supervisor_pid", "caller_pid")
                     else line)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, ("\n".join(lines) + "\n").encode())
    os.close(fd)
    b.ssh(b.alice.pw_name, "true")
    b.check(_alive(victim), "a stale record that names a reused pid kills nobody")
    if _alive(victim):
        os.kill(victim, signal.SIGTERM)
    bystander.communicate()
    left = b.observer.left(before)
    b.check(not left, "and is cleared", tell(left))


def test_a_damaged_record(b):
    before = b.observer.snapshot()
    b.ssh(b.alice.pw_name, "true")
    path = "/run/nsshell/sessions/abcdefghijkl"
    with open(path, "w", encoding="utf-8") as f:
        f.write("id=abc")
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n", "a damaged record keeps nobody out", r.stdout + r.stderr)
    if os.path.exists(path):
        os.unlink(path)
    left = b.observer.left(before)
    b.check(not left, "nothing else is left", tell(left))


def test_a_lock_without_a_record(b):
    """What is there when a supervisor is killed between taking its lock and its first record."""
    before = b.observer.snapshot()
    path = "/run/nsshell/sessions/zzzzzzzzzzzz.lock"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    b.ssh(b.alice.pw_name, "true")
    left = b.observer.left(before, 5)
    b.check(not left, "a lock that nobody holds, without a record, is cleared by the next login",
            tell(left))
    if os.path.exists(path):
        os.unlink(path)
