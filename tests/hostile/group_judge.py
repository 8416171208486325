# SPDX-License-Identifier: BSD-3-Clause
"""
An outside judge. No container-escape checker is in Debian; this is the list of what they look
for (amicontained, CDK, deepce, linPEAS), and what setns(2), user_namespaces(7) and
pid_namespaces(7) promise, which is what LTP's tests of them check.
"""

import os

# CAP_DAC_READ_SEARCH, LINUX_IMMUTABLE, NET_ADMIN, NET_RAW, IPC_OWNER, SYS_MODULE, RAWIO, PTRACE,
# PACCT, ADMIN, BOOT, RESOURCE, TIME, TTY_CONFIG, MKNOD, SETFCAP, MAC_*, SYSLOG, WAKE, BLOCK,
# AUDIT_READ, PERFMON, BPF, CHECKPOINT_RESTORE
DANGEROUS = (2, 9, 12, 13, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 31, 32, 33, 34, 35, 36, 37,
             38, 39, 40)
NO = ".*(No such|denied|not permitted|Read-only|Not a directory).*"

CHECKERS = [
    ("pid 1 is the box's own", "cat /proc/1/comm", "nsshell.*"),
    ("pid namespace: few processes", "ls -d /proc/[0-9]* | wc -l", r"\d"),
    ("user namespace: ids are mapped", "cat /proc/self/uid_map | wc -l; awk '$1 == 0 { print ($2 > 0) }' "
     "/proc/self/uid_map", r"[2-9]\d* 1"),
    ("no id of the box is the host's root", "awk '$2 == 0' /proc/self/uid_map /proc/self/gid_map", ""),
    ("setgroups as the host's helper left it", "cat /proc/self/setgroups", "allow"),
    ("effective capabilities", "grep CapEff /proc/self/status", "CapEff: 0000000000000000"),
    ("a dangerous capability in the bounding set", "p=$((16#$(awk '/CapBnd/ { print $2 }' "
     "/proc/self/status))); for c in " + " ".join(map(str, DANGEROUS)) +
     "; do [ $((p >> c & 1)) = 0 ] || echo $c; done", ""),
    ("no_new_privs", "awk '/NoNewPrivs/ { print $2 }' /proc/self/status", "1"),
    ("seccomp", "awk '/^Seccomp:/ { print $2 }' /proc/self/status", "2"),
    ("an environment that names a container's secrets", "env | grep -i -e token -e secret -e passw; "
     "cat /proc/1/environ", "(.*denied.*)?"),
    ("docker.sock and its like", "find / -name '*.sock' -o -name 'docker*sock' 2>/dev/null | "
     "while read -r s; do [ -S $s ] && [ -w $s ] && echo $s; done; true", ""),
    # The canary's is one of them, so that there is an answer.
    ("any socket of the host's that can be written to", "find / -xdev -type s -writable 2>/dev/null | "
     "while read -r s; do {a} connect $s; done | sort -u", "ECONNREFUSED"),
    ("/run/.containerenv, serviceaccount", "ls /run/.containerenv "
     "/var/run/secrets/kubernetes.io", ".*No such.*No such.*"),
    ("block devices", "find /dev -type b; lsblk -n 2>/dev/null | head -c 0", ""),
    ("character devices that can be written", "find /dev -type c -writable -printf '%f '",
     "(null|zero|full|random|urandom|tty|ptmx| )+"),
    ("disks by their number", "for d in /sys/dev/block/*; do n=${d##*/}; mknod /tmp/d b ${n%:*} ${n#*:} "
     "2>/dev/null && echo made; done; true", ""),
    ("mounts of a disk's root", "awk '$4 == \"/\" && $0 ~ / ext[234] | xfs | btrfs /' "
     "/proc/self/mountinfo", ""),
    ("writable mounts that aren't the own", "awk '$6 ~ /^rw/ { print $5 }' /proc/self/mountinfo | "
     "grep -v -x -e / -e /tmp -e /var/tmp -e /run -e '/run/.*' -e /proc -e '/dev/.*' -e {home} | "
     "while read -r m; do touch $m/nst 2>/dev/null && echo $m; done; true", ""),
    ("overlay's upper by its path on the host", "u=$(sed -n 's/.*upperdir=\\([^,]*\\).*/\\1/p' "
     "/proc/self/mounts | head -1); [ -n \"$u\" ] && ls -d \"$u\" 2>/dev/null; true", ""),
    ("core_pattern", "echo '|/tmp/x' >/proc/sys/kernel/core_pattern", NO),
    ("modprobe", "echo /tmp/x >/proc/sys/kernel/modprobe", NO),
    ("binfmt_misc", "echo ':x:M::x::/tmp/x:' >/proc/sys/fs/binfmt_misc/register", NO),
    ("uevent_helper", "echo /tmp/x >/sys/kernel/uevent_helper", NO),
    ("panic_on_oom", "echo 1 >/proc/sys/vm/panic_on_oom", NO),
    ("sysrq", "echo h >/proc/sysrq-trigger", NO),
    ("kmsg", "head -c1 /dev/kmsg; head -c1 /proc/kmsg", NO),
    ("kallsyms", "awk '$1 !~ /^0+$/' /proc/kallsyms | head -1", ""),
    ("config of the kernel", "ls /proc/config.gz >/dev/null 2>&1; echo seen", "seen"),
    ("sched_debug", "cat /proc/sched_debug 2>/dev/null | wc -c", "0"),
    ("cgroup v1 release_agent", "find / -name release_agent 2>/dev/null | wc -l", "0"),
    ("cgroup devices.allow", "find / -name devices.allow 2>/dev/null | wc -l", "0"),
    ("cgroup.procs that can be written", "find / -name cgroup.procs -writable 2>/dev/null | wc -l", "0"),
    ("debugfs", "ls /sys/kernel/debug/ 2>/dev/null | wc -l", "0"),
    ("efivars", "ls /sys/firmware/efi/efivars 2>/dev/null | wc -l", "0"),
    ("ld.so.preload", "echo x >/etc/ld.so.preload", NO),
    ("shadow", "cat /etc/shadow", NO), ("sudoers", "cat /etc/sudoers", NO),
    ("cron of the host", "touch /etc/cron.d/x /var/spool/cron/x", NO),
    ("units of the host", "touch /etc/systemd/system/x.service", NO),
    ("authorized_keys of root", "echo x >>/root/.ssh/authorized_keys", NO),
    ("root's cloud metadata", "ls /var/lib/cloud/instance/user-data.txt 2>/dev/null; "
     "cat /var/lib/cloud/instance/user-data.txt 2>/dev/null", ""),
    ("nsenter to pid 1", "nsenter -t 1 -a true", NO + "|.*reassociate.*"),
    ("unshare -r", "unshare -rm true && echo made", ".*(not permitted|denied|No space).*"),
    ("debugfs(8) of the disk", "debugfs -R 'cat /etc/shadow' /dev/vda",
     "(?!.*root:).*(No such file|denied|not permitted).*"),
    ("capsh", "capsh --print 2>/dev/null | grep '^Current: =.'", ""),
    ("ping of death to the box's init", "kill -9 1; kill -s SEGV 1; kill -s STOP 1; cat /proc/1/comm",
     ".*nsshell.*"),
]

