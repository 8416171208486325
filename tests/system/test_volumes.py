# SPDX-License-Identifier: BSD-3-Clause
"""Volumes=: directories that nsshell keeps for an account, over whatever root file system it has."""

import contextlib
import datetime
import os
import signal
import stat
import struct
import subprocess
import time

from harness import kernel
from harness.imagestore import busybox, store
from harness.scene import json_of
from test_own_root import as_root, fill as with_su

VOLUMES = "/var/lib/nsshell/volumes"
IMAGE = "RootFS=image:tiny:1\nVolumes=data:/srv/data\n"


@contextlib.contextmanager
def _volumes(b):
    """Nobody has a volume but of this test; what is there already comes back."""
    aside = f"{VOLUMES}.aside"
    if os.path.exists(VOLUMES):
        os.rename(VOLUMES, aside)
    try:
        yield f"{VOLUMES}/{b.alice.pw_uid}"
    finally:
        b.gone()
        b.run("rm", "-rf", VOLUMES)
        if os.path.exists(aside):
            os.rename(aside, VOLUMES)


def _with_data(base=busybox):
    """An image that has something at the place of the volume."""
    def of(root):
        base(root)
        data = root / "srv/data"
        (data / "sub").mkdir(parents=True)
        (data / "kept").write_text("of the image\n", encoding="ascii")
        (data / "sub/secret").write_text("s\n", encoding="ascii")
        (data / "sub/secret").chmod(0o600)
        os.chown(data / "kept", 4321, 33)
        os.symlink("/etc/passwd", data / "link")
        data.chmod(0o1777)
        os.chown(data, 4321, 4321)
    return of


def _image(s, base=busybox):
    return s.image("tiny:1", _with_data(base))


def test_content_once(b):
    """What the image has there the first time, and what the account made of it from then on, whatever Upper= is."""
    name = b.alice.pw_name
    for upper in ("none", "tmpfs", "disk"):
        with store(b) as s, _volumes(b) as place:
            _image(s)
            b.stage.config(f"{IMAGE}Upper={upper}\n")
            r = b.ssh(name, "cd /srv/data; stat -c '%a %u %g' . kept sub/secret; cat kept; readlink link; rm -rf kept; echo mine >own; "
                      "mount | grep ' /srv/data '")
            lines = r.stdout.splitlines()
            b.check(lines[:5] == ["1777 4321 4321", "644 4321 33", "600 0 0", "of the image", "/etc/passwd"],
                    f"Upper={upper}: content, owners and modes of the image", r.stdout + r.stderr, b.log_tail())
            b.check(lines and "nosuid" in lines[-1] and "nodev" in lines[-1], "on a mount without setuid and devices", r.stdout)
            b.gone(name)
            host = os.stat(f"{place}/data/sub/secret").st_uid
            b.check(host >= 65536 and stat.S_IMODE(os.stat(VOLUMES).st_mode) == 0o700, "on the host it is root's alone, and its ids are the box's", host)
            s.tag("tiny:1", [s.layer(busybox)])
            r = b.ssh(name, "cd /srv/data; cat own; ls")
            b.check(r.stdout.split() == ["mine", "kept", "link", "own", "sub"], "it is there after a logout, over another image, and not filled again",
                    r.stdout + r.stderr, b.log_tail())
            b.run("rm", "-rf", f"/var/lib/nsshell/upper/{b.alice.pw_uid}")


