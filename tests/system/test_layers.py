# SPDX-License-Identifier: BSD-3-Clause
"""Upper=disk: what was written over one file system, by one account, is never another's."""

import contextlib
import os
import shutil

UPPERS = "/var/lib/nsshell/upper"
UID = "54322"


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
    """Folders of the host's to mount on."""
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


def _folder(b, name):
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
        b.run("mount", "--bind", _folder(b, "one"), first)
        b.run("mount", "--bind", _folder(b, "two"), second)
        r = b.ssh(name, f"echo mine >{first}/lib; echo data >{second}/data; ls {first} {second}")
        b.check(r.stdout.split() == [f"{first}:", "lib", f"{second}:", "data"],
                "each file system has its own layer", r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.run("umount", first)
        r = b.ssh(name, f"ls {second}")
        b.check(r.stdout.split() == ["data"], "one is gone: the other has its layer, and not that one's",
                r.stdout + r.stderr, b.log_tail())
        b.gone(name)
        b.run("mount", "--bind", _folder(b, "one"), first)
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
