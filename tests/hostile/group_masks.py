# SPDX-License-Identifier: BSD-3-Clause
"""What /proc, /sys and /boot show and let write."""

import contextlib
import os
import pathlib

from harness import kernel

# Nothing to read: not there, not allowed, or an empty cover.
HIDDEN = "ENOENT|EACCES|EPERM|empty|ENOTDIR"

FILES = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
         "/proc/latency_stats", "/proc/sysrq-trigger", "/proc/kmsg", "/proc/kpagecount",
         "/proc/kpageflags", "/proc/kpagecgroup", "/proc/slabinfo", "/proc/vmallocinfo",
         "/proc/pagetypeinfo", "/proc/iomem.raw", "/proc/mtrr.w", "/sys/kernel/debug/sched/debug",
         "/sys/kernel/debug/kprobes/list", "/sys/kernel/tracing/trace", "/sys/kernel/debug/tracing/trace",
         "/sys/kernel/security/lsm", "/sys/firmware/dmi/tables/DMI", "/sys/firmware/acpi/tables/DSDT",
         "/sys/firmware/efi/efivars/x", "/sys/fs/pstore/x", "/sys/fs/bpf/x", "/sys/fs/selinux/enforce",
         "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent",
         "/sys/class/powercap/intel-rapl:0/energy_uj",
         "/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj",
         "/boot/vmlinuz", "/boot/grub/grub.cfg", "/boot/System.map-" + os.uname().release)
DIRECTORIES = ("/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security",
           "/sys/fs/bpf", "/sys/fs/pstore", "/boot", "/root", "/lost+found", "/proc/scsi/x",
           "/sys/kernel/config")
WRITES = ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
          "/proc/sys/kernel/hotplug", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
          "/proc/sys/vm/panic_on_oom", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/pid_max",
          "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/shmmax", "/proc/sys/kernel/msgmax",
          "/proc/sys/kernel/sem", "/proc/sys/fs/mqueue/msg_max", "/proc/sys/fs/file-max",
          "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward",
          "/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/yama/ptrace_scope",
          "/proc/irq/default_smp_affinity", "/proc/irq/0/smp_affinity", "/proc/mtrr",
          "/proc/bus/pci/00/00.0", "/proc/acpi/wakeup", "/proc/fs/ext4/vda/options",
          "/proc/scsi/scsi", "/proc/kpageflags", "/proc/1/oom_score_adj", "/proc/1/uid_map",
          "/proc/1/coredump_filter", "/proc/1/clear_refs",
          "/proc/1/setgroups", "/proc/1/timens_offsets", "/proc/self/uid_map", "/proc/self/gid_map",
          "/proc/self/setgroups", "/proc/pressure/memory", "/proc/dynamic_debug/control",
          "/proc/asound/card0/x", "/proc/driver/rtc",
          "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
          "/sys/kernel/mm/ksm/run", "/sys/kernel/profiling", "/sys/kernel/fscaps",
          "/sys/kernel/security/x", "/sys/module/kernel/parameters/panic", "/sys/power/state",
          "/sys/kernel/reboot/mode", "/sys/class/net/lo/mtu", "/sys/block/vda/queue/scheduler",
          "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/cpu1/online",
          "/sys/bus/pci/rescan", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent",
          "/sys/kernel/cpu_byteorder", "/sys/kernel/rcu_expedited", "/sys/kernel/slab/kmalloc-64/validate")

ROWS = [
    ("release agents", "find / -name release_agent 2>/dev/null", ""),
    ("cgroup files that can be written", "find /sys/fs/cgroup -writable 2>/dev/null | head", ""),
    ("anything in /sys that can be written", "find /sys -writable -not -type l 2>/dev/null | head -5",
     ""),
    ("anything in /proc/sys that can be written",
     "find /proc/sys -type f -writable 2>/dev/null | head -5", ""),
    ("anything in /proc but the own processes that can be written",
     r"find /proc -maxdepth 3 -not -path '/proc/[0-9]*' -not -path '/proc/self*' -not -path "
     r"'/proc/sys/*' -not -path '/proc/thread-self*' -type f -perm -002 2>/dev/null | grep -v /pressure/ | "
     # What is hidden is the null device.
     "while read -r f; do test -c $f || echo $f; done | head -5", ""),
    ("the own cgroup's place on the host", "cut -d: -f3 /proc/self/cgroup | sort -u", "/"),
    ("what /proc/sched_debug tells of the host", "grep -c sshd /proc/sched_debug 2>/dev/null; true",
     "0|"),
    ("addresses of the kernel in kallsyms", "grep -v -c '^0000000000000000' /proc/kallsyms; true", "0|"),
    ("addresses of the kernel in modules", "grep -c -v 0x0000000000000000 /proc/modules 2>/dev/null; true",
     "0|"),
    ("physical addresses in iomem", "grep -v -c '^ *00000000-00000000' /proc/iomem; true", "0"),
    ("the host's keys", "cat /proc/keys | wc -l", "0"),
    ("names of accounts of the box's processes", "ps -eo user= | sort -u | grep -v -e root -e "
     "{name} -e nsth; true", ""),
    ("mounts from nsshell's directories, and what is the other's", "awk '$4 ~ /nsshell|private/ || /{bobname}/ "
     "{ print $4, $5 }' /proc/self/mountinfo | sort", "{private}/log /(dev|run/systemd/journal/dev-)/?log "
     "({private}/nothing/nsshell-command /usr/bin/[a-z.]+ )*{private}/run/own/{uid} /run/nsshell/own/{uid} {private}/run/sessions/{session}.limits /run/nsshell/limits"),
    ("paths of the host in what mounts tell of layers", "grep -o '[a-z]*dir=[^, ]*' /proc/self/mountinfo",
     r"((lower|upper|work)dir=(:?/(init|lower|upper|workdir)/\d+)+ ?)+"),
    ("locks of other processes", "cat /proc/locks | awk '$6 < 1' | wc -l", "0"),
    ("/boot", "ls /boot/ | wc -l", "0|.*No such.*"),
    ("processes of the host", "ls /proc | grep -c -x -e {root} -e {plain} -e {same} -e {bob}; "
     "ls -d /proc/[0-9]* | wc -l", r"0 \d"),
    ("threads of the host", "ls -d /proc/{root}/task /proc/{bob}/task", ".*No such.*No such.*"),
]