def test_without_content(b):
    """Over the host's root, and where an image has nothing there or no directory."""
    name, uid = b.alice.pw_name, b.alice.pw_uid

    def a_link(root):
        busybox(root)
        os.mkdir(root / "srv")
        os.symlink("../etc", root / "srv/data")
        (root / "srv/file").write_text("x", encoding="ascii")
    with store(b) as s, _volumes(b):
        s.image("tiny:1", a_link)
        for what, text in (("the host's root", ""), ("an image with a link and a file there", "RootFS=image:tiny:1\n")):
            b.stage.config(f"{text}Volumes=data:/srv/data more:/srv/file none:/opt/none\n")
            r = b.ssh(name, "for d in /srv/data /srv/file /opt/none; do stat -c '%a %u' $d; ls $d; touch $d/f; done; exit")
            b.check(r.stdout.splitlines() == [f"755 {uid}"] * 3, f"over {what} they are empty and the account's", r.stdout + r.stderr, b.log_tail())
            b.gone(name)
            b.run("rm", "-rf", VOLUMES)
        b.stage.config("Volumes=data:/srv/data\nVolumes=data:/srv/other\n")
        r = b.nsctl("plan", "--config", b.stage.conf, "--service", b.stage.sshd_service, name)
        b.check("/srv/other" in r.stdout and f"{VOLUMES}/{uid}/data" in r.stdout and "/srv/data" not in r.stdout,
                "nsctl plan has it, by the later of two lines", r.stdout[-600:] + r.stderr)
        b.stage.config("Volumes=Data:/srv/data\nVolumes=data:srv\nVolumes=a:/b b:/b\n")
        r = b.nsctl("check", "--config", b.stage.conf)
        b.check(all(w in r.stdout + r.stderr for w in ("no name of a volume", "isn't absolute", "takes NAME:/PATH", "again in Volumes=")),
                "nsctl check says what would be right", (r.stdout + r.stderr)[-900:])


def test_whose(b):
    """Sessions of one account share it; another account has its own; and nobody gets one of who had the uid before."""
    name, carol = b.alice.pw_name, b.carol.pw_name
    with store(b) as s, _volumes(b) as place:
        _image(s)
        b.stage.config(IMAGE)
        with b.shell(name) as one, b.shell(name) as two:
            one.do("echo from-one >/srv/data/note")
            b.check(two.do("cat /srv/data/note") == "from-one", "two sessions of an account have one", b.log_tail())
        r = b.ssh(carol, "ls /srv/data; touch /srv/data/carols")
        b.check("note" not in r.stdout and "kept" in r.stdout, "another account has its own", r.stdout + r.stderr, b.log_tail())
        b.gone()
        b.check(not os.path.exists(f"{place}/data/carols"), "and writes there alone", os.listdir(f"{place}/data"))
        owner = f"{place}/.account"
        with open(owner, "w", encoding="utf-8") as f:
            f.write("nobodyatall")
        r = b.ssh(name, "echo in")
        b.check("in" not in r.stdout.split() and b.stage.syslog.wait("are of account nobodyatall"), "with another's name there is no login",
                r.stdout + r.stderr, b.log_tail())
        r = b.nsctl("gc")
        b.check(f"volumes of nobodyatall (uid {b.alice.pw_uid}), which is gone: nsctl gc --gone" in r.stdout and os.path.exists(f"{place}/data"),
                "nsctl gc tells of it, and removes nothing unasked", r.stdout + r.stderr)
        r = b.nsctl("check", "--config", b.stage.conf)
        b.check("has the volumes of nobodyatall" in r.stdout + r.stderr, "so does nsctl check", (r.stdout + r.stderr)[-600:])
        with open(owner, "w", encoding="utf-8") as f:
            f.write(name)
        os.utime(owner, (1, 1))
        r = b.ssh(name, "echo in")
        b.check("in" not in r.stdout.split() and b.stage.syslog.wait("are older than the home directory"),
                "nor with a home that is younger than they are", r.stdout + r.stderr, b.log_tail())
        r = b.nsctl("gc", "--account", name)
        b.check(f"volumes of {name} (uid {b.alice.pw_uid}): removed" in r.stdout and not os.path.exists(place), "nsctl gc --account removes them",
                r.stdout + r.stderr)
        r = b.ssh(name, "ls /srv/data")
        b.check("kept" in r.stdout and "note" not in r.stdout, "and then the account begins anew", r.stdout + r.stderr, b.log_tail())


