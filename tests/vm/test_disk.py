# SPDX-License-Identifier: BSD-3-Clause
"""Upper=disk has the limits that the host's file system has: quotas of users and of projects."""

import contextlib

# mkfs without its own idea of how many inodes 64M need; both kinds of quota from the start.
MAKE = """
truncate -s 64M /root/upper.img
mkfs.ext4 -q -F -N 8000 -O quota,project -E quotatype=usrquota:prjquota /root/upper.img &&
mount -o loop,usrquota,prjquota /root/upper.img /var/lib/nsshell && chmod 700 /var/lib/nsshell && echo made
"""
# quotactl(2): Q_SETQUOTA for USRQUOTA or PRJQUOTA; limits are in blocks of 1024 bytes.
SET = """
import ctypes, os, struct, sys
kind, ident, blocks, files = map(int, sys.argv[1:])
libc = ctypes.CDLL(None, use_errno=True)
device = next(x.split()[0] for x in open("/proc/mounts") if x.split()[1] == "/var/lib/nsshell")
d = struct.pack("=8QI4x", blocks, blocks, 0, files, files, 0, 0, 0, 5)
if libc.quotactl(0x80000800 - (1 << 32) | kind, device.encode(), ident, d) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
"""
BYTES = "cd /srv/all; head -c 20M /dev/zero >big; stat -c %s big; rm -f big"
FILES = "cd /srv/all; i=0; while : >f$i; do i=$((i+1)); done 2>err; tail -n 1 err; echo $i; rm -f f*"
FULL = "cd /srv/all; cat /dev/zero >big; stat -c %s big"
# As nsshell.conf(5) has it, UpperSize=.
COPY = """
set -e
cd /var/lib/nsshell/upper
mv 1000 1000.before
mkdir -m 700 1000
chattr -p 1700001000 +P 1000
cp -a 1000.before/. 1000/
rm -r 1000.before
"""
# FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR: another project for a file, then for a directory; no inheritance.
LEAVE = """
import fcntl, os, struct
def change(path, project, flags):
    fd = os.open(path, os.O_RDONLY)
    x = list(struct.unpack("=5I8x", fcntl.ioctl(fd, 0x801c581f, bytes(28))))
    x[3] = x[3] if project is None else project
    x[0] &= flags
    try:
        fcntl.ioctl(fd, 0x401c5820, struct.pack("=5I8x", *x))
        print("changed")
    except OSError as e:
        print(e.strerror)
os.chdir("/srv/all")
os.remove("big")
open("mine", "w").close()
os.mkdir("own")
change("mine", 0, -1 & 0xffffffff)
change("own", 7, -1 & 0xffffffff)
change("own", None, 0xfffffdff)
"""
WORD = "Upper=disk without a disk quota"


@contextlib.contextmanager
def _disk(h):
    """A file system of its own below the state directory; /srv/all is a directory all may write."""
    h.sh("mkdir -p /srv/all /var/lib/nsshell; chmod 1777 /srv/all")
    r = h.sh(MAKE, timeout=120)
    h.check("made" in r.stdout, "a file system with quotas for /var/lib/nsshell", r.stdout + r.stderr)
    h.write("/root/setquota.py", SET)
    h.config("[User alice]\nUpper=disk\n[User bob]\nUpper=disk\n")
    try:
        yield
    finally:
        h.left()
        h.config()
        h.sh("umount -l /var/lib/nsshell; rm -rf /srv/all /root/upper.img /root/setquota.py")


def _set(h, kind, ident, blocks, files):
    r = h.sh(f"python3 /root/setquota.py {kind} {ident} {blocks} {files}")
    h.check(r.returncode == 0, f"a quota of {'user project'.split()[kind // 2]} {ident}: {blocks}K and "
            f"{files} files", r.stdout + r.stderr)


def _ends(h, what, word="Disk quota exceeded", most=200):
    r = h.ssh("alice", BYTES, timeout=200)
    size = int(r.stdout.split()[-1])
    h.check(word in r.stderr and 1 << 20 < size <= 4 << 20, f"{what}: bytes end", r.stdout + r.stderr)
    r = h.ssh("alice", FILES, timeout=200)
    h.check(word in r.stdout and int(r.stdout.split()[-1]) < most, f"{what}: files end", r.stdout + r.stderr)
    r = h.ssh("bob", "echo mine >/srv/all/x && cat /srv/all/x", timeout=100)
    h.check(r.stdout == "mine\n", f"{what}: meanwhile bob logs in, and writes", r.stdout + r.stderr)