# What a host with systemd has mounted; the word to look for shows that it is there to be hidden.
KERNELS = (("debugfs", "/sys/kernel/debug", "sched"), ("tracefs", "/sys/kernel/tracing", "trace_pipe"),
           ("securityfs", "/sys/kernel/security", ""), ("configfs", "/sys/kernel/config", ""),
           ("bpf", "/sys/fs/bpf", ""), ("pstore", "/sys/fs/pstore", ""))
# Each must be there for root of the host, else nothing is shown by not finding it inside.
CONTROLS = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname",
            "/sys/firmware", "/sys/kernel/security", "/sys/kernel/debug", "/sys/kernel/tracing", "/proc/1/status")


@contextlib.contextmanager
def _as_with_systemd(g):
    """In the mount namespace of the stage, whatever init the host has."""
    kinds = pathlib.Path("/proc/filesystems").read_text(encoding="ascii").split()
    mounted = []
    for kind, path, _ in KERNELS:
        if kind in kinds and os.path.isdir(path) and not os.path.ismount(path):
            kernel.mount(kind, path, kind)
            mounted.append(path)
    g.me.close()
    g.me = g.login(g.alice.pw_name)
    g.watch_other()
    try:
        for kind, path, word in KERNELS:
            if not os.path.ismount(path):
                g.scene.skip(f"masks: {kind} of the host", "the kernel doesn't have it")
            else:
                g.judge(f"the host has {kind} to hide", word in ["", *os.listdir(path)], "True")
        for path in CONTROLS:
            if not os.path.exists(path):
                g.scene.skip(f"masks: {path} of the host", "the kernel doesn't have it")
        yield
    finally:
        for path in mounted:
            kernel.umount(path)
        g.watch_other()


def run(g):
    with _as_with_systemd(g):
        _tries(g)


def _tries(g):
    g.rows(ROWS)
    for path in FILES:
        g.row(f"reading {path}", f"{{a}} open {path}", HIDDEN)
    for path in DIRECTORIES:
        g.row(f"listing {path}", f"{{a}} list {path}", HIDDEN)
    for path in WRITES:
        g.row(f"writing {path}", f"{{a}} write {path}",
              "ENOENT|EACCES|EPERM|EROFS|EISDIR|EINVAL|ENOSYS" + (
                  "|ok" if path in ("/proc/self/uid_map", "/proc/self/gid_map",
                                    "/proc/self/setgroups", "/proc/pressure/memory") else ""))
    g.row("to write an own map", "echo 0 0 1 >/proc/self/uid_map", ".*not permitted.*")
    g.row("to allow setgroups", "echo allow >/proc/self/setgroups", ".*(not permitted|denied).*|")
    a = f"{g.alice.pw_dir}/attack"
    for path in ("/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/timer_list", "/proc/kpagecount",
                 "/proc/slabinfo", "/proc/vmallocinfo"):
        g.box_root(f"{a} open {path}", HIDDEN, f"reading {path}")
    for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
                 "/proc/irq/default_smp_affinity", "/proc/sys/kernel/ns_last_pid",
                 "/sys/kernel/profiling", "/sys/class/net/lo/mtu", "/proc/bus/pci/00/00.0",
                 "/proc/sys/kernel/shmmax", "/proc/sys/user/max_user_namespaces"):
        g.box_root(f"{a} write {path}", "ENOENT|EACCES|EPERM|EROFS", f"writing {path}")
    for path in ("/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/boot", "/root"):
        g.box_root(f"{a} list {path}", HIDDEN, f"listing {path}")