def _seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def test_a_killed_filling(b):
    """Whoever is killed while a volume is filled for the first time: it is no volume, and the next login makes a whole one."""
    name, n = b.alice.pw_name, 4000

    def many(root):
        busybox(root)
        (root / "srv/data").mkdir(parents=True)
        for i in range(n):
            (root / f"srv/data/{i}").write_text("x\n" * 50, encoding="ascii")
    with store(b) as s, _volumes(b) as place:
        s.image("tiny:1", many)
        b.stage.config(IMAGE)
        for whom in ("the supervisor", "who copies"):
            login = subprocess.Popen(b.stage.sshd.argv(name, "echo in"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,  # pylint: disable=consider-using-with
                                     stderr=subprocess.DEVNULL, text=True)
            caught = _caught(b, place, whom)
            said = login.communicate(timeout=60)[0]
            b.check(caught and "in" not in said.split(), f"{whom} is killed in the middle of the filling, and there is no login", f"{caught} {said}", b.log_tail())
            b.check(not os.path.exists(f"{place}/data"), "and no volume", os.listdir(place))
        r = b.ssh(name, "cd /srv/data; ls | wc -l; cat * | wc -l")
        b.check(r.stdout.split() == [str(n), str(50 * n)] and not os.path.exists(f"{place}/.new-data"), "the next login has all of it",
                r.stdout + r.stderr, b.log_tail())


def _caught(b, place, whom):
    """Stops who fills as soon as something is there, and kills. Gives how many files there were."""
    end = time.monotonic() + 60
    supervisor = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            supervisor = supervisor or next((int(r["supervisor_pid"]) for r in b.stage.records() if r["user"] == b.alice.pw_name), 0)
            found = supervisor and len(os.listdir(f"{place}/.new-data"))
            pids = [supervisor] if whom == "the supervisor" else _children(supervisor)
            if found and pids:
                for pid in pids:  # also one that made the user namespace and hasn't ended yet
                    os.kill(pid, signal.SIGKILL)
                return found
    return 0


def _children(pid):
    """Who has the new volume open, of those."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [x for x in map(int, f.read().split()) if any(os.readlink(f"/proc/{x}/fd/{fd}").endswith("/.new-data") for fd in os.listdir(f"/proc/{x}/fd"))]


def test_list_and_remove(b):
    name = b.alice.pw_name
    with store(b) as s, _volumes(b) as place:
        _image(s)
        b.stage.config(IMAGE + "Volumes=more:/srv/more\n")
        r = b.nsctl("volume", "list", "--json")
        b.check(json_of(r) == {"volumes": []}, "nobody has one yet", r.stdout + r.stderr)
        with b.shell(name) as one:
            one.do("head -c 100000 /dev/urandom >/srv/data/big; for i in 1 2 3 4 5 6 7 8 9; do mkdir -p /srv/more/d; cd /srv/more/d; done")
            session = b.record_of(name)["id"]
            r = b.nsctl("volume", "list", "--json", name)
            rows = {row["name"]: row for row in json_of(r)["volumes"]}
            b.check(set(rows) == {"data", "more"} and rows["data"]["size"] >= 100000 and rows["data"]["files"] == 5 and
                    rows["data"]["sessions"] == session and abs(_seconds(rows["data"]["used"]) - time.time()) < 600 and rows["data"]["user"] == name, "nsctl volume list", r.stdout + r.stderr)
            r = b.nsctl("volume", "remove", name, "data")
            b.check(r.returncode == 1 and session in r.stderr and os.path.exists(f"{place}/data/big"), "what a session has isn't removed", r.stderr)
        b.gone(name)
        os.utime(f"{place}/.used-data", (10**9, 10**9))
        os.unlink(f"{place}/.used-more")
        rows = {row["name"]: row for row in json_of(b.nsctl("volume", "list", "--json", name))["volumes"]}
        b.check(_seconds(rows["data"]["used"]) == 10**9 and not rows["more"]["used"], "it says when one was last used, where that is known", str(rows))
        b.ssh(name, "true")
        b.gone(name)
        rows = {row["name"]: row for row in json_of(b.nsctl("volume", "list", "--json", name))["volumes"]}
        b.check(_seconds(rows["data"]["used"]) > 10**9 and rows["more"]["used"], "which the next login tells anew", str(rows))
        r = b.nsctl("volume", "remove", name, "data", "nothing", "../more")
        b.check(r.returncode == 1 and "no volume nothing" in r.stderr and "no name of a volume" in r.stderr and
                sorted(os.listdir(place)) == [".account", ".used-more", "more"], "what none has is, and no more", f"{r.stderr} {os.listdir(place)}")
        os.mkdir(f"{place}/.gone-more")
        r = b.nsctl("volume", "list", "-n", "-r")
        b.check([line.split()[2] for line in r.stdout.splitlines()] == ["more"], "what a removal has left is none", r.stdout + r.stderr)
        r = b.nsctl("volume", "remove", name, "more")
        b.check(r.returncode == 0 and os.listdir(place) == [".account"], "and goes with the next", r.stderr)


def test_the_root_of_a_box(b):
    """Root=yes: it owns what is in there, as ids of the box's, and nothing setuid works."""
    name = b.alice.pw_name
    with store(b) as s, _volumes(b) as place:
        _image(s, with_su)
        b.stage.config(IMAGE + "Root=yes\n")
        with b.shell(name) as one:
            saw = one.do(as_root("cd /srv/data; cp /bin/su .; chown 0 su; chmod 4755 su; touch roots; chown 33 roots; mknod null c 1 3; "
                                 "stat -c %u roots sub/secret"))
            b.check(saw.split()[-2:] == ["33", "0"], "the root of a box gives files any owner", saw, b.log_tail())
            b.check(one.do("/srv/data/su -c id root 2>&1; echo $?").endswith("1"), "a setuid program there has no effect")
        owners = {n: os.stat(f"{place}/data/{n}").st_uid for n in ("su", "roots")}
        b.check(all(uid >= 65536 for uid in owners.values()) and not os.path.exists(f"{place}/data/null"), "on the host they are nobody's, and no device is there",
                owners)


def _hostile(root):
    """Whatever an image can have at a place, beside files and directories."""
    busybox(root)
    data = root / "srv/data"
    data.mkdir(parents=True)
    os.mkfifo(data / "fifo")
    os.mknod(data / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(data / "hidden", stat.S_IFCHR, os.makedev(0, 0))
    (data / "su").write_bytes(b"x")
    (data / "su").chmod(0o6755)
    os.link(data / "su", data / "again")
    os.symlink("../../../../etc", data / "out")
    os.symlink("/etc/shadow", data / "shadow")
    os.truncate(os.open(data / "sparse", os.O_CREAT | os.O_WRONLY), 1 << 40)
    for odd in (b"\x1b[31m", b"a\nb", b"-rf", b"\xff\xfe", b"x" * 255):
        with open(os.path.join(os.fsencode(data), odd), "wb"):
            pass
    deep = data
    for _ in range(100):
        deep = deep / "d"
    deep.mkdir(parents=True)
    os.setxattr(data / "su", "user.note", b"kept")
    os.setxattr(data / "su", "trusted.note", b"not")


def _odd_list(root):
    """An access control list that names somebody whom no range of ids has."""
    busybox(root)
    (root / "srv/data").mkdir(parents=True)
    (root / "srv/data/f").touch()
    entries = ((1, 6, -1), (2, 7, 3000000000), (4, 4, -1), (16, 7, -1), (32, 4, -1))
    os.setxattr(root / "srv/data/f", "system.posix_acl_access",
                struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits, who & 0xffffffff) for tag, bits, who in entries))


