# SPDX-License-Identifier: BSD-3-Clause
"""Several processes with a stage each take tests from one queue; most tests wait, so that pays."""

import os
import re
import socket
import subprocess
import sys
import threading

QUEUE_FD = "NSSHELL_TEST_QUEUE"
ENDED = re.compile(r"# (\S+): ([\d.]+) s$")
COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped$")


def queue():
    """Names that this worker takes, one at a time, until none is left; None: it isn't a worker."""
    fd = os.environ.pop(QUEUE_FD, None)
    return None if fd is None else _take(socket.socket(fileno=int(fd)))


def _take(names):
    # Nobody that a test starts inherits it; a closed one would look like one that is empty.
    names.set_inheritable(False)
    while name := names.recv(4096):
        yield name.decode()


class _Worker(threading.Thread):
    """Listens to one; what it says of a test is printed together, once that has ended."""

    def __init__(self, argv, env, fd, report):
        super().__init__()
        self.report, self.told, self.counted = report, [], False
        self.process = subprocess.Popen(argv, env=env, pass_fds=(fd,), stdout=subprocess.PIPE, text=True,
                                        errors="replace", stdin=subprocess.DEVNULL)

    def run(self):
        for line in self.process.stdout:
            self.hear(line.rstrip("\n"))
        self.process.wait()
        self.report.relay(self.told)
        if not self.counted:
            self.report.check(False, "a shard ends with a count", f"status {self.process.returncode}")

    def hear(self, line):
        if m := COUNTS.match(line):
            self.counted = True
            self.report.add(*map(int, m.groups()))
            return
        self.told.append(line)
        if ENDED.match(line):
            self.report.relay(self.told)
            self.told = []


def run(argv, names, jobs, report):
    """Has @jobs processes of @argv, each under a name of its own, do @names; adds what they count."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    workers = []
    try:
        for n in range(min(jobs, len(names))):
            env = dict(os.environ, **{QUEUE_FD: str(theirs.fileno())})
            env["NSSHELL_TEST_NAME"] = env.get("NSSHELL_TEST_NAME", "") + chr(ord("a") + n)
            workers.append(_Worker([sys.executable, *argv], env, theirs.fileno(), report))
            workers[-1].start()
        theirs.close()
        for name in names:
            ours.send(name.encode())
        ours.close()
        for w in workers:
            w.join()
    except BrokenPipeError:
        report.check(False, "a shard takes tests", "all have ended")
    except BaseException:
        for w in workers:
            if w.process.poll() is None:
                w.process.terminate()
        for w in workers:
            w.join()
        raise
