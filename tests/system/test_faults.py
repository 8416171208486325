# SPDX-License-Identifier: BSD-3-Clause
"""Logins that can't be: one clear line to the user, one to the log, nothing left."""

import os
import pwd
import re
import shutil

from harness.observe import tell

SHOW_MNT = "echo in; readlink /proc/self/ns/mnt"


def refused(b, did, user, log, before=None, told=True):
    """ssh as @user: refused, @log (a pattern) is in one line of the log, root still gets in."""
    before = before or b.observer.snapshot()
    b.stage.syslog.clear()
    r = b.ssh(user, SHOW_MNT)
    out = r.stdout + r.stderr
    b.check(r.returncode not in (0, 124) and "mnt:" not in r.stdout, f"{did}: the login is refused",
            f"status {r.returncode}", out)
    lines = [x for x in b.stage.syslog.wait(log) if re.match(r"nsshell\[|\S+ pam_nsshell[:(]", x)]
    b.check(len(lines) == 1, f"{did}: one line in the log says why",
            lines[0].split(": ", 1)[-1] if lines else "none", b.log_tail())
    if told:
        # Of what pam_motd and others say, nothing counts.
        said = [x for x in out.splitlines() if "session" in x or "refused" in x]
        m = re.search(r"session id (\w+)", out)
        b.check(len(said) == 1 and m and lines and m.group(1) in lines[0],
                f"{did}: the user is told in one line, with the log line's session id",
                said or "nothing")
    left = b.observer.left(before)
    b.check(not left, f"{did}: nothing is left", tell(left))
    root_gets_in(b, did)


def root_gets_in(b, did):
    r = b.ssh("root", "readlink /proc/self/ns/mnt")
    b.check(r.stdout.strip() == b.host_mnt, f"{did}: root's login is untouched", r.stderr or "in")


def test_an_unknown_user(b):
    before = b.observer.snapshot()
    r = b.ssh("nst-nobody", "true")
    b.check(r.returncode == 255 and "denied" in r.stderr, "an unknown user is refused",
            r.stderr)
    r = b.run("su", "-", "nst-nobody", "-c", "true")
    b.check(r.returncode != 0, "su to one too", r.stderr)
    left = b.observer.left(before)
    b.check(not left, "nothing is left", tell(left))
    root_gets_in(b, "an unknown user")


def _with_home(b, role, home):
    """An isolated account whose passwd entry names @home."""
    b.stage.accounts.add(role, groups=("box",), home=False, extra=("-d", str(home)))
    user = pwd.getpwnam(b.stage.accounts.name(role))
    b.observer.uids.add(user.pw_uid)
    return user


def test_a_home_that_is_not_there(b):
    user = _with_home(b, "homeless", "/home/nst-not-there")
    try:
        refused(b, "a home that isn't there", user.pw_name, "/home/nst-not-there")
    finally:
        b.stage.accounts.remove("homeless")


def test_no_home_at_all(b):
    user = _with_home(b, "slash", "/")
    try:
        refused(b, "/ as home", user.pw_name, "home")
    finally:
        b.run("usermod", "-d", "/home/nst-not-there", user.pw_name)
        b.stage.accounts.remove("slash")


def test_a_home_that_is_a_symlink(b):
    link = "/home/nst-link"
    user = _with_home(b, "linked", link)
    os.symlink(b.alice.pw_dir, link)
    try:
        refused(b, "a home that is a symlink", user.pw_name, link)
        os.unlink(link)
        target = b.stage.base / "real-home"
        target.mkdir(exist_ok=True)
        os.chown(target, user.pw_uid, user.pw_gid)
        os.symlink(target, link)
        r = b.ssh(user.pw_name, "pwd -P; ls /home")
        b.check(r.stdout.split() == [str(target), "nst-link"],
                "a link of root's to a directory of the user's own: that is the home",
                r.stdout + r.stderr)
        os.unlink(link)
        os.symlink(target, link)
        os.lchown(link, user.pw_uid, user.pw_gid)
        refused(b, "a link of the user's own", user.pw_name, link)
    finally:
        os.unlink(link)
        b.stage.accounts.remove("linked")


def test_a_home_of_another(b):
    home = b.stage.base / "roots-home"
    home.mkdir(exist_ok=True)
    user = _with_home(b, "guest", home)
    try:
        refused(b, "a home that isn't the user's", user.pw_name, str(home))
    finally:
        b.stage.accounts.remove("guest")


