# SPDX-License-Identifier: BSD-3-Clause
"""OnError=allow: for what only the host or its admin can bring about, and for nothing else."""

import contextlib
import ctypes
import os
import pathlib
import struct
import threading

from harness import acl, kernel
from harness.pace import patient

SHOW_MNT = "echo in; readlink /proc/self/ns/mnt"
# arch, openat2, open_tree, fsopen, mount_setattr: numbers are the same everywhere since 2019.
NUMBERS = {"openat2": 437, "open_tree": 428, "fsopen": 430, "mount_setattr": 442}


def _unboxed(b, did, cause, r):
    b.check(r.stdout.split() == ["in", b.host_mnt], f"{did}: OnError=allow lets in, unboxed",
            r.stdout + r.stderr, b.log_tail())
    lines = b.stage.syslog.wait("NOT ISOLATED")
    # su-l includes su: two modules, each of which asks.
    b.check(lines and cause in lines[0], f"{did}: with a loud line in the log",
            "", lines[:1] or b.log_tail())
    b.stage.syslog.clear()


def _refused(b, did, cause, r):
    out = r.stdout + r.stderr
    b.check(r.returncode != 0 and "mnt:" not in out, f"{did}: refused, with OnError=allow too", "", out)
    b.check(b.stage.syslog.wait(cause) and not b.stage.syslog.lines("NOT ISOLATED"),
            f"{did}: the log says why", "", b.log_tail())
    b.stage.syslog.clear()


def _su(b, before):
    return b.run("su", "-", b.alice.pw_name, "-c", SHOW_MNT, preexec_fn=before)


def _without(call):
    """A kernel that doesn't have it: for the process that calls this, and its children."""
    def op(code, jt, jf, k):
        return struct.pack("HBBI", code, jt, jf, k)

    text = (op(0x20, 0, 0, 0) + op(0x15, 0, 1, NUMBERS[call]) +
            op(0x06, 0, 0, 0x00050000 | 38) + op(0x06, 0, 0, 0x7fff0000))
    code = ctypes.create_string_buffer(text)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))

    def install():
        libc = ctypes.CDLL(None, use_errno=True)
        # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        if not code or libc.prctl(22, ctypes.c_ulong(2), program, 0, 0) < 0:
            os._exit(99)
    return install


def test_the_config_asks_for_what_there_is_not(b):
    for line, cause in (("BindPaths=/nst/not/there", "/nst/not/there"),
                        ("InaccessiblePaths=/nst/not/there", "/nst/not/there"),
                        ("Devices=/dev/nst-none", "/dev/nst-none")):
        b.stage.config(f"OnError=allow\n{line}\n")
        _unboxed(b, line, cause, b.ssh(b.alice.pw_name, SHOW_MNT))


def test_the_kernel_lacks_something(b):
    b.stage.config("OnError=allow\n")
    for call in NUMBERS:
        _unboxed(b, f"a kernel without {call}(2)", f"this kernel has no {call}(2)",
                 _su(b, _without(call)))
    b.stage.config("OnError=deny\n")
    r = _su(b, _without("mount_setattr"))
    b.check(r.returncode != 0 and "mnt:" not in r.stdout, "OnError=deny refuses it",
            r.stdout + r.stderr)


def test_the_state_is_full_or_read_only(b):
    b.stage.config("OnError=allow\n")

    def small(flags, fill):
        def mount():
            kernel.private_mounts()
            kernel.mount("tmpfs", "/run/nsshell", "tmpfs", options="size=64k,mode=700")
            with contextlib.suppress(OSError):
                (pathlib.Path("/run/nsshell") / "filler").write_bytes(bytes(fill))
            if flags:
                kernel.mount(None, "/run/nsshell", flags=kernel.MS_REMOUNT | flags)
        return mount

    for what, flags, fill, cause in (
            ("full", 0, 1 << 20, "No space left on device"),
            ("read-only", kernel.MS_RDONLY, 0, "Read-only file system")):
        r = _su(b, small(flags, fill))
        b.check(r.stdout.startswith("in\n") and "mnt:" in r.stdout,
                f"/run/nsshell is {what}: OnError=allow lets in", r.stdout + r.stderr, b.log_tail())
        lines = b.stage.syslog.wait("NOT ISOLATED")
        b.check(lines and "/run/nsshell" in lines[0] and cause in lines[0],
                f"/run/nsshell is {what}: the log says it", "", lines or b.log_tail())
        b.stage.syslog.clear()


def _full_run(path, mode, uid=0, gid=0, file=False, by_acl=0):
    """A /run that is full, and has that beside nsshell's own and what every host has there."""
    def mount():
        kernel.private_mounts()
        kernel.mount("tmpfs", "/run", "tmpfs", options="size=128k,mode=755")
        os.mkdir("/run/nsshell", 0o700)
        os.mkdir("/run/user", 0o755)
        for name, group in (("utmp", 43), (path, gid)):
            at = pathlib.Path("/run") / name
            at.parent.mkdir(mode=0o755, exist_ok=True)
            if file or name == "utmp":
                at.touch()
            else:
                at.mkdir()
            os.chown(at, uid if name == path else 0, group)
            at.chmod(mode if name == path else 0o664)
            if by_acl and name == path:
                acl.allow(at, by_acl)
        with contextlib.suppress(OSError):
            pathlib.Path("/run/filler").write_bytes(bytes(1 << 20))
    return mount