def test_quotas(h):
    if h.kind != "v2":
        h.skip("quotas of disks", "tried on v2: what they limit has nothing to do with the shape")
        return
    with _disk(h):
        r = h.ssh("alice", "id -u; " + BYTES, timeout=200)
        h.check(r.stdout.split() == ["1000", str(20 << 20)], "without a quota nothing ends it",
                r.stdout + r.stderr)
        h.check(WORD in h.nsctl("check").stdout, "which nsctl check tells")
        with h.shell("alice") as alice:
            alice.do(FULL, timeout=200)
            free = h.out("stat -f -c '%f blocks of %S bytes' /var/lib/nsshell")
            h.check(int(free.split()[0]) * 1024 < 2 << 20, "nor the 3276K that ext4 keeps for root: overlayfs "
                    "writes as root",
                    f"{free} are free")
            alice.do("rm -f /srv/all/big", timeout=100)
        _set(h, 0, 1000, 4096, 150)
        _set(h, 0, 1001, 4096, 150)
        _ends(h, "a quota of the user's")
        h.check(WORD not in h.nsctl("check").stdout, "and nsctl check has nothing to say")
        _set(h, 0, 1000, 0, 0)
        h.sh("chattr -R -p 7 /var/lib/nsshell/upper/1000; chattr -R +P /var/lib/nsshell/upper/1000")
        h.check(WORD in h.nsctl("check").stdout, "without one it has")
        _set(h, 2, 7, 4096, 150)
        _ends(h, "a quota of the project that upper/UID is of", "")
        h.check(WORD not in h.nsctl("check").stdout, "and nsctl check has nothing to say again")


def test_sizes(h):
    """UpperSize= with Upper=disk is a quota of a project that nsshell makes and the box can't leave."""
    if h.kind != "v2":
        h.skip("UpperSize= on disk", "tried on v2: what it limits has nothing to do with the shape")
        return
    with _disk(h):
        h.ssh("alice", "echo kept >/srv/all/before", timeout=200)
        h.left()
        h.config("[User alice]\nUpper=disk\nUpperSize=4M\n[User bob]\nUpper=disk\n")
        r = h.ssh("alice", "true", timeout=100)
        h.check(r.returncode != 0, "what was written before UpperSize= keeps its account out", r.stdout + r.stderr)
        h.check("isn't of project 1700001000" in h.nsctl("check").stdout, "nsctl check says why, and what to do")
        h.left()
        r = h.sh(COPY)
        h.check(r.returncode == 0, "the manual's way to copy it", r.stdout + r.stderr)
        r = h.ssh("alice", "cat /srv/all/before", timeout=200)
        h.check(r.stdout == "kept\n", "she has what she had", r.stdout + r.stderr)
        h.check(not any(w in h.nsctl("check").stdout for w in ("UpperSize= can't", "UpperSize= with")),
                "nsctl check has nothing to say")
        _ends(h, "UpperSize=4M", most=1024)
        r = h.ssh("alice", f"{FULL}; df --output=size -B1M / | tail -n 1; nsctl status", timeout=200)
        h.check(r.stdout.split()[1] == "4" and "of 4.0M used, UpperSize=" in r.stdout, "df and nsctl status tell "
                "the size", r.stdout + r.stderr)
        h.write("/srv/all/leave.py", LEAVE)
        r = h.ssh("alice", "python3 /srv/all/leave.py", timeout=200)
        h.check(r.stdout.split("\n")[:3] == ["Invalid argument"] * 3, "a full upper lets its user in, who can't take "
                "files out of the project, nor a directory", r.stdout + r.stderr)


def test_sizes_that_change(h):
    """Another UpperSize= holds at the next login, and none where quotas don't."""
    if h.kind != "v2":
        h.skip("other UpperSize= on disk", "tried on v2, as the sizes")
        return
    with _disk(h):
        h.config("[User alice]\nUpper=disk\nUpperSize=40M\n")
        h.left()
        r = h.ssh("alice", BYTES, timeout=200)
        h.check(str(20 << 20) in r.stdout, "a larger UpperSize= holds at the next login", r.stdout + r.stderr)
        h.config("[User alice]\nUpper=disk\nUpperSize=4M\n[User bob]\nUpper=disk\n")
        h.left()
        r = h.ssh("alice", BYTES, timeout=200)
        h.check("Disk quota exceeded" in r.stderr, "a smaller one, too", r.stdout + r.stderr)
        h.config("[User alice]\nUpper=disk\nUpperSize=infinity\n")
        h.left()
        r = h.ssh("alice", BYTES + "; head -c 20M /dev/zero >kept", timeout=200)
        h.check(str(20 << 20) in r.stdout, "UpperSize=infinity lifts it", r.stdout + r.stderr)
        h.config("[User alice]\nUpper=disk\nUpperSize=4M\n[User bob]\nUpper=disk\n")
        h.left()
        h.nsctl("reset", "alice")
        r = h.ssh("alice", BYTES, timeout=200)
        h.check("Disk quota exceeded" in r.stderr and int(r.stdout.split()[-1]) > 1 << 20,
                "what begins anew after nsctl reset ends, too, and what was set aside doesn't count", r.stdout + r.stderr)
        h.left()
        h.nsctl("reset", "--old=restore", "alice")
        r = h.ssh("alice", "stat -c %s /srv/all/kept; echo x >>/srv/all/more", timeout=200)
        h.check(str(20 << 20) in r.stdout and "Disk quota exceeded" in r.stderr, "which counts again where it is taken back",
                r.stdout + r.stderr)
        h.sh("nsctl reset --old=remove alice")
        h.sh("umount -l /var/lib/nsshell; mount -o loop /root/upper.img /var/lib/nsshell")
        r = h.ssh("alice", "true", timeout=100)
        h.check(r.returncode != 0, "a file system whose quotas don't hold keeps her out", r.stdout + r.stderr)
        h.check("tune2fs -O project,quota" in h.nsctl("check").stdout, "and nsctl check says what to do")
