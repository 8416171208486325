# SPDX-License-Identifier: BSD-3-Clause
"""Other people's files, handles, links, device nodes, and ways up and out."""

import pathlib
import subprocess

from harness import kernel
from harness.pace import patient

GONE = ".*No such file.*"
NO = ".*(No such file|Permission denied|not permitted|Read-only|cross-device).*"

ROWS = [
    ("other homes in /home", "ls /home", "{name}"),
    ("the other's home by its name", "cat {bobhome}/canary", GONE),
    ("the other's home through cwd", "cd; cat ../{bobname}/canary", GONE),
    ("the other's home through /proc/self", "cat /proc/self/root{bobhome}/canary "
     "/proc/self/cwd/../{bobname}/canary", GONE),
    ("a directory in the other's place", "mkdir {bobhome}", NO),
    ("a link in the other's place", "ln -s /etc {bobhome}", NO),
    ("the other's file in /tmp", "cat /tmp/{mark}", GONE),
    ("the other's file in /dev/shm", "cat /dev/shm/{mark}", GONE),
    ("a link in /tmp under a name that the other uses",
     "ln -s /etc/passwd /tmp/{mark}; echo x >>/tmp/{mark}; rm /tmp/{mark}", NO),
    ("a file in /tmp under a name that the other uses",
     "echo mine >/tmp/{mark}; rm -f /tmp/{mark}", ""),
    ("a file in /dev/shm under a name that the other uses",
     "echo mine >/dev/shm/{mark}; rm -f /dev/shm/{mark}", ""),
    ("a file of the host that anybody may write: into the own upper",
     "echo mine >{open}/canary; cat {open}/canary", "mine"),
    ("and away with it", "rm -f {open}/canary", NO + "|"),
    ("up from /", "{a} climb /", "root"),
    ("up from the home", "{a} climb .", "root"),
    ("up from /tmp", "{a} climb /tmp", "root"),
    ("up from /proc/self/root", "{a} climb /proc/self/root", "root"),
    ("up from /proc/self/cwd", "cd /tmp; ~/attack climb /proc/self/cwd", "root"),
    ("up from /run", "{a} climb /run/user/{uid}", "root"),
    ("up from the host's directories", "{a} climb {open}", "root"),
    ("/proc/1/root", "ls /proc/1/root/", NO),
    ("/proc/1/cwd", "ls /proc/1/cwd/", NO),
    ("fds that a login hands down", "{a} fds", "none"),
    ("directories among the fds of all processes", "{a} directory-fds", "none"),
    ("what 0 to 2 are", "readlink /proc/self/fd/0 /proc/$$/fd/1",
     r"/dev/null (pipe|socket):\[\d+\]"),
    ("a handle of inode 2 in the file system of the home", "{a} handle . 2", "EPERM"),
    ("a handle of inode 2 in the file system of /", "{a} handle / 2", "EPERM"),
    ("a handle of inode 2 below /usr", "{a} handle /usr 2", "EPERM"),
    ("a handle of inode 2 below a host's directory", "{a} handle {open} 2", "EPERM"),
    ("an own file by its handle", "{a} own-handle attack", "EPERM"),
    ("processes by pidfs handles", "{a} pid-handles", "none|ENOSYS|EOPNOTSUPP|EPERM"),
    ("a disk's node in the home", "{a} mknod x 254 0; rm -f x", "EPERM"),
    ("a disk's node in /tmp", "{a} mknod /tmp/x 254 0; rm -f /tmp/x", "EPERM"),
    ("a disk's node in /dev/shm", "{a} mknod /dev/shm/x 254 0; rm -f /dev/shm/x", "EPERM"),
    ("a disk's node in /dev", "{a} mknod /dev/x 254 0", "EPERM|EROFS|EACCES"),
    ("a hardlink to shadow", "{a} link /etc/shadow x; rm -f x", "ENOENT|EPERM|EXDEV|EACCES"),
    ("a hardlink to passwd in the home", "{a} link /etc/passwd x; rm -f x", "EXDEV|EPERM"),
    ("a hardlink to a setuid program in the upper", "{a} link /usr/bin/su {open}/su; "
     "rm -f {open}/su", "EPERM|EXDEV"),
    ("overlayfs's own attribute", "touch x; {a} setxattr x trusted.overlay.opaque; rm x",
     "EPERM|EOPNOTSUPP"),
    ("overlayfs's own attribute in the upper", "touch {open}/x; "
     "{a} setxattr {open}/x trusted.overlay.redirect; rm {open}/x", "EPERM|EOPNOTSUPP"),
    ("to write passwd", "echo x >>/etc/passwd", NO),
    ("to replace passwd", "cp /etc/passwd p; mv p /etc/passwd </dev/null; rm -f p", NO),
    ("to write a program", "cp /bin/false /usr/bin/true", NO),
    ("a file in /usr/local/bin", "touch /usr/local/bin/ls", NO),
    ("a library for all", "echo /tmp/x.so >/etc/ld.so.preload", NO),
    ("a PAM file", "echo x >>/etc/pam.d/su", NO),
    ("nsshell's config", "ls /etc/nsshell {private}; cat {private}/nsshell.conf", NO),
    ("nsshell's state", "ls /var/lib/nsshell; ls /run/nsshell/sessions", NO),
    ("the session's own record", "cat /run/nsshell/session; echo x >/run/nsshell/session",
     "{session} " + NO),
    ("a file beside it", "touch /run/nsshell/x", NO),
    ("to replace it", "mv /run/nsshell /run/x; rm -rf /run/nsshell", NO),
    ("uppers and work directories", "find / -xdev \\( -name upper -o -name work \\) -path '*nsshell*' "
     "2>/dev/null", ""),
    ("where the upper lies, by mountinfo", "grep -o 'upperdir=[^,]*' /proc/self/mountinfo | "
     "while IFS== read -r _ d; do ls -d \"$d\"; done", "(.*No such file.*)?"),
    ("shadow", "cat /etc/shadow /etc/shadow- /etc/gshadow", NO),
    ("host keys", "cat /etc/ssh/ssh_host_*_key", NO + "|"),
    ("root's home", "ls /root", ".*(No such|denied).*|"),
    ("all files of the file system of the home", "{a} watch-all .", "EPERM|ENODEV|EXDEV"),
    ("to decide who opens files", "{a} deny-opens", "EPERM"),
    ("chroot", "{a} chroot /tmp", "EPERM"),
    ("swap on an own file", "dd if=/dev/zero of=swap bs=4096 count=10 2>/dev/null; "
     "{a} swapon swap; rm -f swap", "EPERM"),
    ("accounting into an own file", "touch acct; {a} acct acct; rm -f acct", "EPERM|ENOSYS"),
    ("quota off", "{a} quota-off /dev/vda", "EPERM|ENOENT|ENOSYS|ENOTBLK|EACCES"),
    ("chown of an own file to the other", "touch x; {a} chown x {bobuid}; rm x", "EPERM|EOVERFLOW"),
    ("chown of an own file to root", "touch x; {a} chown x 0; rm x", "EPERM|EOVERFLOW"),
    ("the home out of the way", "cd /; mv {home} {home}.old; rmdir {home}", NO + "|.*busy.*"),
]
for _ns, _inode in (("user", "0xEFFFFFFD"), ("pid", "0xEFFFFFFC"), ("uts", "0xEFFFFFFE"),
                    ("ipc", "0xEFFFFFFF"), ("cgroup", "0xEFFFFFFB"), ("mnt", "{hostmnt}")):
    ROWS.append((f"the host's {_ns} namespace by an nsfs handle", f"{{a}} ns-handle {_ns} {_inode}",
                 "EPERM|ESTALE|EOPNOTSUPP|EACCES|EOVERFLOW|ENOSYS|EBADF"))

