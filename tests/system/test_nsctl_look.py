# SPDX-License-Identifier: BSD-3-Clause
"""nsctl status, top, metrics and log, and what they are read by."""

import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import time
import urllib.request

from harness.pace import patient
from harness.scene import json_of
from harness.terminal import Terminal

OPENMETRICS = """
import sys
from prometheus_client.openmetrics import parser
for f in parser.text_string_to_metric_families(sys.stdin.read()):
    print(f.name)
"""


def test_status(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTasksMax=123\nCPUQuota=150%\n")
    with b.shell(name) as s:
        s.do("printf '#!/bin/sh\\nsleep 1000\\n' >/tmp/x; chmod +x /tmp/x; "
             "(exec -a \"$(printf 'bad\\033[31mname')\" sleep 1000) >/dev/null 2>&1 & "
             "/tmp/x >/dev/null 2>&1 & sleep 0.3")
        session = s.do("echo $NSSHELL_SESSION")
        r = b.nsctl("status", name, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
        b.check(r.returncode == 0 and all(x in r.stdout for x in (
            session, "TasksMax=123", "MemoryMax=512M", "CPUQuota=150%", "Namespaces", "/tmp/x")),
                "nsctl status USER shows limits, namespaces, processes",
                f"{len(r.stdout.splitlines())} lines", r.stdout + r.stderr)
        b.check("\033" not in r.stdout and "bad?[31mname" in r.stdout,
                "what a process calls itself doesn't reach the admin's terminal as it is")
        r = b.nsctl("status", "--json", session)
        one = ((json_of(r) or {}).get("sessions") or [{}])[0]
        b.check(one.get("limits", {}).get("TasksMax") == 123 and one.get("usage", {}).get(
            "memory", 0) > 0 and any(p["inside"] == 1 for p in one.get("processes", []))
                and any(m["target"] == "/tmp" for m in one.get("mounts", [])),
                "nsctl status --json has them as data", sorted(one), r.stdout[:500] + r.stderr)
        ns = {n: int(s.do(f"readlink /proc/self/ns/{n}").strip("]").split("[")[1])
              for n in ("user", "mnt", "uts")}
        b.check(all(one["namespaces"][n] == ns[n] for n in ns), "its namespaces are the session's",
                ns)
        r = b.nsctl("status", "--mounts", name)
        b.check(r.returncode == 0 and "overlay" in r.stdout, "--mounts shows the mounts", "",
                r.stdout)
    end = time.monotonic() + patient(10)
    while b.stage.records() and time.monotonic() < end:
        time.sleep(0.05)
    r = b.nsctl("status", name)
    b.check(r.returncode == 1 and name in r.stderr, "without a session it says so", r.stderr)


def test_top(b):
    name = b.alice.pw_name
    with b.shell(name) as s, b.shell(b.bob.pw_name) as other:
        other.do("true")
        s.do("(while :; do :; done) >/dev/null 2>&1 & sleep 0.1")
        r = b.nsctl("top", "-b", "-d", "1", "-n", "-r", "-o", "user,%cpu")
        rows = [x.split() for x in r.stdout.splitlines()]
        b.check(r.returncode == 0 and len(rows) == 2 and rows[0][0] == name
                and float(rows[0][1]) > max(1, 2 * float(rows[1][1])),
                "nsctl top -b: who spins stands first", rows, r.stderr)
        with Terminal([str(b.stage.bin / "nsctl"), "top", "-d", "200ms"], rows=24) as t:
            t.expect("2 sessions")
            t.expect(name)
            t.expect("2 sessions")
            t.type("m")
            t.expect("2 sessions")
            t.type("q")
            b.check(t.close() == 0, "on a terminal it goes on until q is pressed")
        with Terminal([str(b.stage.bin / "nsctl"), "top", "-d", "200ms"], rows=24) as t:
            t.expect("2 sessions")
            t.type("\x03")
            b.check(t.close() == 0, "or Ctrl-C")
        s.do("kill %1")


def test_metrics(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=512M\nTasksMax=123\n")
    directory = b.stage.base / "textfile"
    directory.mkdir()
    path = directory / "nsshell.prom"
    with b.shell(name) as s, b.shell(name) as other:
        s.do("true")
        other.do("true")
        r = b.nsctl("metrics", "-o", str(path))
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        b.check(r.returncode == 0 and f'nsshell_account_sessions{{user="{name}"}} 2' in text
                and f'nsshell_account_tasks_limit{{user="{name}"}} 123' in text
                and os.listdir(directory) == ["nsshell.prom"],
                "nsctl metrics -o FILE", f"{len(text.splitlines())} lines", r.stderr + text)
        strict = b.nsctl("metrics", "--openmetrics")
    _promtool(b, text)
    _openmetrics(b, strict)
    _node_exporter(b, directory, name)
    r = b.nsctl("metrics", "-o", "/proc/nst.prom")
    b.check(r.returncode == 1 and r.stderr, "a file that can't be written is an error", r.stderr)


def _program(b, name):
    """Installed, or unpacked by make deps-check."""
    unpacked = "metrics/usr/bin"  # an instrumented build lies below the other
    return shutil.which(name, path=":".join((f"{b.stage.build}/{unpacked}",
                                             f"{b.stage.build}/../{unpacked}", os.environ["PATH"])))


def _promtool(b, text):
    promtool = _program(b, "promtool")
    if not promtool:
        b.skip("promtool check metrics", "no promtool here (make deps-check)")
        return
    r = b.run(promtool, "check", "metrics", input=text)
    b.check(r.returncode == 0 and not r.stderr, "promtool check metrics finds nothing",
            r.stdout + r.stderr or "nothing", text)


def _openmetrics(b, r):
    # The distribution's own: the one that runs the tests may not have its packages.
    done = b.run("/usr/bin/python3", "-c", OPENMETRICS, input=r.stdout)
    if "No module named" in done.stderr:
        b.skip("OpenMetrics", "python3-prometheus-client isn't installed")
        return
    b.check("nsshell_account_cpu_seconds" in done.stdout.split(),
            "nsctl metrics --openmetrics passes prometheus_client's parser",
            f"{len(done.stdout.split())} families", done.stderr + r.stdout)


def _node_exporter(b, directory, name):
    exporter = _program(b, "prometheus-node-exporter")
    if not exporter:
        b.skip("node_exporter's textfile collector", "no prometheus-node-exporter here")
        return
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = subprocess.Popen([exporter, "--collector.disable-defaults", "--collector.textfile",
                          f"--collector.textfile.directory={directory}",
                          f"--web.listen-address=127.0.0.1:{port}"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = ""
    try:
        end = time.monotonic() + patient(10)
        while time.monotonic() < end and not seen:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as f:
                    seen = f.read().decode()
            except OSError:
                time.sleep(0.1)
    finally:
        p.terminate()
        p.wait()
    b.check(f'nsshell_account_sessions{{user="{name}"}} 2' in seen
            and "node_textfile_scrape_error 0" in seen,
            "the real node_exporter's textfile collector serves them",
            [x for x in seen.splitlines() if "account_sessions{" in x], seen[-500:])


EVENTS = pathlib.Path("/var/log/nsshell/events")


def _told(event, user):
    """Whether the file has it yet: that a session has closed is told once all of it is gone, and to syslog first."""
    end = time.monotonic() + patient(10)
    while time.monotonic() < end:
        lines = EVENTS.read_text(encoding="ascii").splitlines(True) if EVENTS.exists() else []
        if any(x["event"] == event and x.get("user") == user for x in map(json.loads, [x for x in lines if x[-1] == "\n"])):
            return True
        time.sleep(0.05)
    return False


def test_log_from_the_file(b):
    """Where no journal is: a line of JSON an event, root's alone."""
    name, path = b.alice.pw_name, EVENTS
    path.unlink(missing_ok=True)
    b.ssh(name, "true")
    b.check(_told("closed", name), "the end of a session is an event")
    b.ssh(b.bob.pw_name, "true")
    b.stage.config("UpperSize=nonsense\n")
    b.ssh(name, "true")
    _told("refused", name)
    lines = [json.loads(x) for x in path.read_text(encoding="ascii").splitlines()]
    mine = [x for x in lines if x.get("user") == name and x["event"] != "note"]
    b.check([x["event"] for x in mine] == ["opened", "closed", "refused"] and "nonsense" in mine[2]["text"] and
            mine[0]["session"] == mine[1]["session"] != mine[2]["session"], "events are records with fields", mine)
    b.check((stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700), "root's alone")
    r = b.nsctl("log", name)
    kinds = [x.split()[1] for x in r.stdout.splitlines() if " note " not in x]
    b.check(r.returncode == 0 and kinds == ["opened", "closed", "refused"] and b.bob.pw_name not in r.stdout,
            "nsctl log USER: opened, closed, refused", kinds, r.stdout + r.stderr)
    r = b.nsctl("log", "nst-none")
    b.check(r.returncode == 0 and not r.stdout and 'nothing is known of "nst-none"' in r.stderr, "of a name that no event has it says so", r.stderr)
    session = mine[2]["session"]
    r = b.nsctl("log", session)
    b.check(len(r.stdout.splitlines()) == 1 and "refused" in r.stdout, "of one session", r.stdout, r.stderr)
    path.rename(f"{path}.1")
    r = b.nsctl("log", "--json", "-n", "1", name)
    events = (json_of(r) or {}).get("events", [])
    b.check([(e["event"], e["user"], e["session"]) for e in events] == [("refused", name, session)],
            "also from the one before, as JSON", events, r.stderr)
    os.unlink(f"{path}.1")
    b.check(not b.nsctl("log").stdout, "and nothing without either")


def test_log_of_a_file(b):
    """--file; what isn't a record is passed over, whatever a text says."""
    path = b.stage.private / "some.log"
    path.write_text('{"time":1700000000000001,"event":"run","session":"aaaaaaaaaaaa","user":"dave","text":"echo refused, closed"}\n'
                    'Nov 22 13:29:43 host nsshell[1]: session aaaaaaaaaaaa opened for dave (sshd)\n'
                    '{"time":"x","event":"opened","user":"dave"}\n{"time":5}\n[1]\n{"time"\n'
                    '{"time":1700000000000000,"event":"opened","session":"aaaaaaaaaaaa","user":"dave","text":"a \\u001b[2J"}\n', encoding="ascii")
    r = b.nsctl("log", "--file", str(path), "dave")
    seen = [x.split()[1] for x in r.stdout.splitlines()]
    b.check(seen == ["opened", "run"] and "\x1b" not in r.stdout and not r.returncode,
            "nsctl log --file: records alone, oldest first, nothing for the terminal", r.stdout + r.stderr)
    r = b.nsctl("log", "--file", f"{path}.none")
    b.check(r.returncode == 1 and "No such file" in r.stderr, "one that isn't there", r.stdout + r.stderr)


def test_an_event_in_one_line(b):
    """Words that somebody chose, with what would begin another record."""
    EVENTS.unlink(missing_ok=True)
    with b.shell(b.alice.pw_name) as s:
        s.do("true")
        b.run(b.stage.bin / "nsjoin", b.alice.pw_name, "echo", 'a"b\\', "c\n{\"time\":1,\"event\":\"opened\"}", "\x1b[2J\u00e9")
    _told("closed", b.alice.pw_name)
    lines = EVENTS.read_text(encoding="ascii").splitlines()
    events = [x for x in (json.loads(x)["event"] for x in lines) if x != "note"]
    b.check(events == ["opened", "joined", "left", "closed"], "each line of the file is one record, in ASCII", lines)


def test_a_refused_join_is_of_its_session(b):
    EVENTS.unlink(missing_ok=True)
    b.run(b.stage.bin / "nsjoin", "zhchckqdfb4k", "true")
    r = b.nsctl("log", "zhchckqdfb4k")
    b.check(r.stdout.count("didn't join zhchckqdfb4k") == 1, "nsctl log SESSION has it", r.stdout + r.stderr)


PLACES = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /var/log
say() { timeout 20 "$1" "nobody-$2" true || echo $?; }
at=/var/log/nsshell
mkdir -m 777 $at
chmod 777 $at
mkfifo $at/events
say "$1" fifo
rm $at/events
say "$1" written
ls $at
rmdir $at
mkdir /var/log/other
ln -s other $at
say "$1" link
ls /var/log/other
rm $at
say "$1" first
truncate -s -9 $at/events
say "$1" second
cat $at/events
"""


def test_where_others_have_been_first(b):
    """/var/log is syslog's own user's to write on some hosts."""
    r = b.run("unshare", "-m", "bash", "-c", PLACES, "sh", str(b.stage.bin / "nsjoin"), timeout=patient(60))
    lines = r.stdout.splitlines()
    b.check(lines[:3] == ["125"] * 3, "a FIFO holds nobody up, and what others can write, or a link, isn't written to", lines, r.stderr)
    cut, second = (["", ""] + lines)[-2:]
    b.check(len(lines) == 7 and cut.startswith('{"time"') and not cut.endswith("}") and json.loads(second or "{}").get("user") == "nobody-second",
            "after one that a full disk has cut off, the next is a line of its own", lines, r.stderr)


BY_EFFECTIVE_UID = r"""
import os, socket, subprocess, sys
os.makedirs("/run/systemd/journal")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("/run/systemd/journal/socket")
subprocess.run([sys.argv[1], "nobody-here", "true"], check=False, preexec_fn=lambda: os.setresuid(65534, 0, 0))
s.settimeout(5)
said, who = s.recvmsg(8192, 256)[:2]
print(int.from_bytes(who[0][2][4:8], sys.byteorder), b"NSSHELL_USER=nobody-here\n" in said)
"""


def test_an_event_by_a_setuid_program(b):
    """As su(1) has it, the real uid being the caller's: the journal would note that one's."""
    if not os.path.isdir("/run/systemd"):
        b.skip("an event by a setuid program", "there is no place for a journal's socket")
        return
    r = b.run("unshare", "-m", "sh", "-c", 'mount --make-rprivate / && mount -t tmpfs tmpfs /run/systemd && exec python3 -c "$1" "$2"',
              "sh", BY_EFFECTIVE_UID, str(b.stage.bin / "nsjoin"))
    b.check(r.stdout.split()[-2:] == ["0", "True"], "it is root's in the journal", r.stdout + r.stderr)


HANGS = r"""
import os, socket, subprocess, sys
os.makedirs("/run/systemd/journal")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
c.setblocking(False)
try:
    while True:
        c.sendto(b"X=y\n", "/run/systemd/journal/socket")
except BlockingIOError:
    pass
print(subprocess.run(["timeout", "20", sys.argv[1], "nobody-here", "true"], check=False).returncode)
with open("/var/log/nsshell/events") as f:
    print("didn't join nobody-here" in f.read())
"""


def test_a_journal_that_hangs(b):
    if not os.path.isdir("/run/systemd"):
        b.skip("a journal that hangs", "there is no place for its socket")
        return
    r = b.run("unshare", "-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /run/systemd && mount -t tmpfs tmpfs /var/log && "
              'exec python3 -c "$1" "$2"', "sh", HANGS, str(b.stage.bin / "nsjoin"), timeout=patient(60))
    b.check(r.stdout.split() == ["125", "True"], "nobody waits for it, and the file has the event", r.stdout + r.stderr)


# libelogind's, which Debian's package of it has as libsystemd.so.0: all of sd-journal(3), and nothing behind it.
NO_JOURNAL = """
#include <errno.h>
#define ABSENT(name) int name(void) { return -ENOSYS; }
ABSENT(sd_journal_open) ABSENT(sd_journal_open_directory) ABSENT(sd_journal_add_match) ABSENT(sd_journal_seek_tail)
ABSENT(sd_journal_previous) ABSENT(sd_journal_get_data) ABSENT(sd_journal_get_realtime_usec) ABSENT(sd_journal_close)
"""


def test_log_beside_elogind(b):
    if not os.path.isdir("/run/systemd"):
        b.skip("nsctl log beside elogind", "there is no place for a journal's socket to be missing from")
        return
    library = b.stage.private / "elogind"
    library.mkdir()
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library / "libsystemd.so.0")], text=True, input=NO_JOURNAL, check=True)
    r = b.run("unshare", "-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /run/systemd && mount -t tmpfs tmpfs /var/log && "
              '"$1/nsjoin" nobody-here true; export LD_LIBRARY_PATH="$2"; "$1/nsctl" log; "$1/nsctl" log -D /', "sh", str(b.stage.bin), str(library),
              timeout=patient(30))
    lines = r.stdout.splitlines()
    b.check(len(lines) == 1 and "nobody-here" in lines[0], "a libsystemd without a journal: nsctl log reads the file", lines, r.stderr)
    b.check(r.returncode == 1 and "no libsystemd" in r.stderr, "and a journal's directory can't be read", r.stderr.splitlines()[-1:])


JOURNALD = "/lib/systemd/systemd-journald"
IN_PRIVATE = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run/systemd
mount -t tmpfs tmpfs "$1"
mkdir "$1/log"
mount --bind "$1/log" /var/log
printf '[Journal]\nStorage=persistent\nReadKMsg=no\nAudit=no\n' >"$1/conf"
mount --bind "$1/conf" /etc/systemd/journald.conf
mkdir "$1/log/journal" /run/systemd/journal
# Else it would begin in /run/log.
touch /run/systemd/journal/flushed
"$2" &
journald=$!
for i in $(seq 50); do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
WHAT
kill $journald
wait $journald || true
"""
SAY = """
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/socket")
def say(text, **fields):
    fields.update(MESSAGE=text, SYSLOG_IDENTIFIER="nsshell")
    s.send("".join(f"{k}={v}\\n" for k, v in fields.items()).encode())
say("session zhchckqdfb4k opened for carol (sshd)", NSSHELL_EVENT="opened", NSSHELL_SESSION="zhchckqdfb4k", NSSHELL_USER="carol")
say("session zhchckqdfb4k opened for mallory (sshd)")
s.send(b"NSSHELL_EVENT=note\\nNSSHELL_USER=\\xc2\\x9b\\xff\\nMESSAGE=odd\\n")
say("session zhchckqdfb4k: login of carol refused: why", NSSHELL_EVENT="refused", NSSHELL_SESSION="zhchckqdfb4k", NSSHELL_USER="carol")
os.setuid(65534)
say("session zhchckqdfb4k opened for mallory", NSSHELL_EVENT="opened", NSSHELL_SESSION="zhchckqdfb4k", NSSHELL_USER="mallory")
"""


def _journald(b, what, name):
    """@what: a shell script, run beside a real journald in a mount namespace; its $3 is nsctl."""
    directory = b.stage.private / name
    directory.mkdir()
    return b.run("unshare", "-m", "bash", "-c", IN_PRIVATE.replace("WHAT", what), "sh", str(directory), JOURNALD,
                 str(b.stage.bin / "nsctl"), SAY, timeout=patient(30))


def _has_journald(b, what):
    there = os.access(JOURNALD, os.X_OK) and os.path.isdir("/run/systemd") and os.path.exists("/etc/systemd/journald.conf")
    if not there:
        b.skip(what, "this host has no systemd-journald")
    return there


def test_log_from_the_journal(b):
    if not _has_journald(b, "nsctl log from the journal"):
        return
    r = _journald(b, 'python3 -c "$4"; sleep 0.5; "$3" log || true; "$3" log -n 1 -D /var/log/journal carol || true; "$3" log --json | tr -d "\\n"', "journal")
    lines = r.stdout.splitlines()
    b.check([x.split()[1] for x in lines[:3]] == ["opened", "note", "refused"],
            "nsctl log reads the journal of a real journald", lines, r.stderr)
    b.check(len(lines) == 5 and "refused" in lines[3], "-n 1 USER in a directory of it", lines[3:])
    b.check([x["user"] for x in json.loads(lines[-1])["events"]] == ["carol", "???", "carol"], "and bytes that no JSON has end no list", lines[-1:], r.stderr)
    b.check("mallory" not in r.stdout, "and not what others than root have written there, nor what has no fields",
            [x for x in lines if "mallory" in x])


def test_events_in_the_journal(b):
    """What the programs write, read by the real journalctl."""
    if not _has_journald(b, "events in the journal"):
        return
    r = _journald(b, '"${3%nsctl}nsjoin" nobody-here true || true; sleep 0.5; "$3" log; journalctl -q -o json -D /var/log/journal NSSHELL_EVENT=refused', "events")
    lines = r.stdout.splitlines()
    entry = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    b.check(len(lines) == 2 and lines[0].split()[1] == "refused" and "nobody-here" in entry.get("NSSHELL_USER", "") and
            entry.get("PRIORITY") == "4" and entry.get("SYSLOG_IDENTIFIER") == "nsshell" and entry.get("_UID") == "0", "an event is a record with fields in the journal", lines, r.stderr)


# A shell would try again for a quarter of a minute, and then end.
FORKS = """python3 -c '
import errno, os, signal, time
children = []
try:
    while True:
        children.append(os.fork())
        if not children[-1]:
            time.sleep(60)
            os._exit(0)
except OSError as e:
    print(errno.errorcode[e.errno])
finally:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.wait()'"""


def test_limits_that_were_hit_are_counted(b):
    name = b.alice.pw_name
    b.stage.config("MemoryMax=128M\nTasksMax=30\n")
    with b.shell(name) as s:
        s.do("(head -c 300M /dev/zero | tail -c 300M >/dev/null) >/dev/null 2>&1")
        said = s.do(FORKS)
        b.check(said == "EAGAIN", "a fork is refused at the limit of tasks", said)
        r = b.nsctl("status", name)
        b.check("killed at the limit" in r.stdout and "forks refused" in r.stdout,
                "nsctl status tells of processes killed and forks refused",
                [x.strip() for x in r.stdout.splitlines() if "Memory:" in x or "Tasks:" in x],
                r.stdout)
        text = b.nsctl("metrics").stdout
    hits = [x for x in text.splitlines() if ("oom_kills_total{" in x or "refused_total{" in x)
            and not x.endswith(" 0")]
    b.check(len(hits) == 2, "nsctl metrics counts them", hits, text)
