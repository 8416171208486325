# SPDX-License-Identifier: BSD-3-Clause
"""SysV and POSIX objects, sockets, keys, and daemons that do things for others."""

import os
import shutil
import subprocess

from harness import kernel

NO = ".*(denied|not permitted|No such file|not found|refused|not allowed|Failed to connect|" \
     "Read-only|must be (set)?uid|setgid|cannot|have permission).*"
KEY = "EPERM|EACCES|ENOKEY|ENOSYS|EKEYREVOKED"

ROWS = [
    ("the host's shared memory by its key", "{a} shm-get {key}", "ENOENT"),
    ("the host's shared memory by its id", "{a} shm-attach {shm}", "EINVAL|EIDRM"),
    ("the host's shared memory by its place", "for i in 0 1 2 3 4 5 6 7; do {a} shm-stat $i; done "
     "| sort -u", "EINVAL"),
    ("to remove it", "{a} shm-remove {shm}", "EINVAL|EIDRM"),
    ("the host's message queue by its key", "{a} msg-get {key}", "ENOENT"),
    ("to remove it", "{a} msg-remove {msg}", "EINVAL|EIDRM"),
    ("the host's semaphores by their key", "{a} sem-get {key}", "ENOENT"),
    ("to remove them", "{a} sem-remove {sem}", "EINVAL|EIDRM"),
    ("/proc/sysvipc", "cat /proc/sysvipc/* | grep -c -v -e key; true", "0"),
    ("ipcrm of everything", "ipcrm -a; ipcs | grep -c 0x", "0"),
    ("the host's POSIX queue", "{a} mq-open {queue}", "ENOENT"),
    ("to remove it", "{a} mq-unlink {queue}", "ENOENT"),
    ("what /dev/mqueue has", "ls /dev/mqueue", ""),
    ("a socket of the host in a directory of the host", "{a} connect {socket}", "ECONNREFUSED"),
    ("a socket of the host in /run", "{a} connect {runsocket}", "ENOENT"),
    ("the system bus", "{a} connect /run/dbus/system_bus_socket", "ENOENT"),
    ("the system bus in /var/run", "{a} connect /var/run/dbus/system_bus_socket", "ENOENT"),
    ("systemd's private socket", "{a} connect /run/systemd/private", "ENOENT"),
    ("the journal's socket for root", "{a} connect /run/systemd/journal/stdout", "ENOENT"),
    ("udev's socket", "{a} connect /run/udev/control", "ENOENT"),
    ("docker's socket", "{a} connect /run/docker.sock; {a} connect /var/run/docker.sock",
     "ENOENT ENOENT"),
    ("containerd's, crio's, podman's, lxd's", "for s in containerd/containerd.sock crio/crio.sock "
     "podman/podman.sock lxd.socket libvirt/libvirt-sock snapd.socket; do {a} connect /run/$s; "
     "done | sort -u", "ENOENT"),
    ("snapd's and polkit's directories", "ls /run/snapd /run/polkit-1 /run/user/0 /run/systemd/inhibit",
     ".*No such.*"),
    ("systemctl", "systemctl stop nst-none.service", NO),
    ("systemd-run --user", "systemd-run --user touch /tmp/nst-out", NO),
    ("systemd-run", "systemd-run touch /tmp/nst-out", NO),
    ("loginctl enable-linger", "loginctl enable-linger", NO),
    ("busctl", "busctl tree", NO),
    ("dbus-send to the system bus", "dbus-send --system --dest=org.freedesktop.DBus / "
     "org.freedesktop.DBus.ListNames", NO),
    ("pkexec", "pkexec id", NO),
    ("a crontab by hand", "echo '* * * * * touch x' >/var/spool/cron/crontabs/{name}", NO),
    ("at", "echo touch /tmp/nst-out | at now", NO),
    ("a job for atd by hand", "echo x >/var/spool/cron/atjobs/a; echo x >/var/spool/at/a", NO),
    ("a file for cron.d", "echo '* * * * * root id' >/etc/cron.d/nst", NO),
    ("wall to others", "echo nst | wall 2>/dev/null; ls /run/utmp", "/run/utmp"),
    ("logger lies about who it is", "logger -t kernel -p kern.emerg nst-lie; echo said", "said"),
]


def _fds_handed_over(g):
    """Somebody with the host's namespaces in hand gives them away. Of no use to a user."""
    path = f"{g.alice.pw_dir}/give"
    giver = subprocess.Popen(["python3", "-c", f"""
import array, os, socket
s = socket.socket(socket.AF_UNIX)
s.bind({path!r})
os.chmod({path!r}, 0o777)
s.listen()
fds = [os.open('/proc/self/ns/' + n, os.O_RDONLY)
       for n in ('user', 'mnt', 'pid', 'uts', 'ipc', 'net', 'cgroup')]
fds += [os.pidfd_open(p) for p in ({g.values['root']}, {g.values['same']}, {g.values['bob']}, 1)]
print('up', flush=True)
c, _ = s.accept()
socket.send_fds(c, [b'x'], fds)
c.recv(1)
"""], stdout=subprocess.PIPE, text=True)
    giver.stdout.readline()
    try:
        g.row("fds of the host's namespaces and processes, handed over by root",
              "{a} passed give", "none of 11")
    finally:
        giver.kill()
        giver.wait()
        giver.stdout.close()
        os.unlink(path)


