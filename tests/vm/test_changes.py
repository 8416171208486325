# SPDX-License-Identifier: BSD-3-Clause
"""What the host's root and its accounts change under boxes, where systemd shares every mount."""

import contextlib

from test_systemd import on_systemd

OPEN = "ls /run/nsshell/sessions | grep -v '[.]'"


@contextlib.contextmanager
def _open(h, user, first="true"):
    """A session that stays open: gives its id. What is seen in it, nsjoin shows."""
    h.sh(f"setsid su {user} -c '{first}; echo $NSSHELL_SESSION >/run/user/$(id -u)/up; exec sleep 31009' "
         "</dev/null >/dev/null 2>&1 &")
    h.wait(f"for s in $({OPEN}); do nsjoin $s sh -c 'cat /run/user/*/up' && exit 0; done 2>/dev/null; exit 1")
    session = h.out(f"for s in $({OPEN}); do grep -q '^user={user}$' /run/nsshell/sessions/$s && echo $s; done")
    try:
        yield session
    finally:
        h.sh(f"nsctl stop {session}")


@on_systemd
def test_paths_that_a_config_names(h):
    """A home that is an automount below a link; links of the user's and of root's; hidden ones."""
    h.sh("""mkdir -p /srv/d/home /srv/homes /srv/d/secret && ln -sT /srv/d /data && echo key >/srv/d/secret/key
cp -a /home/alice /srv/homes/ && usermod -d /data/home/alice alice
cat >/run/systemd/system/srv-d-home.mount <<END
[Mount]
What=/srv/homes
Where=/srv/d/home
Type=none
Options=bind
END
cat >/run/systemd/system/srv-d-home.automount <<END
[Automount]
Where=/srv/d/home
END
systemctl daemon-reload; systemctl start srv-d-home.automount
install -d -m 700 -o bob /srv/bobs
python3 -c 'import socket; socket.socket(1).bind("/srv/bobs/sock")'
for l in sock:/srv/bobs/sock www:/ x:/root/.ssh; do ln -sT ${l#*:} /srv/homes/alice/${l%%:*}; chown -h alice /srv/homes/alice/${l%%:*}; done""")
    home = "/data/home/alice"
    h.config(f"[User alice]\nSockets=-{home}/sock:/run/app.sock\nInaccessiblePaths=/data/secret\n"
             f"BindPaths=-{home}/www:/mnt/www -{home}/x:/mnt/x /data/home/alice:/mnt/own\n")
    try:
        where = h.out("findmnt -no FSTYPE /srv/d/home")
        h.check(where == "autofs", "the home is still to be mounted by systemd", where)
        r = h.sh("su - alice -c 'pwd; echo there >note; ls /mnt /mnt/www /mnt/x /run/app.sock; cat /mnt/own/note; "
                 "cat /data/secret/key; cat /srv/d/secret/key; ls /srv/bobs' 2>&1")
        said = r.stdout
        h.check(said.startswith("/srv/d/home/alice\n") and said.count("there\n") == 1 and
                h.out("cat /srv/homes/alice/note") == "there",
                "a home below a link, that systemd mounts when it is looked at: logged in, and written to", said)
        bad = [w for w in ("etc", "bin", "proc", "authorized_keys") if w in said.split()]
        h.check(not bad and "/run/app.sock': No such file" in said, "links of the user's lead nowhere", bad, said)
        h.check("key" not in said.split() and said.count("secret/key: No such file") == 2,
                "what is hidden is, by the name below a link and by its own", "", said)
        mounts = h.out("grep -c nsshell /proc/self/mountinfo")
        h.check(mounts == "0", "and nothing of it is mounted on the host", mounts)
    finally:
        h.left()
        h.sh("systemctl stop srv-d-home.automount srv-d-home.mount; rm /run/systemd/system/srv-d-home.*; "
             "systemctl daemon-reload; usermod -d /home/alice alice; rm -rf /data /srv/d /srv/homes /srv/bobs")
        h.config()


@on_systemd
def test_what_root_changes(h):
    """Beside an open session: in the next login at once, in the open one within seconds."""
    h.sh("echo old >/etc/app.conf; echo key >/etc/app.key")
    h.config("[User alice]\nInaccessiblePaths=/etc/app.key /etc/shadow\n")
    look = ("cat /etc/app.conf; getent passwd newbie | cut -d: -f1; app-tool; "
            "cat /etc/app.key /etc/shadow /etc/passwd 2>&1 | grep -e ^key -e ^root:.*::: ")
    try:
        with _open(h, "alice", "cat /etc/app.conf; getent passwd newbie; type app-tool"):
            h.sh("""echo new >/etc/.app && mv /etc/.app /etc/app.conf
echo key >/etc/.app && chmod 644 /etc/.app && mv /etc/.app /etc/app.key
useradd newbie && printf '#!/bin/sh\necho tool\n' >/usr/local/bin/app-tool && chmod 755 /usr/local/bin/app-tool""")
            seen = h.out(f"su alice -c '{look}'")
            h.check(seen.split() == ["new", "newbie", "tool"],
                    "renamed over, useradd, a new program: the next login sees them, and nothing that is hidden", seen)
            good = h.wait(f"test \"$(nsjoin alice sh -c '{look}' | tr '\\n' ' ')\" = 'new newbie tool '")
            h.check(good, "and so does the one that was open", h.out(f"nsjoin alice sh -c '{look}'"))
    finally:
        h.sh("userdel newbie; rm -f /etc/app.conf /etc/app.key /usr/local/bin/app-tool")
        h.config()


