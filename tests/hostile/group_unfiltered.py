# SPDX-License-Identifier: BSD-3-Clause
"""
The same without the filter of system calls, and with user namespaces allowed: what the filter
answers for by default, the namespaces, mounts and ids must answer for themselves. Then other
settings that move a wall: Upper=disk and Share=account.
"""

import pathlib

import group_ipc
import group_masks
import group_namespaces
import group_privileges
import group_processes


def _again(g, config):
    g.me.close()
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    g.stage.config(config)
    g.me = g.login(g.alice.pw_name)


def _on_disk(g):
    """Uppers of all accounts lie beside each other on the host."""
    _again(g, "Upper=disk\n")
    g.other.close()
    g.other = g.login(g.bob.pw_name)
    g.other.do(g.text("echo bobs >{open}/of-bob"))
    g.watch_other()
    g.rows((
        ("Upper=disk: nsshell's directory", "ls -A /var/lib/nsshell", ".*(No such|denied).*"),
        ("Upper=disk: an upper by the name that mountinfo tells", "for d in $(grep -o "
         "'\\(upper\\|work\\)dir=[^, ]*' /proc/self/mountinfo | cut -d= -f2); do ls -d $d 2>/dev/null; "
         "done; true", ""),
        ("Upper=disk: what the other wrote", "cat {open}/of-bob", ".*No such.*"),
        ("Upper=disk: a set-uid program in the upper", "cp {a} {open}/x; chmod 6755 {open}/x; "
         "{open}/x ids; rm {open}/x", "none"),
        ("Upper=disk: a node in the upper", "{a} mknod {open}/x 8 0", "EPERM"),
        ("Upper=disk: overlayfs's own attributes", "touch {open}/x; "
         "{a} setxattr {open}/x trusted.overlay.redirect; {a} setxattr {open}/x user.overlay.opaque; "
         "rm {open}/x", "(EPERM|EOPNOTSUPP) (ok|EPERM|EOPNOTSUPP)"),
        ("Upper=disk: up from the upper", "{a} climb {open}", "root")))
    g.box_root("ls -A /var/lib/nsshell /var/lib/nsshell/*", ".*(No such|denied).*",
               "Upper=disk: nsshell's directory")


def _shared(g):
    """Two logins of one account in one box: what is shared is the account's alone."""
    _again(g, "Share=account\n")
    other = g.login(g.bob.pw_name)
    other.close()
    with g.login(g.alice.pw_name) as second:
        g.judge("Share=account: both are in one box", g.me.do("readlink /proc/self/ns/pid") ==
                second.do("readlink /proc/self/ns/pid"), "True")
        g.rows((
            ("Share=account: the sockets that logins are handed over by", "ls /run/nsshell",
             "hostname hosts (limits )?own session"),
            ("Share=account: connecting to one", "for s in $(grep -o '/[^ ]*nsshell[^ ]*' "
             "/proc/net/unix); do {a} connect $s; done | sort -u", "(ENOENT|EACCES|ECONNREFUSED|EPROTOTYPE| )*"),
            ("Share=account: the other account", "kill -9 {bob}; ls {bobhome}", ".*No such.*No such.*"),
            ("Share=account: what is in its box", "ls -d /proc/{bob} /proc/{root}",
             ".*No such.*No such.*")))
        # EPROTOTYPE: there is one of another type, an own session's.
        for who, more in ((g.scene.plain, ""), (g.alice, "|EPROTOTYPE")):
            r = g.stage.run("sh", "-c", g.text("for s in $(grep -o '/run/nsshell[^ ]*' /proc/net/unix); "
                            f"do {g.attack} connect $s; done | sort -u"), user=who.pw_uid,
                            group=who.pw_gid, extra_groups=[])
            g.judge(f"Share=account: {who.pw_name}, outside, connects to one", r.stdout,
                    rf"((EACCES|ENOENT{more}) ?)*")


def run(g):
    _again(g, "SystemCallFilter=no\nAllowUserNamespaces=yes\n")
    g.row("seccomp is off", "grep Seccomp: /proc/self/status", "Seccomp: 0")
    g.row("a user namespace can be made", "{a} unshare user", "ok")
    g.rows(group_processes.ROWS)
    g.rows(group_namespaces.ROWS)
    for what, words in group_namespaces.IN_NAMESPACE:
        g.row(f"in a nested user namespace: {what}", f"{{a}} userns {words}",
              group_namespaces.nested(words))
    g.row("a map to the host's root", "{a} userns-map /proc/self/uid_map '0 0 1'", "EPERM|EINVAL")
    g.row("a map to the other's uid", "{a} userns-map /proc/self/uid_map '0 {bobuid} 1'",
          "EPERM|EINVAL")
    g.row("an agent in a cgroup v1 hierarchy", "{a} userns agent", "EPERM|EACCES|ENOENT")
    # By default it's the filter that hides the log; without, it's the host's to show or not.
    restricted = pathlib.Path("/proc/sys/kernel/dmesg_restrict").read_text(encoding="ascii").strip() != "0"
    g.rows((what, command, want if what != "the kernel's log" else "EPERM" if restricted else "ok")
           for what, command, want in group_privileges.ROWS)
    group_ipc.keys(g)
    for path in group_masks.FILES:
        g.row(f"reading {path} in a nested user namespace", f"{{a}} userns read {path}",
              group_masks.HIDDEN + ("|ok" if path in ("/proc/keys", "/proc/timer_list") else ""))
    _on_disk(g)
    _shared(g)
    g.stage.config()
    g.end()
    g.wait(lambda: not g.stage.records())
    g.stage.run("rm", "-rf", "/var/lib/nsshell/upper")
