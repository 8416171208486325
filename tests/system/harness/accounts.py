# SPDX-License-Identifier: BSD-3-Clause
"""Throwaway accounts and groups, told from others by their comment and their prefix."""

import grp
import os
import pwd
import shutil
import subprocess
import zlib

MARK = "nsshell throwaway account"

# One that accounts of this stage can have in turn; a stage beside it has another.
SAME_UID = str(54000 + zlib.crc32(os.environ.get("NSSHELL_TEST_NAME", "").encode()) % 5000)


def _run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def _must(*argv):
    r = _run(*argv)
    if r.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {r.stdout.strip()}")


def _userdel(u):
    """userdel -f -r deletes whatever is the home, / too: it must be the account's own."""
    try:
        own = os.stat(u.pw_dir).st_uid == u.pw_uid
    except OSError:
        own = False
    _run("userdel", "-f", *(["-r"] if own else []), u.pw_name)


class Accounts:
    GROUPS = ("box", "proj")

    def __init__(self, prefix):
        self.prefix = prefix

    def name(self, role):
        return self.prefix + role

    def add_group(self, role):
        assert role in self.GROUPS  # what remove_all() knows
        _must("groupadd", self.name(role))
        return grp.getgrnam(self.name(role))

    def add(self, role, groups=(), subids=True, home=True, extra=()):
        """Returns the passwd entry. Without @subids useradd is told to give no range."""
        argv = ["useradd", "-c", f"{MARK} ({self.prefix})", "-s", "/bin/bash", "-U"]
        argv += ["-m"] if home else ["-M"]
        if not subids:
            argv += ["-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0"]
        if groups:
            argv += ["-G", ",".join(self.name(g) for g in groups)]
        _must(*argv, *extra, self.name(role))
        # No password, yet not locked: sshd refuses a locked account ('!') under UsePAM too.
        _must("usermod", "-p", "*", self.name(role))
        return pwd.getpwnam(self.name(role))

    def remove(self, role):
        try:
            _userdel(pwd.getpwnam(self.name(role)))
        except KeyError:
            pass

    def leftovers(self):
        marks = f"{MARK} ({self.prefix})"
        return [u for u in pwd.getpwall() if u.pw_gecos.split(",")[0] == marks]

    def remove_all(self):
        for u in self.leftovers():
            _userdel(u)
            if u.pw_dir == f"/home/{u.pw_name}":
                shutil.rmtree(u.pw_dir, ignore_errors=True)
        for role in self.GROUPS:
            try:
                grp.getgrnam(self.name(role))
            except KeyError:
                continue
            _run("groupdel", "-f", self.name(role))
