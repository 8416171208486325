# SPDX-License-Identifier: BSD-3-Clause
"""A program that opens sessions as long as it lives: what it has stays as it is."""

import collections
import os
import re
import subprocess

from harness.observe import tell
from harness.stage import TREE

ROUNDS = int(os.environ.get("NSSHELL_DAEMON_ROUNDS", "1000"))
WATCHED_ROUNDS = min(12, max(3, ROUNDS // 10))  # under valgrind
OK, DENIED = 0, 6
NOTHING, REFUSED = "^$", r"session id [a-z0-9]+\.$"
# In bytes; of a round: what the allocator rounds up to.
HEAP_OF_A_ROUND = 64
RSS = 256 << 10


def _log(b):
    """Each reason for a refusal once, and how often."""
    found = collections.Counter(re.sub(r"session \w+", "session ID", line.split("]: ")[-1])
                                for line in b.stage.syslog.lines("refused|pam_nsshell|not all"))
    return "\n".join(f"{n} times {line}" for line, n in found.most_common())


class Daemon:
    """tests/system/daemon.c, and a PAM service for each way that a login can take."""

    def __init__(self, b, keys=""):
        self.b = b
        stage = b.stage
        self.confdir = stage.private / "pam.daemon"
        self.confdir.mkdir(exist_ok=True)
        self.program = stage.private / "daemon"
        subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g",
                        str(TREE / "tests/system/daemon.c"), "-o", str(self.program), "-lpam"],
                       check=True)
        self._config("late", "BindPaths=/nonexistent/directory\n")
        self._config("allow", "BindPaths=/nonexistent/directory\nOnError=allow\n")
        self._config("broken", "BindPaths=nonsense\n")
        self._config("ok", keys)
        for service, words in (
                ("box", {}), ("unlisted", {}), ("gate", {"args": ("gate",)}),
                ("nonsense", {"args": ("nonsense",)}), ("nohelper", {"helper": "/nonexistent"}),
                ("mute", {"helper": "/bin/true"}), ("late", {"config": "late"}),
                ("allow", {"config": "allow"}), ("broken", {"config": "broken"})):
            self._service(service, **words)
        (self.confdir / "other").write_text("auth required pam_deny.so\n", encoding="ascii")

    def _path(self, name):
        return self.b.stage.private / f"daemon.{name}.conf"

    def _config(self, name, keys):
        self._path(name).write_text(
            "[Default]\nServices=box gate nonsense nohelper mute late allow broken\n"
            f"[Group {self.b.stage.box_group}]\nIsolate=yes\n{keys}", encoding="ascii")

    def _service(self, name, args=(), helper=None, config="ok"):
        line = self.b.stage.module_line(*args, config=self._path(config), helper=helper)
        (self.confdir / name).write_text(
            f"account required pam_permit.so\nauth required pam_permit.so\n"
            f"session required pam_permit.so\n{line}", encoding="ascii")

    def ways(self):
        """(SERVICE:USER:STEPS, what each step answers, what the user must be told)"""
        b = self.b
        alice, bob, plain = b.alice.pw_name, b.bob.pw_name, b.plain.pw_name
        return (
            # By the daemon's own process.
            (f"box:{plain}:asoocno", (OK,) * 6, NOTHING),
            (f"unlisted:{alice}:oc", (OK, OK), NOTHING),
            (f"gate:{alice}:oc", (OK, OK), NOTHING),
            (f"box:{alice}:c", (OK,), NOTHING),
            (f"mute:{alice}:oc", (DENIED, DENIED), REFUSED),
            # Entered, by a process of its own each time.
            (f"box:{alice}:fasouc", (OK, OK, OK, OK, OK), NOTHING),
            (f"box:{bob}:fouc", (OK, OK, OK), NOTHING),
        )

    def rare_ways(self):
        b = self.b
        alice = b.alice.pw_name
        return (
            ("box:root:oc", (OK, OK), NOTHING),
            (f"box:{alice}:", (), NOTHING),
            (f"box:{b.stage.accounts.name('none')}:oc", (DENIED, DENIED), REFUSED),
            (f"late:{alice}:ooc", (DENIED, DENIED, DENIED), REFUSED),
            (f"allow:{alice}:oc", (OK, OK), NOTHING),
            (f"broken:{alice}:oc", (DENIED, DENIED), REFUSED),
            (f"nonsense:{alice}:oc", (DENIED, DENIED), REFUSED),
            ("nonsense:root:oc", (OK, OK), NOTHING),
            # Again in a process that has entered a box: no other one is to be had.
            (f"box:{alice}:foouu", (OK, OK, OK, OK), NOTHING),
            (f"box:{alice}:foucno", (OK, OK, OK, DENIED), REFUSED),
            (f"box:{alice}:foNo", (OK, DENIED), REFUSED),
        )

    def ways_without_helper(self):
        """valgrind takes what can't be executed for a program that ends with fds open."""
        return ((f"nohelper:{self.b.alice.pw_name}:oc", (DENIED, DENIED), REFUSED),
                ("nohelper:root:oc", (OK, OK), NOTHING))

    def run(self, rounds, ways, before=(), **kw):
        """What it printed of itself; each way has its check."""
        b = self.b
        r = b.run(*before, self.program, rounds, self.confdir, *(w[0] for w in ways), **kw,
                  # Else what the allocator keeps for the next time counts as in use.
                  env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})
        b.check(r.returncode == 0, f"a daemon opens and closes, {len(ways)} ways, {rounds} rounds",
                f"status {r.returncode} {r.stderr}", _log(b))
        for way in ways:
            self._check(rounds, r.stdout.splitlines(), *way)
        return r.stdout

    def _check(self, rounds, lines, way, codes, said):
        steps = [s for s in way.split(":")[2] if s not in "fnN"]
        want = "".join(f"{s}{c}" for s, c in zip(steps, codes, strict=True))
        line = next((x for x in lines if x.startswith(way + "\t")), "")
        _, saw, fds, heap, told = (line.split("\t") + ["9"] * 5)[:5]
        self.b.check(saw == want and re.search(said, told) and int(fds) <= 0 and
                     int(heap) <= HEAP_OF_A_ROUND,
                     f"{rounds} times {way}: answers {want or 'nothing'}, no fd and no memory "
                     "kept", f"{saw}, fds {fds}, bytes {heap} {told}", _log(self.b))

    def check_sizes(self, printed):
        sizes = {k: (int(x), int(y))
                 for k, x, y in re.findall(r"^(\w+) (\d+) (\d+)$", printed, re.M)}
        # A tenth of few rounds hasn't yet touched every page that a round does.
        rss = (("rss", RSS),) if ROUNDS >= 200 else ()
        for what, most in (("fds", 0), ("mounts", 0), ("heap", 0), *rss):
            early, late = sizes.get(what, (0, 0))
            self.b.check(early and late - early <= most, f"the daemon's own {what} after a "
                         "tenth of the rounds and after all", f"{early} {late}")


