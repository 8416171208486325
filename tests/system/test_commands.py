# SPDX-License-Identifier: BSD-3-Clause
"""Host commands, nsshell-commands(5): passwd, crontab and their like, run on the host for who is in a box."""

import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time
import traceback

from harness import ask, kernel
from harness.pace import patient
from harness.stage import REPORTS, TREE
from harness.terminal import Terminal
from test_oom import may_lower
from test_serve import lingers
from test_users import login

CRONTABS = pathlib.Path("/var/spool/cron/crontabs")


def _set_password(name, password):
    subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)


def _hash_of(name):
    for line in pathlib.Path("/etc/shadow").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return line.split(":")[1]
    return None


def _events(b, name):
    return [line for line in b.stage.syslog.lines("on the host") if name in line]


def test_crontab(b):
    name = b.alice.pw_name
    spool = CRONTABS / name
    with login(b, name) as s:
        said = s.do("crontab -l; echo $?")
        b.check(said.endswith(f"no crontab for {name}\n1"), "crontab -l in a box asks the host's", said)
        said = s.do("echo '5 4 * * * /bin/true # one' | crontab -; echo $?")
        b.check(said == "0" and "# one" in spool.read_text(encoding="ascii"), "crontab - takes the standard input", said)
        said = s.do("crontab -l")
        b.check(said == "5 4 * * * /bin/true # one", "crontab -l shows it", said)
        said = s.do("echo '6 4 * * * /bin/true # two' >mine; crontab mine; echo $?; crontab -l")
        b.check(said == "0\n6 4 * * * /bin/true # two", "crontab FILE hands a file of the box over", said)
        said = s.do("crontab nowhere; echo $?")
        b.check("nowhere: No such file" in said and said.endswith("125"), "one that isn't there is told apart", said)
        said = s.do("EDITOR='sed -i s/two/three/' crontab -e; echo $?; crontab -l")
        b.check(said == "0\n6 4 * * * /bin/true # three", "crontab -e has the editor inside", said)
        said = s.do("EDITOR=true crontab -e; echo $?")
        b.check(said == "No modification made\n0", "which may change nothing", said)
        said = s.do("echo n | EDITOR='sed -i s/6/sixty/' crontab -e; echo $?; crontab -l")
        b.check("retry the same edit" in said and "three" in said, "what isn't one is asked about, and not taken", said)
        said = s.do("echo n | EDITOR='sed -i s/6/sixty/' crontab -e 2>&1 | sed -n 's/.*edits left in //p' >left; cat $(cat left); rm -r /tmp/crontab.* left")
        b.check("sixty" in said, "what was typed is left", said)
        said = s.do("EDITOR='sed -i s/6/7/' crontab -e; EDITOR='sed -i s/7/6/' crontab -e; ls -d /tmp/crontab.*")
        b.check("No such file" in said, "one that is taken leaves nothing", said)
        said = s.do(f"crontab -u {name} -r; echo $?; crontab -u {b.bob.pw_name} -l; echo $?; crontab -u root -l; echo $?")
        b.check(said.startswith("0\n") and said.count("doesn't take these arguments") == 2 and said.endswith("125") and
                not spool.exists(), "-u is for the own name", said)
        line = b.stage.syslog.wait(rf"session \S+: {name} ran crontab -u {name} -r on the host, status 0")
        b.check(line, "the log has it with its words", _events(b, name)[-3:])
        b.check(b.stage.syslog.lines(rf"{name} was refused") or "refused" not in said, "and what was refused", _events(b, name)[-3:])
        said = b.run(b.stage.bin / "nsctl", "log", user=b.alice.pw_uid, group=b.alice.pw_gid, extra_groups=[], cwd="/")
        b.check("ran crontab -l on the host, status 1" in said.stdout, "so has the account's own", said.stdout + said.stderr)


def test_passwd(b):
    name = b.alice.pw_name
    _set_password(name, "first Secret 1")
    before = _hash_of(name)
    with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as term:
        term.ask("true")
        term.type("passwd\n")
        term.expect("urrent password:")
        term.type("first Secret 1\n")
        term.expect("ew password:")
        term.type("second Secret 2\n")
        term.expect("etype new password:")
        term.type("second Secret 2\n")
        term.expect("updated successfully")
        term.expect(r"\$ ")
        b.check(_hash_of(name) != before, "passwd in a box changes the password on the host")
        said = term.ask("passwd -S; passwd root; echo $?; passwd -d; echo $?")
        b.check(f"{name} P" in said and said.count("doesn't take these arguments") == 2, "other accounts' isn't taken", said)
    b.check(b.stage.syslog.wait(rf"{name} ran passwd on the host, status 0"), "the log has it", _events(b, name)[-3:])




