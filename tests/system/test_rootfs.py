# SPDX-License-Identifier: BSD-3-Clause
"""With Upper=disk an account's rootfs is mounted once: every supervisor holds it, and the next login
finds it. And what of the host's mounts is left in a box."""

import os
import re
import shutil
import stat
import time

from harness import kernel

MANY = 130


def _held(record):
    """What the supervisor has at the number that its siblings ask for."""
    return os.readlink(f"/proc/{record['supervisor_pid']}/fd/100")


def _remove_uppers(b):
    time.sleep(0.5)
    for directory in os.listdir("/var/lib/nsshell"):
        if directory != "ranges":
            b.run("rm", "-rf", f"/var/lib/nsshell/{directory}")


def _share(b, what):
    name = b.alice.pw_name
    with b.shell(name) as one:
        b.check(one.do("echo in") == "in", f"{what}: a login is let in", b.log_tail())
        first = b.record_of(name)
        b.check(_held(first) == f"mnt:[{first['holder']}]", f"{what}: its supervisor holds the rootfs",
                _held(first))
        with b.shell(name) as two:
            two.do("true")
            holders = {r["holder"] for r in b.stage.records()}
            b.check(len(b.stage.records()) == 2 and holders == {first["holder"]},
                    f"{what}: a second login shares it", holders)


def test_many_binds(b):
    directory = b.stage.base / "many"
    directory.mkdir(exist_ok=True)
    for i in range(MANY):
        (directory / str(i)).touch()
    b.stage.config("Upper=disk\n" + "".join(f"BindReadOnlyPaths={directory}/{i}\n"
                                            for i in range(MANY)))
    try:
        _share(b, f"{MANY} files are bound")
    finally:
        _remove_uppers(b)


def test_many_devices(b):
    nodes = f"/dev/{b.stage.base.name}-many"
    os.mkdir(nodes)
    try:
        for i in range(MANY):
            os.mknod(f"{nodes}/{i}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        b.stage.config(f"Upper=disk\nDevices={nodes}/*\n")
        _share(b, f"{MANY} devices, Upper=disk")
    finally:
        for node in os.listdir(nodes):
            os.unlink(f"{nodes}/{node}")
        os.rmdir(nodes)
        _remove_uppers(b)


def test_too_many(b):
    directory = b.stage.base / "too-many"
    directory.mkdir(exist_ok=True)
    for i in range(1100):
        (directory / str(i)).touch()
    b.stage.config("".join(f"BindReadOnlyPaths={directory}/{i}\n" for i in range(1100)))
    r = b.ssh(b.alice.pw_name, "echo got-in")
    b.check(r.returncode != 0 and "got-in" not in r.stdout, "1,100 files are too many", r.stdout)
    b.check(b.stage.syslog.wait("too many paths"), "which the log says", b.log_tail())


def test_one_that_lost_it(b):
    """A session whose supervisor can't hand the rootfs over has it mounted all the same."""
    name = b.alice.pw_name
    try:
        b.stage.config("Upper=disk\n")
        with b.shell(name) as one:
            path = f"/run/nsshell/sessions/{one.do('echo $NSSHELL_SESSION')}"
            with open(path, encoding="utf-8") as f:
                text = f.read()
            with open(path, "w", encoding="utf-8") as f:
                f.write(re.sub(r"^holder=.*$", "holder=1", text, flags=re.M))
            r = b.ssh(name, "echo got-in")
            b.check("got-in" not in r.stdout,
                    "Upper=disk: beside a session that doesn't hold the rootfs any more a login is "
                    "refused: the upper would be mounted twice", r.stdout + r.stderr, b.log_tail())
            b.check(b.stage.syslog.wait("nsctl stop"), "the log says what to do", b.log_tail())
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        got = [b.ssh(name, "echo in").stdout for _ in range(8)]
        b.check(got == ["in\n"] * 8, "one that ends lets the next one in, each time", got, b.log_tail())
    finally:
        _remove_uppers(b)


def _nothing_below(b, what):
    """Below the root there would be the host's, which whoever can unmount that would come to."""
    name = b.alice.pw_name
    with b.shell(name) as s:
        b.check(s.do("echo in") == "in", f"{what}: a login is let in", b.log_tail())
        init = b.record_of(name)["init_pid"]
        seen, all_of_them = len(list(kernel.mounts(init))), kernel.mounts_of_namespace(init)
        if all_of_them is None:
            b.skip(f"{what}: what is below the root", "this kernel has no listmount(2) of a namespace")
        else:
            b.check(seen == all_of_them, f"{what}: the box has the mounts that are seen, and none below its root",
                    f"{seen} of {all_of_them}")


def test_nothing_is_below_the_root(b):
    _nothing_below(b, "Upper=none")
    b.stage.config("Upper=tmpfs\n")
    _nothing_below(b, "Upper=tmpfs")
    b.stage.config("Upper=disk\n")
    try:
        _nothing_below(b, "Upper=disk")
    finally:
        _remove_uppers(b)


def test_a_root_that_is_locked(b):
    """As that of a container with a user namespace: nobody may unmount it there."""
    strace = shutil.which("strace")
    if not strace:
        b.skip("a root that is locked", "strace isn't there")
        return
    wrapper = b.stage.bin / "locked-root"
    wrapper.write_text(f"#!/bin/sh\nexec {strace} -DDD -f -qq -o /dev/null -P / -e inject=umount2:error=EINVAL "
                       f'{b.stage.helper} "$@"\n', encoding="ascii")
    wrapper.chmod(0o755)
    b.stage.pam_all(helper=wrapper)
    _nothing_below(b, "a root that is locked")
