# SPDX-License-Identifier: BSD-3-Clause
"""What ordinary users may do to sessions of their own, and what they are told of them."""

import json
import os
import pathlib
import subprocess
import time

from harness.hostile import Hostile
from test_nsctl_look import JOURNALD
from test_nsctl_sessions import check_progress, stubborn
from test_users import Tools, login


def _same(results, names):
    """Nothing tells one of the answers from another but the word that was asked for."""
    said = {(r.returncode, r.stdout, r.stderr.replace(n, "X")) for r, n in zip(results, names)}
    return len(said) == 1 and not results[0].stdout


def test_kill(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, alice) as one, login(b, alice) as two, login(b, bob) as other:
        first, others = one.do("echo $NSSHELL_SESSION"), other.do("echo $NSSHELL_SESSION")
        for s in (one, two, other):
            s.do("trap 'echo heard >>/tmp/heard' USR1")
        r = t.ctl(b.alice, "kill", "-s", "USR1", first)
        b.check(r.stdout == f"session {first} of {alice}: SIGUSR1 to 1 process\n"
                and not r.returncode, "nsctl kill -s USR1 on an own session", r.stdout + r.stderr)
        b.check(one.do("sleep 0.2; cat /tmp/heard") == "heard", "a process of it hears it")
        b.check(two.do("ls /tmp") == "", "the other one doesn't")
        r = t.ctl(b.alice, "kill", "-s", "USR1", alice)
        b.check(r.stdout.count("SIGUSR1") == 2 and one.do("sleep 0.2; wc -l </tmp/heard") == "2",
                "by name all own ones do", r.stdout + r.stderr)
        names = (bob, others, "nobody-here")
        b.check(_same([t.ctl(b.alice, "kill", x) for x in names], names),
                "somebody else's session is as if it weren't there")
        names = (others, "0" * len(others))
        for words in (("kill", "10"), ("pause",), ("resume",)):
            said = [t.ask(b.alice, *words, x) for x in names]
            b.check(_same(said, names) and said[0].returncode == 125,
                    f"{words[0]}: by hand too", said[0].stderr)
        b.check(other.do("ls /tmp") == "", "and hears nothing")
        for words in (("kill",), ("kill", "10"), ("kill", "0", first), ("kill", "-1", first),
                      ("kill", "65", first), ("kill", "USR1", first), ("kill", "10", first, first),
                      ("pause",), ("pause", ""), ("pause", first, first), ("resume", "../x"),
                      ("log",), ("log", "/etc/shadow"), ("log", "files", "files")):
            r = t.ask(b.alice, *words)
            b.check(r.returncode == 125 and r.stderr and not r.stdout,
                    f"refused: {' '.join(words)[:40]}", r.stdout + r.stderr)
        r = t.ctl(b.alice, "kill", "-s", "KILL", first)
        end = time.monotonic() + 10
        while first in {x["id"] for x in b.stage.records()} and time.monotonic() < end:
            time.sleep(0.05)
        b.check(not r.returncode and first not in {x["id"] for x in b.stage.records()},
                "kill -s KILL ends it", r.stdout + r.stderr)
        b.check(two.do("echo on") == "on" and other.do("echo on") == "on", "all others go on")


def test_pause(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)

    def state():
        return json.loads(t.ctl(b.alice, "list", "-J").stdout)["sessions"][0]["state"]

    with login(b, alice) as s, login(b, bob):
        r = t.ctl(b.alice, "pause", alice)
        b.check(not r.returncode and "stands still" in r.stdout and state() == "paused",
                "an ordinary user pauses an own session", r.stdout + r.stderr)
        r = t.ctl(b.alice, "resume", alice)
        b.check(not r.returncode and "goes on" in r.stdout and state() == "open"
                and s.do("echo on") == "on", "and lets it go on", r.stdout + r.stderr)
        b.run(t.nsctl, "pause", alice)
        said = [t.ctl(b.alice, "resume", alice), t.ctl(b.alice, "pause", alice),
                t.ctl(b.alice, "resume", alice)]
        b.check([r.returncode for r in said] == [1, 0, 1] and "root has paused" in said[2].stderr
                and state() == "paused", "one that root has paused, only root resumes",
                [r.stdout + r.stderr for r in said])
        r = b.run(t.nsctl, "resume", alice)
        b.check(not r.returncode and s.do("echo on") == "on", "which it does", r.stdout + r.stderr)
        t.ctl(b.alice, "pause", alice)
        b.run(t.nsctl, "pause", alice)
        r = t.ctl(b.alice, "resume", alice)
        b.check(r.returncode == 1 and state() == "paused", "also after an own pause", r.stderr)
        names = (bob, "nobody-here")
        b.check(_same([t.ctl(b.alice, "pause", x) for x in names], names),
                "somebody else's session is as if it weren't there")
        r = t.ctl(b.alice, "stop", "-q", alice)
        b.check(r.returncode == 1 and "root has paused" in r.stderr, "one that root has paused, only root stops",
                r.stderr)
        r = b.run(t.nsctl, "stop", "-q", alice)
        b.check(not r.returncode and {x["user"] for x in b.stage.records()} == {bob},
                "a paused session can be stopped", r.stderr)
        left = [n for n in os.listdir("/run/nsshell/sessions") if n.endswith(".paused")]
        b.check(not left, "and leaves no note of it", left)