FILES = ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1",
         "/dev/fuse", "/dev/kvm", "/dev/loop-control", "/dev/loop0", "/dev/mapper/control",
         "/dev/net/tun", "/dev/vhost-net", "/dev/vsock", "/dev/uinput", "/dev/input/event0",
         "/dev/snapshot", "/dev/hwrng", "/dev/rtc0", "/dev/vcs", "/dev/vcsa1", "/dev/tty0",
         "/dev/tty1", "/dev/ttyS0", "/dev/console", "/dev/initctl", "/dev/cpu/0/msr",
         "/dev/bus/usb/001/001", "/dev/dri/card0", "/dev/btrfs-control", "/dev/userfaultfd",
         "/dev/autofs", "/dev/mcelog", "/dev/watchdog", "/dev/ppp", "/dev/hpet", "/dev/udmabuf")


def _a_race_in_tmp(g):
    """Names in /tmp that change what they are, hundreds of times a second, while others log in."""
    names = ("{mark}", "nsshell", "ssh-agent", ".X11-unix", ".ICE-unix", "systemd-private", "{bobname}")
    code = ("import itertools, os\nnames = " + repr([g.text(n) for n in names]) + "\n"
            "for i in itertools.count():\n  for n in names:\n"
            f"    for what in ('/etc/passwd', {g.bob.pw_dir!r}, '/proc/1/root', None):\n"
            "      for d in ('/tmp', '/var/tmp', '/dev/shm'):\n        p = d + '/r-' + str(i % 2)\n"
            "        try:\n          os.mkdir(p) if what is None else os.symlink(what, p)\n"
            "          os.rename(p, d + '/' + n)\n        except OSError: pass\n"
            "        try: os.rmdir(d + '/' + n)\n        except OSError: pass\n")
    script = pathlib.Path(g.alice.pw_dir) / "race.py"
    script.write_text(code, encoding="ascii")
    racer = g.stage.sshd.background(g.alice.pw_name, f"exec timeout {patient(60)} python3 {script}")
    seen = set()
    try:
        for i in range(12):
            person = (g.bob, g.alice)[i % 2]
            r = g.stage.run("runuser", "-l", person.pw_name, "-c", "ls -A /tmp /var/tmp /dev/shm | grep -c -e r-; "
                            "echo >/tmp/mine && echo in")
            seen.add("in" if r.stdout.split() == ["0", "in"] else f"{r.stdout} {r.stderr}")
            r = g.admin("-q", g.values["session"], "sh", "-c", "cd /tmp; echo stepped in")
            seen.add(r.stdout.strip())
        g.judge("names in /tmp that change all the time, and 12 logins beside them: each has its own /tmp",
                sorted(seen), r"\['in', 'stepped in'\]")
        g.judge("(they did change)", racer.poll(), "None")
    finally:
        racer.kill()
        racer.communicate()
        script.unlink()
    for name in ("/tmp/nsshell", "/tmp/.X11-unix/r-0"):
        g.judge(f"the host's {name} isn't theirs", subprocess.run(
            ["find", name, "-uid", str(g.alice.pw_uid)], stdout=subprocess.PIPE, text=True, check=False,
            stderr=subprocess.DEVNULL).stdout, "")