def test_users_fill_the_state(b):
    b.stage.config("OnError=allow\n")
    for what, made in (("as where /run/lock is no file system of its own", _full_run("lock", 0o1777)),
                       ("as where screen is setgid", _full_run("screen/S-nst", 0o700, b.plain.pw_uid)),
                       ("somebody of a directory service", _full_run("user/1234567", 0o700, 1234567)),
                       ("by an access control list", _full_run("proj", 0o755, by_acl=b.plain.pw_uid)),
                       ("a group of users'", _full_run("proj", 0o2775, gid=b.proj.gr_gid)),
                       ("a file that all may write", _full_run("log", 0o666, file=True))):
        r = _su(b, made)
        b.check(r.returncode != 0 and "mnt:" not in r.stdout,
                f"/run is full, and users may write in it, {what}: refused, with OnError=allow too",
                r.stdout + r.stderr, b.log_tail())
    b.stage.syslog.clear()
    r = _su(b, _full_run("roots/own", 0o755))
    lines = b.stage.syslog.wait("NOT ISOLATED")
    b.check(r.stdout.startswith("in\n") and lines and "No space left" in lines[0],
            "/run is full of root's alone: OnError=allow lets in, with a loud line in the log", r.stdout + r.stderr, b.log_tail())


def test_no_subordinate_ids_left(b):
    path = pathlib.Path("/var/lib/nsshell/ranges")
    b.ssh(b.carol.pw_name, "true")
    kept = path.read_bytes()
    b.stage.config("OnError=allow\n")
    b.stage.syslog.clear()
    path.write_text(f"4000000000 {0x7fbe0000 - 65536} 65536\n", encoding="ascii")
    try:
        _unboxed(b, "no subordinate ids left", "range", b.ssh(b.carol.pw_name, SHOW_MNT))
    finally:
        path.write_bytes(kept)


def test_a_user_takes_a_source_away(b):
    source = pathlib.Path(b.alice.pw_dir) / "shared"
    for key in ("BindPaths", "BindReadOnlyPaths", "Sockets", "InaccessiblePaths"):
        target = "" if key == "InaccessiblePaths" else ":/mnt"
        b.stage.config(f"OnError=allow\n{key}={source}{target}\n")
        _refused(b, f"{key}= of a directory that its user took away", "isn't there",
                 b.ssh(b.alice.pw_name, SHOW_MNT))


def test_a_user_puts_a_link_on_the_way(b):
    home = pathlib.Path(b.alice.pw_dir)
    os.symlink("/etc", home / "way")
    os.lchown(home / "way", b.alice.pw_uid, b.alice.pw_gid)
    try:
        for key in ("BindPaths", "BindReadOnlyPaths"):
            for entry in (f"{b.stage.open}:{home}/way/place", f"{b.stage.open}:{home}/way",
                          f"{home}/way:/mnt"):
                b.stage.config(f"OnError=allow\n{key}={entry}\n")
                _refused(b, f"{key}={entry} with a link of the user's", "link",
                         b.ssh(b.alice.pw_name, SHOW_MNT))
    finally:
        os.unlink(home / "way")


def test_a_user_takes_the_home_away(b):
    home = pathlib.Path(b.alice.pw_dir)
    moved = home.with_name(home.name + ".moved")
    b.stage.config("OnError=allow\n")
    home.rename(moved)
    try:
        home.mkdir(mode=0o755)
        _refused(b, "a home of another's", "home", b.ssh(b.alice.pw_name, SHOW_MNT))
    finally:
        home.rmdir()
        moved.rename(home)


def test_two_logins_with_a_file_that_the_host_has_not(b):
    source = b.stage.open / "file"
    source.write_text("text\n", encoding="ascii")
    name = b.alice.pw_name
    for on_error in ("deny", "allow"):
        b.stage.config(f"OnError={on_error}\nBindReadOnlyPaths={source}:/srv/nst-file "
                       f"{source}:/opt/nst/deep/file\n")
        with b.shell(name) as one:
            b.check(one.do("cat /srv/nst-file /opt/nst/deep/file").split() == ["text", "text"],
                    f"OnError={on_error}: a file is bound where the host has none")
            r = b.ssh(name, "cat /srv/nst-file /opt/nst/deep/file; readlink /proc/self/ns/mnt")
            b.check(r.stdout.split()[:2] == ["text", "text"] and b.host_mnt not in r.stdout,
                    f"OnError={on_error}: in a second session beside it, too",
                    r.stdout + r.stderr, b.log_tail())
        b.gone(name)
    b.check(not b.stage.syslog.lines("NOT ISOLATED"), "none of them was let in without a box")


def test_ten_at_once_with_such_a_file(b):
    source = b.stage.open / "file"
    source.write_text("text\n", encoding="ascii")
    name = b.alice.pw_name
    b.stage.config(f"OnError=allow\nBindReadOnlyPaths={source}:/srv/nst-file\n")
    said = []
    each = [threading.Thread(target=lambda: said.append(b.ssh(name, "cat /srv/nst-file").stdout))
            for _ in range(6)]
    for t in each:
        t.start()
    for t in each:
        t.join(patient(60))
    b.check(said == ["text\n"] * len(each), f"{len(each)} logins at once all have it", said,
            b.log_tail())
    b.check(not b.stage.syslog.lines("NOT ISOLATED"), "and are all in boxes")


def test_tasks_are_used_up(b):
    """On v2 init is born in the group that is full: EAGAIN. On v1 moves are never refused."""
    if not any(t == "cgroup2" and "pids" in pathlib.Path(m, "cgroup.controllers").read_text(
            encoding="ascii") for m, t, _ in kernel.mounts() if t == "cgroup2"):
        b.skip("TasksMax= used up", "needs cgroup v2 with its pids controller")
        return
    b.stage.config("OnError=allow\nTasksMax=16\n")
    with b.shell(b.alice.pw_name) as one:
        one.do("for i in $(seq 40); do sleep 60 & done 2>/dev/null; true")
        _refused(b, "a full TasksMax=", "Resource temporarily", b.ssh(b.alice.pw_name, SHOW_MNT))