def test_a_missing_shell(b):
    name = b.bob.pw_name
    b.run("usermod", "-s", "/bin/nst-no-shell", name)
    before = b.observer.snapshot()
    try:
        r = b.ssh(name, "echo in")
        b.check(r.returncode != 0 and "in" not in r.stdout.split(), "a missing shell: ssh is "
                "refused", r.stderr)
        r = b.run("su", "-", name, "-c", "echo in")
        b.check(r.returncode != 0 and r.stdout == "" and len(r.stderr.splitlines()) == 1,
                "su says so in one line", r.stderr)
        left = b.observer.left(before)
        b.check(not left, "nothing is left", tell(left))
        root_gets_in(b, "a missing shell")
    finally:
        b.run("usermod", "-s", "/bin/bash", name)


def test_a_broken_config(b):
    name = b.alice.pw_name
    b.stage.conf.write_text(f"[Default]\nServices={b.stage.sshd_service}\nIsolate=yes\n"
                            "TasksMax=many\n", encoding="utf-8")
    refused(b, "a bad value", name, r"nsshell\.conf.*4.*TasksMax")
    b.stage.conf.write_text(f"[Default]\nServices={b.stage.sshd_service}\nIsolate=yes\n"
                            "Colour=red\n", encoding="utf-8")
    refused(b, "an unknown key", name, r"nsshell\.conf.*4.*Colour")
    b.stage.conf.write_text("[Default\nIsolate", encoding="utf-8")
    refused(b, "a config that isn't one", name, r"nsshell\.conf")
    r = b.run("su", "-", name, "-c", "echo in")
    b.check(r.returncode != 0 and "in" not in r.stdout.split(), "su is refused too",
            f"status {r.returncode}", r.stdout + r.stderr)
    said = (r.stdout + r.stderr).count("was refused")
    b.check(said == 1, "and says so once, though su-l includes su and both have the module",
            f"{said} times", r.stdout + r.stderr)
    b.stage.config(f"[User {b.bob.pw_name}]\nTasksMax=many\n")
    r = b.ssh(name, "echo in")
    b.check(r.stdout == "in\n", "a mistake in [User bob] doesn't lock alice out",
            r.stdout + r.stderr)


def test_a_config_others_can_write(b):
    b.stage.config()
    os.chmod(b.stage.conf, 0o666)
    refused(b, "a config that others can write", b.alice.pw_name, r"nsshell\.conf")
    os.chmod(b.stage.conf, 0o644)
    os.chown(b.stage.conf, b.alice.pw_uid, 0)
    refused(b, "a config that isn't root's", b.alice.pw_name, r"nsshell\.conf")
    os.chown(b.stage.conf, 0, 0)


def test_a_root_is_refused(b):
    b.stage.config("Root=yes\n")
    refused(b, "Root=yes over the host's root", b.alice.pw_name, "Root=yes")


def test_a_bind_source_that_is_not_there(b):
    b.stage.config("BindPaths=/nst/not/there\n")
    refused(b, "BindPaths= of nothing", b.alice.pw_name, "/nst/not/there")
    b.stage.config("BindPaths=-/nst/not/there\n")
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n", "BindPaths=- of nothing is left out", r.stdout + r.stderr)


def test_a_missing_helper(b):
    b.stage.pam_all(helper="/nonexistent/nsshell-helper")
    refused(b, "a missing helper", b.alice.pw_name, "/nonexistent/nsshell-helper")
    broken = b.stage.bin / "broken-helper"
    shutil.copy("/bin/false", broken)
    b.stage.pam_all(helper=broken)
    refused(b, "a helper that ends at once", b.alice.pw_name, "helper")


def test_onerror_allow(b):
    b.stage.config("OnError=allow\nBindPaths=/nst/not/there\n")
    b.stage.syslog.clear()
    r = b.ssh(b.alice.pw_name, SHOW_MNT)
    b.check(r.stdout.split() == ["in", b.host_mnt], "OnError=allow: the login is let in, unboxed",
            r.stdout + r.stderr)
    lines = b.stage.syslog.wait("NOT ISOLATED")
    b.check(len(lines) == 1 and "/nst/not/there" in lines[0], "with a loud line in the log",
            lines[:1], b.log_tail())


def test_no_subordinate_range_left(b):
    path = "/var/lib/nsshell/ranges"
    b.ssh(b.carol.pw_name, "true")
    kept = open(path, encoding="utf-8").read() if os.path.exists(path) else None
    with open(path, "w", encoding="utf-8") as f:
        # One line whose range is the last one: 0x7fbe0000 - 65536.
        f.write(f"4000000000 {0x7fbe0000 - 65536} 65536\n")
    try:
        refused(b, "no subordinate id range left", b.carol.pw_name, "range")
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.stdout == "in\n", "one who has a range in subuid(5) gets in",
                r.stdout + r.stderr)
    finally:
        os.unlink(path)
        if kept is not None:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(fd, kept.encode())
            os.close(fd)
