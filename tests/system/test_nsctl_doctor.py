# SPDX-License-Identifier: BSD-3-Clause
"""nsctl check: ways to run as an isolated account outside of its box, and what boxes share."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

from harness import acl, etc, kernel
from harness.stage import TREE


def _findings(b, user=None):
    extra = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid,
                                     "extra_groups": []}
    r = b.run(b.stage.bin / "nsctl", "check", "--json", "--config", str(b.stage.conf), **extra)
    try:
        found = json.loads(r.stdout)["findings"]
        empty = [f["what"] for f in found if not f["concerns"] or not f["todo"]]
        if empty:
            b.check(False, "each finding says whom it concerns and what to do", empty)
        return found
    except ValueError:
        return [{"severity": "error", "what": r.stdout + r.stderr, "concerns": "", "todo": ""}]


def _about(b, findings, word, severity, did):
    seen = [f for f in findings if word in f["what"]]
    b.check(seen and seen[0]["severity"] == severity and seen[0]["todo"], did,
            seen[0]["what"] if seen else "no such finding",
            "\n".join(f["what"] for f in findings))
    return seen


@contextlib.contextmanager
def _scratch(b, *targets):
    """
    Directories and files of the host's, seen empty here as long as it lasts: none that somebody else may put a new one in the
    place of meanwhile, as the mount goes with the old one, and what is written then is the host's. etc.own_etc() is for those.
    """
    base = b.stage.private / "scratch"
    base.mkdir(exist_ok=True)
    done = []
    try:
        for i, target in enumerate(targets):
            if not os.path.lexists(target):
                continue
            place = base / str(i)
            if os.path.isdir(target):
                place.mkdir()
                place.chmod(0o755)
            else:
                place.touch(mode=0o644)
            kernel.bind(place, target)
            done.append(target)
        yield done
    finally:
        for target in done:
            kernel.umount(target)
        shutil.rmtree(base)


def _own(user, path, text=""):
    """A file of the user's in the home, with the directories above it."""
    full = os.path.join(user.pw_dir, path)
    directory = user.pw_dir
    for part in os.path.dirname(path).split("/"):
        directory = os.path.join(directory, part)
        if part and not os.path.isdir(directory):
            os.mkdir(directory, 0o755)
            os.chown(directory, user.pw_uid, user.pw_gid)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)
    os.chown(full, user.pw_uid, user.pw_gid)


def test_ways_out(b):
    name = b.alice.pw_name
    made = (".config", ".forward", "public_html")
    try:
        _own(b.alice, ".config/systemd/user/evil.service")
        _own(b.alice, ".forward", "|/bin/sh\n")
        _own(b.alice, "public_html/cgi-bin/x")
        _own(b.plain, ".forward")
        found = _findings(b)
        _about(b, found, f"units of {name}", "note", "user units in a home are a note")
        _about(b, found, ".forward", "warning" if os.path.exists("/usr/sbin/sendmail") else "note",
               "a .forward is told")
        _about(b, found, "public_html", "note", "so is a directory of CGI")
        b.check(not [f for f in found if b.plain.pw_name in f["what"]],
                "nothing is told of an account that isn't isolated")
        with _scratch(b, "/var/lib/systemd", "/var/spool/cron") as there:
            if "/var/lib/systemd" in there:
                os.mkdir("/var/lib/systemd/linger")
                open(f"/var/lib/systemd/linger/{name}", "w", encoding="ascii").close()
                _about(b, _findings(b), "user manager", "warning",
                       "a lingering user manager is a warning")
            else:
                b.skip("lingering", "no /var/lib/systemd here")
            if "/var/spool/cron" in there:
                os.mkdir("/var/spool/cron/crontabs")
                open(f"/var/spool/cron/crontabs/{name}", "w", encoding="ascii").close()
                b.check(not [f for f in _findings(b) if "cron jobs of" in f["what"]],
                        "a crontab whose jobs land in a box isn't told of")
                b.stage.config(default="Services=\nServices=su\n")
                _about(b, _findings(b), f"cron jobs of {name}", "warning",
                       "one whose jobs don't is a warning")
                b.stage.config()
                os.mkdir("/var/spool/cron/atjobs")
                path = "/var/spool/cron/atjobs/a0000101"
                open(path, "w", encoding="ascii").close()
                os.chown(path, b.alice.pw_uid, b.alice.pw_gid)
                _about(b, _findings(b), f"1 at job of {name}", "warning", "an at job is a warning")
            else:
                b.skip("crontabs", "no /var/spool/cron here")
        b.run("usermod", "-s", "/bin/cat", b.bob.pw_name)
        _about(b, _findings(b), "/bin/cat", "note", "a shell that isn't in /etc/shells is a note")
    finally:
        b.run("usermod", "-s", "/bin/bash", b.bob.pw_name)
        os.unlink(f"{b.plain.pw_dir}/.forward")
        for path in made:
            full = os.path.join(b.alice.pw_dir, path)
            if os.path.isdir(full):
                shutil.rmtree(full)
            elif os.path.exists(full):
                os.unlink(full)


