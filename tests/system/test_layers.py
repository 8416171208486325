# SPDX-License-Identifier: BSD-3-Clause
"""Upper=disk: what was written over one file system, by one account, is never another's."""

import contextlib
import json
import os
import shutil

from harness.accounts import SAME_UID as UID
from harness.stage import TREE

UPPERS = "/var/lib/nsshell/upper"


@contextlib.contextmanager
def _disk(b):
    """Upper=disk, and afterwards nothing of it."""
    b.stage.config("Upper=disk\n")
    try:
        yield
    finally:
        b.gone()
        b.run("rm", "-rf", UPPERS)


@contextlib.contextmanager
def _places(b, *paths):
    """Directories of the host's to mount on."""
    for path in paths:
        os.mkdir(path)
    try:
        yield
    finally:
        b.gone()
        for path in paths:
            while b.run("umount", path).returncode == 0:
                pass
            os.rmdir(path)


def _directory(b, name):
    path = b.stage.base / name
    path.mkdir(exist_ok=True)
    path.chmod(0o1777)
    return path


def _refused(b, user, what, *words):
    r = b.ssh(user, "echo got-in")
    b.check(r.returncode != 0 and "got-in" not in r.stdout, f"{what}: refused", r.stdout + r.stderr,
            b.log_tail())
    for word in words:
        b.check(b.stage.syslog.wait(word), f"{what}: the log says {word!r}", b.log_tail())


