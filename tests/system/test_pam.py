# SPDX-License-Identifier: BSD-3-Clause
"""The module in a PAM stack: its arguments, the gate, who is passed by."""

import pathlib
import time

from harness.scene import SHOW_NS

SHOW_MNT = "readlink /proc/self/ns/mnt"


def _mark_stack(b, mark):
    """The gate above a module that leaves a mark, in the way that pam_systemd would run."""
    gate = b.stage.module_line("gate", control="[success=1 default=ignore]")
    run = f"session optional pam_exec.so quiet /usr/bin/touch {mark}\n"
    b.stage.pam(b.stage.sshd_service, gate, run, b.stage.module_line())


def test_the_gate(b):
    mark = b.stage.private / "mark"
    _mark_stack(b, mark)
    r = b.ssh(b.alice.pw_name, SHOW_NS)
    b.lands_inside("a login behind the gate", r.stdout + r.stderr)
    b.check(not mark.exists(), "an isolated account: the gate skips the module below it")
    r = b.ssh(b.plain.pw_name, SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt and mark.exists(),
            "an account without Isolate=yes: the module below the gate runs", r.stdout + r.stderr)
    # Another one: who has just logged out may still leave the first.
    mark = b.stage.private / "mark2"
    _mark_stack(b, mark)
    b.stage.conf.write_text(f"[Default]\nServices=login\n[Group {b.stage.box_group}]\nIsolate=yes\n",
                            encoding="utf-8")
    r = b.ssh(b.alice.pw_name, SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt and mark.exists(),
            "a service that isn't listed: the module below the gate runs", r.stdout + r.stderr)


def test_services_is_an_allow_list(b):
    b.stage.conf.write_text(f"[Default]\nServices=su\n[Group {b.stage.box_group}]\nIsolate=yes\n",
                            encoding="utf-8")
    r = b.ssh(b.alice.pw_name, SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt, "a service that Services= doesn't list is as ever",
            r.stdout + r.stderr)
    r = b.run("su", b.alice.pw_name, "-c", SHOW_NS)
    b.lands_inside("one that it lists", r.stdout + r.stderr)


def test_sections_and_precedence(b):
    name = b.alice.pw_name
    b.stage.config(f"[User {name}]\nIsolate=no\n")
    r = b.ssh(name, SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt, "[User] wins over [Group]: Isolate=no",
            r.stdout + r.stderr)
    b.stage.conf.write_text(f"[Default]\nServices={b.stage.sshd_service}\nIsolate=yes\n",
                            encoding="utf-8")
    r = b.ssh(b.plain.pw_name, SHOW_NS)
    b.lands_inside("[Default] Isolate=yes: everybody", r.stdout + r.stderr)
    r = b.ssh("root", SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt, "but root", r.stdout + r.stderr)
    dropins = b.stage.private / "nsshell.conf.d"
    dropins.mkdir()
    (dropins / "10-no.conf").write_text(f"[User {name}]\nIsolate=no\n", encoding="utf-8")
    r = b.ssh(name, SHOW_MNT)
    b.check(r.stdout.strip() == b.host_mnt, "a drop-in's [User] counts", r.stdout + r.stderr)
    (dropins / "10-no.conf").unlink()
    dropins.rmdir()


def test_a_break_glass_group(b):
    made = b.run("getent", "group", "nsshell-exempt").returncode != 0
    if made:
        b.run("groupadd", "nsshell-exempt")
    try:
        b.run("gpasswd", "-a", b.bob.pw_name, "nsshell-exempt")
        r = b.ssh(b.bob.pw_name, SHOW_MNT)
        b.check(r.stdout.strip() == b.host_mnt, "a member of nsshell-exempt isn't isolated",
                r.stdout + r.stderr, b.log_tail())
        b.stage.conf.write_text("[Default\nbroken", encoding="utf-8")
        r = b.ssh(b.bob.pw_name, SHOW_MNT)
        b.check(r.stdout.strip() == b.host_mnt, "even with a broken config", r.stdout + r.stderr,
                b.log_tail())
        b.stage.config()
        b.stage.pam_all(helper="/nonexistent/helper")
        r = b.ssh(b.bob.pw_name, SHOW_MNT)
        b.check(r.stdout.strip() == b.host_mnt, "and with a missing helper", r.stdout + r.stderr,
                b.log_tail())
        b.stage.syslog.clear()
        line = b.stage.module_line(helper="/nonexistent/helper")
        b.stage.pam(b.stage.sshd_service, b.stage.module_line("gate", helper="/nonexistent/helper"), line, line)
        b.ssh(b.bob.pw_name, "true")
        told = b.stage.syslog.lines("is let in although")
        b.check(len(told) == 1, "of which the log tells once, whatever modules there are", told)
    finally:
        b.run("gpasswd", "-d", b.bob.pw_name, "nsshell-exempt")
        if made:
            b.run("groupdel", "nsshell-exempt")


