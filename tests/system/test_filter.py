# SPDX-License-Identifier: BSD-3-Clause
"""The system call filter and nested user namespaces, as a user of a box meets them."""

import os
import pathlib
import re
import shutil
import subprocess

from harness.pace import patient
from harness.scene import Scene
from test_door import door_of

PYTHON = "/usr/bin/python3"

# Types into the terminal that it has of its own, and says what came of it.
TYPE = """
import errno, fcntl, os, pty, sys, termios
master, slave = pty.openpty()
if os.fork():
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
for request in (0x5412, 0x541c):
    try:
        fcntl.ioctl(slave, request, b"x")
        print("done")
    except OSError as e:
        print(errno.errorcode[e.errno])
sys.stdout.flush()
os._exit(0)
"""

# By number: bpf, keyctl, unshare(CLONE_NEWUSER), clone3 and personality(READ_IMPLIES_EXEC).
CALLS = {"x86_64": (321, 250, 272, 435, 135), "aarch64": (280, 219, 97, 435, 92)}
TRY = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for nr, arg in zip({numbers}, (-1, 0, 0x10000000, 0, 0x400000)):
    r = libc.syscall(nr, arg, 0, 0, 0, 0)
    print("done" if r >= 0 else errno.errorcode[ctypes.get_errno()])
"""


def _python(text):
    return [PYTHON, "-c", text]


def _quoted(words):
    return " ".join("'" + w.replace("'", "'\\''") + "'" for w in words)


def _tries():
    numbers = CALLS.get(os.uname().machine)
    return numbers and _python(TRY.format(numbers=numbers))


def _nsjoin(b, *arguments):
    return b.run(str(b.stage.bin / "nsjoin"), *arguments)


def _seccomp(text):
    """Mode and number of filters out of /proc/PID/status."""
    return re.findall(r"^Seccomp(?:_filters)?:\s+(\d+)", text, re.M)


STATUS = "cat /proc/self/status"


# By number: _sysctl, uselib, create_module, nfsservctl, lookup_dcookie; adjtimex reads only.
GONE = {"x86_64": (156, 134, 174, 180, 212), "aarch64": (18, 42)}
ADJTIMEX = {"x86_64": 159, "aarch64": 171}
ASK = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for nr in {gone}:
    r = libc.syscall(nr, 0, 0, 0, 0, 0)
    print("done" if r >= 0 else errno.errorcode[ctypes.get_errno()])
buf = ctypes.create_string_buffer(1024)
print("reads" if libc.syscall({adjtimex}, buf) >= 0 else errno.errorcode[ctypes.get_errno()])
buf[0] = 2  # ADJ_FREQUENCY
print("sets" if libc.syscall({adjtimex}, buf) >= 0 else errno.errorcode[ctypes.get_errno()])
"""


def test_what_is_not_there_answers_as_outside(b: Scene):
    machine = os.uname().machine
    if machine not in GONE:
        b.skip("calls by their numbers", f"not known for {machine}")
        return
    ask = _python(ASK.format(gone=GONE[machine], adjtimex=ADJTIMEX[machine]))
    wanted = ["ENOSYS"] * len(GONE[machine]) + ["reads", "EPERM"]
    outside = b.run(*ask, user=b.plain.pw_uid, group=b.plain.pw_gid, extra_groups=[]).stdout.split()
    inside = b.ssh(b.alice.pw_name, _quoted(ask))
    b.check(inside.stdout.split() == wanted, "calls that no kernel has any more say so inside, and "
            "adjtimex reads the clock and doesn't set it", inside.stdout, inside.stderr)
    b.check(outside == wanted, "as they do outside", outside)


