# SPDX-License-Identifier: BSD-3-Clause
"""
The other groups again, as they are, in a box with Root=yes and tried by its root: what it may of its own box, and of nothing
else, is a table here. After each try the observer looks, as always.
"""

import contextlib
import importlib
import os
import pathlib
import shutil
from types import MappingProxyType

import group_root
from group_root import ROOT, again, as_root
from harness.imagestore import programs

# Who tries, and where they begin: in the account's home, where no file gets another's id, or in the image, where all is root's.
PLACE = "/root/work"
GROUPS = (("files", "root", None), ("files", "root", PLACE), ("ipc", "root", None), ("masks", "root", None), ("terminals", "root", None),
          ("judge", "root", PLACE), ("homes", "root", None), ("privileges", "the account", None), ("network", "root", None), ("private", "root", None))
# What is tried with, of the host's programs: busybox has the rest.
PROGRAMS = ("bash", "id", "find", "awk", "pgrep", "pkill", "ps", "mount", "umount", "ipcs", "ipcrm", "ipcmk", "renice", "nsenter",
            "unshare", "newgrp", "chsh", "passwd", "ping", "ssh", "python3", "logger", "wall", "stat", "ls", "cat", "chmod", "chown",
            "cp", "rm", "mv", "ln", "grep", "readlink", "sort", "sed", "head", "dd", "setsid", "touch", "getcap", "newuidmap",
            "kill", "stty", "tty", "cut", "tr", "uniq", "wc", "timeout", "rmdir", "mkdir", "mknod", "sleep", "env", "seq", "whoami",
            "tail", "tee", "od", "hostname", "chroot", "nproc", "date", "echo", "true", "false", "xargs", "ip", "nft", "iptables", "tc", "sysctl")
# A file of root's in the home, which has no place for its id.
NO_ID = ".*(Value too large|EOVERFLOW).*"
# The host's setuid programs: the image hasn't them, or without the bit, or they are its own, which tell the account nothing.
NOT_THERE = ".*No such file.*|.*AT_SECURE: 0 .*|777 0|"
# What it may of its own box, as an answer more that a try may get.
CAPS = "00000000800425fb"
ROOTED = rf"uid \d+ 0 0 gid \d+ \d+ \d+ caps {CAPS[7:]} secure [01]"
OWN = {
    "files": {
        **dict.fromkeys(("a link in /tmp under a name that the other uses", "to write passwd", "to replace passwd",
                         "a library for all", "a file beside it", "to replace it"), ""),
        **dict.fromkeys(("a hardlink to shadow", "a hardlink to passwd in the home", "chroot", "chown of an own file to the other",
                         "chown of an own file to root"), "ok"),
        "a hardlink to a setuid program in the upper": "ENOENT", "root's home": "work", "root's home, as root of the box": "work",
        "shadow, as root of the box": "root::.* {name}:!.*", "shadow": "root::.*", "the session's own record": "{session}",
    },
    "ipc": {
        # The image has no directory of the host's, and so not its sockets.
        **dict.fromkeys(("a socket of the host in a directory of the host",
                         "a socket of the host in a directory of the host, as root of the box"), "ENOENT"),
        "the host's log is told who said it: the user": r"\[[1-9]\d{4,}\]",
    },
    "masks": {
        "mounts from nsshell's directories, and what is the other's": "{private}/log /dev/log {private}/nothing/nsshell-command "
        "/run/nsshell/command {private}/run/own/{uid} /run/nsshell/own/{uid} {private}/run/sessions/{session}.limits /run/nsshell/limits",
        "paths of the host in what mounts tell of layers": r"((lower|upper|work)dir=(:?(/(init|lower|upper|workdir)/\d+|l/\w{12}))+ ?)+"
        "( dir=nofollow)?",
        "listing /root": "ok", "listing /root, as root of the box": "ok",
    },
    "terminals": {"the terminal of an admin who is the box's root: opened": "ok", "signals to an admin who is the box's root": "sent"},
    "judge": {
        "effective capabilities": f"CapEff: {CAPS}", "a dangerous capability in the bounding set": "13 31", "no_new_privs": "0",
        "a dangerous capability, as root of the box": "13 31", "no_new_privs, as root of the box": "NoNewPrivs: 0",
        "prctl(2): after exec": "dumpable 1, no_new_privs 0", "any socket of the host's that can be written to": "",
        "ld.so.preload": "", "shadow": "root::.*", "debugfs(8) of the disk": ".*not found",
        "a private key that everybody can read is found": "False",
        # Its own session's end.
        "ping of death to the box's init": "the login is gone.*",
        "pid_namespaces(7): signals to init from inside are lost or refused": "the login is gone.*",
    },
    "homes": {"the same, where it may be absent": "in .*No such file.*"},
    "privileges": {
        "no_new_privs": "NoNewPrivs: 0", "mounts that aren't nosuid": "1", "su": "0", "su to the other": ".*unknown user.*", "umount": ".*failed.*",
        "all file capabilities for a file, as root of the box": "EINVAL",
        **{f"{kind}, {where}": ".*No such file.*" for where in ("root's, in the host's root", "root's, in a directory all may write",
                                                                "copied up by chmod") for kind in ("setuid", "setgid", "both", "caps")},
        "set-uid to the other": ".*No such file.*", "set-uid by the box's root in {open}": ROOTED,
    },
    # It has none.
    "private": {what: "unshare: unshare failed: No space.*" for what in (
        "a raw socket, in a user namespace", "everybody's packets, in a user namespace", "a link's flags, in a user namespace",
        "an address on lo, in a user namespace", "the same in a user namespace", "a network below: it has no way out",
        "a link between it and one's own")},
}
# What would be in the way of what follows.
UNDO = {
    "a library for all": "echo >/etc/ld.so.preload; rm -f /etc/ld.so.preload",
    "ld.so.preload": "echo >/etc/ld.so.preload; rm -f /etc/ld.so.preload",
    "to replace it": "mv /run/x /run/nsshell",
}

