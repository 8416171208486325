# SPDX-License-Identifier: BSD-3-Clause
"""nsctl on the stage: its /etc/pam.d is a scratch copy, its sessions are real."""

import hashlib
import json
import os

PAM = "/etc/pam.d"


def _digest():
    return {n: hashlib.sha256(open(f"{PAM}/{n}", "rb").read()).hexdigest()
            for n in os.listdir(PAM)}


def _enable(b, *services):
    # --force: the helper isn't where make install would put it.
    return b.nsctl("enable", "--yes", "--force", "--config", str(b.stage.conf), *services)


def _as(b, user, *arguments):
    return b.run(b.stage.bin / "nsctl", *arguments, user=user.pw_uid, group=user.pw_gid,
                 extra_groups=[])


def _text(service):
    with open(f"{PAM}/{service}", encoding="utf-8") as f:
        return f.read()


def test_enable_and_disable(b):
    b.stage.pam_plain()
    before = _digest()
    r = _enable(b, "sshd")
    b.check(r.returncode == 0 and "\n+session" in r.stdout, "nsctl enable sshd shows a diff",
            [x for x in r.stdout.splitlines() if x.startswith("+")][-1:] or r.stderr)
    lines = [x for x in _text("sshd").splitlines() if "pam_nsshell" in x and "gate" not in x]
    session = [x for x in _text("sshd").splitlines() if x.startswith("session")]
    b.check(len(lines) == 1 and session[-1] == lines[0],
            "one line, the last of the session stack", lines)
    once = _digest()
    r = _enable(b, "sshd")
    b.check(r.returncode == 0 and _digest() == once, "a second enable changes nothing",
            r.stdout + r.stderr)
    r = b.nsctl("disable", "sshd")
    b.check(r.returncode == 0 and _digest() == before, "disable gives every file back byte for "
            "byte", [n for n, d in _digest().items() if before.get(n) != d] or "same")
    r = b.nsctl("disable", "sshd")
    b.check(r.returncode == 0 and _digest() == before, "a second disable changes nothing",
            r.stdout + r.stderr)


def test_enable_alone_isolates_nobody(b):
    """A service that no Services= lists, and a config without Isolate=yes: said, not found out later."""
    b.stage.pam_plain()
    with open(f"{PAM}/nst-other", "w", encoding="utf-8") as f:
        f.write("session required pam_permit.so\n")
    r = _enable(b, "su", "nst-other")
    b.check(r.returncode == 0 and "no Services= lists nst-other" in r.stderr and "lists su:" not in r.stderr,
            "nsctl enable warns of a service that no Services= lists", "warned", r.stderr)
    r = b.nsctl("disable", "su", "nst-other")
    b.check("through these services aren't isolated" in r.stdout, "disable says which logins aren't isolated any more",
            r.stdout.splitlines()[-1:] or r.stderr)
    word = "no account that is listed on this host is isolated"
    b.check(word not in b.nsctl("check", "--config", str(b.stage.conf)).stdout, "with isolated accounts check is silent")
    b.stage.conf.write_text("[Default]\nTasksMax=100\n", encoding="utf-8")
    r = b.nsctl("check", "--config", str(b.stage.conf))
    b.check(word in r.stdout, "nsctl check tells that nobody is isolated", word, r.stdout)
    _forgotten(b)
    b.stage.config("Colour=red\n")
    r = b.nsctl("check", "--config", str(b.stage.conf))
    b.check(word not in r.stdout, "but not of a config that can't be read for some", "", r.stdout)


def _forgotten(b):
    """Enabled, and no config, or none that isolates: what was to be isolated logs in without a box."""
    word = "leads into a box, but the config isolates nobody"
    r = b.nsctl("check", "--config", str(b.stage.conf))
    b.check(word not in r.stdout, "which is no warning where nothing is enabled", "", r.stdout)
    _enable(b, "su")
    for what, conf in (("nor isolates any section", b.stage.conf), ("nor is the config's directory there", b.stage.base / "gone/nsshell.conf")):
        r = b.nsctl("check", "--brief", "--config", str(conf))
        seen = [line for line in r.stdout.splitlines() if word in line]
        b.check(len(seen) == 1 and seen[0].startswith(f"warning: {PAM}/su leads"), f"su is enabled, {what}: a warning", seen, r.stdout)
    b.stage.conf.write_text("[Group nst-of-a-directory-service]\nIsolate=yes\n", encoding="utf-8")
    r = b.nsctl("check", "--config", str(b.stage.conf))
    b.check(word not in r.stdout, "a section for who isn't listed is no such warning", "", r.stdout)


