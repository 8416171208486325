# SPDX-License-Identifier: BSD-3-Clause
"""What there is of sessions on the host, before and after."""

import dataclasses
import os
import pwd
import re
import struct
import time

from . import kernel
from .pace import patient
from .stage import RUN, STATE

# struct utmp of <bits/utmp.h> on x86-64 and arm64, and utmp(5)
_UTMP = struct.Struct("hi32s4s32s256shhiii4i20s")
_USER_PROCESS = 7
_DEAD_PROCESS = 8
KTHREADD = 2


def utmp(path="/run/utmp"):
    """(type, line, user, host) of each entry."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError:
        return
    size = 384 if len(data) % 384 == 0 else 400
    for at in range(0, len(data) - size + 1, size):
        kind, _, line, _, user, host = struct.unpack_from("hi32s4s32s256s", data, at)
        yield kind, _text(line), _text(user), _text(host)


def _text(raw):
    return raw.split(b"\0")[0].decode(errors="replace")


@dataclasses.dataclass(frozen=True)
class _Process:
    """The command may change (sshd writes its title late), and the process is the same."""
    pid: int
    start: int
    command: str = dataclasses.field(compare=False)

    def __str__(self):
        return f"{self.pid}@{self.start} {self.command}"


class Observer:
    def __init__(self, stage, uids, unboxed):
        self.stage = stage
        self._uids = set(uids)
        self.unboxed = unboxed
        self.reaper = os.getppid()

    @property
    def uids(self):
        """But for those of accounts that were removed, where another part's account has one now."""
        def is_ours(uid):
            try:
                return pwd.getpwuid(uid).pw_name.startswith(self.stage.accounts.prefix)
            except KeyError:
                return True
        return {u for u in self._uids if is_ours(u)}

    def _processes(self):
        table, uids = kernel.processes(), self.uids
        found = {p.pid: p for p in kernel.descendants(self.reaper, table)}
        for p in table:
            # A kernel's thread has nobody's uid.
            if p.pid not in found and p.ppid != KTHREADD and p.state not in "ZX" and (p.real_uids() & uids) and \
                    not self._by_logind(p):
                found[p.pid] = p
        return {self._named(p) for p in found.values()}

    @staticmethod
    def _named(p):
        return _Process(p.pid, p.start, p.command()[:70])

    def _by_logind(self, process):
        """logind's user manager of an account that isn't isolated ends 10 s after the login."""
        unit = f"/user@{self.unboxed}.service/"
        return unit in process.cgroups() and self.unboxed in process.real_uids()

    @staticmethod
    def own_mounts():
        return {f"{target} {fstype}" for target, fstype, _ in kernel.mounts()}

    def _mounts(self):
        return self.own_mounts() | {f"host: {target} {fstype}" for target, fstype, _ in kernel.mounts(1)
                      if "nsshell" in target}

    def _cgroups(self):
        names = {str(u) for u in self.uids}
        found = set()
        for root in kernel.cgroup_roots():
            for directory, _, _ in os.walk(root):
                parts = set(directory.split("/"))
                if "nsshell" in directory and parts & names:
                    found.add(directory)
        return found

    def files(self):
        """Also the directories in which a session has one."""
        return self._files() | self._stage_directories()

    @staticmethod
    def _files():
        found = set()
        for top in (RUN, STATE):
            for directory, _, names in os.walk(top):
                found.update(os.path.join(directory, n) for n in names)
        # Made once for all sessions, or an account's, and kept until the host goes down.
        kept = re.compile(rf"{STATE}/(ranges|addresses)|{RUN}/net(\.lock|\.table(\.new)?|/\d+)|{RUN}/filters/[0-9a-f]{{16}}|{RUN}/(enable|utmp|tty)\.lock|{RUN}/changes/(lock|told)|"
                          rf"{RUN}/accounts/\d+\.log(\.old)?")
        return {f for f in found if not kept.fullmatch(f)}

    @staticmethod
    def _stage_directories():
        found = set()
        for sub in ("sessions", "accounts", "stage"):
            try:
                found.update(e.path for e in os.scandir(f"{RUN}/{sub}") if ".log" not in e.name)
            except OSError:
                pass
        return found

    def ptys(self):
        found, uids = set(), self.uids
        for e in os.scandir("/dev/pts"):
            try:
                if e.stat().st_uid in uids:
                    found.add(e.path)
            except OSError:
                pass
        return found

    @staticmethod
    def devices():
        """Owner and mode of the nodes that a login hands around: a box mustn't change them."""
        found = set()
        for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"):
            try:
                st = os.stat(f"/dev/{name}")
                found.add(f"{name} {st.st_uid}:{st.st_gid} {st.st_mode:o}")
            except OSError:
                pass
        return found

    @staticmethod
    def utmp():
        return {f"{user} on {line}" for kind, line, user, _ in utmp() if kind == _USER_PROCESS}

    def snapshot(self):
        return {kind: look() for kind, look in self._looks().items()}

    def _looks(self):
        return {"processes": self._processes, "mounts": self._mounts, "cgroups": self._cgroups, "files": self.files,
                "ptys": self.ptys, "utmp": self.utmp, "devices": self.devices}

    def left(self, before, timeout=20.0):
        """What is there now and wasn't before; waits for it to go. Empty when all is gone."""
        end, looks = time.monotonic() + patient(timeout), self._looks()
        while True:
            now = self.snapshot()
            rest = {k: now[k] - before[k] for k in now if now[k] - before[k]}
            if not rest or time.monotonic() > end:
                return rest
            # A whole look costs as much as a login: until one of these has gone, that is all that is looked at.
            waits_for = min(rest, key=list(looks).index)
            while looks[waits_for]() - before[waits_for] and time.monotonic() < end:
                time.sleep(0.05)

    def sessions_of(self, uid):
        """Processes with that uid or that live in a box which the stage's sshd entered."""
        host = kernel.namespaces()["user"]
        found = []
        for p in kernel.processes():
            try:
                if os.readlink(f"/proc/{p.pid}/ns/user") != host and uid in p.real_uids():
                    found.append(p)
            except OSError:
                pass
        return found


def tell(left):
    said = (f"{k}: {', '.join(sorted(map(str, v))[:5])}" for k, v in left.items())
    return "; ".join(said) or "nothing"
