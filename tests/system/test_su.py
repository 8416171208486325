# SPDX-License-Identifier: BSD-3-Clause
"""su and runuser, with and without a terminal."""

import ctypes
import os
import re

from harness.scene import SHOW_NS
from harness.terminal import Terminal


def test_su(b):
    name = b.alice.pw_name
    r = b.run("su", "-", name, "-c", SHOW_NS)
    b.lands_inside("su - user -c", r.stdout + r.stderr)
    r = b.run("su", name, "-c", SHOW_NS)
    b.lands_inside("su user -c", r.stdout + r.stderr)
    r = b.run("su", "-", name, "-c", "pwd; id -un; exit 5")
    b.check(r.stdout.split() == [b.alice.pw_dir, name] and r.returncode == 5,
            "su - user -c starts in the home, and its exit status comes back",
            f"{r.stdout + r.stderr} {r.returncode}")
    r = b.run("su", "-", b.plain.pw_name, "-c", "readlink /proc/self/ns/mnt")
    b.check(r.stdout.strip() == os.readlink("/proc/self/ns/mnt"),
            "su to an account without Isolate=yes is as ever", r.stdout + r.stderr)


def test_runuser(b):
    name = b.alice.pw_name
    r = b.run("runuser", "-l", name, "-c", SHOW_NS)
    b.lands_inside("runuser -l user -c", r.stdout + r.stderr)
    r = b.run("runuser", "-", name, "-s", "/bin/sh", "-c", SHOW_NS)
    b.lands_inside("runuser - user -s /bin/sh -c", r.stdout + r.stderr)
    r = b.run("runuser", name, "-c", SHOW_NS)
    b.lands_inside("runuser user -c", r.stdout + r.stderr)


def test_su_to_root_is_untouched(b):
    # A shell that doesn't read ~/.bashrc, in which the host's root may do as he likes.
    r = b.run("su", "-s", "/bin/dash", "-", "root", "-c", "id -u; readlink /proc/self/ns/mnt")
    b.check(r.stdout.split() == ["0", os.readlink("/proc/self/ns/mnt")], "su - root is as ever",
            r.stdout + r.stderr)


def test_su_from_a_terminal(b):
    with Terminal(["su", "-", b.alice.pw_name], rows=33, columns=103) as t:
        host_tty = os.stat(t.name)
        b.lands_inside("su - from a terminal", t.ask(SHOW_NS))
        tty = t.ask("tty")
        b.check(tty.startswith("/dev/"), "tty names a terminal", tty)
        seen = t.ask(f"test -c {tty} && test -w {tty} && echo exists")
        b.check(seen == "exists", "which exists and can be written to", seen)
        seen = t.ask("stty size")
        b.check(seen == "33 103", "stty size is the terminal's", seen)
        t.jobs_obey(b.check, "su -")
        t.line("kill -9 %1; exit; exit")
        if t.process.poll() is None:
            try:
                t.expect(r"\A\Z(?!)", timeout=2)
            except Exception:  # pylint: disable=broad-except
                pass
        for _ in range(100):
            st = os.stat(t.name)
            if (st.st_uid, st.st_gid, st.st_mode) == (host_tty.st_uid, 0, 0):
                break
            if t.process.poll() is not None and st.st_uid == 0:
                break
            b.run("sleep", "0.05")
        st = os.stat(t.name)
        b.check(st.st_uid == 0, "after exit the terminal is root's again, as it was before",
                f"uid {st.st_uid}, gid {st.st_gid}, mode {st.st_mode & 0o7777:o}")
        t.close()


def test_su_from_inside_gives_nothing(b):
    r = b.ssh(b.alice.pw_name, "echo x | su root -c id; echo x | su -c id; sudo -n id")
    b.check("uid=0" not in r.stdout, "su and sudo inside give nothing", r.stdout + r.stderr)


def test_a_caller_for_whom_the_kernel_is_old(b):
    """What uname(2) says to who calls su is chosen by them: personality(2)."""
    libc, uname26 = ctypes.CDLL(None), 0x20000
    r = b.run("su", "-", b.alice.pw_name, "-c", "uname -r; stat -c %U /etc", preexec_fn=lambda: libc.personality(uname26))
    b.check(re.fullmatch(r"2\.6\..*\nroot\n", r.stdout), "the box is made as for anybody", r.stdout + r.stderr, b.log_tail())


def test_a_terminal_that_vanishes(b):
    t = Terminal(["su", "-", b.alice.pw_name])
    t.ask("echo hi")
    # What reads the terminal hears of it; su itself doesn't, and waits for what doesn't read, outside as well.
    t.line("cat")
    t.hang_up()
    status = t.close()
    b.check(status != -9, "the terminal of a su is closed: su ends", f"status {status}")
