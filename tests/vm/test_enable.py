# SPDX-License-Identifier: BSD-3-Clause
"""nsctl enable and disable on the distribution's own PAM files, and what nsctl check says."""

import re

from host import SERVICES

DIFF = "diff -r /root/pam.d /etc/pam.d && echo same"


def test_enable_and_disable_twice(h):
    h.disable()
    h.check(h.out(DIFF) == "same", "disabled: the PAM files are as the distribution has them",
            h.out(DIFF))
    for turn in ("once", "again"):
        h.enable()
        lines = h.out("grep -c pam_nsshell /etc/pam.d/{sshd,login,su,cron,atd,runuser,sudo}")
        h.check(":0" not in lines, f"enabled {turn}: every service has the line", lines)
        seen = h.nsctl("enable", *SERVICES)
        h.check(seen.returncode == 0 and "nothing to do" in seen.stdout,
                f"enabled {turn}: a second time changes nothing", seen.stdout)
        h.disable()
        h.check(h.out(DIFF) == "same", f"disabled {turn}: byte for byte as before", h.out(DIFF))
        seen = h.nsctl("disable", *SERVICES)
        h.check(seen.returncode == 0 and h.out(DIFF) == "same",
                f"disabled {turn}: a second time does nothing", seen.stdout)
    modes = "stat -c '%n %a %u %g' /etc/pam.d/*"
    h.check(h.out(modes) == h.out(f"cd /root; {modes.replace('/etc/', '')}").replace(
        "pam.d/", "/etc/pam.d/"), "owner and mode are as before", h.out(modes)[:80])
    h.enable()


def test_what_check_says(h):
    r = h.nsctl("check")
    h.check(r.returncode == 2 and re.search(r"^0 errors, 1 warning,", r.stdout, re.M)
            and "nsshell-exempt isn't there" in r.stdout,
            "nsctl check misses the break-glass group, and nothing else", r.stdout.splitlines()[-1:],
            r.stdout)
    h.sh("groupadd --system nsshell-exempt; usermod -aG nsshell-exempt plain")
    r = h.nsctl("check")
    h.sh("groupdel nsshell-exempt")
    h.check(r.returncode == 0, "with one it is content: exit status 0", r.returncode, r.stdout)
    h.disable("sudo", "atd")
    r = h.nsctl("check")
    h.enable()
    h.check(r.returncode == 2 and "warning: /etc/pam.d/atd: who comes in through atd" in r.stdout
            and "note: /etc/pam.d/sudo: " in r.stdout and "alice and bob" in r.stdout
            and "/etc/pam.d/sshd" not in r.stdout,
            "ways in without a box are findings, those with one aren't", r.stdout.count("no box"),
            r.stdout)
    h.config("[User bob]\nMemoryMax=lots\n")
    r = h.nsctl("check")
    h.config()
    h.check(r.returncode == 1 and "MemoryMax" in r.stdout and "[User bob]" in r.stdout,
            "a mistake in the config is an error: exit status 1", r.returncode, r.stdout)
