# SPDX-License-Identifier: BSD-3-Clause
"""What is opened, joined and closed while one of its system calls fails, and what it should be."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
import types

from harness.imagestore import STORE, Store, busybox
from harness.stage import LIBEXEC, STATE
from test_door import Door as DoorPrograms

SERVICE = "nsshell-faults"
# What a session's processes become lies elsewhere, and counts in each scene.
RESIDENT = tuple(f"{LIBEXEC}/nsshell-{name}" for name in ("supervisor", "worker", "init"))
# What a box has in the place of the host's commands.
CLIENT = LIBEXEC + "/nsshell-command"
POOL, AT = "- 4096 100.64.0.0/16 fd6e:7373::/48", "'at 100.64.0.1 fd6e:7373::1'"
LIMITS = "MemoryMax=64M\nTasksMax=50\nCPUQuota=200%\n"
# Of /proc/PID/status: what a box decides.
STATUS = ("Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
          "NoNewPrivs", "Seccomp", "Seccomp_filters")
# What a shell inside says of itself, where no witness outside does.
LOOK = """for f in status cgroup mountinfo limits; do
    while read -r line; do echo "shell $f: $line"; done </proc/self/$f; done
    for n in user pid mnt uts ipc cgroup net; do
        echo "shell ns/$n: $(readlink /proc/self/ns/$n)"; done
    echo "out: $(id) $PWD $(hostname) $(env | sort | tr "\\n" " ")" """


def _tiny(root):
    busybox(root)
    for name in ("sort", "tr"):
        os.symlink("busybox", root / "bin" / name)


def _data(root):
    (root / "srv/data").mkdir(parents=True)
    (root / "srv/data/kept").write_text("of the image\n", encoding="ascii")
    os.symlink("kept", root / "srv/data/link")


class Result:
    """What a run said, line by line."""

    def __init__(self, text, scene, names):
        self.text = text
        self.direct = scene.direct
        self.met, self.fired = "met=1" in text, "fired=1" in text
        self.late = "late=1" in text
        self.said = re.findall(r"^said: (.*)", text, re.M)
        m = re.search(r"^open: (\d+) (\S+)", text, re.M)
        self.opened = int(m.group(1)) if m else None
        m = re.search(r"^end: (\d+)", text, re.M) or re.search(r"status=(\d+)", text)
        self.end = int(m.group(1)) if m else None
        if self.direct:
            self.opened = None if self.end is None or self.end & 0x7f else self.end >> 8
            # On a terminal the command's last line may not have been at its end.
            self.said = [x for x in text.splitlines() if any(d in x for d in self.direct)]
        self.seconds = 0.0
        self.facts = scene.facts(self, names)

    def session(self):
        m = re.search(r"^open: 0 (\w+)", self.text, re.M) or \
            re.search(r"\bNSSHELL_SESSION=(\w+)", self.text)
        return m.group(1) if m else None

    def of_living(self):
        """Without what /proc said of a process that was dying: that has left groups and memory."""
        return {f for f in self.facts
                if f.startswith("out") or f"{f.split()[0]} status: VmSize:" in self.text}

    def is_in(self):
        return self.opened == 0 and self.end == 0 and any(f.startswith("out") for f in self.facts)

    def is_refused(self):
        return self.opened not in (None, 0) and (self.direct is not None or self.end == 256)

    def still_there(self):
        return ", ".join(re.findall(r"^inject: still there: (.*)", self.text, re.M))


class Names:
    """Makes facts of two logins comparable: ids of sessions, namespaces, processes go."""

    def __init__(self, host):
        self.host = host  # namespace links of the host
        self.same_root = False  # the rootfs is that of a session that is there all the while

    def fact(self, line):
        m = re.match(r"(caller|shell|out)( [^:]*)?: (.*)", line)
        if not m:
            return None
        who, what, value = m.group(1), (m.group(2) or "").strip(), m.group(3)
        if value == "":
            return None  # it died while it was looked at
        if what == "status":
            return f"{who} {what}: {value}" if value.split(":")[0] in STATUS else None
        if what.startswith("ns/"):
            return f"{who} {what}: {'host' if value in self.host else 'box'}"
        if what == "mountinfo":
            value = self._mount(value)
        return f"{who} {what}: {value}"

    def _mount(self, value):
        fields = value.split()
        if "-" not in fields:
            return value  # somebody spoke in between
        dash = fields.index("-")
        if fields[4] == "/dev/console":
            fields[3] = "/PTY"
        root = fields[2:3] if self.same_root and fields[4] == "/" else []
        return " ".join(root + fields[3:6] + fields[dash + 1:dash + 2] +
                        [re.sub(r"(pts|gid|uid)=\d+", "", o) for o in fields[dash + 3:]])


class Login:
    """A login on a terminal, with limits, that who(1) shows; and its logout."""

    name = "login"
    options = ()
    direct = None     # how a line begins with which one speaks that has an exit status to answer with
    mute = ()         # failing calls that only the exit status tells: stdio is the command's by then; "write", "passwd write"
    on_terminal = False
    sweeps = False    # what is left may be taken away by the next login
    beyond = None     # only what that scene doesn't do as well
    one_in = 2        # of so many calls one is taken, but with --all
    own = ()          # of these programs all are
    default = ""
    rare = False      # not one of those that make check runs
    where = ()        # a command before that of a session that is held
    # With them a supervisor looks now and then for programs that were replaced.
    commands = "none"
    gate = ""

    def __init__(self, stage, user):
        self.stage, self.user = stage, user
        self.directory = stage.bin  # programs here count
        self.confdir = stage.private / "pam.faults"

    def counted(self):
        return [word for path in (self.directory, *RESIDENT) for word in ("-o", path)]

    def begin(self, names):
        """Before all of its faults."""
        names.same_root = False
        self.confdir.mkdir(exist_ok=True)
        (self.confdir / SERVICE).write_text(
            "auth required pam_permit.so\naccount required pam_permit.so\n"
            f"session required {self.stage.bin}/pam_mark.so on\n{self.pam()}"
            f"session required {self.stage.bin}/pam_mark.so off\n", encoding="ascii")
        (self.confdir / "other").write_text("auth required pam_deny.so\n", encoding="ascii")
        self.stage.conf.write_text(
            f"[Default]\nServices={SERVICE}\n[Group {self.stage.box_group}]\nIsolate=yes\n"
            f"HostCommands={self.commands}\n{LIMITS}{self.default}", encoding="ascii")

    def before(self):
        """Before each."""

    def end(self):
        """After all."""

    def pam(self):
        return self.stage.module_line()

    def argv(self):
        return [self.stage.bin / "login", "-t", self.confdir, SERVICE, self.user.pw_name]

    def facts(self, result, names):
        session = result.session()
        return {f.replace(session, "ID") if session else f
                for f in map(names.fact, result.text.splitlines()) if f}

    def _hold(self):
        """A session that is open, without faults."""
        holder = subprocess.Popen(  # pylint: disable=consider-using-with
            [*self.where, self.stage.bin / "pamcaller", "-i", "-d", self.confdir, "-s", SERVICE,
             self.user.pw_name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.session = holder.stdout.readline().strip()
        if not holder.session:
            self._let_go(holder)
            raise RuntimeError("a login without a fault is refused: "
                               f"{self.stage.syslog.lines('refused')[-1:]}")
        for _ in range(500):  # its supervisor goes on for a moment
            if any(r.get("state") == "open" and r["id"] == holder.session
                   for r in self.stage.records()):
                break
            time.sleep(0.02)
        return holder

    @staticmethod
    def _let_go(holder):
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()


class Held(Login):
    """Beside a session that is open all the while."""

    holder = None

    def begin(self, names):
        super().begin(names)
        self.holder = self._hold()

    def end(self):
        if self.holder:
            self._let_go(self.holder)


class Second(Held):
    """A second login of an account, which shares the first one's rootfs."""

    name = "second"
    default = "Upper=disk\n"
    beyond = Login
    one_in = 5  # prime to the six errors, which are drawn by the same number

    def begin(self, names):
        super().begin(names)
        names.same_root = True


