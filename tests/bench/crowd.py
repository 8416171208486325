# SPDX-License-Identifier: BSD-3-Clause
"""Many logins: at once, as when a class starts, and one more beside many that stay."""

import os
import resource
import statistics
import subprocess
import time

from harness import kernel
from host import NAME, RUNDIR
from measure import quantile, reap, spawn

CROWD = int(os.environ.get("NSSHELL_CLASS", "200"))
FEW, MANY, EACH = 10, 1000, 10  # EACH: sessions of an account


def _argv(host, service, account):
    return [host.pamcaller, "-d", host.pamdir, "-s", service, "-i", account]


def _all_in(host, service, accounts, report):
    """
    In a process of its own, which all that is started below it ends with: its time is theirs. Tells seconds until the
    last was in, and seconds of processor time until the last was gone.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    said_r, said_w = os.pipe()
    stay_r, stay_w = os.pipe()
    began = time.monotonic()
    for account in accounts:
        subprocess.Popen(_argv(host, service, account), stdin=stay_r, stdout=said_w)  # pylint: disable=consider-using-with
    os.close(said_w)
    os.close(stay_r)
    lines = 0
    while lines < len(accounts) and (said := os.read(said_r, 65536)):
        lines += said.count(b"\n")
    last = time.monotonic() - began
    os.close(stay_w)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    os.write(report, f"{lines} {last} {used.ru_utime + used.ru_stime}".encode())


def crowd(host, service, accounts):
    """(ms until the last was in, ms of processor time a login)"""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        _all_in(host, service, accounts, w)
        os._exit(0)
    os.close(w)
    said = os.read(r, 200).split()
    os.close(r)
    os.waitpid(pid, 0)
    if not said or int(said[0]) != len(accounts):
        raise ValueError(f"{said[0].decode() if said else 'none'} of {len(accounts)} logins were let in")
    return float(said[1]) * 1e3, float(said[2]) * 1e3 / len(accounts)


def cell(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})".rjust(26)


def new_accounts(host, n, confs):
    """@confs: files of config, and what else they say of each."""
    accounts = [f"{NAME}{i}" for i in range(n)]
    for name in accounts:
        host.account(name)
    for conf, words in confs.items():
        with open(conf, "a", encoding="ascii") as f:
            f.write("".join(f"\n[User {name}]\nIsolate=yes\n{words}" for name in accounts))
    return accounts


def crowd_table(host, n):
    accounts = new_accounts(host, CROWD, {host.conf: ""})
    print(f"\n{CROWD} accounts log in at once ({n} rounds in turns; in brackets the least and the most)")
    print(f"  {'':<34}{'ms until the last is in':>26}{'CPU ms a login':>26}")
    rows = (("nsshell", NAME), ("a login without a box", NAME + "-none"))
    found = {name: [] for name, _ in rows}
    for _ in range(n):
        for name, service in rows:
            found[name].append(crowd(host, service, accounts))
            host.settle()
    for name, _ in rows:
        print(f"  {name:<34}{cell([x for x, _ in found[name]])}{cell([x for _, x in found[name]])}", flush=True)


# ---- one more ------------------------------------------------------------------------------

def _open(host, accounts, n):
    opened = []
    for i in range(n):
        # pylint: disable=consider-using-with
        p = subprocess.Popen(_argv(host, NAME, accounts[i % len(accounts)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        opened.append(p)
        if not p.stdout.readline().strip():
            raise ValueError(f"session {len(opened)} isn't let in")
    return opened


def _close(opened):
    for p in opened:
        p.stdin.close()
    for p in opened:
        p.stdout.close()
        p.wait()
    reap()


def _one_more(host, n):
    return [int(spawn(host.caller(NAME, "-r", RUNDIR))[1].split()[0]) / 1e3 for _ in range(n)]


def beside_table(host, n):
    """Few before and after, so that a machine that has become slower meanwhile is seen."""
    with open(host.conf, "a", encoding="ascii") as f:
        f.write(f"SessionsMax={MANY + 1}\n")
    accounts = [NAME] + new_accounts(host, MANY // EACH, {host.conf: ""})
    # Two pipes each.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * MANY), most))
    times, opened = {}, _open(host, accounts, FEW)
    try:
        times[f"beside {FEW}"] = _one_more(host, n)
        more = _open(host, accounts, MANY - FEW)
        try:
            times[f"beside {MANY}"] = _one_more(host, n)
        finally:
            _close(more)
        times[f"beside {FEW}, again"] = _one_more(host, n)
    finally:
        _close(opened)
        host.settle()
    print(f"\nOne more session: pam_open_session ({n} each)")
    print(f"  {'':<34}{'ms':>26}{'ratio':>9}")
    few = statistics.median(times[f"beside {FEW}"])
    for name, ms in times.items():
        cell = f"{statistics.median(ms):.2f} ({quantile(ms, .1):.2f}-{quantile(ms, .9):.2f})"
        print(f"  {name:<34}{cell:>26}{statistics.median(ms) / few:>9.2f}")