def test_every_way_in(b: Scene):
    name = b.alice.pw_name
    with b.shell(name) as s:
        own = _seccomp(s.do(STATUS))
        b.check(own[:1] == ["2"] and own[1:] in ([], ["1"]), "a login is under one filter", own)
        r = _nsjoin(b, name, "sh", "-c", STATUS)
        b.check(_seccomp(r.stdout) == own, "and what nsjoin runs there", r.stdout[-300:], r.stderr)
        r = _nsjoin(b, "--root", "--force", name, "sh", "-c", STATUS)
        b.check(_seccomp(r.stdout) == own, "root of the box too", _seccomp(r.stdout), r.stderr)
        init = pathlib.Path(f"/proc/{b.record_of(name)['init_pid']}/status").read_text("ascii")
        b.check(_seccomp(init) == own, "and its init", _seccomp(init))
        if not _tries():
            b.skip("calls by their numbers", f"not known for {os.uname().machine}")
        else:
            wanted = ["EPERM", "EPERM", "EPERM", "ENOSYS", "EPERM"]
            r = b.ssh(name, _quoted(_tries()))
            b.check(r.stdout.split() == wanted, "bpf, keyctl, unshare of users, clone3 and "
                    "personality are refused in a login", r.stdout, r.stderr)
            # By its id: the session of the line before may still be ending.
            r = _nsjoin(b, s.do("echo $NSSHELL_SESSION"), *_tries())
            b.check(r.stdout.split() == wanted, "and to what nsjoin runs", r.stdout, r.stderr)
    for way, r in (("su", b.run("su", "-", name, "-c", STATUS)),
                   ("nsctl run", b.run(str(b.stage.bin / "nsctl"), "run", "--config",
                                       str(b.stage.conf), "--helper", str(b.stage.helper),
                                       name, "--", "sh", "-c", STATUS))):
        b.check(_seccomp(r.stdout) == own, f"a session by {way} is too", _seccomp(r.stdout), r.stderr)
    with door_of(b, b.alice):
        r = b.ssh(name, STATUS)
        b.check(_seccomp(r.stdout) == own, "and one by nsshell as the login shell",
                _seccomp(r.stdout), r.stderr)


def test_a_session_keeps_its_filter(b: Scene):
    name = b.alice.pw_name
    shutil.rmtree("/run/nsshell/filters", ignore_errors=True)  # of tests before, with other rules
    with b.shell(name) as s:
        s.do("true")
        b.stage.config("SystemCallFilter=no\n")
        r = _nsjoin(b, name, "sh", "-c", STATUS)
        b.check(_seccomp(r.stdout)[:1] == ["2"], "who steps in has the filter that the session was "
                "opened with, whatever the config says now", _seccomp(r.stdout), r.stderr)
    with b.shell(name) as s:
        b.check(_seccomp(s.do(STATUS))[:1] == ["0"], "SystemCallFilter=no: none")
        b.stage.config()
        r = _nsjoin(b, name, "sh", "-c", STATUS)
        b.check(_seccomp(r.stdout)[:1] == ["0"], "and none for who steps in", r.stdout[-200:], r.stderr)
    kept = sorted(os.listdir("/run/nsshell/filters"))
    b.check(len(kept) == 1 and re.fullmatch("[0-9a-f]{16}", kept[0]),
            "all sessions with the same rules share one program", kept)
    with b.shell(name) as s:
        s.do("true")
        os.rename(f"/run/nsshell/filters/{kept[0]}", "/run/nsshell/filters/away")
        r = _nsjoin(b, name, "true")
        b.check(r.returncode == 125 and "filter" in r.stderr, "nobody steps in without the session's "
                "filter", f"{r.returncode} {r.stderr}")
    r = b.ssh(name, STATUS)
    b.check(_seccomp(r.stdout)[:1] == ["2"], "a login makes it anew", r.stdout[-200:], b.log_tail())
    os.unlink("/run/nsshell/filters/away")


def test_typing_into_terminals(b: Scene):
    name = b.alice.pw_name
    r = b.ssh(name, _quoted(_python(TYPE)))
    b.check(r.stdout.split() == ["EPERM", "EPERM"], "TIOCSTI and TIOCLINUX are refused",
            r.stdout, r.stderr)
    b.stage.config("SystemCallFilter=@terminal\n")
    r = b.ssh(name, _quoted(_python(TYPE)))
    b.check(r.stdout.split() in (["done", "ENOTTY"], ["EIO", "ENOTTY"], ["done", "EINVAL"],
                                 ["EIO", "EINVAL"]),
            "SystemCallFilter=@terminal leaves them to the kernel", r.stdout, r.stderr)


