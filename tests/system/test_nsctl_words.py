# SPDX-License-Identifier: BSD-3-Clause
"""What nsctl, nsjoin and nsshell say of themselves, their man pages, and what was shipped with them."""

import pathlib
import re
import shutil
import tempfile

from harness.stage import TREE

# "  -s, --service NAME       PAM service": letter, name, argument
OPTION = re.compile(r"^  (?:-(.),|   ) --([a-z-]+)(?: ([A-Z|=]+))? ", re.M)


def commands(b):
    r = b.run(b.stage.bin / "nsctl", "help")
    return re.findall(r"^  ([a-z]+) ", r.stdout, re.M)


def options(text):
    """(letter or "", name, argument or "") of each option that a help text has."""
    return OPTION.findall(text)


def _page(name):
    return (pathlib.Path(TREE) / "man" / name).read_text(encoding="utf-8")


def _section(page, command):
    """From ".It Cm COMMAND" to the next command's; pause and resume share one."""
    lists = page[page.index(".Sh DESCRIPTION"):page.index(".Sh PAM SERVICES")]
    parts = re.split(r"^(?=\.It Cm [a-z])", lists, flags=re.M)
    at = next((i for i, p in enumerate(parts) if re.match(rf"\.It Cm {command}\b", p)), None)
    while at is not None and parts[at].count("\n") == 1:
        at += 1
    return parts[at] if at is not None else ""


def _synopsis(page, command):
    text = page[page.index(".Sh SYNOPSIS"):page.index(".Sh DESCRIPTION")]
    for part in text.split(".Nm\n")[1:]:
        first = part.split("\n")[0]
        if command in first.removeprefix(".Cm ").split(" | ") or not command:
            return part
    return ""


def _has_option(text, letter, name):
    """Its own item: ".It Fl s , Fl -service Ar name", or ".It Fl -no-wait"."""
    head = rf"Fl {letter} , Fl (?:-|Fl ){name}" if letter else rf"Fl (?:-|Fl ){name}"
    return re.search(rf"^\.It (?:.* , )?{head}\b(?!-)", text, re.M)


def _in_synopsis(text, letter, name):
    flags = [w for line in re.findall(r"^\.Op (.*)", text, re.M)
             for w in re.findall(r"Fl (-[a-z-]+|Fl [a-z-]+|[A-Za-z]+)", line)]
    flags = [w.replace("Fl ", "-") for w in flags]
    if not letter:
        return f"-{name}" in flags
    return any(letter in w for w in flags if not w.startswith("-"))


def test_help(b):
    nsctl = b.stage.bin / "nsctl"
    all_of_them = commands(b)
    b.check(len(all_of_them) > 15 and all_of_them[-1] == "help", "nsctl help lists the commands",
            " ".join(all_of_them))
    wrong = []
    for command in all_of_them[:-1]:
        r, same = (b.run(nsctl, "help", command), b.run(nsctl, command, "--help"))
        if r.returncode or r.stdout != same.stdout or f"nsctl {command}" not in r.stdout:
            wrong.append(command)
    b.check(not wrong, "nsctl help COMMAND tells the options of each", wrong or "all")
    r = b.run(nsctl, "help", "nonsense")
    b.check(r.returncode == 64 and "nonsense" in r.stderr, "of no other", r.stderr)
    for program in ("nsctl", "nsjoin", "nsshell"):
        where = b.stage.build / ("bin/nsshell" if program == "nsshell" else program)
        text = b.run(where, "--help").stdout
        r = b.run(where, "--version")
        letter = b.run(where, "-V")
        b.check(r.returncode == 0 and r.stdout.startswith(program) and "--version" in text
                and (letter.stdout == r.stdout) == ("-V" in text),
                f"{program} --help tells how to ask for the version", r.stdout, text)
    told = b.run(nsctl, "-V").stdout
    b.check(re.fullmatch(r"nsctl \(nsshell\) [0-9][\w.~+-]*, commit [0-9a-f]{7,}(-dirty)?\n", told),
            "nsctl -V tells the version and the commit", told)


