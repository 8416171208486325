# SPDX-License-Identifier: BSD-3-Clause
"""nsctl set: limits of an account that has sessions, and of its later ones."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import time

from harness import etc
from harness.accounts import SAME_UID as UID


def _set(b, *arguments):
    return b.run(b.stage.bin / "nsctl", "set", "--config", str(b.stage.conf), *arguments)


def _limits(b, user):
    """The account's limits as the kernel has them: (memory, tasks, quota)."""
    group = next((os.path.dirname(r["cgroup"]) for r in b.stage.records()
                  if r.get("user") == user.pw_name), f"nsshell/{user.pw_uid}")
    found = {}
    for top, names in (("/sys/fs/cgroup", {"memory.max": "memory", "pids.max": "tasks",
                                           "cpu.max": "quota"}),
                       ("/sys/fs/cgroup/memory", {"memory.limit_in_bytes": "memory"}),
                       ("/sys/fs/cgroup/pids", {"pids.max": "tasks"}),
                       ("/sys/fs/cgroup/cpu", {"cpu.cfs_quota_us": "quota"})):
        for name, what in names.items():
            try:
                with open(f"{top}/{group}/{name}", encoding="ascii") as f:
                    found[what] = f.read().split()[0]
            except OSError:
                pass
    return found


def test_set_of_a_live_account(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTasksMax=200\n")
    r = _set(b, name, "TasksMax=50")
    b.check(r.returncode == 1 and "no session" in r.stderr and "--permanent" in r.stderr,
            "nsctl set of an account without a session is refused", r.stderr)
    with b.shell(name) as s:
        s.do("true")
        r = _set(b, name, "TasksMax=50", "MemoryMax=256M", "CPUQuota=150%")
        seen = _limits(b, b.alice)
        b.check(r.returncode == 0 and seen == {"memory": str(256 << 20), "tasks": "50",
                                               "quota": "150000"},
                "nsctl set changes the limits at once", seen, r.stderr)
        with b.shell(name) as other:
            other.do("true")
            b.check(_limits(b, b.alice) == seen, "the account's next login doesn't undo it",
                    _limits(b, b.alice))
        r = b.run(b.stage.bin / "nsctl", "plan", "-c", str(b.stage.conf), "-s", "su", name)
        b.check(str(256 << 20) in r.stdout, "nsctl plan shows it")
        r = _set(b, name, "TasksMax=infinity", "MemoryMax=")
        seen = _limits(b, b.alice)
        b.check(r.returncode == 0 and seen["tasks"] == "max" and seen["memory"] == str(512 << 20),
                "infinity takes a limit away, nothing brings the config's back", seen, r.stderr)
    b.check(b.gone(name), "the session ends")
    with b.shell(name) as s:
        s.do("true")
        b.check(_limits(b, b.alice)["tasks"] == "200", "it goes with the account's last session",
                _limits(b, b.alice))


def test_set_is_told_inside(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTasksMax=200\n")
    with b.shell(name) as s:
        first = s.do("sed '/^.Session/,$ d' /run/nsshell/limits")
        b.check(first.split() == [f"MemoryMax={512 << 20}", "TasksMax=200"],
                "a session is told its limits", first)
        _set(b, name, "TasksMax=50", "CPUQuota=150%")
        seen = s.do("sed '/^.Session/,$ d' /run/nsshell/limits")
        b.check(seen.split() == [f"MemoryMax={512 << 20}", "TasksMax=50", "CPUQuota=150%"],
                "nsctl set is seen inside at once", seen)
        r = _set(b, name, "MemoryMax=infinity")
        seen = s.do("cat /run/nsshell/limits")
        b.check(r.returncode == 0 and "MemoryMax" not in seen, "a limit that it takes away, too",
                seen, r.stderr)
        with b.shell(b.bob.pw_name) as other:
            b.check("TasksMax=200" in other.do("cat /run/nsshell/limits"),
                    "another account is told its own")


def test_limits_that_the_config_drops(b):
    """At the account's next login, while an older session still runs."""
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTasksMax=200\nCPUQuota=150%\n")
    with b.shell(name) as s:
        s.do("true")
        b.stage.config("TasksMax=300\n")
        b.check(_limits(b, b.alice)["memory"] == str(512 << 20), "a changed config alone does nothing",
                _limits(b, b.alice))
        with b.shell(name) as other:
            told = other.do("cat /run/nsshell/limits")
            seen = _limits(b, b.alice)
            b.check(seen["tasks"] == "300" and seen["quota"] in ("max", "-1")
                    and (seen["memory"] == "max" or int(seen["memory"]) > 1 << 60),
                    "the next login lifts what the config doesn't limit any more", seen)
            b.check(told.split("[Session]")[0].split() == ["TasksMax=300"], "and is told so", told)
            b.check(s.do("cat /run/nsshell/limits") == told, "as is the older session",
                    s.do("cat /run/nsshell/limits"))


def test_what_set_refuses(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\n")
    with b.shell(name) as s:
        s.do("true")
        before = _limits(b, b.alice)
        for words, why in ((["TasksMax=many"], "whole number"), (["Colour=red"], "no limit"),
                           (["Isolate=no"], "no limit"), (["MemoryHigh=1G"], "MemoryHigh"),
                           (["TasksMax"], "no limit"), (["TasksMax=1", "TasksMax=2"], "twice")):
            r = _set(b, name, *words)
            b.check(r.returncode == 1 and why in r.stderr and _limits(b, b.alice) == before,
                    f"nsctl set {' '.join(words)} is refused", r.stderr, r.stdout)
    r = b.run(b.stage.bin / "nsctl", "set", name, "TasksMax=9", user=b.plain.pw_uid,
              group=b.plain.pw_gid, extra_groups=[])
    b.check(r.returncode == 1 and "as root" in r.stderr, "so is one who isn't root", r.stderr)


def test_set_permanent(b):
    name = b.alice.pw_name
    directory = f"{b.stage.conf}.d"
    try:
        r = _set(b, "--permanent", name, "TasksMax=77", "CPUWeight=50")
        files = os.listdir(directory)
        b.check(r.returncode == 0 and files == [f"90-nsctl-{name}.conf"],
                "nsctl set --permanent without a session writes a drop-in", files, r.stderr)
        with b.shell(name) as s:
            s.do("true")
            b.check(_limits(b, b.alice)["tasks"] == "77", "later sessions have it",
                    _limits(b, b.alice))
            r = _set(b, "--permanent", name, "TasksMax=78")
            b.check(r.returncode == 0 and _limits(b, b.alice)["tasks"] == "78",
                    "running ones at once", _limits(b, b.alice), r.stderr)
        with open(f"{directory}/{files[0]}", encoding="utf-8") as f:
            text = f.read()
        b.check(text.count("TasksMax=78\n") == 1 and text.count("CPUWeight=50\n") == 1,
                "one line a key, the others kept", text)
        with open(f"{directory}/95-later.conf", "w", encoding="utf-8") as f:
            f.write(f"[User {name}]\nTasksMax=10\n")
        r = _set(b, "-p", name, "TasksMax=79")
        with open(f"{directory}/{files[0]}", encoding="utf-8") as f:
            b.check(r.returncode == 1 and "read later" in r.stderr and f.read() == text,
                    "what another file would override is refused, and nothing written", r.stderr)
        os.unlink(f"{directory}/95-later.conf")
        r = _set(b, "-p", name, "TasksMax=", "CPUWeight=")
        b.check(r.returncode == 0 and not os.listdir(directory), "the last line takes the file along",
                os.listdir(directory), r.stderr)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _crash(b, name):
    """What its supervisor's death leaves; nothing has put it right yet."""
    record = b.record_of(name)
    os.kill(int(record["supervisor_pid"]), signal.SIGKILL)
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{record['init_pid']}") and time.monotonic() < end:
        time.sleep(0.02)


def test_what_a_crash_leaves_is_nobodys(b):
    """Limits of nsctl set hold as long as the account has sessions, not for who comes after."""
    b.stage.config("TasksMax=200\n")
    old = b.stage.accounts.add("dave", groups=("box",), extra=("-u", UID))
    kept = pathlib.Path(f"/run/nsshell/accounts/{UID}.set")
    try:
        for who in ("the same account", "the next one with its uid"):
            with b.shell(old.pw_name) as s:
                s.do("true")
                _set(b, old.pw_name, "TasksMax=50")
                b.check(kept.read_text(encoding="utf-8") == f"account={old.pw_name}\nTasksMax=50\n",
                        "nsctl set notes whose limits they are", kept.read_text(encoding="utf-8"))
                _crash(b, old.pw_name)
            new = old
            if who != "the same account":
                b.stage.accounts.remove("dave")
                new = b.stage.accounts.add("erin", groups=("box",), extra=("-u", UID))
            r = b.ssh(new.pw_name, "cat /run/nsshell/limits")
            b.check("TasksMax=200" in r.stdout.split(), f"after a crash {who} has the config's limits",
                    r.stdout + r.stderr, b.log_tail())
            b.gone(new.pw_name)
    finally:
        b.stage.accounts.remove("dave")
        b.stage.accounts.remove("erin")


def test_sessions_of_who_had_the_uid(b):
    """The new account's limits aren't put on the old one's sessions, nor the other way round."""
    b.stage.config("TasksMax=200\n")
    old = b.stage.accounts.add("dave", groups=("box",), extra=("-u", UID))
    kept = pathlib.Path(f"/run/nsshell/accounts/{UID}.set")
    try:
        with b.shell(old.pw_name) as s:
            session = s.do("echo $NSSHELL_SESSION")
            _set(b, old.pw_name, "TasksMax=60")
            b.stage.accounts.remove("dave")
            new = b.stage.accounts.add("erin", groups=("box",), extra=("-u", UID))
            r = b.nsctl("plan", "-c", b.stage.conf, "-s", "su", new.pw_name)
            b.check("pids.max" in r.stdout and "60" not in re.findall(r"pids.max\S*\s+(?:=\s*)?(\d+)", r.stdout),
                    "nsctl plan of the new account knows nothing of the old one's", r.stdout + r.stderr)
            r = b.ssh(new.pw_name, "echo got-in")
            b.check("got-in" not in r.stdout and _limits(b, old)["tasks"] == "60",
                    "a login of the new one is refused, and leaves the old one's limits", _limits(b, old), r.stderr)
            r = _set(b, new.pw_name, "TasksMax=50")
            seen = _limits(b, old)
            b.check(r.returncode == 1 and session in r.stderr and old.pw_name in r.stderr,
                    "nsctl set of the new one names the session that is in the way", r.stderr)
            b.check(seen["tasks"] == "60", "whose limits it leaves", seen)
            r = b.nsctl("check", "--config", b.stage.conf)
            b.check(f"{kept} has limits of {old.pw_name}" in r.stdout, "nsctl check lists them",
                    r.stdout + r.stderr)
            r = b.nsctl("gc")
            b.check(kept.exists() and s.do("echo here") == "here", "nsctl gc takes nothing of what runs",
                    r.stdout + r.stderr)
            b.nsctl("stop", session)
            b.gone(old.pw_name)
            b.check(not kept.exists(), "they go with the session")
        kept.write_text(f"account={old.pw_name}\nTasksMax=50\n", encoding="utf-8")
        r = b.ssh(new.pw_name, "cat /run/nsshell/limits")
        b.check("TasksMax=200" in r.stdout.split(), "were they left, nobody would get them",
                r.stdout + r.stderr, b.log_tail())
        b.gone(new.pw_name)
        kept.write_text(f"account={old.pw_name}\nTasksMax=50\n", encoding="utf-8")
        r = b.nsctl("gc", "--dry-run")
        b.check(kept.exists() and f"limits of {old.pw_name} (uid {UID})" in r.stdout, "nsctl gc -n lists them",
                r.stdout + r.stderr)
        r = b.nsctl("gc")
        b.check(not kept.exists(), "nsctl gc takes them away", r.stdout + r.stderr)
    finally:
        kept.unlink(missing_ok=True)
        b.stage.accounts.remove("dave")
        b.stage.accounts.remove("erin")


def test_a_name_that_no_section_has(b):
    """What is written for it for a moment would be a mistake that concerns everybody."""
    name = f"{b.stage.accounts.prefix}a b"
    with etc.own_etc(b) as own:
        with open(own / "passwd", "a", encoding="utf-8") as f:
            f.write(f"{name}:x:54321:54321::/srv:/bin/bash\n")
        directory = pathlib.Path(f"{b.stage.conf}.d")
        with _changes(directory) as seen:
            r = b.nsctl("set", "--permanent", "--config", b.stage.conf, name, "CPUQuota=20%")
        b.check(r.returncode != 0 and "can't be the name of a [User]" in r.stderr and not seen,
                "nsctl set --permanent for a name with a blank: refused, and no file was there for a moment",
                f"{seen}", r.stdout + r.stderr)


@contextlib.contextmanager
def _changes(directory):
    """The names that come and go in it."""
    directory.mkdir(exist_ok=True)
    libc, seen = ctypes.CDLL(None), []
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    libc.inotify_add_watch(fd, bytes(directory), 0x3c0)
    try:
        yield seen
        with contextlib.suppress(BlockingIOError):
            seen.append(os.read(fd, 4096)[16:48])
    finally:
        os.close(fd)
        directory.rmdir()
