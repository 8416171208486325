# SPDX-License-Identifier: BSD-3-Clause
"""RootFSAllow=: what an account's own file says, and what it can't say."""

import os
import shutil

from harness.imagestore import busybox, store
from harness.shell import Shell

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


def _over(b, what, want, told=False):
    """su has one process less than ssh, and shows what the user is told."""
    r = b.run("su", b.alice.pw_name, "-c", "test -x /usr/bin/ssh && echo host; cat /is")
    b.check(r.stdout.strip() == want, f"{what}: a login is over {want}", r.stdout + r.stderr, b.log_tail())
    b.check((TOLD in r.stderr) == told, f"{what}: {'they are told' if told else 'nothing is said'}", r.stderr)


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
            for what, text in (("one that isn't allowed", "tiny:3"), ("one that isn't there", "tiny:none"), ("no name", "../etc"),
                               ("more than a name can be", "tiny:2" + " " * 400)):
                _choose(alice, text)
                _over(b, what, "one", told=True)
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
                _over(b, what, "one", told=True)
            _choose(alice, "tiny:2\n")
            os.chown(f"{alice.pw_dir}/.config/nsshell/rootfs", b.bob.pw_uid, b.bob.pw_gid)
            _over(b, "somebody else's file", "one", told=True)
        finally:
            shutil.rmtree(f"{alice.pw_dir}/.config", ignore_errors=True)


test_what_is_no_file_of_theirs.later = "five logins: a_file_in_the_home has those that people come upon"


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
