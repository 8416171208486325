# SPDX-License-Identifier: BSD-3-Clause
"""Ways in that bring a desktop along, where the image has them: `make check-vm-more`."""

import contextlib

WAIT_PORT = "for n in $(seq 150); do ss -ltn | grep -q ':{port} ' && exit; sleep .2; done; exit 1"
# cockpit-ws takes a password by HTTP and has cockpit-session, setuid root, log in.
LOGIN = """python3 - <<'EOF'
import base64, urllib.error, urllib.request
ask = urllib.request.Request("http://127.0.0.1:25/cockpit/login", headers={{"Authorization":
    "Basic " + base64.b64encode(b"{user}:nsshell").decode()}})
try:
    print(urllib.request.urlopen(ask, timeout=60).status)
except urllib.error.HTTPError as e:
    print(e.code, e.reason)
EOF"""
# The namespaces of a user's process, as SHOW_NS prints them.
OF = "p=$(pgrep -u {user} -xo {name}) && for n in user pid mnt uts ipc; do readlink /proc/$p/ns/$n; done"


def has(h, what, program):
    if h.systemd and h.sh(f"test -x {program}").returncode == 0:
        return True
    h.skip(what, f"no {program} in this image (make check-vm-more)" if h.systemd
           else "its service is systemd's")
    return False


@contextlib.contextmanager
def service(h, start, port, stop):
    h.sh(f"{start}; " + WAIT_PORT.format(port=port), 90)
    try:
        yield
    finally:
        h.sh(f"{stop}; nsctl disable cockpit xrdp-sesman; pkill -KILL -u alice,plain; true")
        h.config()


def test_cockpit(h):
    if not has(h, "cockpit", "/usr/lib/cockpit/cockpit-ws"):
        return
    bridge = "cockpit-bridge"
    with service(h, "systemd-run -q --unit=try-cockpit /usr/lib/cockpit/cockpit-ws --no-tls --port=25",
                 25, "systemctl stop try-cockpit"):
        seen = h.out(LOGIN.format(user="alice"), 90)
        h.lands_inside("cockpit as it comes: an isolated account's login has no box",
                       h.out(OF.format(user="alice", name=bridge)) or seen, False)
        said = h.nsctl("check").stdout
        h.check("cockpit" in said, "nsctl check tells of it",
                [w for w in said.splitlines() if "cockpit" in w], said)
        h.sh("pkill -KILL -u alice; while pgrep -u alice >/dev/null; do sleep .2; done")
        h.config("[User alice]\nServices=sshd cockpit\n")
        h.enable("cockpit")
        seen = h.out(LOGIN.format(user="alice"), 90)
        # pam_ssh_add(8) of its PAM file has started an agent before; cockpit-session dies too early
        # to end that.
        left = h.out("for n in $(seq 50); do ps -o args= -u alice | grep -v ssh-agent || exit; sleep .2; done")
        h.check(not seen.startswith("200") and left == "",
                "enabled and listed: the login is refused, and nothing of its box is left", f"{seen} {left}", h.log())
        seen = h.out(LOGIN.format(user="plain"), 90)
        h.lands_inside("another account's goes on as before",
                       h.out(OF.format(user="plain", name=bridge)) or seen, False)


def test_xrdp(h):
    if not has(h, "xrdp", "/usr/bin/xrdp-sesrun"):
        return
    h.config("[User alice]\nServices=sshd xrdp-sesman\n")
    with service(h, "systemctl start xrdp-sesman", 3350, "systemctl stop xrdp xrdp-sesman"):
        h.enable("xrdp-sesman")
        h.sh("printf '#!/bin/sh\\nsleep 414141\\n' >/home/alice/wm; chmod 755 /home/alice/wm")
        said = h.out("for n in $(seq 20); do xrdp-sesrun -s 127.0.0.1 -t Xvnc -p nsshell "
                     "-S /home/alice/wm alice 2>&1 | grep 'ok data' && exit; sleep .5; done", 90)
        h.wait("pgrep -u alice -f '[s]leep 414141'", 60)
        h.lands_inside("xrdp-sesman: the window manager is in a box",
                       h.out(OF.format(user="alice", name="sleep")) or said + h.log(30))
        h.lands_inside("and so is the X server", h.out(OF.format(user="alice", name="Xvnc")))
        seen = h.out("timeout 20 head -c 12 </dev/tcp/127.0.0.1/5910")
        h.check(seen.startswith("RFB"), "which xrdp reaches from the host", seen, h.log())
        h.sh("pkill -KILL -u alice -f 'sleep 414141'")
        h.check(not h.left(60), "the session ends with the window manager", h.left(1))
        h.sh("rm -f /home/alice/wm")
