# SPDX-License-Identifier: BSD-3-Clause
"""nsctl enable with no service named, and what nsctl check says then: the first quarter of an hour."""

import contextlib
import hashlib
import os
import re

from harness.etc import own_etc, replace
from harness.stage import LIBEXEC, RUN, STATE

PAM = "/etc/pam.d"
USUAL = ["sshd", "login", "su", "su-l", "runuser", "runuser-l", "cron"]


def _digest():
    return {n: hashlib.sha256(open(f"{PAM}/{n}", "rb").read()).hexdigest() for n in os.listdir(PAM)}


def _enable(b, *services):
    # --force: the helper isn't where make install would put it.
    return b.nsctl("enable", "--yes", "--force", "--config", str(b.stage.conf), *services)


def _check(b, *options):
    return b.nsctl("check", "--config", str(b.stage.conf), *options)


def _named(text):
    return [x.split(":")[1].split() for x in text.splitlines() if x.startswith("PAM services to")]


def test_nobody_named_a_service(b):
    b.stage.pam_plain()
    for name in ("atd", "nst-none"):
        if os.path.exists(f"{PAM}/{name}"):
            os.unlink(f"{PAM}/{name}")
    before = _digest()
    here = [s for s in USUAL if s in before]
    r = b.nsctl("enable", "--dry-run", "--force", "--config", str(b.stage.conf))
    b.check(r.returncode == 0 and _named(r.stdout) == [here] and _digest() == before,
            "nsctl enable alone proposes every way in that Services= lists and this host has", _named(r.stdout), r.stderr)
    lines = [x for x in r.stdout.splitlines() if x.startswith("+++ ")]
    b.check(len(lines) >= len(here) - 2, "and shows the whole diff", len(lines), r.stdout)
    r = _enable(b)
    b.check(r.returncode == 0, "they are enabled at once", r.stderr or "Done", r.stdout)
    r = _check(b, "--brief")
    ways = [x for x in r.stdout.splitlines() if PAM in x and not x.startswith("note: ")]
    b.check(not ways, "nsctl check has no warning of a PAM service then", ways)
    r = b.nsctl("disable")
    b.check(r.returncode == 64 and _digest() != before, "nsctl disable alone is no way to open the host", r.stderr)
    r = b.nsctl("disable", "--yes", "--all", "sshd")
    b.check(r.returncode == 64, "--all or names, not both", r.stderr)
    r = b.nsctl("disable", "--yes", "--all")
    b.check(r.returncode == 0 and _digest() == before, "nsctl disable --all gives every file back byte for byte",
            [n for n, d in _digest().items() if before.get(n) != d] or "same", r.stdout + r.stderr)
    r = b.nsctl("disable", "--yes", "--all")
    b.check(r.returncode == 0 and _named(r.stdout) == [["none"]], "once more does nothing", r.stdout, r.stderr)
    _enable(b, "sshd")
    with open(f"{PAM}/sshd", "w", encoding="utf-8") as f:
        f.write((b.stage.private / "pam.d.host" / "sshd").read_text(encoding="utf-8"))
    r = b.nsctl("disable", "--yes", "--all")
    b.check(r.returncode == 0 and _digest() == before, "nor does a gate stay behind whose service lost its line",
            [n for n, d in _digest().items() if before.get(n) != d] or "same", r.stdout + r.stderr)


def test_services_of_the_config(b):
    b.stage.pam_plain()
    b.stage.config(default="Services=\nServices=su nst-nowhere\n")
    r = b.nsctl("enable", "--dry-run", "--force", "--config", str(b.stage.conf))
    b.check(_named(r.stdout) == [["su"]], "what Services= leaves out isn't proposed, nor what isn't here",
            _named(r.stdout), r.stderr)
    b.stage.config(default="Services=\nServices=nst-nowhere\n")
    r = b.nsctl("enable", "--dry-run", "--force", "--config", str(b.stage.conf))
    b.check(r.returncode == 1 and "Services=" in r.stderr, "and where nothing is left that is said", r.stderr)


