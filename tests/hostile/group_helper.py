# SPDX-License-Identifier: BSD-3-Clause
"""The helper itself: called by who may not, a hundred at once, killed and starved on the way."""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

from harness import kernel
from harness.pace import SLOW, patient, rounds
from harness.stage import REPORTS
from speak import DENY, GATE, IGNORE, OPEN, Helper, nasty, request

PERMIT = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session"))
SHOW = "cat /run/nsshell/session; readlink /proc/self/ns/user; wc -l </proc/self/uid_map; exit 7"


def _called_by_hand(g):
    helper, name = str(g.stage.helper), g.alice.pw_name
    before = len(g.stage.records())
    for who, user in (("another user", g.scene.plain), ("the user", g.alice)):
        for what, message in (("a right request", request(OPEN, name, g.stage.sshd_service)),
                              ("a gate request", request(GATE, name, g.stage.sshd_service)),
                              ("root's session", request(OPEN, "root", "nsctl"))):
            h = Helper(helper, helper, str(g.stage.conf), user=user)
            kinds, _ = h.ask(message)
            g.judge(f"the helper run by {who} with {what}", f"{kinds} {h.end()}", r"\[\] 1")
    good = request(OPEN, name, g.stage.sshd_service)
    for what, message, want in (
            ("nothing", b"", r"\[\] .*"), ("one byte", b"x", r"\[\] .*"), ("half", good[:300], r"\[\] .*"),
            ("more than all", good + b"x" * 3000, r"\[\] .*"),
            ("another magic", request(OPEN, name, "x", magic=1), r"\[\] .*"),
            ("kind 0", request(0, name, "x"), r"\[\] .*"), ("kind 99", request(99, name, "x"), r"\[\] .*"),
            ("a joined without an open", request(3, name, "x"), r"\[\] .*"),
            ("an id with slashes", request(OPEN, name, "x", sid="../../../etc"), r"\[\] .*"),
            ("an empty id", request(OPEN, name, "x", sid="\0"), r"\[\] .*"),
            ("no such user", request(OPEN, "nst-nobody", g.stage.sshd_service), rf"\[({DENY}|{IGNORE})\] .*"),
            ("a user named ../../etc", request(OPEN, "../../etc", g.stage.sshd_service),
             rf"\[({DENY}|{IGNORE})\] .*"),
            ("a service that isn't listed", request(OPEN, name, "nst-none"), rf"\[{IGNORE}\] .*"),
            ("a service with slashes", request(OPEN, name, "../sshd"), rf"\[({DENY}|{IGNORE})\] .*"),
            ("a terminal that is none", request(OPEN, name, "nst-none", tty="../../etc/shadow"),
             rf"\[({DENY}|{IGNORE})\] .*")):
        h = Helper(helper, helper, str(g.stage.conf))
        kinds, _ = h.ask(message)
        g.judge(f"the helper, asked by root with {what}", f"{kinds} {h.end()}", want)
    for what, arguments in (("no argv[0]", [""]), ("too many arguments", [helper, "a", "b", "c"]),
                            ("an option", [helper, "--help"]), ("a config that isn't there", [helper, "/nst/none"]),
                            ("a config of the user's", [helper, f"{g.alice.pw_dir}/.bashrc"])):
        h = Helper(helper, *arguments, before=nasty("/tmp"))
        kinds, _ = h.ask(good)
        g.judge(f"the helper with {what}", f"{kinds} {h.end()}", rf"\[({DENY}|{IGNORE})?\] .*")
    g.judge("none of them has opened a session", len(g.stage.records()) - before, "0")


