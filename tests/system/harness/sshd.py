# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's own sshd under a PAM service name of its own, and its clients."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

from . import kernel
from .pace import patient

SSHD = "/usr/sbin/sshd"
SESSION = ("/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session")


def since_10(service):
    """Of sshd_config(5), where each connection has a program of its own: as what that asks PAM, and not to hold what tests
    do against their address."""
    return f"PAMServiceName {service}\nPerSourcePenalties no\n" if any(map(os.path.exists, SESSION)) else ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sshd:
    """The PAM service is called as argv[0] is, so a symlink's name is enough until OpenSSH 10."""

    def __init__(self, stage, service, options="", subsystem="internal-sftp"):
        self.stage = stage
        self.service = service
        self.port = free_port()
        self.process = None
        self.key = stage.private / "key"
        self._keys()
        self.config = stage.private / f"{service}.{self.port}.conf"
        self.config.write_text(f"""\
Port {self.port}
ListenAddress 127.0.0.1
HostKey {stage.private}/host_key
PidFile none
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AuthorizedKeysFile {stage.base}/authorized_keys
AllowAgentForwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
X11Forwarding yes
PrintMotd no
PrintLastLog no
MaxStartups 200
LogLevel VERBOSE
Subsystem sftp {subsystem}
{since_10(service)}{options}
# bash takes itself for one below another and reads no ~/.bashrc, in which the host's root may do as he likes.
Match User root
	SetEnv SHLVL=1
""", encoding="utf-8")

    def _keys(self):
        for name in ("key", "host_key"):
            path = self.stage.private / name
            if not path.exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name,
                                "-f", str(path)], check=True)
        shutil.copy(f"{self.key}.pub", self.stage.base / "authorized_keys")
        os.chmod(self.stage.base / "authorized_keys", 0o644)

    def start(self, preexec=None):
        link = self.stage.bin / self.service
        if not os.path.lexists(link):
            link.symlink_to(SSHD)

        def before_exec():
            kernel.die_with_parent()
            if preexec:
                preexec()

        self.process = subprocess.Popen(
            [str(link), "-D", "-f", str(self.config)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=before_exec,
            start_new_session=True)
        end = time.monotonic() + patient(10)
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"sshd: {self.process.stderr.read()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("sshd doesn't listen")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(5)
        if self.process:
            self.process.stderr.close()

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *exc):
        self.stop()

    def options(self):
        return ["-F", "none", "-i", str(self.key), "-o", "BatchMode=yes",
                "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={self.stage.private}/known_hosts",
                "-o", "LogLevel=ERROR", "-o", "KexAlgorithms=curve25519-sha256",
                "-o", "ExitOnForwardFailure=yes"]

    def argv(self, user, *command, options=()):
        return ["ssh", *self.options(), "-p", str(self.port), *options,
                f"{user}@127.0.0.1", *command]

    def ssh(self, user, *command, options=(), **kw):
        return self.stage.run(*self.argv(user, *command, options=options), **kw)

    def client(self, program, *arguments, **kw):
        """scp or sftp, which spell the port differently."""
        return self.stage.run(program, *self.options(), "-P", str(self.port), *arguments, **kw)

    def command_line(self):
        """As one string, for rsync -e and GIT_SSH_COMMAND."""
        return " ".join(["ssh", *self.options(), "-p", str(self.port)])

    def background(self, user, *command, options=(), **kw):
        return subprocess.Popen(self.argv(user, *command, options=options),
                                stdin=kw.pop("stdin", subprocess.PIPE),
                                stdout=kw.pop("stdout", subprocess.PIPE),
                                stderr=kw.pop("stderr", subprocess.STDOUT), text=True,
                                errors="replace", **kw)


def exists():
    return pathlib.Path(SSHD).exists()
