# SPDX-License-Identifier: BSD-3-Clause
"""PrivateTmp=: whose /tmp it is."""

import concurrent.futures
import os
import shutil

PLACES = "/tmp /var/tmp /dev/shm /run/lock $XDG_RUNTIME_DIR"


def test_of_the_account(b):
    b.stage.config("PrivateTmp=account\n")
    name = b.alice.pw_name
    with b.shell(name) as s:
        s.do(f"for d in {PLACES}; do echo $d >$d/mine; done")
        r = b.ssh(name, f"cat $(for d in {PLACES}; do echo $d/mine; done); "
                  f"for d in {PLACES}; do stat -c '%a %u' $d; done")
        places = f"/tmp /var/tmp /dev/shm /run/lock /run/user/{b.alice.pw_uid}".split()
        b.check(r.stdout.splitlines() == places + ["1777 0"] * 4 + [f"700 {b.alice.pw_uid}"],
                "two logins of an account have one /tmp, /var/tmp, /dev/shm, /run/lock and "
                "runtime directory", r.stdout + r.stderr)
        s.do("exec 9>/tmp/x.lock; flock -n 9 && echo locked")
        lock = "flock -n /tmp/x.lock true && echo free || echo taken"
        r = b.ssh(name, lock)
        su = b.run("su", name, "-c", lock)
        b.check(r.stdout.split() == ["taken"] and su.stdout.split() == ["taken"],
                "flock -n /tmp/x.lock in one holds off the other, and su's",
                r.stdout + su.stdout + r.stderr + su.stderr)
        r = b.ssh(b.bob.pw_name, f"ls {PLACES} 2>/dev/null | grep mine")
        b.check(r.stdout == "" and not os.path.exists("/tmp/mine"), "nobody else sees it: another "
                "account, the host", r.stdout)
        pids = (s.do("readlink /proc/self/ns/pid"), b.ssh(name, "readlink /proc/self/ns/pid").stdout)
        b.check(pids[0] != pids[1].strip(), "each login still has processes of its own", pids)
        with b.shell(name) as late:
            late.do("true")
            s.close()
            b.check(late.do("cat /tmp/mine") == "/tmp", "it stays as long as any of them")
            r = b.ssh(name, "cat /tmp/mine")
            b.check(r.stdout.strip() == "/tmp", "and a third has it from the second", r.stderr)
    b.gone(name)
    r = b.ssh(name, "ls /tmp")
    b.check(r.stdout == "", "and goes with the last", r.stdout + r.stderr)


def test_of_the_login(b):
    with b.shell(b.alice.pw_name) as s:
        s.do("echo x >/tmp/mine")
        r = b.ssh(b.alice.pw_name, "ls /tmp")
        b.check(r.stdout == "", "without the key each login has its own", r.stdout)
        b.stage.config("PrivateTmp=account\n")
        r = b.ssh(b.alice.pw_name, "ls /tmp")
        b.check(r.stdout == "" and r.returncode == 0, "which stays its own once the account has one",
                r.stdout + r.stderr)


def test_logins_at_once(b):
    """One that begins has no root of its own yet when the next asks for its /tmp."""
    b.stage.config("PrivateTmp=account\n")
    with b.shell(b.alice.pw_name) as s:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda i: b.ssh(b.alice.pw_name, f"echo {i} >/tmp/of-{i}; sleep 1"),
                                 range(6)))
        seen = s.do("cat /tmp/of-* | tr '\\n' ' '")
        b.check(seen.split() == list("012345") and not any(r.returncode for r in done),
                "six logins at once share it", seen + "".join(r.stderr for r in done), b.log_tail())
    b.gone(b.alice.pw_name)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda i: b.ssh(
            b.alice.pw_name, f"touch /tmp/of-{i}; for n in $(seq 100); do [ $(ls /tmp | wc -l) = 6 ] "
            "&& break; sleep .1; done; ls /tmp | wc -l; sleep 1"), range(6)))
    b.check([r.stdout.strip() for r in done] == ["6"] * 6, "and six that are the first",
            " ".join(r.stdout.strip() + r.stderr for r in done), b.log_tail())


def test_with_a_bind_in_it(b):
    shared = b.stage.base / "in-tmp"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "file").write_text("bound", encoding="ascii")
    b.stage.config(f"PrivateTmp=account\nBindPaths={shared}:/tmp/bound\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("touch /tmp/mine")
        r = b.ssh(b.alice.pw_name, "cat /tmp/bound/file; ls -d /tmp/mine")
        b.check(r.stdout == "bound/tmp/mine\n", "BindPaths= below /tmp", r.stdout + r.stderr,
                b.log_tail())
    shutil.rmtree(shared)


def test_with_a_bind_that_is_there_no_more(b):
    shared = b.stage.base / "in-tmp"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "file").write_text("bound", encoding="ascii")
    name, see = b.alice.pw_name, "cat /tmp/bound/file; ls -d /tmp/mine /tmp/late"
    for key in ("BindPaths", "BindReadOnlyPaths"):
        b.stage.config(f"PrivateTmp=account\n{key}={shared}:/tmp/bound\n")
        with b.shell(name) as s:
            s.do("touch /tmp/mine")
            b.stage.config("PrivateTmp=account\n")
            with b.shell(name) as late:
                late.do("touch /tmp/late")
                r = b.ssh(name, see)
                b.check(r.stdout == "/tmp/late\n" and b.stage.syslog.wait("what the rules bind or hide in it has changed"),
                        f"{key}= below /tmp is taken away: the next login hasn't it, nor the one after that", r.stdout + r.stderr,
                        b.log_tail())
                b.stage.config(f"PrivateTmp=account\n{key}={shared}:/tmp/bound\n")
                r = b.ssh(name, see)
                b.check(r.stdout == "bound/tmp/mine\n", "where it is there again, so is the /tmp that has it",
                        r.stdout + r.stderr, b.log_tail())
        b.gone(name)
    shutil.rmtree(shared)


def test_tmux(b):
    if not shutil.which("tmux"):
        b.skip("tmux finds its server", "this host has none: apt-get install tmux")
        return
    b.stage.config("PrivateTmp=account\n")
    with b.shell(b.alice.pw_name) as s:
        s.do("TERM=xterm tmux new-session -d -s work")
        r = b.ssh(b.alice.pw_name, "tmux ls")
        b.check(r.stdout.startswith("work:"), "another login finds the account's tmux",
                r.stdout + r.stderr)
        s.do("tmux kill-server")