def test_namespaces(b: Scene):
    name = b.alice.pw_name
    r = b.ssh(name, "unshare -Ur id -u")
    b.check(r.stdout == "" and "not permitted" in r.stderr, "unshare -Ur is refused", r.stderr)
    b.stage.config("SystemCallFilter=no\n")
    r = b.ssh(name, "cat /proc/sys/user/max_user_namespaces; unshare -Ur id -u; "
              "echo 9 >/proc/sys/user/max_user_namespaces; cat /proc/sys/user/max_user_namespaces")
    b.check(r.stdout.split() == ["0", "0"] and "No space" in r.stderr, "without a filter too, by the "
            "limit of the session's own user namespace", r.stdout, r.stderr)
    b.stage.config("AllowUserNamespaces=yes\n")
    r = b.ssh(name, "cat /proc/sys/user/max_user_namespaces /proc/sys/user/max_mnt_namespaces; "
              "unshare -Ur id -u")
    b.check(r.stdout.split() == ["128", "128", "0"], "AllowUserNamespaces=yes: unshare -Ur works",
            r.stdout, r.stderr)
    r = b.ssh(name, "unshare -Urm sh -c 'mount -t tmpfs none /mnt && touch /mnt/x && ls /mnt'")
    b.check(r.stdout == "x\n", "and mounts in it", r.stdout, r.stderr)
    r = b.ssh(name, "unshare -Ur sh -c 'touch ~/x && chown 0:0 ~/x && stat -c %u ~/x'; chown 0 ~/x; stat -c %U ~/x; rm -f ~/x")
    b.check(r.stdout.split() == ["0", name] and "chown" in r.stderr,
            "its root may give files to itself, as containers' programs do, and outside of it nobody to root", r.stdout, r.stderr)
    with open("/proc/sys/user/max_user_namespaces", encoding="ascii") as f:
        b.check(int(f.read()) > 128, "the host's own limit is as it was")
    if not shutil.which("bwrap"):
        b.skip("bwrap in a box", "there is no bubblewrap")
        return
    r = b.ssh(name, "bwrap --unshare-all --ro-bind / / --dev /dev --tmpfs /tmp id -u")
    b.check(r.stdout.strip() == str(b.alice.pw_uid), "bwrap works", r.stdout, r.stderr)


def test_words(b: Scene):
    name = b.alice.pw_name
    b.stage.config(f"SystemCallFilter=~ptrace\n[User {b.bob.pw_name}]\nSystemCallFilter=ptrace\n")
    r = b.ssh(name, "strace -o /dev/null true")
    b.check(r.returncode != 0 and "not permitted" in r.stderr, "SystemCallFilter=~ptrace refuses one "
            "more", r.stderr)
    r = b.ssh(b.bob.pw_name, "strace -o /dev/null true")
    b.check(r.returncode == 0, "ptrace allows it again for one account", r.stderr)
    wrong = b.stage.private / "wrong.conf"
    wrong.write_text("[Default]\nIsolate=yes\nSystemCallFilter=~opeen @nonsense\n", encoding="ascii")
    r = b.run(str(b.stage.bin / "nsctl"), "check", "--config", str(wrong))
    b.check(r.returncode == 1 and f"{wrong}:3:" in r.stdout and "'~opeen' is no system call" in r.stdout
            and "'@nonsense' is none of the groups" in r.stdout,
            "nsctl check names what is no system call, with file and line", r.stdout[:400])
    wrong.unlink()
    r = b.run(str(b.stage.bin / "nsctl"), "plan", "--config", str(b.stage.conf), name)
    b.check("@clock" in r.stdout and re.search(r"more .*\n +ptrace$", r.stdout, re.M),
            "nsctl plan shows what is refused, and why", r.stderr)