def test_brief(b):
    b.stage.pam_plain()
    r, brief = _check(b), _check(b, "--brief")
    lines = brief.stdout.splitlines()
    b.check(brief.returncode == r.returncode and len(lines) == len(re.findall("^    concerns: ", r.stdout, re.M)),
            "nsctl check --brief: a line a finding, and the same exit status", len(lines), brief.stdout)
    b.check(all(re.match("(error|warning|note): .+; to do: .+", x) for x in lines), "each says what and what to do", lines[:1])
    r = _check(b, "--brief", "--json")
    b.check(r.returncode == 64, "--brief and --json are refused together", r.stderr)


def test_a_service_of_the_maintainers_version(b):
    """What the trigger of the Debian package runs when a package has brought its own file."""
    b.stage.pam_plain()
    _enable(b)
    r = _check(b, "--pam", "--brief")
    before = [x for x in r.stdout.splitlines() if not x.startswith("note: ") and "/atd:" not in x]
    b.check(not before, "nsctl check --pam has nothing to say of services that are enabled", before)
    b.check(not re.search("nsshell-exempt|TmpSize|lxcfs|helper", r.stdout), "and speaks of PAM services alone", r.stdout[:200])
    with open(f"{PAM}/cron", "w", encoding="utf-8") as f:
        f.write((b.stage.private / "pam.d.host" / "cron").read_text(encoding="utf-8"))
    r = _check(b, "--pam", "--brief")
    seen = [x for x in r.stdout.splitlines() if x.startswith(f"warning: {PAM}/cron: ")]
    b.check(r.returncode == 2 and len(seen) == 1 and "nsctl enable" in seen[0], "one that lost its line is a warning, and says what to do",
            seen, r.stdout)
    all_of_it = _check(b, "--brief").stdout.splitlines()
    b.check(set(r.stdout.splitlines()) <= set(all_of_it), "nsctl check says the same of it",
            [x for x in r.stdout.splitlines() if x not in all_of_it] or "same")


def _glass(b):
    return [x for x in _check(b, "--brief").stdout.splitlines() if "nsshell-exempt" in x]


def test_break_glass(b):
    b.stage.pam_plain()
    with own_etc(b) as etc:
        group, shadow = (etc / "group").read_text(encoding="utf-8"), (etc / "shadow").read_text(encoding="utf-8")
        replace(etc / "group", re.sub("^nsshell-exempt:.*\n", "", group, flags=re.M) + "nsshell-exempt:x:64999:\n")
        for password, severity in (("*", "warning"), ("!$y$j9T$nst", "warning"), ("$y$j9T$nst", "note")):
            replace(etc / "shadow", re.sub("^root:[^:]*:", lambda _, p=password: f"root:{p}:", shadow, flags=re.M))
            os.chmod(etc / "shadow", 0o600)
            seen = _glass(b)
            b.check(len(seen) == 1 and seen[0].startswith(severity) and "usermod -aG nsshell-exempt YOU" in seen[0],
                    f"nobody in the break-glass group, root's password {password}: a {severity}", seen)


def test_state_directories(b):
    b.stage.pam_plain()
    seen = [x for x in _check(b, "--brief").stdout.splitlines() if "/run/nsshell has mode" in x]
    os.chmod("/run/nsshell", 0o711)
    usual = [x for x in _check(b, "--brief").stdout.splitlines() if "/run/nsshell has mode" in x]
    b.check(not seen and not usual, "nsctl check has nothing against the mode that nsshell gives /run/nsshell", usual)
    os.chmod("/run/nsshell", 0o755)
    seen = [x for x in _check(b, "--brief").stdout.splitlines() if "/run/nsshell has mode" in x]
    os.chmod("/run/nsshell", 0o711)
    b.check(len(seen) == 1 and "chmod 0711 it" in seen[0], "but against one with which others list it", seen)