def _its_files(g):
    for path, mode in (("/run/nsshell", "711"), ("/run/nsshell/sessions", "700"), ("/run/nsshell/accounts", "700"),
                       ("/run/nsshell/own", "711"), ("/var/lib/nsshell", "700")):
        st = os.stat(path)
        g.judge(f"{path} is root's alone", f"{st.st_uid} {st.st_mode & 0o777:o}", f"0 {mode}")
    for who in (g.scene.plain, g.alice):
        r = g.stage.run("sh", "-c", "ls /run/nsshell/sessions; touch /run/nsshell/x; "
                        "mkdir /run/nsshell/sessions/x; cat /run/nsshell/sessions/*",
                        user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        g.judge(f"{who.pw_name} outside at nsshell's state", r.stdout + str(
            r.stderr.count("denied")), "4")
    for word in ("list", "status", "top -b", "plan root", "check", "gc"):
        r = g.stage.run(g.stage.bin / "nsctl", *word.split(), user=g.scene.plain.pw_uid,
                        group=g.scene.plain.pw_gid, extra_groups=[], timeout=5)
        g.judge(f"nsctl {word} by an ordinary user names nobody's session",
                g.bob.pw_name in r.stdout + r.stderr, "False")
    r = g.admin(g.bob.pw_name, "id", user=g.scene.plain.pw_uid, group=g.scene.plain.pw_gid,
                extra_groups=[])
    g.judge("nsjoin by another user", f"{r.returncode} {r.stdout}", "125 ?")
    for name in ("nsjoin", "nsctl", "nsshell-helper"):
        g.row(f"{name}, run inside", f"{{bin}}/{name} {{bobname}} id; {{bin}}/{name} list; "
              "cat /run/nsshell/sessions/*", "(?!.*uid=).*")


def _a_hundred_at_once(g):
    """Logins and gate calls of two accounts, all beginning together."""
    g.stage.pam("runuser-l", g.stage.module_line("gate", control="[success=1 default=ignore]"),
                "session required pam_permit.so\n", g.stage.module_line())
    # Sessions of a login that is over still count for a moment.
    g.stage.config("SessionsMax=200\n")
    results, lock = {}, threading.Lock()
    start = threading.Barrier(25)
    each = 4 if SLOW == 1 else 1

    def one(i):
        person = (g.alice, g.bob)[i % 2]
        start.wait()
        for _ in range(each):
            r = g.stage.run("runuser", "-l", person.pw_name, "-c", SHOW, timeout=60)
            words = r.stdout.split()
            fine = r.returncode == 7 and words[2:] == [str(len(words[2:]) and int(words[2]))] and \
                int(words[2]) > 1 and words[1] != kernel.namespaces()["user"]
            refused = r.returncode not in (0, 7) and not r.stdout
            with lock:
                key = "inside" if fine else "refused" if refused else f"half: {r.stdout}{r.stderr}"
                results[key] = results.get(key, 0) + 1
                results.setdefault("boxes", set()).add(words[0] if words else "")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(25)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    boxes = len(results.pop("boxes"))
    n = 25 * each
    g.tries += 2 * n - 1
    g.judge(f"{n} logins and {n} gate calls, 25 at a time: inside or refused, each in its own box",
            f"{results} {boxes} boxes", rf"\{{'inside': {n}\}} {n} boxes")
    g.stage.pam_all()
    g.stage.config()


def _su_by_a_user(g):
    """su of the distribution, run by another user of the host who may (pam_permit)."""
    (g.stage.private / "pam.d" / "su").write_text(PERMIT + g.stage.module_line(), encoding="ascii")


def _spawn(g, before=None, env=None):
    return subprocess.Popen(["/bin/su", g.alice.pw_name, "-c", SHOW], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                            user=g.scene.plain.pw_uid, group=g.scene.plain.pw_gid, extra_groups=[],
                            preexec_fn=before, env=env or {"PATH": "/usr/bin:/bin"},
                            start_new_session=True)


def _became(p, timeout=30):
    try:
        out, err = p.communicate(timeout=patient(timeout))
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        return "hangs"
    words = out.split()
    if not words:
        return "refused or killed"
    # The first word is the box's own file; a signal may have ended it there.
    inside = re.fullmatch(r"[a-z2-9]{12}", words[0]) and kernel.namespaces()["user"] not in words
    return "inside" if inside and words[2:3] in ([], ["2"], ["3"], ["4"], ["5"], ["6"]) else \
        f"half: {out} {err}"


def _signals(g):
    for what, signals in (("SIGKILL", (signal.SIGKILL,)), ("SIGTERM", (signal.SIGTERM,)),
                          ("SIGSTOP, a little later SIGCONT", (signal.SIGSTOP, signal.SIGCONT)),
                          ("SIGSTOP, a little later SIGKILL", (signal.SIGSTOP, signal.SIGKILL)),
                          ("SIGHUP to its group", (-signal.SIGHUP,)),
                          ("SIGKILL to its group", (-signal.SIGKILL,))):
        seen = set()
        moments = rounds(24)
        for step in range(moments):
            p = _spawn(g)
            time.sleep(patient(step * 0.0006))
            for s in signals:
                try:
                    (os.killpg if s < 0 else os.kill)(p.pid, abs(s))
                except ProcessLookupError:
                    pass
                if len(signals) > 1:
                    time.sleep(0.02)
            seen.add(_became(p))
        g.tries += moments - 1
        g.judge(f"su on its way in: {what}, at {moments} moments", " or ".join(sorted(seen)),
                "(inside|refused or killed)( or (inside|refused or killed))?")
    left = g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name and
                               r["id"] != g.values["session"]], 20)
    g.judge("and no session of theirs is left", left, "True")


