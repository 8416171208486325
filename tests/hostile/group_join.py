# SPDX-License-Identifier: BSD-3-Clause
"""
An admin steps into a box whose owner expects them. What a login program that was taken over could
have done before, root of the box does here (nsjoin --root --force).
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from harness import kernel
from harness.pace import patient

PLANT = """
cp /home/NAME/evil.so /usr/lib/nst-evil.so; cp /home/NAME/evil.so /lib/ARCH/libnss_evil.so.2
echo 'passwd: evil files' >/etc/nsswitch.conf; echo 'group: evil files' >>/etc/nsswitch.conf
printf 'NAME:x:0:0::/:/tmp/evil.sh\\nroot2::0:0::/:/bin/sh\\n' >/etc/passwd
printf 'root:x:0:NAME\\n' >/etc/group
printf '#!/bin/bash.true\\necho "sh uid=$UID" >>/tmp/nst-evil.log\\nexec /bin/bash.true "$@"\\n' >/tmp/evil.sh
chmod 755 /tmp/evil.sh
mv /bin/bash /bin/bash.true && cp /tmp/evil.sh /bin/bash
mv /usr/bin/id /usr/bin/id.true && cp /tmp/evil.sh /usr/bin/id
echo 'echo profile >>/tmp/nst-evil.log' >/etc/profile
ln -sf /tmp/evil.sh /usr/local/bin/nsjoin; mkdir -p /usr/libexec/nsshell
cp /tmp/evil.sh /usr/libexec/nsshell/nsshell-helper
mkdir -p /tmp/x; mount --bind /tmp/x /proc; mount -t tmpfs none /dev/pts; mount --bind /tmp/x /dev
rm -rf /usr/share/locale/de /usr/lib/locale/*; ln -s /tmp /usr/lib/locale/C.utf8
echo /usr/lib/nst-evil.so >/etc/ld.so.preload
"""


def planted(g, danger):
    """The whole system library, shell and account data of the box are the attacker's."""
    source = g.alice.pw_dir + "/evil.so"
    shutil.copy(g.attack.with_name("evil.so"), source)
    libc = next(pathlib.Path("/lib").glob("*-linux-gnu*/libc.so.6"))
    host_log = pathlib.Path("/tmp/nst-evil.log")
    script = PLANT.replace("NAME", g.alice.pw_name).replace("ARCH", libc.parent.name)
    g.judge("root of the box plants a shell, an NSS module, ld.so.preload, passwd, a profile",
            g.admin("-q", "--root", "--force", g.alice.pw_name, "sh", "-c", script).returncode, ".*")
    me = g.me.do("cat /etc/ld.so.preload /etc/nsswitch.conf | tr '\\n' ' '")
    g.judge("(they are in place)", me, "/usr/lib/nst-evil.so .*evil.*")
    init = int(g.scene.record_of(g.alice.pw_name)["init_pid"])
    mnt = kernel.namespaces(init)["mnt"]
    r = g.admin("-q", g.alice.pw_name, "id")
    g.judge("nsjoin USER id, id being the attacker's", r.returncode, ".*")
    r = g.admin("-q", g.alice.pw_name, input="exit 5\n")
    g.judge("nsjoin USER: the shell of the account outside, not of the box's passwd", r.returncode,
            "5")
    r = g.admin("-q", "--root", "--force", g.alice.pw_name, "true")
    g.judge("nsjoin --root", r.returncode, "0")
    for word in ("list", "status", f"status {g.alice.pw_name}", "metrics", "top -b -n 1", "check"):
        r = g.stage.run(g.stage.bin / "nsctl", *word.split(), timeout=10)
        g.judge(f"nsctl {word} goes on", r.returncode < 126, "True")
    r = g.stage.run("runuser", "-l", g.alice.pw_name, "-c", "cat /etc/ld.so.preload; echo in")
    g.judge("another login of the account works, and has nothing of the plants",
            ["in" in r.stdout.split(), "No such file" in r.stderr], r"\[True, True\]")
    log = g.me.do("cat /tmp/nst-evil.log")
    lines = [x.split() for x in log.splitlines() if x.startswith(("loaded", "nss", "pam"))]
    g.judge("the plants have run", len(lines) > 0, "True")
    g.judge("never in a program of nsshell's", [x for x in lines if "nsjoin" in x[1] or
                                               "nsctl" in x[1] or "nsshell" in x[1]], r"\[\]")
    g.judge("never by a name look-up of who enters", [x for x in lines if x[0] != "loaded"], r"\[\]")
    g.judge("always in the box", {x[4] for x in lines} == {mnt}, "True")
    caps = {x[3] for x in lines if x[2] != "uid=0"}
    g.judge("without a capability where it is the user", caps <= {"0" * 16}, "True")
    g.judge("and without a dangerous one where it is root of the box", {x[3] for x in lines if int(x[3], 16) & danger}, r"set\(\)")
    g.judge("nothing of it has run on the host", host_log.exists(), "False")
    g.judge("the host's passwd and preload are as they were", os.path.exists("/etc/ld.so.preload"),
            "False")
    os.unlink(source)


# CAP_SYS_MODULE, RAWIO, PTRACE, ADMIN, BOOT, TIME, NET_ADMIN, NET_RAW, MKNOD, DAC_READ_SEARCH,
# SETFCAP, SYSLOG, PERFMON, BPF, MAC_ADMIN
DANGER = sum(1 << c for c in (16, 17, 19, 21, 22, 25, 12, 13, 27, 2, 31, 34, 38, 39, 33))


