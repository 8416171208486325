# SPDX-License-Identifier: BSD-3-Clause
"""Agent, port, socket and X11 forwarding: all of it is done by processes in the box."""

import contextlib
import os
import re
import socket
import struct
import subprocess
import threading
import time

from harness import kernel
from harness.pace import patient
from harness.sshd import free_port


class Echo:
    """Answers "echo " and what it was told, once a connection, over TCP or a unix socket."""

    def __init__(self, path=None, port=0):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
        else:
            self.socket = socket.create_server(("127.0.0.1", port))
            self.port = self.socket.getsockname()[1]
        self.socket.listen()
        self.seen = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.socket.accept()
                self.seen = c.recv(4096)
                c.sendall(b"echo " + self.seen)
                c.close()

    def stop(self):
        self.socket.close()


def _ask(s, text=b"hello"):
    s.settimeout(10)
    s.sendall(text)
    answer = b""
    with contextlib.suppress(OSError):
        while True:
            part = s.recv(4096)
            if not part:
                break
            answer += part
    s.close()
    return answer


def _connect(port, seconds=10):
    end = time.monotonic() + patient(seconds)
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _forwarders_are_inside(b, what):
    below = kernel.descendants(b.stage.sshd.process.pid)
    host = kernel.namespaces()
    outside = [repr(p) for p in below if kernel.namespaces(p.pid)["mnt"] == host["mnt"]]
    users = [p for p in below if b.alice.pw_uid in p.real_uids()
             and kernel.namespaces(p.pid)["pid"] != host["pid"]]
    b.check(users and not outside, f"{what} is done by an sshd in the box",
            f"{len(users)} processes of the user inside, {len(outside)} outside")


@contextlib.contextmanager
def _forwarding(b, *options):
    p = b.stage.sshd.background(b.alice.pw_name, options=["-N", *options])
    try:
        yield p
    finally:
        p.terminate()
        p.communicate()


def test_local_forwarding(b):
    echo, port = Echo(), free_port()
    with _forwarding(b, "-L", f"{port}:127.0.0.1:{echo.port}"):
        seen = _ask(_connect(port))
        b.check(seen == b"echo hello", "ssh -L carries bytes both ways", seen)
        _forwarders_are_inside(b, "-L")
    echo.stop()


def test_remote_forwarding(b):
    echo, port = Echo(), free_port()
    with _forwarding(b, "-R", f"{port}:127.0.0.1:{echo.port}"):
        seen = _ask(_connect(port))
        b.check(seen == b"echo hello", "ssh -R carries bytes both ways", seen)
        _forwarders_are_inside(b, "-R")
    echo.stop()


def test_dynamic_forwarding(b):
    echo, port = Echo(), free_port()
    with _forwarding(b, "-D", str(port)):
        s = _connect(port)
        s.sendall(b"\x05\x01\x00")
        s.recv(2)
        s.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + struct.pack(">H", echo.port))
        granted = s.recv(10)
        b.check(granted[:2] == b"\x05\x00", "ssh -D grants a SOCKS connection", granted)
        seen = _ask(s)
        b.check(seen == b"echo hello", "ssh -D carries bytes both ways", seen)
        _forwarders_are_inside(b, "-D")
    echo.stop()


LISTEN_INSIDE = """python3 -c '
import socket
s = socket.socket(socket.AF_UNIX); s.bind("/tmp/inside.sock"); s.listen()
print("listening", flush=True)
c, _ = s.accept(); c.sendall(b"from inside " + c.recv(100)); c.close()'"""


def test_unix_socket_into_the_box(b):
    local = b.stage.private / "to-box.sock"
    p = b.stage.sshd.background(b.alice.pw_name, LISTEN_INSIDE,
                                options=["-L", f"{local}:/tmp/inside.sock"])
    try:
        line = p.stdout.readline()
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(local))
        seen = _ask(s)
        b.check(seen == b"from inside hello",
                "ssh -L SOCKET:/tmp/inside.sock reaches a socket of the box's own /tmp",
                seen or line)
        b.check(not os.path.exists("/tmp/inside.sock"), "which isn't in the host's /tmp")
    finally:
        p.terminate()
        p.communicate()


def test_unix_socket_out_of_the_box(b):
    local = b.stage.private / "echo.sock"
    echo = Echo(path=local)
    r = b.ssh(b.alice.pw_name, "test ! -e /etc/nothing; ls /tmp; python3 -c '"
              "import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/tmp/out.sock\"); "
              "s.sendall(b\"hi\"); print(s.recv(100).decode())'",
              options=["-R", f"/tmp/out.sock:{local}"])
    b.check("echo hi" in r.stdout, "ssh -R /tmp/out.sock: the box reaches a socket of the client",
            r.stdout or r.stderr)
    b.check(not os.path.exists("/tmp/out.sock"), "and the host's /tmp has no such socket")
    echo.stop()


def test_agent_forwarding(b):
    path = str(b.stage.private / "agent.sock")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        env = dict(os.environ, SSH_AUTH_SOCK=path)
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.02)
        b.run("ssh-add", "-q", b.stage.sshd.key, env=env)
        r = b.ssh(b.alice.pw_name, "ssh-add -l; echo $SSH_AUTH_SOCK; ls /tmp",
                  options=["-A"], env=env)
        b.check("(ED25519)" in r.stdout, "ssh -A, ssh-add -l inside lists the key",
                r.stdout or r.stderr)
        m = re.search(r"^(/tmp/(ssh-\S+)/agent\.\d+)\n\2$", r.stdout, re.M)
        b.check(m, "the agent's socket is the one thing in the box's own /tmp",
                m.group(1) if m else r.stdout)
    finally:
        agent.terminate()
        agent.wait()


X_CLIENT = r"""
import os, socket, struct, subprocess, sys
host, screen = os.environ["DISPLAY"].rsplit(":", 1)
number = screen.split(".")[0]
cookie = subprocess.run(["xauth", "list", os.environ["DISPLAY"]], capture_output=True, text=True)
words = cookie.stdout.split()
print("DISPLAY", os.environ["DISPLAY"], "cookie", words[1:2], cookie.stderr.strip())
s = socket.create_connection((host, 6000 + int(number)), 5)
name, data = words[1].encode(), bytes.fromhex(words[2])
s.sendall(struct.pack("<BxHHHHxx", 0x6c, 11, 0, len(name), len(data)) +
          name + b"\0" * (-len(name) % 4) + data + b"\0" * (-len(data) % 4))
print("answer", s.recv(100)[:5])
"""


def test_x11_forwarding(b):
    display = next(n for n in range(70, 100) if _is_free(6000 + n))
    server = Echo(port=6000 + display)
    env = dict(os.environ, DISPLAY=f"127.0.0.1:{display}")
    env["XAUTHORITY"] = str(b.stage.private / "Xauthority")
    b.run("xauth", "add", env["DISPLAY"], "MIT-MAGIC-COOKIE-1", "00112233445566778899aabbccddeeff",
          env=env)
    r = b.ssh(b.alice.pw_name, "python3 -", options=["-Y"], env=env, input=X_CLIENT)
    m = re.search(r"DISPLAY (\S+)", r.stdout)
    b.check(m, "ssh -X sets DISPLAY", m.group(1) if m else r.stdout + r.stderr)
    b.check("MIT-MAGIC-COOKIE-1" in r.stdout, "xauth in the box has the cookie",
            r.stdout + r.stderr)
    b.check("answer b'echo" in r.stdout and
            b"MIT-MAGIC" in server.seen, "and an X client inside reaches the X server",
            r.stdout + r.stderr)
    server.stop()


def _is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False
