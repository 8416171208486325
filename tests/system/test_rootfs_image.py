# SPDX-License-Identifier: BSD-3-Clause
"""RootFS=image: a box over an image has nothing of the host's trees, and all that a login needs."""

import os
import pathlib
import shutil
import socket
import threading

from harness.imagestore import busybox, programs, store
from harness.sshd import Sshd
from harness.stage import COMPILER
from harness.terminal import Terminal

SHOW_NS = "for n in user pid mnt uts ipc cgroup; do readlink /proc/self/ns/$n; done"
IMAGE = "RootFS=image:tiny:1\n"


def _refused(b, what, *words):
    r = b.ssh(b.alice.pw_name, "echo got-in")
    b.check(r.returncode != 0 and "got-in" not in r.stdout, f"{what}: refused", r.stdout + r.stderr, b.log_tail())
    for word in words:
        b.check(b.stage.syslog.wait(word), f"{what}: the log says {word!r}", b.log_tail())


def test_a_login(b):
    name, uid = b.alice.pw_name, b.alice.pw_uid
    with store(b) as s:
        digest = s.image("tiny:1")
        b.stage.config(IMAGE)
        with Terminal(b.stage.sshd.argv(name, options=("-t",))) as t:
            b.lands_inside("ssh -t, over an image without the account's shell", t.ask(SHOW_NS))
            b.check(t.ask("pwd; id -un; ls -a /; test -w / || echo closed").split() ==
                    [b.alice.pw_dir, name, ".", "..", "bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp",
                     "usr", "var", "closed"], "the home, the name, and what the image has")
            b.check(t.ask("readlink /proc/self/exe") == "/bin/busybox", "its shell is the image's")
            b.check(b.record_of(name).get("image") == f"tiny:1@sha256:{digest}", "the record has the image, by its digest",
                    b.record_of(name))
            r = b.nsctl("list", "-n", "-r", "-o", "USER,IMAGE")
            b.check(r.stdout == f"{name} tiny:1\n", "nsctl list names it", r.stdout + r.stderr)
            r = b.nsctl("status", name)
            b.check(f"Image: tiny:1@sha256:{digest}\n" in r.stdout, "and nsctl status its digest", r.stdout + r.stderr)
            t.line("exit")
        r = b.ssh(name, "id; cat /etc/passwd; ls -ln /bin/busybox /etc/passwd /etc/shadow; cat /etc/shadow")
        b.check(f"{b.stage.box_group}" in r.stdout and f"{b.proj.gr_name}" in r.stdout, "groups have their names", r.stdout)
        b.check(f"\n{name}:x:{uid}:{b.alice.pw_gid}::{b.alice.pw_dir}:/bin/bash\n" in r.stdout and
                "\nsomebody:x:4321:" in r.stdout, "passwd has the image's accounts and this one", r.stdout)
        owners = [line.split()[:4] for line in r.stdout.splitlines() if line.startswith("-rw")]
        b.check([o[2:] for o in owners] == [["0", "0"]] * 3 and owners[2][0] == "-rw-------" and
                "denied" in r.stderr, "files of the image's root are the box's root's", owners)
        r = b.ssh(name, "cat /run/nsshell/hostname /etc/hostname; cat /etc/resolv.conf; test -s /etc/localtime && echo time; "
                  "ls /usr/share/terminfo/x/xterm; touch /bin/x; touch ~/mine && stat -c %u ~/mine")
        with open("/etc/resolv.conf", encoding="utf-8") as f:
            b.check(f.read() in r.stdout, "resolv.conf is the host's", r.stdout)
        b.check("time\n" in r.stdout and "/usr/share/terminfo/x/xterm\n" in r.stdout and r.stdout.endswith(f"\n{uid}\n"),
                "so are the time zone, terminfo and the home", r.stdout + r.stderr)