def test_stop_shows_what_it_waits_for(b):
    name = b.alice.pw_name
    t = Tools(b)
    made = [stubborn(b, name) for _ in range(2)]
    check_progress(b, "an ordinary user", t.ctl(b.alice, "stop", name), name, [i for _, i in made])
    for s, _ in made:
        s.close()
    s, session = stubborn(b, name)
    r = t.ctl(b.alice, "stop", "-q", session)
    b.check(not r.returncode and not r.stdout and not b.stage.records(), "with -q nothing of it",
            r.stdout + r.stderr)
    s.close()
    s, session = stubborn(b, name)
    r = t.ctl(b.alice, "stop", "--no-wait", session)
    b.check(not r.returncode and not r.stdout and b.gone(name), "nor with --no-wait",
            r.stdout + r.stderr)
    s.close()


def test_status(b):
    alice = b.alice.pw_name
    t = Tools(b)
    with login(b, alice) as s:
        session = s.do("echo $NSSHELL_SESSION")
        _write_log(b, "auth.log", b.stage.syslog.lines())
        own, roots = (json.loads(r.stdout)["sessions"][0] for r in
                      (t.ctl(b.alice, "status", "-J", session),
                       b.run(t.nsctl, "status", "-J", session)))
        os.unlink("/var/log/auth.log")
        b.check(own["mounts"] == roots["mounts"] and len(own["mounts"]) > 5,
                "status: an ordinary user sees the mounts of an own session", len(own["mounts"]))
        b.check([x["event"] for x in own["events"]] == ["opened"],
                "and its last events", own["events"])
        for key in ("usage", "account_usage", "processes", "events", "pressure"):
            own.pop(key), roots.pop(key)
        b.check(own.pop("outdated") == {"files": None, "rules": None} and roots.pop("outdated")["files"] is False,
                "what is outdated root alone can tell", own)
        b.check(own == roots, "all else that root sees of it", sorted(own))


def _write_log(_, name, lines):
    with open(f"/var/log/{name}", "w", encoding="utf-8") as f:
        for line in lines:
            f.write(f"{time.strftime('%b %d %H:%M:%S')} host {line}\n")
    os.chmod(f"/var/log/{name}", 0o640)