class Network(Held):
    """A second login of an account, which shares the first one's network."""

    name = "network"
    default = "Network=none\n"
    beyond = Login


class OwnNetwork(Login):
    """A login that makes a network of its own."""

    name = "own-network"
    default = "Network=none\nNetworkShare=login\n"
    beyond = Login


class Private(Login):
    """A login that has a link made, on a host of its own: of nsshell-net each call fails."""

    name = "private"
    default = "Network=private\nIPAddressDeny=10.0.0.0/8\nPublish=8000 53/udp\n"
    own = ("nsshell-net",)

    def __init__(self, stage, user):
        super().__init__(stage, user)
        self.directory = LIBEXEC

    def argv(self):
        return ["/usr/bin/unshare", "-n", "/bin/sh", "-c", 'ip link set lo up; exec "$@"', "sh",
                *super().argv()]


class Watch(Private):
    """The same; of the supervisor, who watches the host's table meanwhile, each call fails that others' don't make."""

    name = "watch"
    rare = True
    beyond = Login
    own = ()

    def __init__(self, stage, user):
        super().__init__(stage, user)
        self.directory = stage.bin


class Rules(Held):
    """nsctl set: nsshell-net has other rules hold for a session with a link. All of it, or nothing."""

    name = "net-set"
    rare = True
    sweeps = True     # what somebody was about to write tells the next one to make the table anew
    options = ("-a",)
    direct = ("nsshell-net says: ",)
    mute = ("write",)  # it has no other way to say so
    default = Private.default
    own = ("nsshell-net",)
    words = f"set {{}} 'deny 10.9.0.0/16' 'port 25-25/tcp' 'publish 8001/tcp' {AT}"
    # What of the table is to be seen afterwards, and that it is no half of it.
    table = """nft -s list table inet nsshell | sed 's/^/out: /'
               for f in /run/nsshell/net/*; do echo "out: $f: $(tr '\\n' ' ' <$f)"; done"""
    whole = "case $(nft list set inet nsshell deny4) in *10.9.*10.8.*|*10.8.*10.9.*) exit 0;; *10.8.*|*10.9.*) ;; *) exit 0; esac"

    def __init__(self, stage, user):
        super().__init__(stage, user)
        self.directory = LIBEXEC
        self.host = self.supervisor = self.number = None

    def begin(self, names):
        self.host = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "-n", "sh", "-c", "ip link set lo up; echo up; exec cat"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.host.stdout.readline()
        self.where = ("/usr/bin/nsenter", "-t", str(self.host.pid), "-n")
        super().begin(names)
        record = next(r for r in self.stage.records() if r["id"] == self.holder.session)
        self.number, self.supervisor = record["number"], int(record["supervisor_pid"])
        # It would mend what is tried here.
        os.kill(self.supervisor, signal.SIGSTOP)
        self.before()

    def end(self):
        if self.supervisor:
            os.kill(self.supervisor, signal.SIGCONT)
        super().end()
        if self.host:
            self._let_go(self.host)

    def do(self, script):
        subprocess.run([*self.where, "sh", "-c", script], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def before(self):
        self.do(f"{LIBEXEC}/nsshell-net rules {self.number} {POOL} 'deny 10.8.0.0/16' 'publish 8002/tcp' {AT}")

    def argv(self):
        return [*self.where, "sh", "-c", f"said=$({LIBEXEC}/nsshell-net {self.words.format(self.number)}) || "
                f"{{ s=$?; {self.whole}; [ -z \"$said\" ] || echo \"{self.direct[0]}$said\"; exit $s; }}; {self.table}"]


class RulesAnew(Rules):
    """The same as the next login has it, where somebody has taken the table away."""

    name = "net-rules"
    words = f"rules {{}} {POOL} 'deny 10.9.0.0/16' 'publish 8001/tcp' {AT}"
    whole = "nft list table inet nsshell >/dev/null 2>&1 && { " + Rules.whole + "; }"

    def before(self):
        super().before()
        self.do("nft delete table inet nsshell")


class Mend(RulesAnew):
    """nsshell-net makes a table anew that somebody has taken away: all of it or nothing."""

    name = "net-mend"
    words = "mend"
    whole = "! nft list table inet nsshell >/dev/null 2>&1 || nft list map inet nsshell publish4 | grep -q 8002 || exit 0"


class SweepLinks(Rules):
    """nsctl gc: of a link that is gone nothing is left in the table."""

    name = "net-sweep"
    words = "sweep"
    whole = ":"

    def before(self):
        self.do("""nft 'add element inet nsshell deny4 { "nssh77" . 10.7.0.0/16 }; add element inet nsshell connections '\
                   '{ "nssh78" ct count over 4096 }'; echo "deny 10.7.0.0/16" >/run/nsshell/net/77""")


class Count(Rules):
    """nsctl top: what went through each link, and what was refused."""

    name = "net-count"
    words = "count"
    # Elements that libnftables couldn't fetch are none to it: what was refused may be 0 for once.
    table = 'echo "out: $(echo "$said" | cut -d" " -f 1)"'
    whole = ":"

    def before(self):
        self.do(f"""nft delete element inet nsshell refused '{{ "nssh{self.number}" }}' 2>/dev/null
                    nft add element inet nsshell refused '{{ "nssh{self.number}" counter packets 5 bytes 400 }}'""")


class LookOut(Rules):
    """nsctl check: what the kernel lacks, and what stands in the way of the host's links."""

    name = "net-look"
    words = "look"
    table = "echo out: nothing; nft list tables | sed 's/^/out: /'"
    whole = "! nft list table inet nsshell_tried >/dev/null 2>&1 || exit 0"

    def before(self):
        pass


class Image(Login):
    """A login over an image, with a volume that is filled from it for the first time."""

    name = "image"
    default = "RootFS=image:tiny:1\nVolumes=data:/srv/data\n"
    beyond = Login
    one_in = 3

    def begin(self, names):
        super().begin(names)
        shutil.rmtree(STORE, ignore_errors=True)
        STORE.mkdir(parents=True, mode=0o700)
        store = Store()
        store.tag("tiny:1", [store.layer(_tiny), store.layer(_data)])

    def before(self):
        shutil.rmtree(f"{STATE}/volumes/{self.user.pw_uid}/data", ignore_errors=True)


class Import(Login):
    """nsctl image import: the image is there, or it isn't, and the store is whole."""

    name = "image-import"
    rare = True
    sweeps = True      # what somebody was about to write the next one takes away
    options = ("-a",)
    direct = ("nsctl image import: ", "nsctl: ")
    mute = ("write",)
    own = ("nsshell-image",)
    words = ("import", "{tree}", "new:1")

    def __init__(self, stage, user):
        super().__init__(stage, user)
        self.directory = LIBEXEC
        self.tree = stage.base / "tree"

    def nsctl(self, *words):
        return subprocess.run([self.stage.bin / "nsctl", "image", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)

    def begin(self, names):
        super().begin(names)
        shutil.rmtree(STORE, ignore_errors=True)
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.mkdir()
        _tiny(self.tree)
        self.nsctl("import", self.tree, "tiny:1")
        _data(self.tree)

    def before(self):
        self.nsctl("remove", "new:1")

    def argv(self):
        return [self.stage.bin / "nsctl", "image", *(w.format(tree=self.tree, user=self.user.pw_name) for w in self.words)]

    def facts(self, result, names):
        """By one that isn't traced. What is half shows as a success that is another."""
        r = self.nsctl("fsck")
        if r.returncode != 0:
            result.opened = result.end = 0
            return {f"out: the store is half: {r.stdout}"}
        found = self.nsctl("list", "-n", "-r").stdout
        self.before()
        return {f"out: {line.split()[0]} {line.split()[3]}" for line in found.splitlines() if line.startswith("new:1 ") or result.opened != 0}


class Commit(Import):
    """nsctl image commit, of what was written with Upper=disk."""

    name = "image-commit"
    direct = ("nsctl image commit: ", "nsctl: ")
    default = "RootFS=image:tiny:1\nUpper=disk\n"
    words = ("commit", "{user}", "new:1")

    def begin(self, names):
        super().begin(names)
        self._let_go(self._hold())
        while self.stage.records():
            time.sleep(0.02)
        layer = f"{STATE}/upper/{self.user.pw_uid}/upper/+tiny:1"
        for i in range(5):
            with open(f"{layer}/{i}", "w", encoding="ascii") as f:
                f.write("written\n")
        os.mknod(f"{layer}/root", 0o020000, 0)


class Share(Held):
    """A second login into the account's one session."""

    name = "share"
    one_in = 4
    default = "Share=account\n"


class Sweep(Login):
    """A login that finds a session whose supervisor was killed."""

    name = "sweep"
    beyond = Login
    one_in = 5
    sweeps = True

    def before(self):
        holder = self._hold()
        for r in self.stage.records():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(r["supervisor_pid"]), signal.SIGKILL)
        holder.kill()
        self._let_go(holder)


class Gate(Login):
    """The line above pam_systemd's, which skips that for an account that will be isolated."""

    name = "gate"
    one_in = 5

    def pam(self):
        return self.stage.module_line("gate", control="[success=1 default=ignore]") + \
            "session optional pam_echo.so not skipped\n"

    def facts(self, result, names):
        """Whatever fails: its account's own user manager mustn't be started."""
        return {"out: past the gate"} | {f"said {s}" for s in result.said}

    def argv(self):
        return [self.stage.bin / "login", self.confdir, SERVICE, self.user.pw_name]


class Join(Held):
    """nsjoin: an admin runs a command in a session."""

    name = "join"
    options = ("-a",)
    direct = ("nsjoin: ",)

    def argv(self):
        return [self.stage.bin / "nsjoin", self.holder.session, "sh", "-c", LOOK]


class JoinTerminal(Join):
    """The same from a terminal, with a pty of the session's own."""

    name = "join-pty"
    on_terminal = True
    beyond = Join


class Door(Login):
    """nsshell, the login shell, and its door."""

    name = "door"
    options = ("-a",)
    direct = ("nsshell: ", "nsshell-door ", "This login was refused")
    mute = ("poll",)
    one_in = 5
    own = ("nsshell", "nsshell-door")

    def __init__(self, stage, user):
        super().__init__(stage, user)
        self.directory = stage.base
        self.shell = DoorPrograms(types.SimpleNamespace(stage=stage)).shell

    def argv(self):
        return ["/usr/bin/setpriv", "--reuid", self.user.pw_uid, "--regid", self.user.pw_gid,
                "--init-groups", self.shell, "-c", LOOK]


class DoorTerminal(Door):
    """The same from a terminal."""

    name = "door-pty"
    on_terminal = True
    beyond = Door


class Host(Door):
    """The same, and a program of the host's that is run for it."""

    name = "host"
    direct = (*Door.direct, "passwd: ")
    # Whether there is anything to speak to; and what isn't heard of a command's end is told as that it was killed.
    mute = (*Door.mute, "nsshell-worker sendmsg", *(f"{client} {call}" for client in ("passwd", "newgrp", "wall") for call in ("fcntl", "recvmsg")))
    commands = "passwd"
    beyond = Door

    def counted(self):
        return [*super().counted(), "-o", CLIENT]

    def argv(self):
        return [*super().argv()[:-1], LOOK + "; passwd -S || exit 1"]


class Inside(Host):
    """The same, and what its session does for it: another group first, and words for its terminals."""

    name = "inside"
    direct = (*Door.direct, "sg: ", "wall: ")
    commands = Door.commands

    def argv(self):
        """What has the group is looked at as closely as the shell that it is called from."""
        return [*super().argv()[:-1], LOOK + f"; sg {self.stage.box_group} -c '{LOOK}' && wall words || exit 1"]


SCENES = (Login, Gate, Second, Network, OwnNetwork, Private, Watch, Rules, RulesAnew, Mend, SweepLinks, Count, LookOut, Image, Import, Commit, Share, Sweep, Join, JoinTerminal, Door, DoorTerminal, Host, Inside)
