# SPDX-License-Identifier: BSD-3-Clause
"""What is opened, joined and closed while one of its system calls fails, and what it should be."""

import re
import subprocess
import time

SERVICE = "nsshell-faults"
LIMITS = "MemoryMax=64M\nTasksMax=50\nCPUQuota=200%\n"
# Of /proc/PID/status: what a box decides.
STATUS = ("Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
          "NoNewPrivs", "Seccomp", "Seccomp_filters")


class Result:
    """What a run said, line by line."""

    def __init__(self, text, names, direct=None):
        """@direct: how a line of the program's begins that answers by its exit status alone."""
        self.text = text
        self.direct = direct
        self.fired = "fired=1" in text
        self.late = "late=1" in text
        self.said = re.findall(r"^said: (.*)", text, re.M)
        m = re.search(r"^open: (\d+) (\S+)", text, re.M)
        self.opened = int(m.group(1)) if m else None
        session = m.group(2) if m and m.group(2) != "-" else None
        m = re.search(r"^end: (\d+)", text, re.M) or re.search(r"status=(\d+)", text)
        self.end = int(m.group(1)) if m else None
        if direct:
            self.opened = None if self.end is None or self.end & 0x7f else self.end >> 8
            self.said = [x for x in text.splitlines() if x.startswith(direct)]
        self.seconds = 0.0
        self.facts = {f.replace(session, "ID") if session else f
                      for f in map(names.fact, text.splitlines()) if f}

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

    @staticmethod
    def _mount(value):
        fields = value.split()
        dash = fields.index("-")
        if fields[4] == "/dev/console":
            fields[3] = "/PTY"
        return " ".join(fields[3:6] + fields[dash + 1:dash + 2] +
                        [re.sub(r"(pts|gid|uid)=\d+", "", o) for o in fields[dash + 3:]])


class Login:
    """A login on a terminal, with limits, that who(1) shows; and its logout."""

    name = "login"
    options = ()
    direct = None
    one_in = 1  # of so many calls one is taken, but with --all
    default = ""

    def __init__(self, stage, user):
        self.stage, self.user = stage, user
        self.confdir = stage.private / "pam.faults"
        self.confdir.mkdir(exist_ok=True)
        (self.confdir / SERVICE).write_text(
            "auth required pam_permit.so\naccount required pam_permit.so\n"
            f"session required {stage.bin}/pam_mark.so on\n{stage.module_line()}"
            f"session required {stage.bin}/pam_mark.so off\n", encoding="ascii")
        (self.confdir / "other").write_text("auth required pam_deny.so\n", encoding="ascii")

    def begin(self):
        self.stage.conf.write_text(
            f"[Default]\nServices={SERVICE}\n[Group {self.stage.box_group}]\nIsolate=yes\n"
            f"{LIMITS}{self.default}", encoding="ascii")

    def end(self):
        pass

    def argv(self):
        return [self.stage.bin / "login", "-t", self.confdir, SERVICE, self.user.pw_name]


class Held(Login):
    """A session that is open all the while, without faults."""

    def begin(self):
        super().begin()
        self.holder = subprocess.Popen(
            [self.stage.bin / "pamcaller", "-i", "-d", self.confdir, "-s", SERVICE,
             self.user.pw_name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session = self.holder.stdout.readline().strip()
        for _ in range(200):  # its supervisor goes on for a moment
            if any(r.get("state") == "open" for r in self.stage.records()):
                break
            time.sleep(0.02)

    def end(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()


class Share(Held):
    """A second login into the account's one session."""

    name = "share"
    one_in = 4
    default = "Share=account\n"


class Join(Held):
    """nsjoin: an admin runs a command in a session."""

    name = "join"
    options = ("-a",)
    direct = "nsjoin: "
    LOOK = ("""for f in status cgroup mountinfo limits; do
        while read -r line; do echo "shell $f: $line"; done </proc/self/$f; done
        for n in user pid mnt uts ipc cgroup net; do
            echo "shell ns/$n: $(readlink /proc/self/ns/$n)"; done
        echo "out: $(id) $PWD $(hostname) $(env | sort | tr "\\n" " ")" """)

    def argv(self):
        return [self.stage.bin / "nsjoin", self.session, "sh", "-c", self.LOOK]


SCENES = (Login, Join, Share)