def test_listed_twice(b):
    line = b.stage.module_line()
    b.stage.pam(b.stage.sshd_service, line, line)
    r = b.ssh(b.alice.pw_name, SHOW_NS + f"; ls /run/nsshell/sessions | wc -l")
    b.lands_inside("the module listed twice in a stack", r.stdout + r.stderr)


# Sessions one after the other, in one process and of one handle: nobody forks in between.
AGAIN = """import ctypes, os, resource, sys
class Conversation(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]
pam, handle = ctypes.CDLL("libpam.so.0"), ctypes.c_void_p()
pam.pam_start_confdir(b"su", sys.argv[1].encode(), ctypes.byref(Conversation()), sys.argv[2].encode(), ctypes.byref(handle))
print(*(call(handle, 0) for call in (pam.pam_open_session, pam.pam_close_session, pam.pam_open_session)),
      resource.getrlimit(resource.RLIMIT_FSIZE)[0], flush=True)
os._exit(0)
"""


def _again(b, lines, before=""):
    directory = b.stage.private / "pam.again"
    directory.mkdir(exist_ok=True)
    (directory / "su").write_text(f"session required pam_permit.so\n{lines}", encoding="utf-8")
    b.stage.syslog.clear()
    r = b.run("sh", "-c", before + 'exec python3 -c "$@"', "sh", AGAIN, b.alice.pw_name, directory, timeout=60)
    return r.stdout.split(), r.stderr


def test_a_second_session_of_one_process(b):
    """What it came to the first time counts no more: who was in a box is refused, who was let in without one is told of again."""
    seen, why = _again(b, b.stage.module_line())
    lines = b.stage.syslog.wait("has entered a box for an earlier session")
    b.check(seen == ["0", "0", "6", "-1"] and lines, "a process that has been in a box opens no second session", seen or why, b.log_tail())
    b.stage.config("OnError=allow\nBindPaths=/nst/not/there\n")
    for sessions in (1, 2):
        if sessions == 1:
            b.stage.pam("su", b.stage.module_line(), b.stage.module_line())
            b.run("su", b.alice.pw_name, "-c", "true")
        else:
            _again(b, b.stage.module_line() * 2)
        b.stage.syslog.wait("NOT ISOLATED")
        time.sleep(0.3)  # one too many would come later
        lines = b.stage.syslog.lines("NOT ISOLATED")
        b.check(len(lines) == sessions, "let in by OnError=allow, with the module listed twice: told once a session", len(lines), lines)
        b.stage.syslog.clear()


test_a_second_session_of_one_process.not_instrumented = "an interpreter loads the module"


def test_a_caller_with_no_room_in_files(b):
    """RLIMIT_FSIZE of who calls su: its signal would end the program that the module is in, where that writes an event."""
    events = pathlib.Path("/var/log/nsshell/events")
    line = b.stage.module_line(helper="/nonexistent/helper")
    b.stage.pam("su", line)
    r = b.run("sh", "-c", f"ulimit -f 0; su {b.alice.pw_name} -c true; echo $?")
    b.check(r.stdout == "1\n", "ulimit -f 0: su refuses, and isn't killed", r.stdout + r.stderr)
    before = events.stat().st_size if events.exists() else 0
    seen, why = _again(b, line, "ulimit -S -f 0; ")
    told = events.read_text(encoding="ascii")[before:] if events.exists() else ""
    b.check(seen == ["6", "6", "6", "0"] and told.count(f"login of {b.alice.pw_name} refused") == 2,
            "the event is in the file all the same, and the limit as before", seen or why, told)


test_a_caller_with_no_room_in_files.not_instrumented = "an interpreter loads the module"


def test_debug(b):
    b.stage.pam(b.stage.sshd_service, b.stage.module_line("debug"))
    b.stage.syslog.clear()
    b.ssh(b.alice.pw_name, "true")
    lines = b.stage.syslog.lines(r"pam_nsshell|nsshell-helper")
    b.check(lines, "debug says what the module did", lines[:1])
    b.stage.pam_all()
    b.stage.pam(b.stage.sshd_service, b.stage.module_line("nonsense"))
    r = b.ssh(b.alice.pw_name, SHOW_MNT)
    b.check(b.host_mnt not in r.stdout and b.stage.syslog.wait("nonsense"),
            "an unknown argument is refused and named in the log", r.stdout + r.stderr,
            b.log_tail())
    r = b.ssh("root", SHOW_MNT)
    b.check(b.host_mnt in r.stdout, "but root gets in, to mend it", r.stdout + r.stderr, b.log_tail())


def test_a_listed_service_of_another_program(b):
    """atd and friends fork after opening; a program that execs itself isn't on the list."""
    r = b.run("runuser", "-u", b.alice.pw_name, "--", "readlink", "/proc/self/ns/mnt")
    b.check(r.returncode == 0, "runuser -u (which opens no session) is as ever",
            r.stdout + r.stderr)
