# SPDX-License-Identifier: BSD-3-Clause
"""Boxes over real Debian images, older and newer than the host may be: every way in, with the image's own programs."""

import contextlib
import os
import socket
import subprocess
import threading
import time

from harness import debian, kernel
from harness.imagestore import store
from harness.pace import patient
from harness.scene import SHOW_NS
from harness.sshd import Sshd
from harness.terminal import Terminal
from test_cron import Cron

PACKAGES = "openssh-client,openssh-sftp-server,xauth,procps"
SERVER = "/usr/lib/openssh/sftp-server"
X_CLIENT = 'echo "display $DISPLAY"; xauth list "$DISPLAY"'


def _archive(b, suite):
    """A tar of that Debian, made once, from where this machine's apt has its packages; None where that can't be."""
    sites = b.run("apt-get", "indextargets", "--format", "$(SITE)").stdout.split()
    path, why = debian.made(f"debian/{suite}.tar", PACKAGES, "--mode=root", "--variant=essential",
                            '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
                            "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
                            "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io", "--skip=check/empty",
                            suite=suite, mirror=sites[:1])
    if why:
        b.skip(f"Debian {suite}", why)
    return path


@contextlib.contextmanager
def _agent(b):
    path = str(b.stage.private / "debian-agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + patient(5)
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.02)
        env = dict(os.environ, SSH_AUTH_SOCK=path)
        b.run("ssh-add", "-q", b.stage.sshd.key, env=env)
        yield env
    finally:
        agent.terminate()
        agent.wait()


def _cron(b, version):
    if not os.path.exists("/usr/sbin/cron"):
        b.skip("cron", "no cron on this machine")
        return
    out = f"{b.alice.pw_dir}/cron.out"
    cron = Cron(b.stage, b.alice, f"({SHOW_NS}; id -un; cat /etc/debian_version; echo $MOTTO) >$HOME/cron.part 2>&1; mv $HOME/cron.part $HOME/cron.out",
                "debian-cron")
    try:
        end = time.monotonic() + patient(75)
        while not os.path.exists(out) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        cron.stop()
    seen = ""
    if os.path.exists(out):
        with open(out, encoding="utf-8") as f:
            seen = f.read()
        os.unlink(out)
    b.lands_inside("cron", seen)
    b.check(seen.endswith(f"{b.alice.pw_name}\n{version}\nof the admin\n"), "cron: as its user, over the image, with its variables", seen,
            b.log_tail())


def _files(b, sshd, what):
    """Both ways of both programs."""
    letter, back = b.stage.private / "letter", b.stage.private / "back"
    letter.write_text("dear box\n", encoding="utf-8")
    to = f"{b.alice.pw_name}@127.0.0.1"
    r = sshd.client("sftp", "-q", "-b", "-", to, input=f"put {letter} there\nget there {back}\nls /etc/debian_version\n")
    b.check(r.returncode == 0 and back.read_text(encoding="utf-8") == "dear box\n", f"{what}: sftp", r.stdout + r.stderr, b.log_tail())
    for option in ("-s", "-O"):
        back.unlink(missing_ok=True)
        r = sshd.client("scp", option, letter, f"{to}:here")
        r = r if r.returncode else sshd.client("scp", option, f"{to}:here", back)
        b.check(r.returncode == 0 and back.exists(), f"{what}: scp {option}", r.stdout + r.stderr, b.log_tail())


def _forwarding(b, env):
    name = b.alice.pw_name
    r = b.ssh(name, "ssh-add -l; echo $SSH_AUTH_SOCK", options=["-A"], env=env)
    b.check("(ED25519)" in r.stdout and "/tmp/ssh-" in r.stdout, "ssh -A: the image's ssh-add lists the key", r.stdout + r.stderr)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            c, _ = listener.accept()
            c.sendall(b"echo")
            c.close()
        threading.Thread(target=answer, daemon=True).start()
        r = b.ssh(name, options=("-W", f"127.0.0.1:{listener.getsockname()[1]}"))
        b.check(r.stdout == "echo", "a forwarded connection", r.stdout + r.stderr, b.log_tail())
    x = dict(env, DISPLAY="127.0.0.1:77", XAUTHORITY=str(b.stage.private / "debian-Xauthority"))
    b.run("xauth", "add", x["DISPLAY"], "MIT-MAGIC-COOKIE-1", "00112233445566778899aabbccddeeff", env=x)
    r = b.ssh(name, X_CLIENT, options=["-Y"], env=x)
    b.check("display localhost:" in r.stdout and "MIT-MAGIC-COOKIE-1" in r.stdout, "ssh -Y: the image's xauth has the cookie",
            r.stdout + r.stderr, b.log_tail())


