# SPDX-License-Identifier: BSD-3-Clause
"""A person at a terminal: types, waits for what appears, presses Ctrl-C."""

import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

from .pace import patient


# Colours, titles and bracketed paste, which shells and ls send even to TERM=dumb.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class Timeout(Exception):
    pass


class Terminal:
    def __init__(self, argv, rows=37, columns=111, env=None, timeout=15.0):
        self.timeout = timeout
        self.seen = ""
        self._from = 0
        self.master, slave = os.openpty()
        self.name = os.ttyname(slave)
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave,
            env=dict(os.environ if env is None else env, TERM="dumb"),
            start_new_session=True, close_fds=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def line(self, text):
        self.type(text + "\n")

    def _more(self, wait):
        """Read what is there. False at the end of the terminal's life."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, wait))
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError as e:
            if e.errno == errno.EIO:
                return False
            raise
        text = _ESCAPES.sub("", data.decode(errors="replace"))
        self.seen += text.replace("\r", "")
        return bool(data)

    def expect(self, pattern, timeout=None):
        """Wait until @pattern appears after what earlier calls have matched; its match."""
        end = time.monotonic() + patient(timeout or self.timeout)
        while True:
            m = re.compile(pattern, re.M).search(self.seen, self._from)
            if m:
                self._from = m.end()
                return m
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"no {pattern!r} on the terminal, but {self.seen[self._from:]!r}")
            if not self._more(left):
                raise Timeout(f"the terminal closed before {pattern!r}: "
                              f"{self.seen[self._from:]!r}")

    def ask(self, command, timeout=None):
        """Type a command into a shell, give back what it printed."""
        self.line(f"r=$?; printf '<''<'; (exit $r); {command}; printf '>''>'")
        return self.expect(r"<<((?s:.*?))>>", timeout).group(1).strip()

    def start(self, seconds=60):
        """Run something in the foreground, and wait until it is there to be interrupted."""
        self.line(f"sh -c 'echo rea''dy; exec sleep {seconds}'")
        self.expect("ready")

    def jobs_obey(self, check, who):
        """Ctrl-C ends a command of the shell, Ctrl-Z stops one; it stays as job %1."""
        self.start()
        self.type("\x03")
        seen = self.ask("echo $?")
        check(seen == "130", f"{who}: Ctrl-C interrupts a command", seen)
        self.start()
        self.type("\x1a")
        self.expect("Stopped")
        seen = self.ask("jobs")
        check("sleep" in seen, f"{who}: Ctrl-Z stops one, jobs lists it", seen)

    def close(self, timeout=10.0):
        """Hang up and give back the exit status."""
        end = time.monotonic() + patient(timeout)
        while self.master >= 0 and self.process.poll() is None and time.monotonic() < end:
            if not self._more(0.05):
                break
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
        try:
            return self.process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()

    def hang_up(self):
        os.close(self.master)
        self.master = -1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            if self.master >= 0:
                os.close(self.master)
                self.master = -1
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        elif self.master >= 0:
            os.close(self.master)
            self.master = -1