def stalked(g):
    """Both the user and root of the box go for everything that enters, before it executes."""
    digest = g.stage.bin.joinpath("nsjoin").read_bytes()
    g.me.do("(./attack stalk 5 nsjoin >/tmp/stalk.user 2>&1 </dev/null &)")
    root = subprocess.Popen([str(g.stage.bin / "nsjoin"), "-q", "--root", "--force", g.alice.pw_name,
                             f"{g.alice.pw_dir}/attack", "stalk", "5", "nsjoin"],
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    end, n = time.monotonic() + 4, 0
    while time.monotonic() < end:
        g.admin("-q", g.alice.pw_name, "true")
        g.admin("-q", "--root", "--force", g.alice.pw_name, "true")
        n += 2
    out, _ = root.communicate(timeout=patient(20))
    time.sleep(1)
    g.tries += n
    g.judge(f"memory, /proc/PID/exe and ptrace of {n} who enter, by root of the box",
            out, "saw (some|none), had nothing")
    g.judge("and by the user", g.me.do("cat /tmp/stalk.user"), "saw (some|none), had nothing")
    g.judge("nsjoin's file is as it was", g.stage.bin.joinpath("nsjoin").read_bytes() == digest,
            "True")


def _held_up(g):
    """Root of the box stops or kills whatever enters: the admin's command ends when she says so."""
    for name in ("STOP", "KILL"):
        code = (f"import os, signal, time\nend = time.time() + {patient(8)}\nme = os.getpid()\n"
                "while time.time() < end:\n"
                "    for p in os.listdir('/proc'):\n"
                "        if p.isdigit() and int(p) > me and int(p) != me:\n"
                f"            try: os.kill(int(p), signal.SIG{name})\n"
                "            except OSError: pass\n")
        (pathlib.Path(g.alice.pw_dir) / "stop.py").write_text(code, encoding="ascii")
        stopper = subprocess.Popen([str(g.stage.bin / "nsjoin"), "-q", "--root", "--force",
                                    g.alice.pw_name, "python3", f"{g.alice.pw_dir}/stop.py"],
                                   stdin=subprocess.DEVNULL)
        time.sleep(patient(0.7))
        ends = set()
        for _ in range(6):
            p = subprocess.Popen([str(g.stage.bin / "nsjoin"), "-q", g.alice.pw_name, "sleep", "0.2"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            time.sleep(patient(0.3))
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(patient(2))
                ends.add("ends")
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                ends.add("hangs")
        stopper.kill()
        stopper.wait()
        g.tries += 5
        g.judge(f"nsjoin into a box whose root sends SIG{name} to all who enter: SIGTERM ends it",
                sorted(ends), r"\['ends'\]")
        for p in kernel.processes():
            if "stop.py" in p.command() or p.command().startswith("sleep 0.2"):
                g.kill(p.pid)
    os.unlink(f"{g.alice.pw_dir}/stop.py")


def _records(g):
    """Whatever a record says, nobody is joined but the init that it was written for."""
    name = g.alice.pw_name
    own, theirs = g.scene.record_of(name), g.scene.record_of(g.bob.pw_name)
    path = pathlib.Path(f"/run/nsshell/sessions/{own['id']}")
    good = path.read_text(encoding="ascii")
    me = kernel.Process(os.getpid())
    host = {f"ns_{n}": re.sub(r"\D", "", v) for n, v in kernel.namespaces().items()}
    first = {"ns_user": 0xEFFFFFFD, "ns_pid": 0xEFFFFFFC, "ns_uts": 0xEFFFFFFE, "ns_ipc": 0xEFFFFFFF}
    bobs = {k: theirs[k] for k in theirs if k.startswith(("ns_", "init_"))}
    canary = kernel.Process(g.values["same"])
    wrong = {
        "whose init died and whose pid is somebody else's now": {"init_pid": canary.pid},
        "the same, its start time forged too": {"init_pid": canary.pid, "init_start": canary.start},
        "with an older start time": {"init_start": int(own["init_start"]) - 1},
        "naming the host's init": {"init_pid": 1, "init_start": kernel.Process(1).start},
        "naming the host's init and its namespaces": {"init_pid": 1, "init_start":
                                                      kernel.Process(1).start, **host},
        "naming initial namespaces": first,
        "naming the observer and its namespaces": {"init_pid": me.pid, "init_start": me.start, **host},
        "naming the other's init": {k: v for k, v in bobs.items() if k.startswith("init_")},
        "without namespaces": {k: 0 for k in own if k.startswith("ns_")},
        "with the own mount, but the host's user namespace": {"ns_user": host["ns_user"]},
        "of uid 0": {"uid": 0}, "with a negative pid": {"init_pid": -1}, "with pid 0": {"init_pid": 0},
        "with a huge pid": {"init_pid": 2 ** 63}, "with letters for a pid": {"init_pid": "self"},
        "with a cgroup outside": {"cgroup": "../../.."},
    }
    try:
        for what, change in wrong.items():
            lines = [f"{k}={change.get(k, v)}" for k, v in own.items()]
            path.write_text("\n".join(lines) + "\n", encoding="ascii")
            r = g.admin("-q", name, "readlink", "/proc/self/ns/mnt")
            g.judge(f"a record {what}", f"{r.returncode} {r.stdout}", "125 ?")
    finally:
        path.write_text(good, encoding="ascii")
    r = g.admin("-q", name, "true")
    g.judge("and the true one", r.returncode, "0")


def run(g):
    _records(g)
    stalked(g)
    _held_up(g)
    planted(g, DANGER)
    g.me.close(3)
    g.me = g.login(g.alice.pw_name)
