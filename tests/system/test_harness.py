# SPDX-License-Identifier: BSD-3-Clause
"""The stage itself: a plain login works on it, and the host's own files aren't touched."""

import os

from harness import kernel
from harness.terminal import Terminal


def test_accounts_without_isolate_are_untouched(b):
    r = b.ssh(b.plain.pw_name, "id -un; readlink /proc/self/ns/mnt")
    words = r.stdout.split()
    b.check(words == [b.plain.pw_name, kernel.namespaces()["mnt"]],
            "an account without Isolate=yes logs in as ever", r.stdout or r.stderr,
            b.log_tail())
    b.check(not b.stage.syslog.lines("nsshell[^-]"), "and the module says nothing about it",
            " ".join(b.stage.syslog.lines("nsshell[^-]")))


def test_root_is_untouched(b):
    r = b.ssh("root", "id -u; readlink /proc/self/ns/mnt")
    b.check(r.stdout.split() == ["0", kernel.namespaces()["mnt"]], "root logs in as ever",
            r.stdout or r.stderr, b.log_tail())


def test_a_plain_terminal_works(b):
    argv = b.stage.sshd.argv(b.plain.pw_name, options=["-tt"])
    with Terminal(argv, rows=29, columns=97) as t:
        b.check(t.ask("stty size") == "29 97", "ssh -t of a plain account keeps the size")
        t.line("exit")
        b.check(t.close() == 0, "and exits with 0")


def test_the_host_keeps_its_files(b):
    with open("/proc/1/mountinfo", encoding="utf-8") as f:
        host = f.read()
    b.check("nsshell" not in host and " /etc/pam.d " not in host,
            "the host's mount table knows nothing of the tests")
    pam = f"/proc/{os.getppid()}/root/etc/pam.d/{b.stage.sshd_service}"
    b.check(not os.path.exists(pam), "nor does the host's /etc/pam.d")
