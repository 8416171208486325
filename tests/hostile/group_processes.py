# SPDX-License-Identifier: BSD-3-Clause
"""Signals, debugging and priorities, against the host's processes, the other user's and init."""

GONE = "ESRCH"
NO = "EPERM|EACCES"

ROWS = []
for _who, _pid, _want in (("root's process on the host", "{root}", GONE),
                          ("another user's process on the host", "{plain}", GONE),
                          ("the own account's process outside", "{same}", GONE),
                          ("the other user's process, by its host pid", "{bob}", GONE),
                          ("init of the box", "1", NO)):
    _init = _pid == "1"
    ROWS += [
        (f"SIGKILL to {_who}", f"{{a}} kill {_pid} 9", _want),
        (f"SIGSTOP to {_who}", f"{{a}} kill {_pid} 19", _want),
        (f"SIGHUP to the group of {_who}", f"{{a}} kill -{_pid} 1" if not _init else
         "{a} kill 1 1", _want),
        (f"tgkill of {_who}", f"{{a}} tgkill {_pid}", _want),
        (f"a forged kernel signal to {_who}", f"{{a}} sigqueue {_pid}", NO + "|" + _want),
        (f"SIGIO's owner: {_who}", f"{{a}} setown {_pid}", "ESRCH|EBADF|EINVAL|ENOTTY|EPERM|ok"),
        (f"PTRACE_ATTACH to {_who}", f"{{a}} ptrace-attach {_pid}", _want),
        (f"PTRACE_SEIZE of {_who}", f"{{a}} ptrace-seize {_pid}", _want),
        (f"process_vm_readv of {_who}", f"{{a}} vm-read {_pid}", _want),
        (f"process_vm_writev of {_who}", f"{{a}} vm-write {_pid}", _want),
        (f"pidfd_open of {_who}", f"{{a}} pidfd-open {_pid}", "ok" if _init else _want),
        (f"pidfd_send_signal to {_who}", f"{{a}} pidfd-kill {_pid}", _want),
        (f"pidfd_getfd from {_who}", f"{{a}} pidfd-getfd {_pid}", _want),
        (f"perf_event_open of {_who}", f"{{a}} perf {_pid} -1", f"{NO}|{_want}"),
        (f"prlimit of {_who}", f"{{a}} prlimit {_pid}", _want),
        (f"sched_setaffinity of {_who}", f"{{a}} affinity {_pid}", _want),
        (f"sched_setscheduler of {_who}", f"{{a}} scheduler {_pid}", _want),
        (f"setpriority of {_who}", f"{{a}} nice-process {_pid}", _want),
        (f"ioprio_set of {_who}", f"{{a}} ioprio-process {_pid}", _want),
        (f"kcmp with {_who}", f"{{a}} kcmp {_pid}", f"{_want}|ENOSYS|EPERM"),
        (f"get_robust_list of {_who}", f"{{a}} robust-list {_pid}", _want),
        (f"move_pages of {_who}", f"{{a}} move-pages {_pid}", f"{_want}|ENOSYS|ENODEV"),
    ]
    if not _init:
        ROWS.append((f"/proc of {_who}", f"ls -d /proc/{_pid}/", ".*No such file.*"))

ROWS += [
    ("a pid that answers but isn't in /proc", "{a} kill-hidden", "none"),
    ("setpriority of everybody with the own uid", "{a} nice-user {uid}; renice -n 0 $$",
     ".*"),  # only processes of this box have one: the observer looks at the others
    ("setpriority of everybody with the other's uid", "{a} nice-user {bobuid}", "EPERM|ESRCH"),
    ("ioprio_set of everybody with the own uid", "{a} ioprio-user {uid}", "ok|EPERM"),
    ("ioprio_set of everybody with the other's uid", "{a} ioprio-user {bobuid}",
     "EPERM|ESRCH"),
    ("perf_event_open of a whole CPU", "{a} perf -1 0", NO),
    ("forged credentials over a socket: root", "{a} forge-ids 1 0", "EPERM"),
    ("forged credentials over a socket: another pid", "{a} forge-ids {root} {uid}", "EPERM|ESRCH"),
    ("a realtime scheduler", "{a} realtime", "EPERM"),
    ("a better niceness", "{a} nice-better", NO),
    ("realtime input and output", "{a} ioprio-realtime", "EPERM"),
    ("not to be killed when memory runs out", "{a} oom-unkillable", NO),
    ("a hard limit raised", "{a} raise-limit", "EPERM"),
    ("any process in /proc that isn't the own or the box's root",
     "stat -c '%u' /proc/[0-9]* | sort -u | grep -vx -e {uid} -e 0; true", ""),
    ("names of the host's processes in /proc/*/cmdline",
     "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c -e 'sshd [-]D' -e '/sbin/[i]nit'; true", "0"),
]
for _name in ("environ", "maps", "mem", "auxv", "stack", "syscall", "io", "smaps", "pagemap",
              "personality", "wchan", "timers", "numa_maps", "fdinfo/0", "map_files"):
    ROWS.append((f"/proc/1/{_name}", f"cat /proc/1/{_name} | head -c 100",
                 r".*(Permission denied|not permitted|No such file|Is a directory).*|0|"))
for _name in ("root", "cwd", "exe", "fd/0", "fd/3", "ns/mnt", "ns/user"):
    ROWS.append((f"where /proc/1/{_name} leads", f"readlink /proc/1/{_name}; "
                 f"ls /proc/1/{_name}/ 2>&1 | head -3", ".*(denied|No such|not permitted).*"))
# The login program itself has a pid of the host's namespace only; its child has one of the box, and is sshd-session since OpenSSH 9.8.
ROWS.append(("processes of the box's root but init", "pgrep -u 0 | grep -vx 1; true", ""))
for _try in ("ptrace-attach", "ptrace-seize", "vm-read", "vm-write", "pidfd-getfd"):
    ROWS.append((f"{_try} of the login program's child", "for p in $(pgrep -f '[s]shd.*@(notty|pts)'); do "
                 f"{{a}} {_try} $p; done | sort -u", "EPERM|EACCES"))


def run(g):
    g.rows(ROWS)
    # A login of its own for what ends a login.
    for sig in (9, 15, 1, 19):
        g.scene.ssh(g.alice.pw_name, f"kill -{sig} -1; echo on", timeout=2)
        g.judge(f"kill -{sig} -1: everybody whom one may", "ended", "ended")
    # sshd's own child, stopped, doesn't notice that its client has gone.
    for record in g.stage.records():
        if record["user"] == g.alice.pw_name and record["id"] != g.values["session"]:
            g.admin("-q", "--root", "--force", record["id"], "sh", "-c", "kill -9 -1")
    g.box_root("kill -9 -1; echo on", ".*", "kill -9 -1")
    g.me = _again(g)
    g.box_root("ls /proc | grep -c -x -e {root} -e {bob}; true", "0", "processes of the host")
    g.box_root(f"{g.alice.pw_dir}/attack kill-hidden", "none", "a pid that answers but isn't in /proc")


def _again(g):
    """kill -1 has ended the login."""
    g.me.close(3)
    return g.login(g.alice.pw_name)
