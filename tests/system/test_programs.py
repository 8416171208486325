# SPDX-License-Identifier: BSD-3-Clause
"""What ordinary programs of users look for in a box."""

import contextlib
import os
import shutil
import socket
import struct

from harness import kernel


@contextlib.contextmanager
def _hosts(b, text):
    """The host's /etc/hosts says @text."""
    path = b.stage.private / "hosts"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    kernel.bind(path, "/etc/hosts")
    try:
        yield
    finally:
        kernel.umount("/etc/hosts")


def test_hosts(b):
    host = socket.gethostname().split(".")[0]
    name = f"{b.alice.pw_name}-box"
    ask = "getent hosts licences | head -1; hostname -f; hostname"
    with _hosts(b, f"127.0.0.1 localhost\n127.0.1.1 {host}.example.org {host}\n"
                "192.0.2.20 licences.example.org licences # the compiler's\n"):
        r = b.ssh(b.alice.pw_name, ask)
        lines = [line.split() for line in r.stdout.splitlines()]
        b.check(lines[:1] == [["192.0.2.20", "licences.example.org", "licences"]],
                "a name in the host's /etc/hosts is found", r.stdout + r.stderr)
        b.check(lines[1:] == [[f"{host}.example.org"], [host]], "hostname -f has the domain",
                r.stdout + r.stderr)
        b.stage.config("Hostname=%u-box\n")
        r = b.ssh(b.alice.pw_name, ask)
        lines = r.stdout.splitlines()
        b.check("licences" in "".join(lines[:1]) and lines[1:] == [f"{name}.example.org", name],
                "with Hostname= too, and the box's name has the host's domain",
                r.stdout + r.stderr)
        r = b.ssh(b.alice.pw_name, "tail -1 /etc/hosts; echo x >>/etc/hosts")
        b.check(r.stdout.split() == ["127.0.1.1", f"{name}.example.org", name]
                and "denied" in r.stderr, "by one line more, and nobody inside can change it",
                r.stdout + r.stderr)
    with _hosts(b, "127.0.0.1 localhost"):
        r = b.ssh(b.alice.pw_name, "cat /etc/hosts; getent ahosts $(hostname) | head -1")
        b.check(r.stdout.split()[:5] == ["127.0.0.1", "localhost", "127.0.1.1", name, "127.0.1.1"],
                "a host without a domain, or a newline at the end", r.stdout + r.stderr)
    names = "127.0.0.1 localhost\n" + "".join(f"0.0.0.0 advertisement{i}.example.org\n" for i in range(100000))
    with _hosts(b, names):
        r = b.ssh(b.alice.pw_name, "wc -l </etc/hosts; getent hosts advertisement99999.example.org")
        b.check(r.stdout.split()[:2] == ["100002", "0.0.0.0"], f"one of {len(names)} bytes", r.stdout + r.stderr)
    with _hosts(b, names * 3):
        r = b.ssh(b.alice.pw_name, "wc -l </etc/hosts")
        b.check(int(r.stdout) < 10 and b.stage.syslog.wait("larger than 8 MiB"), "one that is too large is left out, and the log says so",
                r.stdout + r.stderr, b.log_tail())


def test_screen(b):
    if not shutil.which("screen"):
        b.skip("screen starts", "this host has none: apt-get install screen")
        return
    # It comes back before what it has begun has its socket.
    r = b.ssh(b.alice.pw_name, "cd; TERM=xterm screen -dmS nst sh -c 'echo ran >screened; sleep 60' "
              "&& for i in $(seq 100); do screen -ls | grep -q '[.]nst' && break; sleep .1; done; screen -ls; for i in $(seq 100); do [ -s screened ] && break; sleep .1; done; "
              "cat screened; rm screened; screen -S nst -X quit")
    b.check(".nst" in r.stdout and "ran" in r.stdout.split(), "screen starts, and lists what it has",
            r.stdout + r.stderr)


def test_places_of_sockets(b):
    """As systemd-tmpfiles makes them on a host: an X server of a user's can't."""
    r = b.ssh(b.alice.pw_name, "stat -c '%n %a %u' /tmp/.X11-unix /tmp/.ICE-unix /run/screen "
              "/run/lock; touch /tmp/.X11-unix/X9 && rm /tmp/.X11-unix/X9 && echo mine")
    b.check(r.stdout.splitlines() == ["/tmp/.X11-unix 1777 0", "/tmp/.ICE-unix 1777 0",
                                      "/run/screen 1777 0", "/run/lock 1777 0", "mine"],
            "/tmp/.X11-unix and its like are root's, and everybody's to use", r.stdout + r.stderr)


TICKET = "a ticket\n"


