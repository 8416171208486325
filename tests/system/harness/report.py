# SPDX-License-Identifier: BSD-3-Clause
"""One line a check: what a user did, what was seen."""

import os
import sys
import threading
import time

from . import times

# Machines that are shared make a test fail that passes a moment later. `make check` tries once
# more, and names those that needed it: "flaky - NAME".
SECOND_TRY = bool(os.environ.get("NSSHELL_TEST_SECOND_TRY"))


class Report:
    def __init__(self, suite="", again="", out=sys.stdout):
        """@suite: under which name times are kept; @again: the command that runs a test alone, less its name."""
        self.out = out
        self.suite, self.again = suite, again
        self.passed = self.failed = self.skipped = 0
        self.seconds = {}
        self._lock = threading.Lock()
        self._held = None

    def twice(self, name, attempt):
        """Run attempt(); if a check of it fails and second tries are on, forget it and run anew."""
        started, failed = time.monotonic(), self.failed
        if SECOND_TRY:
            self._try_twice(name, attempt)
        else:
            attempt()
        if self.failed > failed and self.again:
            self._say(f"# to run it alone: {self.again}{name}")
        self.seconds[name] = round(time.monotonic() - started, 1)
        self._say(f"# {name}: {self.seconds[name]} s")

    def _try_twice(self, name, attempt):
        before = self.passed, self.failed, self.skipped
        self._held = []
        attempt()
        held, self._held = self._held, None
        again = self.failed > before[1]
        for line in held:
            self._say(f"first try: {line}" if again else line)
        if again:
            self.passed, self.failed, self.skipped = before
            attempt()
            if self.failed == before[1]:
                self._say(f"flaky - {name}")

    def relay(self, lines):
        """What another process has said of a test; it counts apart, with add()."""
        with self._lock:
            for line in lines:
                self._say(line)
                self._note_time(line)

    def _note_time(self, line):
        head, _, rest = line.partition(": ")
        words = rest.split()
        if head.startswith("# ") and len(words) == 2 and words[1] == "s" and " " not in head[2:]:
            self.seconds[head[2:]] = float(words[0])

    def add(self, passed, failed, skipped):
        with self._lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped

    def _say(self, line):
        if self._held is None:
            print(line, file=self.out, flush=True)
        else:
            self._held.append(line)

    def check(self, good, did, saw="", detail=""):
        """@saw is shown either way; @detail, as comment lines, only when the check failed."""
        line = did + (f": {_one_line(saw)}" if saw != "" else "")
        with self._lock:
            if good:
                self.passed += 1
                self._say(f"ok - {line}")
            else:
                self.failed += 1
                self._say(f"not ok - {line}")
                for part in str(detail).strip().splitlines()[:30]:
                    self._say(f"#   {part}")
        return bool(good)

    def skip(self, did, why):
        with self._lock:
            self.skipped += 1
            self._say(f"skip - {did}: {why}")

    def summary(self):
        times.keep(self.suite, self.seconds)
        self._say(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def _one_line(text, limit=160):
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[:limit - 3] + "..."
