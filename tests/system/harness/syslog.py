# SPDX-License-Identifier: BSD-3-Clause
"""A syslog daemon that only remembers: the tests ask it what the admin would have read."""

import re
import socket
import threading
import time

from .pace import patient


class Syslog:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self._lines = []
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            data = self.socket.recv(65536)
            # <priority>Mon dd hh:mm:ss tag[pid]: text
            text = re.sub(r"^<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d )?", "",
                          data.rstrip(b"\0\n").decode(errors="replace"))
            with self._lock:
                self._lines.append(text)

    def clear(self):
        with self._lock:
            self._lines.clear()

    def lines(self, pattern="."):
        with self._lock:
            return [line for line in self._lines if re.search(pattern, line)]

    def wait(self, pattern, timeout=3.0):
        """Lines that match, as soon as there is one."""
        end = time.monotonic() + patient(timeout)
        while True:
            found = self.lines(pattern)
            if found or time.monotonic() > end:
                return found
            time.sleep(0.02)
