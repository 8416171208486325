# SPDX-License-Identifier: BSD-3-Clause
"""bash completes nsctl and nsjoin: all that their own --help tells, and no less."""

import re

from harness.stage import TREE
from harness.terminal import Terminal
from test_nsctl_words import commands, options

# Reads lines of words, and answers each with what is offered for the last one.
COMPLETE = r"""
. "$1"
compopt() { :; }
while IFS=$'\t' read -ra COMP_WORDS; do
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_WORDS[COMP_CWORD]=${COMP_WORDS[COMP_CWORD]%.}
	COMPREPLY=()
	"_${COMP_WORDS[0]}"
	echo "${COMPREPLY[*]}"
done
"""
CONFIG = str(TREE / "config")
NOTHING = ("N", "SPAN", "NAME=VALUE", "SIZE", "REFERENCE")


def _some(b, lines):
    r = b.run("bash", "-c", COMPLETE, "bash", f"{CONFIG}/nsctl.bash", timeout=60,
              input="".join("\t".join(x[:-1] + (x[-1] + ".",)) + "\n" for x in lines),
              env={"PATH": f"{b.stage.bin}:/usr/bin:/bin"})
    seen = [x.split() for x in r.stdout.split("\n")[:-1]]
    return seen if len(seen) == len(lines) else [[f"status {r.returncode}", r.stderr]] * len(lines)


def _complete(b, *lines):
    """What is offered for each, as words. A "." at the end of the last word stands for nothing."""
    return [x for i in range(0, len(lines), 8) for x in _some(b, lines[i:i + 8])]


def _programs(b):
    """The words that a command begins with, and its help."""
    nsctl = b.stage.bin / "nsctl"
    for command in commands(b)[:-1]:
        text = b.run(nsctl, "help", command).stdout
        if text.startswith(f"usage: nsctl {command} COMMAND"):
            for one in re.findall(r"^  ([a-z]+)", text, re.M):
                yield ("nsctl", command, one), b.run(nsctl, command, one, "--help").stdout
        else:
            yield ("nsctl", command), text
    yield ("nsjoin",), b.run(b.stage.bin / "nsjoin", "--help").stdout


def _section(text, name):
    return [x.split()[0] for x in text.partition(f"\n{name}:\n")[2].split("\n") if x.strip()]


def _kinds(b, session):
    """For what a help calls an argument: what is begun, and what must be offered then."""
    name = b.alice.pw_name
    nsctl = b.stage.bin / "nsctl"
    columns = [x.lower() for x in _section(b.run(nsctl, "help", "list").stdout, "columns")]
    keys = _section(b.run(nsctl, "help", "set").stdout, "keys")
    return {
        "FILE": (f"{CONFIG}/sshd_nsshe", {f"{CONFIG}/sshd_nsshell.conf"}),
        "ARGUMENT": (f"{CONFIG}/sshd_nsshe", {f"{CONFIG}/sshd_nsshell.conf"}),
        "DIR": (CONFIG[:-1], {CONFIG}),
        "NAME": ("runuse", {"runuser", "runuser-l"}),
        "SERVICE": ("runuse", {"runuser", "runuser-l"}),
        "SIG": ("U", {"USR1", "USR2"}),
        "BY": ("", {"cpu", "memory", "tasks", "time", "age"}),
        "WHAT": ("re", {"remove", "replace", "restore"}),
        "IMAGE": ("", set()),
        "VOLUME": ("", set()),
        "COLS": ("", set(columns)),
        "USER": (name, {name}),
        "USER|UID": (name, {name}),
        "USER|SESSION": ("", {name, session}),
        "ID": ("", {session}),
        "KEY=VALUE": ("", {f"{k}=" for k in keys}),
        "COMMAND": ("bashbu", {"bashbug"}),
    }


def _expect(b, did, wanted):
    """@wanted: a line of words, and what must be offered, and nothing else."""
    seen = _complete(b, *(w for w, _ in wanted))
    wrong = [f"{' '.join(w)}: {' '.join(s)}, and not {' '.join(sorted(want))}"
             for (w, want), s in zip(wanted, seen) if set(s) != want]
    b.check(len(seen) == len(wanted) and not wrong, did, f"{len(wanted)} tried",
            "\n".join(wrong))


