# SPDX-License-Identifier: BSD-3-Clause
"""Whom [Default] isolates: accounts of people, as login.defs(5) tells them from the system's."""

import contextlib
import json
import os

from harness.scene import SHOW_NS


@contextlib.contextmanager
def _account(b, role, *extra):
    u = b.stage.accounts.add(role, extra=("-l", *extra))
    b.observer.uids.add(u.pw_uid)
    try:
        yield u
    finally:
        b.stage.accounts.remove(role)


def _su(b, name):
    r = b.run("su", name, "-c", SHOW_NS)
    return r.stdout + r.stderr


def test_default_means_people(b):
    b.stage.conf.write_text(f"[Default]\nServices={b.stage.sshd_service} su\nIsolate=yes\n",
                            encoding="utf-8")
    host = os.readlink("/proc/self/ns/mnt")
    b.lands_inside("[Default] Isolate=yes: an account from UID_MIN to UID_MAX", _su(b, b.plain.pw_name))
    with _account(b, "sys", "-r") as low, _account(b, "high", "-K", "UID_MAX=1900000000", "-u", "1876543210") as high:
        b.check(host in _su(b, low.pw_name), f"uid {low.pw_uid}, as www-data has: as ever", b.log_tail(3))
        r = b.run("su", "-s", "/bin/sh", "nobody", "-c", SHOW_NS)
        b.check(host in r.stdout, "nobody: as ever", r.stdout + r.stderr)
        b.check(host in _su(b, high.pw_name), f"uid {high.pw_uid}, as a directory service has: as ever")
        said = [x for x in b.stage.syslog.lines() if "NOT ISOLATED" in x]
        b.check(len(said) == 1 and high.pw_name in said[0], "which the log tells, of the latter only",
                said, b.log_tail())
        r = b.nsctl("log", high.pw_name)
        b.check([x.split()[1] for x in r.stdout.splitlines()] == ["unboxed"], "as an event of its own", r.stdout + r.stderr)
        r = b.nsctl("plan", "--config", str(b.stage.conf), high.pw_name)
        b.check("UID_MAX" in r.stdout, "nsctl plan says why", r.stdout.split("\n", maxsplit=1)[0] + r.stderr)
        r = b.nsctl("check", "--json", "--config", str(b.stage.conf))
        found = {f["severity"]: f["concerns"] for f in json.loads(r.stdout)["findings"] if "UID_M" in f["what"]
                 or "of the system's with a login shell" in f["what"]}
        b.check(high.pw_name in found.get("warning", "") and low.pw_name in found.get("note", ""),
                "nsctl check names those with a login shell", found, r.stdout[:3000] + r.stderr)
        b.stage.conf.write_text(
            f"[Default]\nServices={b.stage.sshd_service} su\nIsolate=yes\n[User {low.pw_name}]\nIsolate=yes\n"
            f"[Group {high.pw_name}]\nIsolate=yes\n", encoding="utf-8")
        b.lands_inside("[User] isolates one of the system's", _su(b, low.pw_name))
        b.lands_inside("[Group] one that is above UID_MAX", _su(b, high.pw_name))
        b.check(b.gone(), "and they end")
