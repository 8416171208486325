#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
readme.py SHAPE PACKAGE NEWER: what README.md has a new admin type, typed at terminals of a machine as Debian's
installer makes it (STOCK=1 tests/vm/image.sh), as root: install, the first quarter of an hour, sessions, upgrade, removal.
What is typed has to stand in README.md, and what stands there has to be typed. Prints lines for run.sh to count.
"""

import os
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
os.environ.setdefault("VM_DIR", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "vm-stock"))
os.environ["STOCK"] = "1"

import booted as vm  # noqa: E402  pylint: disable=wrong-import-position
from booted import TREE, archive, check, until  # noqa: E402  pylint: disable=wrong-import-position
from harness.terminal import Terminal, Timeout  # noqa: E402  pylint: disable=wrong-import-position

# Tried by source.sh, but for deb-deps: what `make deb` needs, as who runs this has.
ELSEWHERE = {"sudo make deb-deps", "sudo make deps install", "sudo make uninstall", "sudo make install"}
NS = "readlink /proc/self/ns/pid"
# At the beginning of a line: apt's progress bar ends where the cursor was (ESC 8).
PLAIN, ROOT, ALICE, BOB = (rf"(?:^|\x1b8){x}@\S+:\S*[$#] " for x in ("plain", "root", "alice", "bob"))
PASSWORD = "nsshell"
APT, NSCTL = r"[Cc]ontinue\? \[Y/n\] ", r"Write this\? \[Y/n\] "  # what they ask


class Readme:
    def __init__(self):
        text = (TREE / "README.md").read_text(encoding="utf-8")
        parts = dict(re.findall(r"^##+ (.+)\n((?s:.*?))(?=^##+ |\Z)", text, re.M))
        self.install = parts["Install"].partition("\nImages for ")[0]
        self.text = "\n".join((self.install, parts["Upgrade"], parts["Remove"], parts["Looking after sessions"].partition("\n`nsctl status")[0]))
        self.locking = parts["Locking nobody out"]
        self.typed = set()

    def sample(self):
        return re.search(r"^```ini\n((?s:.*?))^```$", self.install, re.M).group(1)

    def commands(self):
        """Of fenced blocks, without their comments: where some are a shell's, only these. And of the text: apt's and make's."""
        found = set(re.findall(r"`(sudo (?:apt|make) [^`]+)`", self.text))
        for language, block in re.findall(r"^```(.*)\n((?s:.*?))^```$", self.text, re.M):
            lines = re.findall(r"^(?:\$|alice@host:~\$) (.*)", block, re.M) or block.splitlines()
            found.update(re.sub(r" +# .*", "", line) for line in lines if not language)
        return found

    def type(self, terminal, command, prompt, answers=(), seconds=120):
        """What it said until @prompt; @answers: (what it may ask, what is typed then)."""
        if command not in self.commands():
            raise ValueError(f"README.md doesn't have {command!r}")
        self.typed.add(command)
        began, seen = time.monotonic(), ""
        questions = "".join(f"({question})|" for question, _ in answers)
        terminal.line(command)
        while m := terminal.expect(f"(?s:.*?)(?:{questions}{prompt})", seconds):
            seen += m.group()
            if not m.lastindex:
                break
            terminal.line(answers[m.lastindex - 1][1])
        print(f"# {time.monotonic() - began:.0f} s: {command}", flush=True)
        return seen


def ask(terminal, command):
    """What is typed after it is typed at a prompt, and not ahead."""
    said = terminal.ask(command)
    terminal.expect(r"\w+@\S+:\S*[$#] ")
    return said


def inside(terminal):
    return ask(terminal, NS)


def logs_in(m):
    """Where alice's login is, beside what is typed."""
    return m.ssh("alice", NS, timeout=300).stdout


def terminal_of(m, user, prompt):
    # An editor needs a terminal that can be drawn on.
    t = Terminal(["env", "TERM=vt100", *m.ssh_argv(user, options=("-tt",))], timeout=120)
    t.expect(prompt)
    return t


def edits(readme, terminal, path, text):
    """With nano, which editor(1) is where nobody has chosen another."""
    readme.typed.add(f"editor {path}")
    terminal.line(f"editor {path}")
    terminal.expect("GNU nano")
    terminal.type(text.rstrip("\n").replace("\n", "\r"))
    terminal.type("\x0f")
    terminal.expect("Name to Write|Write to File")
    terminal.type("\r")
    terminal.expect(r"Wrote \d+ lines")
    terminal.type("\x18")
    terminal.expect(r"root@vm:\S*# ")