def test_enable_everything(b):
    b.stage.pam_plain()
    before = _digest()
    services = ("sshd", "login", "su", "su-l", "runuser", "runuser-l", "cron")
    r = _enable(b, *services)
    b.check(r.returncode == 0, "nsctl enable of all services", r.stderr or "done")
    r = b.nsctl("disable", *services)
    b.check(r.returncode == 0 and _digest() == before, "disable of all gives every file back",
            r.stderr or "same")


def test_what_it_refuses(b):
    b.stage.pam_plain()
    before = _digest()
    r = _enable(b, "nst-no-service")
    b.check(r.returncode != 0 and r.stderr and _digest() == before,
            "a service without a file is refused", r.stderr)
    r = _enable(b, "../passwd")
    b.check(r.returncode != 0 and _digest() == before, "a path is refused", r.stderr)
    r = _as(b, b.plain, "enable", "sshd")
    b.check(r.returncode != 0 and _digest() == before, "one who isn't root is refused", r.stderr)


def test_plan(b):
    name = b.alice.pw_name
    conf = str(b.stage.conf)
    r = b.nsctl("plan", "--config", conf, "--service", "su", name)
    b.check(r.returncode == 0 and "/proc" in r.stdout and b.alice.pw_dir in r.stdout,
            "nsctl plan USER prints the plan", f"{len(r.stdout.splitlines())} lines", r.stderr)
    words = r.stdout
    r = b.nsctl("plan", "--json", "--config", conf, "--service", "su", name)
    try:
        plan = json.loads(r.stdout)
    except ValueError:
        plan = None
    b.check(isinstance(plan, dict), "nsctl plan --json prints JSON",
            sorted(plan)[:8] if plan else r.stderr)
    mounts = words.partition("mounts, staged")[2].partition("\ncgroup")[0]
    told = [tuple(line.split()[:2]) for line in mounts.splitlines() if line.startswith("  ") and " | " not in line[:20]]
    same = plan and told == [(op["kind"], op["target"]) for op in plan["ops"]]
    b.check(same and plan["sessions_max"] == 32, "and says the same in words and as JSON", f"{len(told)} operations",
            r.stdout[-500:])
    r = b.nsctl("plan", "--config", conf, "nst-nobody")
    b.check(r.returncode != 0 and len(r.stderr.splitlines()) == 1, "an unknown user is refused in "
            "one line", r.stderr)
    public = b.stage.base / "public.conf"
    public.write_text(b.stage.conf.read_text(encoding="utf-8"), encoding="utf-8")
    r = _as(b, b.plain, "plan", "--config", str(public), "--service", "su", name)
    b.check(r.returncode == 0 and "/proc" in r.stdout, "which needs no root", r.stderr)
    before = b.observer.snapshot()
    b.nsctl("plan", "--config", conf, "--service", "su", b.carol.pw_name)
    b.check(not b.observer.left(before, 0.1), "and leaves nothing behind")


def test_check(b):
    b.stage.config("TasksMax=many\nColour=red\n")
    r = b.nsctl("check", "--config", str(b.stage.conf))
    out = r.stdout + r.stderr
    b.check(r.returncode == 1 and "TasksMax" in out and "Colour" in out
            and "nsshell.conf" in out, "nsctl check names every mistake of the config",
            [x for x in out.splitlines() if "TasksMax" in x or "Colour" in x], out)


def test_list(b):
    r = b.nsctl("list")
    b.check(r.returncode == 0 and b.alice.pw_name not in r.stdout, "nsctl list without sessions",
            r.stdout + r.stderr)
    with b.shell(b.alice.pw_name) as one, b.shell(b.bob.pw_name) as two:
        ids = {one.do("echo $NSSHELL_SESSION"), two.do("echo $NSSHELL_SESSION")}
        r = b.nsctl("list")
        b.check(all(i in r.stdout for i in ids), "nsctl list shows both sessions", r.stdout,
                r.stderr)
        r = b.nsctl("list", "--json")
        try:
            seen = json.loads(r.stdout)
        except ValueError:
            seen = None
        b.check(seen and all(i in r.stdout for i in ids), "nsctl list --json is JSON",
                r.stdout if seen is None else "both")
        r = b.nsctl("list", "--noheadings", "--raw", "-o", "ID")
        b.check(set(r.stdout.split()) == ids, "--noheadings --raw -o ID prints the ids",
                r.stdout, r.stderr)
