# SPDX-License-Identifier: BSD-3-Clause
"""An open session sees what root changes on the host: within seconds, and never what is hidden."""

import contextlib
import os
import time

from harness import kernel
from harness.etc import own_etc, replace
from harness.pace import patient

SECONDS = 5  # within which an open session is to see a change: a second, and what a busy machine adds

UPPERS = ("Upper=none\n", "Upper=tmpfs\n", "Upper=disk\n", "Upper=none\nShare=account\n")


@contextlib.contextmanager
def _own_etc(b):
    """And no session and no upper of it stays."""
    try:
        with own_etc(b) as etc:
            yield etc
    finally:
        b.gone()
        b.run("rm", "-rf", "/var/lib/nsshell/upper")


def _until(shell, command, good, seconds=SECONDS):
    """What @command says once that is @good, or at last."""
    end = time.monotonic() + patient(seconds)
    while True:
        said = shell.do(command)
        if good(said) or time.monotonic() > end:
            return said
        time.sleep(0.1)


def _ready(shell, etc):
    """Wait for the session's first look at the host: what changes from then on is heard of."""
    n = 0
    shell.do("cat /etc/ready")
    while n < 50 and shell.do("cat /etc/ready") != "ready":
        (etc / "ready").write_text("ready\n", encoding="ascii")
        time.sleep(0.1)
        n += 1