def entry(b, name, *lines, program=None, text=None, mode=0o755):
    """An entry of the test's own, and its program, a script or a copy of one."""
    directory = b.stage.private / "commands"
    directory.mkdir(exist_ok=True)
    path = b.stage.bin / name
    if program:
        shutil.copy(program, path)
    else:
        path.write_text("#!/bin/sh\n" + (text or "exit 0\n"), encoding="ascii")
    path.chmod(mode)
    (directory / f"{name}.conf").write_text(f"Program={path}\n" + "".join(line + "\n" for line in lines), encoding="ascii")
    return path


def commands(b, *names):
    b.stage.config(f"HostCommands={' '.join(names)}\n")


LOOK = """id -u; id -G; pwd; umask; env | sort; grep -E '^(Cap|NoNew|Seccomp:|SigBlk|SigIgn)' /proc/self/status
ls /proc/self/fd; readlink /proc/self/ns/user /proc/self/ns/pid /proc/self/ns/mnt; cat /proc/self/oom_score_adj
cat /proc/self/cgroup; echo "arguments:$#:$*"; cat /proc/keys; cat
"""


def test_what_runs_there(b):
    """Its process on the host, as it sees itself."""
    name = b.alice.pw_name
    path = entry(b, "look", "Arguments=[<text>]...", "Environment=COLOUR=blue", text=LOOK)
    cat = entry(b, "rootcat", "Arguments=/proc/self/status", program="/bin/cat", mode=0o4755)
    commands(b, "look", "rootcat")
    with login(b, name) as s:
        # An instrumented client isn't static: its loader would say that there is no such file.
        secrets = "SECRET=1" if REPORTS else "SECRET=1 LD_AUDIT=x"
        said = s.do(f"(cd /tmp; umask 0; export {secrets} LANG=../..; trap '' TERM HUP; ulimit -n 77; "
                    f"echo typed | {path} a 'b c')")
        lines = said.splitlines()
        b.check(lines[0] == str(b.alice.pw_uid) and sorted(lines[1].split()) == sorted(s.do("id -G").split()),
                "it is the account, with its groups", lines[:2])
        b.check(lines[2:4] == ["/", "0022"], "in / and with an umask of its own", lines[2:4])
        env = {line.partition("=")[0] for line in lines[4:] if "=" in line and ":" not in line.partition("=")[0]}
        b.check(env <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "COLOUR", "PWD", "_", "OLDPWD", "SHLVL"} and
                "COLOUR=blue" in lines and "LANG=C.UTF-8" in lines, "nothing of the environment came along", sorted(env))
        status = dict(line.split(":\t") for line in lines if ":\t" in line and "\t" in line)
        caps = {k: int(status[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
        b.check(not any(caps.values()), "it has no capability", caps)
        own = dict(line.split(":\t") for line in pathlib.Path("/proc/self/status").read_text(encoding="ascii").splitlines()
                   if ":\t" in line)
        b.check(status["CapBnd"] == own["CapBnd"] and status["NoNewPrivs"] == "0" and status["Seccomp"] == "0",
                "a setuid bit counts: the bounding set is the host's, no_new_privs and filter are off", status)
        # 32 and 33 are the C library's own.
        b.check(int(status["SigBlk"], 16) == 0 and int(status["SigIgn"], 16) & ~(3 << 31) == 0, "no signal is blocked or ignored",
                status)
        at = lines.index("0", 5)
        b.check(lines[at:at + 4] == ["0", "1", "2", "3"], "it has fds 0 to 2 (3 is ls's own)", lines[at:at + 6])
        host = [os.readlink(f"/proc/self/ns/{n}") for n in ("user", "pid", "mnt")]
        b.check(all(n in lines for n in host), "it is outside", host)
        b.check(f"/{b.alice.pw_uid}/supervise" in said or f"{b.alice.pw_uid}.scope/supervise" in said,
                "in a group of the account's", [x for x in lines if "supervise" in x][:2])
        b.check("arguments:2:a b c" in lines and lines[-1] == "typed", "words and standard input came along", lines[-2:])
        s.do(f"{path} {'x' * 900} last <&-")
        lines = b.stage.syslog.wait(f"{name} ran look x")
        b.check(lines and "x last on the host, status 0" in lines[-1], "a long word hides none that follows from the log", lines)
        said = s.do(f"{cat} /proc/self/status")
        mine = dict(line.split(":\t") for line in said.splitlines() if ":\t" in line)
        b.check(mine.get("CapEff") == own["CapBnd"] and mine["Uid"].split()[1] == "0" and mine["Uid"].split()[0] == str(b.alice.pw_uid),
                "one that is setuid root is root, with the host's capabilities", mine.get("CapEff"))
        supervisor = pathlib.Path(f"/proc/{b.record_of(name)['supervisor_pid']}/status").read_text(encoding="ascii")
        held = dict(line.split(":\t") for line in supervisor.splitlines() if ":\t" in line)
        b.check(held["CapEff"] == held["CapPrm"] != own["CapEff"] and int(held["CapInh"], 16) == 0 and held["CapBnd"] == own["CapBnd"],
                "the supervisor holds no more than ever, but for the bounding set", held["CapEff"])
        said = s.do(f"{path} -x; {cat} /etc/shadow; {cat}")
        b.check(said.count("doesn't take these arguments") == 3, "what no form allows isn't run", said)
    b.stage.config("HostCommands=none\n")
    with login(b, name) as s:
        supervisor = pathlib.Path(f"/proc/{b.record_of(name)['supervisor_pid']}/status").read_text(encoding="ascii")
        held = dict(line.split(":\t") for line in supervisor.splitlines() if ":\t" in line)
        b.check(held["CapBnd"] == held["CapEff"], "without commands the supervisor cuts that down", held["CapBnd"])
        said = s.do("crontab -l; echo $?")
        b.check("no crontab for" not in said and "nsshell-commands" not in said, "and nothing is in their place", said)


def test_a_gate_that_goes(b):
    """What cron runs is in a box for as long as its PAM service leads there: crontab asks that at each call."""
    name = b.alice.pw_name
    commands(b, "crontab")
    with login(b, name) as s:
        said = s.do("crontab -l; echo $?")
        b.check(said.endswith(f"no crontab for {name}\n1"), "cron's jobs are in boxes: crontab is run", said)
        b.stage.pam("cron")
        try:
            said = s.do("echo '* * * * * id' | crontab -; echo $?")
            b.check("PAM service cron would run outside of a box" in said and not (CRONTABS / name).exists(),
                    "they aren't any more: it is refused, in a session that was there before", said)
            lines = b.stage.syslog.wait(f"{name} was refused crontab")
            b.check(any("was refused crontab" in x for x in lines), "and the log says so", lines[-1:])
        finally:
            b.stage.pam_all()
        said = s.do("crontab -l; echo $?")
        b.check(said.endswith(f"no crontab for {name}\n1"), "and run again once they are", said)


def test_what_it_sends_by(b):
    """Network=none is the box's, not the command's: nsctl check says where that is a way out."""
    name = b.alice.pw_name
    sends = entry(b, "sends", "Arguments=", "Sends=yes", text="readlink /proc/self/ns/net\n")

    def told():
        r = b.nsctl("check", "--json", "-c", str(b.stage.conf))
        return [f for f in json.loads(r.stdout)["findings"] if "by the host's network" in f["what"]]
    b.stage.config("HostCommands=sends\n")
    b.check(not told(), "with the host's network nsctl check has nothing to say of it")
    b.stage.config("HostCommands=sends\n", default="Network=none\n")
    seen = told()
    b.check(len(seen) == 1 and seen[0]["severity"] == "note" and name in seen[0]["concerns"], "with another it has", seen)
    r = b.nsctl("plan", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
    b.check(f"{sends} sends" in r.stdout, "so has nsctl plan", [x for x in r.stdout.splitlines() if "sends" in x])
    with login(b, name) as s:
        said = s.do(f"readlink /proc/self/ns/net; {sends}").splitlines()
        host = os.readlink("/proc/self/ns/net")
        b.check(len(said) == 2 and said[0] != host == said[1], "the box has no network, the command has the host's", said)
    b.stage.config("HostCommands=none passwd crontab\n", default="Network=none\n")
    b.check(not told(), "passwd and crontab send nothing")
    b.stage.config("HostCommands=nosuch\n")
    r = b.nsctl("check", "--json", "-c", str(b.stage.conf))
    seen = [f for f in json.loads(r.stdout)["findings"] if "nosuch" in f["what"]]
    b.check(seen and "nsshell-commands(5)" in seen[0]["todo"], "one without an entry is told, and where to read on", seen)


def test_nothing_of_the_home(b):
    """A program that runs what a file of its user's home says (msmtp, a script of Python) finds none."""
    name, home = b.alice.pw_name, pathlib.Path(b.alice.pw_dir)
    python = entry(b, "python", "Arguments=", text="exec /usr/bin/python3 -c 'import os; print(os.environ[\"HOME\"])'\n")
    own = entry(b, "own", "Arguments=", "Home=yes", text="echo $HOME\n")
    other = entry(b, "other", "Arguments=", "Environment=HOME=/srv", text="env | grep ^HOME=\n")
    commands(b, "python", "own", "other")
    with login(b, name) as s:
        said = s.do("mkdir -p $(/usr/bin/python3 -m site --user-site) && cd $(/usr/bin/python3 -m site --user-site) && "
                    "echo 'import os; print(os.readlink(\"/proc/self/ns/pid\"))' >usercustomize.py; "
                    f"/usr/bin/python3 -c ''; {python}; {own}; {other}; rm usercustomize.py")
        lines = said.splitlines()
        b.check(len(lines) == 4 and lines[0].startswith("pid:") and lines[0] != os.readlink("/proc/self/ns/pid"),
                "a file of the home is run in the box", lines)
        b.check(lines[1] == "/nonexistent", "and not outside", lines)
        b.check(lines[2:] == [str(home), "HOME=/srv"], "HOME is what an entry says", lines)


def test_what_its_user_could_change(b):
    """Meanwhile, on the host: a program, the directory that it is in, groups and the login shell."""
    name, uid = b.alice.pw_name, b.alice.pw_uid
    mine = entry(b, "mine", "Arguments=", text="id -G\n")
    groups = entry(b, "groups", "Arguments=", text="id -G\n")
    directory = b.stage.bin / "theirs"
    directory.mkdir(exist_ok=True)
    conf = b.stage.private / "commands" / "there.conf"
    shutil.copy(groups, directory / "there")
    conf.write_text(f"Program={directory}/there\nArguments=\n", encoding="ascii")
    commands(b, "mine", "groups", "there", "chsh")
    with login(b, name) as s:
        said = s.do(f"{mine}; {directory}/there")
        b.check(len(said.splitlines()) == 2 and "written" not in said, "programs of root's are run", said)
        os.chown(mine, uid, -1)
        directory.chmod(0o777)
        said = s.do(f"{mine}; {directory}/there; {groups}")
        b.check(said.count("may be written by who asks") == 2 and s.do(f"{groups}") in said,
                "one that is its user's own isn't, nor one in a directory that is for all to write", said)
        try:
            subprocess.run(["usermod", "-g", str(b.bob.pw_gid), name], check=True)
            said = s.do(f"{groups}; echo $?")
            b.check("isn't what it was" in said and said.endswith("125"), "nor any with a group that the box hasn't", said)
        finally:
            subprocess.run(["usermod", "-g", str(b.alice.pw_gid), name], check=True)
        try:
            subprocess.run(["usermod", "-s", str(b.stage.bin / "nsshell"), name], check=True)
            said = s.do("chsh -s /bin/sh </dev/null; echo $?")
            b.check("root may change it" in said, "nor chsh, once the login shell is nsshell", said)
        finally:
            subprocess.run(["usermod", "-s", b.alice.pw_shell, name], check=True)
    shutil.rmtree(directory)


def _processes(word):
    return kernel.called(word)


def _is_there(word, seconds=8):
    end = time.monotonic() + patient(seconds)
    while not _processes(word) and time.monotonic() < end:
        time.sleep(0.05)
    return _processes(word)


def _gone(b, word, seconds=8):
    end = time.monotonic() + patient(seconds)
    while _processes(word) and time.monotonic() < end:
        time.sleep(0.05)
    return not _processes(word)


def test_how_it_ends(b):
    name = b.alice.pw_name
    slow = entry(b, "slow", "Arguments=[<text>]", "TimeMax=1s", text="trap '' HUP TERM; sleep 3217 & sleep 3217\n")
    loud = entry(b, "loud", "Arguments=", "OutputMax=64K", text="exec cat /dev/zero\n")
    eats = entry(b, "eats", "Arguments=", "InputMax=64K", text="exec wc -c\n")
    ends = entry(b, "ends", "Arguments=<number>", text="case $1 in 9) kill -KILL $$;; *) exit $1;; esac\n")
    waits = entry(b, "waits", "Arguments=", text="trap 'echo got INT; kill $!; exit 7' INT\nsleep 3218 & echo up; wait; wait\n")
    b.stage.config("HostCommands=slow loud eats ends waits\n")
    with login(b, name) as s:
        said = s.do(f"{slow}; echo $?")
        b.check("longer than TimeMax=" in said and said.endswith("137"), "one that takes too long is ended", said)
        b.check(_gone(b, "3217"), "with all that it has started, whatever they ignore", _processes("3217"))
        said = s.do(f"{loud} | tr '\\0' x | wc -c; {loud} 2>&1 >/dev/null | tail -1")
        b.check("more than OutputMax=" in said, "one that writes too much, too", said)
        said = s.do(f"head -c 65536 /dev/zero | {eats}; yes | {eats} 2>&1 >/dev/null | tail -1")
        b.check(said.startswith("65536\n") and said.endswith("more than InputMax="), "and one that is given too much", said)
        said = s.do(f"{ends} 0; echo $?; {ends} 3; echo $?; {ends} 9; echo $?")
        b.check(said.split() == ["0", "3", "137"], "the exit status crosses", said)
        said = s.do(f"sh -c 'exec {waits}' >out & for i in $(seq 200); do grep -q up out && break; sleep 0.1; done; kill -INT $!; wait $!; echo $?; cat out")
        b.check(said.split()[-4:] == ["7", "up", "got", "INT"], "so does a signal of those that a terminal has", said)
        s.do(f"{waits} >out & echo $! >pid; while ! grep -q up out; do sleep 0.05; done")
        s.do("kill -9 $(cat pid)")
        b.check(_gone(b, "waits"), "who asked and is gone takes it along", _processes("waits"))
        s.do(f"{waits} >out & while ! grep -q up out; do sleep 0.05; done")
        b.check(_is_there("3218"), "one runs still")
    b.check(b.gone(name) and _gone(b, "3218") and _gone(b, "waits"), "the session's end ends it", _processes("3218"))
    lines = b.stage.syslog.lines("on the host")
    b.check(any("ended: its session ended" in x for x in lines) and any("OutputMax" in x for x in lines), "the log says why", lines[-6:])


def test_how_many_end(b):
    """More than what the kernel lists of them in one page."""
    many = entry(b, "many", "Arguments=", "OutputMax=4K", "TimeMax=10min",
                 text="trap '' HUP TERM; for i in $(seq 700); do sleep 3222 & done; head -c 9999 /dev/zero; sleep 3222\n")
    b.stage.config("HostCommands=many\nMemoryMax=4G\n")
    with login(b, b.alice.pw_name) as s:
        said = s.do(f"{many} >/dev/null; echo $?", timeout=patient(120))
        b.check("OutputMax=" in said and said.endswith("137") and _gone(b, "sleep 3222"), "with as many as it likes, too",
                said, len(_processes("sleep 3222")))


test_how_many_end.later = "700 processes; commands.how_it_ends has the rule"


def _ask_for(b, session, *words):
    """A command that the account asks for by hand: its connection, and the worker that has it."""
    os.seteuid(b.alice.pw_uid)
    try:
        sock = ask.connect(b.alice.pw_uid, session)
    finally:
        os.seteuid(0)
    memfd = ask.sealed(ask.words(*words))
    socket.send_fds(sock, [struct.pack("@IIi", ask.MAGIC, ask.HOST, 0)], [memfd])
    os.close(memfd)
    said = ask.hear(sock)
    os.read(said[4][1], 10)
    for fd in said[4]:
        os.close(fd)
    supervisor = int(b.record_of(b.alice.pw_name)["supervisor_pid"])
    return sock, [p.pid for p in kernel.processes() if p.ppid == supervisor and "a request" in repr(p)][-1]


def _send_along(sock, worker, at):
    """
    A message with a file that the worker alone has, when it comes to look. Return: whether it could be sent, as on a
    slow machine the command's time may be up by then.
    """
    try:
        with lingers(at) as fd:
            os.kill(worker, signal.SIGSTOP)
            socket.send_fds(sock, [struct.pack("@IIi", ask.MAGIC, ask.HOST + 1, 24 << 16 | 80)], [fd.fileno()])
        os.kill(worker, signal.SIGCONT)
    except (ConnectionError, ProcessLookupError) as e:
        print(f"# not sent along: {e} in {traceback.extract_tb(e.__traceback__)[-1]}", flush=True)
        sock.close()
        return False
    return True


def test_what_comes_along_later(b):
    """With a signal or a size of its user's: a file whose close waits for as long as that one likes."""
    name = b.alice.pw_name
    for entry_name, limit in (("short", f"{patient(2):g}s"), ("long", "infinity")):
        entry(b, entry_name, "Arguments=", f"TimeMax={limit}", text="trap '' HUP TERM; echo up; sleep 3221 & sleep 3221; sleep 3221\n")
    commands(b, "short", "long")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with login(b, name):
            session = b.record_of(name)["id"]
            for entry_name in ("short", "long"):
                for _ in range(5):
                    sock, worker = _ask_for(b, session, entry_name)
                    program = _processes(entry_name)[0]
                    if sent := _send_along(sock, worker, server.getsockname()):
                        break
                b.check(sent, f"a file is sent along with a command: {entry_name}")
                if may_lower() and entry_name == "long":
                    scores = [pathlib.Path(f"/proc/{p}/oom_score_adj").read_text(encoding="ascii").strip() for p in (worker, program)]
                    b.check(scores == ["-900", "0"], "a full memory ends the program, and not who looks after it", scores)
                elif entry_name == "long":
                    b.skip("who looks after it is spared", "root may not lower a score here (CAP_SYS_RESOURCE)")
                if entry_name == "short":
                    b.check(_gone(b, "3221"), "TimeMax= is kept", _processes("3221"))
                    sock.close()
            b.check(_is_there("3221"), "one that has more time runs still")
        b.check(b.gone(name) and _gone(b, "3221"), "and ends with the session", _processes("3221"))
        for pid in _processes("3221"):
            os.kill(pid, signal.SIGKILL)


def _is_terminal_of(path, person):
    """Not how many there are: others make some meanwhile, and take its number once it is gone."""
    try:
        return os.stat(path).st_uid == person.pw_uid
    except FileNotFoundError:
        return False


def test_the_terminal(b):
    name = b.alice.pw_name
    entry(b, "tty", "Arguments=", text="tty; stty size; ls -l $(tty); echo $TERM; read x; echo \"read:$x\"; stty -echo; echo quiet; read y; stty echo; "
          "echo \"hidden:$y\"; for i in $(seq 100); do [ \"$(stty size)\" = '20 61' ] && break; sleep 0.1; done; stty size; trap 'echo interrupted; exit 5' INT; echo wait; sleep 60 & wait\n")
    commands(b, "tty")
    path = b.stage.bin / "tty"
    with Terminal(b.stage.sshd.argv(name, options=("-tt",)), rows=31, columns=97) as term:
        term.line(f"{path}; echo status=$?")
        seen = term.expect(r"^(/dev/pts/\d+)\n31 97\n(crw-------.*)\ndumb\n")
        b.check(seen and name in seen.group(2), "it has a terminal of its size, for itself alone", seen.group(0))
        host = seen.group(1)
        b.check(_is_terminal_of(host, b.alice), "which is the host's", host)
        term.line("typed")
        term.expect("read:typed")
        term.expect("quiet")
        term.line("secret")
        seen = term.expect(r"(?s)(.*)hidden:secret").group(1)
        b.check("secret" not in seen, "without an echo where it wants none", seen)
        term.resize(20, 61)
        b.check(term.expect(r"(?m)^(20 61|31 97)").group(1) == "20 61", "whose size is what its user's becomes")
        term.expect("wait")
        term.type("\x03")
        b.check(term.expect("interrupted") and term.expect("status=5"), "Ctrl-C is the program's")
        held = term.ask("ls -l /proc/$$/fd | grep -c ptmx")
        b.check(held == "0" and not _is_terminal_of(host, b.alice), "nothing of it is left", held)
        # One that loses who asked hears its terminal hang up.
        term.line(f"{path}; echo status=$?")
        term.expect("^/dev/pts")
        term.hang_up()
    b.check(_gone(b, str(path)), "a login that is gone hangs it up", _processes(str(path)))


def test_its_jobs(b):
    """A shell's job control: what it does to a program on a terminal, and what that is left like."""
    path = entry(b, "reads", "Arguments=", text="echo up; read x; echo \"read:$x\"\n")
    commands(b, "reads")
    with Terminal(b.stage.sshd.argv(b.alice.pw_name, options=("-tt",))) as term:
        before = term.ask("stty -g")
        term.line(f"{path}; echo status=$?")
        term.expect("up")
        term.type("\x1a")
        term.type("word\n")
        b.check(term.expect("read:word") and term.expect("status=0"), "Ctrl-Z is typed at the program, which has nobody to be stopped for")
        term.ask(f"{path} & echo $! >pid; for i in $(seq 100); do jobs %1 | grep -q Stopped && break; sleep 0.1; done")
        b.check(term.ask("jobs %1 | grep -c Stopped") == "1", "one in the background waits until it is called for")
        term.line("fg")
        term.type("again\n")
        b.check(term.expect("read:again"), "and goes on then")
        term.expect(r"\$ ")
        term.line(f"{path}")
        term.expect("up")
        for pid in _processes(f"sh {path}"):
            os.kill(pid, signal.SIGKILL)
        term.expect(r"\$ ")
        b.check(term.ask("stty -g") == before, "the terminal is as it was, whatever ended it", before)


def test_its_keyring(b):
    """Neither the session's keys come along, nor does the program leave some in it."""
    numbers = {"x86_64": (248, 250)}.get(os.uname().machine)
    if not numbers:
        b.skip("the keyring of a command", f"numbers of the calls aren't known for {os.uname().machine}")
        return
    call = "import ctypes; s = ctypes.CDLL(None).syscall; "
    find = f"s({numbers[1]}, 10, -3, b'user', b'nst-of-the-box', 0) > 0"
    ring = f"s({numbers[1]}, 0, -3, 0)"
    path = entry(b, "keys", "Arguments=", text=f"exec /usr/bin/python3 -c \"{call}print({find}, {ring})\"\n")
    b.stage.config("HostCommands=keys\nSystemCallFilter=@keyring\n")
    with login(b, b.alice.pw_name) as s:
        put = s.do(f"/usr/bin/python3 -c \"{call}print(s({numbers[0]}, b'user', b'nst-of-the-box', b'x', 1, -3) > 0, {ring})\"").split()
        seen = [s.do(str(path)).split() for _ in range(2)]
        left = s.do(f"/usr/bin/python3 -c \"{call}print({find}, {ring})\"").split()
    b.check(put[0] == "True" and left == put, "the session has its key, before and after", put, left)
    b.check([x[0] for x in seen] == ["False", "False"] and len({put[1], seen[0][1], seen[1][1]}) == 3,
            "a command doesn't find it: each has a keyring of its own", put, seen)


def test_shipped(b):
    """All entries that come with nsshell can be read, and those of programs that are here do their work."""
    name = b.alice.pw_name
    names = sorted(p.stem for p in (TREE / "config" / "commands").glob("*.conf"))
    b.stage.pam("atd", b.stage.module_line())
    b.stage.config(f"HostCommands={' '.join(names)}\nServices=atd\n")
    r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
    plan = {c["name"]: c for c in json.loads(r.stdout)["commands"]}
    wrong = {n: plan[n]["why"] for n in names if plan[n]["why"] and "isn't on this host" not in plan[n]["why"]}
    b.check(sorted(plan) == names and not wrong, f"the plan has each of {len(names)} entries", wrong or names)
    with login(b, name) as s:
        said = s.do("echo 'echo done' >job; at -f job -m now + 3 hours; echo 'echo two' | at 'now + 2 hours'; atq")
        jobs = [line.split()[0] for line in said.splitlines() if line.endswith(name)]
        b.check(len(jobs) == 2, "at takes jobs from a file and from the standard input, atq shows them", said)
        said = s.do(f"at -c {jobs[0]} | tail -3; atrm {' '.join(jobs)}; atq")
        b.check("echo" in said and name not in said, "at -c shows one, atrm takes them back", said)
        said = s.do(f"at -f /etc/shadow now + 1 day; at -u root now + 1 day; at -c {jobs[0]} -x; atq")
        b.check("shadow: No such file" in said and said.count("doesn't take") == 2 and name not in said,
                "a file is the box's, and a name the own one", said)
        said = s.do("mkdir -p \"it's here\"; cd \"it's here\"; export WORD=\"a 'b'\"; umask 027; echo 'pwd; umask; echo $WORD; exit' | "
                    "at now + 5 hours; cd; umask 022; n=$(atq | cut -f1); cd /; unset WORD; at -c $n | sh; atrm $n")
        b.check(said.endswith(f"{b.alice.pw_dir}/it's here\n0027\na 'b'"), "a job begins where at was called, with its umask and environment",
                said)
        said = s.do("chfn -o x; chfn -R /tmp; chsh -R /tmp; chsh root; echo | chsh -s /bin/sh")
        b.check(said.count("doesn't take these arguments") == 4, "what is root's is refused", said)
        _set_password(name, "Secret of chfn 1")
        # Another test's useradd may have the lock of /etc/passwd; and a box sees a new one of the host's within half a second.
        shown = "getent passwd $USER | cut -d: -f5"
        said = s.do("for number in 123 ''; do for n in $(seq 20); do echo 'Secret of chfn 1' | chfn -h \"$number\" && break; sleep 0.3; done; "
                    f"for n in $(seq 50); do {shown} | grep -q \",,,$number$\" && break; sleep 0.1; done; {shown}; done", timeout=60)
        b.check(",,,123\n" in said and said.endswith(",,,"), "chfn sets a field, and an empty word clears it", said)
    b.stage.config(f"HostCommands={' '.join(names)}\n")
    r = b.nsctl("plan", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
    b.check("at          left out: what it leaves to the PAM service atd would run outside of a box" in r.stdout,
            "where atd leads into no box there is no at", [x for x in r.stdout.splitlines() if "left out" in x])


def test_at_on_a_terminal(b):
    name = b.alice.pw_name
    if not os.path.exists("/usr/sbin/atd"):
        b.skip("at on a terminal", "there is no at here")
        return
    b.stage.pam("atd", b.stage.module_line())
    b.stage.config("HostCommands=at atq atrm\nServices=atd\n")
    with Terminal(b.stage.sshd.argv(name, options=("-tt",))) as term:
        term.ask("cd /tmp")
        term.line("at now + 6 hours")
        term.expect("at> ")
        term.line("echo typed")
        term.expect("at> ")
        term.type("\x04")
        term.expect("<EOT>")
        term.expect(r"\$ ")
        said = term.ask("n=$(atq | cut -f1); at -c $n | tail -8; atrm $n")
        b.check("cd '/tmp' ||" in said and "echo typed" in said, "what is typed is a job, too", said)
        term.line("at now + 6 hours")
        term.expect("at> ")
        term.line("echo not this")
        term.expect("at> ")
        term.type("\x03")
        term.expect(r"\$ ")
        said = term.ask("atq; at nonsense; echo status=$?")
        b.check(name not in said and "Garbled time" in said and "status=1" in said, "not once Ctrl-C was typed, nor at no time", said)


def test_where_cron_leads_into_no_box(b):
    name = b.alice.pw_name
    b.stage.pam("cron")
    with login(b, name) as s:
        said = s.do("crontab -l; echo $?")
        b.check("no crontab for" not in said, "without nsshell's line in cron's service there is no crontab", said)
        said = s.do("passwd -S")
        b.check(said.startswith(f"{name} "), "passwd is there all the same", said)
    for above, there in (("session sufficient pam_permit.so", False), ("session [success=1 default=ignore] pam_permit.so", False),
                         ("session [success=1 default=ignore] pam_permit.so\nsession optional pam_permit.so", True)):
        b.stage.pam("cron", above + "\n", b.stage.module_line())
        r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
        why = [c["why"] for c in json.loads(r.stdout)["commands"] if c["name"] == "crontab"][0]
        b.check(not why if there else why and "nsctl enable cron" in why,
                f"there is {'a' if there else 'no'} crontab where cron's stack has {above!r} above it", why)
    for control, there in (("required", True), ("optional", False)):
        b.stage.pam("cron", b.stage.module_line(control=control))
        r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
        why = [c["why"] for c in json.loads(r.stdout)["commands"] if c["name"] == "crontab"][0]
        b.check(not why if there else why and "nsctl enable cron" in why,
                f"there is {'a' if there else 'no'} crontab where nsshell's line is {control}", why)
    for included, there in (("session optional pam_permit.so\n", True), ("session sufficient pam_permit.so\n", False),
                            ("session [success=1 default=ignore] pam_permit.so\n", False), ("@include nowhere\n", False)):
        (b.stage.private / "pam.d" / "included").write_text(included, encoding="ascii")
        b.stage.pam("cron", "@include included\n", b.stage.module_line())
        r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
        why = [c["why"] for c in json.loads(r.stdout)["commands"] if c["name"] == "crontab"][0]
        b.check(not why if there else why and "nsctl enable cron" in why,
                f"there is {'a' if there else 'no'} crontab where a file that is included above it has {included!r}", why)
    (b.stage.private / "pam.d" / "included").write_text(b.stage.module_line() + "\n", encoding="ascii")
    b.stage.pam("cron", "session substack included\n")
    r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
    why = [c["why"] for c in json.loads(r.stdout)["commands"] if c["name"] == "crontab"][0]
    b.check(not why, "there is one where nsshell's line is in one that is included", why)
    b.stage.pam_all()
    directory = b.stage.private / "commands"
    directory.mkdir(exist_ok=True)
    for text, why in (("Program=passwd\n", "absolute path"), ("Program=/usr/bin/passwd\nArguments=[\n", "without its ']'"),
                      ("Program=/usr/bin/passwd\nargs=\n", "no such key"), ("Program=/usr/bin/passwd\n", "Arguments= is missing"),
                      ("Program=/usr/bin/passwd\nArguments=\nTimeMax=0\n", "time span"), ("\0", "not a text file")):
        (directory / "passwd.conf").write_text(text, encoding="ascii")
        r = b.nsctl("plan", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
        line = [x for x in r.stdout.splitlines() if "passwd.conf" in x]
        b.check(line and why in line[0], f"a mistake in an entry is told: {text!r}", line or r.stdout[-300:])
    shipped = (TREE / "config" / "commands" / "crontab.conf").read_text(encoding="ascii")
    for daemon, there in (("/usr/sbin/cron", True), (str(b.stage.private / "gone"), False)):
        (directory / "crontab.conf").write_text(shipped.replace("Daemon=/usr/sbin/cron\n", f"Daemon={daemon}\n"), encoding="ascii")
        r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, name)
        why = [c["why"] for c in json.loads(r.stdout)["commands"] if c["name"] == "crontab"][0]
        b.check(not why if there else why and "gone isn't on this host" in why,
                f"crontab is{'' if there else ' not'} there with {daemon}", why)
    (directory / "passwd.conf").chmod(0o666)
    r = b.nsctl("check", "-c", str(b.stage.conf))
    b.check("passwd.conf" in r.stdout and "written by" in r.stdout, "so is one that others may write, by nsctl check",
            [x for x in r.stdout.splitlines() if "passwd.conf" in x])
    b.check("uid=" in b.ssh(name, "id").stdout, "and no login is refused for it")
    shutil.rmtree(directory)


def test_a_program_that_is_replaced(b):
    """In a tree that is live the host's rename takes along what was mounted on the old file."""
    name = b.alice.pw_name
    path = pathlib.Path(f"/usr/local/bin/{b.stage.accounts.prefix}-replaced")
    new = path.with_name(path.name + ".new")
    directory = b.stage.private / "commands"
    directory.mkdir(exist_ok=True)
    (directory / f"{path.name}.conf").write_text(f"Program={path}\nArguments=\n", encoding="ascii")
    try:
        for upper in ("none", "tmpfs"):
            path.write_text("#!/bin/sh\nreadlink /proc/self/ns/user\n", encoding="ascii")
            path.chmod(0o755)
            b.stage.config(f"HostCommands={path.name}\n", default=f"Upper={upper}\n")
            with login(b, name) as s:
                host = os.readlink("/proc/self/ns/user")
                b.check(s.do(str(path)) == host, f"Upper={upper}: a program below /usr runs on the host")
                for _ in range(2):
                    shutil.copy(path, new)
                    new.rename(path)
                    end, said = time.monotonic() + patient(10), ""
                    while said != host and time.monotonic() < end:
                        said = s.do(str(path))
                        time.sleep(0.2)
                    b.check(said == host, "and so it does once the host has replaced it", said)
    finally:
        for p in (path, new):
            p.unlink(missing_ok=True)
        shutil.rmtree(directory)
