# SPDX-License-Identifier: BSD-3-Clause
"""The gate as a profile of Debian's pam-auth-update, the real one, in an /etc of the test's own."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess

from harness import kernel
from harness.etc import own_etc

TREE = pathlib.Path(__file__).resolve().parents[2]
COMMON = pathlib.Path("/etc/pam.d/common-session")
OWN = ("/usr/share/pam-configs", "/var/lib/pam", "/var/cache/debconf")
TMPDIR = "Name: per-user temporary directories\nDefault: yes\nPriority: 0\nSession-Type: Additional\nSession:\n\toptional pam_tmpdir.so\n"


def _lines():
    """The session modules of common-session, as pam-auth-update and nsctl wrote them."""
    text = COMMON.read_text(encoding="utf-8")
    return [" ".join(x.split()[1:]) for x in text[text.index("# and here"):].splitlines() if x.startswith("session")]


GATED = ["[success=1 default=ignore] pam_nsshell.so gate", "optional pam_systemd.so"]


class Debian:
    """What an admin types; nsctl is found as an installed one is."""

    def __init__(self, b):
        self.b = b
        self.configs = pathlib.Path(OWN[0])
        self.said = ""

    def _run(self, *words):
        env = {"PATH": f"{self.b.stage.base}/pam-bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        r = subprocess.run([str(w) for w in words], env=env, capture_output=True, text=True, timeout=60, check=False)
        self.said = r.stdout + r.stderr
        return r.returncode

    def update(self, *words):
        return self._run("pam-auth-update", *words)

    def profile(self, *words):
        return self._run(TREE / "config/pam_profile.sh", *words)

    def enable(self, *services):
        return self._run("nsctl", "enable", "--yes", *services)

    def brings(self, name, text):
        """A package with a profile is installed."""
        (self.configs / name).write_text(text, encoding="utf-8")
        return self.update("--package")


@contextlib.contextmanager
def _debian(b):
    if not shutil.which("pam-auth-update") or not (TREE / "config").is_dir() or not os.path.exists(OWN[0] + "/systemd"):
        b.skip("a profile of pam-auth-update", "no pam-auth-update here, or no profile of systemd's")
        yield None
        return
    b.stage.pam_plain()
    b.stage.config()
    binaries = b.stage.base / "pam-bin"
    binaries.mkdir(mode=0o755)
    # --force: the helper isn't where make install would put it.
    (binaries / "nsctl").write_text(f'#!/bin/sh\ncommand=$1; shift\n[ $command = disable ] || set -- --force --config {b.stage.conf} "$@"\n'
                                    f'exec {b.stage.bin}/nsctl $command "$@"\n', encoding="utf-8")
    (binaries / "nsctl").chmod(0o755)
    with own_etc(b), contextlib.ExitStack() as stack:
        for i, place in enumerate(OWN):
            copy = b.stage.private / f"pam-own-{i}"
            shutil.copytree(place, copy, symlinks=True)
            kernel.bind(copy, place)
            stack.callback(shutil.rmtree, copy)
            stack.callback(kernel.umount, place)
        debian = Debian(b)
        shutil.copy(TREE / "config/pam_profile", debian.configs / "nsshell")
        b.check(debian.update("--package", "--enable", "systemd") == 0 and "optional pam_systemd.so" in _lines()
                and "pam_nsshell" not in COMMON.read_text(encoding="utf-8"),
                "a profile that nobody has turned on changes nothing", _lines(), debian.said)
        try:
            yield debian
        finally:
            shutil.rmtree(binaries)


def _check(b):
    r = b.nsctl("check", "--brief", "--config", str(b.stage.conf))
    return [x for x in r.stdout.splitlines() if "pam_systemd" in x or "sshd" in x and not x.startswith("note")]


def test_on_and_off(b):
    with _debian(b) as debian:
        if not debian:
            return
        before = COMMON.read_bytes()
        b.check(debian.profile("on") == 0 and _lines()[-2:] == GATED, "pam_profile.sh on: the gate is right above pam_systemd",
                _lines(), debian.said)
        on = COMMON.read_bytes()
        b.check(debian.enable() == 0 and COMMON.read_bytes() == on, "nsctl enable leaves common-session alone",
                debian.said.splitlines()[-1:], debian.said)
        b.check(not _check(b), "nsctl check is content", _check(b))
        b.check(debian.update("--package") == 0 and "Local modifications" not in debian.said and COMMON.read_bytes() == on,
                "and pam-auth-update has no local modification to complain of", debian.said or "silent")
        b.check(debian.update("--force") == 0 and _lines()[-2:] == GATED, "with --force the gate stays as well", _lines())
        r = b.nsctl("disable", "--yes", "--all")
        b.check(r.returncode == 0 and COMMON.read_bytes() == on, "nsctl disable leaves it to the profile", r.stdout[-80:])
        b.check(debian.profile("off") == 0 and COMMON.read_bytes() == before, "pam_profile.sh off: as it was before, byte for byte",
                _lines(), debian.said)
        b.check(debian.profile("off") == 0 and COMMON.read_bytes() == before, "once more does nothing", _lines(), debian.said)


def test_profiles_of_other_packages(b):
    with _debian(b) as debian:
        if not debian:
            return
        debian.profile("on")
        debian.enable()
        b.check(debian.brings("tmpdir", TMPDIR) == 0 and "optional pam_tmpdir.so" in _lines(),
                "a package that is installed later has its profile", _lines(), debian.said)
        at = _lines().index(GATED[0])
        b.check(_lines()[at:at + 2] == GATED and not _check(b), "and never between the gate and pam_systemd", _lines())
        (debian.configs / "tmpdir").unlink()
        debian.update("--package")
        b.check("optional pam_tmpdir.so" not in _lines() and _lines()[-2:] == GATED, "it goes with its package", _lines())
        (debian.configs / "systemd").unlink()
        debian.update("--package", "--remove", "systemd")
        b.check(_lines()[-2:] == GATED and not _check(b), "without libpam-systemd the gate has its line to skip", _lines())


ELOGIND = "Name: elogind Session Management\nDefault: yes\nPriority: 0\nSession-Interactive-Only: yes\nSession-Type: Additional\n" \
          "Session-Final:\n\toptional\t\t\tpam_elogind.so\n"


def test_elogind(b):
    """As Debian's libpam-elogind has it, which is installed in the place of libpam-systemd."""
    with _debian(b) as debian:
        if not debian:
            return
        (debian.configs / "systemd").unlink()
        debian.update("--package", "--remove", "systemd")
        debian.brings("elogind", ELOGIND)
        before = COMMON.read_bytes()
        shutil.copy(TREE / "config/pam_profile_elogind", debian.configs / "nsshell-elogind")
        gated = [GATED[0], "optional pam_elogind.so"]
        b.check(debian.profile("on") == 0 and _lines()[-2:] == gated, "pam_profile.sh on: the gate is right above pam_elogind",
                _lines(), debian.said)
        on = COMMON.read_bytes()
        b.check(debian.enable() == 0 and COMMON.read_bytes() == on and not _check(b), "nsctl enable leaves common-session alone",
                debian.said.splitlines()[-1:], debian.said)
        b.check(debian.update("--package") == 0 and "Local modifications" not in debian.said, "and pam-auth-update goes on managing it",
                debian.said or "silent")
        b.check(debian.profile("on", "0.2") == 0 and COMMON.read_bytes() == on, "an upgrade leaves it alone", _lines())
        b.nsctl("disable", "--yes", "--all")
        b.check(debian.profile("off") == 0 and COMMON.read_bytes() == before, "pam_profile.sh off: as it was before, byte for byte",
                _lines(), debian.said)


