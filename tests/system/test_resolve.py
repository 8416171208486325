# SPDX-License-Identifier: BSD-3-Clause
"""Paths that the config names: links, types, places that no box gets, and what is hidden."""

import contextlib
import ctypes
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess

from harness import acl, kernel

# What the names of what is made outside of the stage begin with: suites run side by side.
NST = "nst" + os.environ.get("NSSHELL_TEST_NAME", "")


def _as(user, *argv):
    subprocess.run(argv, user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=True,
                   cwd="/")


@contextlib.contextmanager
def _link(path, target, user=None):
    if user:
        _as(user, "ln", "-sn", str(target), str(path))
    else:
        os.symlink(target, path)
    try:
        yield path
    finally:
        os.unlink(path)


@contextlib.contextmanager
def _directory(path, mode=0o755, user=None):
    path = pathlib.Path(path)
    path.mkdir(mode=mode)
    path.chmod(mode)
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _file(path, text="secret\n", mode=0o644):
    path = pathlib.Path(path)
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    return path


def _socket(path, user=None):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    os.chmod(path, 0o777)
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    return s


def _box(b, config, command, want, did):
    """What alice sees with that config; @want is all of it."""
    b.stage.config(config)
    r = b.ssh(b.alice.pw_name, command)
    return b.check(r.stdout == want, did, repr(r.stdout[:200]),
                   f"{config}: {command}: {r.stdout} {r.stderr} {b.stage.syslog.lines('refused|left out')[-2:]}")


def _refused(b, config, cause, did):
    """The login is, and nsctl check and nsctl plan say so beforehand, with the reason."""
    b.stage.config(config)
    b.stage.syslog.clear()
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.returncode != 0 and r.stdout != "in\n" and b.stage.syslog.wait(cause),
            f"{did}: refused", "", r.stdout + r.stderr + b.log_tail(4))
    r = b.nsctl("plan", "--config", b.stage.conf, "--service", b.stage.sshd_service,
                b.alice.pw_name)
    b.check(r.returncode != 0 and cause in r.stderr, f"{did}: nsctl plan says so", "",
            r.stdout[:300] + r.stderr)
    r = b.nsctl("check", "--config", b.stage.conf)
    b.check(cause in r.stdout, f"{did}: nsctl check says so", "", r.stdout[-800:] + r.stderr)


def _refused_at_login(b, config, cause, did):
    b.stage.config(config)
    b.stage.syslog.clear()
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.returncode != 0 and r.stdout != "in\n" and b.stage.syslog.wait(cause), f"{did}: refused", "",
            r.stdout + r.stderr + b.log_tail(4))


def _left_out(b, config, cause, did):
    target = config.strip().split(":")[-1] if ":" in config else f"/{NST}-none"
    _box(b, config, f"echo in; ls -d {target} 2>/dev/null", "in\n", f"{did}: left out, with no harm")
    r = b.nsctl("plan", "--config", b.stage.conf, "--service", b.stage.sshd_service,
                b.alice.pw_name)
    b.check(r.returncode == 0 and (not cause or cause in r.stdout), f"{did}: nsctl plan says why",
            "", r.stdout[-600:] + r.stderr)


def test_a_socket_that_is_a_link_of_the_users(b):
    theirs = pathlib.Path(b.bob.pw_dir) / "closed"
    app = pathlib.Path(b.alice.pw_dir) / "app.sock"
    with _directory(theirs, 0o700, b.bob):
        _file(theirs / "file")
        with _link(app, theirs, b.alice):
            _refused(b, f"Sockets={app}:/mnt/app.sock\n", "symlink", "a socket that is a link")
            _left_out(b, f"Sockets=-{app}:/mnt/app.sock\n", "symlink", "a socket that is a link, '-'")