@on_systemd
def test_userdel(h):
    """It sees no process in a box: what then keeps the next account with the uid away from it."""
    def add(name):
        return h.sh(f"useradd -m -u 1777 {name}")

    h.config("[User erin]\nIsolate=yes\nTasksMax=100\n[User frank]\nIsolate=yes\n")
    try:
        add("erin")
        h.sh("useradd -m dave; setsid setpriv --reuid dave --clear-groups sleep 31009 </dev/null >/dev/null 2>&1 &")
        h.wait("pgrep -u dave")
        r = h.sh("userdel dave; pkill -u dave; userdel -rf dave")
        h.check("currently used by process" in r.stdout, "userdel of an account outside with a process", r.stdout)
        with _open(h, "erin", "echo secret >/tmp/s; umask 0") as session:
            r = h.sh("userdel -r erin")
            h.check(r.returncode == 0, "userdel of one in a box goes through", r.stdout)
            add("frank")
            r = h.sh("su frank -c 'cat /tmp/s; echo got-in'; nsctl set frank TasksMax=50")
            log = h.log(30)
            h.check("got-in" not in r.stdout and f"nsctl stop {session}" in log,
                    "the next one with its uid is refused, and the log says whose session is in the way", r.stdout, log)
            tasks = h.out("systemctl show nsshell-1777.scope -p TasksMax")
            h.check(tasks == "TasksMax=100" and session in r.stdout, "and sets no limits of that", tasks, r.stdout)
            seen = h.nsctl("check").stdout
            h.check(f"session {session} of erin runs with uid 1777" in seen, "nsctl check lists it", "", seen)
        r = h.sh("su frank -c 'ls /tmp/s; echo got-in'")
        h.check(r.stdout.endswith("got-in\n") and "No such" in r.stdout, "once it is ended the next one gets in", r.stdout)
        h.sh("echo USERDEL_CMD /usr/local/share/nsshell/userdel_nsshell.sh >>/etc/login.defs")
        with _open(h, "frank"):
            r = h.sh("userdel -r frank")
            seen = h.out(OPEN)
            h.check(r.returncode == 0 and not seen, "with USERDEL_CMD= as nsctl(8) has it the session is ended first",
                    seen, r.stdout)
    finally:
        h.sh("sed -i /^USERDEL_CMD/d /etc/login.defs; nsctl stop erin; nsctl stop frank; userdel -rf erin; "
             "userdel -rf frank; pkill -f '^sleep 31009'")
        h.config()


@on_systemd
def test_the_first_login_of_a_host(h):
    """Nothing of nsshell's state is there: after an installation, and in /run after a boot."""
    h.config("[User alice]\nUpper=disk\n")
    h.sh("rm -rf /run/nsshell /var/lib/nsshell")
    with h.shell("alice") as alice:
        seen = alice.do("echo in; ls -d /var/lib/nsshell 2>&1")
        h.check(seen.split("\n")[0] == "in" and "No such file" in seen,
                "it lands in a box, in which nsshell's state is hidden", seen, h.log())
        seen = h.out("nsctl list -rno user,outdated").split()
        h.check(seen == ["alice"], "and a login now would get no other rules", seen)
    h.left()
    h.config()


@on_systemd
def test_a_mount_that_goes(h):
    """Upper=disk: what an account wrote over one file system isn't put over another one."""
    h.config("[User alice]\nUpper=disk\nHostMounts=yes\n")
    h.sh("mkdir -p /opt/scratch; mount -t tmpfs scratch /opt/scratch; chmod 1777 /opt/scratch")
    try:
        h.sh("su alice -c 'mkdir /opt/scratch/lib && echo mine >/opt/scratch/lib/here'")
        here = h.out("ls -R /opt/scratch")
        h.left()
        h.sh("umount /opt/scratch; mount -t tmpfs other /srv; mkdir /srv/lib; chmod 1777 /srv")
        r = h.sh("su alice -c 'echo in; ls -A /srv/lib /opt/scratch'")
        h.check(r.stdout.startswith("in\n") and "here" not in r.stdout,
                "a mount goes and another comes: neither has the layer of the other", r.stdout, here)
    finally:
        h.left()
        h.sh("umount /opt/scratch; umount /srv; rmdir /opt/scratch; nsctl gc --account alice")
        h.config()


@on_systemd
def test_what_callers_hand_down(h):
    """A root's shell with files open, and a unit with mounts of its own."""
    h.sh("mount -t tmpfs none /mnt && echo here >/mnt/here")
    try:
        r = h.sh("exec 8</ 9</etc/shadow; su alice -c 'ls -d /proc/self/fd/8/proc/1; cat <&9; cat' </etc/hostname")
        h.check("root:" not in r.stdout and "/fd/8/proc" not in r.stdout.replace("'", " ").replace("cannot access  /proc/self/fd/8/proc", "")
                and h.out("hostname") in r.stdout, "su: 8</ and 9</etc/shadow stay outside, </etc/hostname is read", r.stdout)
        before = h.out("sort /proc/self/mountinfo | cut -d' ' -f4- ")
        r = h.sh("systemd-run --collect -q --wait --pipe -p PrivateMounts=yes -p PrivateTmp=yes -p ProtectHome=read-only "
                 "sh -c 'su alice -c \"touch /tmp/of-alice && echo in\"; ls /tmp; grep -c nsshell /proc/self/mountinfo'")
        h.check(r.stdout == "in\n0\n", "su in a unit with PrivateMounts= and PrivateTmp=: a box, and nothing of it "
                "in the unit's mounts", r.stdout)
        h.check(h.out("sort /proc/self/mountinfo | cut -d' ' -f4- ") == before, "nor in the host's")
    finally:
        h.sh("umount /mnt")