WTMPDB = "Name: Maintain wtmp database\nDefault: yes\nPriority: 0\nSession-Type: Additional\nSession-Interactive-Only: yes\nSession:\n" \
         "\toptional pam_wtmpdb.so skip_if=sshd\n"


def test_wtmpdb(b):
    """Debian 13's pam_wtmpdb, which would open outside what is closed inside, has a gate of its own."""
    with _debian(b) as debian:
        if not debian:
            return
        login = pathlib.Path("/etc/pam.d/nsshell-login")
        debian.brings("wtmpdb", WTMPDB)
        before = COMMON.read_bytes()
        shutil.copy(TREE / "config/pam_profile_wtmpdb", debian.configs / "nsshell-wtmpdb")
        b.check(debian.profile("on") == 0, "pam_profile.sh on, with libpam-wtmpdb", debian.said)
        for module in ("pam_wtmpdb.so skip_if=sshd", "pam_systemd.so"):
            at = [i for i, x in enumerate(_lines()) if x.endswith(module)]
            b.check(len(at) == 1 and _lines()[at[0] - 1] == GATED[0], f"{module} is there once, with a gate right above it", _lines())
        b.check("pam_wtmpdb.so" in login.read_text(encoding="utf-8"), "nsshell-login notes logins instead")
        on = COMMON.read_bytes()
        b.check(debian.enable() == 0 and COMMON.read_bytes() == on, "nsctl enable leaves common-session alone", debian.said)
        said = [x for x in b.nsctl("check", "--brief", "--config", str(b.stage.conf)).stdout.splitlines() if "wtmpdb" in x]
        b.check(not said and not _check(b), "nsctl check is content", said)
        b.check(debian.profile("on", "0.2") == 0 and COMMON.read_bytes() == on, "an upgrade leaves it alone", _lines())
        b.nsctl("disable", "--yes", "--all")
        b.check(debian.profile("off") == 0 and COMMON.read_bytes() == before and not login.exists(), "pam_profile.sh off: as it was before",
                _lines(), debian.said)
        debian.profile("on", "0.2")
        login.write_text("# mine\n", encoding="ascii")
        debian.profile("off")
        b.check(login.exists(), "what an admin wrote stays")
        login.unlink()