def test_a_home_that_root_could_be_tricked_with(b):
    os.makedirs(f"{b.alice.pw_dir}/.config", exist_ok=True)
    os.symlink("/root", f"{b.alice.pw_dir}/.config/systemd")
    try:
        b.check(not [f for f in _findings(b) if "units of" in f["what"]],
                "a link out of a home isn't followed")
    finally:
        shutil.rmtree(f"{b.alice.pw_dir}/.config")


def test_subordinate_ids(b):
    # Not a scratch for each: useradd(8), of a test beside this one, puts new files in their place, and what is mounted there goes.
    with etc.own_etc(b) as own:
        (own / "subgid").write_text("", encoding="ascii")
        with open("/etc/subuid", "w", encoding="ascii") as f:
            f.write(f"{b.alice.pw_name}:700000:65536\n{b.bob.pw_name}:765535:65536\n"
                    f"{b.carol.pw_name}:{b.plain.pw_uid - 1}:10\nsomebody:900000:10\n")
        found = _findings(b)
        seen = _about(b, found, "overlaps that of", "error", "ranges that overlap are an error")
        b.check(seen and b.alice.pw_name in seen[0]["concerns"]
                and b.bob.pw_name in seen[0]["concerns"] and "/etc/subuid:2" in seen[0]["what"],
                "with file, line and both names", seen[0]["concerns"] if seen else "")
        _about(b, found, f"range of {b.carol.pw_name} holds the uid", "error",
               "so is one that holds an account's id")
        b.check(len([f for f in found if "subuid" in f["what"]]) == 2, "nothing else is told")
        with open("/etc/subuid", "w", encoding="ascii") as f:
            f.write(f"{b.alice.pw_name}:700000:65536\n{b.bob.pw_name}:765536:65536\n")
        b.check(not [f for f in _findings(b) if "subuid" in f["what"]],
                "ranges side by side are fine")


def test_a_kernel_that_cannot_be_looked_at(b):
    """What is wrong is told, and not what follows from it."""
    def lines(change):
        def stage():
            kernel.private_mounts()
            change()
        r = b.run(b.stage.bin / "nsctl", "check", "--brief", "--config", b.stage.conf, preexec_fn=stage)
        return [x for x in r.stdout.splitlines() if re.search("kernel|/proc|overlay", x) and "ping" not in x] or r.stderr

    seen = lines(lambda: kernel.mount("proc", "/proc", "proc", options="subset=pid"))
    b.check(len(seen) == 1 and seen[0].startswith("error: /proc shows") and "ProcSubset=" in seen[0], "a /proc of processes alone is one error", seen)
    other = b.stage.private / "other"
    for name, text in ((f"lib/modules/{os.uname().release}/modules.dep", "kernel/fs/overlayfs/overlay.ko:\n"), ("filesystems", ""),
                       ("kernel/seccomp/actions_avail", "allow\n"), ("kernel/modules_disabled", "")):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text, encoding="ascii")

    def no_overlay():
        kernel.mount("overlay", "/usr/lib", "overlay", kernel.MS_RDONLY, f"lowerdir={other}/lib:/usr/lib")
        kernel.bind(other / "filesystems", "/proc/filesystems")
        kernel.bind(other / "kernel", "/proc/sys/kernel")

    for disabled, severity, what in ((0, "note", "isn't loaded yet"), (1, "error", "modules_disabled lets none be loaded")):
        (other / "kernel/modules_disabled").write_text(f"{disabled}\n", encoding="ascii")
        seen = lines(no_overlay)
        b.check(len(seen) == 1 and seen[0].startswith(severity) and what in seen[0],
                f"an overlay that isn't loaded: {severity}, with kernel.modules_disabled={disabled}", seen)


