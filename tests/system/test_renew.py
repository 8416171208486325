# SPDX-License-Identifier: BSD-3-Clause
"""What the host replaces at the source of a bind is there in open sessions, too: sockets, their directories, files."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import time

from harness import kernel
from harness.etc import replace
from harness.hung import Fuse
from harness.pace import patient

SECONDS = 8  # within which it is there: a second, eight while the host keeps changing, and a busy machine

ASK = ("python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
       "print(s.recv(16).decode())' {} 2>&1 | tail -1")


class Daemon:
    """Says its word to everybody who connects; it isn't there, or listens at a socket that it has just made."""

    def __init__(self, path, word="", owner=None):
        self.path, self.word = path, word
        self.owner = owner
        self.socket = None

    def start(self, word):
        if os.path.lexists(self.path):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        os.chmod(self.path, 0o666)
        if self.owner:
            os.chown(self.path, self.owner.pw_uid, self.owner.pw_gid)
        self.socket.listen(64)
        self.socket.setblocking(False)
        self.word = word

    def serve(self):
        while self.socket:
            try:
                with self.socket.accept()[0] as one:
                    one.send(self.word.encode())
            except BlockingIOError:
                return

    def stop(self, unlink=True):
        self.socket.close()
        self.socket = None
        if unlink and os.path.lexists(self.path):
            os.unlink(self.path)

    def __enter__(self):
        self.start("first")
        return self

    def __exit__(self, *_):
        if self.socket:
            self.stop()


def _ask(shell, inside, *daemons):
    """What the daemon at a path inside says to the session: it is asked while this process serves."""
    shell.do(f"rm -f $HOME/said; ({ASK.format(inside)}) > $HOME/said.new && mv $HOME/said.new $HOME/said & true")
    end = time.monotonic() + patient(10)
    said = ""
    while not said and time.monotonic() < end:
        for d in daemons:
            d.serve()
        said = shell.do("cat $HOME/said 2>/dev/null")
    return said


def _until(shell, inside, want, *daemons):
    end = time.monotonic() + patient(SECONDS)
    while True:
        said = _ask(shell, inside, *daemons)
        if want in said or time.monotonic() > end:
            return said
        time.sleep(0.1)


def _supervisor(b, user):
    return int(b.record_of(user)["supervisor_pid"])


def _mounts_at(shell, inside):
    """mountinfo's fields from the options on, the first mount first."""
    return shell.do(f"grep ' {inside} ' /proc/self/mountinfo").splitlines()


@contextlib.contextmanager
def _directory(b, name):
    directory = b.stage.base / name
    directory.mkdir()
    try:
        yield directory
    finally:
        b.gone()
        shutil.rmtree(directory)


def test_a_daemon_started_anew(b):
    with _directory(b, "daemon") as directory, Daemon(directory / "sock") as daemon:
        b.stage.config(f"Sockets={directory}/sock:/run/its.sock\n")
        with b.shell(b.alice.pw_name) as s:
            said = _ask(s, "/run/its.sock", daemon)
            b.check(said == "first", "a session reaches a daemon", said, b.log_tail())
            for word in ("second", "third", "fourth"):
                daemon.start(word)
                said = _until(s, "/run/its.sock", word, daemon)
                b.check(said == word, f"one that is started anew it reaches as well, the {word} one", said, b.log_tail())
            daemon.stop()
            time.sleep(1)
            said = _ask(s, "/run/its.sock")
            b.check("refused" in said, "one that is gone refuses", said)
            daemon.start("back")
            said = _until(s, "/run/its.sock", "back", daemon)
            b.check(said == "back", "and is reached once it is back", said, b.log_tail())
            mounts = _mounts_at(s, "/run/its.sock")
            b.check(len(mounts) == 1 and mounts[0].split()[5].startswith("ro,nosuid,nodev,noexec")
                    and mounts[0].split()[6] == "-",
                    "what was mounted before is gone, and what is there is as the first, and private", mounts)