def warnings(terminal):
    """Of nsctl check, and its exit status."""
    seen = ask(terminal, "nsctl check --brief; echo status $?")
    return re.findall(r"^(?:warning|error): .*", seen, re.M), int(re.search(r"^status (\d+)", seen, re.M).group(1)), seen


def install(m, readme, release, admin):
    command = "sudo apt install ./build/deb/trixie/nsshell_*.deb"
    if release != "trixie":  # of which README.md has the path
        m.sh(f"ln -s {release} /home/plain/build/deb/trixie")
    seen = readme.type(admin, command, PLAIN, [("password for plain: ", PASSWORD), (APT, "y")], 900)
    r = m.sh("dpkg-query -Wf '${db:Status-Status}' nsshell")
    check(r.stdout == "installed", command, seen)
    check("rror" not in seen and "arning" not in seen, "nothing of that is a warning", seen)
    seen = logs_in(m)
    check(seen == m.sh(NS).stdout, "nothing is isolated yet", seen)


def first_quarter(m, readme, admin):
    """Return: root's terminal and alice's login on it."""
    root = terminal_of(m, "plain", PLAIN)
    readme.type(root, "sudo -i", ROOT, [("password for plain: ", PASSWORD)])
    edits(readme, root, "/etc/nsshell/nsshell.conf.d/students.conf", readme.sample())
    r = m.sh("cat /etc/nsshell/nsshell.conf.d/students.conf")
    check(r.stdout == readme.sample(), "the sample is typed into the file that step 2 names", r.stdout)
    seen = readme.type(root, "nsctl plan alice", ROOT)
    check(re.search(r"^ +account +alice ", seen, re.M) and "rror" not in seen, "nsctl plan alice shows what would be done", seen)
    seen = readme.type(root, "nsctl enable", ROOT, [(NSCTL, "y")])
    check("+session" in seen and "sshd" in seen and seen.count("Write this?") == 1, "nsctl enable shows the diff and asks once", seen)
    readme.type(root, "ssh alice@localhost", ALICE,
                [(r"\(yes/no/\[fingerprint\]\)\? ", "yes"), ("alice@localhost's password: ", PASSWORD)])
    check(inside(root) != m.sh(NS).stdout.strip(), "ssh alice@localhost lands in a box", "")
    seen = ask(root, "ls /home")
    check(seen == "alice", "she sees her home and no other", seen)
    seen = readme.type(admin, "sudo nsctl list", PLAIN)
    check(re.search(r"\balice\b.*\bsshd\b", seen), "nsctl list shows it", seen)
    root.line("exit")
    root.expect(ROOT)
    return root


def checks(m, readme, root):
    """As "Then nsctl check has no warning" has it."""
    found, status, seen = warnings(root)
    check(status == 2 and len(found) == 2 and any("Upper=disk" in x for x in found) and any("nsshell-exempt" in x for x in found)
          and all("to do: " in x for x in found), "nsctl check warns of the two things that README.md names, and says what to do", seen)
    command = "groupadd -f --system nsshell-exempt && usermod -aG nsshell-exempt YOU"
    check(command in readme.locking, "how somebody gets into the break-glass group stands in README.md", "")
    ask(root, command.replace("YOU", "plain"))
    m.sh("sed -i /Upper=disk/d /etc/nsshell/nsshell.conf.d/students.conf")
    found, status, seen = warnings(root)
    check(status == 0 and not found, "with that done, and without Upper=disk, it has no warning", seen)
    m.sh("sed -i '$aUpper=disk' /etc/nsshell/nsshell.conf.d/students.conf")


def sessions(m, readme, admin):
    """Return: alice's terminal, in a box."""
    alice, bob = terminal_of(m, "alice", ALICE), terminal_of(m, "bob", BOB)
    check(inside(bob) not in (inside(alice), m.sh(NS).stdout.strip()), "bob, of the group, has a box of his own", "")
    seen = readme.type(admin, "sudo nsctl top -b", PLAIN)
    check(re.search(r"^2 sessions", seen, re.M), "nsctl top", seen)
    seen = readme.type(admin, "sudo nsctl set alice CPUQuota=20%", PLAIN)
    check("alice: set, until the account's last session ends" in seen, "nsctl set", seen)
    seen = readme.type(admin, "sudo nsctl stop bob", PLAIN)
    check(re.search(r"session \w+ of bob has ended", seen), "nsctl stop", seen)
    bob.close()
    readme.type(admin, "sudo nsjoin alice", ALICE)
    check(inside(admin) == inside(alice), "nsjoin steps into alice's", "")
    seen = readme.type(admin, "ps -ef", ALICE)
    check("nsshell: init of alice" in seen, "it shows her processes", seen)
    readme.type(admin, "exit", PLAIN)
    seen = readme.type(admin, "sudo nsjoin alice sh -c 'exit 7'; echo $?", PLAIN)
    check(re.search(r"^7$", seen, re.M), "a command's exit status comes back", seen)
    check(ask(alice, "echo mine >/srv/scratch/thesis && cat /srv/scratch/thesis") == "mine" and "thesis" not in m.sh("ls /srv/scratch").stdout,
          "what she writes beside the home is in her layer", "")
    return alice