def _starved(g):
    big = 1 << 20
    for name, values in (("NOFILE", (3, 4, 5, 6, 8, 12, 20)), ("FSIZE", (0, 1, 100, 4096)),
                         ("NPROC", (0, 1, 2, 5)), ("CORE", (0, -1)), ("CPU", (1,)),
                         ("STACK", (128 << 10, 512 << 10)), ("DATA", (big, 4 * big, 16 * big)),
                         ("AS", (16 * big, 32 * big, 64 * big)), ("MEMLOCK", (0,)),
                         ("MSGQUEUE", (0,)), ("SIGPENDING", (0, 1)), ("NICE", (0,)), ("RTPRIO", (0,))):
        if REPORTS and name in ("DATA", "AS"):
            g.scene.skip(f"helper: su with little {name}", "AddressSanitizer itself needs more")
            continue
        what = getattr(resource, f"RLIMIT_{name}")
        for value in values:
            def limit(what=what, value=value):
                resource.setrlimit(what, (value, value))
            try:
                g.judge(f"su with {name} of {value}", _became(_spawn(g, limit)),
                        "inside|refused or killed")
            except (OSError, ValueError, subprocess.SubprocessError) as e:
                g.scene.skip(f"helper: su with {name} of {value}", str(e))


def _surrounded(g):
    # It tells of each process that loads it; in a box that is no harm.
    proof = pathlib.Path("/tmp/nst-evil.log")
    evil = g.stage.open / "evil.so"
    shutil.copy(g.attack.with_name("evil.so"), evil)
    for env in ({"LD_PRELOAD": str(evil)}, {"LD_AUDIT": str(evil)}, {"LD_LIBRARY_PATH": str(evil.parent)},
                {"GCONV_PATH": "/tmp", "CHARSET": "nst"}, {"LOCPATH": "/tmp", "LANG": "nst"},
                {"GLIBC_TUNABLES": "glibc.malloc.mxfast=glibc.malloc.mxfast=A"},
                {"NSSHELL_SESSION": "aaaaaaaaaaaa"}, {"CGROUP_LOGLEVEL": "DEBUG"}, {"PATH": "."},
                {"TZ": ":/etc/shadow"}, {"TMPDIR": "/root"}, {"MALLOC_CHECK_": "3"},
                {"HOME": "/root", "SHELL": "/nst/none", "USER": "root", "LOGNAME": "root"},
                {"LIBMOUNT_FSTAB": "/tmp/x", "LIBMOUNT_MTAB": "/tmp/x", "LIBMOUNT_DEBUG": "all"},
                {f"N{i}": "x" * 1000 for i in range(500)}):
        g.judge(f"su with {' '.join(list(env)[:3])} in its environment", _became(_spawn(g, env=env)),
                "inside|refused or killed")

    def masked():
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))

    def ignoring():
        for s in range(1, 32):
            try:
                signal.signal(s, signal.SIG_IGN)
            except OSError:
                pass

    def timed():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.004)

    for what, before in (("all signals blocked", masked), ("all signals ignored", ignoring),
                         ("umask 777", lambda: os.umask(0o777)),
                         ("a timer that goes off", timed),
                         ("the home as its directory", lambda: os.chdir(g.scene.plain.pw_dir)),
                         ("no 0 to 2", lambda: [os.close(i) for i in range(1)]),
                         ("a hundred open fds", lambda: [os.open("/", os.O_RDONLY) for _ in range(100)])):
        g.judge(f"su with {what}", _became(_spawn(g, before)), "inside|refused or killed")
    g.judge("no code of the user's has run outside", proof.exists(), "False")
    evil.unlink()


def run(g):
    _called_by_hand(g)
    _its_files(g)
    _a_hundred_at_once(g)
    _su_by_a_user(g)
    _signals(g)
    _starved(g)
    _surrounded(g)
    r = g.scene.ssh(g.alice.pw_name, "echo as ever")
    g.judge("a login after all that", r.stdout + r.stderr, "as ever")
