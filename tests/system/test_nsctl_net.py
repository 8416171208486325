# SPDX-License-Identifier: BSD-3-Clause
"""nsctl net, what went through private networks, and rules that are set while sessions run."""

import contextlib
import json
import pathlib
import re
import shutil

from harness.world import BEYOND4, HOST4, World, ask
from test_private import PRIVATE, _address, _possible
from test_publish import _from, _served


def _nsctl(b, w, *words):
    return b.run(*w.enter(w.host), b.stage.bin / "nsctl", *words)


def test_what_net_and_counters_say(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + f"[User {name}]\nPublish=80:8000 9000-9001/udp\n")
    conf = ("-c", b.stage.conf)
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(name) as a, w.shell(b.bob.pw_name) as o:
            address = _address(a)
            o.do("true")
            b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "something goes through the link", "")
            a.do(ask(HOST4, 1))
            r = _nsctl(b, w, "net", "-J", *conf, "-o",
                       "user,uid,address,address6,link,sessions,publish,in,out,inpackets,outpackets,refused")
            rows = {row["user"]: row for row in json.loads(r.stdout)["networks"]} if r.stdout else {}
            row = rows.get(name, {})
            n = address.split(".")[-1]
            b.check(row.get("address") == address and row.get("address6") == f"fd6e:7373::{int(n):x}" and
                    row.get("link") == f"nssh{n}" and row.get("sessions") == 1 and
                    row.get("publish") == "80:8000/tcp 9000-9001/udp" and row.get("uid") == b.alice.pw_uid,
                    "nsctl net names address, link and published ports", (row, r.stderr))
            b.check(all(row.get(k, 0) > 0 for k in ("in", "out", "inpackets", "outpackets")) and
                    row["refused"] >= 1, "and counts what went in and out, and what was refused", row)
            other = rows.get(b.bob.pw_name, {})
            b.check(other.get("refused") == 0 and not other.get("publish"), "of each account its own", other)
            r = _nsctl(b, w, "net", "--hosts", *conf)
            b.check(f"{address}\t{name}.nsshell\n" in r.stdout, "--hosts has lines of hosts(5)",
                    r.stdout + r.stderr)
            text = _nsctl(b, w, "metrics").stdout
            for what in ("received_bytes", "sent_bytes", "received_packets", "sent_packets", "refused_packets"):
                m = re.search(rf'^nsshell_account_network_{what}_total{{user="{name}"}} (\d+)$', text, re.M)
                b.check(m and int(m.group(1)) > 0, f"nsctl metrics has {what}", m and m.group(0))
            text = _nsctl(b, w, "status", name).stdout
            b.check(re.search(r"Traffic: the account \S+ in \(\d+ packets\), \S+ out \(\d+\); \d+ refused", text),
                    "nsctl status says it in words", text[:600])
            text = _nsctl(b, w, "top", "-b", "-n", "-r", "-o", "user,netin,netout,refused").stdout
            b.check(re.search(rf"^{name} \S+ \S+ [1-9]", text, re.M), "and nsctl top in columns", text)
        b.gone()
        r = _nsctl(b, w, "net", "-n", "-r", *conf)
        seen = _nsctl(b, w, "net", "-n", "-r", "-a", "-o", "user,address", *conf)
        b.check(name not in r.stdout and f"{name} {address}" in seen.stdout,
                "--all has accounts without a session, too", (r.stdout, seen.stdout + seen.stderr))


def test_rules_that_are_set(b):
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE)

    def set_(*words):
        return _nsctl(b, w, "set", "-c", b.stage.conf, name, *words)

    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with w.shell(name) as a:
            b.check(a.do(ask(BEYOND4, 7000)) == HOST4, "there is a way out", b.log_tail())
            _served(b, a, ("0.0.0.0", 8000, "tcp"))
            r = set_(f"IPAddressDeny={BEYOND4}", "Publish=80:8000")
            b.check(r.returncode == 0 and a.do(ask(BEYOND4, 7000)).startswith("no:"),
                    "nsctl set IPAddressDeny= holds at once", r.stdout + r.stderr)
            b.check(_from(b, w, w.beyond, HOST4, 80) == BEYOND4, "so does Publish=", "")
            with w.shell(name) as second:
                seen = second.do(ask(BEYOND4, 7000)), _from(b, w, w.beyond, HOST4, 80)
                b.check(seen[0].startswith("no:") and seen[1] == BEYOND4, "and the next login changes nothing",
                        seen)
            r = set_("IPAddressDeny=", "RestrictPorts=7000/tcp")
            b.check(a.do(ask(BEYOND4, 7000)).startswith("no:"), "RestrictPorts= does", r.stdout + r.stderr)
            r = set_("RestrictPorts=none", "Publish=")
            seen = a.do(ask(BEYOND4, 7000)), _from(b, w, w.beyond, HOST4, 80)
            b.check(seen[0] == HOST4 and seen[1].startswith("no:"), "an empty value takes back what was set", seen)
            w.serve(w.host, HOST4, 81)
            r = set_("Publish=81")
            b.check(r.returncode == 1 and "port 81/tcp of the host is taken" in r.stderr,
                    "a port that is taken is refused", r.stderr)
            r = set_("Publish=smtp")
            b.check(r.returncode == 1 and "is no port" in r.stderr, "so is what is no port", r.stderr)
            set_("Publish=80:8000")
        b.gone()
        with w.shell(name) as a:
            _served(b, a, ("0.0.0.0", 8000, "tcp"))
            b.check(_from(b, w, w.beyond, HOST4, 80).startswith("no:"),
                    "what was set goes with the account's last session", "")
            r = set_("--permanent", "Publish=80:8000")
            b.check(r.returncode == 0 and _from(b, w, w.beyond, HOST4, 80) == BEYOND4,
                    "--permanent holds at once, too", r.stdout + r.stderr)
        b.gone()
        with w.shell(name) as a:
            _served(b, a, ("0.0.0.0", 8000, "tcp"))
            b.check(_from(b, w, w.beyond, HOST4, 80) == BEYOND4, "and for later logins", b.log_tail())
            set_("--permanent", "Publish=")
    shutil.rmtree(f"{b.stage.conf}.d")


