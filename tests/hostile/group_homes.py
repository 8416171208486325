# SPDX-License-Identifier: BSD-3-Clause
"""What a user plants in the home, and below directories that a config names, before logging in."""

import contextlib
import os
import pathlib
import shutil
import subprocess

from harness.pace import rounds

REFUSED = ".*(refused because its session could not be opened).*"
# A test of another suite has its mount there for a while.
LIST = "ls -A /srv | grep -v ^nsshell-test"


def _as(user, *argv):
    subprocess.run(argv, user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=True,
                   cwd=user.pw_dir)


@contextlib.contextmanager
def planted(user, path, target):
    """A link in a directory of the user's, made by the user."""
    _as(user, "ln", "-s", target, path)
    try:
        yield
    finally:
        os.unlink(path)


def _login(g, what, command, want, over="ssh"):
    if over == "ssh":
        r = g.scene.ssh(g.alice.pw_name, g.text(command))
    else:
        r = g.stage.run("runuser", "-l", g.alice.pw_name, "-c", g.text(command))
    return g.judge(what, r.stdout + r.stderr, g.text(want))


def _links_in_the_home(g):
    """A login must neither follow them with root's rights nor fail."""
    home = pathlib.Path(g.alice.pw_dir)
    for name, target in ((".ssh", "/root"), (".hushlogin", "/etc/shadow"),
                         (".pam_environment", "/etc/shadow"), (".Xauthority", "/etc/shadow"),
                         (".bash_profile", "/etc/shadow"), (".cache", "/root"),
                         (".config", "/root"), (".local", g.bob.pw_dir), (".rhosts", "/etc/shadow"),
                         ("tmp", "/"), (".profile", "/proc/self/mem"), ("proc", "/proc/1/root"),
                         (".nsshell", "/run/nsshell")):
        saved = None
        if os.path.lexists(home / name):
            saved = home / f"{name}.saved"
            (home / name).rename(saved)
        try:
            with planted(g.alice, home / name, target):
                _login(g, f"~/{name} -> {target} before a login", "echo in; cat "
                       f"{name} {name}/canary {name}/.ssh/id_rsa 2>/dev/null | grep -v canary "
                       "| head -c 50", "in ?")
        finally:
            if saved:
                saved.rename(home / name)


def _other_things_in_the_home(g):
    home = pathlib.Path(g.alice.pw_dir)
    # Not .pam_environment: Debian's own pam_env reads it, before any module of ours.
    for name in (".hushlogin", ".ssh", ".rhosts"):
        if os.path.lexists(home / name):
            continue
        _as(g.alice, "mkfifo", str(home / name))
        try:
            _login(g, f"~/{name} is a FIFO that nobody reads", "echo in", "in")
        finally:
            os.unlink(home / name)
    node = home / "node"
    os.mknod(node, 0o020666, os.makedev(1, 3))
    os.chown(node, g.alice.pw_uid, g.alice.pw_gid)
    try:
        g.row("a device node in the home that was there before", "{a} open node; {a} write node",
              "EACCES EACCES")
    finally:
        os.unlink(node)
    for what, path in (("shadow", "/etc/shadow"), ("the other's file", f"{g.bob.pw_dir}/canary")):
        hard = home / "hard"
        try:
            os.link(path, hard)
        except OSError as e:
            g.scene.skip(f"homes: a hardlink to {what} in the home", e.strerror)
            continue
        mode = os.stat(path).st_mode & 0o777
        r = g.scene.ssh(g.alice.pw_name, "cat hard | head -c 6")
        os.unlink(hard)
        g.judge(f"a hardlink to {what} in the home gives what its mode says ({mode:o})",
                r.stdout + r.stderr, ".*denied.*" if not mode & 4 else "canary")


def _the_home_itself(g):
    home = pathlib.Path(g.alice.pw_dir)
    moved = home.with_name(home.name + ".moved")
    home.rename(moved)
    try:
        for target in ("/root", "/etc", g.bob.pw_dir, "/", "/nst/none", "/proc/self/cwd"):
            home.symlink_to(target)
            _login(g, f"the home is a link to {target}", "echo in; pwd", REFUSED)
            home.unlink()
        home.symlink_to(moved)
        _login(g, "the home is a link of root's to the user's own", "echo in; pwd -P", f"in {moved}")
        os.lchown(home, g.alice.pw_uid, g.alice.pw_gid)
        _login(g, "the home is a link of the user's to the user's own", "echo in; pwd -P", REFUSED)
        home.unlink()
        home.write_text("", encoding="ascii")
        _login(g, "the home is a file", "echo in", REFUSED)
        home.unlink()
        home.mkdir(mode=0o755)
        _login(g, "the home is root's", "echo in; touch x; ls -d x", REFUSED + "|.*denied.*")
        home.rmdir()
        shutil.copytree(g.bob.pw_dir, home)
        os.chown(home, g.bob.pw_uid, g.bob.pw_gid)
        _login(g, "the home is the other's", "echo in; echo x >>canary; cat canary",
               REFUSED + "|.*denied.*")
        shutil.rmtree(home)
    finally:
        if os.path.islink(home) or home.is_file():
            home.unlink()
        shutil.rmtree(home, ignore_errors=True)
        moved.rename(home)


