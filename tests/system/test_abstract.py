# SPDX-License-Identifier: BSD-3-Clause
"""Abstract unix sockets: a login's own, where the kernel can keep them apart."""

import socket

from harness import kernel
from test_users import Tools

CONNECT = """python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("\\0" + sys.argv[1])
    print("connected")
except OSError as e:
    print(e.strerror)
' {}"""
LISTEN = """python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\\0{}")
s.listen()
time.sleep(60)' >/dev/null 2>&1 & sleep 0.4; """


def test_private(b):
    if kernel.landlock_abi() < 6:
        b.skip("abstract sockets of a login's own", "this kernel can't scope them")
        return
    name = b.alice.pw_name
    host, mine = f"nst-host-{name}", f"nst-own-{name}"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0" + host)
        s.listen()
        r = b.ssh(name, CONNECT.format(host))
        b.check("not permitted" in r.stdout, "one of the host can't be reached", r.stdout)
        with b.shell(name) as login:
            seen = login.do(LISTEN.format(mine) + CONNECT.format(mine))
            b.check(seen == "connected", "one of the login's own can", seen)
            pid = login.do("sleep 50 >/dev/null & echo $!")
            r = b.run(b.stage.bin / "nsjoin", "-q", name, "sh", "-c",
                      f"readlink /proc/{pid}/exe; " + CONNECT.format(mine))
            b.check("sleep" in r.stdout and "connected" in r.stdout,
                    "an admin who steps in sees the login's processes, and its sockets",
                    r.stdout + r.stderr)
            tools = Tools(b)
            own = tools.join(b.alice, "-q", name, "sh", "-c", CONNECT.format(host))
            b.check("not permitted" in own.stdout,
                    "who steps into an own session doesn't come by the host's",
                    own.stdout + own.stderr)
        b.stage.config("AbstractSockets=shared\n")
        r = b.ssh(name, CONNECT.format(host))
        b.check(r.stdout == "connected\n", "AbstractSockets=shared: as without a box", r.stdout)
