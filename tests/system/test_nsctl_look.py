# SPDX-License-Identifier: BSD-3-Clause
"""nsctl status, top, metrics and log, and what they are read by."""

import os
import shutil
import socket
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


def _write_syslog(b, path):
    with open(path, "w", encoding="utf-8") as f:
        for line in b.stage.syslog.lines():
            f.write(f"{time.strftime('%b %d %H:%M:%S')} host {line}\n")


def test_log_from_syslog(b):
    name = b.alice.pw_name
    b.ssh(name, "true")
    b.ssh(b.bob.pw_name, "true")
    b.stage.config("UpperSize=nonsense\n")
    b.ssh(name, "true")
    b.stage.syslog.wait("refused")
    path = b.stage.private / "auth.log"
    _write_syslog(b, path)
    r = b.nsctl("log", "--file", str(path), name)
    kinds = [x.split()[1] for x in r.stdout.splitlines()]
    b.check(r.returncode == 0 and kinds == ["opened", "closed", "refused"]
            and b.bob.pw_name not in r.stdout, "nsctl log USER: opened, closed, refused", kinds,
            r.stdout + r.stderr)
    r = b.nsctl("log", "--json", "-n", "1", "--file", str(path))
    events = (json_of(r) or {}).get("events", [])
    b.check([e["event"] for e in events] == ["refused"] and len(events[0]["session"]) == 12,
            "nsctl log --json -n 1: the newest, as JSON", events, r.stderr)
    shutil.copy(path, "/var/log/auth.log")
    session = events[0]["session"]
    r = b.nsctl("log", session)
    b.check("refused" in r.stdout, "where no journal knows of it /var/log/auth.log is read", r.stdout, r.stderr)
    os.unlink("/var/log/auth.log")


def test_what_a_log_s_line_is(b):
    """By how it begins: a reason or a command may have any words."""
    path = b.stage.private / "some.log"
    lines = (("refused", "pam_nsshell(su:session)", "session aaaaaaaaaaaa: login of dave refused: uid 1003 is dave's now, "
              "and session bbbbbbbbbbbb of carol still runs with it: end that first"),
             ("run", "nsshell", "session aaaaaaaaaaaa: root runs in a session of dave: echo refused, session x closed after 3 s"),
             ("joined", "nsjoin", "session aaaaaaaaaaaa: root joined the session of dave as dave: grep opened for refused"))
    path.write_text("".join(f"Nov 22 13:29:43 host {'sshd' if ':' in tag else tag}[1]: "
                            f"{tag + ': ' if ':' in tag else ''}{text}\n" for _, tag, text in lines), encoding="ascii")
    r = b.nsctl("log", "--file", str(path))
    seen = [x.split()[1] for x in r.stdout.splitlines()]
    b.check(seen == [what for what, _, _ in lines], "nsctl log takes lines for what they are", seen, r.stdout + r.stderr)


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
for i in $(seq 50); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.1; done
python3 -c "$4"
sleep 0.5
"$3" log || true
"$3" log -n 1 -D /var/log/journal carol || true
kill $journald
wait $journald || true
"""
SAY = """
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/dev-log")
for tag, text in (("nsshell", "session zhchckqdfb4k opened for carol (sshd)"),
                  ("sshd", "pam_nsshell(sshd:session): session zhchckqdfb4k: login of carol "
                           "refused: why"),
                  ("sshd", "Invalid user pam_nsshell(sshd:session): session zhchckqdfb4k opened "
                           "for mallory from 192.0.2.1"),
                  ("sudo", "eve : command not found ; COMMAND=pam_nsshell(su:session): session "
                           "zhchckqdfb4k opened for mallory")):
    s.send(f"<86>Nov 22 13:29:43 {tag}[1]: {text}".encode())
os.setuid(65534)
s.send(b"<86>Nov 22 13:29:43 nsshell[1]: session zhchckqdfb4k opened for mallory (sshd)")
"""


def test_log_from_the_journal(b):
    if not os.access(JOURNALD, os.X_OK) or not os.path.isdir("/run/systemd") \
            or not os.path.exists("/etc/systemd/journald.conf"):
        b.skip("nsctl log from the journal", "this host has no systemd-journald")
        return
    directory = b.stage.private / "journal"
    directory.mkdir()
    r = b.run("unshare", "-m", "bash", "-c", IN_PRIVATE, "sh", str(directory), JOURNALD,
              str(b.stage.bin / "nsctl"), SAY, timeout=30)
    lines = r.stdout.splitlines()
    b.check([x.split()[1] for x in lines[:2]] == ["opened", "refused"],
            "nsctl log reads the journal of a real journald", lines, r.stderr)
    b.check(len(lines) == 3 and "refused" in lines[2], "-n 1 USER in a directory of it", lines[2:])
    b.check("mallory" not in r.stdout, "and not what others than root have written there, or had "
            "root's programs write", [x for x in lines if "mallory" in x])
    b.check("?" not in r.stdout and "?" not in r.stderr, "of which each is proven to be ours", r.stderr)


FORGED = ("nsshell[7]: session aaaaaaaaaaaa opened for {user} (sshd)",
          "sshd[7]: pam_nsshell(sshd:session): session aaaaaaaaaaaa: login of {user} refused: x")
TYPED = ("sshd[7]: Invalid user pam_nsshell(x): session bbbbbbbbbbbb opened for {user} from 192.0.2.1",
         "sudo[7]: eve : command not found ; COMMAND=nsshell: session bbbbbbbbbbbb opened for {user}",
         "kernel: /nsshell/ runs [7]: segfault at 0 ip 0 sp 0 error 4 in {user}")


def test_log_that_anybody_may_write_to(b):
    """As `logger -p authpriv.info -t nsshell ...` of any user leaves it in a text file."""
    name = b.alice.pw_name
    path = b.stage.private / "auth.log"
    with open(path, "w", encoding="utf-8") as f:
        for line in FORGED + TYPED:
            f.write(f"{time.strftime('%b %d %H:%M:%S')} host {line.format(user=name)}\n")
    r = b.nsctl("log", "--file", str(path), name)
    lines = r.stdout.splitlines()
    b.check(len(lines) == 2 and all(" ? " in x for x in lines) and "every user can" in r.stderr,
            "what any user can write into a file of syslog's isn't shown as ours, but marked", lines,
            r.stderr)
    b.check("bbbbbbbbbbbb" not in r.stdout,
            "and what others' programs write, with words of users in it, isn't taken for ours", lines)
    r = b.nsctl("log", "--json", "--file", str(path), name)
    b.check([e.get("proven") for e in (json_of(r) or {}).get("events", [])] == [False, False],
            "nsctl log --json says of each line whether it is proven", r.stdout)
    shutil.copy(path, "/var/log/auth.log")
    try:
        with b.shell(name) as s:
            s.do("true")
            r = b.nsctl("status", name)
            told = [x for x in r.stdout.splitlines() if "aaaaaaaaaaaa" in x]
            b.check(not told, "nsctl status shows a session's own id alone", told)
    finally:
        os.unlink("/var/log/auth.log")


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