def test_a_thousand_in_one_process(b):
    daemon = Daemon(b)
    before = b.observer.snapshot()
    daemon.check_sizes(daemon.run(ROUNDS, daemon.ways(), timeout=500))
    left = b.observer.left(before, 20)
    b.check(not left, "nothing of them is left", tell(left))


test_a_thousand_in_one_process.seconds = 540
test_a_thousand_in_one_process.not_instrumented = "whose module is the same, and which takes eight times as long"


def test_rare_ways(b):
    daemon = Daemon(b)
    before = b.observer.snapshot()
    daemon.check_sizes(daemon.run(max(ROUNDS // 10, min(ROUNDS, 20)), (
        *daemon.ways()[:1], *daemon.rare_ways(), *daemon.ways_without_helper()), timeout=140))
    left = b.observer.left(before, 20)
    b.check(not left, "nothing of them is left", tell(left))


test_rare_ways.not_instrumented = test_a_thousand_in_one_process.not_instrumented


def test_under_valgrind(b):
    """The daemon and its children; the helper is a program of its own."""
    # valgrind 3.19 knows neither Landlock's system calls nor seccomp(2).
    daemon = Daemon(b, "AbstractSockets=shared\nSystemCallFilter=no\n")
    log = b.stage.private / "valgrind.log"
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    daemon.run(WATCHED_ROUNDS, (*daemon.ways(), *daemon.rare_ways()), timeout=300, pass_fds=(fd,),
               before=("valgrind", "-q", f"--log-fd={fd}", "--leak-check=full",
                       "--show-leak-kinds=definite,indirect,possible", "--track-fds=yes",
                       "--errors-for-leak-kinds=definite,indirect,possible",
                       "--keep-debuginfo=yes", "--error-exitcode=99"))
    os.close(fd)
    said = log.read_text(encoding="utf-8", errors="replace")
    ends = said.count("FILE DESCRIPTORS:")
    fds = re.findall(r"Open [^\n]*\n(?!==\d+==\s+<inherited from parent>)", said)
    bad = [line for line in said.splitlines() if not re.search(
        r"FILE DESCRIPTORS:|Open file descriptor|<inherited from parent>|== *$", line)]
    b.check(ends > 5 * WATCHED_ROUNDS and not fds and not bad,
            "valgrind: no error, no leak and no fd open at the ends of the daemon and its children",
            f"{ends} ends", "\n".join(bad))


test_under_valgrind.seconds = 300
test_under_valgrind.not_instrumented = "whose debugging information valgrind 3.19 can't read"
