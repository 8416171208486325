# SPDX-License-Identifier: BSD-3-Clause
"""What accounts wrote with Upper=disk: told, set aside, made an image of."""

import contextlib
import fcntl
import grp
import json
import os
import pathlib
import shutil
import signal
import stat
import struct
import subprocess
import time

from harness import kernel
from harness.images import layers_of
from harness.imagestore import busybox, store
from harness.scene import json_of

IMAGE = "RootFS=image:tiny:1\nUpper=disk\n"


def _open(root):
    """A layer with a directory that all may write to."""
    for path in ("open", "open/dir", "open/whole"):
        (root / path).mkdir()
        (root / path).chmod(0o777)
    for path in ("open/gone", "open/changed", "open/dir/old", "open/dir/over", "open/whole/old", "open/kept"):
        (root / path).write_text(f"{path}\n", encoding="utf-8")
        (root / path).chmod(0o666)


WRITE = r"""cd /open; rm gone; echo of mine >changed; mkdir new; echo x >new/f; rm -r dir; mkdir dir; echo y >dir/y; echo z >dir/over
rm -r whole; touch "$(printf 'a\033[31mb\nc')"; ln -s /etc/shadow link; ln link again"""
WANT = {("C", "/open"), ("D", "/open/gone"), ("C", "/open/changed"), ("A", "/open/new"), ("A", "/open/new/f"), ("C", "/open/dir"),
        ("A", "/open/dir/y"), ("C", "/open/dir/over"), ("D", "/open/dir/old"), ("D", "/open/whole"), ("A", "/open/a\x1b[31mb\nc"),
        ("A", "/open/link"), ("A", "/open/again")}


@contextlib.contextmanager
def _uppers(b):
    """Afterwards nothing of alice's is left."""
    try:
        yield f"/var/lib/nsshell/upper/{b.alice.pw_uid}"
    finally:
        b.gone()
        b.run("sh", "-c", f"rm -rf /var/lib/nsshell/upper/{b.alice.pw_uid}*")


def _diff(b, *words):
    r = b.nsctl("diff", b.alice.pw_name, "--json", *words)
    return r, {(row["kind"], row["path"]): row for row in json_of(r).get("diff", [])} if r.returncode == 0 else {}