def keys(g):
    """A key in the user keyring of the same account outside. Also by group_unfiltered.py."""
    code = "import ctypes; c=ctypes.CDLL(None); k=c.syscall(248, b'user', b'nst-key', b'secret', 6, -4); " \
           "r=c.syscall(250, 0, -4, 0); print(k, r)"
    if os.uname().machine != "x86_64":
        g.scene.skip("ipc: keys of the same account outside", "numbers of x86-64 only")
        return
    r = g.stage.run("python3", "-c", code, user=g.alice.pw_uid, group=g.alice.pw_gid,
                    extra_groups=[])
    key, ring = r.stdout.split()
    g.values.update(thekey=key, ring=ring)
    g.row("a key of the same account outside, by its name", "{a} key-search nst-key", KEY)
    g.row("by its number", "{a} key-read {thekey}", KEY)
    g.row("its keyring, by its number, linked into an own one", "{a} key-take {ring} {thekey}", KEY)
    g.row("to revoke it", "{a} key-revoke {thekey}", KEY)
    g.box_root(f"{g.alice.pw_dir}/attack key-search nst-key", KEY, "a key of the same account")
    code = f"import ctypes; ctypes.CDLL(None).syscall(250, 9, {key}, -4)"
    g.stage.run("python3", "-c", code, user=g.alice.pw_uid, group=g.alice.pw_gid, extra_groups=[])


def _ssh_localhost(g):
    """The way through sshd: it ends in a box again."""
    shutil.copy(g.stage.sshd.key, f"{g.alice.pw_dir}/key")
    os.chown(f"{g.alice.pw_dir}/key", g.alice.pw_uid, g.alice.pw_gid)
    ssh = "ssh -F none -i key -o BatchMode=yes -o StrictHostKeyChecking=no " \
          "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p {port} "
    try:
        g.row("ssh localhost", ssh + "{name}@127.0.0.1 'echo in $(ls /home); "
              "readlink /proc/self/ns/mnt /proc/1/ns/mnt; ls /proc | grep -c -x {root}'",
              r"in {name} mnt:\[\d+\] 0")
        g.row("ssh to the other's account with the own name's session",
              ssh + "-l {bobname} 127.0.0.1 'env | grep -c {session}; true'", "0")
        g.row("ssh -R over a name of the host's", ssh + "-R {open}/forward:localhost:22 "
              "{name}@127.0.0.1 'test -S {open}/forward && echo made; rm -f {open}/forward'",
              "made|.*(failed|forward).*")
        for what, to, want in (("a port of the host's: the network is shared", "127.0.0.1:{tcp}", "heard"),
                               ("a socket of the host's", "{runsocket}", "(channel .* open failed.*)?"),
                               ("a socket in a directory of the host's", "{socket}", "(channel .* open failed.*)?")):
            g.row(f"ssh -L to {what}", ssh + f"-o ExitOnForwardFailure=yes -L 19999:{to} {{name}}@127.0.0.1 "
                  "'exec 3<>/dev/tcp/127.0.0.1/19999; cat <&3'; true", want)
        g.judge("nobody has connected to a socket of the host's", sorted(
            set(h for h in g.heard if h.startswith("/"))), r"\[\]")
    finally:
        os.unlink(f"{g.alice.pw_dir}/key")


def run(g):
    g.heard.clear()
    g.rows(ROWS)
    for kind, try_ in (("M 64", "shm-attach"), ("Q", "msg-remove"), ("S 1", "sem-remove")):
        made = g.other.do(f"ipcmk -{kind} -p 666").split()[-1]
        g.row(f"the other's SysV object ({try_})", f"{{a}} {try_} {made}", "EINVAL|EIDRM")
        g.judge("which is still there", made in g.other.do("ipcs").split(), "True")
    # Shared with the host's network, but where Landlock can keep them apart.
    want = "EPERM" if kernel.landlock_abi() >= 6 else "ok"
    g.row("an abstract socket of the host (Linux 6.12: EPERM)", "{a} connect {abstract}", want)
    g.other.do(g.text("python3 -c \"import socket, time; s=socket.socket(socket.AF_UNIX); "
               "s.bind('\\0{mark}-other'); s.listen(); time.sleep(600)\" >/dev/null 2>&1 & for i in $(seq 100); do "
                       "./attack connect @{mark}-other | grep -q ok && break; sleep 0.1; done"))
    g.row("an abstract socket of the other's (Linux 6.12: EPERM)", "{a} connect @{mark}-other", want)
    g.other.do("pkill -f canary-other")
    _fds_handed_over(g)
    keys(g)
    _ssh_localhost(g)
    g.box_root("logger -t kernel -p kern.emerg nst-root-lie; echo said", "said", "logger lies")
    for who, mark in (("the user", "nst-lie"), ("root of the box", "nst-root-lie")):
        g.stage.syslog.wait(mark)
        uids = g.stage.syslog.senders(f"^kernel: {mark}$")
        g.judge(f"the host's log is told who said it: {who}", uids,
                rf"\[{g.alice.pw_uid}\]" if mark == "nst-lie" else r"\[[1-9]\d+\]")
    a = f"{g.alice.pw_dir}/attack"
    for what, command, want in (
            ("the host's shared memory", f"{a} shm-attach {{shm}}", "EINVAL|EIDRM"),
            ("to remove it", f"{a} shm-remove {{shm}}", "EINVAL|EIDRM"),
            ("the host's POSIX queue", f"{a} mq-unlink {{queue}}", "ENOENT"),
            ("a socket of the host in a directory of the host", f"{a} connect {{socket}}",
             "ECONNREFUSED"),
            ("the system bus", f"{a} connect /run/dbus/system_bus_socket", "ENOENT"),
            ("a crontab by hand", "mkdir -p /var/spool/cron/crontabs; echo '* * * * * id' "
             ">/var/spool/cron/crontabs/root; echo tried", ".*")):
        g.box_root(command, want, what)
    g.judge("a crontab of the box's root is not the host's",
            os.path.exists("/var/spool/cron/crontabs/root"), "False")