def test_the_directory_made_anew(b):
    """As systemd's RuntimeDirectory= of a service is; by its own name, or a socket's in it, or one's above."""
    with _directory(b, "runtime") as directory:
        its = directory / "a/its"
        its.mkdir(parents=True)
        daemon = Daemon(its / "sock")
        daemon.start("first")
        b.stage.config(f"Sockets={its}:/run/dir {its}/sock:/run/one.sock\n")
        with b.shell(b.alice.pw_name) as s:
            for inside in ("/run/dir/sock", "/run/one.sock"):
                said = _ask(s, inside, daemon)
                b.check(said == "first", f"a session reaches a daemon at {inside}", said, b.log_tail())
            for word, away in (("second", lambda: shutil.rmtree(its)),
                               ("third", lambda: os.rename(directory / "a", directory / "b"))):
                daemon.stop(unlink=False)
                away()
                its.mkdir(parents=True)
                daemon.start(word)
                for inside in ("/run/dir/sock", "/run/one.sock"):
                    said = _until(s, inside, word, daemon)
                    b.check(said == word, f"the {word} one, in a new directory, at {inside}", said, b.log_tail())
        daemon.stop()


def test_several_and_files(b):
    with _directory(b, "several") as directory, Daemon(directory / "x.sock") as x, Daemon(directory / "y.sock") as y:
        (directory / "conf").write_text("old\n", encoding="ascii")
        b.stage.config(f"Share=account\nSockets={directory}/x.sock:/run/x.sock {directory}/y.sock:/run/y.sock\n"
                       f"BindReadOnlyPaths={directory}/conf:/mnt/conf\n")
        with b.shell(b.alice.pw_name) as s, b.shell(b.alice.pw_name) as t:
            b.check(s.do("cat /mnt/conf") == "old" and s.do("echo $NSSHELL_SESSION") == t.do("echo $NSSHELL_SESSION"),
                    "two logins share a session with a file of the host's", b.log_tail())
            x.start("new x")
            y.start("new y")
            replace(directory / "conf", "new\n")
            for shell in (s, t):
                said = [_until(shell, f"/run/{n}.sock", f"new {n}", x, y) for n in "xy"] + [shell.do("cat /mnt/conf")]
                b.check(said == ["new x", "new y", "new"], "two daemons and a file that the host replaced at once",
                        said, b.log_tail())
            mount = _mounts_at(s, "/mnt/conf")[-1].split()[5]
            b.check("ro," in mount and "nosuid,nodev" in mount and s.do("echo x > /mnt/conf; cat /mnt/conf") .endswith("new"),
                    "which is read-only still", mount)
            (directory / "conf").unlink()
            (directory / "conf").mkdir()
            (directory / "conf/in").write_text("in\n", encoding="ascii")
            time.sleep(1.5)
            b.check(s.do("cat /mnt/conf") == "new", "what is another thing by its kind isn't taken", s.do("ls -ld /mnt/conf"))


def test_what_users_try(b):
    """A source where the account can write, and a target that it can move: links aren't followed, nothing piles up."""
    alice, home = b.alice, pathlib.Path(b.alice.pw_dir)
    inside = pathlib.Path(f"/run/user/{alice.pw_uid}/dir/its.sock")
    with _directory(b, "users") as directory:
        (directory / "closed").mkdir(mode=0o700)
        os.chown(directory / "closed", b.bob.pw_uid, b.bob.pw_gid)
        with Daemon(directory / "closed/sock") as bobs, Daemon(home / "app.sock", owner=alice) as own, \
                Daemon(directory / "sock") as hosts:
            bobs.word = "bob's"
            b.stage.config(f"Sockets={home}/app.sock:/run/app.sock {directory}/sock:{inside}\n")
            with b.shell(alice.pw_name) as s:
                said = _ask(s, "/run/app.sock", own), _ask(s, inside, hosts)
                b.check(said == ("first", "first"), "a session reaches a socket of its own, and one in a directory of its own",
                        said, b.log_tail())
                for what, to in (("another's socket", directory / "closed/sock"), ("another's directory", directory / "closed")):
                    s.do(f"rm -f ~/app.sock; ln -s {to} ~/app.sock")
                    time.sleep(2)
                    said = _ask(s, "/run/app.sock", own, bobs)
                    b.check(said == "first", f"a link to {what}, where the socket was, isn't followed", said)
                own.start("own again")
                said = _until(s, "/run/app.sock", "own again", own)
                b.check(said == "own again", "a socket in the home that was made anew is reached", said, b.log_tail())
                count = "grep -c . /proc/self/mountinfo"
                n = s.do(count)
                for what, trick in (("a file of its own", "mkdir dir && touch dir/its.sock"),
                                    ("a link", "ln -s /etc dir"), ("a directory", "mkdir -p dir/its.sock")):
                    s.do(f"cd {inside.parent.parent} && mv dir moved && {trick}; cd")
                    hosts.start(what)
                    time.sleep(2)
                    said = s.do(f"{count}; test -S {inside} && echo mounted; ls /etc/its.sock")
                    b.check(said.splitlines()[0] == n and "mounted" not in said and "No such" in said,
                            f"nothing is mounted where the account has put {what}, and nothing piles up", (n, said))
                    s.do(f"cd {inside.parent.parent} && rm -r dir && mv moved dir; cd")
                hosts.start("at last")
                said = _until(s, inside, "at last", hosts)
                b.check(said == "at last", "moved back, it is there again", said, b.log_tail())


