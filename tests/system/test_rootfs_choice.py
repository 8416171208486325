# SPDX-License-Identifier: BSD-3-Clause
"""RootFSAllow=: what an account's own file says, and what it can't say."""

import fcntl
import os
import shutil
import signal
import threading

from harness.imagestore import STORE, busybox, store
from harness.shell import Shell

NO_NAME, NO_FILE, GONE = "has no name that RootFSAllow= allows", "isn't a small file of yours, or is behind a symbolic link", "isn't on this host"
TOLD = "this session is over the image tiny:1."


def _fill(name):
    def of(root):
        busybox(root)
        (root / "is").write_text(f"{name}\n", encoding="ascii")
    return of


def _choose(person, text, make=None):
    """Put that into the account's file, as the account could; @make makes something else there."""
    config = f"{person.pw_dir}/.config"
    shutil.rmtree(config, ignore_errors=True)
    os.makedirs(f"{config}/nsshell")
    if make:
        make(f"{config}/nsshell/rootfs")
    else:
        with open(f"{config}/nsshell/rootfs", "w", encoding="ascii") as f:
            f.write(text)
    for path in (config, f"{config}/nsshell", f"{config}/nsshell/rootfs"):
        os.lchown(path, person.pw_uid, person.pw_gid)


def _over(b, what, want, told=""):
    """su has one process less than ssh, and shows what the user is told: @told, and what they have instead."""
    r = b.run("su", b.alice.pw_name, "-c", "test -x /usr/bin/ssh && echo host; cat /is")
    b.check(r.stdout.strip() == want, f"{what}: a login is over {want}", r.stdout + r.stderr, b.log_tail())
    b.check(f"{told}; {TOLD}" in r.stderr if told else TOLD not in r.stderr, f"{what}: {'they are told' if told else 'nothing is said'}", r.stderr)
    return r.stderr


def test_a_file_in_the_home(b):
    alice = b.alice
    with store(b) as s:
        s.tag("tiny:1", [s.layer(_fill("one"))])
        s.tag("tiny:2", [s.layer(_fill("two"))])
        s.tag("tiny:3", [s.layer(_fill("three"))])
        try:
            b.stage.config("RootFS=image:tiny:1\n")
            _choose(alice, "tiny:2\n")
            _over(b, "without RootFSAllow=", "one")
            b.stage.config("RootFS=image:tiny:1\nRootFSAllow=tiny:2 tiny:none host\n")
            _over(b, "an image that is allowed", "two")
            r = b.nsctl("plan", "--config", b.stage.conf, "-s", "su", alice.pw_name)
            b.check("  image       tiny:2@sha256:" in r.stdout, "nsctl plan knows it", r.stdout[:600] + r.stderr)
            _choose(alice, "  host\n")
            _over(b, "host, where that is allowed", "host")
            for what, text, told in (("one that isn't allowed", "tiny:3", NO_NAME), ("one that isn't there", "tiny:none", GONE),
                                     ("no name", "../etc", NO_NAME), ("more than a name can be", "tiny:2" + " " * 400, NO_FILE)):
                _choose(alice, text)
                _over(b, what, "one", told)
            b.check(b.stage.syslog.wait(rf"{alice.pw_name} is told: .*{TOLD}"), "the log has it", b.log_tail())
        finally:
            shutil.rmtree(f"{alice.pw_dir}/.config", ignore_errors=True)


def test_what_is_no_file_of_theirs(b):
    """Nobody waits for it, and nothing that only root or somebody else may read is looked into."""
    alice = b.alice
    secret = b.stage.private / "choice"
    secret.write_text("tiny:2\n", encoding="ascii")
    secret.chmod(0o644)
    with store(b) as s:
        s.tag("tiny:1", [s.layer(_fill("one"))])
        s.tag("tiny:2", [s.layer(_fill("two"))])
        b.stage.config("RootFS=image:tiny:1\nRootFSAllow=tiny:2\n")
        try:
            for what, make in (("a link to root's", lambda p: os.symlink(secret, p)), ("a pipe", os.mkfifo),
                               ("a directory", os.mkdir), ("a link to a terminal", lambda p: os.symlink("/dev/tty", p))):
                _choose(alice, "", make)
                _over(b, what, "one", NO_FILE)
            _choose(alice, "tiny:2\n")
            os.chown(f"{alice.pw_dir}/.config/nsshell/rootfs", b.bob.pw_uid, b.bob.pw_gid)
            _over(b, "somebody else's file", "one", NO_FILE)
        finally:
            shutil.rmtree(f"{alice.pw_dir}/.config", ignore_errors=True)


test_what_is_no_file_of_theirs.later = "five logins: a_file_in_the_home has those that people come upon"


def _node(path):
    os.mknod(path, 0o020666, os.makedev(1, 3))


def _huge(path):
    with open(path, "w", encoding="ascii") as f:
        f.write("tiny:2")
        f.truncate(1 << 40)


