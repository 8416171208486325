#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
`make demo`: a real SSH login that lands in a box. On a terminal an interactive shell, else a
short tour, inside and outside side by side. The distribution's sshd runs under a PAM service
name of its own on 127.0.0.1, with a throwaway account and key; all of it is removed at the end.
"""

import os
import pathlib
import re
import subprocess
import sys
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
sys.dont_write_bytecode = True

from harness import kernel, reaper, sshd  # noqa: E402  pylint: disable=wrong-import-position
from harness.stage import Stage  # noqa: E402  pylint: disable=wrong-import-position

CONFIG = """\
Hostname=%u-box
MemoryMax=512M
TasksMax=100
CPUQuota=100%
Network=none
"""

# Listens where the other one does, too, and says whose it is; until its login ends.
SERVE = """exec python3 -uc '
import os, socket
s = socket.create_server(("127.0.0.1", 8080))
print("up")
while True:
    c, _ = s.accept()
    c.sendall(os.environ["USER"].encode() + b" is here")
    c.close()'"""
ASK = """python3 -c '
import socket
try:
    print(socket.create_connection(("127.0.0.1", 8080), 5).recv(99).decode())
except OSError as e:
    print(e.strerror)'"""

BOMB = """python3 -c '
import os, time
n = 0
try:
    while n < 1000:
        if os.fork() == 0:
            time.sleep(1); os._exit(0)
        n += 1
except OSError:
    print("stopped after", n)
else:
    print("never stopped")
'"""

WIDTHS = (24, 36, 38)

# What is asked; the command inside; the command outside. "{}" is the account's name.
TOUR = (
    ("who am I", "id", "id"),
    ("hostname", "uname -n", "uname -n"),
    ("processes to be seen", "ps -e --no-headers | wc -l", "ps -e --no-headers | wc -l"),
    ("pid 1", "ps -p 1 -o args=", "ps -p 1 -o comm="),
    ("namespaces", "readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt",
     "readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt"),
    ("files in /tmp", "ls /tmp | wc -l", "ls /tmp | wc -l"),
    ("directories in /home", "ls /home", "ls /home"),
    ("owner of /etc/passwd", "stat -c %U:%G /etc/passwd", "stat -c %U:%G /etc/passwd"),
    ("write to /etc", "(echo x >/etc/nsdemo) 2>&1 | grep -o '[A-Z][a-z]* .*denied.*\\|Read-only.*'",
     "test -e /etc/nsdemo && echo it is there || echo nothing was written"),
    ("read /etc/shadow", "cat /etc/shadow 2>&1 | grep -o '[A-Z][a-z]*[ a-z]*$' | head -1",
     "wc -l </etc/shadow | sed 's/$/ lines/'"),
    ("memory limit", "python3 -c 'x = bytearray(800 << 20)' && echo took 800 MB || "
     "echo 800 MB: killed", "awk '/MemTotal/ { print $2/1024 \" MB\" }' "
     "/proc/meminfo"),
    ("start processes", BOMB, "echo goes on as ever"),
)


def without_motd(path):
    """The banner has three lines, and Debian's message of the day seven."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if "pam_motd" not in x), encoding="utf-8")


def row(*cells):
    parts = [textwrap.wrap(c, w) or [""] for c, w in zip(cells, WIDTHS)]
    for n in range(max(map(len, parts))):
        print("  ".join((p[n] if n < len(p) else "").ljust(w)
                        for p, w in zip(parts, WIDTHS)).rstrip(), flush=True)


def one_line(r):
    return " ".join((r.stdout or r.stderr).split()).replace(",", ", ") or "(nothing)"


def trouble(stage, r):
    """Why a login failed, in the words that the user and the admin get."""
    print("The login was refused:", one_line(r), file=sys.stderr)
    for line in stage.syslog.lines("nsshell"):
        print("  log:", line, file=sys.stderr)
    return 1


def tour(stage, user, other):
    probe = stage.ssh(user, "echo $NSSHELL_SESSION")
    if probe.returncode or not probe.stdout.strip():
        return trouble(stage, probe)
    print(f"An SSH login of the throwaway account {user}, through "
          f"{sshd.SSHD} and PAM, into a box:\n")
    row("", "inside", "outside, on this host")
    row(*("-" * w for w in WIDTHS))
    for what, inside, outside in TOUR:
        row(what, one_line(stage.ssh(user, inside)), one_line(stage.run("sh", "-c", outside)))
    put(stage, user)
    one_port(stage, user, other)
    who(stage, user)
    end = time.monotonic() + 5
    while stage.records() and time.monotonic() < end:
        time.sleep(0.05)
    row("after the last logout", "", f"{len(stage.records())} sessions, "
        f"{len(left_processes(user))} processes of {user}")
    return 0


def put(stage, user):
    """An sftp put that lands inside: to a directory of the host's root that all may write to."""
    note = stage.private / "note"
    note.write_text("dear box\n", encoding="utf-8")
    r = stage.sshd.client("sftp", "-q", "-b", "-", f"{user}@127.0.0.1",
                          input=f"put {note} {stage.open}/note\nls {stage.open}\n")
    seen = re.findall(rf"^({stage.open}/note)", r.stdout, re.M)
    there = os.path.exists(stage.open / "note")
    row("sftp put note", "note is there" if seen else one_line(r),
        "note is there" if there else "no note here")


