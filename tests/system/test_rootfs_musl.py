# SPDX-License-Identifier: BSD-3-Clause
"""RootFS=image: over a system whose programs are linked with musl, each by its loader, as Alpine's are."""

import grp
import os
import pathlib
import re
import shutil

from harness.imagestore import BUSYBOX, busybox, store
from harness.terminal import Terminal
from test_own_root import as_root

IMAGE = "RootFS=image:musl:1\n"
LOADER = pathlib.Path("/lib/ld-musl-x86_64.so.1")
# What the C library of a shell does for it: names, an address, the terminal, the locale, threads. Then the shell is busybox's.
SHELL = r"""
#define _GNU_SOURCE
#include <grp.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *thread(void *of) { return of; }

int main(int argc, char **argv)
{
	struct passwd *pw = getpwuid(getuid());
	struct group *gr = getgrgid(getgid());
	struct addrinfo *found = NULL;
	gid_t groups[64];
	pthread_t t;
	void *back = NULL;
	int r = getaddrinfo("localhost", NULL, NULL, &found);

	setlocale(LC_ALL, "");
	if (pthread_create(&t, NULL, thread, argv) == 0)
		pthread_join(t, &back);
	dprintf(2, "musl: %s %s %d %d %s %s %s %s\n", pw ? pw->pw_name : "-", gr ? gr->gr_name : "-", (int)geteuid(),
		getgroups(64, groups), r == 0 ? "localhost" : gai_strerror(r), back == argv ? "thread" : "-",
		iconv_open("UTF-8", "ISO-8859-1") != (iconv_t)-1 ? "iconv" : "-", ttyname(0) ? ttyname(0) : "-");
	if (!strcmp(argv[0], "who-is-it"))
		return 7;
	argv[0] = *argv[0] == '-' ? "-sh" : "sh"; /* it has the name of the account's own shell */
	execv("/bin/busybox", argv);
	return 126;
}
"""


def _made(b):
    """(the program, None), or (None, why there is none)"""
    if not shutil.which("musl-gcc") or not LOADER.exists():
        return None, "musl-gcc isn't installed"
    source, program = b.stage.base / "shell.c", b.stage.base / "musl-shell"
    source.write_text(SHELL, encoding="ascii")
    r = b.run("musl-gcc", "-O1", "-o", program, source)
    return (program, None) if r.returncode == 0 else (None, f"musl-gcc: {r.stderr[-200:]}")


def _fill(program):
    def of(root):
        busybox(root)
        (root / "lib").mkdir()
        shutil.copy(LOADER, root / "lib" / LOADER.name)
        (root / "bin/sh").unlink()
        for name in ("sh", "who-is-it"):
            shutil.copy(program, root / "bin" / name)
        (root / "bin/who-is-it").chmod(0o4755)
        (root / "bin/su").unlink()
        shutil.copy(BUSYBOX, root / "bin/su")
        (root / "bin/su").chmod(0o4755)
        (root / "etc/shadow").write_text("root::0:0:99999:7:::\n", encoding="ascii")
    return of


def _says(b, what, text, tty="-", uid=None):
    """The line of the image's shell: its C library knows who that is."""
    found = re.search(r"^musl: (\S+) (\S+) (\d+) (\d+) (\S+) (\S+) (\S+) (\S+?)\r?$", text, re.M)
    want = (b.alice.pw_name, grp.getgrgid(b.alice.pw_gid).gr_name, str(b.alice.pw_uid if uid is None else uid),
            str(len(os.getgrouplist(b.alice.pw_name, b.alice.pw_gid))), "localhost", "thread", "iconv")
    b.check(found and found.groups()[:7] == want and re.fullmatch(tty, found[8]), f"{what}: the shell is the image's, with its own C library",
            f"{text} want {want}", b.log_tail())


def test_ways_in(b):
    name, nsctl = b.alice.pw_name, b.stage.bin / "nsctl"
    program, why = _made(b)
    if why:
        b.skip("an image of musl", why)
        return
    letter = b.stage.private / "letter"
    letter.write_text("dear box\n", encoding="utf-8")
    with store(b) as s:
        s.image("musl:1", _fill(program))
        b.stage.config(IMAGE)
        r = b.ssh(name, "who-is-it; echo $?")
        _says(b, "ssh", r.stderr)
        b.check(r.stdout == "7\n" and r.stderr.count("musl: ") == 2, "and so is a program of it", r.stdout + r.stderr)
        with Terminal(b.stage.sshd.argv(name, options=("-t",))) as t:
            _says(b, "ssh -t", t.ask("who-is-it; tty").replace("\r", ""), "/dev/pts/[0-9]+")
            t.line("exit")
        for argv in (("su", "-", name, "-c"), ("runuser", "-l", name, "-c"),
                     (nsctl, "run", "--config", b.stage.conf, "--helper", b.stage.helper, name, "--", "sh", "-c")):
            r = b.run(*argv, "echo in")
            _says(b, " ".join(str(a).rsplit("/", maxsplit=1)[-1] for a in argv[:2]), r.stderr)
            b.check(r.stdout == "in\n", "which has done what it was told", r.stdout)
        for program in ("sftp", "scp"):
            if program == "sftp":
                r = b.stage.sshd.client("sftp", "-q", "-b", "-", f"{name}@127.0.0.1", input=f"put {letter} letter\nls -l letter\n")
            else:
                r = b.stage.sshd.client("scp", "-s", f"{name}@127.0.0.1:letter", b.stage.private / "back")
            b.check(r.returncode == 0, f"{program}, by sshd itself", r.stdout + r.stderr)
        with b.shell(name) as one:
            one.do("cd /tmp")
            r = b.run(b.stage.bin / "nsjoin", name, "who-is-it")
            _says(b, "nsjoin USER COMMAND", r.stderr)
            b.check(r.returncode == 7, "with its status", r.returncode)
            r = b.run(b.stage.bin / "nsjoin", name, input="exit 9\n")
            _says(b, "nsjoin USER", r.stderr)
            b.check(r.returncode == 9, "with its status", r.returncode)


test_ways_in.later = "it takes musl-gcc, and rootfs_image has an image without any library"


def test_root(b):
    """Root=yes: a setuid program whose loader is the image's."""
    program, why = _made(b)
    if why:
        b.skip("Root=yes over an image of musl", why)
        return
    with store(b) as s:
        s.image("musl:1", _fill(program))
        b.stage.config(IMAGE + "Root=yes\nUpper=tmpfs\n")
        r = b.ssh(b.alice.pw_name, "/bin/who-is-it; " + as_root("id -u"))
        _says(b, "setuid", r.stderr.partition("\n")[2], uid=0)
        b.check(r.stdout == "0\n", "su to root of it", r.stdout + r.stderr, b.log_tail())
        b.stage.config(IMAGE)
        b.gone(b.alice.pw_name)
        r = b.ssh(b.alice.pw_name, "/bin/who-is-it")
        _says(b, "Root=no, where the bit has no effect", r.stderr.partition("\n")[2])


test_root.later = test_ways_in.later