@contextlib.contextmanager
def pam_makes(b, service, script, environment):
    """A PAM module before ours that runs @script as root and sets @environment."""
    run = b.stage.private / "made-by-pam"
    run.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    run.chmod(0o700)
    env = b.stage.private / "environment"
    env.write_text(environment, encoding="ascii")
    b.stage.pam(service, f"session required pam_exec.so {run}\n",
                f"session required pam_env.so readenv=1 envfile={env}\n", b.stage.module_line())
    try:
        yield
    finally:
        b.stage.pam_all()


def ticket_cache(b, name, make=""):
    """What sshd does for `ssh -K`, and pam_krb5: a file of the user's in the host's /tmp."""
    path = f"/tmp/krb5cc_{b.alice.pw_uid}_nst{name}"
    return path, make or (f"umask 077; printf '{TICKET.strip()}\\n' >{path}; "
                          f"chown {b.alice.pw_uid}:{b.alice.pw_gid} {path}")


def test_kerberos_ticket(b):
    path, make = ticket_cache(b, "1")
    show = f"echo $KRB5CCNAME; cat {path}; stat -c '%u %a' {path}"
    for says in (f"FILE:{path}", path):
        with pam_makes(b, b.stage.sshd_service, make, f"KRB5CCNAME={says}\n"):
            r = b.ssh(b.alice.pw_name, show)
        b.check(r.stdout.splitlines() == [says, TICKET.strip(), f"{b.alice.pw_uid} 600"],
                f"KRB5CCNAME={says}: the ticket is inside, the user's own", r.stdout + r.stderr,
                b.log_tail())
        b.check(not os.path.exists(path), "and no longer on the host")
    b.stage.config("Share=account\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        with pam_makes(b, b.stage.sshd_service, make, f"KRB5CCNAME=FILE:{path}\n"):
            r = b.ssh(b.alice.pw_name, show)
        b.check(TICKET.strip() in r.stdout and not os.path.exists(path), "Share=account: a later "
                "login's is, too", r.stdout + r.stderr, b.log_tail())
        b.check(s.do(f"cat {path}") == TICKET.strip(), "where the account's other login sees it")
        s.do(f"echo old >{path}")
        with pam_makes(b, b.stage.sshd_service, make, f"KRB5CCNAME=FILE:{path}\n"):
            r = b.ssh(b.alice.pw_name, show)
        b.check(TICKET.strip() in r.stdout and not os.path.exists(path), "a fresh one of the same name takes "
                "the old one's place", r.stdout + r.stderr, b.log_tail())
    r = b.ssh(b.alice.pw_name, "true")
    b.check(r.returncode == 0, "without KRB5CCNAME a login is as ever", r.stderr)


def test_kerberos_ticket_of_somebody_else(b):
    """The user chooses the name, by ~/.pam_environment for one."""
    mine, theirs = f"/tmp/krb5cc_{b.alice.pw_uid}_nstx", f"/tmp/krb5cc_{b.bob.pw_uid}_nst"
    own = f"{b.alice.pw_uid}:{b.alice.pw_gid}"
    secret = f"umask 077; echo secret >{theirs}; chown {b.bob.pw_uid} {theirs}; "
    tries = (("of another account", theirs, ""),
             ("by a link", mine, f"ln -s {theirs} {mine}; chown -h {own} {mine}"),
             ("by a second name", mine, f"echo secret >{mine}-; chown {own} {mine}-; "
                                        f"ln {mine}- {mine}"),
             ("that is a directory", mine, f"mkdir {mine}; chown {own} {mine}"),
             ("that is a pipe", mine, f"mkfifo {mine}; chown {own} {mine}"),
             ("of root's elsewhere", "/etc/shadow", ""),
             ("by a way around", f"/tmp/../tmp/{os.path.basename(theirs)}", ""))
    for what, path, make in tries:
        with pam_makes(b, b.stage.sshd_service, secret + make, f"KRB5CCNAME=FILE:{path}\n"):
            r = b.ssh(b.alice.pw_name, f"cat {path}; echo in")
        b.check(r.stdout == "in\n", f"a ticket {what} isn't taken, and the login works",
                r.stdout + r.stderr)
        b.check(os.path.exists(theirs) and (path != mine or os.path.lexists(mine)),
                "what is there stays")
        b.run("rm", "-rf", mine, mine + "-", theirs)


def test_tmpdir(b):
    """As libpam-tmpdir has it."""
    own = f"/tmp/user/{b.alice.pw_uid}"
    with pam_makes(b, b.stage.sshd_service, "", f"TMPDIR={own}\nTMP={own}\n"):
        r = b.ssh(b.alice.pw_name, "mktemp; stat -c '%n %a %u' /tmp/user $TMPDIR")
    lines = r.stdout.splitlines()
    b.check(len(lines) == 3 and lines[0].startswith(own + "/")
            and lines[1:] == ["/tmp/user 711 0", f"{own} 700 {b.alice.pw_uid}"],
            "TMPDIR=/tmp/user/UID is there, and mktemp works", r.stdout + r.stderr)
    for path in ("/etc/nst", "/tmp/../etc/nst", "tmp/nst", "/home/nst", "/tmp", "/"):
        with pam_makes(b, b.stage.sshd_service, "", f"TMPDIR={path}\n"):
            r = b.ssh(b.alice.pw_name, "ls -d /etc/nst tmp/nst /home/nst; stat -c %a /tmp; echo in")
        b.check(r.stdout.split() == ["1777", "in"], f"TMPDIR={path}: nothing is made",
                r.stdout + r.stderr)


def test_working_directory(b):
    app = b.stage.base / "app"
    (app / "closed").mkdir(parents=True)
    run = app / "run.sh"
    run.write_text("#!/bin/sh\npwd; cat data\n", encoding="ascii")
    run.chmod(0o755)
    (app / "data").write_text("of the app\n", encoding="ascii")
    name = b.alice.pw_name
    for argv in (("su", name, "-c", "./run.sh"), ("runuser", name, "-c", "./run.sh")):
        r = b.run(*argv, cwd=app)
        b.check(r.stdout.splitlines() == [str(app), "of the app"], f"cd {app} && {' '.join(argv)}",
                r.stdout + r.stderr)
    shared = app / "shared"
    shared.mkdir()
    os.chown(shared, 0, b.proj.gr_gid)
    shared.chmod(0o2770)
    r = b.run("su", name, "-c", "pwd", cwd=shared)
    b.check(r.stdout.strip() == str(shared), "a directory that is open to a group of the account's",
            r.stdout + r.stderr)
    os.chmod(app / "closed", 0o700)
    r = b.run("su", name, "-c", "pwd -P; ls -A .. >/dev/null && readlink /proc/self/cwd",
              cwd=app / "closed")
    b.check(r.stdout.split() == ["/", "/"], "from where the account can't go it is /",
            r.stdout + r.stderr)
    for path in ("/root", b.bob.pw_dir, "/proc/self/fd", "/var/spool/cron"):
        r = b.run("su", name, "-c", "readlink /proc/self/cwd", cwd=path)
        b.check(r.stdout.strip() == "/", f"from {path}, which a box doesn't have, too",
                r.stdout + r.stderr)
    gone = app / "gone"
    gone.mkdir()
    r = b.run("sh", "-c", f"cd {gone} && rmdir {gone} && exec su {name} -c 'readlink "
              "/proc/self/cwd'")
    b.check(r.stdout.strip() == "/", "and from one that was removed", r.stdout + r.stderr)
    r = b.run("su", "-", name, "-c", "pwd", cwd=app)
    b.check(r.stdout.strip() == b.alice.pw_dir, "su - goes home, as ever", r.stdout + r.stderr)
    shutil.rmtree(app)


def _acl(path):
    """The ids that an access control list on disk names."""
    try:
        raw = os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return []
    return [struct.unpack_from("<HHI", raw, at)[2] for at in range(4, len(raw), 8)
            if struct.unpack_from("<H", raw, at)[0] in (2, 8)]


def _setfacl(what, path):
    """setfacl, without asking for a package: `python3 -c` inside. @what: (tag, id)"""
    entries = [(1, 6, 0xffffffff), (what[0], 4, what[1]), (4, 4, 0xffffffff), (16, 4, 0xffffffff),
               (32, 0, 0xffffffff)]
    raw = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in sorted(entries, key=lambda e: (e[0], e[2])))
    return (f"python3 -c 'import os; os.setxattr(\"{path}\", \"system.posix_acl_access\", "
            f"bytes.fromhex(\"{raw.hex()}\"))'")