def test_what_it_takes(b):
    """Rights, fds and processes of the supervisor."""
    with _directory(b, "takes") as directory, Daemon(directory / "sock") as daemon:
        # With them the bounding set stays: test_commands.py.
        b.stage.config(f"Sockets={directory}/sock\nHostCommands=none\n")
        with b.shell(b.alice.pw_name) as s:
            daemon.start("second")
            _until(s, directory / "sock", "second", daemon)
            pid = _supervisor(b, b.alice.pw_name)
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            caps = {x: int(y, 16) for x, y in re.findall(r"(Cap(?:Prm|Eff|Bnd)):\t(\w+)", status)}
            # chown, dac_override, fowner, kill, setgid, setuid, sys_chroot, sys_ptrace, sys_admin, sys_resource
            want = sum(1 << c for c in (0, 1, 3, 5, 6, 7, 18, 19, 21, 24)) & kernel.capabilities()
            b.check(set(caps.values()) == {want}, "the supervisor keeps what renewing and commands take, and no more",
                    caps)
            time.sleep(3)
            fds = len(os.listdir(f"/proc/{pid}/fd"))
            daemon.start("again")
            _until(s, directory / "sock", "again", daemon)
            time.sleep(3)
            more = len(os.listdir(f"/proc/{pid}/fd")) - fds
            children = [p.comm for p in kernel.descendants(pid) if p.ppid == pid and p.comm == "nsshell-look"]
            b.check(more <= 0 and not children, "no fd and no process stays of it", (more, children))


def _readable(shell, *paths, seconds=SECONDS):
    """What of these the session can still read, once there is nothing any more, or at last."""
    end = time.monotonic() + patient(seconds)
    while True:
        said = shell.do(f"cat {' '.join(str(p) for p in paths)} 2>/dev/null")
        if not said or time.monotonic() > end:
            return said
        time.sleep(0.1)


