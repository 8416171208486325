# SPDX-License-Identifier: BSD-3-Clause
"""Running programs, interleaved rounds, and the table."""

import atexit
import os
import random
import signal
import statistics
import subprocess
import sys
import time


class Cleanup:
    """What was changed on the host, undone in reverse order, however we end."""

    def __init__(self):
        self.todo = []
        atexit.register(self.run)
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, lambda *_: sys.exit(130))

    def add(self, f, *args):
        self.todo.append((f, args))

    def run(self):
        while self.todo:
            f, args = self.todo.pop()
            try:
                f(*args)
            except OSError as e:
                print("clean up:", e, file=sys.stderr)


class Contender:
    """One row: `run` does it once and gives milliseconds by the name of the column."""

    def __init__(self, name, run):
        self.name, self.run, self.times, self.error = name, run, {}, None

    def once(self, keep):
        if self.error:
            return
        try:
            found = self.run()
        except (subprocess.SubprocessError, OSError, ValueError) as e:
            said = getattr(e, "stderr", None) or str(e)
            self.error = "; ".join(said.split("\n"))[:300].strip("; ")
            return
        if keep:
            for column, ms in found.items():
                self.times.setdefault(column, []).append(ms)


def call(argv, **kw):
    """Run to the end; on failure the exception carries what it said."""
    return subprocess.run(argv, check=True, stdin=kw.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)


def spawn(argv):
    """Run one whole process; gives milliseconds from spawn to reaped, and what it printed."""
    out_r, out_w = os.pipe()
    # An ended pipe and not /dev/null: crun gives what its standard input is to its container's
    # root, the host's device node too.
    null, in_w = os.pipe()
    os.close(in_w)
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out_w, 1),
             (os.POSIX_SPAWN_DUP2, out_w, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=files)
    _, status = os.waitpid(pid, 0)
    ms = (time.perf_counter() - start) * 1e3
    os.close(out_w)
    os.close(null)
    os.set_blocking(out_r, False)  # somebody may still hold the other end
    try:
        said = os.read(out_r, 65536).decode(errors="replace")
    except BlockingIOError:
        said = ""
    os.close(out_r)
    if status:
        raise subprocess.CalledProcessError(status, argv[0], stderr=said)
    return ms, said


def reap():
    """Orphans that became ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def whole(argv):
    return {"whole process": spawn(argv)[0]}


def rounds(contenders, n, warmup=3):
    for i in range(n + warmup):
        order = list(contenders)
        random.shuffle(order)
        for c in order:
            c.once(i >= warmup)
            reap()


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def table(title, contenders, columns, base, extra=None):
    """One line a contender: median, 10 to 90 % spread, ratio to `base` in the first column."""
    print(f"\n{title}")
    head = "".join(f"{c:>22}" for c in columns)
    print(f"  {'':<34}{head}{'ratio':>9}" + (f"{extra[0]:>12}" if extra else ""))
    against = next((c for c in contenders if c.name == base and not c.error), None)
    for c in contenders:
        if c.error:
            print(f"  {c.name:<34}  not measured: {c.error}")
            continue
        line = f"  {c.name:<34}"
        for column in columns:
            t = c.times.get(column)
            line += f"{'-':>22}" if not t else "{:>22}".format(
                f"{statistics.median(t):.2f} ({quantile(t, .1):.2f}-{quantile(t, .9):.2f})")
        if against:
            own, ref = c.times[columns[0]], against.times[columns[0]]
            line += f"{statistics.median(own) / statistics.median(ref):>9.2f}"
            if extra:
                line += f"{extra[1](own, ref):>12}"
        print(line)


def extra_percent(own, ref):
    plain = statistics.median(ref)
    return f"{(statistics.median(own) - plain) / plain * 100:+.1f} %"
