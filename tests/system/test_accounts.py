# SPDX-License-Identifier: BSD-3-Clause
"""An account goes while a session of it is open, and its uid is given to the next one."""

import contextlib
import os
import re
import time

from harness import etc
from harness.accounts import SAME_UID as UID
from harness.scene import SHOW_NS


def _add(b, role, *extra):
    return b.stage.accounts.add(role, groups=("box",), extra=("-u", UID, *extra))


def _rename(b, old, new):
    r = b.run("usermod", "-l", b.stage.accounts.name(new), b.stage.accounts.name(old))
    b.check(r.returncode == 0, "usermod -l goes through", r.stdout + r.stderr)


def _refused(b, user, what, words):
    r = b.ssh(user, f"cat {b.stage.open}/private; echo got-in")
    b.check(r.returncode != 0 and "got-in" not in r.stdout, f"{what}: a login is refused",
            r.stdout + r.stderr, b.log_tail())
    for word in words:
        b.check(b.stage.syslog.wait(word), f"{what}: the log says {word!r}", b.log_tail())


def _stranger(b, default):
    """@default: of the config; the session of the old account goes on meanwhile."""
    b.stage.config(default)
    what = f"{default.split()[0]}, another account with the uid"
    old = _add(b, "dave")
    try:
        with b.shell(old.pw_name) as one:
            one.do(f"echo secret >{b.stage.open}/private; chmod 600 {b.stage.open}/private")
            session = one.do("echo $NSSHELL_SESSION")
            b.stage.accounts.remove("dave")
            new = _add(b, "erin")
            _refused(b, new.pw_name, what,
                     (f"nsctl stop {session}", new.pw_name))
            b.check(one.do("echo here") == "here", "the old session goes on", b.log_tail())
            r = b.nsctl("check", "--config", b.stage.conf)
            b.check(f"session {session} of {old.pw_name} runs with uid {UID}" in r.stdout,
                    "nsctl check lists it", r.stdout + r.stderr)
            r = b.run(b.stage.build / "nsctl", "stop", session)
            b.check(b.gone(old.pw_name), "nsctl stop ends it", r.stdout + r.stderr)
        r = b.ssh(new.pw_name, f"id -un; cat {b.stage.open}/private")
        b.check(r.stdout == f"{new.pw_name}\n", "then the new one gets in, and finds nothing",
                r.stdout + r.stderr, b.log_tail())
    finally:
        b.stage.accounts.remove("dave")
        b.stage.accounts.remove("erin")


def test_next_holder_of_a_uid(b):
    _stranger(b, "Share=login\nUpper=tmpfs\n")
    _stranger(b, "Share=account\nUpper=tmpfs\nLinger=5min\n")


def test_own_sessions(b):
    """The next account with the uid finds no session of the old one's."""
    b.stage.config("")
    old = _add(b, "dave")
    try:
        with b.shell(old.pw_name) as one:
            session = one.do("echo $NSSHELL_SESSION")
            nsctl = b.stage.bin / "nsctl"
            own = [nsctl, "list"]
            as_user = {"user": int(UID), "group": old.pw_gid}
            r = b.run("setpriv", "--reuid", UID, "--regid", str(old.pw_gid), "--clear-groups",
                      "true")
            r = b.run(*own, **as_user)
            b.check(session in r.stdout, "before, the account sees its session", r.stdout + r.stderr)
            b.stage.accounts.remove("dave")
            _add(b, "erin")
            r = b.run(*own, **as_user)
            b.check(session not in r.stdout, "the next one with its uid doesn't", r.stdout + r.stderr)
            r = b.run(nsctl, "stop", "--no-wait", session, **as_user)
            b.check(r.returncode != 0 and one.do("echo here") == "here", "and can't stop it",
                    r.stdout + r.stderr)
    finally:
        b.stage.accounts.remove("dave")
        b.stage.accounts.remove("erin")