# Where the filter denies setns(2) altogether, it answers before the kernel looks at anything.
MANUALS = [
    ("setns(2): EBADF", "{a} setns-bad-fd", "EBADF|EPERM"),
    ("setns(2): EINVAL for a file", "{a} setns-file /etc/passwd", "EINVAL|EPERM"),
    ("setns(2): EINVAL for the wrong type", "{a} setns-wrong-type", "EINVAL|EPERM"),
    ("setns(2): EINVAL for the own user namespace", "{a} setns-own-user", "EINVAL|EPERM"),
    ("setns(2): EPERM for the own uts namespace", "{a} setns /proc/self/ns/uts", "EPERM"),
    ("setns(2): EPERM for the own mount namespace", "{a} setns /proc/self/ns/mnt", "EPERM"),
    ("user_namespaces(7): a map is written once", "{a} map-again /proc/self/uid_map", "EPERM"),
    ("user_namespaces(7): gid_map, too", "{a} map-again /proc/self/gid_map", "EPERM"),
    ("user_namespaces(7): setgroups isn't denied later", "echo deny >/proc/self/setgroups",
     ".*(not permitted|denied).*"),
    ("user_namespaces(7): an unmapped owner is 65534", "stat -c %u /proc/uptime /proc/sys/kernel "
     "/sys/kernel | sort -u | tr '\\n' ' '", r"(0 )?65534 ?"),
    ("pid_namespaces(7): signals to init from inside are lost or refused", "{a} init-signals", "EPERM"),
    ("pid_namespaces(7): an orphan's parent is init", "{a} orphan", "1"),
    ("pid_namespaces(7): the parent of who joined is 0", "{a} top-parent", "[01]"),
    ("prctl(2): after exec", "{a} after-exec", "dumpable 1, no_new_privs 1"),
    ("mmap(2): the page at 0", "{a} map-null", "EPERM"),
    ("proc(5): /proc is of the own pid namespace", "readlink /proc/self | grep -c -x \"$(sh -c "
     "'echo $PPID')\"; ls /proc/$$/comm", ".*/comm"),
]