def test_what_was_given_out_and_cannot_be_read(b):
    """Whoever needs a range or an address is refused for it, and nobody is given what may be another's."""
    b.stage.config("Network=private\n")
    for name, line, in (("ranges", f"{b.alice.pw_uid} 1879048192 65536 {b.alice.pw_name}"),
                        ("addresses", f"{b.alice.pw_uid} 1 {b.alice.pw_name}")):
        path = pathlib.Path("/var/lib/nsshell") / name
        for what, data, found in (("as it is written", line, None), ("with a line of something else", f"{line}\ngarbage", "line 2 isn't"),
                                  ("of 0 bytes, as a crash may leave it", "\0" * 50, "0 bytes")):
            path.write_text(data + "\n", encoding="ascii")
            path.chmod(0o600)
            seen = [f for f in _findings(b) if str(path) in f["what"]]
            b.check(len(seen) == 1 and seen[0]["severity"] == "error" and found in seen[0]["what"] if found else not seen,
                    f"{path} {what} is {'an error' if found else 'fine'}", seen or "nothing")
            r = b.ssh(b.carol.pw_name, "echo in") if found else None
            b.check(not found or r.stdout != "in\n" and b.stage.syslog.wait(f"{path}.*{found}"),
                    "and the log says so of a login that is refused", b.log_tail(3))
        path.unlink()


def test_terminals_that_nobody_can_look_at(b):
    b.stage.config("Record=yes\n")
    seen = _about(b, _findings(b), "Record=yes has no effect on 3 accounts", "note",
                  "Record=yes and another login shell than nsshell is a note")
    b.check(seen and all(p.pw_name in seen[0]["concerns"] for p in (b.alice, b.bob, b.carol)),
            "with the names", seen[0]["concerns"] if seen else "")
    subprocess.run(["usermod", "-s", "/usr/local/bin/nsshell", b.alice.pw_name], check=True)
    try:
        seen = _about(b, _findings(b), "Record=yes has no effect on 2 accounts", "note",
                      "one with nsshell isn't among them")
        b.check(seen and b.alice.pw_name not in seen[0]["concerns"], "nor is its name")
    finally:
        subprocess.run(["usermod", "-s", "/bin/bash", b.alice.pw_name], check=True)
    b.stage.config("")
    b.check(not [f for f in _findings(b) if "Record=" in f["what"]], "Record=no is fine")


test_terminals_that_nobody_can_look_at.later = "a row of nsctl check, as its neighbours are"


def test_shared_directories_that_are_not_bound(b):
    """What a group works in outside, and would lose or not be able to write inside."""
    top = pathlib.Path("/srv") / f"{b.stage.base.name}-shared"
    closed = pathlib.Path(f"{top}-closed")
    group, everyones, listed, secret = top / "group", top / "everyones", top / "listed", closed / "group"
    word = "isn't bound"

    def told():
        return [f["what"].split()[0] for f in _findings(b) if word in f["what"] and str(top) in f["what"]]

    for directory, gid, mode in ((group, b.proj.gr_gid, 0o2775), (everyones, 0, 0o1777), (secret, b.proj.gr_gid, 0o2775),
                              (top / "roots", 0, 0o775)):
        directory.mkdir(parents=True)
        os.chown(directory, 0, gid)
        directory.chmod(mode)
    closed.chmod(0o700)
    (top / "roots").chmod(0o755)
    listed.mkdir()
    acl.allow(listed, b.alice.pw_uid)
    theirs = sorted(map(str, (group, everyones, listed)))
    try:
        b.stage.config("")
        found = _findings(b)
        seen = _about(b, found, f"{group} can be written by {b.alice.pw_name}", "note",
                      "a group's directory that isn't bound is a note")
        b.check(seen and "lost or left" in seen[0]["what"], "Upper=tmpfs: and what becomes of what is written", "")
        b.check(sorted(told()) == theirs,
                "so is one that everybody, or who is on its ACL, may write; not one that can't be reached, or is root's",
                told())
        b.stage.config("Upper=none\n")
        _about(b, _findings(b), f"{group} can be written by {b.alice.pw_name}, and others perhaps, but isn't "
               "bound: in a box it is read-only", "note", "Upper=none: it is read-only inside")
        kernel.bind(secret, top / "roots")
        b.check(sorted(told()) == theirs, "what is another mount isn't looked into", told())
        kernel.umount(top / "roots")
        for line in (f"BindPaths={top}", f"BindPaths=-{group} {listed} {everyones}:/mnt/all", f"BindPaths={top}/*"):
            b.stage.config(f"{line}\n")
            b.check(not told(), f"bound by {line.split('=')[1].replace(str(top), '...')} it isn't told", told())
        b.stage.config(f"[User {b.alice.pw_name}]\nBindPaths={top}\n")
        whom = {f["concerns"] for f in _findings(b) if word in f["what"] and str(top) in f["what"]}
        b.check(whom and b.alice.pw_name not in whom, "each account by its own config", whom)
    finally:
        shutil.rmtree(top)
        shutil.rmtree(closed)