def test_what_is_no_socket(b):
    home = pathlib.Path(b.alice.pw_dir)
    with _directory(f"/srv/{NST}-dir"):
        _file(f"/srv/{NST}-dir/file")
        _refused(b, f"Sockets=/srv/{NST}-dir/file:/mnt/x\n", "neither a socket", "a file in Sockets=")
        _refused(b, "Sockets=/etc/shadow:/mnt/x\n", "neither a socket", "shadow in Sockets=")
        s = _socket(f"/srv/{NST}-dir/sock")
        own = _socket(home / "sock", b.alice)
        _box(b, f"Sockets=/srv/{NST}-dir/sock:/mnt/x {home}/sock:/mnt/y /srv/{NST}-dir:/mnt/z\n",
             "test -S /mnt/x && test -S /mnt/y && test -S /mnt/z/sock && echo all", "all\n",
             "sockets, and a directory of them")
        s.close()
        own.close()
        os.unlink(home / "sock")


def test_what_is_no_device(b):
    with _link(f"/dev/{NST}-null", "null"), _link(f"/dev/{NST}-out", f"/srv/{NST}-node"):
        os.mknod(f"/srv/{NST}-node", 0o020666, os.makedev(1, 3))
        try:
            _box(b, f"Devices=/dev/{NST}-null\n", f"echo x >/dev/{NST}-null && echo in", "in\n",
                 "a device behind a link of root's")
        finally:
            os.unlink(f"/srv/{NST}-node")
    s = _socket(f"/dev/{NST}-sock")
    try:
        _refused(b, f"Devices=/dev/{NST}-sock\n", "neither a device", "a socket in Devices=")
        _left_out(b, f"Devices=-/dev/{NST}-sock\n", "neither a device", "a socket in Devices=-")
        _box(b, f"Devices=-/dev/{NST}-s*\n", f"ls /dev/{NST}-sock 2>/dev/null; echo in", "in\n",
             "a pattern of Devices= takes devices alone")
    finally:
        s.close()
        os.unlink(f"/dev/{NST}-sock")


def test_a_source_that_is_a_link_of_the_users(b):
    www = pathlib.Path(b.alice.pw_dir) / "www"
    for target in ("/", "/proc", "/run", "/var/lib", "/etc", b.bob.pw_dir, "/root", "/root/none"):
        with _link(www, target, b.alice):
            _left_out(b, f"BindPaths=-{www}:/mnt/www\n", "symlink", f"BindPaths=- of a link to {target}")
    with _link(www, "/", b.alice):
        _refused(b, f"BindPaths={www}:/mnt/www\n", "symlink", "BindPaths= of a link to /")
        _refused(b, f"BindReadOnlyPaths={www}/etc:/mnt/www\n", "symlink",
                 "BindReadOnlyPaths= through a link to /")


def test_nothing_tells_of_what_is_in_roots_home(b):
    """Whether the place appears, and as what, must be the same whatever is there."""
    link = pathlib.Path(b.alice.pw_dir) / "x"
    secret = pathlib.Path(f"/root/{NST}-secret")
    b.stage.config(f"BindPaths=-{link}:/mnt/x\n")
    seen = set()
    with _link(link, secret, b.alice):
        for make in (None, secret.mkdir, secret.touch):
            if make:
                make()
            r = b.ssh(b.alice.pw_name, "stat -c %F /mnt/x 2>&1; echo in")
            seen.add(r.stdout)
            if secret.is_dir():
                secret.rmdir()
            elif secret.exists():
                secret.unlink()
    b.check(len(seen) == 1, "nothing there, a directory, a file: it looks the same", seen)


def test_kernel_file_systems(b):
    for source in ("/proc", "/proc/sys", "/sys", "/sys/kernel", *kernel.cgroup_roots()[:1]):
        _refused(b, f"BindPaths={source}:/mnt/p\n", "file system of the kernel",
                 f"BindPaths={source}")
    _left_out(b, "BindPaths=-/proc:/mnt/p\n", "file system of the kernel", "BindPaths=-/proc")
    with _directory(f"/srv/{NST}-root"):
        os.mkdir(f"/srv/{NST}-root/proc")
        _file(f"/srv/{NST}-root/file", "in\n")
        kernel.mount("proc", f"/srv/{NST}-root/proc", "proc")
        try:
            for key in ("BindPaths", "BindReadOnlyPaths"):
                _box(b, f"{key}=/srv/{NST}-root:/mnt\n",
                     "cat /mnt/file; ls /mnt/proc 2>/dev/null | wc -l", "in\n0\n",
                     f"{key}= of a directory with a proc in it: that is covered")
        finally:
            kernel.umount(f"/srv/{NST}-root/proc")