def test_host_commands(b):
    """busybox has its programs in /bin, and a passwd of its own."""
    name = b.alice.pw_name

    def fill(root):
        busybox(root)
        (root / "usr/bin").mkdir(parents=True)
        os.symlink("../../bin/busybox", root / "usr/bin/passwd")
    with store(b) as s:
        s.tag("tiny:1", [s.layer(fill)])
        b.stage.config(IMAGE + "HostCommands=passwd crontab\n")
        r = b.ssh(name, "for p in passwd crontab newgrp; do readlink /usr/bin/$p; done; /usr/bin/passwd -S; /usr/bin/passwd root; echo $?; "
                  f"/usr/bin/sg {b.proj.gr_name} -c id")
        b.check(r.stdout.startswith("/run/nsshell/command\n" * 3 + f"{name} ") and "\n125\n" in r.stdout,
                "the host's passwd is asked, and the image's isn't there", r.stdout + r.stderr, b.log_tail())
        b.check(f"({b.proj.gr_name})" in r.stdout.splitlines()[-1], "and the session for another group", r.stdout)
        lines = b.stage.syslog.wait(rf"{name} ran passwd -S on the host")
        b.check(lines, "root finds it in the log", lines or b.log_tail())


test_host_commands.not_instrumented = "whose client isn't static, and this image has no libraries"


def test_host_commands_of_another_version(b):
    """A package puts another nsshell-command in place while logins open: the kernel mounts no file that has no name any more."""
    name, place, over = b.alice.pw_name, b.stage.private / "nothing" / "nsshell-command", threading.Event()

    def replace():
        while not over.wait(0.02):
            shutil.copy(b.stage.build / "nsshell-command", place.with_suffix(".new"))
            place.with_suffix(".new").rename(place)
    with store(b) as s:
        s.image("tiny:1")
        b.stage.config(IMAGE + "HostCommands=passwd\n")
        upgrades = threading.Thread(target=replace)
        upgrades.start()
        try:
            said = [b.ssh(name, "/run/nsshell/command; echo in") for _ in range(12)]
        finally:
            over.set()
            upgrades.join()
        b.check(all(r.stdout.endswith("in\n") for r in said), "twelve logins while it is replaced all the time: none is refused",
                [r.stdout + r.stderr for r in said], b.log_tail())
        b.check(not any("not found" in r.stderr or "denied" in r.stderr for r in said), "and each has it",
                [r.stderr for r in said])


test_host_commands_of_another_version.not_instrumented = test_host_commands.not_instrumented