def _secrets(directory, word):
    """A directory, a file, and one deeper that are to be hidden; and one in the open."""
    for name in ("secret/word", "key", "a/b/deep/word", "open"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        replace(directory / name, f"{word}\n")


def test_masks_below_binds(b):
    """What the host puts where something was hidden, and the old one that it has moved, by each way that shows it."""
    for conf in ("BindPaths={0} {0}:/mnt/rw", "BindReadOnlyPaths={0} {0}:/mnt/ro\nUpper=tmpfs"):
        with _directory(b, "masks") as directory:
            _secrets(directory, "old")
            hidden = [directory / n for n in ("secret", "key", "a/b/deep")]
            b.stage.config(conf.format(directory) + f"\nInaccessiblePaths={' '.join(str(h) for h in hidden)}\n")
            other = pathlib.Path("/mnt/rw" if "rw" in conf else "/mnt/ro")
            paths = [top / n for top in (directory, other) for n in ("secret/word", "key", "a/b/deep/word")]
            with b.shell(b.alice.pw_name) as s:
                b.check(s.do(f"cat {directory}/open") == "old" and _readable(s, *paths) == "",
                        f"{conf[:13]}: a session with masks below a bind", s.do("cat /proc/self/mountinfo"), b.log_tail())
                time.sleep(1.5)
                os.rename(directory / "secret", directory / "secret.old")
                os.rename(directory / "a", directory / "a.old")
                _secrets(directory, "new")
                said = _readable(s, *paths)
                b.check(said == "" and s.do(f"cat {directory}/open") == "new",
                        "what the host puts in the place of what is hidden is hidden, too: a directory, a file, one above",
                        said, b.log_tail())
                said = s.do(f"cat {directory}/secret.old/word {directory}/a.old/b/deep/word")
                b.check(said.count("denied") == 2, "and what was there still is, where it was moved", said)
                shutil.rmtree(directory / "secret")
                (directory / "key").unlink()
                time.sleep(1)
                gone = s.do(f"ls -d {directory}/secret {directory}/key")
                _secrets(directory, "newer")
                said = _readable(s, *paths)
                b.check(gone.count("No such") == 2 and said == "", "one that was gone for a while, too", (gone, said), b.log_tail())
                for path, old in ((directory / "secret", "/a/b/deep"), (directory / "key", "")):
                    last = _mounts_at(s, path)[-1].split()
                    b.check("ro,nosuid,nodev,noexec" in last[5] and last[6] == "-" and "denied" in s.do(f"umount {path}; cat {path}"),
                            "the new mask is as the first, and the user can't take it away", last)


def test_what_users_do_to_masks(b):
    """An account that may write above what is hidden moves it: its own things are masked then, and that has an end."""
    with _directory(b, "moved") as directory:
        _secrets(directory, "old")
        for path in (directory, directory / "a"):
            os.chown(path, b.alice.pw_uid, b.alice.pw_gid)
        b.stage.config(f"BindPaths={directory}\nInaccessiblePaths={directory}/a/b/deep\n")
        with b.shell(b.alice.pw_name) as s:
            s.do(f"cd {directory}")
            begun = int(s.do("grep -c . /proc/self/mountinfo"))
            for n in range(3):
                s.do(f"mv a a{n}; mkdir -p a/b/deep; echo own > a/b/deep/word")
                said = _readable(s, directory / "a/b/deep/word")
                b.check(said == "" and "denied" in s.do("cat a0/b/deep/word"),
                        f"what the account puts there is masked, and what was hidden stays so, {n + 1}", said, b.log_tail())
            more = int(s.do("grep -c . /proc/self/mountinfo")) - begun
            b.check(more == 3, "that takes a mount each", more)
            s.do("mv a a3; ln -s /etc a; cd")
            time.sleep(2)
            b.check("root" in s.do("cat /etc/passwd") and int(s.do("grep -c . /proc/self/mountinfo")) == begun + 3,
                    "a link on the way isn't followed", s.do("tail -3 /proc/self/mountinfo"))


def test_a_file_system_that_does_not_answer(b):
    """A user's FUSE on the way to a source: the supervisor waits for nobody, and has one child that does."""
    at = pathlib.Path(b.alice.pw_dir) / "hung"
    if not os.access("/dev/fuse", os.W_OK):
        b.skip("file systems that never answer", "there is no /dev/fuse")
        return
    with _directory(b, "beside") as directory, Daemon(directory / "sock") as daemon, Fuse(at, b.alice, 1 << 30) as fuse:
        b.stage.config(f"Share=account\nSockets={at}/dir:/run/dir {directory}/sock:/run/its.sock\n")
        with b.shell(b.alice.pw_name) as s, b.shell(b.alice.pw_name) as t:
            t.do("true")
            said = s.do("grep -c ' /run/dir .* fuse.hung' /proc/self/mountinfo; echo $NSSHELL_SESSION").splitlines()
            b.check(said[0] == "1", "a session with a directory on a FUSE", said, b.log_tail())
            pid = _supervisor(b, b.alice.pw_name)
            fuse.stop()
            daemon.start("second")
            end = time.monotonic() + patient(20)
            while "doesn't answer" not in b.log_tail(40) and time.monotonic() < end:
                time.sleep(0.1)
            for n in range(3):
                (directory / f"change{n}").touch()
                time.sleep(1.5)
            told = [x for x in b.stage.syslog.lines() if "doesn't answer" in x]
            b.check(len(told) == 1 and said[1] in told[0], "one that answers no more is told to the log, once", told)
            waits = [p.pid for p in kernel.descendants(pid) if p.comm == "nsshell-look"]
            b.check(len(waits) == 1, "one process waits for it, and can't be killed", waits)
            begun = time.monotonic()
            t.close()
            b.check(time.monotonic() - begun < patient(5), "a login of the session ends meanwhile", b.log_tail())
        begun = time.monotonic()
        b.check(b.gone(b.alice.pw_name) and time.monotonic() - begun < patient(5), "and so does the session", b.log_tail())
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check("in\n" not in r.stdout, "while that process lives the account has no login, and so no other of it", r.stdout)
        fuse.end()
        b.stage.config()
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check(r.stdout == "in\n", "it goes with the file system", r.stdout + r.stderr, b.log_tail())