def _too_deep(root):
    busybox(root)
    data = root / "srv/data"
    data.mkdir(parents=True)
    for _ in range(130):
        data = data / "d"
    data.mkdir(parents=True)


def _too_large(root):
    busybox(root)
    (root / "srv/data").mkdir(parents=True)
    with open(root / "srv/data/f", "wb") as f:
        f.write(bytes(1 << 20))
    for n in range(1025):
        os.link(root / "srv/data/f", root / f"srv/data/f{n}")


def _is_too_much(b, s, place, what, image, why="more there than a volume begins with"):
    s.image("tiny:1", image)
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check("in" not in r.stdout.split() and b.stage.syslog.wait(why) and
            os.listdir(place) == [".account"], f"{what}: refused, and nothing is left", f"{os.listdir(place)} {r.stderr}", b.log_tail())


def test_a_hostile_image(b):
    name = b.alice.pw_name
    with store(b) as s, _volumes(b) as place:
        s.image("tiny:1", _hostile)
        b.stage.config(IMAGE)
        r = b.ssh(name, "ls /srv/data | wc -l; cat /srv/data/out/hostname; echo in")
        data = f"{place}/data"
        b.check("in" in r.stdout.split(), "an image with whatever there is at its place: a login", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.check(stat.S_ISFIFO(os.lstat(f"{data}/fifo").st_mode) and not os.path.lexists(f"{data}/null") and
                not os.path.lexists(f"{data}/hidden"), "FIFOs are FIFOs, and devices aren't there", os.listdir(data))
        su = os.stat(f"{data}/su")
        b.check(stat.S_IMODE(su.st_mode) == 0o755 and su.st_nlink == 1 and os.listxattr(f"{data}/su") == ["user.note"],
                "nothing is setuid, no hard link leads elsewhere, and attributes are those of users", oct(su.st_mode))
        b.check(os.readlink(f"{data}/out") == "../../../../etc" and os.readlink(f"{data}/shadow") == "/etc/shadow", "links are links")
        sparse = os.stat(f"{data}/sparse")
        b.check(sparse.st_size == 1 << 40 and sparse.st_blocks < 1000, "a hole stays one", sparse)
        b.check({b"\x1b[31m", b"a\nb", b"-rf", b"\xff\xfe", b"x" * 255} <= set(os.listdir(os.fsencode(data))), "names of every kind")
        owners = {os.lstat(os.path.join(at, f)).st_uid for at, dirs, files in os.walk(data) for f in dirs + files}
        b.check(all(uid >= 65536 for uid in owners), "and no file has an id of the host's", owners)
        b.run("rm", "-rf", VOLUMES)
        _is_too_much(b, s, place, "too deep", _too_deep)
        _is_too_much(b, s, place, "an access control list with an odd id", _odd_list, "with an id that the box hasn't")


def test_an_image_that_is_too_large(b):
    with store(b) as s, _volumes(b) as place:
        b.stage.config(IMAGE)
        _is_too_much(b, s, place, "too large, by links to one file", _too_large)


test_an_image_that_is_too_large.later = "it writes a gigabyte; a_hostile_image has what is too deep"


def test_a_full_disk(b):
    """What isn't whole doesn't count."""
    name = b.alice.pw_name

    def large(root):
        _with_data()(root)
        (root / "srv/data/large").write_bytes(b"x" * (2 << 20))
    with store(b) as s, _volumes(b) as place:
        s.image("tiny:1", large)
        b.stage.config(IMAGE)
        os.makedirs(VOLUMES, mode=0o700)
        kernel.mount("none", VOLUMES, "tmpfs", options="size=1m,mode=700")
        try:
            r = b.ssh(name, "echo in")
            b.check("in" not in r.stdout.split() and b.stage.syslog.wait("No space left on device"), "no room: no login, and the log says why",
                    r.stdout + r.stderr, b.log_tail())
            b.check(os.listdir(place) == [".account"], "and nothing is left that takes any", os.listdir(place))
            os.makedirs(f"{place}/.new-data/half")
            kernel.mount("none", VOLUMES, "tmpfs", flags=kernel.MS_REMOUNT, options="size=16m")
            r = b.ssh(name, "ls /srv/data; wc -c </srv/data/large")
            b.check(r.stdout.split() == ["kept", "large", "link", "sub", str(2 << 20)], "with room, over what a killed one left, it is whole",
                    r.stdout + r.stderr, b.log_tail())
        finally:
            b.gone()
            kernel.umount(VOLUMES)