@contextlib.contextmanager
def _small(b, place):
    """A file system of 256 KiB there, as long as it lasts."""
    b.run("mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64,mode=711", "none", place)
    try:
        yield place
    finally:
        b.gone()
        # A login that was refused may have a process yet that is just ending.
        b.run("umount", "-l", place)


def _state(b):
    return [x for x in _check(b, "--brief").stdout.splitlines() if x.startswith("error: the file system of ")]


def test_state_that_cannot_be_written(b):
    """At three in the morning a disk is full, or the kernel has remounted it read-only."""
    b.stage.pam_all()
    b.check(not _state(b), "nsctl check has nothing against the places of nsshell's state", _state(b))
    for place in (RUN, STATE):
        with _small(b, place):
            b.check(not _state(b), f"nor against a small one at {place}", _state(b))
            fill = os.open(f"{place}/fill", os.O_WRONLY | os.O_CREAT, 0o600)
            with contextlib.suppress(OSError):
                while True:
                    os.write(fill, bytes(4096))
            os.close(fill)
            seen = _state(b)
            b.check(len(seen) == 1 and f"of {place} is full; to do: " in seen[0], "it says that one is full", seen)
            os.unlink(f"{place}/fill")
            with contextlib.suppress(OSError):
                for i in range(64):
                    os.mkdir(f"{place}/{i}")
            seen = _state(b)
            b.check(len(seen) == 1 and f"of {place} has no inode left; to do: " in seen[0], "or has no inode left", seen)
            b.run("mount", "-o", "remount,ro", place)
            seen = _state(b)
            b.check(len(seen) == 1 and f"of {place} is read-only; to do: mount -o remount,rw" in seen[0], "or is read-only", seen)
            if place == RUN:
                r = b.ssh(b.alice.pw_name, "echo got-in")
                b.check("got-in" not in r.stdout and b.stage.syslog.wait("Read-only file system"), "as logins find out", r.stdout + r.stderr, b.log_tail())


def test_the_way_out_needs_no_lock(b):
    b.stage.pam_plain()
    before = _digest()
    _enable(b, "su")
    with _small(b, RUN):
        b.run("mount", "-o", "remount,ro", RUN)
        r = _enable(b, "sshd")
        b.check(r.returncode == 1 and "Read-only file system" in r.stderr and "another nsctl" not in r.stderr,
                "where no lock can be made nothing is enabled", r.stderr)
        r = b.nsctl("disable", "--yes", "--all")
        b.check(r.returncode == 0 and "without a lock" in r.stderr and _digest() == before, "but all is disabled", r.stdout + r.stderr)


def _programs(b):
    return [x for x in _check(b, "--brief").stdout.splitlines() if re.search("nsshell-(planner|init|supervisor) ", x)]


def test_programs_of_a_login(b):
    """Without one of them no login is isolated, and who can write one is root."""
    b.stage.pam_plain()
    b.check(not _programs(b), "nsctl check has nothing against the programs as they are installed", _programs(b))
    for name in ("planner", "init", "supervisor"):
        program = f"{LIBEXEC}/nsshell-{name}"
        mode = os.stat(program).st_mode & 0o7777
        os.rename(program, f"{program}.aside")
        seen = _programs(b)
        b.check(len(seen) == 1 and seen[0].startswith("error: ") and f"{program} can't be found" in seen[0], f"but says that there is no {name}", seen)
        os.rename(f"{program}.aside", program)
        for wrong, words in ((0o600, "can't be run"), (0o775, "others than root can write it"),
                             (0o700, "must be run by others than root"), (0o755, "can trace what runs it")):
            if name == "supervisor" and wrong in (0o700, 0o755):
                continue
            os.chmod(program, wrong)
            seen = [x for x in _programs(b) if words in x and "; to do: chmod " in x]
            os.chmod(program, mode)
            b.check(len(seen) == 1, f"or that its mode is {wrong:04o}", seen)
