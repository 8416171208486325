#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
clang-tidy on the files that standard input names. What it found nothing in is remembered by what it has read,
the file and all headers of ours that it includes, in build/tidy, and not read again.

	tidy.py [--all] -- FLAGS... <FILES

Without --all no new file is begun after TIDY_SECONDS (120): those that were committed last come first, so that
a clean clone, too, has what changed looked at. build/tidy.told says how many were.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
SEEN = TREE / "build" / "tidy"
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


def reads(path, found=None):
    """@path, and the headers of ours that it includes, and those that these do."""
    found = {} if found is None else found
    if path in found or not path.is_file():
        return found
    found[path] = path.read_bytes()
    for name in INCLUDE.findall(found[path]):
        for directory in (TREE, path.parent):
            reads(directory / name.decode(), found)
    return found


def key(path, common):
    digest = hashlib.sha256(common)
    for name, text in sorted(reads(path).items()):
        digest.update(f"{name.relative_to(TREE)} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:32]


def newest_first(names):
    """What isn't committed, then what was committed last."""
    out = subprocess.run(["git", "log", "--name-only", "--format="], cwd=TREE, check=False, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split("\n")
    changed = subprocess.run(["git", "diff", "--name-only", "HEAD"], cwd=TREE, check=False, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split("\n")
    rank = {}
    for name in changed + out:
        rank.setdefault(name, len(rank))
    return sorted(names, key=lambda n: rank.get(n, -1))


def main():
    everything = "--all" in sys.argv
    flags = shlex.split(" ".join(sys.argv[sys.argv.index("--") + 1:]))
    version = subprocess.run(["clang-tidy", "--version"], check=True, stdout=subprocess.PIPE).stdout
    common = version + (TREE / ".clang-tidy").read_bytes() + " ".join(flags).encode()
    SEEN.mkdir(parents=True, exist_ok=True)
    todo = {n: key(TREE / n, common) for n in newest_first(sys.stdin.read().split())}
    new = [n for n, k in todo.items() if not (SEEN / k).exists()]
    until = time.monotonic() + float(os.environ.get("TIDY_SECONDS", "120"))

    def one(name):
        if not everything and time.monotonic() > until:
            return None
        r = subprocess.run(["clang-tidy", "--quiet", name, "--", "-std=gnu17", *flags], cwd=TREE, text=True,
                           check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if r.returncode == 0:
            (SEEN / todo[name]).touch()
            return True
        print(r.stdout, flush=True)
        return False

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(one, new))
    left = results.count(None)
    (TREE / "build" / "tidy.told").write_text(
        f"# clang-tidy: {len(todo) - len(new)} of {len(todo)} files as they were, {len(new) - left} read" +
        (f"; {left} that changed longest ago left to `make check-all`" if left else "") + "\n", encoding="ascii")
    return int(False in results)


if __name__ == "__main__":
    sys.exit(main())
