# SPDX-License-Identifier: BSD-3-Clause
"""What nsshell's own rows need: an account, a config, PAM services, an sshd."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time

from harness import kernel
from measure import Contender, call, reap, spawn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
RUNDIR = "/run/nsshell"
# The account, and the start of every PAM service of ours; NSSHELL_TEST_NAME keeps runs at the same time apart.
NAME = "nsshell-bench" + os.environ.get("NSSHELL_TEST_NAME", "")
CONF = """[Default]
Isolate=no
Services={services}

[User {user}]
Isolate=yes
"""
# What "plain" is: nothing but the module that is measured.
LIBEXEC = "/usr/local/libexec/nsshell"
PROGRAMS = ("nsshell-planner", "nsshell-supervisor", "nsshell-worker", "nsshell-init", "nsshell-image")
STACK = """auth     required pam_permit.so
account  required pam_permit.so
session  required pam_permit.so
"""


class Host:
    """The throwaway account, its config and the PAM services; gone at the end."""

    def __init__(self, clean):
        self.clean = clean
        self.directory = tempfile.mkdtemp(prefix=NAME + "-")
        clean.add(shutil.rmtree, self.directory, True)
        os.chmod(self.directory, 0o755)
        self.module = os.path.join(BUILD, "pam_nsshell.so")
        self.helper = os.path.join(BUILD, "nsshell-helper")
        self.floor = os.path.join(BUILD, "bench", "floor")
        self.pamcaller = os.path.join(BUILD, "bench", "pamcaller")
        self.nsjoin = os.path.join(BUILD, "nsjoin")
        self.setns = os.path.join(BUILD, "bench", "setns")
        self.sshproxy = os.path.join(BUILD, "bench", "sshproxy")
        self.pamdir = os.path.join(self.directory, "pam.d")
        os.mkdir(self.pamdir)
        self.conf = self.write("nsshell.conf", CONF.format(
            user=NAME, services=f"{NAME} {NAME}-sshd"))
        self.session = (f"session  required {self.module} config={self.conf} "
                        f"helper={self.helper}\n")
        self.account()
        self.write("pam.d/" + NAME, STACK + self.session)
        self.write("pam.d/" + NAME + "-none", STACK)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def account(self, name=NAME):
        try:
            pwd.getpwnam(name)
        except KeyError:
            call(["useradd", "-m", "-s", "/bin/sh", "-p", "*", name])
        self.clean.add(lambda: subprocess.run(["userdel", "-r", name], check=False,
                                              stderr=subprocess.DEVNULL))

    def caller(self, service, *args):
        return [self.pamcaller, "-d", self.pamdir, "-s", service, *args, NAME]

    def nsshell(self):
        """One session: its own clock for the parts, ours for the whole process."""
        ms, said = spawn(self.caller(NAME, "-r", RUNDIR))
        opened, caller, gone = (int(x) / 1e3 for x in said.split())
        return {"whole process": ms, "session": caller, "nothing left": gone,
                "pam_open_session": opened}

    def no_module(self):
        ms, said = spawn(self.caller(NAME + "-none"))
        opened, caller, _ = (int(x) / 1e3 for x in said.split())
        return {"whole process": ms, "session": caller, "pam_open_session": opened}

    def bare(self):
        ms, said = spawn([self.floor])
        return {"whole process": ms, "session": int(said) / 1e3}

    def scratch_state(self):
        """The host's sessions, utmp and wtmp stay as they are: ours are copies, in a mount
        namespace of our own. State is in memory, as everywhere where /run is a tmpfs: a container's may be a disk, on
        which ext4 looks for an inode that wasn't removed just now for as long as the rest of a login takes."""
        if not os.path.isdir(RUNDIR):
            os.mkdir(RUNDIR, 0o700)
            self.clean.add(os.rmdir, RUNDIR)
        kernel.mount("tmpfs", RUNDIR, "tmpfs", options="mode=0700")
        self.clean.add(kernel.umount, RUNDIR)
        os.mkdir(RUNDIR + "/sessions", 0o700)  # the first login would make it
        if os.path.exists("/run/utmp"):
            kernel.bind(self.write("utmp", "", 0o664), "/run/utmp")
        # Not the file alone: with Upper=none the session has a link in its place, and a mount stands on none.
        log = os.path.join(self.directory, "log")
        os.mkdir(log, 0o755)
        with open(os.path.join(log, "wtmp"), "w", encoding="ascii"):
            pass
        kernel.bind(log, "/var/log")
        self._programs()

    def _programs(self):
        """The helper starts them where they would be installed."""
        for place in (os.path.dirname(LIBEXEC), LIBEXEC):
            if not os.path.isdir(place):
                os.mkdir(place, 0o755)
                self.clean.add(os.rmdir, place)
        scratch = os.path.join(self.directory, "libexec")
        os.mkdir(scratch, 0o755)
        for name in PROGRAMS:
            shutil.copy(os.path.join(BUILD, name), scratch)
        kernel.bind(scratch, LIBEXEC)
        self.clean.add(kernel.umount, LIBEXEC)

    @staticmethod
    def init_of_session():
        """The pid, as text, of the only session's init."""
        for _ in range(200):
            for name in os.listdir(RUNDIR + "/sessions"):
                if "." in name:
                    continue
                with open(f"{RUNDIR}/sessions/{name}", encoding="ascii") as f:
                    record = dict(line.rstrip().split("=", 1) for line in f)
                if record["state"] == "open":
                    return record["init_pid"]
            time.sleep(0.01)
        raise ValueError("no session")

    def settle(self):
        """Wait for the teardown of the last login, which goes on when ssh has ended."""
        for _ in range(2000):
            if not os.listdir(RUNDIR + "/sessions"):
                break
            time.sleep(0.005)
        reap()