def test_as_many_rules_as_may_be_set(b):
    """What nsctl set has taken holds for the next login, and can be taken back."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE)
    with World(b) as w, w.shell(name) as a:
        a.do("true")
        lists = {key: " ".join(f"2001:db8:aaaa:bbbb:cccc:{n:x}:{i:x}:1/128" for i in range(0x1000, 0x1040))
                 for n, key in enumerate(("IPAddressDeny", "IPAddressAllow"), 0x1000)}
        r = _nsctl(b, w, "set", "-c", b.stage.conf, name, *(f"{k}={v}" for k, v in lists.items()))
        b.check(r.returncode == 0, "as many prefixes as there may be are set", r.stderr)
        with w.shell(name) as second:
            b.check(second.do("echo in") == "in", "the account's next login gets in", b.log_tail())
        r = _nsctl(b, w, "gc")
        b.check(r.returncode == 0, "nsctl gc goes on", r.stdout + r.stderr)
        r = _nsctl(b, w, "set", "-c", b.stage.conf, name, *(f"{k}=" for k in lists))
        b.check(r.returncode == 0, "and they are taken back", r.stderr)


@contextlib.contextmanager
def _logged_in(w, name):
    with w.shell(name) as login:
        login.do("true")
        yield login


def test_rules_of_each_login(b):
    """NetworkShare=login: what is set holds in all of them."""
    if not _possible(b):
        return
    name = b.alice.pw_name
    b.stage.config(PRIVATE + "NetworkShare=login\n")
    with World(b) as w:
        w.serve(w.beyond, BEYOND4, 7000)
        with contextlib.ExitStack() as logins:
            one, two = (logins.enter_context(_logged_in(w, name)) for _ in range(2))
            seen = [login.do(ask(BEYOND4, 7000)) for login in (one, two)]
            b.check(seen == [HOST4, HOST4], "both have a way out", seen, b.log_tail())
            r = _nsctl(b, w, "set", "-c", b.stage.conf, name, f"IPAddressDeny={BEYOND4}", "Publish=80:8000")
            seen = [login.do(ask(BEYOND4, 7000))[:3] for login in (one, two)]
            b.check(r.returncode == 0 and seen == ["no:", "no:"], "nsctl set IPAddressDeny= holds at once in both",
                    seen, r.stdout + r.stderr)
            _served(b, one, ("0.0.0.0", 8000, "tcp"))
            b.check(_from(b, w, w.beyond, HOST4, 80) == BEYOND4, "a port leads to the one that is older", b.log_tail())
            r = _nsctl(b, w, "set", "-c", b.stage.conf, name, "IPAddressDeny=")
            seen = [login.do(ask(BEYOND4, 7000)) for login in (one, two)]
            b.check(seen == [HOST4, HOST4] and _from(b, w, w.beyond, HOST4, 80) == BEYOND4,
                    "what is taken back is open in both, and the port stays", seen, r.stdout + r.stderr)
            older = min((r for r in b.stage.records() if r["user"] == name), key=lambda r: int(r["since"]))["number"]
            in_the_way = pathlib.Path(f"/run/nsshell/net/{older}.new")
            in_the_way.mkdir()
            try:
                r = _nsctl(b, w, "set", "-c", b.stage.conf, name, f"IPAddressDeny={BEYOND4}")
                seen = [login.do(ask(BEYOND4, 7000))[:3] for login in (one, two)]
                b.check(r.returncode != 0 and f"1 of 2 networks of {name} have it: " in r.stderr and sorted(seen) != [HOST4[:3]] * 2,
                        "where it fails in one, the other has it, and nsctl says so", seen, r.stdout + r.stderr)
            finally:
                in_the_way.rmdir()
