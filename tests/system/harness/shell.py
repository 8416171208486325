# SPDX-License-Identifier: BSD-3-Clause
"""A login without a terminal that stays: commands go in one by one, what they print comes out."""

import os
import queue
import signal
import subprocess
import threading

from .pace import patient


class Shell:
    """with Shell(argv) as s: s.do("hostname")"""

    def __init__(self, argv, **kw):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace",
                                        start_new_session=True, **kw)
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._n = 0

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def do(self, command, timeout=15):
        """What the command prints, its errors too; .status is its exit status afterwards."""
        self._n += 1
        mark = f"=={self._n}=="
        self.process.stdin.write(f"{{ {command}\n}} 2>&1 </dev/null; echo; echo {mark} $?\n")
        self.process.stdin.flush()
        return self._until(mark, timeout).strip()

    def _until(self, mark, timeout):
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=patient(timeout))
            except queue.Empty:
                raise TimeoutError(f"no answer in {timeout} s, but {''.join(seen)!r}") from None
            if line is None:
                raise EOFError(f"the login ended: {''.join(seen).strip()!r}")
            if line.startswith(mark):
                self.status = int(line.split()[1])
                return "".join(seen)
            seen.append(line)

    def close(self, timeout=15):
        """Log out and give back the exit status."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            status = self.process.wait(patient(timeout))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            status = self.process.wait()
        self._reader.join(2)
        self.process.stdout.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