def test_keyrings(b: Scene):
    name = b.alice.pw_name
    numbers = {"x86_64": (248, 250)}.get(os.uname().machine)
    if not numbers:
        b.skip("keyrings", f"numbers of the calls aren't known for {os.uname().machine}")
        return
    b.stage.config("SystemCallFilter=@keyring\n")
    call = "import ctypes,sys; c=ctypes.CDLL(None); s=lambda *a: c.syscall(*a); "
    # Into the user keyring (-4) of alice as the host has it.
    add = call + f"print(s({numbers[0]}, b'user', b'nst-secret', b'x', 1, -4) > 0)"
    find = call + f"print(s({numbers[1]}, 10, -4, b'user', b'nst-secret', 0) > 0)"
    gone = call + f"k=s({numbers[1]}, 10, -4, b'user', b'nst-secret', 0); s({numbers[1]}, 9, k, -4)"

    def on_the_host(text):
        return subprocess.run(_python(text), user=b.alice.pw_uid, group=b.alice.pw_gid,
                              extra_groups=[], text=True, stdout=subprocess.PIPE,
                              check=False).stdout.strip()

    on_the_host(add)
    try:
        b.check(on_the_host(find) == "True", "a key in the user keyring of the host is there")
        r = b.ssh(name, _quoted(_python(find)))
        b.check(r.stdout.strip() == "False", "a session doesn't find it", r.stdout, r.stderr)
        with b.shell(name) as s:
            s.do("true")
            r = _nsjoin(b, name, *_python(find))
            b.check(r.stdout.strip() == "False", "nor does who steps in", r.stdout, r.stderr)
    finally:
        on_the_host(gone)
    own = call + f"print(s({numbers[1]}, 0, -3, 0))"
    seen = [b.ssh(name, _quoted(_python(own))).stdout.strip() for _ in range(2)]
    b.check(seen[0] != seen[1] and all(re.fullmatch(r"\d+", x) for x in seen),
            "each login has a session keyring of its own", seen)


C = """
#include <pthread.h>
#include <stdio.h>
static void *add(void *n) { return (char *)n + 1; }
int main(void) {
	pthread_t t; void *r;
	pthread_create(&t, NULL, add, (void *)41L); pthread_join(t, &r);
	printf("c %ld\\n", (long)r); return 0;
}
"""
JAVA = """
public class T { public static void main(String[] a) throws Exception {
	Thread t = new Thread(() -> System.out.println("java 42")); t.start(); t.join();
	System.out.print(new String(new ProcessBuilder("echo", "child").start()
		.getInputStream().readAllBytes()));
} }
"""
GO = """
package main
import ("fmt"; "os/exec")
func main() {
	c := make(chan int); go func() { c <- 42 }(); fmt.Println("go", <-c)
	out, err := exec.Command("echo", "child").Output(); fmt.Print(string(out)); if err != nil { panic(err) }
}
"""
RUST = """
fn main() {
	println!("rust {}", std::thread::spawn(|| 42).join().unwrap());
	print!("{}", String::from_utf8(std::process::Command::new("echo").arg("child").output().unwrap().stdout).unwrap());
}
"""
NODE = """
const { Worker } = require('worker_threads'), fs = require('fs'), cp = require('child_process');
new Worker("require('worker_threads').parentPort.postMessage(42)", { eval: true }).on('message', n => {
  fs.promises.readFile('t.js').then(t => {
    console.log('node', n); process.stdout.write(cp.execFileSync('echo', ['child'])); }) });
"""
PY = """
import multiprocessing, subprocess, threading
t = threading.Thread(target=print, args=("python 42",)); t.start(); t.join()
with multiprocessing.Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]
print(subprocess.run(["echo", "child"], stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)
"""