def test_the_own_state(b):
    for source in ("/", "/var", "/var/lib", "/run", "/run/nsshell", "/var/lib/nsshell/upper"):
        b.stage.config(f"BindPaths={source}:/mnt/all\n")
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.returncode != 0, f"BindPaths={source}: refused", "", r.stdout + r.stderr)
    with _link(f"/srv/{NST}-link", "/var/lib"):
        _refused(b, f"BindPaths=/srv/{NST}-link:/mnt\n", "state", "a link of root's to /var/lib")
    with _directory(f"/srv/{NST}-all"):
        for part in ("/", "/var/lib"):
            kernel.bind(part, f"/srv/{NST}-all")
            try:
                _refused(b, f"BindPaths=/srv/{NST}-all:/mnt\n", "state",
                         f"what the host has bound of {part}")
            finally:
                kernel.umount(f"/srv/{NST}-all")
        os.mkdir(f"/srv/{NST}-all/deep")
        _file(f"/srv/{NST}-all/file", "in\n")
        kernel.bind("/var/lib", f"/srv/{NST}-all/deep")
        try:
            _box(b, f"BindPaths=/srv/{NST}-all:/mnt\n",
                 "cat /mnt/file; ls /mnt/deep 2>/dev/null | wc -l", "in\n0\n",
                 "and below a bind: that is covered")
        finally:
            kernel.umount(f"/srv/{NST}-all/deep")


def test_links_of_roots_are_followed(b):
    s = None
    with _directory(f"/run/{NST}-app"), _directory(f"/srv/{NST}-real"), _link(f"/srv/{NST}-way", f"{NST}-real"), \
            _link(f"/srv/{NST}-abs", f"/srv/{NST}-way"):
        _file(f"/srv/{NST}-real/file", "in\n")
        s = _socket(f"/run/{NST}-app/sock")
        for source in (f"/srv/{NST}-way", f"/srv/{NST}-abs", f"/srv/../srv/{NST}-way"):
            if ".." in source:
                continue
            _box(b, f"BindPaths={source}:/mnt\n", "cat /mnt/file", "in\n",
                 f"BindPaths={source}, a link of root's")
            _box(b, f"BindReadOnlyPaths={source}/file:/srv/{NST}-way/new\n",
                 f"cat /srv/{NST}-abs/new /srv/{NST}-real/new", "in\nin\n",
                 f"a target below a link of root's, source {source}/file")
        for entry in (f"/var/run/{NST}-app", f"/var/run/{NST}-app/sock"):
            _box(b, f"Sockets=-{entry}\n",
                 f"test -S /run/{NST}-app/sock && test -S /var/run/{NST}-app/sock && echo in", "in\n",
                 f"Sockets=-{entry}")
        _box(b, f"Sockets=-/var/run/{NST}-none\n", "echo in", "in\n", "Sockets=- of nothing below a link")
        s.close()
    with _directory(f"/srv/{NST}-open", 0o777), _link(f"/srv/{NST}-open/link", "/etc"):
        _refused(b, f"BindPaths=/srv/{NST}-open/link:/mnt\n", "others than root may write",
                 "a link of root's where all may write")
    with _directory(f"/srv/{NST}-open", 0o755), _directory(f"/srv/{NST}-real"), \
            _link(f"/srv/{NST}-open/link", f"/srv/{NST}-real"):
        acl.allow(f"/srv/{NST}-open", b.alice.pw_uid)
        _refused(b, f"BindPaths=/srv/{NST}-open/link:/mnt\n", "others than root may write",
                 "a link of root's where an ACL lets a user write")
        acl.allow(f"/srv/{NST}-open", b.alice.pw_uid, mask=5)
        _box(b, f"BindPaths=/srv/{NST}-open/link:/mnt\n", "echo in", "in\n", "and where its mask doesn't")
    with _directory(f"/srv/{NST}-open", 0o775), _directory(f"/srv/{NST}-real"), \
            _link(f"/srv/{NST}-open/link", f"/srv/{NST}-real"):
        _box(b, f"BindPaths=/srv/{NST}-open/link:/mnt\n", "echo in", "in\n", "and where root's group may write")