def test_every_option_and_operand(b):
    with b.shell(b.alice.pw_name) as s:
        session = s.do("echo $NSSHELL_SESSION")
        kinds = _kinds(b, session)
        names, arguments, operands, unknown = [], [], [], []
        for words, text in _programs(b):
            told = options(text)
            names.append((words + ("-",), {f"--{n}" for _, n, _ in told} |
                          {f"-{c}" for c, _, _ in told if c}))
            for letter, name, arg in told:
                if not arg or arg in NOTHING:
                    continue
                if arg not in kinds:
                    unknown.append(f"{' '.join(words)} --{name} {arg}")
                    continue
                begun, want = kinds[arg]
                if arg == "COLS" and "\ncolumns:\n" in text:
                    want = {c.lower() for c in _section(text, "columns")}
                arguments.append((words + (f"--{name}", begun), want))
                arguments.append((words + (f"--{name}", "=", begun), want))
                if letter:
                    arguments.append((words + (f"-{letter}", begun), want))
            first = re.match(r"usage: .*?\[OPTION\.\.\.\] ?\[?([A-Z|=]*)", text).group(1)
            if first in NOTHING:
                continue
            if first and first not in kinds:
                unknown.append(f"{' '.join(words)} {first}")
            elif first:
                operands.append((words + (kinds[first][0],), kinds[first][1]))
                operands += [(words + (f"--{n}", kinds[first][0]), kinds[first][1]) for _, n, a in told if not a][:1]
        b.check(len(names) > 15 and not unknown, "everything that a help tells of can be completed",
                unknown or "all")
        _expect(b, "every option of every command is offered, long and short", names)
        _expect(b, "behind an option is what it takes", arguments)
        _expect(b, "an operand is what the usage says", operands)


test_every_option_and_operand.seconds = 400
test_every_option_and_operand.not_instrumented = "as it starts nsctl hundreds of times, for words"
test_every_option_and_operand.later = "words, and nothing that a login needs"


def test_every_key(b):
    name = b.alice.pw_name
    keys = _section(b.run(b.stage.bin / "nsctl", "set", "--help").stdout, "keys")
    r = [b.run(b.stage.bin / "nsctl", "set", "--config", str(b.stage.conf), name, f"{key}=")
         for key in keys]
    b.check(len(keys) == 16 and not [x.stderr for x in r if "sets no limit" in x.stderr],
            "nsctl set --help tells the keys that it takes", " ".join(keys))
    _expect(b, "each is offered", [(("nsctl", "set", name, k[:-1]), {
        f"{x}=" for x in keys if x.startswith(k[:-1])}) for k in keys])
    _expect(b, "a second one, too, and no key as a value", [
        (("nsctl", "set", name, "TasksMax", "=", "5", "MemoryM"), {"MemoryMax="}),
        (("nsctl", "set", name, "MemoryMax", "=", ""), set()),
        (("nsctl", "set", name, "IOReadBandwidthMax", "=", CONFIG[:-1]), {CONFIG})])


test_every_key.later = "words, by starting nsctl once a key"


def test_commands_and_what_they_run(b):
    known = commands(b)
    _expect(b, "every command is offered, and help for it", [
        (("nsctl", ""), set(known) | {"--help", "--version"}),
        (("nsctl", "help", ""), set(known)), (("nsctl", "sta"), {"status"}),
        (("nsctl", "list", "-o", "id,use"), {"id,user"})])
    name = b.alice.pw_name
    _expect(b, "behind what is run inside there are its own options, and not ours", [
        (("nsctl", "run", name, "--", "bashbu"), {"bashbug"}),
        (("nsctl", "run", "-q", name, "ls", CONFIG[:-1]), {CONFIG}),
        (("nsctl", "run", name, "--", "ls", "-"), set()), (("nsjoin", name, "ls", "-"), set()),
        (("nsjoin", "-q", name, "bashbu"), {"bashbug"})])
    _expect(b, "nothing where nothing is taken", [
        (("nsctl", "list", ""), set()), (("nsctl", "log", name, ""), set()),
        (("nsctl", "nonsense", "-"), set())])


def test_in_a_shell(b):
    t = Terminal(["bash", "--norc", "--noprofile"],
                 env={"PATH": f"{b.stage.bin}:/usr/bin:/bin", "PS1": "ready$ ", "HOME": "/"})
    try:
        t.expect(r"ready\$ ")
        t.line(f". {CONFIG}/nsctl.bash")
        t.expect(r"ready\$ ")
        t.type("nsctl li\t--js\t\n")
        b.check(t.expect(r'^ +"sessions"'), "the Tab key completes nsctl", t.seen[-80:])
        t.expect(r"ready\$ ")
        t.type("nsjoin --ver\t\n")
        b.check(t.expect(r"\nnsjoin \("), "and nsjoin", t.seen[-80:])
        t.line("exit")
    finally:
        t.close()
