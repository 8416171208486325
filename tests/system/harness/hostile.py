# SPDX-License-Identifier: BSD-3-Clause
"""tests/hostile/call.c: thousands of hostile calls of a setuid program, by an ordinary user."""

import os
import shutil
import subprocess
import time

from . import kernel
from .stage import TREE


class Hostile:
    """In use as long as the with: afterwards nothing of it is left."""

    def __init__(self, b, directory):
        """@directory: root's alone, and not on a file system with nosuid."""
        self.b = b
        self.calls = int(os.environ.get("NSSHELL_HOSTILE_CALLS", "10000"))
        self.driver = b.stage.open / "hostile"
        self.evil = b.stage.open / "evil.so"
        self.proof = b.stage.open / "evil-was-here"
        # Whatever kills this one as well is the C library's doing.
        self.reference = directory / "reference"
        self.before = set()

    def __enter__(self):
        sources = [str(TREE / "tests/hostile" / f"{n}.c") for n in ("call", "words")]
        subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", *sources, "-o",
                        str(self.driver)], check=True)
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(self.evil)],
                       text=True, check=True, input="#include <fcntl.h>\n#include <unistd.h>\n"
                       "__attribute__((constructor)) static void f(void) { if (geteuid() == 0) "
                       f"close(open(\"{self.proof}\", O_CREAT | O_WRONLY, 0666)); }}\n")
        for p in (self.driver, self.evil):
            p.chmod(0o755)
        shutil.copy("/usr/bin/true", self.reference)
        self.reference.chmod(0o4755)
        self.before = set(os.listdir("/tmp"))
        return self

    def __exit__(self, *_):
        for p in (self.driver, self.evil, self.reference):
            p.unlink()

    def run(self, person, program):
        """The checks that every program has to pass. Returns what the driver has counted."""
        b = self.b
        began = time.monotonic()
        r = b.run(self.driver, self.calls, 8, program, self.reference, self.evil,
                  timeout=140, user=person.pw_uid, group=person.pw_gid, extra_groups=[], cwd="/")
        took = time.monotonic() - began
        seen = dict((k, int(v)) for k, v in (w.split("=") for w in r.stdout.split()))
        b.check(seen.get("calls") == self.calls // 8 * 8 and not seen["died"],
                f"{self.calls} calls, hostile in arguments, environment, fds, limits and signals: "
                "none crashes", f"{took:.0f} s: {r.stdout}{r.stderr}")
        end = time.monotonic() + 3
        while self._left(program) and time.monotonic() < end:
            time.sleep(0.05)
        b.check(not self._left(program) and not self.proof.exists(),
                f"no {program.name} is left, and nobody's code has run as root",
                self._left(program))
        new = sorted(n for n in set(os.listdir("/tmp")) - self.before if n.startswith("nst-"))
        b.check(not new, "no file is left", new)
        return seen

    @staticmethod
    def _left(program):
        found = []
        for p in kernel.processes():
            try:
                if os.path.samefile(f"/proc/{p.pid}/exe", program):
                    found.append(repr(p))
            except OSError:
                pass
        return found