test_wtmpdb.later = "does once more, with other names, what the gate above pam_systemd does"


LOGIND = "/usr/lib/systemd/systemd-logind"
LISTED = "-session\toptional\tpam_systemd.so class=background-light\n"


def test_who_logind_lists(b):
    """A systemd-logind that can list a session and do no more, as Debian 13's wall(1) and shutdown(8) need it."""
    with _debian(b) as debian, contextlib.ExitStack() as stack:
        if not debian:
            return
        login = pathlib.Path("/etc/pam.d/nsshell-login")
        stack.callback(login.unlink, missing_ok=True)
        b.check(debian.profile("on") == 0 and not login.exists(), "where there is none such, pam_profile.sh on writes no nsshell-login", debian.said)
        known = b.stage.private / "logind"
        known.write_bytes(b"\0background\0background-light\0")
        stack.callback(known.unlink)
        kernel.bind(known, LOGIND)
        stack.callback(kernel.umount, LOGIND)
        b.check(debian.profile("on", "0.2") == 0 and login.read_text(encoding="utf-8").endswith(LISTED) and "wtmpdb" not in login.read_text(encoding="utf-8"),
                "where there is one, an upgrade does, and for pam_systemd alone", login.exists() and login.read_text(encoding="utf-8"), debian.said)
        b.check(login.stat().st_mode & 0o777 == 0o644 and not list(login.parent.glob("nsshell-login.*")), "a file as the others, and nothing beside it")
        alone = login.read_bytes()
        b.check(debian.profile("off") == 0 and not login.exists(), "off takes it away", debian.said)
        debian.brings("wtmpdb", WTMPDB)
        shutil.copy(TREE / "config/pam_profile_wtmpdb", debian.configs / "nsshell-wtmpdb")
        debian.profile("on")
        both = login.read_text(encoding="utf-8")
        b.check("\tpam_wtmpdb.so\n" in both and both.endswith(LISTED), "with libpam-wtmpdb it is for both", both, debian.said)
        login.write_text(both.replace(LISTED, ""), encoding="utf-8")
        b.check(debian.profile("on", "0.2") == 0 and login.read_text(encoding="utf-8") == both, "what was written before is brought up to that")
        login.write_bytes(alone)
        b.check(debian.profile("on", "0.2") == 0 and login.read_text(encoding="utf-8") == both, "as it is when libpam-wtmpdb has come later")
        mine = both.replace("-session", "#-session")
        login.write_text(mine, encoding="utf-8")
        b.check(debian.profile("on", "0.2") == 0 and debian.profile("off") == 0 and login.read_text(encoding="utf-8") == mine,
                "what an admin wrote stays", login.exists() and login.read_text(encoding="utf-8"))