def test_same_name_made_anew(b):
    b.stage.config("")
    old = _add(b, "dave")
    try:
        with b.shell(old.pw_name) as one:
            session = one.do("echo $NSSHELL_SESSION")
            r = b.ssh(old.pw_name, "echo in")
            b.check(r.stdout == "in\n", "beside it a second login gets in", r.stderr, b.log_tail())
            b.stage.accounts.remove("dave")
            time.sleep(1.2)
            again = _add(b, "dave")
            b.check(os.path.isdir(again.pw_dir), "made anew, with a home")
            _refused(b, again.pw_name, "userdel -r and useradd of one name", (f"nsctl stop {session}",))
            as_user = {"user": again.pw_uid, "group": again.pw_gid}
            r = b.run(b.stage.bin / "nsctl", "list", **as_user)
            b.check(session not in r.stdout and r.returncode == 0, "nor is the old session among its own",
                    r.stdout + r.stderr)
            r = b.run(b.stage.bin / "nsjoin", "-T", session, "id", **as_user)
            b.check(r.returncode != 0 and "uid=" not in r.stdout, "nor to be stepped into", r.stdout + r.stderr)
    finally:
        b.stage.accounts.remove("dave")


@contextlib.contextmanager
def _home_of_tomorrow(b, person):
    """A home that was made by a clock which was ahead: this host's, before it was set, or a file server's. Gives None where that can't be."""
    image, disk = b.stage.base / "home.img", b.stage.base / "home"
    with open(image, "wb") as f:
        f.truncate(8 << 20)
    disk.mkdir()

    def mount():
        return b.run("mount", "-o", "loop", image, disk).returncode == 0

    made = b.run("mkfs.ext4", "-q", image).returncode == 0 and mount()
    try:
        if made:
            home = disk / "home"
            home.mkdir(mode=0o700)
            os.chown(home, person.pw_uid, person.pw_gid)
            inode = home.stat().st_ino
            b.run("umount", disk)
            tomorrow = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 86400))
            made = b.run("debugfs", "-w", "-R", f"set_inode_field <{inode}> crtime {tomorrow}", image).returncode == 0 and mount()
        made = made and b.run("mount", "--bind", disk / "home", person.pw_dir).returncode == 0
        yield float(b.run("stat", "-c", "%W", person.pw_dir).stdout) if made else None
    finally:
        b.gone()
        if made:
            b.run("umount", person.pw_dir)
        b.run("umount", disk)
        disk.rmdir()
        image.unlink()