# Program; the source it is given; what is run in its directory; what that prints.
TOOLS = (
    ("/usr/bin/gcc", "t.c", C, "gcc -g -O0 -pthread t.c -o t && ./t", "c 42"),
    ("/usr/bin/gdb", "", "", "gdb -q -batch -nx -ex 'break add' -ex run -ex 'p (long)n' -ex cont ./t 2>&1 | "
     "grep -oE '^.1 = 41|^c 42'", "$1 = 41 c 42"),
    ("/usr/bin/strace", "", "", "strace -f -o t.trace ./t && grep -q 'clone(' t.trace && echo traced", "c 42 traced"),
    (PYTHON, "t.py", PY, f"{PYTHON} t.py", "python 42 child"),
    ("/usr/bin/node", "t.js", NODE, "node t.js", "node 42 child"),
    ("/usr/bin/javac", "T.java", JAVA, "javac -J-Xmx128m T.java && java -Xmx64m T", "java 42 child"),
    ("/usr/bin/go", "t.go", GO, "GOCACHE=$PWD/cache GO111MODULE=off GOMAXPROCS=2 go run t.go", "go 42 child"),
    ("/usr/bin/rustc", "t.rs", RUST, "/usr/bin/rustc t.rs -o t-rust && ./t-rust", "rust 42 child"),
)


def test_tools_of_programmers(b: Scene):
    name = b.alice.pw_name
    for program, source, text, command, wanted in TOOLS:
        if not os.path.exists(program):
            b.skip(f"{os.path.basename(program)} in a box", "it isn't installed")
            continue
        if source:
            path = pathlib.Path(b.alice.pw_dir, source)
            path.write_text(text, encoding="ascii")
            path.chmod(0o644)
        r = b.ssh(name, f"export PATH=/usr/bin:/bin; {command}", timeout=patient(100))
        b.check(r.stdout.split() == wanted.split(), f"{os.path.basename(program)} goes on working: "
                f"{wanted}", r.stdout[-300:], r.stderr[-600:])


test_tools_of_programmers.later = "compilers and debuggers, slow to start, and no wall that others don't try"


# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_ALG, AF_VSOCK, AF_TIPC, AF_CAN, and two at once.
FAMILIES = """
import errno, socket
for family, kind in ((1, 1), (2, 1), (10, 2), (16, 3), (38, 5), (40, 1), (30, 5), (29, 3)):
    try:
        socket.socket(family, kind).close()
        print("opens")
    except OSError as e:
        print(errno.errorcode[e.errno])
for family in (socket.AF_UNIX, 40):
    try:
        [s.close() for s in socket.socketpair(family)]
        print("opens")
    except OSError as e:
        print(errno.errorcode[e.errno])
"""
NOT_THERE = "EAFNOSUPPORT"


def test_families_of_sockets(b: Scene):
    ask = _python(FAMILIES)
    outside = b.run(*ask, user=b.plain.pw_uid, group=b.plain.pw_gid, extra_groups=[]).stdout.split()
    inside = b.ssh(b.alice.pw_name, _quoted(ask))
    seen = inside.stdout.split()
    b.check(seen[:4] == ["opens"] * 4 and seen[4:8] == [NOT_THERE] * 4
            and seen[8:] == ["opens", NOT_THERE],
            "a login opens sockets of Unix, IPv4, IPv6 and netlink, and of no other family",
            seen, inside.stderr)
    b.check(not outside or outside[5] == seen[5] or outside[5] == "opens",
            "outside AF_VSOCK is whatever the kernel says", outside)
    b.stage.config("RestrictAddressFamilies=AF_VSOCK AF_ALG\n")
    with b.shell(b.alice.pw_name) as s:
        session = s.do("echo $NSSHELL_SESSION")
        seen = s.do(_quoted(ask)).split()
        b.check([seen[4], seen[5]] == [outside[4], outside[5]] and seen[6:8] == [NOT_THERE] * 2,
                "RestrictAddressFamilies= allows more: those answer as they do outside", seen, outside)
        r = _nsjoin(b, session, *ask)
        b.check(r.stdout.split() == seen, "to what nsjoin runs, too", r.stdout.split(), r.stderr)
    b.stage.config("RestrictAddressFamilies=no\n")
    seen = b.ssh(b.alice.pw_name, _quoted(ask)).stdout.split()
    b.check(seen == outside, "with RestrictAddressFamilies=no all answer as outside", seen, outside)
