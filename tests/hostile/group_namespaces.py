# SPDX-License-Identifier: BSD-3-Clause
"""Into namespaces that aren't one's own; out of what the box's mounts hide."""

NO = "EPERM|EACCES"
# As root of a nested user namespace, where one can be made at all.
NESTED = "no namespace|EPERM|EACCES|EINVAL|ENOENT|EROFS|EBUSY|ENODEV"

ROWS = [
    ("setns to everything in /proc/*/ns", "{a} setns-all", "none"),
    ("setns to init's mount namespace", "{a} setns /proc/1/ns/mnt", NO),
    ("setns to init's user namespace", "{a} setns /proc/1/ns/user", NO),
    ("setns to all of init's by a pidfd", "{a} setns-pid 1", NO),
    ("setns to the host's by a pidfd", "{a} setns-pid {root}", "ESRCH"),
    ("setns to the other's by a pidfd", "{a} setns-pid {bob}", "ESRCH"),
    ("the parent of the own user namespace", "{a} ns-parent user", "EPERM"),
    ("the parent of the own pid namespace", "{a} ns-parent pid", "EPERM"),
    ("who owns the own user namespace", "{a} ns-owner user", "EPERM"),
    ("who owns the own net namespace", "{a} ns-owner net", "EPERM"),
    ("mounts of other namespaces by listmount", "{a} mount-lists", "none"),
    ("a tmpfs", "{a} mount-tmpfs /tmp", "EPERM"),
    ("a bind mount", "{a} mount-bind / /tmp", "EPERM"),
    ("mount with mount(8)", "mount -t tmpfs none /tmp", ".*(must be superuser|permission|denied).*"),
    ("fsopen of tmpfs", "{a} fsopen tmpfs", "EPERM"),
    ("fsopen of proc", "{a} fsopen proc", "EPERM"),
    ("fsopen of overlay", "{a} fsopen overlay", "EPERM"),
    ("fsopen of ext4", "{a} fsopen ext4", "EPERM|ENODEV"),
    ("fsopen of cgroup", "{a} fsopen cgroup", "EPERM|ENODEV"),
    ("a clone of the mounts", "{a} open-tree /", "EPERM"),
    ("attributes of a mount", "{a} mount-setattr /sys", NO),
    ("/proc/sys made writable", "{a} remount /proc/sys", "EPERM"),
    ("/sys made writable", "{a} remount /sys", "EPERM"),
    ("mounts shared with others", "{a} make-shared /", "EPERM"),
    ("a cover taken away", "{a} umount /sys/firmware; {a} umount /proc/keys; {a} umount /proc/sys",
     "EPERM EPERM EPERM"),
    ("pivot_root", "{a} pivot-root /tmp", "EPERM"),
]
for _kind in ("mnt", "pid", "uts", "ipc", "net", "cgroup", "time"):
    ROWS.append((f"unshare of {_kind}", f"{{a}} unshare {_kind}", "EPERM"))

FIRST = (
    ("unshare of user", "{a} unshare user", "EPERM|ENOSPC"),
    ("user namespaces in user namespaces", "{a} userns-nest", "no namespace|EUSERS|ENOSPC"),
    ("a map to the host's root", "{a} userns-map /proc/self/uid_map '0 0 1'",
     "no namespace|EPERM|EINVAL"),
    ("a map to the other's uid", "{a} userns-map /proc/self/uid_map '0 {bobuid} 1'",
     "no namespace|EPERM|EINVAL"),
    ("a map of everything", "{a} userns-map /proc/self/uid_map '0 0 4294967295'",
     "no namespace|EPERM|EINVAL"),
    ("a map of groups with setgroups", "{a} userns-map /proc/self/gid_map '0 {uid} 1'",
     "no namespace|EPERM|EINVAL"),
    ("a map of ids by newuidmap", "unshare -U sleep 1 & newuidmap $! 0 100000 65536; kill $!",
     ".*(denied|not permitted|not allowed|failed|not owned).*"),
)