test_who_logind_lists.later = "Debian 13's, which the machine of it tries"


def test_systemd_comes_later(b):
    with _debian(b) as debian:
        if not debian:
            return
        debian.update("--package", "--disable", "systemd")
        none = COMMON.read_bytes()
        b.check(debian.profile("on") == 0 and COMMON.read_bytes() == none, "without pam_systemd there is nothing to gate",
                _lines(), debian.said)
        debian.enable()
        debian.update("--package", "--enable", "systemd")
        seen = [x for x in _check(b) if x.startswith("warning")]
        b.check(any("without nsshell's gate" in x and "pam-auth-update --disable systemd --enable nsshell" in x for x in seen),
                "nsctl check tells when it has come without its gate, and of the profile", seen)
        debian.update("--package", "--disable", "systemd", "--enable", "nsshell")
        b.check(_lines()[-2:] == GATED and not _check(b), "and then it is content", _lines() + _check(b))


def test_selected_by_hand(b):
    """Both profiles: pam-auth-update takes the one away that has no gate."""
    with _debian(b) as debian:
        if not debian:
            return
        debian.update("--package", "--enable", "nsshell")
        b.check(_lines().count(GATED[1]) == 1 and GATED[0] in _lines(), "the profile beside systemd's: one pam_systemd, with its gate",
                _lines(), debian.said)
        debian.update("--package", "--disable", "nsshell", "--enable", "systemd")
        off = COMMON.read_bytes()
        b.check(debian.profile("on", "0.2") == 0 and COMMON.read_bytes() == off, "an upgrade leaves a profile alone that was deselected",
                _lines(), debian.said)


def test_a_gate_of_nsctl_s(b):
    with _debian(b) as debian:
        if not debian:
            return
        debian.enable()
        marked = COMMON.read_text(encoding="utf-8")
        b.check("gate # nsshell: added by nsctl enable" in marked, "without the profile nsctl enable writes the gate as ever")
        pathlib.Path("/var/lib/pam/seen").write_text("systemd\nunix\n", encoding="ascii")  # of before there was one
        b.check(debian.profile("on", "0.2") == 0 and _lines()[-2:] == GATED and "added by nsctl" not in COMMON.read_text(encoding="utf-8"),
                "an upgrade gives it over to the profile", _lines(), debian.said)
        b.check(not _check(b), "nsctl check is content", _check(b))


def test_a_file_that_is_managed_by_hand(b):
    with _debian(b) as debian:
        if not debian:
            return
        text = COMMON.read_text(encoding="utf-8")
        COMMON.write_text(re.sub("^(session.*pam_systemd.so)", r"session\toptional\tpam_nst.so\n\1", text, flags=re.M), encoding="utf-8")
        debian.enable()
        hand = COMMON.read_bytes()
        b.check(debian.profile("on", "") == 0 and COMMON.read_bytes() == hand, "where pam-auth-update leaves the file alone, "
                "nsctl's gate stays", _lines(), debian.said)
        b.check(not [x for x in _check(b) if "pam_systemd" in x], "nsctl check is content", _check(b))
        b.check(debian.profile("off") == 0 and COMMON.read_bytes() == hand, "and off does nothing to it", _lines(), debian.said)