def _seen(b, shell, uid, etc):
    """Each kind of change, to names that the session has looked at before."""
    home = etc / "things"
    home.mkdir()
    for name in ("replaced", "removed", "closed", "dir/inside", "at/inside"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("old\n", encoding="ascii")
    look = f"cd {home}/at; cat ../replaced ../removed ../closed ../dir/inside inside ../new; id -un 59321"
    first = shell.do(look)
    b.check(first.split("\n")[:5] == ["old"] * 5 and first.count("No such") == 1 and "no such user" in first,
            f"{uid}: a session looks at files in /etc", first, b.log_tail())
    replace(home / "replaced", "new\n")
    (home / "removed").unlink()
    (home / "closed").chmod(0o600)
    os.rename(home / "dir", home / "moved")
    (home / "dir").mkdir()
    (home / "dir/inside").write_text("new\n", encoding="ascii")
    replace(home / "at/inside", "new\n")
    (home / "new").write_text("there\n", encoding="ascii")
    made = b.run("useradd", "-M", "-N", "-g", "nogroup", "-u", "59321", "nsthost")
    for what, command, want in (
            ("a file that was replaced", "cat ../replaced", "new"),
            ("one that was removed", "cat ../removed", "No such file"),
            ("one that was closed to others", "cat ../closed", "ermission denied"),
            ("a directory that was renamed, with a new one in its place", "cat ../dir/inside ../moved/inside", "new\nold"),
            ("a file that was replaced in the working directory", "cat inside", "new"),
            ("a file that is new where there was none", "cat ../new", "there"),
            ("an account that useradd(8) made", "id -un 59321", "nsthost")):
        said = _until(shell, command, lambda text, w=want: w in text)
        b.check(want in said, f"{uid}: an open session sees {what}", said + made.stderr, b.log_tail())


def test_an_open_session_sees_the_host(b):
    for conf in UPPERS:
        with _own_etc(b) as etc:
            b.stage.config(conf)
            with b.shell(b.alice.pw_name) as one:
                _ready(one, etc)
                _seen(b, one, conf.strip().replace("\n", ", "), etc)


def test_what_is_hidden_stays_hidden(b):
    """Also when root puts another file under its name, as each passwd(1) does with /etc/shadow."""
    for conf in UPPERS[:3]:
        with _own_etc(b) as etc:
            (etc / "safe/in").mkdir(parents=True)
            for name in ("own-secret", "safe/in/key"):
                (etc / name).write_text("secret\n", encoding="ascii")
            hidden = "/etc/shadow /etc/own-secret /etc/safe/in/key"
            b.stage.config(conf + "InaccessiblePaths=/etc/own-secret /etc/safe/in/key\n")
            with b.shell(b.alice.pw_name) as one:
                _ready(one, etc)
                for n in range(2):
                    for name in ("shadow", "own-secret"):
                        replace(etc / name, f"secret, mark {n}\n")
                        (etc / name).chmod(0o644)
                    os.rename(etc / "safe", etc / f"safe.{n}")
                    (etc / "safe/in").mkdir(parents=True)
                    (etc / "safe/in/key").write_text("secret\n", encoding="ascii")
                    (etc / "safe/in/other").write_text(f"mark {n}\n", encoding="ascii")
                    replace(etc / "sign", f"mark {n}\n")
                    _until(one, "cat /etc/sign /etc/safe/in/other", lambda text, n=n: text.count(f"mark {n}") == 2)
                    said = one.do(f"cat /etc/sign /etc/safe/in/other; cat {hidden}; ls -d {hidden}")
                    b.check(said.startswith(f"mark {n}\nmark {n}\n") and said.count("No such file") == 6
                            and "secret," not in said.replace("own-secret,", ""),
                            f"{conf.strip()}: what is hidden stays so when the host replaces it, and the "
                            f"directory above it, {n + 1}", said, b.log_tail())


def test_what_is_to_be_hidden_later(b):
    with _own_etc(b) as etc:
        b.stage.config("InaccessiblePaths=-/etc/later\n")
        with b.shell(b.alice.pw_name) as one:
            _ready(one, etc)
            mark = b.nsctl("list", "-c", b.stage.conf, "-n", "-r", "-o", "OUTDATED").stdout.strip()
            (etc / "later").write_text("secret\n", encoding="ascii")
            after = b.nsctl("list", "-c", b.stage.conf, "-n", "-r", "-o", "OUTDATED").stdout.strip()
            b.check((mark, after) == ("", "rules"), "a session that was opened before there was something to hide is "
                    "marked", (mark, after))
            r = b.ssh(b.alice.pw_name, "cat /etc/later")
            b.check("No such" in r.stderr, "and the next login doesn't see it", r.stdout + r.stderr)


test_what_is_to_be_hidden_later.later = "host_changes.what_is_hidden_stays_hidden has the rule"


# ---- an upgrade of the host -------------------------------------------------------------

@contextlib.contextmanager
def _own_local(b):
    """The host's /usr/local is a directory that a test may change."""
    local = b.stage.private / "local.changes"
    try:
        with b.stage.own_local(local, "bin", "lib"):
            yield local
    finally:
        b.gone()
        b.run("rm", "-rf", local, "/var/lib/nsshell/upper")


def _install(b, local, version):
    """A program and its library, of one version, as a package manager replaces them."""
    source = b.stage.private / "changes.c"
    made = {"lib/libnst.so.1": (f'const char *v{version}(void) {{ return "version {version}"; }}',
                                "-shared", "-fPIC", "-Wl,-soname,libnst.so.1"),
            "bin/nst": (f'int puts(const char *); unsigned int sleep(unsigned int); const char *v{version}(void);'
                        f'int main(int n, char **v) {{ (void)v; puts(v{version}()); if (n > 1) sleep(60); }}',
                        str(local / "lib/libnst.so.1"), "-Wl,-rpath,/usr/local/lib")}
    for name, (text, *flags) in made.items():
        source.write_text(text, encoding="ascii")
        b.run("cc", source, *flags, "-o", local / "new")
        os.rename(local / "new", local / name)


def test_an_upgrade(b):
    """A login sees all of it, or, with Upper=disk beside a process that runs on what was before, nothing."""
    name = b.alice.pw_name
    for upper, during in (("none", "version 2"), ("tmpfs", "version 1"), ("disk", "version 1")):
        b.stage.config(f"Upper={upper}\n")
        with _own_local(b) as local:
            _install(b, local, 1)
            with b.shell(name) as one:
                first = one.do("/usr/local/bin/nst; /usr/local/bin/nst stay >/dev/null & sleep 0.2; nst")
                _install(b, local, 2)
                said = one.do("nst")
                b.check(first.split("\n")[0] == "version 1" and said == during,
                        f"Upper={upper}: an open session that runs a program while the host replaces it and its library",
                        f"{first}, then {said}", b.log_tail())
                r = b.ssh(name, "/usr/local/bin/nst")
                b.check(r.stdout.strip() == ("version 1" if upper == "disk" else "version 2"),
                        f"Upper={upper}: a login beside it", r.stdout + r.stderr)
                one.do("pkill -x nst; sleep 0.2")
                r = b.ssh(name, "/usr/local/bin/nst")
                b.check(r.stdout == "version 2\n", f"Upper={upper}: and one when nobody runs the old one any more",
                        r.stdout + r.stderr)


def test_what_an_account_has_changed_stays_so(b):
    """Upper=disk: a file that was opened for writing is the account's own, until root removes it from the layer."""
    name = b.alice.pw_name
    b.stage.config("Upper=disk\n")
    with _own_local(b) as local:
        note = local / "lib/note"
        note.write_text("one\n", encoding="ascii")
        os.chown(note, b.alice.pw_uid, -1)
        b.ssh(name, ": >> /usr/local/lib/note")
        b.gone(name)
        replace(note, "two\n")
        r = b.ssh(name, "cat /usr/local/lib/note")
        b.check(r.stdout == "one\n", "a file that the account has opened for writing stays what it was",
                r.stdout + r.stderr)
        b.gone(name)
        upper = f"/var/lib/nsshell/upper/{b.alice.pw_uid}/upper"
        found = b.run("find", upper, "!", "-type", "d").stdout.split()
        b.check(found == [f"{upper}/usr-local/lib/note"], "as find(1) tells", found)
        os.unlink(found[0])
        r = b.ssh(name, "cat /usr/local/lib/note")
        b.check(r.stdout == "two\n", "removed there, it is the host's again", r.stdout + r.stderr)


# ---- what it costs ----------------------------------------------------------------------

def _spent(pid):
    """Seconds of CPU time, and how often it slept."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        slept = next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), slept


def test_a_storm_of_changes(b):
    with _own_etc(b) as etc, b.shell(b.alice.pw_name) as one:
        _ready(one, etc)
        (etc / "storm").mkdir()
        replace(etc / "storm/file", "calm\n")
        _until(one, "cat /etc/storm/file", lambda text: text == "calm")
        supervisor = b.record_of(b.alice.pw_name)["supervisor_pid"]
        cpu, slept = _spent(supervisor)
        begun = time.monotonic()
        n = 0
        while time.monotonic() < begun + 3 or n <= 100:
            n += 1
            replace(etc / "storm/file", f"{n}\n")
            replace(etc / f"storm-{n % 100}", f"{n}\n")
        took = time.monotonic() - begun
        said = _until(one, "cat /etc/storm/file", lambda text: text == str(n), 3 * SECONDS)
        b.check(said == str(n), f"after {2 * n} changes in {took:.1f} s the session sees the last one", said, b.log_tail())
        cpu, slept = _spent(supervisor)[0] - cpu, _spent(supervisor)[1] - slept
        b.check(slept < 20 * (took + SECONDS) and cpu < 0.1 * (took + SECONDS),
                "meanwhile its supervisor has mostly slept", f"woken {slept} times, {cpu:.2f} s of CPU time")


test_a_storm_of_changes.later = "many of what the others do once"


def _links(supervisor):
    return [os.readlink(f"/proc/{supervisor}/fd/{n}") for n in os.listdir(f"/proc/{supervisor}/fd")]


def _watchers(b):
    """Sessions whose supervisor has an inotify instance, of which root has few."""
    return {r["id"] for r in b.stage.records() if any("inotify" in x for x in _links(r["supervisor_pid"]))}


def _in_time(look, seconds=SECONDS):
    """What @look gives as soon as it gives anything, or at last."""
    end = time.monotonic() + patient(seconds)
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_one_watches_for_all(b):
    with _own_etc(b) as etc:
        with b.shell(b.alice.pw_name) as first:
            _ready(first, etc)
            watchers = _watchers(b)
            with b.shell(b.bob.pw_name) as second, b.shell(b.bob.pw_name) as third:
                for shell in (second, third):
                    (etc / "ready").write_text("not yet\n", encoding="ascii")
                    _until(shell, "cat /etc/ready", lambda text: text == "not yet", 60)
                b.check(len(watchers) == 1 and _watchers(b) == watchers and
                        all(len(_links(r["supervisor_pid"])) < 64 for r in b.stage.records()),
                        "the first session watches for all of them", f"{watchers} {_watchers(b)}")
                first.close()
                b.gone(b.alice.pw_name)
                others = _in_time(lambda: _watchers(b))
                for shell in (second, third):
                    shell.do("cat /etc/later")
                (etc / "later").write_text("there\n", encoding="ascii")
                said = [_until(shell, "cat /etc/later", lambda text: text == "there") for shell in (second, third)]
                b.check(len(others) == 1 and not others & watchers and said == ["there"] * 2,
                        "when it ends another one does, and all see what changes", f"{others} {watchers} {said}")


def test_it_keeps_nothing_of_the_host(b):
    """No mount of the host's that can't go any more."""
    with _own_etc(b) as etc:
        kernel.mount("none", etc / "opt", "tmpfs")
        with b.shell(b.alice.pw_name) as one:
            _ready(one, etc)
            kernel.umount(etc / "opt", flags=0)
            b.check(True, "while a session watches a file system below /etc can be unmounted")