def test_man_page_of_nsctl(b):
    page = _page("nsctl.8")
    missing = []
    for command in commands(b):
        section, synopsis = _section(page, command), _synopsis(page, command)
        if not section or not synopsis:
            missing.append(command)
        for letter, name, _ in options(b.run(b.stage.bin / "nsctl", "help", command).stdout):
            if command == "help" or name == "help":
                continue
            if not _has_option(section, letter, name):
                missing.append(f"{command} --{name}")
            if not _in_synopsis(synopsis, letter, name):
                missing.append(f"{command} -{letter or '-' + name} in SYNOPSIS")
    b.check(not missing, "nsctl(8) has every command and, where that is told, its options",
            missing or "all")
    columns = re.findall(r"^  ([A-Z0-9%]+) +\S", b.run(b.stage.bin / "nsctl", "help", "list").stdout, re.M)
    named = re.search(r"(?s)Comma-separated columns to show, out of\n(.*?)\.It Fl", page).group(1)
    absent = [c for c in columns if not re.search(rf"(?m)^\.Cm (.*[ ,])?{c.lower()}( |$)", named)]
    b.check(len(columns) > 25 and not absent, "it names every column of list", absent or f"{len(columns)} columns")
    who = re.search(r"(?s)^For an ordinary user\n(.*?)need root, and say so", page, re.M).group(1)
    named = set(re.findall(r"[a-z]+", " ".join(re.findall(r"^\.Cm (.*)", who, re.M))))
    # plan and check need no root, gc and the like need it: each is on one side.
    b.check(named == set(commands(b)) - {"plan", "check", "help"},
            "it says of every command whom it is for", sorted(named))


def test_man_pages_of_the_others(b):
    page = _page("nsjoin.8")
    missing = [name for letter, name, _ in options(b.run(b.stage.bin / "nsjoin", "--help").stdout)
               if not _has_option(page, letter, name)]
    synopsis = page[page.index(".Sh SYNOPSIS"):page.index(".Sh DESCRIPTION")]
    missing += [f"{name} in SYNOPSIS" for letter, name, _ in
                options(b.run(b.stage.bin / "nsjoin", "--help").stdout)
                if name not in ("help", "version") and f"Fl Fl {name}" not in synopsis
                and not _in_synopsis(synopsis, letter, name)]
    b.check(not missing, "nsjoin(8) has every option", missing or "all")


def _install(b, directory, *more, before=()):
    return b.run(*before, "make", "-s", "--no-print-directory", "-C", str(TREE), "-o", "all",
                 f"BUILD={b.stage.build}", f"DESTDIR={directory}", *more, timeout=60)


def _unlinked(b, directory, *places):
    """What make install unlinks of the module and the programs that are there; None where it fails."""
    told = directory / "told"
    r = _install(b, directory, "install", *places, before=(
        "strace", "-f", "-qq", "-e", "trace=unlink,unlinkat", "-e", "status=successful", "-o", told))
    text = told.read_text(encoding="utf-8")
    told.unlink()
    return None if r.returncode else re.findall(r'"([^"]*(?:pam_nsshell\.so|libexec/[^"]*nsshell-\w+|bin/nsshell))"', text)