def test_log(b):
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    uid, others = b.alice.pw_uid, b.bob.pw_uid
    with login(b, alice) as s:
        session = s.do("echo $NSSHELL_SESSION")
        t.join(b.alice, alice, "true")
        b.run(t.nsjoin, alice, "echo", "of", "root")
    with login(b, bob):
        t.join(b.bob, bob, "echo", alice)
    b.stage.config("UpperSize=nonsense\n")
    b.ssh(alice, "true")
    b.stage.config()
    b.stage.syslog.wait("refused")
    b.stage.syslog.wait(f"of {bob} closed")
    lines = b.stage.syslog.lines()
    _write_log(b, "auth.log", lines)
    _write_log(b, "kern.log", [
        f"kernel: [1.0] cgroup: fork rejected by pids controller in /nsshell/{uid}/{session}",
        f"kernel: [2.0] cgroup: fork rejected by pids controller in /nsshell/{others}/{session}",
        f"kernel: [3.0] oom-kill:cpuset=/nsshell/{others},task_memcg=/nsshell/{uid}/{session},"
        "task=x,pid=1"])
    r = t.ctl(b.alice, "log")
    kinds = sorted(x.split()[1] for x in r.stdout.splitlines())
    b.check(kinds == ["closed", "joined", "left", "limit", "oom", "opened", "refused"]
            and not r.returncode, "nsctl log: an ordinary user sees events of the own account",
            kinds, r.stdout + r.stderr + "\n".join(lines))
    b.check(bob not in r.stdout and f"/{others}" not in r.stdout and "root" not in r.stdout
            and "nonsense" not in r.stdout, "nothing of others, of admins, or of the config",
            r.stdout)
    _what_others_left(b, t, lines, uid)
    _write_log(b, "auth.log", lines)
    again = t.ctl(b.alice, "log", session)
    b.check(len(again.stdout.splitlines()) == 6, "of one session", again.stdout)
    r = t.ctl(b.alice, "log", bob)
    x = t.ctl(b.alice, "log", "nobody-here")
    b.check((r.stdout, r.stderr, r.returncode) == (x.stdout, x.stderr, x.returncode),
            "of others it says as little as of nobody", r.stdout + r.stderr)
    r = t.ctl(b.plain, "log")
    b.check(r.stdout == "" and r.returncode == 0, "who has none sees none", r.stdout + r.stderr)
    _what_reads_it(b, t)
    for name in ("auth.log", "kern.log"):
        os.unlink(f"/var/log/{name}")


def _what_others_left(b, t, lines, uid):
    """Of who had the uid before, and of who had the name and the uid."""
    former, forebear = "zzzzzzzzzzzz", "yyyyyyyyyyyy"
    _write_log(b, "auth.log", [f"nsshell[1]: session {former} opened for nstformer (sshd)", *lines])
    with open("/var/log/auth.log", "r+", encoding="utf-8") as f:
        text = f.read()
        f.seek(0)
        f.write(f"2001-02-03T04:05:06+00:00 host nsshell[1]: session {forebear} opened for {b.alice.pw_name} (sshd)\n"
                + text)
    with open("/var/log/kern.log", encoding="utf-8") as f:
        stamps = [line.split(" host ")[0] for line in f]
    with open("/var/log/kern.log", "a", encoding="utf-8") as f:
        for group in (f"/nsshell/{uid}", f"/nsshell.slice/nsshell-{uid}.scope"):
            f.write(f"{stamps[0]} host kernel: cgroup: fork rejected by pids controller in {group}/{former}\n")
    r = t.ctl(b.alice, "log")
    b.check(former not in r.stdout and "opened" in r.stdout,
            "nsctl log: nothing of a session that another account with the uid had", r.stdout + r.stderr)
    if b.run("stat", "-c", "%W", b.alice.pw_dir).stdout.strip() in ("", "0", "-"):
        b.skip("nor of an account made before with the name", "the file system doesn't tell when the home was made")
    else:
        b.check(forebear not in r.stdout, "nor of an account made before with the name", r.stdout)
    r = b.nsctl("log", "-n", "0", "--file", "/var/log/kern.log")
    b.check(r.stdout.count(former) == 2, "root sees them, in groups that systemd has named, too",
            r.stdout + r.stderr)


