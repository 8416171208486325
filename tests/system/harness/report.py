# SPDX-License-Identifier: BSD-3-Clause
"""One line a check: what a user did, what was seen."""

import sys
import threading


class Report:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.passed = self.failed = self.skipped = 0
        self._lock = threading.Lock()

    def _say(self, line):
        print(line, file=self.out, flush=True)

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
        self._say(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def _one_line(text, limit=160):
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[:limit - 3] + "..."