def test_hosts_and_hostname_as_targets(b):
    with _directory(f"/srv/{NST}-static"):
        _file(f"/srv/{NST}-static/hosts", "192.0.2.1 nst\n")
        _box(b, f"BindReadOnlyPaths=/srv/{NST}-static/hosts:/etc/hosts\n", "cat /etc/hosts",
             "192.0.2.1 nst\n", "something bound onto /etc/hosts")
        host = pathlib.Path("/etc/hosts").read_text(encoding="utf-8")
        _box(b, "BindReadOnlyPaths=/etc/hosts\n", "cat /etc/hosts", host, "BindReadOnlyPaths=/etc/hosts")


def test_a_home_below_a_link(b):
    base = pathlib.Path(f"/srv/{NST}-data")
    with _directory(base), _directory(base / "home"), _link(f"/srv/{NST}-home", base / "home"):
        b.stage.accounts.add("far", groups=("box",), home=False, extra=("-d", f"/srv/{NST}-home/far"))
        user = pwd.getpwnam(b.stage.accounts.name("far"))
        b.observer.uids.add(user.pw_uid)
        try:
            with _directory(base / "home/far", 0o700, user), _directory(base / "home/other"):
                _file(base / "home/far/file", "in\n", 0o600)
                os.chown(base / "home/far/file", user.pw_uid, user.pw_gid)
                b.stage.config()
                r = b.ssh(user.pw_name, f"cat file; pwd -P; ls /srv/{NST}-home/; ls /srv/{NST}-data/home; "
                          "echo new >made")
                b.check(r.stdout.split() == ["in", f"/srv/{NST}-data/home/far", "far", "far"],
                        "a home below a link of root's: it is there, and no other", r.stdout,
                        r.stderr + b.log_tail(4))
                b.check((base / "home/far/made").exists(), "what is written there is there outside")
        finally:
            b.run("usermod", "-d", "/nonexistent", user.pw_name)
            b.stage.accounts.remove("far")


def test_mounts_below_the_home(b):
    www = pathlib.Path(b.alice.pw_dir) / "www"
    with _directory(f"/srv/{NST}-www", 0o755, b.alice), _directory(www, 0o755, b.alice):
        _file(f"/srv/{NST}-www/index", "in\n")
        os.mknod(f"/srv/{NST}-www/null", 0o020666, os.makedev(1, 3))
        shutil.copy("/bin/true", f"/srv/{NST}-www/suid")
        os.chmod(f"/srv/{NST}-www/suid", 0o4755)
        kernel.bind(f"/srv/{NST}-www", www)
        try:
            _box(b, "", "cat www/index; echo up >www/upload; cat www/null 2>&1 | grep -c denied; "
                 f"grep -c ' {www} .*nosuid,nodev' /proc/self/mountinfo", "in\n1\n1\n",
                 "what root has bound below a home is there, with nosuid and nodev")
            b.check(pathlib.Path(f"/srv/{NST}-www/upload").exists(), "an upload lands there")
            kernel.mount("proc", www, "proc")
            try:
                _box(b, "", "ls www 2>/dev/null | wc -l", "0\n", "but for a proc: that is covered")
            finally:
                kernel.umount(www)
        finally:
            kernel.umount(www)
    b.check(not (www / "upload").exists(), "and not under the mount point")