def test_a_home_of_another_clock(b):
    """Whose home is from a time to come isn't kept out of what is their own."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    own = f"{b.stage.open}/own /srv/data/own"
    with _home_of_tomorrow(b, b.alice) as born:
        if not born:
            b.skip("a home of another clock", "no loop device, or no debugfs")
            return
        b.check(born > time.time() + 3600, "the home is a day ahead", born)
        b.stage.config("Upper=disk\nVolumes=data:/srv/data\n")
        try:
            with b.shell(name) as one:
                b.check(one.do(f"echo mine | tee {own}") == "mine", "a first login gets in", b.log_tail())
                r = b.ssh(name, f"cat {own}")
                b.check(r.stdout == "mine\n" * 2, "beside it a second one", r.stdout + r.stderr, b.log_tail())
                r = b.run(b.stage.bin / "nsctl", "list", "-n", "-o", "USER", user=uid, group=b.alice.pw_gid)
                b.check(name in r.stdout.split(), "its sessions are its own to see", r.stdout + r.stderr)
            b.gone(name)
            r = b.ssh(name, f"cat {own}")
            b.check(r.stdout == "mine\n" * 2, "a later one has what it wrote", r.stdout + r.stderr, b.log_tail())
            b.gone(name)
            for owner in (f"/var/lib/nsshell/upper/{uid}/account", f"/var/lib/nsshell/volumes/{uid}/.account"):
                os.utime(owner)
                advice = f"touch -d @{born:.0f} {owner}"
                _refused(b, name, f"of what {owner} has for older", (advice,))
                b.run(*advice.split())
                r = b.ssh(name, "echo in")
                b.check(r.stdout == "in\n", "what the log says to do helps", r.stderr, b.log_tail())
        finally:
            b.gone(name)
            b.run("rm", "-rf", "/var/lib/nsshell/upper", "/var/lib/nsshell/volumes")


def test_two_names_of_one_uid(b):
    """An old custom: the second name is the same account, as long as the first is there."""
    b.stage.config("")
    first = _add(b, "dave")
    try:
        second = _add(b, "erin", "-o")
        b.run("rm", "-rf", second.pw_dir)
        b.run("usermod", "-d", first.pw_dir, second.pw_name)
        with b.shell(first.pw_name) as one:
            one.do("true")
            r = b.ssh(first.pw_name, "echo in")
            b.check(r.stdout == "in\n", "the first name gets in", r.stderr, b.log_tail())
            r = b.run("su", second.pw_name, "-c", "echo in")
            b.check(r.stdout == "in\n", "and the second", r.stdout + r.stderr, b.log_tail())
            b.run("userdel", "-f", second.pw_name)  # not the home, which is the first one's
            _rename(b, "dave", "erin")
            _refused(b, second.pw_name, "renamed", ("nsctl stop",))
    finally:
        # usermod leaves the ranges of subuid(5) with the old name, and userdel looks for the one that it is given.
        b.run("usermod", "-l", first.pw_name, b.stage.accounts.name("erin"))
        b.stage.accounts.remove("erin")
        b.stage.accounts.remove("dave")


def _range_of(user):
    with open("/etc/subuid", encoding="utf-8") as f:
        return next(int(line.split(":")[1]) for line in f if line.startswith(f"{user}:"))


def test_a_range_of_two(b):
    """Ids below a box that are somebody else's, too: nobody's login goes on with them."""
    b.stage.config("")
    start = _range_of(b.alice.pw_name)
    other = b.stage.accounts.add("dave", groups=("box",), subids=False, extra=("-u", "70007"))
    try:
        for kind in ("u", "g"):
            ids = f"{start}-{start + 65535}"
            b.run("usermod", f"--add-sub{kind}ids", ids, other.pw_name)
        for user, whose in ((other, b.alice), (b.alice, other)):
            b.stage.syslog.clear()
            _refused(b, user.pw_name, f"{user.pw_name} with a range of two",
                     ("--del-subuids", whose.pw_name, "/etc/subuid:"))
        for kind in ("u", "g"):
            b.run("usermod", f"--del-sub{kind}ids", ids, other.pw_name)
            b.run("usermod", f"--add-sub{kind}ids", "1000-66535", other.pw_name)
        b.stage.syslog.clear()
        _refused(b, other.pw_name, "a range with accounts in it", ("holds the uid",))
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.stdout == "in\n", "who has a range alone gets in", r.stderr, b.log_tail())
    finally:
        b.stage.accounts.remove("dave")


def test_a_range_of_ours_is_one_account_s(b):
    b.stage.config("")
    try:
        starts = []
        for role in ("dave", "erin"):
            who = b.stage.accounts.add(role, groups=("box",), subids=False, extra=("-u", UID))
            r = b.ssh(who.pw_name, "awk '$1 == 0 { print $2 }' /proc/self/uid_map")
            starts.append(r.stdout.strip())
            b.gone(who.pw_name)
            b.stage.accounts.remove(role)
        r = b.nsctl("check", "--config", b.stage.conf)
        listed = [role for role in ("dave", "erin")
                  if re.search(rf"the range from \d+ on is that of {b.stage.accounts.name(role)}, which is gone", r.stdout)]
        b.check(listed == ["dave", "erin"], "nsctl check lists both ranges", r.stdout + r.stderr)
        b.check(len(set(starts)) == 2 and all(starts), "the next account with a uid has ids of its own",
                starts, b.log_tail())
    finally:
        b.stage.accounts.remove("dave")
        b.stage.accounts.remove("erin")


def test_an_account_of_many_groups(b):
    """More, and further apart, than a map of the kernel's has room for if it has every id."""
    name, stage = b.alice.pw_name, b.stage
    with etc.own_etc(b) as own:
        before = (own / "group").read_text(encoding="utf-8")
        for n, step in ((150, 2), (250, 100)):
            ids = [20000 + i * step for i in range(n)]
            (own / "group").write_text(before + "".join(f"nstmany{i}:x:{i}:{name}\n" for i in ids), encoding="utf-8")
            stage.config("")
            r = b.ssh(name, f"id -G; cd && touch f && chgrp {ids[-1]} f && stat -c %g f; stat -c %U:%G /etc/passwd; rm f")
            lines = r.stdout.splitlines()
            b.check(lines[1:] == [str(ids[-1]), "root:root"] and set(map(str, ids)) <= set(lines[0].split()),
                    f"{n} groups, {step} apart: a login has them all", r.stdout[-200:] + r.stderr, b.log_tail())
            r = b.nsctl("check", "--config", stage.conf)
            b.check("groups of the host show as nogroup inside" in r.stdout, "nsctl check tells what they take the room of", "",
                    r.stdout[-2000:])
        (own / "group").write_text(before + "".join(f"nstmany{i}:x:{i}:{name}\n" for i in range(20000, 60000, 100)),
                                   encoding="utf-8")
        r = b.ssh(name, "echo in")
        b.check(r.returncode != 0 and stage.syslog.wait("keeping 40[0-9] gids"), "400 of them are too many", r.stdout + r.stderr)
        r = b.nsctl("check", "--config", stage.conf)
        b.check("SupplementaryGroups=none helps" in r.stdout, "which nsctl check says, too", "", r.stdout[-2000:])


