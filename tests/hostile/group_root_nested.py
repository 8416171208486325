# SPDX-License-Identifier: BSD-3-Clause
"""
Root=yes with AllowUserNamespaces=yes: root of the box makes namespaces below it, in which it has every capability and
every id that the box has. What root_whole tries is tried again, and what is the box's stays as it is in there, too.
"""

import group_namespaces
import group_root
import group_root_whole
from group_root import ROOT, again, as_root

NESTED = "AllowUserNamespaces=yes\n"
# The filter doesn't answer for mounts and namespaces any more, but the kernel: nobody has CAP_SYS_ADMIN in the box's own.
MORE = {
    "judge": {
        "unshare -r": "made",
        **{f"by the 32-bit door: {what}": want for what, want in (
            ("mount", "EFAULT"), ("umount2", "EFAULT"), ("setns", "EINVAL"), ("clone3", "EINVAL"), ("unshare of user", "ok"),
            ("clone of a user namespace", "ok ok"))},
    },
}
# Of the image, or of the box's own ids: root may without a namespace, too.
OWN = {"allow-setuid /": "|ok", "read /etc/shadow": "|ok", "write /etc/passwd": "|ok", "setuid": "|ok"}


def _maps(g):
    """Ids below the box are the box's at most."""
    g.row("a namespace below, with every id of the box's", "{a} userns-all read /etc/passwd", "ok")
    for what, text in (("the host's root", "0 4294901760 1"), ("an id beyond the box's", "0 4000000 1"), ("more than it has", "0 0 4294967295")):
        g.row(f"a map to {what}", f"{{a}} userns-map /proc/self/uid_map '{text}'", "EPERM|EINVAL")
    g.row("user namespaces in user namespaces", "{a} userns-nest", "EUSERS|ENOSPC")
    g.row("how many there may be", "cat /proc/sys/user/max_user_namespaces; echo 1000 >/proc/sys/user/max_user_namespaces", "128 .*Read-only.*")


def run(g):
    with as_root(g, "Upper=tmpfs\n" + NESTED) as begin:
        g.rows(group_root.ROWS)
        _maps(g)
        for how in ("userns", "userns-all"):
            for what, words in group_namespaces.IN_NAMESPACE:
                g.row(f"{how}: {what}", f"{{a}} {how} {words}", group_namespaces.nested(words) + OWN.get(words, ""))
        g.row("and none of it is left", "rmdir /tmp/nst-place 2>/dev/null; grep -c nst-place /proc/self/mountinfo; true", "0")
        # What root of a namespace below may, who is no root of the box may not.
        begin(False)
        again(g, ROOT + "Upper=tmpfs\n" + NESTED)
        g.watch_other()
        for what, words in group_namespaces.IN_NAMESPACE:
            g.row(f"as the account: {what}", f"{{a}} userns {words}", group_namespaces.nested(words) + ("|ok" if words == "allow-setuid /" else ""))
    g.begin(g.group)
    group_root_whole.run(g, NESTED, MORE)