def test_a_mount_that_goes(b):
    name = b.alice.pw_name
    first, second = f"/opt/{b.stage.base.name}-one", f"/srv/{b.stage.base.name}-two"
    with _disk(b), _places(b, first, second):
        b.run("mount", "--bind", _directory(b, "one"), first)
        b.run("mount", "--bind", _directory(b, "two"), second)
        r = b.ssh(name, f"echo mine >{first}/lib; echo data >{second}/data; ls {first} {second}")
        b.check(r.stdout.split() == [f"{first}:", "lib", f"{second}:", "data"],
                "each file system has its own layer", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.run("umount", first)
        r = b.ssh(name, f"ls {second}")
        b.check(r.stdout.split() == ["data"], "one is gone: the other has its layer, and not that one's",
                r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.run("mount", "--bind", _directory(b, "one"), first)
        r = b.ssh(name, f"cat {first}/lib {second}/data")
        b.check(r.stdout.split() == ["mine", "data"], "it is back, and so is its layer",
                r.stdout + r.stderr, b.log_tail())


def test_another_file_system(b):
    name = b.alice.pw_name
    place = f"/srv/{b.stage.base.name}-disk"
    images = [b.stage.base / f"disk{i}" for i in range(2)]
    for image in images:
        with open(image, "wb") as f:
            f.truncate(8 << 20)
        if b.run("mkfs.ext4", "-q", image).returncode:
            b.skip("two file systems at one place", "no mkfs.ext4")
            return
    with _disk(b), _places(b, place):
        r = b.run("mount", "-o", "loop", images[0], place)
        if r.returncode:
            b.skip("two file systems at one place", f"no loop device: {r.stderr}")
            return
        os.chmod(place, 0o1777)
        r = b.ssh(name, f"echo mine >{place}/f; cat {place}/f")
        b.check(r.stdout == "mine\n", "a file is written over one", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.run("umount", place)
        b.run("mount", "-o", "loop", images[1], place)
        _refused(b, name, "another file system in its place", place, "UUID=", "fs/")
        b.run("umount", place)
        b.run("mount", "-o", "loop", images[0], place)
        r = b.ssh(name, f"cat {place}/f")
        b.check(r.stdout == "mine\n", "the first one again: its file is there", r.stdout + r.stderr,
                b.log_tail())


def test_another_account(b):
    accounts = b.stage.accounts
    where = f"{b.stage.open}/private"
    with _disk(b):
        old = accounts.add("dave", groups=("box",), extra=("-u", UID))
        try:
            r = b.ssh(old.pw_name, f"umask 077; echo secret >{where}; cat {where}")
            b.check(r.stdout == "secret\n", "an account writes a file", r.stderr, b.log_tail())
            b.gone(old.pw_name)
            accounts.remove("dave")
            new = accounts.add("erin", groups=("box",), extra=("-u", UID))
            _refused(b, new.pw_name, "the next account with its uid", old.pw_name, "nsctl gc")
            owner = f"{UPPERS}/{UID}/account"
            with open(owner, encoding="utf-8") as f:
                b.check(f.read() == f"{old.pw_name}\n", "whose it is stays noted")
            with open(owner, "w", encoding="utf-8") as f:
                f.write(f"{new.pw_name}\n")
            r = b.ssh(new.pw_name, f"cat {where}")
            b.check(r.stdout == "secret\n", "renamed, as an admin says so: it is the new name's",
                    r.stderr, b.log_tail())
        finally:
            b.gone()
            accounts.remove("dave")
            accounts.remove("erin")


def test_numbers_of_old(b):
    """Layers had numbers once: that of / is known, of the others nobody is."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    base = f"{UPPERS}/{uid}"
    where = f"{b.stage.open}/kept"
    with _disk(b):
        b.ssh(name, f"echo kept >{where}")
        b.gone(name)
        for kind in ("upper", "workdir"):
            os.rename(f"{base}/{kind}/-", f"{base}/{kind}/0")
        os.unlink(f"{base}/account")
        shutil.rmtree(f"{base}/fs")
        os.makedirs(f"{base}/upper/1/lib")
        os.makedirs(f"{base}/workdir/1")
        _refused(b, name, "a layer of nobody knows what", f"{base}/upper/1", "rename it")
        os.rmdir(f"{base}/upper/1/lib")
        r = b.ssh(name, f"cat {where}")
        b.check(r.stdout == "kept\n", "that of / is taken over, an empty one goes", r.stdout + r.stderr,
                b.log_tail())


DEEP = """import os
os.chdir(%r)
for i in range(3000):
    os.mkdir("d" * 200, 0o300)
    os.chdir("d" * 200)
open("f", "w").close()
os.symlink("/", "root")
"""


def _check(b, word):
    r = b.nsctl("check", "--json", "--config", b.stage.conf)
    return [f for f in json.loads(r.stdout)["findings"] if word in f["what"]]


def test_what_an_account_leaves(b):
    """Listed by gc and check, removed on demand: whatever is in it, however deep, and nothing else."""
    accounts = b.stage.accounts
    outside = b.stage.base / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "file").write_text("stays", encoding="utf-8")
    base = f"{UPPERS}/{UID}"
    with _disk(b):
        old = accounts.add("dave", groups=("box",), extra=("-u", UID))
        try:
            with b.shell(old.pw_name) as one:
                one.do(f"cd {b.stage.open} && mkdir -p 0 1 2/3 && ln -s {outside} link && touch 0/f 1/f")
                r = b.nsctl("gc", "--account", old.pw_name)
                b.check(r.returncode != 0 and "runs" in r.stderr, "never below a session that runs",
                        r.stdout + r.stderr)
                b.check(one.do(f"ls {b.stage.open}/2") == "3", "nothing of it is gone")
            b.gone(old.pw_name)
            inside = f"{base}/upper/-{b.stage.open}"
            b.run("python3", "-c", DEEP % inside)
            b.nsctl("gc", "--gone")
            b.check(os.path.isdir(base), "an account that is there keeps its layers")
            accounts.remove("dave")
            r = b.nsctl("gc")
            b.check(old.pw_name in r.stdout and "--gone" in r.stdout and os.path.isdir(base),
                    "gc lists the layers of one that is gone", r.stdout + r.stderr)
            found = _check(b, base)
            b.check(found and old.pw_name in found[0]["what"], "and so does check", found)
            r = b.nsctl("gc", "--gone")
            b.check(r.returncode == 0 and os.listdir(UPPERS) == [], "gc --gone removes them, 3000 "
                    "directories deep", r.stdout + r.stderr, os.listdir(UPPERS))
            b.check((outside / "file").exists(), "and follows no link")
        finally:
            b.gone()
            accounts.remove("dave")


def test_something_mounted_in_it_stays(b):
    outside = b.stage.base / "mounted"
    outside.mkdir(exist_ok=True)
    (outside / "file").write_text("stays", encoding="utf-8")
    name = b.alice.pw_name
    with _disk(b):
        b.ssh(name, f"mkdir {b.stage.open}/place")
        b.gone(name)
        place = f"{UPPERS}/{b.alice.pw_uid}/upper/-{b.stage.open}/place"
        b.run("mount", "--bind", outside, place)
        r = b.nsctl("gc", "--account", name)
        b.check(r.returncode != 0 and (outside / "file").exists(), "what is mounted in it isn't removed",
                r.stdout + r.stderr)
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            mounted = [line.split()[4] for line in f if f" {UPPERS}" in line]
        for where in mounted:
            b.run("umount", where)
        r = b.nsctl("gc", "-n", "--gone")
        b.check("would be removed" in r.stdout, "what was cut off is listed", r.stdout + r.stderr)
        r = b.nsctl("gc", "--gone")
        b.check(r.returncode == 0 and (outside / "file").exists() and not os.listdir(UPPERS), "once that is away, the rest is",
                r.stdout + r.stderr, os.listdir(UPPERS))


def test_userdel(b):
    """The line for login.defs(5) ends the sessions and removes the layers."""
    hook = b.stage.private / "userdel.sh"
    text = (TREE / "config/userdel_nsshell.sh").read_text(encoding="utf-8")
    hook.write_text(text.replace("/usr/local/sbin/nsctl", str(b.stage.bin / "nsctl")), encoding="utf-8")
    name = b.alice.pw_name
    with _disk(b):
        with b.shell(name) as one:
            one.do(f"echo x >{b.stage.open}/x")
            r = b.run("sh", hook, name, timeout=30)
            b.check(r.returncode == 0 and not r.stdout and b.gone(name), "its sessions are over",
                    r.stdout + r.stderr, b.log_tail())
            b.check(os.listdir(UPPERS) == [], "and its layers gone", os.listdir(UPPERS))