test_an_account_of_many_groups.later = "a map of ids at its limit, which tests/unit/test_idmap.c tries"


def test_a_group_of_many_members(b):
    """As a university's directory has its students: what takes the square of their number takes longer than anybody waits."""
    name, stage = b.alice.pw_name, b.stage
    members = ",".join(f"student{i:06}" for i in range(1000000))
    stage.conf.write_text(f"[Default]\nServices={stage.sshd_service} su\n[Group nststudents]\nIsolate=yes\n", encoding="utf-8")
    with etc.own_etc(b) as own:
        with open(own / "group", "a", encoding="utf-8") as f:
            f.write(f"nststudents:x:21000:{members},{name}\nnststaff:x:21001:{members}\n")
        b.lands_inside("an account of a group with a million members", b.run("su", name, "-c", SHOW_NS).stdout)
        r = b.run("su", b.plain.pw_name, "-c", "echo in")
        b.check(r.stdout == "in\n", "one that isn't in it logs in as ever", r.stderr, b.log_tail(3))


test_a_group_of_many_members.later = "a second of initgroups(3)"


# Of a directory service: an account of its own, and groups as long as /etc/nst-down isn't there.
NSS = r"""
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define DOWN() if (access("/etc/nst-down", F_OK) == 0) { *num = ECONNREFUSED; return NSS_STATUS_UNAVAIL; }

enum nss_status _nss_nstdir_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *num)
{
	if (strcmp(name, "NAME") != 0)
		return NSS_STATUS_NOTFOUND;
	*pw = (struct passwd){ "NAME", "*", UID, GID, "", "HOME", "/bin/bash" };
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_nstdir_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, int *num)
{
	return uid == UID ? _nss_nstdir_getpwnam_r("NAME", pw, buf, size, num) : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_nstdir_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *num)
{
	static char *members[] = { "NAME", NULL };

	DOWN();
	if (strcmp(name, "nststudents") != 0)
		return NSS_STATUS_NOTFOUND;
	*gr = (struct group){ "nststudents", "x", 21002, members };
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_nstdir_getgrgid_r(gid_t gid, struct group *gr, char *buf, size_t size, int *num)
{
	DOWN();
	return gid == 21002 ? _nss_nstdir_getgrnam_r("nststudents", gr, buf, size, num) : NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_nstdir_initgroups_dyn(const char *user, gid_t group, long int *start, long int *size, gid_t **groups, long int limit, int *num)
{
	DOWN();
	if (strcmp(user, "NAME") == 0 && *start < *size)
		(*groups)[(*start)++] = 21002;
	return NSS_STATUS_SUCCESS;
}
"""