def test_diff(b):
    """nsctl diff, over an image and over the host's root."""
    name = b.alice.pw_name
    with store(b) as s, _uppers(b) as upper:
        s.tag("tiny:1", [s.layer(busybox), s.layer(_open)])
        r = b.nsctl("diff", name)
        b.check(r.returncode == 1 and "nothing" in r.stderr, "nothing is written yet, which is said", r.stdout + r.stderr)
        b.stage.config(IMAGE)
        r = b.ssh(name, WRITE)
        b.check(r.returncode == 0, "a user writes, deletes and makes anew over an image", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        r, rows = _diff(b)
        b.check(set(rows) == WANT, "each of it is told, and nothing else", f"{set(rows) ^ WANT} {r.stderr}")
        b.check(rows and rows["C", "/open/changed"]["size"] == 8 and rows["D", "/open/gone"]["size"] == 10 and
                rows["C", "/open"]["over"] == "tiny:1", "with sizes, and what it is over", str(rows))
        r = b.nsctl("diff", name)
        b.check(r.returncode == 0 and "\x1b" not in r.stdout and "\\x1b[31mb\\x0ac" in r.stdout and r.stdout.split()[:3] ==
                ["KIND", "SIZE", "PATH"], "no name steers the terminal, or makes a line of its own", repr(r.stdout))
        b.stage.config("Upper=disk\n")
        r = b.ssh(name, f"echo mine >{b.stage.open}/f; mkdir {b.stage.open}/d; cd {b.stage.open}/d; echo >\"$(printf 'no\\377utf8')\"")
        b.gone(name)
        raw = subprocess.run([str(b.stage.bin / "nsctl"), "diff", "--json", name], stdout=subprocess.PIPE, check=False).stdout
        try:
            paths = [row["path"] for row in json.loads(raw.decode("utf-8"))["diff"]]
        except ValueError as e:
            paths = [str(e)]
        b.check(f"{b.stage.open}/d/no?utf8" in paths, "a name that isn't UTF-8 is in JSON that can be parsed", paths)
        r, rows = _diff(b)
        place = str(b.stage.open)
        b.check(rows.get(("A", f"{place}/f"), {}).get("over") == "host" and ("C", place) in rows and ("D", "/open/gone") in rows,
                "what is over the host's root is beside it", f"{rows} {r.stderr}")
        r, rows = _diff(b, "--image", "tiny:1")
        b.check(set(rows) == WANT, "or not, where one image is asked for", str(set(rows) ^ WANT))
        r, rows = _diff(b, "--max-files=3")
        b.check(r.returncode == 1 and "--max-files" in r.stderr, "more than may be told is said", r.stderr)
        os.makedirs(f"{upper}/upper/+tiny:1/open/new/{'d/' * 300}")
        r, rows = _diff(b, "--image", "tiny:1")
        b.check(("A", "/open/new/d") in rows and len(rows) > 200 and "too deep" in r.stderr, "what is too deep to be looked into is said", r.stderr)
        r = b.nsctl("diff", b.alice.pw_uid, "--image", "tiny:1")
        b.check(r.returncode == 0 and "/open/changed" in r.stdout, "a uid will do, as of an account that is gone", r.stderr)
        r = b.nsctl("diff", "4000000001")
        b.check(r.returncode == 1 and "nothing" in r.stderr, "also of one that has nothing", r.stderr)
        r = b.run(b.stage.bin / "nsctl", "diff", name, preexec_fn=lambda: os.setuid(b.alice.pw_uid))
        b.check(r.returncode == 1 and "root's" in r.stderr, "and to root alone", r.stdout + r.stderr)


def test_reset(b):
    """An account begins anew, and has again what it had."""
    name = b.alice.pw_name
    place = f"{b.stage.open}/f"
    with _uppers(b) as upper:
        b.stage.config("Upper=disk\n")
        r = b.nsctl("reset", name)
        b.check(r.returncode == 1 and "nothing" in r.stderr, "who has written nothing has nothing to lose", r.stdout + r.stderr)
        with b.shell(name) as one:
            one.do(f"echo first >{place}")
            r = b.nsctl("reset", name)
            b.check(r.returncode == 1 and "nsctl stop" in r.stderr and one.do(f"cat {place}") == "first",
                    "nothing is taken from under a session", r.stdout + r.stderr)
        b.gone(name)
        r = b.nsctl("reset", name)
        b.check(r.returncode == 0 and f"{upper}.old" in r.stdout, "nsctl reset says where the old one is", r.stdout + r.stderr)
        r = b.ssh(name, f"cat {place}; echo second >{place}")
        b.check("No such file" in r.stderr, "the next login has the host's root as it is", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        r = b.nsctl("reset", name)
        b.check(r.returncode == 1 and "--old=remove" in r.stderr, "a second time nothing is lost without a word", r.stdout + r.stderr)
        r = b.nsctl("gc")
        b.check(f"layers of {name} " in r.stdout and "nsctl reset" in r.stdout, "nsctl gc tells of what is kept", r.stdout + r.stderr)
        r = b.nsctl("reset", "--old=restore", name)
        b.check(r.returncode == 0 and b.ssh(name, f"cat {place}").stdout == "first\n", "the old one comes back", r.stdout + r.stderr)
        b.gone(name)
        r = b.nsctl("reset", "--old=replace", name)
        b.check(r.returncode == 0 and not os.path.exists(upper) and not os.path.exists(f"{upper}.gone"),
                "or the one takes the place of the other", f"{r.stdout}{r.stderr}")
        with open(f"{upper}.old/upper/-{place}", encoding="utf-8") as f:
            b.check(f.read() == "first\n", "which is the newer one")
        r = b.nsctl("reset", "--old=remove", name)
        b.check(r.returncode == 0 and not os.path.exists(f"{upper}.old"), "and goes when told", r.stdout + r.stderr)
        b.ssh(name, f"echo third >{place}")
        b.gone(name)
        b.nsctl("reset", name)
        with open(f"{upper}.old/account", "w", encoding="utf-8") as f:
            f.write("nobody-such\n")
        r = b.nsctl("reset", "--old=restore", name)
        b.check(r.returncode == 1 and "nobody-such" in r.stderr, "another account's isn't given to who has its uid now", r.stderr)
        r = b.nsctl("gc", "--gone")
        b.check(not os.path.exists(f"{upper}.old"), "and goes with what accounts that are gone have left", r.stdout + r.stderr)


def test_reset_of_many_files(b):
    """However long it takes to remove what an account had: it logs in meanwhile."""
    name = b.alice.pw_name
    with _uppers(b) as upper:
        b.stage.config("Upper=disk\n")
        b.ssh(name, "true")
        b.gone(name)
        b.nsctl("reset", name)
        os.mkdir(f"{upper}.old/many")
        fd = os.open(f"{upper}.old/many/0", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
        for n in range(1, 30000):
            os.link(f"{upper}.old/many/0", f"{upper}.old/many/{n}")
        with subprocess.Popen([b.stage.bin / "nsctl", "reset", "--old=remove", name], stdout=subprocess.DEVNULL) as p:
            # Until some are gone: between the new name and the first of them the account's lock is let go.
            while p.poll() is None and os.fstat(fd).st_nlink == 30000:
                time.sleep(0.001)
            p.send_signal(signal.SIGSTOP)
            halted = os.path.exists(f"{upper}.gone")
            os.close(fd)
            try:
                r = b.ssh(name, "echo in", timeout=20)
                b.check(halted and r.stdout == "in\n", "while it is being removed its account logs in", halted, r.stdout + r.stderr)
            finally:
                p.send_signal(signal.SIGCONT)
            b.check(p.wait(timeout=60) == 0 and not os.path.exists(f"{upper}.gone"), "and it is removed")


def _owner_of_root(b):
    """What the box's root is on the host."""
    plan = json_of(b.nsctl("plan", "--json", "-c", b.stage.conf, "-s", b.stage.sshd_service, b.alice.pw_name))
    return [next(x["outside"] for x in plan[ids] if x["inside"] == 0) for ids in ("uids", "gids")]


def _import(b, name="tiny:1"):
    root = b.stage.base / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    busybox(root)
    _open(root)
    r = b.nsctl("image", "import", root, name, timeout=60)
    b.check(r.returncode == 0, "an image is imported", r.stdout + r.stderr)


def _by_root(b, upper):
    """What root of the box could have written: owners, attributes, and files that each box has of its own."""
    (zero, zero_gid), uid, gid = _owner_of_root(b), b.alice.pw_uid, b.alice.pw_gid
    layer = f"{upper}/upper/+tiny:1"
    os.mkdir(f"{layer}/etc", 0o755)
    os.chown(f"{layer}/etc", zero, zero_gid)
    own = f"{b.alice.pw_name}:x:{uid}:{gid}::/home:/bin/sh\n"
    for path, text in (("passwd", f"root:x:0:0::/:/bin/sh\n{own}new:x:7:7::/:/bin/sh\n"), ("shadow", f"new:*:::::::\n{b.alice.pw_name}:!*:::::::\n"),
                       ("hosts", "1.2.3.4 box\n"), ("group", f"g:x:9:\n{grp.getgrgid(gid).gr_name}:x:{gid}:\n"),
                       ("passwd-", f"root:x:0:0::/:/bin/sh\n{own}"), ("shadow-", f"{b.alice.pw_name}:!*:::::::\n"),
                       ("group-", f"{grp.getgrgid(gid).gr_name}:x:{gid}:\n")):
        with open(f"{layer}/etc/{path}", "w", encoding="ascii") as f:
            f.write(text)
        os.chown(f.name, zero, zero_gid)
    os.link(f"{layer}/etc/shadow", f"{layer}/etc/another")
    for name, owner, group, mode in (("seven", zero + 7, zero_gid + 7, 0o4755), ("nobodys", 0, 0, 0o644), ("sparse", uid, gid, 0o600)):
        with open(f"{layer}/open/{name}", "w", encoding="ascii") as f:
            f.write(name)
        os.chown(f.name, owner, group)
        os.chmod(f.name, mode)
    os.truncate(f"{layer}/open/sparse", 64 << 20)
    with open(f"{layer}/open/sparse", "r+b") as f:
        f.seek(32 << 20)
        f.write(b"middle")
    os.setxattr(f"{layer}/open/seven", "user.kept", b"1")
    # v3: of the box's root
    os.setxattr(f"{layer}/open/seven", "security.capability", struct.pack("<6I", 0x03000001, 1 << 10, 0, 0, 0, zero)[:24])
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", t, 6, i) for t, i in (
        (1, 2**32 - 1), (2, zero + 8), (2, uid), (4, 2**32 - 1), (16, 2**32 - 1), (32, 2**32 - 1)))
    os.setxattr(f"{layer}/open/changed", "system.posix_acl_access", acl)
    os.symlink("/run/nsshell/command", f"{layer}/open/passwd")
    os.mkfifo(f"{layer}/open/fifo")
    os.link(f"{layer}/open/fifo", f"{layer}/open/fifo2")
    os.mknod(f"{layer}/open/socket", 0o140644)
    os.lchown(f"{layer}/open/fifo", uid, gid)


def _acl(path):
    text = os.getxattr(path, "system.posix_acl_access")
    return [struct.unpack_from("<HHI", text, 4 + 8 * i)[2] for i in (1, 2)]


def test_commit(b):
    """What an account wrote is a layer, as its box had it; a second account logs in to it."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with store(b), _uppers(b) as upper:
        _import(b)
        b.stage.config("Upper=disk\n")
        b.ssh(name, f"echo x >{b.stage.open}/f")
        b.gone(name)
        r = b.nsctl("image", "commit", name, "done:1")
        b.check(r.returncode == 1 and "no image to commit onto" in r.stderr, "over the host's root there is nothing to commit onto", r.stderr)
        b.stage.config(IMAGE)
        r = b.ssh(name, WRITE)
        b.check(r.returncode == 0, "a user writes over an image", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        _by_root(b, upper)
        # Read byte by byte it would take minutes.
        os.truncate(f"{upper}/upper/+tiny:1/open/sparse", 1 << 40)
        with b.shell(name) as one:
            one.do("echo live >/open/live")
            r = b.nsctl("image", "commit", name, "done:1", "--max-size=2T", timeout=60)
            b.check(r.returncode == 0 and one.do("cat /open/live") == "live", "nsctl image commit, while a session is open, which goes on",
                    r.stdout + r.stderr)
        for word in ("etc/hosts", "open/passwd", "open/nobodys", "open/socket"):
            b.check(word in r.stderr, f"what became of {word} is said", r.stderr)
        b.gone(name)
        layers = layers_of("done:1")
        top = layers[-1]
        b.check(len(layers) == 2 and layers[:1] == layers_of("tiny:1"), "the layers below are those of the image", str(layers))
        seven, changed, sparse = (os.lstat(f"{top}/open/{f}") for f in ("seven", "changed", "sparse"))
        b.check((seven.st_uid, seven.st_gid, oct(seven.st_mode)) == (7, 7, "0o104755") and changed.st_uid == 0 and
                os.lstat(f"{top}/open/new").st_uid == uid and os.lstat(f"{top}/etc").st_uid == 0 and os.lstat(f"{top}/open/nobodys").st_uid == 65534,
                "owners are those that the box saw, with modes", f"{seven} {changed.st_uid}")
        b.check(os.getxattr(f"{top}/open/seven", "user.kept") == b"1" and
                os.getxattr(f"{top}/open/seven", "security.capability") == struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0) and
                _acl(f"{top}/open/changed") == [8, uid], "and attributes, in which ids are the box's, too", str(_acl(f"{top}/open/changed")))
        b.check(sparse.st_size == 1 << 40 and sparse.st_blocks < 1 << 14 and [os.lstat(f"{top}/open/{f}").st_nlink for f in ("link", "fifo2")] == [2, 2],
                "a hole stays a hole, and a hard link one", f"{sparse.st_blocks} {os.lstat(f'{top}/open/link').st_nlink}")
        texts = {f: open(f"{top}/etc/{f}", encoding="ascii").read() for f in os.listdir(f"{top}/etc")}
        b.check(texts == {"passwd": "root:x:0:0::/:/bin/sh\nnew:x:7:7::/:/bin/sh\n", "shadow": "new:*:::::::\n", "group": "g:x:9:\n",
                          "passwd-": "root:x:0:0::/:/bin/sh\n", "shadow-": "", "group-": "", "another": f"new:*:::::::\n{name}:!*:::::::\n"},
                "the account's own lines stay out, by another name of the file, too, and each box's own files", str(texts))
        r = b.nsctl("image", "fsck", timeout=60)
        b.check(r.returncode == 0, "the store is whole, which takes no longer for a hole", r.stdout + r.stderr)
        with open(f"{top}/open/sparse", "r+b") as f:
            f.seek(1 << 39)
            f.write(b"x")
        os.utime(f.name, ns=(sparse.st_atime_ns, sparse.st_mtime_ns))
        r = b.nsctl("image", "fsck", "--repair", timeout=60)
        b.check(r.returncode == 0 and "its bytes differ: open/sparse: mended" in r.stdout, "nor what is written into one", r.stdout + r.stderr)
        b.stage.config("RootFS=image:done:1\n")
        r = b.ssh(b.bob.pw_name, "cd /open; cat new/f dir/y dir/over live; ls -a . dir; cat /open/changed")
        b.check(r.returncode == 0 and r.stdout.startswith("x\ny\nz\nlive\n") and r.stdout.endswith("of mine\n") and
                not {"gone", "whole", "old"} & set(r.stdout.split()), "a second account logs in to the result", r.stdout + r.stderr, b.log_tail())
        shown = json_of(b.nsctl("image", "show", "--json", "done:1"))
        b.check(len(shown["layers"]) == 2 and shown["created"] > "2020", "it is shown like any image", str(shown))
        b.gone()
        r = b.nsctl("image", "commit", name, "done:1", "--max-size=2T", timeout=60)
        b.check(r.returncode == 0 and layers_of("done:1")[-1] == top, "the same once more is the same layer", r.stdout + r.stderr)


def _look(root):
    """Every file: mode, owner, size, time, attributes with their values, links."""
    found = {}
    for directory, directories, files in os.walk(root):
        for path in (os.path.join(directory, f) for f in directories + files):
            st = os.lstat(path)
            plain = not stat.S_ISDIR(st.st_mode)
            attributes = {a: os.getxattr(path, a, follow_symlinks=False) for a in os.listxattr(path, follow_symlinks=False)}
            found[os.path.relpath(path, root)] = (oct(st.st_mode), st.st_uid, st.st_gid, plain and st.st_size, int(st.st_mtime), attributes,
                                                  plain and st.st_nlink)
    return found


def test_a_commit_that_is_killed(b):
    """Without a word, and while sessions stand still for it: they go on."""
    name = b.alice.pw_name
    with store(b), _uppers(b):
        _import(b)
        b.stage.config(IMAGE)
        with b.shell(name) as one:
            one.do("head -c 200M /dev/urandom >/open/much", timeout=60)
            paused = pathlib.Path(f"/run/nsshell/sessions/{b.record_of(name)['id']}.paused")
            with subprocess.Popen([b.stage.bin / "nsctl", "image", "commit", name, "done:1"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as commit:
                while not paused.exists() and commit.poll() is None:
                    time.sleep(0.001)
                commit.kill()
            b.check(commit.returncode == -9, "nsctl image commit is killed while a session stands still", commit.returncode)
            b.check(one.do("echo on", timeout=30) == "on", "which goes on by itself")
        b.gone(name)


def test_commit_by_other_tools(b):
    """What was committed is to umoci and podman what it is to a box."""
    missing = [t for t in ("podman", "umoci", "skopeo") if not shutil.which(t)]
    if missing:
        b.skip("a committed image in other tools", f"{' and '.join(missing)} isn't there")
        return
    name = b.alice.pw_name
    place = b.stage.base / "tools"
    place.mkdir()
    podman = ("podman", "--storage-driver=vfs", f"--root={place}/storage", f"--runroot={place}/run")
    with store(b), _uppers(b) as upper:
        _import(b)
        b.stage.config(IMAGE)
        b.ssh(name, WRITE)
        b.gone(name)
        _by_root(b, upper)
        b.nsctl("image", "commit", name, "done:1")
        r = b.nsctl("image", "export", "done:1", place / "out.tar")
        b.check(r.returncode == 0, "the committed image is exported", r.stderr)
        merged = place / "merged"
        merged.mkdir()
        b.run("mount", "-t", "overlay", "-o", f"ro,lowerdir={':'.join(reversed(layers_of('done:1')))}", "overlay", merged)
        here = _look(merged)
        b.run("umount", merged)
        for words in (("skopeo", "copy", f"oci-archive:{place}/out.tar:done:1", f"oci:{place}/layout:1"),
                      ("umoci", "unpack", "--image", f"{place}/layout:1", place / "bundle"),
                      (*podman, "load", "-i", place / "out.tar")):
            r = b.run(*words, timeout=120)
            b.check(r.returncode == 0, f"{words[0]} takes it", (r.stdout + r.stderr)[-500:])
        r = b.run(*podman, "image", "mount", "localhost/done:1")
        for tool, root in (("umoci", place / "bundle/rootfs"), ("podman", r.stdout.strip())):
            there = _look(root)
            other = {k: (here.get(k), there.get(k)) for k in set(here) | set(there) if here.get(k) != there.get(k)}
            b.check(len(here) > 40 and not other, f"every file is as {tool} has it, and none more", str(list(other.items())[:5]))
        b.run("sh", "-c", f"umount -R {place}/storage/vfs {place}/storage 2>/dev/null; rm -rf {place}")


test_commit_by_other_tools.later = "it starts podman, skopeo and umoci, which take their time"


def _changed(b):
    rows = json_of(b.nsctl("list", "--json", "-o", "user,changed"))["sessions"]
    return [row["changed"] or "" for row in rows if row["user"] == b.alice.pw_name]


def test_upper_on_change(b):
    """UpperOnChange=: another image under the tag, other packages of the host."""
    name = b.alice.pw_name
    told = "has changed beneath what you wrote over it"
    with store(b) as s, _uppers(b) as upper:
        base, opened = s.layer(busybox), s.layer(_open)

        def renew(n):
            s.tag("tiny:1", [base, opened, s.layer(lambda root: (root / f"new{n}").mkdir())])
        renew(1)
        b.stage.config(IMAGE)
        r = b.run("su", "-", name, "-c", "echo mine >/open/mine")
        b.check(r.returncode == 0 and told not in r.stderr, "a login over an image as it was is told nothing", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        renew(2)
        with b.shell(name) as one:
            b.check(one.do("cat /open/mine; ls -d /new2") == "mine\n/new2", "keep: what was written lies over the new image", b.log_tail())
            r = b.run("su", "-", name, "-c", "cat /open/mine")
            b.check(r.stdout == "mine\n" and f"The image tiny:1 {told}: that was kept." in r.stderr, "a user is told, each of two logins at once",
                    r.stdout + r.stderr)
            session = one.do("echo $NSSHELL_SESSION")
            r = b.nsctl("status", session)
            b.check(set(_changed(b)) == {"kept image tiny:1"} and "kept image tiny:1" in r.stdout, "and so are nsctl list and status",
                    f"{_changed(b)} {r.stdout}")
        b.check(b.stage.syslog.wait(rf"what lies below what {name} wrote .*kept image tiny:1"), "and the log", b.log_tail())
        b.gone(name)
        r = b.run("su", "-", name, "-c", "cat /open/mine")
        b.check(r.stdout == "mine\n" and told not in r.stderr, "once", r.stdout + r.stderr)
        b.gone(name)
        renew(3)
        b.stage.config(IMAGE + "UpperOnChange=refuse\n")
        r = b.ssh(name, "true")
        lines = b.stage.syslog.wait(r"beneath what .*UpperOnChange=refuse: nsctl diff")
        b.check(r.returncode != 0 and lines, "refuse: no login, and the log says what to do", lines or b.log_tail())
        b.stage.config(IMAGE + "UpperOnChange=reset\n")
        with b.shell(name) as one:
            saw = one.do("ls /open/mine /new3")
            b.check(saw.startswith("ls: /open/mine") and _changed(b) == ["reset image tiny:1"], "reset: the account begins anew",
                    f"{_changed(b)} {b.log_tail()}")
            one.do("echo second >/open/mine")
        b.check(os.path.exists(f"{upper}.old/upper/+tiny:1/open/mine"), "and what it wrote is kept")
        b.gone(name)
        renew(4)
        r = b.run("su", "-", name, "-c", "cat /open/mine")
        b.check("that was set aside." in r.stderr and not r.stdout, "which a user is told", r.stdout + r.stderr)
        b.gone(name)
        with open(f"{upper}.old/upper/+tiny:1/open/mine", encoding="ascii") as f:
            b.check(f.read() == "second\n", "the last one of them")
        b.ssh(name, "echo third >/open/mine")
        b.gone(name)
        renew(5)
        b.ssh(name, "true")
        b.gone(name)
        first, second = (f"{upper}.gone{p}/upper/+tiny:1/open/mine" for p in ("", "/0"))
        b.check(os.path.exists(first) and open(second, encoding="ascii").read() == "second\n", "no login deletes anything")
        r = b.nsctl("gc")
        b.check("replaced by newer ones" in r.stdout and "which is gone" not in r.stdout, "nsctl gc doesn't tell of an account that is gone", r.stdout)
        r = b.nsctl("gc", "--gone")
        b.check(not os.path.exists(f"{upper}.gone") and os.path.exists(f"{upper}.old"), "nsctl gc does, and not the last one", r.stdout + r.stderr)
        r = b.nsctl("reset", "--old=restore", name)
        for _ in range(2):
            r = b.run("su", "-", name, "-c", "cat /open/mine")
            b.check(r.stdout == "third\n", "what an admin gives back isn't set aside by the next login", r.stdout + r.stderr)
            b.gone(name)
        renew(6)
        r = b.run("su", "-", name, "-c", "cat /open/mine")
        b.check("that was set aside." in r.stderr and not r.stdout, "but by the next change", r.stdout + r.stderr)


def test_packages_of_the_host(b):
    """They are known by the package manager's own list; what is written over an image has nothing to do with it."""
    name, place = b.alice.pw_name, f"{b.stage.open}/f"
    with store(b) as s, _uppers(b) as upper:
        s.tag("tiny:1", [s.layer(busybox), s.layer(_open)])
        b.stage.config("Upper=disk\n")
        b.ssh(name, f"echo mine >{place}")
        b.gone(name)
        with open(f"{upper}/host", encoding="ascii") as f:
            now = f.read()
        b.check(now == "no list of packages\n" or os.path.exists(now.split()[0]), "the list of packages is noted", now)
        with open(f"{upper}/host", "w", encoding="ascii") as f:
            f.write("/var/lib/dpkg/status 1 1.000000000\n")
        b.stage.config(IMAGE)
        r = b.run("su", "-", name, "-c", "true")
        b.check(r.returncode == 0 and "changed" not in r.stderr, "over an image they don't matter", r.stdout + r.stderr)
        b.gone(name)
        b.stage.config("Upper=disk\n")
        r = b.run("su", "-", name, "-c", f"cat {place}")
        b.check(r.stdout == "mine\n" and "The host has changed" in r.stderr, "over the host's root a user is told", r.stdout + r.stderr)
        b.gone(name)
        with open(f"{upper}/host", encoding="ascii") as f:
            b.check(f.read() == now, "and they are noted anew")


def test_packages_that_are_being_installed(b):
    """While dpkg's lock is held what lies below isn't settled: it is told, nothing is set aside, and the login after it is answered."""
    name, place, lock = b.alice.pw_name, f"{b.stage.open}/f", "/var/lib/dpkg/lock-frontend"
    if not os.path.exists(lock):
        b.skip("packages that are being installed", "the host has no dpkg")
        return
    # In the stage alone: the host's own lock is its package manager's.
    mine = b.stage.base / "lock-frontend"
    mine.touch(0o640)
    kernel.bind(str(mine), lock)
    try:
        with _uppers(b) as upper, open(mine, "r+", encoding="ascii") as f:
            b.stage.config("Upper=disk\nUpperOnChange=reset\n")
            b.ssh(name, f"echo mine >{place}")
            b.gone(name)
            now = pathlib.Path(upper, "host").read_text(encoding="ascii")
            fcntl.lockf(f, fcntl.LOCK_EX)
            # As dpkg leaves its list while it unpacks; and as another run of it has written it meanwhile.
            for noted in (now, "/var/lib/dpkg/status 1 1.000000000\n"):
                pathlib.Path(upper, "host").write_text(noted, encoding="ascii")
                with b.shell(name) as one:
                    r = b.run("su", "-", name, "-c", f"cat {place}")
                    b.check(r.stdout == "mine\n" and "Packages of the host are being changed beneath what you wrote" in r.stderr,
                            "a user is told, and nothing is set aside", r.stdout + r.stderr, b.log_tail())
                    r = b.nsctl("status", one.do("echo $NSSHELL_SESSION"))
                    b.check(set(_changed(b)) == {"changing host"} and "changing host" in r.stdout, "nsctl list and status tell",
                            f"{_changed(b)} {r.stdout} {r.stderr}")
                b.gone(name)
                b.check(pathlib.Path(upper, "host").read_text(encoding="ascii") == noted, "what was noted before stays")
            b.stage.config("Upper=disk\nUpperOnChange=refuse\n")
            r = b.ssh(name, "true")
            b.check(r.returncode != 0 and b.stage.syslog.wait(r"UpperOnChange=refuse: log in again when that has ended"), "refuse: no login meanwhile",
                    b.log_tail())
            fcntl.lockf(f, fcntl.LOCK_UN)
            b.stage.config("Upper=disk\nUpperOnChange=reset\n")
            r = b.run("su", "-", name, "-c", f"cat {place}")
            b.check("mine" not in r.stdout and "that was set aside" in r.stderr, "the login afterwards is answered", r.stdout + r.stderr)
            b.gone(name)
    finally:
        kernel.umount(lock)