def test_ways_in(b):
    """What the login program would load once it is in, it has, or does without: the image has no library at all."""
    name = b.alice.pw_name
    letter = b.stage.private / "letter"
    letter.write_text("dear box\n", encoding="utf-8")
    with store(b) as s:
        s.image("tiny:1")
        b.stage.config(IMAGE)
        for argv in (("su", "-", name, "-c"), ("su", name, "-c"), ("runuser", "-l", name, "-c"),
                     (b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", b.stage.helper, name, "--", "sh", "-c")):
            r = b.run(*argv, f"{SHOW_NS}; ls /bin/busybox")
            b.lands_inside(" ".join(str(a).rsplit("/", maxsplit=1)[-1] for a in argv[:3]), r.stdout + r.stderr)
            b.check("/bin/busybox" in r.stdout, "which is over the image", r.stdout + r.stderr)
        r = b.stage.sshd.client("sftp", "-q", "-b", "-", f"{name}@127.0.0.1",
                                input=f"put {letter} letter\nput {letter} /tmp/letter\nls -l /tmp\nls /\n")
        b.check(r.returncode == 0 and "/bin" in r.stdout and "/lib " not in r.stdout, "sftp, by sshd itself", r.stdout + r.stderr)
        r = b.stage.sshd.client("scp", "-s", f"{name}@127.0.0.1:letter", b.stage.private / "back")
        b.check(r.returncode == 0 and (b.stage.private / "back").read_text(encoding="utf-8") == "dear box\n", "and scp by that",
                r.stderr)
        with b.shell(name) as one:
            one.do("cd /tmp")
            r = b.run(b.stage.bin / "nsjoin", name, "sh", "-c", f"{SHOW_NS}; ls /bin/busybox")
            b.lands_inside("nsjoin USER COMMAND", r.stdout + r.stderr)
            r = b.run(b.stage.bin / "nsjoin", name, input="ls /bin/busybox; exit 7\n")
            b.check(r.returncode == 7 and "/bin/busybox" in r.stdout, "nsjoin USER, a shell", r.stdout + r.stderr)
        with Terminal(["login", "-f", name]) as t:
            t.expect(r"\$ ", timeout=20)
            b.check(t.ask("id -un; ls /bin/busybox").split() == [name, "/bin/busybox"], "login on a console")
            t.line("exit")


def test_programs_of_the_image(b):
    """What sshd starts by its path is the image's own: with the account's shell, sftp-server and scp in it they are what runs."""
    name, server = b.alice.pw_name, "/usr/lib/openssh/sftp-server"
    letter = b.stage.private / "letter"
    letter.write_text("dear box\n", encoding="utf-8")
    with store(b) as s, Sshd(b.stage, b.stage.sshd_service, subsystem=server) as sshd:
        s.image("tiny:1", lambda root: programs(root, "/bin/bash", "/usr/bin/scp", server))
        b.stage.config(IMAGE)
        r = sshd.ssh(name, "echo ${BASH_VERSION:+bash}; ls /usr/lib/openssh; shopt -q login_shell || echo no-login")
        b.check(r.stdout == "bash\nsftp-server\nno-login\n", "the account's shell is the image's", r.stdout + r.stderr, b.log_tail())
        r = b.run("su", "-", name, "-c", "shopt -q login_shell && echo login")
        b.check(r.stdout == "login\n", "and knows that it is a login shell", r.stdout + r.stderr)
        r = sshd.client("sftp", "-q", "-b", "-", f"{name}@127.0.0.1", input=f"put {letter} there\nls -l there\n")
        b.check(r.returncode == 0 and os.path.exists(f"{b.alice.pw_dir}/there"), "sftp, by the image's sftp-server", r.stdout + r.stderr)
        r = sshd.client("scp", "-O", letter, f"{name}@127.0.0.1:old")
        b.check(r.returncode == 0 and os.path.exists(f"{b.alice.pw_dir}/old"), "scp -O, by the image's scp", r.stderr)


test_programs_of_the_image.later = "ways_in has the harder case, an image without any of them"


LIBRARY = """#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { (void)open("/tmp/loaded", O_CREAT | O_WRONLY, 0666); }
"""


# The least that a login program is: what it looks up first, it looks up inside.
LOGIN = """import ctypes, os, sys
class Conversation(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]
user, gid, directory = sys.argv[1:]
pam, handle = ctypes.CDLL("libpam.so.0"), ctypes.c_void_p()
r = pam.pam_start_confdir(b"su", user.encode(), ctypes.byref(Conversation()), directory.encode(), ctypes.byref(handle))
r = r or pam.pam_open_session(handle, 0)
os.initgroups(user, int(gid))
print(r, [n for n in os.listdir("/bin") if n == "busybox"])
print([n for n in os.listdir("/tmp") if n == "loaded"])
"""


def test_libraries_of_the_image_stay_out(b):
    """The user's groups are set by the login program, as the box's root: no module of the image's is loaded for that."""
    source, library = b.stage.base / "loaded.c", b.stage.base / "loaded.so"
    source.write_text(LIBRARY, encoding="ascii")
    r = b.run(*COMPILER, "-shared", "-fPIC", "-o", library, source)
    b.check(r.returncode == 0, "a library that tells of it", r.stderr)
    directory = b.stage.private / "pam.images"
    directory.mkdir(exist_ok=True)
    (directory / "su").write_text(f"session required pam_permit.so\n{b.stage.module_line()}", encoding="utf-8")

    def fill(root):
        busybox(root)
        (root / "lib").mkdir()
        shutil.copy(library, root / "lib/libnss_loaded.so.2")
        (root / "etc/nsswitch.conf").write_text("passwd: files loaded\ngroup: files loaded\n", encoding="ascii")
    with store(b) as s:
        s.image("tiny:1", fill)
        b.stage.config(IMAGE)
        r = b.run("python3", "-c", LOGIN, b.alice.pw_name, b.alice.pw_gid, directory, timeout=60)
        b.check(r.stdout == "0 ['busybox']\n[]\n", "a login program sets groups, and has loaded none", r.stdout + r.stderr,
                b.log_tail())


test_libraries_of_the_image_stay_out.not_instrumented = "an interpreter loads the module"


def test_a_forwarded_port(b):
    """By address and by name: nothing of the resolver's is in the image."""
    with store(b) as s, socket.create_server(("127.0.0.1", 0)) as listener:
        s.image("tiny:1")
        b.stage.config(IMAGE)

        def answer():
            for _ in range(2):
                c, _ = listener.accept()
                c.sendall(b"echo")
                c.close()
        threading.Thread(target=answer, daemon=True).start()
        for host in ("127.0.0.1", "localhost"):
            r = b.ssh(b.alice.pw_name, options=("-W", f"{host}:{listener.getsockname()[1]}"))
            b.check(r.stdout == "echo", f"ssh -W {host}", r.stdout + r.stderr, b.log_tail())


test_a_forwarded_port.later = "what sshd loads for a name is as with any box; a_login and ways_in stand for it"


def test_sixty_layers(b):
    """The options of an overlay are a page, and its layers' names short."""
    def fill(n):
        def of(root):
            (root / f"f{n}").write_text(f"{n}\n", encoding="utf-8")
            (root / "same").write_text(f"{n}\n", encoding="utf-8")
            if n == 58:
                os.mknod(root / "f5", 0o020000, os.makedev(0, 0))
        return of
    with store(b) as s:
        s.tag("tiny:1", [s.layer(busybox)] + [s.layer(fill(n)) for n in range(59)])
        for upper in ("none", "tmpfs"):
            b.stage.config(f"{IMAGE}Upper={upper}\n")
            r = b.ssh(b.alice.pw_name, "cat /same; ls / | grep -c ^f; ls /f5; touch /bin/x")
            b.check(r.stdout == "58\n58\n" and "f5" in r.stderr, f"Upper={upper}: all of them, the last one on top",
                    r.stdout + r.stderr, b.log_tail())
        os.rename("/var/lib/nsshell/images/layers/l", "/var/lib/nsshell/images/layers/m")
        _refused(b, "an image that isn't whole", "tiny:1", "nsctl image")
        b.stage.config("RootFS=image:none\n")
        _refused(b, "an image that isn't there", "there is no image none:latest")


test_sixty_layers.later = "a number of layers: what a login does over two it does over sixty"


def test_upper_on_disk(b):
    name = b.alice.pw_name
    with store(b) as s:
        base = s.layer(busybox)
        opened = s.layer(lambda root: (root / "open").mkdir() or (root / "open").chmod(0o777))
        one_of = s.tag("tiny:1", [base, opened])
        two_of = s.tag("tiny:2", [base, opened, s.layer(lambda root: (root / "two").mkdir())])
        b.stage.config(f"{IMAGE}Upper=disk\n")
        try:
            with b.shell(name) as one, b.shell(name) as two:
                one.do("echo kept >/open/f")
                b.check(two.do("cat /open/f") == "kept", "logins share what is written over the image")
            b.gone(name)
            r = b.ssh(name, "cat /open/f")
            b.check(r.stdout == "kept\n", "it stays", r.stdout + r.stderr, b.log_tail())
            b.gone(name)
            b.stage.config("Upper=disk\n")
            b.check(b.ssh(name, "ls /open/f").returncode != 0, "but isn't over the host's root")
            b.gone(name)
            b.stage.config("RootFS=image:tiny:2\nUpper=disk\n")
            b.check(b.ssh(name, "ls -d /two; ls /open").stdout == "/two\n", "nor over another image")
            b.gone(name)
            noted = {n: (pathlib.Path("/var/lib/nsshell/upper") / str(b.alice.pw_uid) / "fs" / f"+tiny:{n}").read_text(encoding="utf-8") for n in (1, 2)}
            b.check(noted == {1: f"tiny:1@sha256:{one_of}\n", 2: f"tiny:2@sha256:{two_of}\n"}, "which images, is noted beside it", noted)
            digest = one_of[:48]
            (pathlib.Path("/var/lib/nsshell/upper") / str(b.alice.pw_uid) / "image").write_text(
                "".join(f"course:{n}@sha256:{digest}{n:016x}\n" for n in range(300)), encoding="utf-8")
            r = b.ssh(name, "echo in")
            b.check(r.stdout == "in\n", "however many they were", r.stdout + r.stderr, b.log_tail())
        finally:
            b.gone()
            b.run("rm", "-rf", f"/var/lib/nsshell/upper/{b.alice.pw_uid}")


def test_an_imported_image(b):
    """From a tar to a login; an image that somebody is in, or has written over, stays."""
    name = b.alice.pw_name
    root, tar = b.stage.base / "tree", b.stage.base / "tree.tar"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    busybox(root)
    b.run("tar", "-C", root, "-cf", tar, ".")
    with store(b):
        r = b.nsctl("image", "import", tar, "tiny:1", timeout=60)
        b.check(r.returncode == 0, "nsctl image import", r.stdout + r.stderr)
        b.stage.config(f"{IMAGE}Upper=disk\n")
        try:
            with b.shell(name) as one:
                b.check(one.do("readlink /bin/sh") == "busybox", "a login over it", b.log_tail())
                r = b.nsctl("image", "remove", "tiny:1")
                b.check(r.returncode != 0 and "in use: session" in r.stdout + r.stderr, "it isn't removed meanwhile", r.stdout + r.stderr)
            b.gone(name)
            r = b.nsctl("image", "remove", "tiny:1")
            b.check(r.returncode != 0 and "upper of" in r.stdout + r.stderr, "nor as long as something is written over it", r.stdout + r.stderr)
        finally:
            b.gone()
            b.run("rm", "-rf", f"/var/lib/nsshell/upper/{b.alice.pw_uid}")
        r = b.nsctl("image", "remove", "tiny:1")
        b.check(r.returncode == 0, "then it is", r.stdout + r.stderr)


def test_a_bind(b):
    """Its place is made in the box; a link of the image's isn't covered for it."""
    data = b.stage.base / "data"
    data.mkdir(exist_ok=True)
    (data / "set").write_text("of the host\n", encoding="utf-8")

    def fill(root):
        busybox(root)
        os.symlink("/bin", root / "opt")
    with store(b) as s:
        s.image("tiny:1", fill)
        b.stage.config(f"{IMAGE}BindReadOnlyPaths={data}:/sets/one\n")
        r = b.ssh(b.alice.pw_name, "cat /sets/one/set; ls /sets")
        b.check(r.stdout == "of the host\none\n", "a bind has its place", r.stdout + r.stderr, b.log_tail())
        b.stage.config(f"{IMAGE}BindReadOnlyPaths={data}:/opt/sets\n")
        _refused(b, "a bind behind a link of the image's", "/opt", "link")


def test_hostile_images(b):
    """Names that a login uses are links to the outside, devices and what never answers: nothing of the host's changes."""
    secret = b.stage.private / "secret"
    secret.write_text("of the host's root\n", encoding="utf-8")
    places = ("dev", "home", "proc", "run", "sys", "tmp", "usr", "var")

    def links(root):
        busybox(root)
        for n, name in enumerate(places):
            (root / name).rmdir() if (root / name).exists() else None
            os.symlink(("/../../../../etc", "/lower/0/../../init", str(b.stage.private), "/proc/self/root")[n % 4], root / name)
        (root / "etc/passwd").unlink()
        os.symlink("../../../../../etc/shadow", root / "etc/passwd")
        (root / "etc/group").unlink()
        os.mkfifo(root / "etc/group")
        os.mknod(root / "etc/shadow", 0o020666, os.makedev(5, 0))
        for name in ("hosts", "hostname", "resolv.conf", "localtime"):
            (root / "etc" / name).mkdir()

    def etc_is_a_link(root):
        busybox(root)
        os.rename(root / "etc", root / "etc.d")
        os.symlink(b.stage.private, root / "etc")

    def shell_is_outside(root):
        busybox(root)
        os.rename(root / "bin", root / "b")
        os.symlink("../../../../../../b", root / "bin")
        (root / "usr").mkdir()
        os.symlink(str(b.stage.private), root / "usr/share")
        (root / "etc/passwd").unlink()
        os.symlink(str(secret), root / "etc/passwd")

    before = sorted(os.listdir(b.stage.private))
    with store(b) as s:
        for what, fill in (("links for directories", links), ("/etc is a link", etc_is_a_link),
                           ("links up and out", shell_is_outside)):
            s.image("tiny:1", fill)
            b.stage.config(IMAGE)
            r = b.ssh(b.alice.pw_name, "echo in; id -un; cat /etc/passwd /etc/group /etc/hostname; ls -d /tmp/. /proc/1 /dev/null")
            b.check(r.stdout.startswith(f"in\n{b.alice.pw_name}\nroot:x:0:") and "/dev/null" in r.stdout,
                    f"{what}: a login works", r.stdout + r.stderr, b.log_tail())
            b.check("of the host" not in r.stdout and "$" not in r.stdout, f"{what}: nothing of the host's is shown", r.stdout)
            b.gone()
        b.check(sorted(os.listdir(b.stage.private)) == before, "and nothing was made outside",
                sorted(os.listdir(b.stage.private)))