def _what_reads_it(b, t):
    """It is caught at a log that fills the pipe for its answer."""
    line = b.stage.syslog.lines(rf"session \w+ opened for {b.alice.pw_name}")[0]
    _write_log(b, "auth.log", [line] * 3000)
    p = subprocess.Popen([t.own, "log", "files"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         **t.ids(b.alice))
    end = time.monotonic() + 5
    status = ""
    while "Seccomp:\t1" not in status and time.monotonic() < end:
        status = pathlib.Path(f"/proc/{p.pid}/status").read_text(encoding="ascii")
        time.sleep(0.02)
    fields = dict(x.split(":\t", 1) for x in status.splitlines() if ":\t" in x)
    b.check(fields.get("Seccomp") == "1" and fields["Uid"].split() == [str(b.alice.pw_uid)] * 4
            and fields["CapPrm"].strip("0") == "" and fields["NoNewPrivs"] == "1",
            "what reads the log is nobody but the user, and can only read, write and end",
            {k: fields.get(k) for k in ("Seccomp", "Uid", "CapPrm", "NoNewPrivs")})
    r = b.run("sh", "-c", f"cat /proc/{p.pid}/fd/3 || ls -l /proc/{p.pid}/fd/", **t.ids(b.alice))
    b.check(r.returncode != 0 and not r.stdout, "who called it can't get at its files",
            r.stdout + r.stderr)
    r = b.run("timeout", "5", "strace", "-p", str(p.pid), **t.ids(b.alice))
    b.check("not permitted" in r.stderr, "nor trace it", r.stderr)
    seen, _ = p.communicate(timeout=20)
    b.check(seen.count(b"opened for") == 3000 and p.returncode == 0, "it ends as it should",
            p.returncode, f"{seen.count(b'opened for')} lines, {seen[:300]}")


IN_PRIVATE = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run/systemd
mount -t tmpfs tmpfs "$1"
mkdir -p "$1/log/journal" /run/systemd/journal
chgrp systemd-journal "$1/log/journal"
chmod 2755 "$1/log/journal"
mount --bind "$1/log" /var/log
printf '[Journal]\nStorage=persistent\nReadKMsg=no\nAudit=no\n' >"$1/conf"
mount --bind "$1/conf" /etc/systemd/journald.conf
touch /run/systemd/journal/flushed
"$2" &
journald=$!
for i in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
python3 -c "$3"
sleep 0.5
shift 3
"$@" || true
kill $journald
wait $journald || true
"""
SAY = """
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/dev-log")
for tag, text in (("nsshell", "session zhchckqdfb4k opened for {alice} (sshd)"),
                  ("nsshell", "session zhchckqdfb4x opened for {bob} (sshd)"),
                  ("sshd", "pam_nsshell(sshd:session): session zhchckqdfb4k: login of {alice} "
                           "refused: why")):
    s.send(f"<86>Nov 22 13:29:43 {{tag}}[1]: {{text}}".encode())
os.setuid(65534)
s.send(b"<86>Nov 22 13:29:43 nsshell[1]: session zhchckqdfb4f opened for {alice} (sshd)")
"""


def test_log_from_the_journal(b):
    if not os.access(JOURNALD, os.X_OK) or not os.path.isdir("/run/systemd") \
            or not os.path.exists("/etc/systemd/journald.conf"):
        b.skip("nsctl log from the journal for ordinary users", "this host has no systemd-journald")
        return
    t = Tools(b)
    folder = b.stage.private / "journal-own"
    folder.mkdir()
    r = b.run("unshare", "-m", "bash", "-c", IN_PRIVATE, "sh", folder, JOURNALD,
              SAY.format(alice=b.alice.pw_name, bob=b.bob.pw_name),
              "setpriv", f"--reuid={b.alice.pw_uid}", f"--regid={b.alice.pw_gid}", "--clear-groups",
              t.nsctl, "log", timeout=30)
    lines = r.stdout.splitlines()
    b.check([x.split()[1] for x in lines] == ["opened", "refused"] and "why" not in r.stdout
            and "4f" not in r.stdout,
            "nsctl log reads the journal for an ordinary user: own events that root has written",
            lines, r.stderr)


def test_hostile_calls(b):
    """As test_door's, of the other setuid program; what it says of others is looked for."""
    alice, bob = b.alice.pw_name, b.bob.pw_name
    t = Tools(b)
    with login(b, alice) as s, login(b, bob) as other, Hostile(b, t.own.parent) as hostile:
        own, others = s.do("echo $NSSHELL_SESSION"), other.do("echo $NSSHELL_SESSION")
        other.do("trap 'echo heard >/tmp/heard' URG")
        _write_log(b, "auth.log", b.stage.syslog.lines())
        records = b.stage.records()
        seen = hostile.run(b.alice, t.own, own, alice, others, bob)
        os.unlink("/var/log/auth.log")
        b.check(seen["refused"] > 0.5 * hostile.calls and seen["ran"] > 0.02 * hostile.calls
                and seen["answered"] > seen["ran"], "most are refused, and right ones aren't", seen)
        b.check(not seen["told"], "nothing is told of anybody else", seen["told"])
        b.check(b.stage.records() == records and other.do("ls /tmp") == ""
                and s.do("echo on") == "on", "all sessions are as they were", b.stage.records())


test_hostile_calls.not_instrumented = "which needs more memory than a hostile limit leaves"
test_hostile_calls.seconds = 200
