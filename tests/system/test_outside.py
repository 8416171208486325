# SPDX-License-Identifier: BSD-3-Clause
"""What the admin sees on the host while somebody is in a box, and afterwards."""

import os
import subprocess
import time

from harness import kernel
from harness.observe import tell
from harness.pace import patient
from harness.terminal import Terminal


def _who(b, user):
    return [line for line in b.run("who", "/run/utmp").stdout.splitlines()
            if line.split()[:1] == [user]]


def _wait_for(what):
    end = time.monotonic() + patient(15)
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def _who_comes(b, user):
    """The supervisor writes it while the login goes on."""
    return _wait_for(lambda: _who(b, user))


def _last(b, user):
    return [line for line in b.run("last", "-w", "-f", "/var/log/wtmp").stdout.splitlines()
            if line.split()[:1] == [user]]


def _is_in_last(b, user):
    return _wait_for(lambda: "still logged in" in "".join(_last(b, user)[:1]))


def _last_ended(b, user):
    end = time.monotonic() + patient(3)
    while time.monotonic() < end:
        lines = _last(b, user)
        if lines and "still" not in lines[0]:
            break
        time.sleep(0.05)
    return lines


def _wait_gone(b, user):
    end = time.monotonic() + patient(8)
    while _who(b, user) and time.monotonic() < end:
        time.sleep(0.05)
    return not _who(b, user)


def _terminal(b, user):
    """Who has none isn't counted: tests/system/test_presence.py."""
    t = Terminal(b.stage.sshd.argv(user, options=["-tt"]))
    t.ask("echo hi")
    return t


def test_who_and_last_over_ssh(b):
    name = b.alice.pw_name
    with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("echo hi")
        lines = _who_comes(b, name)
        b.check(len(lines) == 1, "who shows an ssh -t login, once", lines or "nothing")
        b.check(lines and "127.0.0.1" in lines[0], "and where it comes from", lines)
        b.check(_is_in_last(b, name), "last says: still logged in", _last(b, name)[:1])
        t.line("exit")
        t.close()
    b.check(_wait_gone(b, name), "who doesn't show it after logout", _who(b, name) or "gone")
    lines = _last_ended(b, name)
    b.check(lines and "(00:0" in lines[0], "last shows how long it was", lines[:1])


def test_utmp_has_a_place_for_each_at_once(b):
    name = b.alice.pw_name
    def together(n):
        terminals = [_terminal(b, name) for _ in range(n)]
        _wait_for(lambda: len(_who(b, name)) == n)
        seen = len(_who(b, name))
        for t in terminals:
            t.line("exit")
            t.close()
        return seen

    b.check(together(3) == 3 and _wait_gone(b, name), "who shows three logins, and none after")
    size = os.stat("/run/utmp").st_size
    seen = [together(3), _wait_gone(b, name), together(2), _wait_gone(b, name)]
    b.check(seen == [3, True, 2, True] and os.stat("/run/utmp").st_size == size,
            "later ones take the places in utmp that are free", seen,
            f"{size} and {os.stat('/run/utmp').st_size} bytes")


test_utmp_has_a_place_for_each_at_once.later = "many of what outside.who_and_last_over_ssh does once"


LOCKER = """import fcntl, sys
kept = [open(path, "rb") for path in sys.argv[1:]]
for f in kept:
    fcntl.lockf(f, fcntl.LOCK_SH)
print("locked", flush=True)
sys.stdin.read()"""


def test_a_lock_on_utmp_hides_nobody(b):
    name = b.alice.pw_name
    with subprocess.Popen(["/usr/bin/python3", "-I", "-c", LOCKER, "/run/utmp", "/var/log/wtmp"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          user=b.plain.pw_uid, group=b.plain.pw_gid, extra_groups=[]) as locker:
        b.check(locker.stdout.readline() == "locked\n", "a user locks utmp and wtmp, and keeps them")
        t = _terminal(b, name)
        b.check(len(_who_comes(b, name)) == 1, "who shows a login all the same", _who(b, name))
        b.check(_is_in_last(b, name), "and last does", _last(b, name)[:1])
        t.line("exit")
        t.close()
        b.check(_wait_gone(b, name), "who doesn't show it after logout", _who(b, name))
        b.check("still" not in "".join(_last_ended(b, name)[:1]), "last shows it as ended",
                _last(b, name)[:1])
        b.check(b.gone(name), "and its end waits for nobody", b.stage.records())
        locker.stdin.close()


def test_who_shows_a_console_login(b):
    name = b.alice.pw_name
    with Terminal(["login", "-f", name]) as t:
        t.expect(r"\$ ", timeout=20)
        lines = _who_comes(b, name)
        tty = t.name.removeprefix("/dev/")
        b.check(len(lines) == 1 and tty in lines[0], f"who shows a console login on {tty}",
                lines or "nothing")
        t.line("exit")
        t.close()
    b.check(_wait_gone(b, name), "who doesn't show it after logout", _who(b, name) or "gone")


def test_the_hosts_mount_table(b):
    def tables():
        return {"here": sorted(kernel.mounts()), "host": sorted(kernel.mounts(1))}

    with b.shell(b.bob.pw_name):
        pass
    before = tables()
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        during = tables()
    new = [m for k in before for m in during[k] if m not in before[k]]
    b.check(not new, "a session adds no mount to the host's table", new or "none")


def test_an_idle_session_is_two_small_processes(b):
    before = b.observer.snapshot()
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        record = b.record_of(b.alice.pw_name)
        new = b.observer.snapshot()["processes"] - before["processes"]
        pids = {p.pid for p in new}
        ours = [str(p) for p in new
                if "nsshell" in kernel.Process(p.pid).exe().split("/")[-1]]
        b.check(len(ours) == 2 and {int(record["init_pid"]), int(record["supervisor_pid"])} <=
                pids, "a session costs two processes: supervisor and init", sorted(ours))
        for what in ("init", "supervisor"):
            pid = int(record[f"{what}_pid"])
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                pss = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            b.check(pss < 2048, f"the {what} is small", f"{pss} KB proportional")
            status = open(f"/proc/{pid}/status", encoding="utf-8").read()
            b.check("Threads:\t1\n" in status, f"the {what} has one thread")
    left = b.observer.left(before)
    b.check(not left, "after logout nothing is left", tell(left))


test_an_idle_session_is_two_small_processes.not_instrumented = "which takes more memory"


def test_the_record_is_roots_and_true(b):
    with b.shell(b.alice.pw_name) as s:
        ns = s.do("readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt "
                  "/proc/self/ns/uts /proc/self/ns/ipc")
        r = b.record_of(b.alice.pw_name)
        mode = b.run("stat", "-c", "%a %u", f"/run/nsshell/sessions/{r['id']}").stdout
        b.check(mode.split() == ["600", "0"], "the record is mode 600 and root's", mode)
        told = [f"{n}:[{r[f'ns_{n}']}]" for n in ("user", "pid", "mnt", "uts", "ipc")]
        b.check(told == ns.split(), "it names the session's namespaces", told)
        b.check(r["service"] == b.stage.sshd_service and r["rhost"] == "127.0.0.1"
                and r["uid"] == str(b.alice.pw_uid) and r["state"] == "open",
                "service, address, uid and state are right",
                [r[k] for k in ("service", "rhost", "uid", "state")])
        for what in ("init", "supervisor"):
            p = kernel.Process(int(r[f"{what}_pid"]))
            b.check(p.start == int(r[f"{what}_start"]), f"the start time of the {what} is right")