def _bind_sources(g):
    """BindPaths= below a directory that the user can write: with the user's rights, or not at all."""
    home = pathlib.Path(g.alice.pw_dir)
    secret = g.stage.private / "secret"
    # Open to all but for the directory that it lies in.
    secret.mkdir(mode=0o755)
    (secret / "file").write_text("secret\n", encoding="ascii")
    theirs = pathlib.Path(g.bob.pw_dir) / "closed"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, g.bob.pw_uid, g.bob.pw_gid)
    (theirs / "file").write_text("secret\n", encoding="ascii")
    try:
        for target in (secret, theirs, "/root", "/etc/shadow", "/run/nsshell", "/proc/1/root",
                       "/var/lib/nsshell/", "/proc/1/fd"):
            for key in ("BindPaths", "BindReadOnlyPaths"):
                with planted(g.alice, home / "shared", str(target)):
                    g.stage.config(f"{key}={home}/shared:/srv\n")
                    _login(g, f"{key}= of a link in the home to {target}", f"echo in; {LIST}; "
                           "cat /srv /srv/file 2>/dev/null", REFUSED + "|in( .*denied)?", over="runuser")
        # The place that it is mounted on is in the home, too.
        for target in ("/etc", "/usr/bin", "/", g.bob.pw_dir, "../../etc"):
            with planted(g.alice, home / "place", target):
                g.stage.config(f"BindPaths={g.stage.open}:{home}/place\n")
                _login(g, f"BindPaths= onto a link in the home to {target}",
                       "ls /etc/passwd /usr/bin/id", REFUSED + "|/etc/passwd /usr/bin/id.*", over="runuser")
                with planted(g.alice, home / "deep", target):
                    g.stage.config(f"BindPaths={g.stage.open}:{home}/deep/passwd\n")
                    _login(g, f"BindPaths= below a link in the home to {target}",
                           "head -c 4 /etc/passwd; echo", REFUSED + "|root.*", over="runuser")
        # Where nobody else's test makes anything meanwhile.
        g.stage.config(f"BindPaths=-{home}/shared:/var/opt\n")
        with planted(g.alice, home / "shared", str(secret)):
            _login(g, "the same, where it may be absent", "echo in; ls -A /var/opt", "in ?|" + REFUSED, over="runuser")
        g.stage.config(f"Sockets={home}/socket\nDevices=-/dev/nst\n")
        with planted(g.alice, home / "socket", str(secret)):
            _login(g, "Sockets= of a link in the home to a root's directory", "echo in; ls -A socket/",
                   REFUSED + "|in ?.*(denied|No such).*", over="runuser")
    finally:
        g.stage.config()
        shutil.rmtree(secret)
        shutil.rmtree(theirs)


def _a_race(g):
    """The home swapped for a link, hundreds of times a second, while logins open."""
    home = pathlib.Path(g.alice.pw_dir)
    moved, link = home.with_name(home.name + ".moved"), home.with_name(home.name + ".link")
    link.symlink_to("/root")
    swapper = subprocess.Popen(["python3", "-c", f"""
import ctypes, os
libc = ctypes.CDLL(None)
while os.getppid() == {os.getpid()}:
    libc.renameat2(-100, {str(home)!r}.encode(), -100, {str(link)!r}.encode(), 2)
"""])
    seen = set()
    try:
        tries = rounds(40)
        for _ in range(tries):
            r = g.stage.run("runuser", "-l", g.alice.pw_name, "-c", "ls -d /root ~/.bashrc; echo in; "
                            "readlink ~ || stat -c %U ~; ls -A ~ | grep -c -e '^.ssh$' -e lesshst")
            out = r.stdout.split()
            seen.add("refused" if r.returncode and "in" not in out else
                     "in own home" if g.alice.pw_name in out else f"? {r.stdout} {r.stderr}")
    finally:
        swapper.kill()
        swapper.wait()
        if home.is_symlink():
            home.unlink()
            link.rename(home)
        else:
            link.unlink()
        if os.path.lexists(moved):
            moved.rename(home)
    g.judge(f"{tries} logins while the home is swapped for a link to /root", " or ".join(sorted(seen)),
            "(in own home|refused)( or (in own home|refused))*")


def run(g):
    g.me.close()
    _links_in_the_home(g)
    g.me = g.login(g.alice.pw_name)
    _other_things_in_the_home(g)
    g.me.close()
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    _the_home_itself(g)
    _bind_sources(g)
    _a_race(g)
