# SPDX-License-Identifier: BSD-3-Clause
"""One line a check: what a user did, what was seen."""

import os
import sys
import threading

# Machines that are shared make a test fail that passes a moment later. `make check` tries once
# more, and tells which ones needed it.
SECOND_TRY = bool(os.environ.get("NSSHELL_TEST_SECOND_TRY"))


class Report:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.passed = self.failed = self.skipped = 0
        self._lock = threading.Lock()
        self._held = None
        self.needed_two = []

    def twice(self, name, attempt):
        """Run attempt(); if a check of it fails and second tries are on, forget it and run anew."""
        if not SECOND_TRY:
            attempt()
            return
        before = self.passed, self.failed, self.skipped
        self._held = []
        attempt()
        held, self._held = self._held, None
        again = self.failed > before[1]
        for line in held:
            self._say(f"first try: {line}" if again else line)
        if again:
            self.passed, self.failed, self.skipped = before
            self.needed_two.append(name)
            attempt()

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
        if self.needed_two:
            self._say(f"# passed or failed at a second try: {' '.join(self.needed_two)}")
        self._say(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def _one_line(text, limit=160):
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[:limit - 3] + "..."