def test_targets_that_are_not_there(b):
    """On the host's disk, below the home and below a bind: made, and whose the directory above is."""
    home = pathlib.Path(b.alice.pw_dir)
    top = f"/srv/nst-{b.stage.accounts.prefix}made"
    with _directory(top, 0o755), _directory(f"{top}/shared", 0o775, b.bob), _directory(f"{top}/roots"):
        shared, roots = f"{top}/shared", f"{top}/roots"
        _box(b, f"BindPaths={shared} {roots}\nBindReadOnlyPaths=/usr/share:{home}/new/dir /etc/hostname:{home}/new/file "
             f"/usr/share:{shared}/new/dir /usr/share:{roots}/new/dir\n",
             f"ls -dU {home}/new/dir/doc {shared}/new/dir/doc {roots}/new/dir/doc; cmp {home}/new/file /etc/hostname && "
             f"stat -c %U {home}/new", f"{home}/new/dir/doc\n{shared}/new/dir/doc\n{roots}/new/dir/doc\n{b.alice.pw_name}\n",
             "the first login has all of them")
        made = {str(p): (p.stat().st_uid, p.stat().st_gid) for d in (home, pathlib.Path(shared), pathlib.Path(roots))
                for p in (d / "new").rglob("*")}
        wanted = {f"{home}/new/dir": b.alice, f"{home}/new/file": b.alice, f"{shared}/new/dir": b.bob,
                  f"{roots}/new/dir": pwd.getpwuid(0)}
        b.check(made == {p: (u.pw_uid, u.pw_gid) for p, u in wanted.items()},
                "what was made for them on the host belongs to who owns the directory above", made)
        shutil.rmtree(home / "new")


