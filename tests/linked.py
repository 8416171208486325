#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
How many lines of C each program is made of, by what its debugging information says was linked.

	tests/linked.py [BUILD]

Raw lines of the .c files, whole; and lines that have code which is in the program, as what it doesn't call isn't linked (a
function that was inlined counts once). "login" is what runs as root when somebody logs in, "setuid" what a user may start with
root's rights; nsshell-planner runs at a login, too, with no right at all.
"""

import pathlib
import re
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[1]
PRODUCT = ("core", "config", "helpers", "nsshell", "pam_module")
LOGIN = ("pam_nsshell.so", "nsshell-helper", "nsshell-supervisor", "nsshell-init", "nsshell-scope", "nsshell-session")
SETUID = ("nsshell-door",)
PLANNER = ("nsshell-planner",)
OTHERS = ("nsshell-worker", "nsjoin", "nsctl", "bin/nsshell", "nsshell-command", "nsshell-image")


def linked(program):
    """The product's source files that are in it."""
    said = subprocess.run(["readelf", "--debug-dump=info", "--dwarf-depth=1", program], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    names = re.findall(r"DW_AT_name .*?((?:%s)/[\w./-]+\.c)$" % "|".join(PRODUCT), said, re.M)
    if not names:
        raise SystemExit(f"{program}: no debugging information of ours")
    return {TREE / n for n in names}


def code(program, files):
    """(file's name, line) of what is in it; what the linker left out lies at 0."""
    said = subprocess.run(["readelf", "--debug-dump=decodedline", program], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    ours = {f.name for f in files}
    return {(m[1], m[2]) for m in re.finditer(r"^(\S+\.c) +(\d+) +0x([0-9a-f]{3,})\b", said, re.M) if m[1] in ours}


def lines(files):
    return sum(len(f.read_bytes().splitlines()) for f in files)


def row(name, files, has=()):
    print(f"# {name:<36} {len(files):4} files {lines(files):7,} lines" + (f" {len(has):7,} with code" if has else ""))


def main():
    build = TREE / (sys.argv[1] if len(sys.argv) > 1 else "build")
    of = {p: linked(build / p) for p in (*LOGIN, *SETUID, *PLANNER, *OTHERS)}
    has = {p: code(build / p, files) for p, files in of.items()}
    for program, files in of.items():
        row(program, files, has[program])
    login, setuid = (set().union(*(of[p] for p in programs)) for programs in (LOGIN, SETUID))
    row("setuid", setuid, set().union(*(has[p] for p in SETUID)))
    row("login", login, set().union(*(has[p] for p in LOGIN)))
    row("planner, without a right, beside it", of[PLANNER[0]] - login)
    row("login and setuid", login | setuid)
    row("product, headers too", [f for d in PRODUCT for f in (TREE / d).rglob("*.[ch]")])


if __name__ == "__main__":
    main()