def test_access_control_lists(b):
    """An id of the box's that stands for another one never gets onto the host's disk."""
    shared = b.stage.base / "lists"
    shared.mkdir(exist_ok=True)
    os.chown(shared, 0, b.proj.gr_gid)
    shared.chmod(0o2770)
    b.stage.config(f"BindPaths={shared}\n")
    for directory in (b.alice.pw_dir, str(shared)):
        f = f"{directory}/nst-acl"
        b.ssh(b.alice.pw_name, f"umask 007; echo x >{f}")
        for who, what in (("user 33", (2, 33)), ("another account", (2, b.bob.pw_uid)),
                          ("group 33", (8, 33)), ("root", (2, 0))):
            r = b.ssh(b.alice.pw_name, _setfacl(what, f))
            b.check(r.returncode != 0 and "Invalid argument" in r.stderr and _acl(f) == [],
                    f"a list in {directory} that names {who} is refused, and not on disk",
                    f"{_acl(f)} {r.stderr.strip()[-60:]}")
        for who, what in (("the account", (2, b.alice.pw_uid)),
                          ("a group of the account's", (8, b.proj.gr_gid))):
            r = b.ssh(b.alice.pw_name, _setfacl(what, f))
            b.check(r.returncode == 0 and _acl(f) == [what[1]],
                    f"one that names {who} is there as typed", f"{_acl(f)} {r.stderr}")
    made = f"{b.alice.pw_dir}/nst-copy"
    r = b.ssh(b.alice.pw_name, f"echo x >/tmp/f; {_setfacl((2, 33), '/tmp/f')} && cp -a /tmp/f {made}")
    b.check(r.returncode != 0 and _acl(made) == [], "cp -a into the home of a file with such a list "
            "says so", f"{_acl(made)} {r.stderr}")
    b.ssh(b.alice.pw_name, f"umask 007; echo alice >{shared}/note; echo x >~/note")
    for what, source in (("root", "/etc/passwd"), ("root, a link,", "/etc/mtab"), ("another member", f"{shared}/note")):
        r = b.ssh(b.bob.pw_name, f"cd; umask 022; rm -f nst-a; cp -a {source} nst-a && stat -c %a:%U nst-a; rm -f nst-a")
        b.check(r.returncode == 0 and f":{b.bob.pw_name}" in r.stdout and not r.stderr and "600:" not in r.stdout,
                f"cp -a of a file of {what} works as it does outside", r.stdout + r.stderr)
    r = b.ssh(b.bob.pw_name, f"umask 007; echo bob >>{shared}/note; echo bob >{shared}/bobs")
    r2 = b.ssh(b.alice.pw_name, f"echo alice >>{shared}/bobs && mv {shared}/bobs {shared}/b2 && "
               f"rm {shared}/b2")
    b.check("denied" not in r.stderr + r2.stderr and not (shared / "b2").exists()
            and "bob" in (shared / "note").read_text(encoding="utf-8"),
            "members of a group still write, rename and remove each other's files",
            r.stderr + r2.stderr)
    os.chown(f"{b.alice.pw_dir}/note", 33, b.alice.pw_gid)
    r = b.ssh(b.alice.pw_name, "cd; echo more >>note && tail -1 note && rm note nst-acl && echo gone")
    b.check(r.stdout.split() == ["more", "gone"], "and so does the account with a file of another "
            "owner in its home", r.stdout + r.stderr)
    b.run("rm", "-rf", shared, made)