def upgrade(m, readme, admin, alice):
    where = inside(alice)
    ask(admin, "cd newer")
    seen = readme.type(admin, "sudo apt install ./nsshell_*.deb", PLAIN, seconds=600)
    r = m.sh("dpkg-query -Wf '${Version}' nsshell")
    check(r.stdout.startswith("9"), "apt installs a later version over it", seen)
    check(inside(alice) == where, "the open session stays", inside(alice))
    seen = m.sh("nsctl list -o user,outdated,state").stdout
    check(re.search(r"^alice .*open", seen, re.M), "and is listed", seen)


def remove(m, readme, admin, alice):
    where, host = inside(alice), m.sh(NS).stdout
    seen = readme.type(admin, "sudo nsctl disable --all", PLAIN, [(NSCTL, "y")])
    check("-session" in seen and logs_in(m) == host, "nsctl disable --all: who logs in now has no box", seen)
    r = m.sh("nsctl enable --yes")
    check(logs_in(m) not in ("", host), "enabled once more", r.stdout)
    seen = readme.type(admin, "sudo apt remove nsshell", PLAIN, [(APT, "y")], 600)
    check(logs_in(m) == host and "alice: 1" in seen, "apt remove: the same, and it tells of sessions that are open", seen)
    check(inside(alice) == where, "which live on", "")
    alice.line("exit")
    alice.close()
    left = "pgrep -f '^nsshell: '; grep nsshell /proc/mounts"
    r = until(m, f"! {{ {left}; }}")
    check(r.returncode == 0, "until their last logout, which leaves nothing", r.stdout)
    seen = readme.type(admin, "sudo apt purge nsshell", PLAIN, [(APT, "y")], 600)
    check(re.search(r"left, .*: /var/lib/nsshell/upper ", seen) and "rm -rf --one-file-system /var/lib/nsshell" in seen,
          "apt purge says what it leaves, and how that goes", seen)
    r = m.sh("ls -A /etc/nsshell /etc/nsshell/nsshell.conf.d; find /var/lib/nsshell -name thesis -exec cat {} +; ls /var/log/nsshell")
    check("students.conf" in r.stdout and "mine\n" in r.stdout and "nsshell.conf\n" not in r.stdout and "No such file" in r.stdout,
          "the config's own file and what alice wrote stay", r.stdout)


def main():
    shape, package, newer = sys.argv[1:]
    release = vm.SHAPES[shape][1]
    vm.build_image(shape)
    m, readme = vm.Machine(vm.free_ports()), Readme()
    with m:
        m.start(shape)
        # The admin isn't slow, the machine is: sudo asks for the password once a terminal.
        m.sh(f"""date -s @{time.time():.3f}; groupadd students; usermod -aG students bob; install -d -m 1777 /srv/scratch
            usermod -aG sudo plain; echo Defaults timestamp_timeout=-1 >/etc/sudoers.d/slow""")
        for directory, path in ((f"build/deb/{release}", package), ("newer", newer)):
            m.put(archive(**{f"{directory}/{pathlib.Path(path).name}": path}))
        r = m.sh("mv /deb/* /home/plain/ && chown -R plain: /home/plain && apt-get update -qq", 900)
        check(r.returncode == 0, "a machine as the installer leaves it, with today's lists of packages", r.stdout)
        admin = terminal_of(m, "plain", PLAIN)
        install(m, readme, release, admin)
        root = first_quarter(m, readme, admin)
        checks(m, readme, root)
        alice = sessions(m, readme, admin)
        upgrade(m, readme, admin, alice)
        remove(m, readme, admin, alice)
    left = readme.commands() - readme.typed - ELSEWHERE
    check(not left, "what README.md has an admin type was typed", "\n".join(sorted(left)))


if __name__ == "__main__":
    try:
        main()
    except (vm.MachineError, OSError, subprocess.SubprocessError, ValueError, Timeout) as e:
        check(False, "the README's day gets to its end", f"{type(e).__name__}: {e}")