def fill(g):
    """What group_root has, with more of the host's programs, and Python's own library."""
    def of(root):
        paths = [p for p in (shutil.which(n, path="/usr/bin:/bin:/usr/sbin:/sbin") for n in PROGRAMS) if p]
        group_root.fill(g, programs_of=lambda r, *more: _programs(r, *paths, *more))(root)
        place = root / PLACE.lstrip("/")
        place.mkdir(parents=True)
        shutil.copy(g.attack, place / "attack")
        directory = root / str(g.stage.open).lstrip("/")
        directory.mkdir(parents=True)
        directory.chmod(0o1777)
    return of


def _programs(root, *paths):
    programs(root, *paths)
    # /bin comes before /usr/bin: busybox's of the same name would be taken.
    for path in paths:
        link = root / "bin" / os.path.basename(path)
        if link.is_symlink() and link.name != "sh":
            link.unlink()
            os.symlink(path, link)
    library = pathlib.Path(os.path.realpath("/usr/bin/python3")).name
    shutil.copytree(f"/usr/lib/{library}", root / f"usr/lib/{library}", symlinks=True,
                    ignore=shutil.ignore_patterns("__pycache__", "test", "idlelib", "lib2to3", "ensurepip", "site-packages"))


@contextlib.contextmanager
def _whole(g, root, more):
    """Every config of a group's has @root for alice; a try may also end as OWN and @more say."""
    config, judge = g.stage.config, g.judge
    of_alice = f"[User {g.alice.pw_name}]\n{root}"
    part = [""]

    def judged(what, saw, want):
        own = more.get(part[0], {}).get(what, OWN.get(part[0], {}).get(what))
        if own is None and part[0] == "privileges" and what.startswith("/"):
            own = NOT_THERE
        good = judge(what, saw, "|".join([want, NO_ID, *([] if own is None else [g.text(own)])]))
        if what in UNDO:
            g.me.do(UNDO[what])
        return good

    def configured(extra="", default=""):
        if "RootFS=" not in extra:
            extra = f"{extra}{of_alice}" if "[" in extra else of_alice + extra
        config(extra, default)

    g.stage.config = configured
    g.judge = judged
    try:
        yield part
    finally:
        del g.stage.config, g.judge


def run(g, nested="AllowUserNamespaces=no\n", more=MappingProxyType({})):
    """With @more: what else may come of a try, as OWN has it."""
    root = ROOT + nested
    chosen = os.environ.get("NSSHELL_TEST_PART", "").split()
    name = g.group
    with as_root(g, "Upper=tmpfs\n", fill) as begin, _whole(g, root, more) as part:
        for group, who, place in GROUPS:
            if chosen and group not in chosen:
                continue
            part[0], g.group = group, f"{name}: {group} by {who}" + (" in the image" if place else "")
            begin(who == "root", place or g.alice.pw_dir)
            g.stage.syslog.clear()
            again(g, root + "Upper=tmpfs\n")
            g.watch_other()
            importlib.import_module(f"group_{group}").run(g)
    g.group = name