def one_port(stage, user, other):
    """Both listen at localhost's port 8080, at once."""
    servers = [stage.sshd.background(u, SERVE) for u in (user, other)]
    for p in servers:
        p.stdout.readline()
    inside = "; ".join(f"{u} sees: {one_line(stage.ssh(u, ASK))}" for u in (user, other))
    row("localhost:8080, twice", inside, one_line(stage.run("sh", "-c", ASK)))
    for p in servers:
        p.terminate()
        p.wait()


def who(stage, user):
    p = stage.sshd.background(user, "cat", options=["-tt"])
    end = time.monotonic() + 3
    line = ""
    while not line and time.monotonic() < end:
        line = next((x for x in stage.run("who", "/run/utmp").stdout.splitlines()
                     if x.startswith(user)), "")
        time.sleep(0.05)
    row("who is logged in", "", " ".join(line.split()) or "(nobody)")
    p.terminate()
    p.wait()


def left_processes(user):
    uid = int(subprocess.run(["id", "-u", user], stdout=subprocess.PIPE, text=True,
                             check=True).stdout)
    return [p for p in kernel.processes() if p.state not in "ZX" and uid in p.real_uids()]


def interactive(stage, user):
    probe = stage.ssh(user, "echo $NSSHELL_SESSION")
    if probe.returncode or not probe.stdout.strip():
        return trouble(stage, probe)
    print(f"You are {user}, over real SSH (127.0.0.1 port {stage.sshd.port}), in a box of your "
          "own on this host.\n"
          "Look at: ps -e; hostname; ls /tmp /home; ls -ln /etc/passwd; touch /etc/x; tty; id\n"
          "exit ends the session, and all that this demo made is removed. Nothing of the host "
          "is changed.", flush=True)
    status = subprocess.run(stage.sshd.argv(user, options=["-t", "-q"]), check=False).returncode
    return 1 if status == 255 else 0  # 255 is ssh's own; the rest is what the shell left


def main():
    if os.geteuid() != 0:
        sys.exit("The demo makes a throwaway account and starts an sshd, so it needs root: "
                 "sudo make demo")
    stage = Stage(name="demo", prefix="nsdemo")
    for need in (sshd.SSHD, stage.build / "pam_nsshell.so", stage.build / "nsshell-helper"):
        if not os.path.exists(need):
            sys.exit(f"{need} isn't there: run make demo, which installs and builds it")

    def inside():
        stage.accounts.add_group("box")
        user = stage.accounts.add("", groups=("box",)).pw_name
        other = stage.accounts.add("two", groups=("box",)).pw_name
        stage.enter()
        stage.config(CONFIG)
        without_motd(pathlib.Path("/etc/pam.d") / stage.sshd_service)
        with stage.sshd:
            if sys.stdin.isatty() and sys.stdout.isatty():
                return interactive(stage, user)
            return tour(stage, user, other)

    status = reaper.run(stage.prepare, inside, stage.clean)
    if status == 0:
        print("\nThe account, its key, the sshd and the box are gone; the host is as it was.")
    return status


if __name__ == "__main__":
    sys.exit(main())