test_shared_directories_that_are_not_bound.later = "a row of nsctl check, as its neighbours are"


def test_directories_that_others_can_write(b):
    os.chmod(b.stage.base, 0o777)
    try:
        _about(b, _findings(b), str(b.stage.base), "error",
               "a directory above the config that others can write is an error")
    finally:
        os.chmod(b.stage.base, 0o755)


def test_resolv_conf(b):
    target = "/run/nst-resolver/resolv.conf"
    os.mkdir(os.path.dirname(target))
    with open(target, "w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\n")
    try:
        with _scratch(b, "/etc/resolv.conf") as there:
            if not there or os.path.realpath("/etc/resolv.conf") != "/etc/resolv.conf":
                b.skip("resolv.conf that leads into /run", "it is a link already, or not there")
                return
        shown = b.run("unshare", "-m", "sh", "-c",
                      "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w && "
                      "mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w "
                      f"/etc && ln -sf {target} /etc/resolv.conf && "
                      f"exec {b.stage.bin}/nsctl check -J -c {b.stage.conf}")
        found = json.loads(shown.stdout)["findings"]
        _about(b, found, target, "warning", "a resolv.conf that leads into /run is a warning")
    finally:
        shutil.rmtree(os.path.dirname(target))


def test_services_that_are_not_here(b):
    b.stage.config(default="Services=\nServices=nsshell nst-nothing\n")
    found = [f["what"] for f in _findings(b) if "no such PAM service" in f["what"]]
    b.check(len(found) == 1 and "nst-nothing" in found[0],
            "a service that isn't here is a note; nsshell's own door is no PAM service", found)


def test_memory_that_can_be_filled(b):
    word = "no MemoryMax="
    b.stage.config("")
    seen = _about(b, _findings(b), word, "note", "accounts without MemoryMax= are a note")
    b.check(len(seen) == 1 and "3 accounts" in seen[0]["what"], "one for all of them", seen)
    for did, text in (("MemoryMax=", "MemoryMax=1G"), ("a part of the machine's", "MemoryMax=50%"),
                      ("a slice with one", "Slice=nst\n[Slice nst]\nMemoryMax=4G")):
        b.stage.config(text)
        found = _findings(b)
        b.check(not [f for f in found if word in f["what"] or f["severity"] == "error"
                     and "MemoryMax" in f["what"]], f"with {did} there is none",
                [f["what"] for f in found if "Memory" in f["what"]] or "none")
    b.stage.config(f"MemoryMax=1G\n[User {b.alice.pw_name}]\nMemoryMax=infinity\n")
    seen = _about(b, _findings(b), word, "note", "one account without it is told")
    b.check(seen and seen[0]["concerns"] == b.alice.pw_name and "1 account " in seen[0]["what"],
            "by name", seen)


test_memory_that_can_be_filled.later = "a row of nsctl check, as its neighbours are"


def test_every_finding_says_what_to_do(b):
    """Also those that this host hasn't: the calls that make them."""
    calls = [c for p in sorted((TREE / "nsshell").rglob("*.c"))
             for c in re.findall(r"findings_add\(\s*f,.*?;", p.read_text(encoding="utf-8"), re.S)]
    if not (TREE / "nsshell").exists():
        b.skip("calls of findings_add()", "there are no sources here")
        return
    empty = [" ".join(c.split()) for c in calls if re.search(r',\s*""\s*,', c)]
    b.check(len(calls) > 40 and not empty, "each finding says whom it concerns and what to do",
            empty or f"{len(calls)} calls")


def test_names_that_nobody_has(b):
    """Mistyped, a section isolates nobody."""
    b.stage.config(f"[User {b.bob.pw_name}]\nTasksMax=100\n[User nst-alise]\nIsolate=yes\n"
                   f"[Group nst-studens]\nIsolate=yes\n[Group root]\nTasksMax=100\n")
    found = _findings(b)
    for title, kind in (("[User nst-alise]", "account"), ("[Group nst-studens]", "group")):
        _about(b, found, f"{title}: there is no such {kind}", "warning", f"a section {title} that is nobody's")
    seen = [f["what"] for f in found if "there is no such" in f["what"]]
    b.check(len(seen) == 2, "and no section of a name that somebody has", seen)


