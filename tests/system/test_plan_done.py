# SPDX-License-Identifier: BSD-3-Clause
"""What nsctl plan prints is what a login does: each field of each operation is looked for inside."""

import json
import os
import stat

# Fields that an operation is found by, or that decide about its source; these have tests of their own
# (test_resolve.py, test_propagation.py, test_private_tmp.py, test_renew.py).
ELSEWHERE = {"kind", "target", "source", "recursive", "follow", "as_user", "must_own", "optional", "account",
             "own_file", "renew"}
LOOK = """import json, os, sys
seen = {}
for path in json.load(open(sys.argv[1])):
    try:
        st = os.lstat(path)
        seen[path] = [st.st_mode, st.st_uid, st.st_gid, st.st_rdev]
        if os.path.islink(path):
            seen[path].append(os.readlink(path))
        elif os.path.isfile(path):
            seen[path].append(open(path, errors="replace").read(100000) if os.access(path, os.R_OK) else None)
    except OSError:
        pass
json.dump(seen, sys.stdout)"""
ATTR = {"ro", "nosuid", "nodev", "noexec"}


def _as_mounted(attr):
    return {"ro" if a == "rdonly" else a for a in attr}


def _mounts(text):
    """The topmost mount at each place: (options, type, options of the file system)."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        dash = fields.index("-")
        found[fields[4]] = (set(fields[5].split(",")), fields[dash + 1], dict(
            o.partition("=")[::2] for o in fields[dash + 3].split(",")))
    return found


def _size(text):
    return int(text[:-1]) << 10 if text.endswith("k") else int(text)


class Inside:
    """What a session has, held against the operations of a plan; wrong() says what differs."""

    def __init__(self, mounts, files, kept, gids):
        self.mounts, self.files, self.kept, self.gids = mounts, files, kept, gids

    def mount(self, op):
        return self.mounts.get(op["target"])

    def is_covered(self, op):
        """Something is mounted over what the operation has made."""
        return any(op["target"] == m or op["target"].startswith(m + "/") for m in self.kept)

    def attr(self, op, want):
        mount = self.mount(op)
        if not mount:
            return [] if op["optional"] else ["isn't mounted"]
        if op["kind"] == "hide" and not stat.S_ISDIR(self.files[op["target"]][0]):
            want = [a for a in want if a != "nodev"]
        have = mount[0] & ATTR
        return [] if have == _as_mounted(want) else [f"{sorted(have)} for {sorted(want)}"]

    def own_ids(self, op, want):
        mount = self.mount(op)
        return [] if not mount or ("idmapped" in mount[0]) == want else ["idmapped or not"]

    def size(self, op, want):
        have = _size(self.mount(op)[2].get("size", "0"))
        return [] if have == want else [f"{have} bytes for {want}"]

    def inodes(self, op, want):
        have = int(self.mount(op)[2].get("max" if op["kind"] == "devpts" else "nr_inodes", 0))
        return [] if want in (0, have) else [f"{have} inodes or terminals for {want}"]

    def mode(self, op, want):
        if op["kind"] == "devpts":
            have = self.mount(op)[2]["mode"]
            return [] if int(have, 8) == int(want, 8) else [f"terminals have mode {have}"]
        have = self.files.get(op["target"])
        return [] if have and have[0] & 0o7777 == int(want, 8) else [f"mode {have and oct(have[0])} for {want}"]

    def uid(self, op, want):
        have = self.files[op["target"]][1] if op["kind"] != "devpts" else 0
        return [] if have == want else [f"uid {have} for {want}"]

    def gid(self, op, want):
        have = self.files[op["target"]][2] if op["kind"] != "devpts" else \
            self.gids.get(int(self.mount(op)[2]["gid"]))  # as the host sees it
        return [] if have == want else [f"gid {have} for {want}"]

    def content(self, op, want):
        have = (self.files.get(op["target"]) or [None] * 5)[4]
        ok = have is None and op["optional"] or have is not None and have.split() == want.split()
        return [] if ok else [f"{have!r} for {want!r}"]

    def wrong(self, op):
        if op["kind"] in ("dir", "file") and self.is_covered(op):
            return []
        found = []
        for field in op.keys() - ELSEWHERE:
            look = getattr(self, field, None)
            found += look(op, op[field]) if look else [f"field {field} is looked at by nobody"]
        return [f"{op['kind']} {op['target']}: {what}" for what in found]


def _plan(b, user):
    r = b.nsctl("plan", "--json", "-c", str(b.stage.conf), "-s", b.stage.sshd_service, user)
    return json.loads(r.stdout)


def _look(b, shell, targets):
    """The files are there for the user; the lists go by the home."""
    home = b.alice.pw_dir
    for name, text in (("targets", json.dumps(targets)), ("look.py", LOOK)):
        with open(f"{home}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
    try:
        return json.loads(shell.do(f"python3 {home}/look.py {home}/targets"))
    finally:
        for name in ("targets", "look.py"):
            os.unlink(f"{home}/{name}")


def _compare(b, what):
    b.stage.syslog.clear()
    name = b.alice.pw_name
    plan = _plan(b, name)
    ops = plan["ops"]
    with b.shell(name) as s:
        mounts = _mounts(s.do("cat /proc/self/mountinfo"))
        files = _look(b, s, [op["target"] for op in ops])
        sid = s.do("echo $NSSHELL_SESSION")
    printed = next(op["content"] for op in ops if op["target"] == "/run/nsshell/session").strip()
    for op in ops:  # what is printed is of a session that isn't opened
        if "content" in op:
            op["content"] = op["content"].replace(printed, sid)
    last = {op["target"]: op for op in ops if op["kind"] not in ("dir", "file", "symlink")}
    seals = {op["target"]: op for op in ops if op["kind"] == "seal"}
    inside = Inside(mounts, files, {t for t, op in last.items() if t in mounts} - {"/run", "/tmp", "/dev", "/var/tmp"},
                    {g["outside"] + i: g["inside"] + i for g in plan["gids"] for i in range(min(g["count"], 1000))})
    wrong, n = [], 0
    for op in ops:
        if op["kind"] == "tmpfs" and op["target"] in seals:
            op = {**op, "attr": seals[op["target"]]["attr"]}
        elif op["kind"] in ("device", "terminal", "symlink"):
            op = {k: v for k, v in op.items() if k in ELSEWHERE}
        n += 1
        wrong += inside.wrong(op)
    for op in ops:
        if op["kind"] == "symlink" and files.get(op["target"], [0])[-1] != op["source"]:
            wrong.append(f"symlink {op['target']}")
        if op["kind"] == "device":
            st = os.stat(op["source"])
            have = files.get(op["target"], [0] * 4)
            if (have[0], have[3]) != (st.st_mode, st.st_rdev):
                wrong.append(f"device {op['target']}: {have}")
    for o in plan["overlays"]:
        have = mounts[o["target"]][0] & ATTR
        if have != _as_mounted(o["attr"]):
            wrong.append(f"overlay {o['target']}: {sorted(have)} for {sorted(o['attr'])}")
    b.check(not wrong and n > 60, f"{what}: each of {n} operations is done as it is printed", wrong or "yes",
            b.log_tail())


def test_as_printed(b):
    for upper in ("none", "tmpfs"):
        b.stage.config(f"Upper={upper}\nTmpSize=32M\nUpperSize=16M\nBindReadOnlyPaths=/var/log\n"
                       f"BindPaths={b.stage.open}:/mnt/open\nInaccessiblePaths=/var/log/btmp /etc/ssl /proc/version\n")
        _compare(b, f"Upper={upper}")
