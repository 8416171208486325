# SPDX-License-Identifier: BSD-3-Clause
"""Host commands: what a box can make of the words, the file, the terminal and the time that it may hand over."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

import group_root
import test_commands
from harness import ask, kernel
from harness.imagestore import store
from harness.world import World
from test_users import full

# At most; `make check` takes fewer.
CALLS = min(1000, int(os.environ.get("NSSHELL_HOSTILE_CALLS", "1000")))

REFUSED = ".*doesn't take these arguments.* 125"
BROKEN = r"\(1, 0, 'read the words.*'\)"
# No shell is left that forks as it is told to end: one of dash's that does is what its child never hears of.
WAITS = "echo up; exec bash -c 'exec -a nst-waits sleep 3219'\n"

WORDS = [(f"a word that isn't allowed: {w}", f"{w}; echo $?", REFUSED) for w in (
    "passwd root", "passwd {bobname}", "passwd -d", "passwd -u {name}", "passwd -e", "passwd -R /tmp", "passwd --root=/tmp",
    "passwd -P /tmp", "passwd -S -a", "passwd -S {bobname}", "passwd -n 1", "passwd ''", "passwd $'{name}\\n'", "passwd -- {name}",
    "passwd {name} {name}", "crontab -u root -l", "crontab -u {bobname} -r", "crontab -uroot -l", "crontab -l -u root",
    "crontab -u {name} -u root -l", "crontab --user=root -l", "crontab -x test", "crontab $'a\\nb'", "crontab $'\\e[2J'",
    "crontab -- -", "crontab - -", "crontab a b", "crontab -e -u root", "crontab -l $(seq 200)")]
WORDS += [
    ("a word of 128 KB", "passwd $(head -c 130000 /dev/zero | tr '\\0' x); echo $?", ".*a word of 130000 bytes.* 125"),
    ("a thousand words", "passwd $(seq 1000); echo $?", ".*more than 256 words.* 125"),
    ("another name for it", "(exec -a sh passwd -c id); echo $?", ".*sh isn't among the host's commands.* 125"),
    ("a path for a name", "(exec -a ../../bin/sh passwd -c id); echo $?", ".*sh isn't among.* 125"),
    ("no name", "(exec -a '' passwd id); echo $?", ".*isn't among.* 125"),
    ("a name of two lines", "(exec -a $'passwd\\nroot ran' passwd id); echo $?", ".*isn't among.* 125"),
    ("a terminal's name that leads elsewhere", "TERM=../../../tmp/x passwd -S; echo $?", ".* 0"),
    ("an environment full of what others obey",
     "env LD_PRELOAD=/tmp/x.so LD_AUDIT=/tmp/x.so GCONV_PATH=/tmp MALLOC_CHECK_=3 TZ=/etc/shadow NLSPATH=/tmp/%N "
     "HOME=/root USER=root LOGNAME=root SHELL=/tmp/x IFS=x PS4='$(id)' BASH_ENV=/tmp/x CRONTAB_NOHEADER=N passwd -S 2>&1 | tail -1",
     "{name} .*"),
    ("what only root reads, for a crontab", "crontab /etc/shadow; echo $?", ".*No such file.* 125"),
    ("a directory for a crontab", "crontab /; echo $?", ".*Is a directory.* 125"),
    ("a device that never ends", "crontab /dev/zero; echo $?", ".*File too large.* 125"),
    ("a file that is being changed", "(while :; do echo '* * * * * a'; echo 'x x x'; done >t) & p=$!; sleep 0.1; crontab -n t "
     ">/dev/null 2>&1; kill $p; rm -f t; echo fine", "fine"),
    ("a password that isn't known", "printf 'wrong\\nSome thing 9\\nSome thing 9\\n' | passwd; echo $?", ".*unchanged.* 10"),
    ("no standard input at all", "passwd <&-; echo $?", ".*unchanged.* 10"),
    ("no stdio at all", "(exec <&- >&- 2>&-; passwd -S); echo $?", "0|1"),
    ("no file may be written", "(ulimit -f 0; passwd -S); echo $?", ".*exceeded.* 153|{name} .* 0"),
    ("hardly an fd", "(ulimit -n 6; passwd -S) 2>&1 | tail -1", ".*"),
    ("hardly any memory", "(ulimit -v 20000; passwd -S) 2>&1 | tail -1", ".*"),
    ("as many processes as there are", "(ulimit -u 1; exec passwd -S); echo $?", "{name} .* 0"),
    ("no time", "(ulimit -t 0; passwd -S) 2>&1 | tail -1; echo $?", ".*"),
]


def _ask(g, data, *fds, kind=ask.HOST, value=0):
    """What the session says to a request by the account; the answer's first three fields and the number of fds."""
    def do():
        memfd = data if isinstance(data, int) else ask.sealed(data)
        said = ask.ask(g.alice.pw_uid, g.values["session"], kind, value, [memfd, *(f() for f in fds)])
        return (*said[:3], said[4]) if isinstance(said, tuple) else said
    return ask.as_user(g.alice, do)