def test_without_root(b):
    public = b.stage.base / "public.conf"
    public.write_text(b.stage.conf.read_text(encoding="utf-8"), encoding="utf-8")
    r = b.run(b.stage.bin / "nsctl", "check", "-c", str(public), user=b.plain.pw_uid,
              group=b.plain.pw_gid, extra_groups=[])
    b.check("weren't looked at" in r.stdout, "who isn't root is told what wasn't looked at",
            r.stdout.splitlines()[-1:], r.stderr)
    public.unlink()


def test_abstract_sockets(b):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0nst-abstract")
        found = [f for f in _findings(b) if "abstract" in f["what"]]
        b.check(not found or "@nst-abstract" not in found[0]["what"],
                "an abstract socket that nobody listens on isn't told of")
        s.listen()
        if kernel.landlock_abi() >= 6:
            b.check(not any("abstract" in f["what"] for f in _findings(b)),
                    "nor is one that somebody listens on, where boxes can't reach it")
            return
        _about(b, _findings(b), "abstract socket", "note", "one that somebody listens on is a note")


def _has_project_quotas():
    mounts = [m.split() for m in open("/proc/mounts", encoding="utf-8")]
    here = os.stat("/var/lib").st_dev
    return any(("prjquota" in m[3] or "pquota" in m[3]) and m[1].startswith("/") and os.path.exists(m[1])
               and os.stat(m[1]).st_dev == here for m in mounts)


def test_disks_that_can_be_filled(b):
    b.stage.config("")
    word = "Upper=disk without a disk quota"
    b.check(not [f for f in _findings(b) if word in f["what"]], "uppers in memory need no quota")
    b.stage.config(f"[User {b.alice.pw_name}]\nUpper=disk\n")
    seen = _about(b, _findings(b), word, "warning", "Upper=disk, and no quota on /var/lib/nsshell")
    b.check(seen and b.alice.pw_name in seen[0]["concerns"] and "1 account " in seen[0]["what"],
            "it names the account", seen)
    b.check(not [f for f in _findings(b, b.carol) if word in f["what"]], "without root it isn't looked at")
    b.stage.config(f"[User {b.alice.pw_name}]\nVolumes=data:/srv\n")
    seen = _about(b, _findings(b), "Volumes= without a disk quota", "warning", "Volumes=, which UpperSize= doesn't limit, without a quota")
    b.check(seen and b.alice.pw_name in seen[0]["concerns"] and not [f for f in _findings(b) if word in f["what"]], "it names that account, too", seen)


# What a file system answers that has a quota of that user; no kernel without such a file system can be asked for one.
QUOTA = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=quotactl_fd:retval=0:poke_exit=@arg4=" + "0010000000000000" * 6)


def test_disks_with_quotas_of_users(b):
    """They end what an account writes, and not what root of a box does, whose files have other owners."""
    lines = f"[User {b.alice.pw_name}]\nUpper=disk\nVolumes=data:/srv\n"
    words = ("Upper=disk without a disk quota", "Volumes= without a disk quota")
    for what, more, open_ones in (("with Root=no", "", []), ("with Root=yes", "RootFS=image:none\nRoot=yes\n", list(words))):
        b.stage.config(lines + more)
        r = b.run(*QUOTA, b.stage.bin / "nsctl", "check", "--json", "--config", str(b.stage.conf), timeout=60)
        seen = [w for w in words if w in r.stdout]
        b.check(seen == open_ones and '"findings"' in r.stdout, f"a quota of the user's, {what}: what nothing ends is {seen or 'nothing'}",
                r.stdout[-600:] + r.stderr)


test_disks_with_quotas_of_users.not_instrumented = "strace follows it, beside which no sanitizer looks for leaks"


