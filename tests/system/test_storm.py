# SPDX-License-Identifier: BSD-3-Clause
"""Many logins, some of them shot down at a random moment: nothing is left of any."""

import concurrent.futures
import os
import random
import signal
import subprocess
import time

from harness import kernel
from harness.observe import tell
from harness.pace import patient

LOGINS, AT_ONCE = int(os.environ.get("NSSHELL_STORM_LOGINS", "200")), 4
KILLED = LOGINS // 4
KINDS = ("sshd", "supervisor", "init", "helper")


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except OSError:
        return False


def _victims(b, kind, mine):
    """Processes of that kind which serve the sshd connection process @mine."""
    if kind == "sshd":
        return [mine] + [p.pid for p in kernel.descendants(mine) if "sshd" in p.comm or
                         "nsshell-test" in p.comm]
    if kind == "helper":
        return [p.pid for p in kernel.descendants(b.observer.reaper)
                if p.exe() == str(b.stage.helper)]
    return [int(r.get(f"{kind}_pid", 0)) for r in b.stage.records()
            if r.get(f"{kind}_pid", "0") != "0"]


def _one(b, number, kind, rng):
    user = (b.alice, b.bob, b.carol)[number % 3].pw_name
    before = {p.pid for p in kernel.processes() if p.ppid == b.stage.sshd.process.pid}
    p = b.stage.sshd.background(user, "echo in; sleep 0.2" if kind else "echo in")
    killed = False
    if kind:
        end = time.monotonic() + patient(3)
        new = set()
        while not new and time.monotonic() < end:
            new = {c.pid for c in kernel.processes()
                   if c.ppid == b.stage.sshd.process.pid} - before
        time.sleep(rng.random() * 0.35)
        end = time.monotonic() + patient(0.5)
        while new and not killed and time.monotonic() < end:
            pool = _victims(b, kind, min(new))
            if pool:
                killed = _kill(rng.choice(pool))
    try:
        out = p.communicate(timeout=patient(40))[0]
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return kind, killed, "hangs"
    return kind, killed, "in" if out.startswith("in") else "out: " + out.strip()


def test_many_logins(b):
    seed = int(os.environ.get("NSSHELL_TEST_SEED", time.time_ns() % 1000000))
    rng = random.Random(seed)
    for user in (b.alice, b.bob, b.carol):
        b.ssh(user.pw_name, "true")
    before = b.observer.snapshot()
    kinds = [KINDS[n % len(KINDS)] for n in range(KILLED)] + [None] * (LOGINS - KILLED)
    rng.shuffle(kinds)
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda a: _one(b, a[0], a[1], random.Random(seed + a[0])),
                                enumerate(kinds)))
    seconds = time.monotonic() - started
    killed = [r for r in results if r[1]]
    hung = [r for r in results if r[2] == "hangs"]
    calm = [r for r in results if r[0] is None]
    into = sum(r[2] == "in" for r in calm)
    b.check(len(killed) >= KILLED * 0.6, f"{LOGINS} logins, {AT_ONCE} at a time, some shot down "
            f"(seed {seed})", f"{len(killed)} of {KILLED} kills hit, {seconds:.0f} s")
    b.check(not hung, "no login hangs", hung or "none")
    # A kill picks its victim among all sessions, so a calm login may be hit as well.
    b.check(into >= len(calm) - len(killed), "logins that weren't shot at get in",
            f"{into} of {len(calm)}", "\n".join(sorted({r[2] for r in calm if r[2] != "in"})))
    for user in (b.alice, b.bob, b.carol):
        r = b.ssh(user.pw_name, "echo in")
        b.check(r.stdout == "in\n", "afterwards one more login of each account works",
                r.stdout + r.stderr, b.log_tail())
    left = b.observer.left(before, 20)
    b.check(not left, "zero processes, mounts, cgroups, records, ptys and files are left",
            tell(left))


test_many_logins.seconds = 240
test_many_logins.alone = "what is killed is in time only on a host that isn't busy"
