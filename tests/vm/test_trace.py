# SPDX-License-Identifier: BSD-3-Clause
"""The end: nsctl disable, and the host is as if nsshell had never been there."""

from host import SHOW_NS


def test_disable_leaves_no_trace(h):
    h.ssh("alice", "true")
    h.disable()
    seen = h.out("diff -r /root/pam.d /etc/pam.d && echo same")
    h.check(seen == "same", "nsctl disable: PAM's files are byte for byte as they were", seen)
    h.check(not h.left(), "no session is left")
    r = h.ssh("alice", SHOW_NS)
    h.lands_inside("alice logs in on the host again", r.stdout + r.stderr, False)
    for what, script in (
            ("process", "ps -eo args= | grep -E '^nsshell|nsshell-helper' | grep -v grep"),
            ("mount", "grep nsshell /proc/self/mountinfo"),
            ("group of an account", "find /sys/fs/cgroup -path '*nsshell*' -name '[0-9]*' -type d"),
            ("file of a session", "find /run/nsshell/sessions /run/nsshell/accounts -type f | grep -v -e '[.]lock$' -e '[.]log$' -e '[.]log[.]old$'"),
            ("failed unit", "systemctl --failed --no-legend --plain" if h.systemd else "true")):
        seen = h.out(script)
        h.check(seen == "", f"no {what} is left", seen or "none")
    h.enable()