def test_a_directory_that_tells_of_no_groups(b):
    """What its accounts are in isn't known then: nobody of it is let in as if it were nothing. Others are as ever."""
    name = b.stage.accounts.name("directory")
    library = b.stage.private / "libnss_nstdir.so.2"
    home = b.stage.base / "directory"
    home.mkdir()
    os.chown(home, int(UID), b.plain.pw_gid)
    text = NSS.replace("NAME", name).replace("UID", UID).replace("GID", str(b.plain.pw_gid)).replace("HOME", str(home))
    b.run("gcc", "-w", "-shared", "-fPIC", "-x", "c", "-o", library, "-", input=text)
    b.observer.uids.add(int(UID))
    with etc.own_etc(b) as own:
        (own / "ld.so.conf.d").mkdir(exist_ok=True)
        (own / "ld.so.conf.d/nst.conf").write_text(f"{library.parent}\n", encoding="ascii")
        b.run("ldconfig", "-X")
        with open(own / "group", "a", encoding="ascii") as f:
            f.write("nstlong:x:21003:" + ",".join(f"student{i:06}" for i in range(1000)) + "\n")
        (own / "nsswitch.conf").write_text("passwd: files nstdir\ngroup: files nstdir\nshadow: files\n", encoding="ascii")
        b.stage.conf.write_text("[Default]\nServices=su\n[Group nststudents]\nIsolate=yes\n", encoding="utf-8")
        r = b.run("su", name, "-c", SHOW_NS)
        b.lands_inside("an account of the directory, isolated by a group of it", r.stdout + r.stderr)
        (own / "nst-down").touch()
        r = b.run("su", name, "-c", "echo in")
        b.check(r.returncode != 0 and "in\n" not in r.stdout and b.stage.syslog.wait("refused.*tells of no groups"),
                "while that tells of no groups, it is refused", r.stdout + r.stderr, b.log_tail(3))
        r = b.run("su", b.plain.pw_name, "-c", "echo in")
        b.check(r.stdout == "in\n", "an account of the host gets in", r.stdout + r.stderr, b.log_tail(3))
        r = b.run("su", "root", "-c", "echo in")
        b.check(r.stdout == "in\n", "and root does", r.stdout + r.stderr, b.log_tail(3))


def test_a_group_file_without_groups(b):
    """As a full disk or a crash leaves it: who is isolated by a group isn't let in as if there were no such group."""
    with etc.own_etc(b) as own:
        text = (own / "group").read_text(encoding="utf-8")
        for what, data in (("isn't there", None), ("is empty", ""), ("is of 0 bytes", "\0" * 4096)):
            (own / "group").unlink()
            if data is not None:
                (own / "group").write_text(data, encoding="ascii")
            r = b.run("su", b.alice.pw_name, "-c", "echo in")
            b.check(r.returncode != 0 and "in\n" not in r.stdout and b.stage.syslog.wait("refused.*/etc/group isn't there, or empty"),
                    f"an account that is isolated by its group is refused while /etc/group {what}", r.stdout + r.stderr, b.log_tail(3))
            r = b.run("su", "root", "-c", "echo in")
            b.check(r.stdout == "in\n", "and root gets in", r.stdout + r.stderr, b.log_tail(3))
            b.stage.syslog.clear()
            etc.replace(own / "group", text)
        r = b.run("su", b.alice.pw_name, "-c", SHOW_NS)
        b.lands_inside("once it is back, that account", r.stdout + r.stderr)


test_a_directory_that_tells_of_no_groups.not_instrumented = "a library without its runtime is loaded"