def test_install(b):
    """Into a directory: what is written there names the places that it was installed to."""
    if not (TREE / "Makefile").exists() or not shutil.which("make"):
        b.skip("make install", "there is no Makefile, or no make(1)")
        return
    with tempfile.TemporaryDirectory(dir=b.stage.base) as name:
        directory = pathlib.Path(name)
        places = ("PREFIX=/opt/ns", "SYSCONFDIR=/opt/etc", "PAMDIR=/opt/pam")
        r = _install(b, directory, "install", *places)
        b.check(r.returncode == 0, "make install with another PREFIX and SYSCONFDIR", r.stderr)
        texts = {p: p.read_text(encoding="utf-8") for p in directory.rglob("*")
                 if p.is_file() and ("/share/" in str(p) or "/systemd/" in str(p))}
        b.check(len([p for p in texts if "/man/" in str(p)]) == len(list((TREE / "man").glob("*.[1-8]"))), "all man pages are there",
                sorted(p.name for p in texts))
        wrong = [f"{p.name}: {line}" for p, text in texts.items() for line in text.split("\n")
                 if "/usr/local" in line or "/etc/nsshell" in line.replace("/opt/etc", "")]
        b.check(not wrong, "none names a place where nothing is", wrong or "none")
        both = "".join(texts.values())
        b.check("/opt/ns/libexec/nsshell/nsshell-helper" in both
                and "/opt/etc/nsshell/nsshell.conf" in both, "they name those that were given")
        warned = b.run("mandoc", "-Tlint", "-W", "warning",
                       *[str(p) for p in texts if "/man/" in str(p)]).stdout
        b.check(not warned, "and are man pages still", warned or "no warning")
        dropin = directory / "opt/ns/lib/systemd/system/lxcfs.service.d/nsshell.conf"
        called = re.findall(r"^ExecSt\w+Post=-(\S+) (.*)$", texts.get(dropin, ""), re.M)
        b.check([c for c, _ in called] == ["/opt/ns/sbin/nsctl"] * 2
                and all((directory / c[1:]).is_file() for c, _ in called),
                "lxcfs.service gets a drop-in that calls the nsctl that was installed", called)
        found = [b.run("nsctl", "--version", env={"PATH": str(directory / f"opt/ns/{d}")}).returncode
                 for d in ("sbin", "bin")]
        b.check(found == [0, 0] and (directory / "opt/ns/bin/nsjoin").is_file(),
                "root finds nsctl and nsjoin, and so do users, in whose PATH there is no sbin", found)
        unlinked = _unlinked(b, directory, *places)
        b.check(unlinked is not None and not unlinked,
                "an upgrade takes nothing away for a moment that a login needs", unlinked)
        _uninstall_counts_services(b, directory, places)
        r = _install(b, directory, "uninstall", *places)
        left = [str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir()]
        b.check(r.returncode == 0 and left == ["opt/etc/nsshell/nsshell.conf"],
                "make uninstall takes away all but the configuration", left, r.stderr)


def _uninstall_counts_services(b, directory, places):
    """A line of the module keeps it, not what packages and editors leave, nor a comment."""
    pam = directory / "opt/etc/pam.d"
    pam.mkdir()
    (pam / "su").write_text("session required pam_nsshell.so\n", encoding="utf-8")
    r = _install(b, directory, "uninstall", *places)
    b.check(r.returncode != 0 and (directory / "opt/pam/pam_nsshell.so").exists(), "make uninstall is refused while a service "
            "has the line", r.stdout)
    (pam / "su").write_text("# session required pam_nsshell.so\n", encoding="utf-8")
    for name in ("common-session.pam-old", "sshd.dpkg-dist", "login.ucf-old", "cron~"):
        (pam / name).write_text("session required pam_nsshell.so\n", encoding="utf-8")
    r = _install(b, directory, "uninstall", *places)
    b.check(r.returncode == 0, "and not by a comment or a package's copy of a service", r.stdout)
    shutil.rmtree(pam)


def test_the_tour_in_the_readme(b):
    demo = TREE / "tests/demo/demo.py"
    if not demo.exists() or not (TREE / "README.md").exists():
        b.skip("the tour in the README", "it isn't here")
        return
    text = demo.read_text(encoding="utf-8")
    rows = re.findall(r'^    (?:row)?\("([^"{]+)", ', text, re.M)
    readme = (TREE / "README.md").read_text(encoding="utf-8")
    missing = [x for x in rows if not re.search(rf"^{re.escape(x)}  ", readme, re.M)]
    b.check(len(rows) > 13 and not missing, "the README shows what make demo does",
            missing or f"{len(rows)} rows")
