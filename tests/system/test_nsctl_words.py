# SPDX-License-Identifier: BSD-3-Clause
"""nsctl's help and completion say the same as its table of commands and its man page."""

import pathlib
import re

from harness.stage import TREE


def _commands(b):
    r = b.run(b.stage.bin / "nsctl", "help")
    return re.findall(r"^  ([a-z]+) ", r.stdout, re.M)


def test_help(b):
    nsctl = b.stage.bin / "nsctl"
    commands = _commands(b)
    b.check(len(commands) > 15 and commands[-1] == "help", "nsctl help lists the commands",
            " ".join(commands))
    for command in commands[:-1]:
        r, same = (b.run(nsctl, "help", command), b.run(nsctl, command, "--help"))
        ok = r.returncode == 0 and r.stdout == same.stdout and f"nsctl {command}" in r.stdout
        if not ok:
            b.check(False, f"nsctl help {command}", r.stdout + r.stderr)
            return
    b.check(True, "nsctl help COMMAND tells the options of each")
    r = b.run(nsctl, "help", "nonsense")
    b.check(r.returncode == 64 and "nonsense" in r.stderr, "of no other", r.stderr)
    page = (pathlib.Path(TREE) / "man/nsctl.8").read_text(encoding="utf-8")
    missing = [c for c in commands if f".It Cm {c}" not in page]
    b.check(not missing, "the man page has every command", missing or "all")
    missing = []
    for command in commands[:-1]:
        text = b.run(nsctl, "help", command).stdout
        for option in re.findall(r"--([a-z-]+)", text):
            if option != "help" and f"Fl -{option}" not in page:
                missing.append(f"{command} --{option}")
    b.check(not missing, "and every option", missing or "all")


COMPLETE = r"""
. "$1"
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _nsctl; echo "${COMPREPLY[*]}"; }
compopt() { :; }
complete_words nsctl st
complete_words nsctl stop ""
complete_words nsctl kill -s U
complete_words nsctl list -o id,u
complete_words nsctl list --no
complete_words nsctl set alice Mem
complete_words nsctl help me
"""


def test_completion(b):
    with b.shell(b.alice.pw_name) as s:
        session = s.do("echo $NSSHELL_SESSION")
        r = b.run("bash", "-c", COMPLETE, "bash", str(TREE / "config/nsctl.bash"),
                  env={"PATH": f"{b.stage.bin}:/usr/bin:/bin"})
    seen = r.stdout.splitlines()
    want = ["status stop", " ".join(sorted([session, b.alice.pw_name])), "USR1 USR2",
            "id,user id,uid", "--noheadings", "MemoryMax= MemoryHigh=", "metrics"]
    b.check(seen == want, "bash completes commands, sessions, signals, columns, options, keys",
            seen, f"{want}\n{r.stderr}")
    words = (TREE / "config/nsctl.bash").read_text(encoding="utf-8")
    listed = set(re.search(r"commands='([^']*)'", words).group(1).split())
    b.check(listed == set(_commands(b)), "it knows every command",
            sorted(listed ^ set(_commands(b))) or "all")