def test_mailbox(b):
    box = f"/var/mail/{b.alice.pw_name}"
    if not os.path.isdir("/var/mail"):
        b.skip("a mailbox", "this host has no /var/mail")
        return

    def deliver(text):
        with open(box, "a", encoding="ascii") as f:
            f.write(text)
        os.chown(box, b.alice.pw_uid, 8)
        os.chmod(box, 0o660)

    try:
        deliver("first\n")
        with b.shell(b.alice.pw_name) as s:
            s.do(f"echo read >>{box}")
            deliver("second\n")
            b.check(s.do(f"cat {box}").split() == ["first", "read", "second"],
                    "mail that comes during the session shows, after the box was written to, too",
                    s.do(f"cat {box}"))
            b.check(s.do(f"ls /var/mail/{b.bob.pw_name} 2>&1; >{box}; echo done").endswith("done"),
                    "and it can be emptied")
        with open(box, encoding="ascii") as f:
            b.check(f.read() == "", "for the host as well")
        os.unlink(box)
        os.symlink("/var/log", box)
        r = b.ssh(b.alice.pw_name, f"touch {box}/x; grep -c ' {box} ' /proc/mounts")
        b.check(r.stdout.strip() == "0", "a link in its place isn't followed", r.stdout + r.stderr)
        os.unlink(box)
        with open(box, "w", encoding="ascii") as f:
            f.write("somebody else's")
        os.chown(box, b.bob.pw_uid, 8)
        r = b.ssh(b.alice.pw_name, f"grep -c ' {box} ' /proc/mounts")
        b.check(r.stdout.strip() == "0", "nor is another's box bound", r.stdout + r.stderr)
        os.unlink(box)
        r = b.ssh(b.alice.pw_name, f"ls {box}")
        b.check("No such file" in r.stderr, "without a mailbox nothing is made", r.stderr)
    finally:
        if os.path.lexists(box):
            os.unlink(box)