def _raw_words(g):
    good = ask.words("passwd", "-S")
    head = ask.WORDS.size
    for what, data in (("nothing of a head", b"x"), ("half a head", good[:head // 2]), ("a head alone", good[:head]),
                       ("one byte less", good[:-1]), ("one byte more", good + b"x"), ("one word more", good + b"x\0"),
                       ("no words", ask.words()), ("fewer than it says", ask.words("passwd", n=2)),
                       ("more than any", ask.words("passwd", n=2 ** 32 - 1)), ("257 of them", ask.words(*["a"] * 257)),
                       ("a word of 128 KB", ask.words("passwd", "x" * 131072)), ("64 KB and more together", ask.words(*["x" * 4000] * 20)),
                       ("a terminal that it can't type at", ask.words("passwd", on_pty=6)), ("eight fds", ask.words("passwd", on_pty=8)),
                       ("a terminal's name without an end", ask.words("passwd", term=b"x" * 64))):
        g.judge(f"words that are none: {what}", str(_ask(g, data))[:100], r"\(1, 0, 'read the words.*")
    g.judge("words that are none: a NUL in one", _ask(g, ask.words(b"passwd", b"-S\0-a")), r"\(1, 0, 'read the words.*")
    g.judge("words that aren't allowed: bytes that are no text", _ask(g, ask.words(b"passwd", bytes(range(128, 255)))),
            r"\(1, 0, \".*doesn't take.*")


def _fds(path):
    def device():
        return os.open("/dev/null", os.O_RDWR)
    return {
        "a directory": lambda: os.open("/", os.O_RDONLY), "a device": device, "a socket": lambda: socket.socket().detach(),
        "a pidfd": lambda: os.pidfd_open(os.getpid()), "an O_PATH fd": lambda: os.open("/etc/passwd", os.O_PATH),
        "a pipe": lambda: os.pipe()[0], "a plain file": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "a namespace": lambda: os.open("/proc/self/ns/mnt", os.O_RDONLY), "a terminal": lambda: os.openpty()[1],
        "an eventfd": lambda: os.eventfd(0), "a memfd that may change": lambda: ask.memfd(path),
        "one that may be written": lambda: ask.sealed(path, 0x2 | 0x4), "one that may shrink": lambda: ask.sealed(path, 0x8 | 0x4),
        "one that may grow": lambda: ask.sealed(path, 0x8 | 0x2), "one that only others may not write": lambda: ask.sealed(path, 0x10 | 0x6),
    }


def _handed_over(g):
    words, file = ask.words("passwd", "-S"), ask.words("crontab", "-n", "x")
    for what, make in _fds(words).items():
        def do(make=make):
            said = ask.ask(g.alice.pw_uid, g.values["session"], ask.HOST, 0, [make()])
            return said[:3] if isinstance(said, tuple) else said
        g.judge(f"words in {what}", ask.as_user(g.alice, do), BROKEN)
    for what, make in _fds(b"* * * * * true\n").items():
        g.judge(f"a file that is {what}", _ask(g, file, make), r"\(1, 0, 'what is handed over must be a memfd.*")
    g.judge("a file that wasn't asked for", _ask(g, words, lambda: ask.sealed(b"x")), r"\(1, .*'read what is handed over.*")
    g.judge("sixteen fds", _ask(g, words, *[lambda: ask.sealed(b"x")] * 15), r"\(1, 0, 'read the words.*")
    g.judge("a file of 17 MiB", _ask(g, file, lambda: ask.sealed(b"#" * (17 << 20))), r"\(1, .*more than 16 MiB.*")
    g.judge("no fd at all", ask.as_user(g.alice, lambda: str(ask.ask(g.alice.pw_uid, g.values["session"], ask.HOST))[:40]),
            r"\(1, 0, 'read the words.*")
    g.judge("a file is asked for by its place", _ask(g, file), r"\(0, 2, '', 0\)")
    g.judge("RESIZE without a command", _ask(g, words, kind=ask.HOST + 1), r"\(1, .*another version.*")
    g.judge("by another user", ask.as_user(g.bob, lambda: ask.ask(g.alice.pw_uid, g.values["session"], ask.HOST, 0, [ask.sealed(words)])),
            ".*(PermissionError|ConnectionReset|BrokenPipe|None).*")


def _workers(g):
    record = next(r for r in g.stage.records() if r["id"] == g.values["session"])
    return [p.pid for p in kernel.processes() if p.ppid == int(record["supervisor_pid"]) and "a request" in repr(p)]


def _left(word):
    return kernel.called(word)


def _start(g, name, on_pty=0):
    """A command that runs: its connection, and its pipes."""
    s = ask.connect(g.alice.pw_uid, g.values["session"])
    socket.send_fds(s, [struct.pack("@IIi", ask.MAGIC, ask.HOST, 0)], [ask.sealed(ask.words(name, on_pty=on_pty))])
    said = ask.hear(s)
    return s, said


def _signals(g):
    def do():
        s, said = _start(g, "nst-waits")
        os.read(said[4][1], 10)
        for kind, value in ((ask.SIGNAL, 19), (ask.SIGNAL, 20), (ask.SIGNAL, 9), (ask.SIGNAL, 0), (ask.SIGNAL, -9), (ask.SIGNAL, 65),
                            (ask.SIGNAL, 2 ** 31 - 1), (ask.HOST + 1, -1), (ask.HOST + 1, 2 ** 31 - 1)):
            s.send(struct.pack("@IIi", ask.MAGIC, kind, value))
        time.sleep(0.3)
        states = [_state(p) for p in _left("nst-waits")]
        s.send(struct.pack("@IIi", ask.MAGIC, ask.SIGNAL, 15))
        return states, ask.hear(s)[1]
    g.judge("signals that a terminal doesn't have neither stop nor kill it", ask.as_user(g.alice, do), r"\(\['S'\], 15\)")
    g.judge("nothing of it is left", g.wait(lambda: not _left("nst-waits")), "True")

    def other():
        s, said = _start(g, "nst-waits")
        os.read(said[4][1], 10)
        s.send(b"x" * 12)
        return bool(ask.hear(s))
    g.judge("who says what is none hangs it up", (ask.as_user(g.alice, other), g.wait(lambda: not _left("nst-waits"))), r"\(.*, True\)")


def _state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]


def _killed(g):
    """Who asked dies at each point, with its pipes open or not."""
    client = subprocess.list2cmdline([str(g.stage.bin / "nst-waits")])
    for ms in (0, 1, 2, 4, 8, 12, 20, 40, 80, 160):
        g.me.do(f"{client} >/dev/null 2>&1 & p=$!; sleep 0.{ms:03}; kill -9 $p; wait $p 2>/dev/null")
    g.judge("a client that is killed at ten points leaves nothing running",
            g.wait(lambda: not _left("nst-waits") and not _workers(g)), "True")


def _thousand(g):
    r = g.me.do(f"(for i in $(seq {CALLS}); do if [ $((i % 5)) = 0 ]; then passwd -S; else passwd -d; fi >>out 2>>err & "
                "[ $((i % 60)) = 0 ] && wait; done; wait) 2>/dev/null; sort out err | sed 's/session [a-z0-9]*/session X/' | uniq -c; "
                "rm -f out err", timeout=200)
    sentences = ("from a box, passwd doesn't take these arguments", "session X has been given as many commands as it takes at once",
                 "session X has as many processes as it may have", "start a process .*as many as it may have", "reach session X")
    rest = [x for x in r.splitlines() if not re.match(rf" *\d+ ({g.alice.pw_name} L|passwd: ({'|'.join(sentences)}))", x)]
    g.judge(f"{CALLS} calls, sixty at once: an answer or a sentence", (rest, sum(int(x.split()[0]) for x in r.splitlines() if x.strip())),
            rf"\(\[\], {CALLS}\)")

    def all_at_once():
        held = []
        for _ in range(120):
            with contextlib.suppress(OSError):
                held.append(_start(g, "nst-waits"))
            if held and held[-1][1] and held[-1][1][0]:
                break
        return len(held), held[-1][1][:3], ask.ask(g.alice.pw_uid, g.values["session"], ask.RECORD)[0]
    g.judge("as many as there may be, and the session answers", ask.as_user(g.alice, all_at_once),
            r"\(81, \(1, 0, '.*as many commands as it takes.*'\), 0\)")
    g.judge("they go with who asked", g.wait(lambda: not _left("nst-waits"), 20), "True")

    def all_terminals():
        held = []
        while not held or not held[-1][1][0]:
            held.append(_start(g, "nst-waits", 7))
        return len(held), held[-1][1][:3]
    g.judge("the host's terminals are left for others", ask.as_user(g.alice, all_terminals),
            r"\(65, \(1, 0, 'the account has 64 of the host's terminals, and may have no more'\)\)|"
            r"\(65, \(1, 0, \"the account has 64 of the host's terminals, and may have no more\"\)\)")
    g.judge("they go with who asked, too", g.wait(lambda: not _left("nst-waits"), 20), "True")


def _full(g):
    g.me.close()
    filler = full(g.scene, g.alice.pw_name)
    g.values["session"] = g.scene.record_of(g.alice.pw_name)["id"]
    g.judge("where the account's processes are used up there is a sentence", _ask(g, ask.words("passwd", "-S")),
            r"\(1, \d+, '(session \w+ has as many processes|start a process \(the account has as many).*")
    filler.terminate()
    filler.communicate()
    g.stage.config("HostCommands=nst-waits\n")
    g.me = g.login(g.alice.pw_name)


def _paused(g):
    g.stage.run(g.stage.bin / "nsctl", "pause", g.values["session"])
    said = _ask(g, ask.words("passwd", "-S"))
    g.stage.run(g.stage.bin / "nsctl", "resume", g.values["session"])
    g.judge("a session that is paused", said, r"\(1, 0, 'session \w+ is paused', 0\)")


def _the_terminal(g):
    """Nothing in the box leads to it."""
    test_commands.entry(g.scene, "nst-tty", "Arguments=", text="tty; sleep 2\n")
    g.me.close()
    g.stage.config("HostCommands=nst-waits nst-tty\n")
    g.me = g.login(g.alice.pw_name)
    tty = g.stage.bin / "nst-tty"
    r = g.me.do(f"script -qec {tty} /dev/null </dev/null >seen & sleep 1; t=$(grep -ao '/dev/pts/[0-9]*' seen | head -1); echo \"got:$t\"; "
                "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c \"$t\\$\"; ls -l $t 2>&1 | grep -c 'No such'; wait; rm -f seen", timeout=20)
    # script(1) has a pty of the box's; the host's may have the number of one that is in the box, too.
    g.judge("the program's terminal is none of the box's", r, r"got:/dev/pts/\d+ \d+ [01]")

    def do():
        s = ask.connect(g.alice.pw_uid, g.values["session"])
        socket.send_fds(s, [struct.pack("@IIi", ask.MAGIC, ask.HOST, 0)], [ask.sealed(ask.words("nst-tty", on_pty=7))])
        said = ask.hear(s)
        return [os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in said[4]], said[1]
    g.judge("what comes with the answer is pipes", ask.as_user(g.alice, do), r"\(\['pipe', 'pipe', 'pipe'\], -1\)")


def _stopped(g):
    """One that stops itself, and one that doesn't read what is typed, on a terminal of the host's."""
    test_commands.entry(g.scene, "nst-stops", "Arguments=", text="trap '' HUP\necho up; kill -STOP $$; sleep 3219\n")
    g.me.close()
    g.stage.config("HostCommands=nst-waits nst-stops\n")
    g.me = g.login(g.alice.pw_name)

    def stopped():
        s, said = _start(g, "nst-stops")
        os.read(said[4][1], 10)
        g.wait(lambda: all(_state(p) == "T" for p in _left("nst-stops")))
        states = [_state(p) for p in _left("nst-stops")]
        s.send(struct.pack("@IIi", ask.MAGIC, ask.SIGNAL, 15))
        s.close()
        return states
    g.judge("one that is stopped isn't what its worker waits for, and goes with who asked",
            (ask.as_user(g.alice, stopped), g.wait(lambda: not _left("nst-stops") and not _workers(g))), r"\(\['T'\], True\)")

    def flooded():
        s, said = _start(g, "nst-waits", 7)
        os.read(said[4][1], 10)
        os.set_blocking(said[4][0], False)
        answers = b"\x1b[24;80R\x1b[?62;c\x1bP1$r0m\x1b\\" * 400
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                os.write(said[4][0], answers)
        s.send(struct.pack("@IIi", ask.MAGIC, ask.SIGNAL, 15))
        return ask.hear(s)[1]
    g.judge("a terminal's answers that nobody reads hold nothing up", ask.as_user(g.alice, flooded), "15")


# What a box may be, each of them with the host's commands; `make check` takes the last two.
KINDS = ("Upper=none", "Upper=tmpfs", "Upper=disk", "Share=account", "AllowUserNamespaces=yes", "Network=none",
         "RootFS=image:root:1", "RootFS=image:root:1\nRoot=yes", "RootFS=image:root:1\nRoot=yes\nUpper=disk", "Network=private")
WHERE = "id -u; pwd; for n in pid mnt user net; do readlink /proc/self/ns/$n; done\n"


def _kind(g, what, net):
    """Its words, its client and its root."""
    where = " ".join(re.escape(x) for x in (*(os.readlink(f"/proc/self/ns/{n}") for n in ("pid", "mnt", "user")), net))
    g.row(f"{what}: the own password, and nobody else's", "/usr/bin/passwd -S; /usr/bin/passwd root; echo $?", f"{{name}} .*{REFUSED}")
    g.row(f"{what}: it runs outside, as the account", f"{g.stage.bin}/nst-where", f"{{uid}} / {where}")
    g.row(f"{what}: the client isn't to be written", "(echo x >$(readlink -f /usr/bin/passwd)) 2>&1; /usr/bin/passwd -S",
          ".*(denied|Read-only|busy).*{name} .*")
    for ms in (1, 10, 40):
        g.me.do(f"{g.stage.bin}/nst-waits >/dev/null 2>&1 & p=$!; sleep 0.0{ms:02}; kill -9 $p; wait $p 2>/dev/null")
    g.judge(f"{what}: who asked and is killed leaves nothing", g.wait(lambda: not _left("nst-waits") and not _workers(g)), "True")
    g.box_root("exec 2>&1; /usr/bin/passwd root; echo $?; (echo x >$(readlink -f /usr/bin/passwd))",
               ".*for the account of this box, and not for its root.* 125 .*(denied|Read-only|busy).*", what)


def _kinds(g):
    test_commands.entry(g.scene, "nst-where", "Arguments=", text=WHERE)
    with store(g.scene) as s:
        s.image("root:1", group_root.fill(g))
        for kind in KINDS if CALLS == 1000 else KINDS[-2:]:
            private = kind == "Network=private"
            if private and not ((g.stage.build / "nsshell-net").exists() and shutil.which("nft")):
                g.scene.skip(f"{g.group}: {kind}", "nsshell-net isn't built, or there is no nft")
                continue
            g.me.close()
            g.scene.gone(g.alice.pw_name)
            g.stage.config(f"[User {g.alice.pw_name}]\nHostCommands=passwd nst-waits nst-where\n{kind}\n")
            with World(g.scene) if private else contextlib.nullcontext() as w:
                g.me = w.shell(g.alice.pw_name) if w else g.scene.shell(g.alice.pw_name)
                g.values["session"] = g.me.do("cat /run/nsshell/session")
                g.watch_other()
                # The host of Network=private is one of the test's own.
                _kind(g, kind.replace("\n", ", "), f"net:[{os.stat(f'/run/netns/{w.host}').st_ino}]" if w else os.readlink("/proc/self/ns/net"))
                g.me.close()
                g.scene.gone(g.alice.pw_name)
    g.stage.run("rm", "-rf", f"/var/lib/nsshell/upper/{g.alice.pw_uid}")


def run(g):
    g.rows(WORDS)
    lines = [x for x in g.stage.syslog.lines("passwd") if x.startswith("root ran")]
    g.judge("no line of the log is forged by a word", lines, r"\[\]")
    _raw_words(g)
    _handed_over(g)
    test_commands.entry(g.scene, "nst-waits", "Arguments=", text=WAITS)
    g.me.close()
    g.stage.config("HostCommands=nst-waits\n")
    g.me = g.login(g.alice.pw_name)
    _signals(g)
    _killed(g)
    _thousand(g)
    _paused(g)
    _full(g)
    _the_terminal(g)
    _stopped(g)
    _kinds(g)
    shutil.rmtree(g.stage.private / "commands")