def _terminals(b, version):
    name = b.alice.pw_name
    argv = b.stage.sshd.argv(name, options=("-t",))
    for what, argv in (("ssh -t", argv), ("su -", ["su", "-", name]), ("login", ["login", "-f", name]),
                       ("nsjoin", [str(b.stage.bin / "nsjoin"), name])):
        hold = b.shell(name) if what == "nsjoin" else contextlib.nullcontext()
        with hold as one:
            if one:
                one.do("true")
            with Terminal(argv) as t:
                t.expect(r"\$ ", timeout=20)
                said = t.ask("cat /etc/debian_version; id -un; echo $MOTTO; tput -T xterm-256color colors; test -t 0 && echo terminal")
                b.check(said.split("\n") == [version, name, "of the admin", "256", "terminal"], f"{what}: a shell of the image, on a terminal",
                        said, b.log_tail())
                t.line("exit")


def _programs(b, version):
    name = b.alice.pw_name
    with b.shell(name) as one:
        one.do("true")
        for argv in (("su", "-", name, "-c"), ("su", name, "-c"), ("runuser", "-l", name, "-c"), (b.stage.bin / "nsjoin", name, "sh", "-c"),
                     (b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", b.stage.helper, name, "--", "sh", "-c")):
            r = b.run(*argv, f"{SHOW_NS}; cat /etc/debian_version; echo $MOTTO; date +%Z")
            what = " ".join(str(a).rsplit("/", maxsplit=1)[-1] for a in argv[:3])
            b.lands_inside(what, r.stdout + r.stderr)
            b.check(f"\n{version}\nof the admin\n{time.tzname[0]}\n" in r.stdout, f"{what}: over the image", r.stdout + r.stderr, b.log_tail())
    r = b.ssh(name, "ps -e -o comm= | grep -c sshd; getent passwd $(id -u); perl -e 'print qq(perl\\n)'; echo ${BASH_VERSION:+bash}")
    b.check(f"\n{name}:x:" in r.stdout and r.stdout.endswith("perl\nbash\n"), "its ps, getent, perl and bash work", r.stdout + r.stderr)


def _debian(b, suite):
    path = _archive(b, suite)
    if not path:
        return
    with store(b), Sshd(b.stage, b.stage.sshd_service, subsystem=SERVER) as sshd, _agent(b) as env:
        r = b.nsctl("image", "import", path, f"debian:{suite}", timeout=300)
        if not b.check(r.returncode == 0, f"nsctl image import of Debian {suite}", r.stdout + r.stderr):
            return
        b.stage.config(f"RootFS=image:debian:{suite}\nEnvironment='MOTTO=of the admin'\n")
        r = b.ssh(b.alice.pw_name, f"{SHOW_NS}; cat /etc/debian_version")
        b.lands_inside(f"ssh, over Debian {suite}", r.stdout + r.stderr)
        version = r.stdout.splitlines()[-1] if r.stdout else "?"
        _programs(b, version)
        _files(b, b.stage.sshd, "sftp by sshd itself")
        _files(b, sshd, "sftp by the image's server")
        _forwarding(b, env)
        _terminals(b, version)
        _cron(b, version)


def test_an_older_debian(b):
    _debian(b, "bullseye")


def test_a_newer_debian(b):
    _debian(b, "trixie")


for _test in (test_an_older_debian, test_a_newer_debian):
    _test.later = "needs a Debian, from a mirror; busybox and the host's own programs stand for it in test_rootfs_image"
    _test.seconds = 600
    _test.not_instrumented = "its programs have their own libraries"
