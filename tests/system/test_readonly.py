# SPDX-License-Identifier: BSD-3-Clause
"""Upper=none, the default: what isn't bound is read-only, and the system's trees are the host's own."""

import os
import re

from harness.terminal import Terminal

PLACES = "/usr /usr/local/bin /etc /var/lib /opt /srv / /home"


def test_it_is_the_default(b):
    b.stage.config(default="#Upper=")
    r = b.ssh(b.alice.pw_name, f"touch {b.stage.open}/x; touch /tmp/x /var/tmp/x /run/lock/x ~/x && echo fine")
    b.check("Read-only file system" in r.stderr and r.stdout == "fine\n",
            "what all may write on the host is read-only in a box, and /tmp and the home are not",
            r.stdout + r.stderr, b.log_tail())
    b.check(not (b.stage.open / "x").exists(), "and nothing was written on the host")
    os.unlink(f"{b.alice.pw_dir}/x")
    r = b.ssh(b.alice.pw_name, f"for d in {PLACES}; do test -w $d && echo $d; done; ls /usr/bin | wc -l;"
              "stat -c %U:%G /usr/bin/env /etc/passwd")
    n = len(os.listdir("/usr/bin"))
    b.check(r.stdout.split() == [str(n), "root:root", "root:root"], "the host's files are there, and root's",
            r.stdout + r.stderr)


def _complaints(b, upper):
    """What the log says that sounds like a failure, through each way in."""
    name = b.alice.pw_name
    b.stage.config(f"Upper={upper}\n")
    b.stage.syslog.clear()
    with Terminal(b.stage.sshd.argv(name, options=["-tt"])) as t:
        t.ask("true")
        logs = t.ask("ls -lL /var/log/wtmp /var/log/lastlog | awk '{print $5}' | tr '\\n' ' '")
        t.line("exit")
        t.close()
    b.ssh(name, "true")
    b.run("su", "-", name, "-c", "true")
    b.run("runuser", "-l", name, "-c", "true")
    with Terminal(["login", "-f", name]) as t:
        t.expect(r"\$ ", timeout=20)
        t.line("exit")
        t.close()
    b.gone(name)
    lines = [re.sub(r"\[?\d+\]?|session \w{12}", "N", x) for x in b.stage.syslog.lines()]
    bad = re.compile(r"(?i)read-only|no such|denied|error|fail|couldn|cannot|can't|problem")
    return {x for x in lines if bad.search(x)}, logs


def test_logins_write_without_complaint(b):
    usual, _ = _complaints(b, "tmpfs")
    seen, logs = _complaints(b, "none")
    b.check(not seen - usual, "sshd, su, runuser and login find all that they write: no line in the log "
            "that Upper=tmpfs hasn't", sorted(seen - usual) or "none")
    b.check(len(logs.split()) == 2 and "0" not in logs.split(),
            "wtmp and lastlog are the session's own, and sshd has written them", logs)


def test_places_to_mount_on(b):
    directory = b.stage.base / "to-bind"
    directory.mkdir()
    (directory / "note").write_text("bound\n", encoding="ascii")
    file = b.stage.base / "file-to-bind"
    file.write_text("one\n", encoding="ascii")
    b.stage.config("Upper=none\n"
                   f"BindPaths={directory}:/made/for/it {file}:/etc/made-for-it {directory}:/usr/share/made/x\n")
    for n in (1, 2):
        r = b.ssh(b.alice.pw_name, "cat /made/for/it/note /etc/made-for-it /usr/share/made/x/note; "
                  "stat -c %U:%a /made /made/for; ls /usr/bin/env")
        b.check(r.stdout == "bound\none\nbound\nroot:755\nroot:755\n/usr/bin/env\n",
                f"binds onto places that the host doesn't have, login {n}", r.stdout + r.stderr, b.log_tail())
    b.check(not os.path.exists("/made") and not os.path.exists("/usr/share/made"),
            "which are made in the box alone")
    logins = [b.stage.sshd.background(b.alice.pw_name, "cat /etc/made-for-it") for _ in range(4)]
    seen = [p.communicate(timeout=60)[0] for p in logins]
    b.check(seen == ["one\n"] * 4, "four logins at once", seen, b.log_tail())


def test_a_directory_keeps_its_mode_above_a_bind(b):
    closed = b.stage.base / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o711)
    b.stage.config(f"Upper=none\nBindReadOnlyPaths={b.stage.bin}:{closed}/new\n")
    r = b.ssh(b.alice.pw_name, f"stat -c %a {closed}; ls {closed}; ls {closed}/new | wc -l")
    b.check(r.stdout.startswith("711\n") and "denied" in r.stderr, "a directory of the host's keeps its mode "
            "where a place is made in it", r.stdout + r.stderr, b.log_tail())


def test_trees_are_live(b):
    name = b.alice.pw_name
    with b.stage.own_local(b.stage.private / "local", "sub") as local:
        b.stage.config("Upper=none\n")
        with b.shell(name) as one:
            one.do("ls /usr/local/tool /usr/local/sub")
            (local / "tool").write_text("1\n", encoding="ascii")
            b.check(one.do("cat /usr/local/tool") == "1", "a new file below /usr is seen in an open session",
                    b.log_tail())
            (local / "tool.new").write_text("2\n", encoding="ascii")
            os.rename(local / "tool.new", local / "tool")
            b.check(one.do("cat /usr/local/tool") == "2", "and one that is replaced, at once")
            b.check("Read-only" in one.do("touch /usr/local/x 2>&1"), "and it is read-only")
        (local / "secret").write_text("s\n", encoding="ascii")
        b.stage.config("Upper=none\nInaccessiblePaths=/usr/local/secret\n")
        with b.shell(name) as one:
            b.check(one.do("cat /usr/local/secret 2>&1; cat /usr/local/tool").endswith("No such file or directory\n2"),
                    "a path that is hidden there is hidden", b.log_tail())
            os.rename(local / "secret", local / "old")
            (local / "secret").write_text("t\n", encoding="ascii")
            b.check("No such" in one.do("cat /usr/local/secret 2>&1"),
                    "also when the host puts another under its name")
