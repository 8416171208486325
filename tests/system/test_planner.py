# SPDX-License-Identifier: BSD-3-Clause
"""nsshell-planner: what it runs as, and one that lies, dies, hangs or isn't there: then there is no login."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from harness.stage import TREE

CONFIG = "OnError=allow\n"
# What it says, and what the log has of it.
LIES = (
    ("uid", "a uid map with the host's root", "the id maps"),
    ("state", "a bind of nsshell's own state", "nsshell's own state"),
    ("etc", "a bind of what nobody asked for", "a bind of what nobody asked for"),
    ("privs", "no no_new_privs over the host's root", "no_new_privs"),
    ("mounts", "no mount namespace", "the namespaces"),
    ("weaker", "a filter without one of its calls", "the system call filter"),
    ("boundless", "none of the limits", "how high the limits are"),
    ("file", "a file made through the home", "what would be made on the host"),
    ("link", "a file of lxcfs that is a link of the user's", "symbolic links"),
    ("garbage", "no plan but bytes", "plan"),
    ("crash", "a planner that crashes", "signal"),
    ("overlay", "an overlay over a directory that is no mount", "nothing is mounted on /usr/share/doc"),
    ("reach", "no way to others that are nobody's", "without a word"),
    ("xnothing", "a planner that says nothing more", "without a word"),
)


class Liar:
    """A planner in the place of the stage's own."""

    def __init__(self, b):
        self.b, build = b, b.stage.build
        self.place = b.stage.private / "nothing" / "nsshell-planner"
        self.away = self.place.with_suffix(".away")
        made = b.stage.private / "planner_lies"
        # As the objects were made.
        options = build / "options.o"
        cc = ["clang", "-fsanitize=address,undefined", "-fprofile-instr-generate", str(options)] if options.exists() else ["cc"]
        subprocess.run([*cc, "-std=gnu17", "-D_GNU_SOURCE", "-O1", f"-I{TREE}", str(TREE / "tests/system/planner_lies.c"),
                        *sorted(str(o) for o in (build / "helpers/planner").glob("*.o")),
                        *(str(build / f"lib{n}.a") for n in ("run", "config", "plan", "base")), "-o", str(made),
                        "-Wl,--wrap=talk_say", "-lseccomp", "-lmount", "-lcap"], check=True)
        self.program = made.read_bytes()

    def __enter__(self):
        self.place.rename(self.away)
        return self

    def __exit__(self, *_):
        self.place.unlink(missing_ok=True)
        self.away.rename(self.place)

    def lie(self, word):
        new = self.place.with_suffix(".new")
        new.write_bytes(self.program.replace(b"LIE=none............", f"LIE={word:.<16}".encode()))
        new.chmod(0o711)
        new.rename(self.place)


def _refused(b, did, log, patience=0):
    b.stage.syslog.clear()
    r = b.ssh(b.alice.pw_name, "echo in", timeout=60 + patience)
    lines = [x for x in b.stage.syslog.wait("refused|NOT ISOLATED") if "refused: " in x and log in x]
    b.check(r.returncode != 0 and "in\n" not in r.stdout and lines, f"{did}: no login, and the log says why",
            (lines or [b.log_tail()])[0], r.stdout + r.stderr)


def test_lies(b):
    b.stage.config(CONFIG + "MemoryMax=1G\n")
    with Liar(b) as liar:
        liar.lie("none")
        r = b.ssh(b.alice.pw_name, "cat /run/nsshell/session")
        b.check(r.returncode == 0, "one that says the truth opens a box", r.stdout + r.stderr)
        link = pathlib.Path("/var/tmp/nsshell-lie/proc/uptime")
        link.parent.mkdir(parents=True)
        link.symlink_to("/etc/hostname")
        try:
            for word, did, log in LIES:
                liar.lie(word)
                _refused(b, did, log)
        finally:
            shutil.rmtree(link.parents[1])
        made = pathlib.Path(b.alice.pw_dir, "made")
        b.check(not made.exists(), "nothing was made in the home")


def test_a_planner_that_hangs(b):
    b.stage.config(CONFIG)
    with Liar(b) as liar:
        liar.lie("hang")
        _refused(b, "a planner that hangs", "wait for the plan", 60)
        # A cron job of the stage's may wait for one, too.
        end = time.monotonic() + 40
        while _find(str(liar.place), 0) and time.monotonic() < end:
            time.sleep(0.5)


def test_no_planner(b):
    b.stage.config(CONFIG)
    with Liar(b):
        _refused(b, "without nsshell-planner", "nsshell-planner")


def test_a_config_that_nobody_may_read(b):
    """It gets what it needs of root's files, and those only."""
    directory = b.stage.private / "closed"
    directory.mkdir(mode=0o700)
    conf = directory / "nsshell.conf"
    conf.write_text(f"[Default]\nIsolate=yes\nServices={b.stage.sshd_service}\n", encoding="ascii")
    conf.chmod(0o600)
    drop_in = directory / "nsshell.conf.d"
    drop_in.mkdir(mode=0o700)
    (drop_in / "50-name.conf").write_text("[Default]\nHostname=closed\n", encoding="ascii")
    (drop_in / "50-name.conf").chmod(0o600)
    try:
        b.stage.pam_all(config=conf)
        r = b.ssh(b.alice.pw_name, "hostname")
        b.check(r.stdout == "closed\n", "a config that only root may read holds, its drop-ins too", r.stdout + r.stderr)
    finally:
        b.stage.pam_all()
        shutil.rmtree(directory)


KILL = """import os, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    os.kill(int(sys.argv[1]), 9)
except OSError as e:
    print(type(e).__name__)
"""


def test_what_it_runs_as(b):
    """Seen while it waits for an answer: the one that hangs, which is the real one until then."""
    b.stage.config("")
    with Liar(b) as liar:
        liar.lie("hang")
        with b.stage.sshd.background(b.alice.pw_name, "true") as ssh:
            pid = _find(str(liar.place))
            status = _status(pid) if pid else {}
            fds = sorted(os.listdir(f"/proc/{pid}/fd")) if pid else []
            environ = open(f"/proc/{pid}/environ", "rb").read() if pid else b"?"
            r = b.run("python3", "-c", KILL, pid or 0)
            if pid:
                os.kill(int(pid), signal.SIGKILL)
            ssh.communicate()
        own = [str(0x7fbe0000 + int(pid or 0))] * 4
        b.check(status.get("Uid") == own and status.get("Gid") == own and not status.get("Groups"),
                "it has a uid and a gid that no other process has, and no group", status)
        b.check(r.returncode == 0 and r.stdout == "PermissionError\n", "the host's nobody can't end it", r.stdout + r.stderr)
        b.check(all(int(status.get(c, ["1"])[0], 16) == 0 for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")),
                "without a capability", status)
        b.check(status.get("NoNewPrivs") == ["1"] and status.get("Seccomp") == ["2"], "with a filter, and no way to more",
                status)
        b.check(set(fds) <= {"0", "1", "2", "3"} and environ == b"", "with its socket alone, and no variable", fds)


def _find(program, seconds=20):
    end = time.monotonic() + seconds
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "nsshell-planner" and \
                        os.path.samefile(f"/proc/{pid}/exe", program) and _status(pid).get("Seccomp") == ["2"]:
                    time.sleep(0.3)
                    return pid
            except OSError:
                continue
        if time.monotonic() >= end:
            return None
        time.sleep(0.02)


def _status(pid):
    text = open(f"/proc/{pid}/status", encoding="ascii").read()
    return {m[1]: m[2].split() for m in re.finditer(r"^(\w+):[ \t]*(.*)$", text, re.M)}
