# SPDX-License-Identifier: BSD-3-Clause
"""What people do over ssh, with the distribution's sshd: each lands inside."""

import os
import subprocess

from harness import kernel
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.sshd import Sshd
from harness.terminal import Terminal


def test_a_command_lands_inside(b):
    r = b.ssh(b.alice.pw_name, SHOW_NS + "; id -un; echo session=$NSSHELL_SESSION")
    b.lands_inside("ssh host cmd", r.stdout + r.stderr)
    b.check(b.alice.pw_name in r.stdout.split(), "ssh host id -un says who one is",
            r.stdout.split()[-2:] or r.stderr)
    status = b.ssh(b.alice.pw_name, "exit 37").returncode
    b.check(status == 37, "the exit status of a command comes back", status)


def test_cgroup_namespace_is_its_own(b):
    r = b.ssh(b.alice.pw_name, "readlink /proc/self/ns/cgroup; cat /proc/self/cgroup")
    words = r.stdout.split()
    b.check(words and words[0] != kernel.namespaces()["cgroup"],
            "ssh host readlink /proc/self/ns/cgroup: not the host's", words[:1] or r.stderr)
    lines = [w for w in words[1:] if "nsshell" in w]
    b.check(words and not lines, "/proc/self/cgroup doesn't say where on the host one is",
            lines or "only / paths")


def test_two_logins_get_two_boxes(b):
    with b.shell(b.alice.pw_name) as one, b.shell(b.alice.pw_name) as two, \
            b.shell(b.bob.pw_name) as other:
        seen = [set(s.do(SHOW_NS).split()) for s in (one, two, other)]
        own = [{n for n in s if not n.startswith("cgroup")} for s in seen]
        b.check(all(len(s) == 5 for s in own) and not own[0] & own[1] and not own[0] & own[2]
                and not own[1] & own[2],
                "three logins at once have no user, pid, mnt, uts or ipc namespace in common",
                f"{len(own[0] | own[1] | own[2])} of 15 distinct")
        one.do("touch /tmp/mine")
        b.check(two.do("ls /tmp") == "", "a second login of alice doesn't see the first's /tmp",
                two.do("ls /tmp") or "empty")
        b.check(other.do("pgrep -u " + b.alice.pw_name) == "", "bob sees no process of alice")
        ids = [s.do("echo $NSSHELL_SESSION") for s in (one, two, other)]
        records = {r.get("id"): r.get("user") for r in b.stage.records()}
        b.check([records.get(i) for i in ids] ==
                [b.alice.pw_name, b.alice.pw_name, b.bob.pw_name],
                "NSSHELL_SESSION names the session's record", f"{ids} {records}")


def test_every_sshd_process_is_inside(b):
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        below = kernel.descendants(b.stage.sshd.process.pid)
        host = kernel.namespaces()
        outside = [repr(p) for p in below if kernel.namespaces(p.pid)["mnt"] == host["mnt"]
                   or kernel.namespaces(p.pid)["user"] == host["user"]]
        b.check(below and not outside, "sshd's monitor, its session process and the shell have "
                "left the host's namespaces", f"{len(below)} processes, outside: {outside}")
        root = [repr(p) for p in below if 0 in p.real_uids()]
        b.check(not root, "none of them is root of the host", root or "none")


def test_a_terminal(b):
    argv = b.stage.sshd.argv(b.alice.pw_name, options=["-tt"])
    with Terminal(argv, rows=31, columns=101) as t:
        b.lands_inside("ssh -t", t.ask(SHOW_NS))
        tty = t.ask("tty")
        b.check(tty.startswith("/dev/pts/"), "ssh -t tty names a terminal", tty)
        seen = t.ask(f"ls -lLn {tty}")
        b.check(f" {b.alice.pw_uid} " in seen, "which exists and is the user's", seen)
        seen = t.ask("stty size")
        b.check(seen == "31 101", "ssh -t stty size is the client's", seen)
        t.resize(20, 61)
        t.process.send_signal(28)  # SIGWINCH, as the terminal would
        seen = t.ask("for i in $(seq 100); do [ \"$(stty size)\" = '20 61' ] && break; sleep 0.1; done; stty size")
        b.check(seen == "20 61", "and follows when the window changes", seen)
        seen = t.ask("ls /dev/pts")
        b.check(sorted(seen.split()) == ["0", "ptmx"], "its devpts is the session's own", seen)
        t.jobs_obey(b.check, "ssh")
        t.line("kill %1; exit; exit")
        t.close()


