# SPDX-License-Identifier: BSD-3-Clause
"""A syslog daemon that only remembers: the tests ask it what the admin would have read."""

import re
import socket
import struct
import threading
import time

from .pace import patient


class Syslog:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(path)
        self._lines, self._senders = [], []
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            data, about, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(12))
            # struct ucred, unix(7)
            uid = struct.unpack("3i", about[0][2])[1] if about else -1
            # <priority>Mon dd hh:mm:ss tag[pid]: text
            text = re.sub(r"^<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d )?", "",
                          data.rstrip(b"\0\n").decode(errors="replace"))
            with self._lock:
                self._lines.append(text)
                self._senders.append((uid, text))

    def clear(self):
        with self._lock:
            self._lines.clear()
            self._senders.clear()

    def senders(self, pattern):
        """The host's uids of who said what matches, as the kernel tells them."""
        with self._lock:
            return [uid for uid, text in self._senders if re.search(pattern, text)]

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