def test_a_size_that_the_disk_cannot_have(b):
    """UpperSize= with Upper=disk where no quotas of projects hold: tests/vm/test_disk.py has one where they do."""
    if _has_project_quotas():
        b.skip("UpperSize= with Upper=disk, refused", "this host's /var/lib has quotas of projects")
        return
    word = "UpperSize= with Upper=disk needs quotas of projects"
    name = b.alice.pw_name
    b.stage.config(f"[Default]\nUpperSize=64M\n[User {name}]\nUpper=disk\n")
    b.check(not [f for f in _findings(b) if word in f["what"]], "a size before Upper=disk is none of the disk's")
    r = b.ssh(name, "true")
    b.check(r.returncode == 0, "and nobody's login fails for it", r.stderr)
    b.stage.config(f"[User {name}]\nUpper=disk\nUpperSize=64M\n")
    seen = _about(b, _findings(b), word, "error", "UpperSize= beside Upper=disk, on a disk that can't")
    b.check(seen and seen[0]["concerns"] == name and "tune2fs" in seen[0]["what"] and "prjquota" in seen[0]["what"],
            "it names the account, and says how to have them", seen)
    b.check(b.ssh(name, "true").returncode != 0, "logins are refused")
    b.stage.config(f"[User {name}]\nUpper=disk\nUpperSize=infinity\n")
    b.check(not [f for f in _findings(b) if word in f["what"]], "infinity asks for nothing")
    r = b.ssh(name, "true")
    b.check(r.returncode == 0, "and lets in", r.stderr)
    b.gone()
    b.run("sh", "-c", f"rm -rf /var/lib/nsshell/upper/{b.alice.pw_uid}")


test_disks_that_can_be_filled.later = "a row of nsctl check, as its neighbours are"


def test_limits_that_let_nobody_work(b):
    for said, told in (("TasksMax=4", True), ("TasksMax=64", False), ("TasksMax=10%", False), ("MemoryMax=1M", True), ("MemoryMax=64M", False)):
        b.stage.config(f"{said}\n")
        seen = [f for f in _findings(b) if f"{said.partition('=')[0]}=" in f["what"] and "is less than" in f["what"]]
        b.check(len(seen) == told and all(f["severity"] == "warning" for f in seen), f"{said}: {'a' if told else 'no'} warning", seen)


def test_what_is_not_there_is_a_finding(b):
    """And keeps nobody from hearing of all else."""
    for said, word in (("RootFS=image:nst-none", "RootFS=image:nst-none"), ("Network=netns:nst-none", "ip netns add nst-none")):
        b.stage.config(f"{said}\nTasksMax=4\n")
        found = _findings(b)
        _about(b, found, word, "error", f"{said}: an error")
        b.check(len([f for f in found if word in f["what"]]) == 1 and any("TasksMax=4 is" in f["what"] for f in found),
                "told once, beside what else there is", [f["what"] for f in found])


def test_a_module_where_pam_does_not_look(b):
    """make install PAMDIR=: PAM's files have its bare name, and root's logins would fail, too."""
    place = next(pathlib.Path("/usr/lib").glob("*/security/pam_permit.so")).parent
    with _scratch(b, place):
        shutil.copy(b.stage.build / "pam_nsshell.so", place)
        found = _findings(b)
        _about(b, found, "PAM's own modules aren't in", "error", "a directory with none of PAM's own modules is an error")
        r = b.nsctl("enable", "--yes", "--config", str(b.stage.conf), "su")
        b.check(r.returncode != 0 and "nothing was changed" in r.stderr, "and nsctl enable changes nothing", r.stderr)
        (place / "pam_permit.so").touch()
        found = [f["what"] for f in _findings(b) if "PAM's own" in f["what"]]
        b.check(not found, "where they are it isn't", found)


def test_names_that_users_choose(b):
    """In a directory that all may write, or at a mount point: nothing steers root's terminal, or makes a line of its own."""
    name = b"\x1b]0;nst\x07\xff\nerror: forged"
    shared = b"/srv/" + b.stage.base.name.encode()
    mounted = b"/mnt/" + b.stage.base.name.encode() + name
    os.mkdir(shared)
    os.mkdir(mounted)
    try:
        os.chmod(shared, 0o1777)
        os.mkdir(shared + b"/" + name)
        os.chmod(shared + b"/" + name, 0o777)
        b.run("mount", "-t", "tmpfs", "none", os.fsdecode(mounted))
        b.stage.config("")
        seen = [f["what"] for f in _findings(b) if "forged" in f["what"]]
        b.check(seen and all("\x1b" not in x and "\n" not in x for x in seen), "nsctl check --json tells of it", seen)
        for words in (("check",), ("check", "--brief"), ("plan", b.alice.pw_name)):
            r = b.nsctl(*words, "--config", str(b.stage.conf))
            lines = [x for x in (r.stdout + r.stderr).split("\n") if "forged" in x]
            b.check(lines and "\x1b" not in r.stdout and not any(x.startswith("error: forged") for x in lines),
                    f"nsctl {words[0]} {'--brief' if len(words) == 2 and words[0] == 'check' else ''}: in one line, without a control", lines)
        for _ in range(2):
            b.run("mount", "--bind", os.fsdecode(mounted), os.fsdecode(mounted))
        r = b.nsctl("plan", "--json", "--config", str(b.stage.conf), b.alice.pw_name)
        b.check("forged" in r.stdout and json.loads(r.stdout), "nsctl plan --json can be parsed", r.stderr)
    finally:
        while b.run("umount", os.fsdecode(mounted)).returncode == 0:
            pass
        os.rmdir(mounted)
        shutil.rmtree(os.fsdecode(shared))