SSHD_CONF = """HostKey {directory}/hostkey
AuthorizedKeysFile {directory}/authorized_keys
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
PidFile none
LogLevel QUIET
"""


class Ssh:
    """`ssh host true` over the distribution's sshd -i, one PAM service a row."""

    def __init__(self, host):
        self.host, self.directory = host, host.directory
        for key in ("hostkey", "key"):
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                  "-f", os.path.join(self.directory, key)])
        shutil.copy(self.directory + "/key.pub", self.directory + "/authorized_keys")
        os.chmod(self.directory + "/authorized_keys", 0o644)
        self.conf = host.write("sshd_config", SSHD_CONF.format(directory=self.directory))
        if not os.path.isdir("/run/sshd"):
            os.mkdir("/run/sshd", 0o755)
            host.clean.add(os.rmdir, "/run/sshd")

    def service(self, what, session):
        """A PAM service of that name for sshd, whose own name chooses it (or an option)."""
        name = f"{NAME}-{what}"
        pam = "/etc/pam.d/" + name
        with open(pam, "w", encoding="ascii") as f:
            self.host.clean.add(os.unlink, pam)
            f.write(STACK + session)
        sshd = os.path.join(self.directory, name)
        shutil.copy(shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"), sshd)
        option = []
        if subprocess.run([sshd, "-G", "-f", self.conf, "-o", "PAMServiceName=x"], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            option = ["-o", f"PAMServiceName={name}"]  # OpenSSH 9.8 and later
        proxy = " ".join([self.host.sshproxy, sshd, "-i", "-f", self.conf, *option])
        return [shutil.which("ssh"), "-F", "none", "-i", self.directory + "/key", "-l", NAME,
                "-o", "ProxyCommand=" + proxy, "-o", "ProxyUseFdpass=yes",
                "-o", "KexAlgorithms=curve25519-sha256", "-o", "StrictHostKeyChecking=no",
                "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={self.directory}/known_hosts",
                "host", "true"]

    def contender(self, row, what, session):
        argv = self.service(what, session)

        def once():
            ms, _ = spawn(argv)
            self.host.settle()
            return {"ssh host true": ms}
        return Contender(row, once)

    def contenders(self):
        poly = "/etc/security/namespace.d/" + NAME + ".conf"
        with open(poly, "w", encoding="ascii") as f:
            self.host.clean.add(os.unlink, poly)
            f.write(f"/tmp tmpfs tmpfs ~{NAME}\n")
        return [self.contender("plain", "plain", ""),
                self.contender("with nsshell", "sshd", self.host.session),
                self.contender("with pam_namespace, own /tmp", "poly",
                               "session  required pam_namespace.so\n")]