def test_scp(b):
    src = b.stage.private / "letter"
    src.write_text("dear box\n", encoding="utf-8")
    target = f"{b.alice.pw_name}@127.0.0.1"
    sshd = b.stage.sshd
    r = sshd.client("scp", src, f"{target}:letter")
    path = f"{b.alice.pw_dir}/letter"
    b.check(r.returncode == 0 and os.path.exists(path), "scp into the home works",
            r.stderr or "it is there on the host")
    if os.path.exists(path):
        st = os.stat(path)
        b.check((st.st_uid, st.st_gid) == (b.alice.pw_uid, b.alice.pw_gid),
                "the file belongs to the user on the host", f"{st.st_uid}:{st.st_gid}")
    r = sshd.client("scp", f"{target}:letter", b.stage.private / "back")
    back = b.stage.private / "back"
    b.check(r.returncode == 0 and back.read_text(encoding="utf-8") == "dear box\n",
            "scp back gives the same", r.stderr)
    for flag, what in (("-s", "sftp protocol"), ("-O", "old protocol")):
        r = sshd.client("scp", flag, src, f"{target}:{b.stage.open}/letter")
        b.check(r.returncode == 0 and not os.path.exists(b.stage.open / "letter"),
                f"scp ({what}) to a directory of the host's root lands inside",
                r.stderr or "written, and not on the host")


def _sftp(b, sshd, what):
    batch = f"put {b.stage.private}/letter {b.stage.open}/letter\nls -ln /tmp\n" \
            f"ls -ln {b.stage.open}\nls /home\n"
    (b.stage.private / "letter").write_text("dear box\n", encoding="utf-8")
    r = sshd.client("sftp", "-q", "-b", "-", f"{b.alice.pw_name}@127.0.0.1", input=batch)
    b.check(r.returncode == 0 and f"{b.stage.open}/letter" in r.stdout.split("ls /home")[0]
            and not os.path.exists(b.stage.open / "letter"),
            f"sftp put ({what}) lands inside", r.stderr or "written, and not on the host",
            r.stdout)
    homes = r.stdout.split("ls /home")[-1].split()
    b.check([h.split("/")[-1] for h in homes] == [b.alice.pw_name],
            f"sftp ls /home ({what}) shows the own home only", homes)


def test_sftp(b):
    _sftp(b, b.stage.sshd, "internal-sftp")
    external = Sshd(b.stage, b.stage.sshd_service, subsystem="/usr/lib/openssh/sftp-server")
    with external:
        _sftp(b, external, "external subsystem")


def test_rsync(b):
    tree = b.stage.private / "tree"
    (tree / "deep").mkdir(parents=True, exist_ok=True)
    for n in range(20):
        (tree / "deep" / f"f{n}").write_text(f"{n}\n" * 100, encoding="utf-8")
    line = b.stage.sshd.command_line()
    target = f"{b.alice.pw_name}@127.0.0.1"
    r = b.run("rsync", "-a", "--no-o", "--no-g", "-e", line, f"{tree}/", f"{target}:tree")
    there = f"{b.alice.pw_dir}/tree/deep"
    b.check(r.returncode == 0 and os.path.isdir(there) and len(os.listdir(there)) == 20,
            "rsync into the home", r.stderr or "20 files")
    r = b.run("rsync", "-a", "-e", line, f"{target}:tree/", b.stage.private / "tree2")
    same = b.run("diff", "-r", tree, b.stage.private / "tree2")
    b.check(r.returncode == 0 and same.returncode == 0, "rsync back gives the same",
            r.stderr or same.stdout)
    r = b.run("rsync", "-r", "-e", line, f"{tree}/", f"{target}:{b.stage.open}/tree")
    b.check(r.returncode == 0 and not os.path.exists(b.stage.open / "tree"),
            "rsync to a directory of the host's root lands inside", r.stderr)


def test_git_clone(b):
    target = f"{b.alice.pw_name}@127.0.0.1"
    made = b.ssh(b.alice.pw_name, "git init -q -b main work && cd work && echo hi > a && "
                 "git add a && git -c user.name=A -c user.email=a@example.org commit -qm one "
                 "&& git clone -q --bare . ../repo.git")
    b.check(made.returncode == 0, "git init, commit and clone inside", made.stderr)
    env = dict(os.environ, GIT_SSH_COMMAND=b.stage.sshd.command_line())
    clone = b.stage.private / "clone"
    r = b.run("git", "clone", "-q", f"ssh://{target}{b.alice.pw_dir}/repo.git", clone, env=env)
    b.check(r.returncode == 0 and (clone / "a").exists(), "git clone over ssh", r.stderr)
    (clone / "b").write_text("more\n", encoding="utf-8")
    b.run("git", "-C", clone, "add", "b")
    b.run("git", "-C", clone, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit",
          "-qm", "two")
    r = b.run("git", "-C", clone, "push", "-q", "origin", "main", env=env)
    b.check(r.returncode == 0, "git push over ssh", r.stderr)


def test_a_multiplexed_connection(b):
    sshd, path = b.stage.sshd, b.stage.private / "mux"
    master = sshd.background(b.alice.pw_name, options=["-N", "-M", "-S", str(path)])
    try:
        for _ in range(100):
            if path.exists():
                break
            b.run("sleep", "0.05")
        seen = [b.run("ssh", "-S", path, "-o", "ControlMaster=no", "x@127.0.0.1", SHOW_NS).stdout
                for _ in range(2)]
        b.lands_inside("ssh over a ControlMaster", seen[0])
        b.check(seen[0] == seen[1], "commands of one connection share its box")
    finally:
        master.terminate()
        try:
            master.communicate(timeout=patient(10))
        except subprocess.TimeoutExpired:  # ssh(1) itself misses the signal once in a while
            master.kill()
            master.communicate()