def test_tmp_above_memory(b):
    word = "TmpSize= or UpperSize= above MemoryMax="
    for large in ("TmpSize=200M\nUpperSize=64M", "TmpSize=64M\nUpperSize=200M"):
        b.stage.config(f"MemoryMax=128M\n{large}\n")
        _about(b, _findings(b), word, "warning", f"{large.split()} with MemoryMax=128M is a warning")
    for small in ("TmpSize=64M\nUpperSize=64M", "TmpSize=64M\nUpper=disk"):
        b.stage.config(f"MemoryMax=128M\n{small}\n")
        b.check(not [f for f in _findings(b) if word in f["what"]], f"{small.split()} is none")


test_tmp_above_memory.later = "a row of nsctl check, as its neighbours are"


def test_32_bit_programs_and_families(b):
    """Their socketcall(2) is refused as a whole: tests/unit/test_filter_machines.c, hostile judge."""
    word = "they can open no socket"
    there = os.uname().machine == "x86_64" and os.path.exists("/lib/ld-linux.so.2")
    if not there:
        b.skip("32-bit programs that open sockets", "this host runs none")
    for said, told in (("", True), ("RestrictAddressFamilies=AF_VSOCK\n", True),
                       ("RestrictAddressFamilies=no\n", False), ("SystemCallFilter=no\n", False)):
        b.stage.config(said)
        seen = [f for f in _findings(b) if word in f["what"]]
        b.check(len(seen) == (told and there) and all(b.alice.pw_name in f["concerns"] for f in seen),
                f"{said.strip() or 'the default'}: {'a note' if told and there else 'no note'}", seen)


test_32_bit_programs_and_families.later = "a row of nsctl check, as its neighbours are"


def test_the_line_itself(b):
    """What PAM doesn't heed, or can't find: the login is let in outside then, or nobody is."""
    line = b.stage.module_line()
    rows = (
        (line, ()),
        (b.stage.module_line(control="requisite"), ()),
        (b.stage.module_line(control="optional"), ("PAM goes on where",)),
        (b.stage.module_line(control="sufficient"), ("PAM goes on where",)),
        (b.stage.module_line(control="[success=ok default=ignore]"), ("PAM goes on where",)),
        ("-" + line, ("isn't there, PAM goes on",)),
        (b.stage.module_line("gat"), ('unknown argument "gat"',)),
        (b.stage.module_line(config="nsshell.conf"), ('unknown argument "config=nsshell.conf"',)),
        (b.stage.module_line(config="/nst/not/there"), ("config=/nst/not/there isn't there",)),
        (b.stage.module_line(helper="/nst/not/there"), ("helper=/nst/not/there isn't there",)),
        (line.replace(str(b.stage.module), "/nst/pam_nsshell.so"), ("/nst/pam_nsshell.so isn't there: PAM refuses",)),
    )
    for text, words in rows:
        b.stage.pam("sshd", text)
        seen = [f["what"] for f in _findings(b) if f["what"].startswith("/etc/pam.d/sshd:")]
        b.check(len(seen) == len(words) and all(w in s for w, s in zip(words, seen, strict=False)),
                f"{' '.join(text.split()).replace(str(b.stage.private), '')}: {words[0] if words else 'nothing'}", seen)


