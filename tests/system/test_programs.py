# SPDX-License-Identifier: BSD-3-Clause
"""What ordinary programs of users look for in a box."""

import contextlib
import shutil
import socket

from harness import kernel


@contextlib.contextmanager
def _hosts(b, text):
    """The host's /etc/hosts says @text."""
    path = b.stage.private / "hosts"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    kernel.bind(path, "/etc/hosts")
    try:
        yield
    finally:
        kernel.umount("/etc/hosts")


def test_hosts(b):
    host = socket.gethostname().split(".")[0]
    name = f"{b.alice.pw_name}-box"
    ask = "getent hosts licences | head -1; hostname -f; hostname"
    with _hosts(b, f"127.0.0.1 localhost\n127.0.1.1 {host}.example.org {host}\n"
                "192.0.2.20 licences.example.org licences # the compiler's\n"):
        r = b.ssh(b.alice.pw_name, ask)
        lines = [line.split() for line in r.stdout.splitlines()]
        b.check(lines[:1] == [["192.0.2.20", "licences.example.org", "licences"]],
                "a name in the host's /etc/hosts is found", r.stdout + r.stderr)
        b.check(lines[1:] == [[f"{host}.example.org"], [host]], "hostname -f has the domain",
                r.stdout + r.stderr)
        b.stage.config("Hostname=%u-box\n")
        r = b.ssh(b.alice.pw_name, ask)
        lines = r.stdout.splitlines()
        b.check("licences" in "".join(lines[:1]) and lines[1:] == [f"{name}.example.org", name],
                "with Hostname= too, and the box's name has the host's domain",
                r.stdout + r.stderr)
        r = b.ssh(b.alice.pw_name, "tail -1 /etc/hosts; echo x >>/etc/hosts")
        b.check(r.stdout.split() == ["127.0.1.1", f"{name}.example.org", name]
                and "denied" in r.stderr, "by one line more, and nobody inside can change it",
                r.stdout + r.stderr)
    with _hosts(b, "127.0.0.1 localhost"):
        r = b.ssh(b.alice.pw_name, "cat /etc/hosts; getent ahosts $(hostname) | head -1")
        b.check(r.stdout.split()[:5] == ["127.0.0.1", "localhost", "127.0.1.1", name, "127.0.1.1"],
                "a host without a domain, or a newline at the end", r.stdout + r.stderr)


def test_screen(b):
    if not shutil.which("screen"):
        b.skip("screen starts", "this host has none: apt-get install screen")
        return
    r = b.ssh(b.alice.pw_name, "cd; TERM=xterm screen -dmS nst sh -c 'echo ran >screened; sleep 60' "
              "&& screen -ls; for i in $(seq 100); do [ -s screened ] && break; sleep .1; done; "
              "cat screened; rm screened; screen -S nst -X quit")
    b.check(".nst" in r.stdout and "ran" in r.stdout.split(), "screen starts, and lists what it has",
            r.stdout + r.stderr)


def test_places_of_sockets(b):
    """As systemd-tmpfiles makes them on a host: an X server of a user's can't."""
    r = b.ssh(b.alice.pw_name, "stat -c '%n %a %u' /tmp/.X11-unix /tmp/.ICE-unix /run/screen "
              "/run/lock; touch /tmp/.X11-unix/X9 && rm /tmp/.X11-unix/X9 && echo mine")
    b.check(r.stdout.splitlines() == ["/tmp/.X11-unix 1777 0", "/tmp/.ICE-unix 1777 0",
                                      "/run/screen 1777 0", "/run/lock 1777 0", "mine"],
            "/tmp/.X11-unix and its like are root's, and everybody's to use", r.stdout + r.stderr)