# The filter has to look at who calls: numbers of i386, and x32's on a kernel that has them or not.
DOORS_32 = (("getpid, which is let through", "20", "ok"), ("mount", "21", "EPERM"), ("init_module", "128", "EPERM"),
            ("keyctl", "288", "EPERM"), ("bpf", "357", "EPERM"), ("perf_event_open", "336", "EPERM"),
            ("unshare of user", "310 0x10000000", "EPERM"), ("clone of a user namespace", "120 0x10000011", "EPERM"),
            ("clone3", "435", "ENOSYS"), ("setns", "346", "EPERM"), ("umount2", "52", "EPERM"),
            ("socketcall of a socket", "102 1", "EAFNOSUPPORT"),
            ("socketcall of a pair", "102 8", "EAFNOSUPPORT"), ("socketcall of connect", "102 3", "EFAULT"),
            ("socket of AF_ALG", "359 38", "EAFNOSUPPORT"),
            ("TIOCSTI", "54 0 0x5412", "EPERM"), ("stime", "25", "EPERM"), ("reboot", "88", "EPERM"))
DOORS_X32 = (("getpid", "39"), ("mount", "165"), ("keyctl", "250"), ("bpf", "321"),
             ("unshare of user", "272 0x10000000"), ("ioctl, x32's own", "514"), ("execve, x32's own", "520"))


def _other_doors(g):
    if os.uname().machine != "x86_64":
        g.scene.skip("judge: 32-bit and x32 calls", "doors of x86-64 only")
        return
    here = g.stage.run(g.attack, "door-32", "20").stdout.strip() == "ok"
    if not here:
        g.scene.skip("judge: 32-bit calls", "this kernel takes none")
    for what, words, want in DOORS_32 if here else ():
        g.row(f"by the 32-bit door: {what}", f"{{a}} door-32 {words}", want)
    for what, words in DOORS_X32:
        g.row(f"by x32's numbers: {what}", f"{{a}} door-x32 {words}", "ENOSYS")


KEYS = "find /etc /var /opt /srv -name '*.key' -o -name '*_key' -o -name '*.pem' 2>/dev/null | " \
       "while read -r f; do head -c 40 \"$f\" 2>/dev/null | grep -q PRIVATE && echo \"$f\"; done; true"


def _private_keys(g):
    """What a host leaves open to everybody is the host's; the box must not open more."""
    for name, mode in (("nst-open.pem", 0o644), ("nst-roots.pem", 0o600)):
        path = g.stage.base / name
        path.write_text("-----BEGIN PRIVATE KEY-----\n", encoding="ascii")
        path.chmod(mode)
    outside = g.stage.run("sh", "-c", KEYS, user=g.scene.plain.pw_uid, group=g.scene.plain.pw_gid,
                          extra_groups=[]).stdout.split()
    inside = g.me.do(KEYS, timeout=90).split()
    g.judge("a private key that everybody can read is found", str(g.stage.base / "nst-open.pem") in inside, "True")
    g.judge("private keys that who isn't isolated can't read", [x for x in inside if x not in outside], r"\[\]")
    for name in ("nst-open.pem", "nst-roots.pem"):
        (g.stage.base / name).unlink()


def run(g):
    g.rows(CHECKERS)
    _private_keys(g)
    g.rows(MANUALS)
    _other_doors(g)
    a = f"{g.alice.pw_dir}/attack"
    for what, command, want in (
            ("a dangerous capability", "p=$((0x$(grep CapEff /proc/self/status | cut -f2))); for c in " +
             " ".join(map(str, DANGEROUS)) + "; do [ $((p >> c & 1)) = 0 ] || echo $c; done", ""),
            ("no_new_privs", "grep NoNewPrivs /proc/self/status", "NoNewPrivs: 1"),
            ("setns(2): EPERM for the own uts namespace", f"{a} setns /proc/self/ns/uts", "EPERM"),
            ("user_namespaces(7): a map is written once", f"{a} map-again /proc/self/uid_map", "EPERM"),
            ("core_pattern", "echo x >/proc/sys/kernel/core_pattern", NO),
            ("block devices", "find /dev -type b", ""),
            ("cgroup.procs that can be written",
             "find /sys/fs/cgroup -name cgroup.procs -writable 2>/dev/null | head -1", ""),
            ("cgroup v1 release_agent", "find / -name release_agent 2>/dev/null", "")):
        g.box_root(command, want, what)