def _security_attribute(g):
    """
    Where BPF is among the security modules, older kernels (6.1 is) never ask for the capability
    that setting one takes, of anybody. What nobody may outside, nobody may inside.
    """
    person = g.scene.plain
    code = "import os; open('x', 'w').close(); os.setxattr('x', 'security.nst', b'y'); print('ok')"
    outside = g.stage.run("python3", "-c", code, user=person.pw_uid, group=person.pw_gid,
                          extra_groups=[], cwd=person.pw_dir).stdout.strip()
    g.row("a security attribute" + (", which this kernel lets all set" if outside else ""),
          "touch x; {a} setxattr x security.nst; rm x", "EPERM|EOPNOTSUPP" + "|ok" * bool(outside))


def run(g):
    _a_race_in_tmp(g)
    g.values["hostmnt"] = kernel.namespaces()["mnt"].strip("mnt:[]")
    g.rows(ROWS)
    _security_attribute(g)
    for path in FILES:
        g.row(f"the device {path}", f"{{a}} open {path}", "ENOENT|EACCES|ENXIO")
    for path in ("/etc/shadow", "/etc/ssh/ssh_host_ed25519_key", "/proc/1/root/etc/passwd",
                 g.bob.pw_dir + "/canary", str(g.stage.private / "key")):
        r = g.stage.sshd.client("sftp", "-b", "-", f"{g.alice.pw_name}@127.0.0.1",
                                input=f"get {path} /dev/null\n")
        g.judge(f"sftp get {path}", r.returncode, "1|255")
    for path in ("/etc/nst-evil", g.bob.pw_dir + "/evil", "/root/evil", "/run/nsshell/evil"):
        r = g.stage.sshd.client("sftp", "-b", "-", f"{g.alice.pw_name}@127.0.0.1",
                                input=f"put /etc/hostname {path}\n")
        g.judge(f"sftp put {path}", r.returncode, "1|255")
    for path in ("/etc/shadow", g.bob.pw_dir + "/canary"):
        r = g.stage.sshd.client("sftp", "-b", "-", f"{g.alice.pw_name}@127.0.0.1",
                                input=f"symlink {path} link\nget link /dev/null\n-rm link\n")
        g.judge(f"sftp get through a link to {path}", r.returncode, "1|255")
        g.row("and away with it", "rm -f link", "")
    a = f"{g.alice.pw_dir}/attack"
    for what, command, want in (
            ("a handle of inode 2 in the file system of the home", f"{a} handle {{home}} 2", "EPERM"),
            ("a handle of inode 2 in the file system of /", f"{a} handle / 2", "EPERM"),
            ("shadow", "cat /etc/shadow", NO), ("root's home", "ls /root", NO + "|"),
            ("nsshell's state", "ls /run/nsshell/sessions /var/lib/nsshell", NO),
            ("the other's home", "cat {bobhome}/canary", GONE),
            ("a disk's node", f"{a} mknod /tmp/x 254 0", "EPERM"),
            ("fds of init", "ls -l /proc/1/fd /proc/1/cwd/ /proc/1/root/", NO),
            ("fds of those who enter", f"{a} fds", "none"),
            ("root's files of the host in /proc", "cat /proc/kcore /proc/kpagecount | head -c 10",
             ".*(denied|not permitted).*|"),
            ("up from /", f"{a} climb /", "root")):
        g.box_root(command, want, what)