@contextlib.contextmanager
def _watched(directory):
    """What happens in it, as [(mask, name)], inotify(7)."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if libc.inotify_add_watch(fd, bytes(directory), 0xfff) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    events = []
    try:
        yield events
        raw = os.read(fd, 1 << 20)
        while raw:
            mask, length = struct.unpack_from("=4xI4xI", raw)
            events.append((mask & 0xfff, raw[16:16 + length].rstrip(b"\0").decode()))
            raw = raw[16 + length:]
    finally:
        os.close(fd)


def test_targets_are_made_by_their_owner(b):
    """Nothing is given to a user afterwards: by then it could be something else under that name."""
    home = pathlib.Path(b.alice.pw_dir)
    attrib, create = 0x4, 0x100
    try:
        with _watched(home) as events:
            _box(b, f"BindReadOnlyPaths=/usr/share:{home}/made/dir /etc/hostname:{home}/made.file\n",
                 f"ls -dU {home}/made/dir/doc; cmp {home}/made.file /etc/hostname && echo in", f"{home}/made/dir/doc\nin\n",
                 "targets below the home")
        seen = {name: {m & (attrib | create) for m, n in events if n == name} - {0} for name in ("made", "made.file")}
        b.check(all(s == {create} for s in seen.values()), "they are made, and neither chowned nor chmoded", events)
    finally:
        shutil.rmtree(home / "made", ignore_errors=True)
        (home / "made.file").unlink(missing_ok=True)
    with _directory(f"/srv/{NST}-roots", 0o755) as roots:
        os.chown(roots, 0, b.proj.gr_gid)
        roots.chmod(0o575)
        with _watched(roots) as events:
            _box(b, f"BindPaths={roots}\nBindReadOnlyPaths=/usr/share:{roots}/made\n", f"ls -dU {roots}/made/doc",
                 f"{roots}/made/doc\n", "a target in root's directory, which a group may write and root by its mode may not")
        b.check([m & (attrib | create) for m, n in events if n == "made"] == [create]
                and os.stat(roots / "made").st_gid == b.proj.gr_gid, "it is made, and not chowned", events)
    with _directory(home / "closed", 0o555, b.alice):
        _refused_at_login(b, f"BindReadOnlyPaths=/usr/share:{home}/closed/new\n", f"make {home}/closed/new inside: Permission denied",
                          "a target where its owner may make none")


def test_hidden_behind_links(b):
    see = "cat {0} 2>/dev/null; test -e {0} && echo there; echo end"
    with _directory(f"/srv/{NST}-d"), _link(f"/{NST}-data", f"/srv/{NST}-d"), _link(f"/srv/{NST}-rel", f"{NST}-d"):
        secret = _file(f"/srv/{NST}-d/secret")
        _file(f"/srv/{NST}-d/other", "other\n")
        for entry in (f"-/{NST}-data/secret", f"/{NST}-data/secret", f"/{NST}-data/sec*", f"-/srv/{NST}-rel/secret",
                      f"/srv/{NST}-rel/s*t"):
            for path in (f"/{NST}-data/secret", f"/srv/{NST}-d/secret", f"/srv/{NST}-rel/secret"):
                _box(b, f"InaccessiblePaths={entry}\n", see.format(path), "end\n",
                     f"InaccessiblePaths={entry}: {path} isn't there")
            _box(b, f"InaccessiblePaths={entry}\nBindPaths=/srv/{NST}-d:/mnt /srv/{NST}-rel:/opt\n",
                 "cat /mnt/secret /opt/secret 2>/dev/null; cat /mnt/other /opt/other", "other\nother\n",
                 f"InaccessiblePaths={entry}: in a bind elsewhere it isn't, either")
        _box(b, f"InaccessiblePaths=-/{NST}-data\n", see.format(f"/srv/{NST}-d/secret"), "end\n",
             "a link itself: what it leads to is hidden")
        b.check(secret.exists(), "on the host it is there")
        os.mkdir(f"/srv/{NST}-m")
        try:
            kernel.bind(f"/srv/{NST}-d", f"/srv/{NST}-m")
            _box(b, f"InaccessiblePaths=/srv/{NST}-m/secret\n",
                 see.format(f"/srv/{NST}-d/secret") + f"; cat /srv/{NST}-m/secret 2>/dev/null", "end\n",
                 "what the host has mounted at two places is hidden at both")
        finally:
            kernel.umount(f"/srv/{NST}-m")
            os.rmdir(f"/srv/{NST}-m")


def test_hidden_below_lib(b):
    name = next(p.name for p in pathlib.Path("/usr/lib").iterdir() if p.is_dir() and
                p.name in ("man-db", "mime", "tmpfiles.d", "sysusers.d", "init", "apt"))
    for entry in (f"-/lib/{name}", f"/lib/{name}", f"-/lib/{name[:3]}*{name[3:]}", f"-/lib/{NST}-none"):
        want = "in\n" if "none" in entry else "in\nhidden\n"
        _box(b, f"InaccessiblePaths={entry}\n",
             f"/bin/sh -c 'echo in'; test -e /usr/lib/{name} || echo hidden", want,
             f"InaccessiblePaths={entry} doesn't break the box")
    for entry in ("/usr/lib", "-/usr/bin", "/lib"):
        b.stage.config(f"InaccessiblePaths={entry}\n")
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.stdout != "in\n" and "can't do without" in "".join(b.stage.syslog.lines()),
                f"InaccessiblePaths={entry}: a box can't do without it", "", b.log_tail(3))


def test_hidden_behind_a_link_of_the_users(b):
    home = pathlib.Path(b.alice.pw_dir)
    with _link(home / "way", "/etc", b.alice):
        _refused(b, f"InaccessiblePaths={home}/way/passwd\n", "symlink", "hidden behind a user's link")
        for entry in (f"-{home}/way/passwd", f"{home}/w*/passwd", f"-{home}/way"):
            b.stage.config(f"InaccessiblePaths={entry}\n")
            if not entry.startswith("-"):
                entry = "-" + entry
            _box(b, f"InaccessiblePaths={entry}\n", "head -c 4 /etc/passwd; echo", "root\n",
                 f"InaccessiblePaths={entry}: a user's link hides nothing of the host's")


def test_a_terminated_chain_of_links(b):
    with _link(f"/srv/{NST}-a", f"{NST}-b"), _link(f"/srv/{NST}-b", f"{NST}-a"):
        _refused(b, f"BindPaths=/srv/{NST}-a:/mnt\n", "symbolic links", "links in a circle")
        _left_out(b, f"BindPaths=-/srv/{NST}-a:/mnt/x\n", "", "links in a circle, '-'")
    with _link(f"/srv/{NST}-a", f"/srv/{NST}-none/deep"):
        _left_out(b, f"BindPaths=-/srv/{NST}-a:/mnt/x\n", "", "a link to nothing, '-'")