IN_NAMESPACE = [
    ("proc", "mount proc"), ("proc with its hidden part", "mount proc subset=pid"),
    ("sysfs", "mount sysfs"), ("debugfs", "mount debugfs"), ("tracefs", "mount tracefs"),
    ("securityfs", "mount securityfs"), ("devtmpfs", "mount devtmpfs"), ("efivarfs", "mount efivarfs"),
    ("configfs", "mount configfs"), ("bpf", "mount bpf"), ("pstore", "mount pstore"),
    ("hugetlbfs", "mount hugetlbfs"), ("binfmt_misc", "mount binfmt_misc"),
    ("a disk", "disk /dev/vda ext4"), ("a disk image", "disk ./attack ext4"),
    ("cgroup v1 with a release agent", "mount cgroup memory,release_agent=/tmp/x"),
    ("an agent in any cgroup v1", "agent"), ("a group in any cgroup v1", "group"),
    ("the group of init in any cgroup v1", "escape"),
    ("a cgroup v1 of a new name", "mount cgroup none,name=nst,release_agent=/tmp/x"),
    ("umount of /proc/sys", "umount /proc/sys"), ("umount of /proc/keys", "umount /proc/keys"),
    ("umount of /proc/kcore", "umount /proc/kcore"),
    ("umount of /sys/firmware", "umount /sys/firmware"), ("umount of /proc", "umount /proc"),
    ("umount of /home", "umount /home"), ("umount of /run", "umount /run"),
    ("umount of /dev", "umount /dev"), ("umount of /sys", "umount /sys"), ("umount of /tmp", "umount /tmp"),
    ("umount of everything", "umount-all"), ("/proc/sys writable", "writable /proc/sys"),
    ("/sys writable", "writable /sys"), ("/dev writable", "writable /dev"),
    ("a setuid mount", "allow-setuid /tmp"), ("a setuid root", "allow-setuid /"),
    ("a device mount of the home", "allow-setuid {home}"),
    ("what lies below /", "below /"), ("what lies below /proc", "below /proc"),
    ("what lies below /home", "below /home"),
    ("what lies below / by open_tree", "below-new /"),
    ("what lies below /sys by open_tree", "below-new /sys"),
    ("what lies below /proc by open_tree", "below-new /proc"),
    ("a copy of all mounts without /home's cover", "copy /home"),
    ("a copy of all mounts without /run's cover", "copy /run"),
    ("a copy of all mounts without /proc/keys's cover", "copy /proc/keys"),
    ("a copy of all mounts without /tmp", "copy /tmp"),
    ("a device node on an own tmpfs", "mknod"), ("passwd through an own overlay", "overlay"),
    ("the clock", "clock"), ("another uid", "setuid"), ("shadow", "read /etc/shadow"),
    ("passwd", "write /etc/passwd"), ("kmsg", "read /dev/kmsg"), ("kcore", "read /proc/kcore"),
    ("a sysctl of the kernel", "write /proc/sys/kernel/core_pattern"),
    ("sysrq", "write /proc/sysrq-trigger"),
    ("a sysctl of the network", "write /proc/sys/net/ipv4/ip_forward"),
    ("init's root", "read /proc/1/root/etc/shadow"),
]


def nested(words):
    """What a nested namespace may have: a null device as cover, its own proc, bpf or binfmt_misc."""
    own = ("read /proc/kcore", "mount proc subset=pid", "mount bpf", "mount binfmt_misc")
    return NESTED + ("|ok|empty" if words in own else "")


def run(g):
    g.rows(ROWS)
    for r in FIRST:
        g.row(*r)
    for what, words in IN_NAMESPACE:
        g.row(f"in a nested user namespace: {what}", f"{{a}} userns {words}", nested(words))
    g.row("and none of it is left", "rmdir /tmp/nst-place 2>/dev/null; "
          "grep -c nst-place /proc/self/mountinfo; true", "0")
    a = f"{g.alice.pw_dir}/attack"
    for what, words, want in (
            ("setns to everything in /proc/*/ns", "setns-all", "none"),
            ("setns to all of init's by a pidfd", "setns-pid 1", NO + "|EINVAL"),
            ("the parent of the own user namespace", "ns-parent user", "EPERM"),
            ("the parent of the own pid namespace", "ns-parent pid", "EPERM"),
            ("mounts of other namespaces by listmount", "mount-lists", "none"),
            ("a tmpfs", "mount-tmpfs /mnt", "EPERM"), ("a bind mount", "mount-bind / /mnt", "EPERM"),
            ("/proc/sys made writable", "remount /proc/sys", "EPERM"),
            ("a cover taken away", "umount /proc/keys", "EPERM"),
            ("pivot_root", "pivot-root /tmp", "EPERM"),
            ("unshare of mnt", "unshare mnt", "EPERM"), ("unshare of net", "unshare net", "EPERM"),
            ("nsfs: the host's user namespace", "ns-handle user 0xEFFFFFFD",
             "EPERM|ESTALE|EOPNOTSUPP|EACCES|EOVERFLOW|ENOSYS|EBADF"),
            ("nested: umount of everything", "userns umount-all", NESTED),
            ("nested: what lies below /", "userns below /", NESTED),
            ("nested: a copy without /home's cover", "userns copy /home", NESTED),
            ("nested: cgroup v1 with a release agent", "userns mount cgroup none,name=nst", NESTED),
            ("nested: a map to the host's root", "userns-map /proc/self/uid_map '0 4294901760 1'",
             "no namespace|EPERM|EINVAL")):
        g.box_root(f"{a} {words}", want, what)
