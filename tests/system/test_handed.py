# SPDX-License-Identifier: BSD-3-Clause
"""What root's shell has open goes into a box by su and runuser, if it leads nowhere."""

import os
import pty
import select
import shlex
import socket

LOOK = "for f in /proc/self/fd/*; do n=$(readlink $f) && echo ${f##*/}=$n; done"
# What nobody wants to find inside; each is inheritable and above 2.
SECRET = "root:of-the-host"
# What a shell has been told to redirect is read and written, no more: as 0 to 2 it is meant.
BY_HAND = ("a file of root's", "a file of /proc", "a device", "a terminal", "a memfd")


def _things(b):
    """Name, fd and whether it may go in; they stay open as long as their owner does."""
    secret = b.stage.private / "secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    master, slave = pty.openpty()
    fifo = os.pipe()
    mine, theirs = socket.socketpair()
    epoll = select.epoll()
    tcp = socket.socket()
    keep = [master, *fifo, mine, theirs, epoll, tcp]
    made = [
        ("the host's root", os.open("/", os.O_RDONLY | os.O_DIRECTORY), False),
        ("a path", os.open("/", os.O_PATH), False),
        ("a file of root's", os.open(secret, os.O_RDONLY), False),
        ("its path", os.open(secret, os.O_PATH), False),
        ("a file of /proc", os.open("/proc/1/status", os.O_RDONLY), False),
        ("a namespace", os.open("/proc/self/ns/mnt", os.O_RDONLY), False),
        ("a device", os.open("/dev/zero", os.O_RDONLY), False),
        ("a terminal", slave, False),
        ("a memfd", os.memfd_create("nsshell-test"), False),
        ("a pidfd", os.pidfd_open(os.getpid()), False),
        ("an epoll", epoll.fileno(), False),
        ("an eventfd", os.eventfd(0), False),
        ("a raw socket", socket.socket(socket.AF_PACKET, socket.SOCK_RAW).detach(), False),
        ("a netlink socket", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach(), False),
        ("a pipe", fifo[0], True),
        ("a unix socket", theirs.fileno(), True),
        ("a TCP socket", tcp.fileno(), True),
    ]
    for _, fd, _ in made:
        os.set_inheritable(fd, True)
    return made, keep


def _try(b, argv, what):
    made, _keep = _things(b)
    fds = [fd for _, fd, _ in made]
    r = b.run(*argv, LOOK, pass_fds=fds)
    seen = dict(line.split("=", 1) for line in r.stdout.splitlines() if "=" in line)
    b.check("1" in seen, f"{what} lists its fds", r.stdout + r.stderr, b.log_tail())
    for name, fd, goes_in in made:
        b.check((str(fd) in seen) == goes_in, f"{what}: {name} {'goes' if goes_in else 'does not go'} in",
                seen)
    root, secret = fds[0], fds[2]
    r = b.run(*argv, f"ls -d /proc/self/fd/{root}/proc/1; cat <&{secret}", pass_fds=fds)
    b.check(SECRET not in r.stdout and "proc/1" not in r.stdout,
            f"{what}: nothing of the host is reached by them", r.stdout)


def test_above_2(b):
    name = b.alice.pw_name
    _try(b, ["su", name, "-c"], "su")
    _try(b, ["runuser", "-u", name, "--", "bash", "-c"], "runuser")


def test_0_to_2(b):
    """Redirected by hand: what a program reads and writes goes in, a way out doesn't."""
    name = b.alice.pw_name
    note = b.stage.private / "note"
    note.write_text("hello\n", encoding="utf-8")
    note.chmod(0o600)
    for what, source, want in (("a file", note, "hello"), ("/dev/null", "/dev/null", "")):
        r = b.run("sh", "-c", f"su {name} -c 'cat; echo end' <{shlex.quote(str(source))}")
        b.check(r.stdout.split() == [*want.split(), "end"], f"su <{what} reads it", r.stdout + r.stderr)
    r = b.run("bash", "-c", f"su {name} -c 'cat <&0; cat /proc/self/fd/0; echo more >>/proc/self/fd/0' <{note}")
    b.check(r.stdout == "hello\n" and r.stderr.count("denied") == 2 and note.read_text(encoding="utf-8") == "hello\n",
            "and can't open it anew", r.stdout + r.stderr)
    made, _keep = _things(b)
    for what, fd, above in made:
        want = above or what in BY_HAND
        r = b.run("bash", "-c", f"su {name} -c 'test -e /proc/self/fd/0 && echo is-there || echo is-not' <&{fd}",
                  pass_fds=[fd])
        b.check(r.stdout.split() == ["is-there" if want else "is-not"],
                f"{what} as standard input {'goes' if want else 'does not go'} in", r.stdout + r.stderr)
    r = b.run("sh", "-c", f"echo hi | su {name} -c cat | cat")
    b.check(r.stdout == "hi\n", "su in a pipeline works", r.stdout + r.stderr)
    for what in ("/", "/dev/mem", "/dev/fuse"):
        if not os.path.exists(what):
            b.skip(f"su <{what}", "isn't there")
            continue
        r = b.run("sh", "-c", f"su {name} -c 'readlink /proc/self/fd/0; cd /proc/self/fd/0 && ls' <{what}")
        b.check(what not in r.stdout.split() and "boot" not in r.stdout,
                f"su <{what} doesn't take it along", r.stdout + r.stderr)