def test_sshd_without_pam(b):
    """UsePAM is no where nobody says yes: sshd opens no session then, and nothing refuses the login."""
    conf = b.stage.private / "sshd_config.pam"
    part = b.stage.private / "pam.conf"
    b.stage.pam("sshd", b.stage.module_line())
    rows = (
        ("Port 22\n", "", "has no UsePAM"),
        ("# UsePAM yes\nusepam no\nUsePAM yes\n", "", "says UsePAM no"),
        (f"Include {part}\nUsePAM no\n", "UsePAM\t=\tyes\n", None),
        ("UsePAM yes\n", "", None),
        ("Match Group box\n\tForceCommand /usr/local/bin/nsshell\n", "", None),
        ("Match Group box\n\tForceCommand /bin/nsshell-not\n", "", "has no UsePAM"),
    )
    conf.touch()
    kernel.bind(conf, "/etc/ssh/sshd_config")
    try:
        for text, included, words in rows:
            conf.write_text(text, encoding="ascii")
            part.write_text(included, encoding="ascii")
            seen = [f for f in _findings(b) if "UsePAM" in f["what"]]
            b.check(len(seen) == (words is not None) and all(
                words in f["what"] and f["severity"] == "warning" and b.alice.pw_name in f["concerns"] for f in seen),
                f"sshd_config {text!r}: {'a warning' if words else 'no warning'}", seen)
        b.stage.config(default="Services=\nServices=su\n")
        conf.write_text("Port 22\n", encoding="ascii")
        seen = [f for f in _findings(b) if "UsePAM" in f["what"]]
        b.check(not seen, "where Services= doesn't list sshd nothing is said", seen)
    finally:
        kernel.umount("/etc/ssh/sshd_config")
        conf.unlink()
        part.unlink(missing_ok=True)


# As winbind and sssd (case_sensitive=false) answer: by whatever case, with the name that the directory has.
NSS_OF_ANY_CASE = """
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

enum nss_status _nss_nstcase_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *num);
enum nss_status _nss_nstcase_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, int *num)
{
	if (strcasecmp(name, "nstdirectory") != 0)
		return NSS_STATUS_NOTFOUND;
	*pw = (struct passwd){ "nstdirectory", "x", 5999, 5999, "", "/home/nstdirectory", "/bin/sh" };
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_nstcase_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *num);
enum nss_status _nss_nstcase_getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, int *num)
{
	static char *none[] = { NULL };

	if (strcasecmp(name, "nststudents") != 0)
		return NSS_STATUS_NOTFOUND;
	*gr = (struct group){ "nststudents", "x", 5999, none };
	return NSS_STATUS_SUCCESS;
}
"""


def test_names_of_any_case(b):
    """What the host finds by a name that is written otherwise isn't what a section is for."""
    lib = b.stage.private / "libnss_nstcase.so.2"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-o", lib, "-"], input=NSS_OF_ANY_CASE, text=True, check=True)
    b.stage.config("[User NSTDirectory]\nIsolate=yes\n[Group NSTStudents]\nIsolate=yes\n[User nstdirectory]\nTasksMax=100\n"
                   "[Group nstsecond]\nIsolate=yes\n[Group nstfirst]\nIsolate=yes\n")
    with etc.own_etc(b) as e:
        with open(e / "group", "a", encoding="ascii") as f:
            f.write(f"nstfirst:x:5998:\nnstsecond:x:5998:{b.plain.pw_name}\n")
        (e / "nsswitch.conf").write_text("passwd: files nstcase\ngroup: files nstcase\n", encoding="ascii")
        r = b.run(b.stage.bin / "nsctl", "check", "--json", "--config", str(b.stage.conf),
                  env={**os.environ, "LD_LIBRARY_PATH": str(lib.parent)})
    found = [f for f in json.loads(r.stdout)["findings"] if "does nothing: this host's name" in f["what"]]
    for title, name in (("[User NSTDirectory]", "nstdirectory"), ("[Group NSTStudents]", "nststudents"), ("[Group nstsecond]", "nstfirst")):
        _about(b, [f for f in found if f["concerns"] == name], title, "warning", f"{title} where the host has {name}")
    b.check(len(found) == 3, "and nothing of those whose name is right", found)


test_names_of_any_case.not_instrumented = "a library without its runtime is loaded"


def test_files_that_are_not_read(b):
    """A drop-in whose name doesn't end in .conf does nothing, and what it should have isolated isn't."""
    directory = pathlib.Path(f"{b.stage.conf}.d")
    directory.mkdir()
    try:
        for name in ("students", "staff.config", ".hidden", "x.conf", "x.conf~", "y.conf.dpkg-old"):
            (directory / name).write_text("", encoding="ascii")
        seen = [f for f in _findings(b) if "isn't read" in f["what"]]
        b.check(sorted(f["what"].split(" ")[0] for f in seen) == [f"{directory}/{n}" for n in ("staff.config", "students")],
                "each is a note, but for what editors and packages leave", seen)
    finally:
        shutil.rmtree(directory)