def test_attacks(b):
    """Whatever an account can have there: a login goes on, over what RootFS= says, and the log has no text of the account's."""
    alice, at = b.alice, f"{b.alice.pw_dir}/.config"
    with store(b) as s:
        for n, word in enumerate(("one", "two", "three"), 1):
            s.tag(f"tiny:{n}", [s.layer(_fill(word))])
        digest = os.readlink(STORE / "tags/tiny:2").rsplit("/", maxsplit=1)[-1]
        b.stage.config("RootFS=image:tiny:1\nRootFSAllow=tiny:2 tiny:none\n")
        try:
            for what, make in (("a device", _node), ("a terabyte", _huge), ("a name and a NUL", lambda p: _write(p, "tiny:2\0tiny:3"))):
                _choose(alice, "", make)
                _over(b, what, "one", NO_FILE)
            _choose(alice, "tiny:2\n")
            os.rename(f"{at}/nsshell", f"{at}/there")
            os.symlink("there", f"{at}/nsshell")
            _over(b, "a link to the directory of it", "one", NO_FILE)
            shutil.rmtree(at)
            _write(at, "")
            _over(b, "a file in the place of a directory is no choice", "one")
            os.unlink(at)
            for text in (f"tiny:2@sha256:{digest}", f"tiny@sha256:{digest}", f"sha256:{digest}", digest, f"../ready/{digest}", "tiny:../tiny:2",
                         "./tiny:2", "tiny:2:", ":2", "tiny:", ":", "image:tiny:2", "TINY:2", "tiny:2 tiny:3", "tiny:2\x1b[31m", "%s%n", "'tiny:2'",
                         "tiny:3\ntiny:2"):
                _choose(alice, text)
                r = b.nsctl("plan", "--config", b.stage.conf, "-s", "su", alice.pw_name)
                b.check("  image       tiny:1@sha256:" in r.stdout and "\x1b" not in r.stdout + r.stderr, f"{text!r} is no name of one that is allowed",
                        r.stdout[:400] + r.stderr)
            said = _over(b, "nor is a login's", "one", NO_NAME)
            b.check("tiny:3" not in said, "and nothing of it comes back", said)
            _lease(b)
            _moving(b, s)
        finally:
            shutil.rmtree(at, ignore_errors=True)


test_attacks.later = "ten logins: a_file_in_the_home has what people come upon"


def _write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def _lease(b):
    """Whose holder is asked first where somebody opens it, and may take its time."""
    _choose(b.alice, "tiny:2\n")
    with open(f"{b.alice.pw_dir}/.config/nsshell/rootfs", "r+", encoding="ascii") as f:
        fcntl.fcntl(f, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        _over(b, "a file with a lease", "one", NO_FILE)
        fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _moving(b, s):
    """What is checked is what is taken: the file changes all the time, and the image goes and comes back."""
    over, path = threading.Event(), f"{b.alice.pw_dir}/.config/nsshell/rootfs"
    link = STORE / "tags/tiny:2"
    to = os.readlink(link)

    def change():
        while not over.is_set():
            for text in ("tiny:2", "tiny:3", "host", "../x", ""):
                _write(f"{path}.new", text)
                os.chown(f"{path}.new", b.alice.pw_uid, b.alice.pw_gid)
                os.rename(f"{path}.new", path)
            link.unlink()
            os.symlink(to, f"{link}.new")
            os.rename(f"{link}.new", link)
            over.wait(0.001)
    changing = threading.Thread(target=change)
    changing.start()
    try:
        saw = [b.run("su", b.alice.pw_name, "-c", "cat /is") for _ in range(8)]
    finally:
        over.set()
        changing.join()
    b.check(all(r.stdout in ("", "one\n", "two\n") for r in saw) and any(r.stdout for r in saw) and
            (all(r.stdout for r in saw) or b.stage.syslog.wait("there is no image tiny:2")),
            "while file and image change, each login is over one that may be, or told that it has just gone", str([(r.stdout, r.stderr) for r in saw]),
            b.log_tail())


def test_shared_sessions(b):
    """Share=account: who has chosen otherwise meanwhile has another session."""
    alice = b.alice
    with store(b) as s:
        s.tag("tiny:1", [s.layer(_fill("one"))])
        s.tag("tiny:2", [s.layer(_fill("two"))])
        b.stage.config("RootFS=image:tiny:1\nRootFSAllow=tiny:2\nShare=account\n")
        try:
            with Shell(b.stage.sshd.argv(alice.pw_name, "exec sh")) as first:
                b.check(first.do("cat /is") == "one", "without a choice", b.log_tail())
                _choose(alice, "tiny:2\n")
                with Shell(b.stage.sshd.argv(alice.pw_name, "exec sh")) as second:
                    b.check(second.do("cat /is") == "two", "another choice, another session", b.log_tail())
                    b.check(first.do("cat /is") == "one", "and the first stays what it was")
                    _over(b, "a third login joins the second's", "two")
                    b.check(len(b.stage.records()) == 2, "there are two sessions", b.stage.records())
        finally:
            shutil.rmtree(f"{alice.pw_dir}/.config", ignore_errors=True)


test_shared_sessions.later = "three logins at once: test_share has how sessions are joined and left"
