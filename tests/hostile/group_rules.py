# SPDX-License-Identifier: BSD-3-Clause
"""One test or more for each rule that other people's CVEs taught: SECURITY.md has the table."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import time

from harness import kernel
from speak import IGNORE, JOIN, JOINED, OPEN, Helper, nasty, request, session_id

REFUSED = ".*refused because its session could not be opened.*"


def _traced(g, calls, *command, timeout=30, env=None, cwd=None):
    """(pid, text) of each of these system calls, in order."""
    log = g.stage.private / "trace"
    g.stage.run("strace", "-f", "-qq", "-s", "200", "-o", log, "-e", f"trace={calls}", *command,
                timeout=timeout, env=env, cwd=cwd)
    lines = [x.split(None, 1) for x in log.read_text(errors="replace").splitlines()]
    log.unlink()
    return [(int(pid), text) for pid, text in lines]


def _login(g):
    r = g.scene.ssh(g.alice.pw_name, "echo in")
    return r.stdout + r.stderr


# ---- environment, argv[0], fds, cwd, limits, umask, signal mask of the caller ---------------------

def fresh_start(g):
    log, sid = g.stage.private / "trace", session_id()
    helper = Helper("/usr/bin/strace", "strace", "-f", "-qq", "-o", str(log), "-e",
                    "trace=open,openat,openat2,chdir,recvmsg,rt_sigprocmask", str(g.stage.helper), str(g.stage.conf),
                    before=nasty(g.alice.pw_dir), env={"TZ": ":/nst/zone", "CGROUP_LOGLEVEL": "DEBUG"})
    kinds, _ = helper.ask(request(OPEN, g.alice.pw_name, g.stage.sshd_service, sid=sid))
    g.judge("fresh start: a helper in bad surroundings opens a session", kinds[-1:], rf"\[{JOIN}\]")
    record = next(r for r in g.stage.records() if r["id"] == sid)
    for what in ("supervisor", "init"):
        pid = record[f"{what}_pid"]
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        fds = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
        g.judge(f"fresh start: the {what} has no fd of the caller's", [f for f in fds if "root" in f],
                r"\[\]")
        g.judge(f"fresh start: the {what}'s umask", re.search(r"Umask:\s+(\d+)", status)[1], "0000")
        g.judge(f"fresh start: the {what}'s directory", os.readlink(f"/proc/{pid}/cwd"), "/")
        soft = {name: re.search(rf"^Max {name}\s+(\S+)", limits, re.M)[1] for name in
                ("cpu time", "file size", "core file size", "processes", "open files")}
        g.judge(f"fresh start: the {what}'s limits", list(soft.values()),
                r"\['unlimited', 'unlimited', '0', '(unlimited|\d{4,})', '1024'\]")
        served = [pathlib.Path(f"/proc/{pid}/{name}") for name in ("oom_score_adj", "numa_maps")]
        g.judge(f"fresh start: how soon the {what} is killed for want of memory, and where its own comes from",
                [p.read_text(encoding="ascii").split()[:2][-1] for p in served if p.exists()], r"\['(0|-900)'(, 'default')?\]")
    helper.socket.send(request(JOINED, "", "", sid=sid))
    g.stage.syslog.wait(f"session {sid} opened")
    helper.end()
    g.wait(lambda: sid not in {r["id"] for r in g.stage.records()})
    text = log.read_text(errors="replace")
    for what, call in (("goes to /", 'chdir("/")'), ("blocks no signal", "rt_sigprocmask(SIG_SETMASK, [], ")):
        g.judge(f"fresh start: it {what} before it hears anything",
                0 < text.find(call) < text.find("recvmsg"), "True")
    log.unlink()
    _environment(g, log)


def _environment(g, log):
    # Of what the helper does itself, a line to syslog asks for the time: that of a refusal.
    helper = Helper("/usr/bin/strace", "strace", "-f", "-qq", "-o", str(log), "-e", "trace=open,openat",
                    str(g.stage.helper), str(g.stage.conf), before=nasty(g.alice.pw_dir), env={"TZ": ":/nst/zone"})
    helper.ask(request(OPEN, g.stage.accounts.name("none"), g.stage.sshd_service))
    helper.end()
    text = log.read_text(errors="replace")
    g.judge("fresh start: its environment isn't looked at", [w for w in ("/etc/localtime", "/nst/zone") if w in text],
            r"\['/etc/localtime'\]")
    log.unlink()
    p = subprocess.Popen(["runuser", "-l", g.alice.pw_name, "-c", "echo in; exec sleep 100"],
                         stdout=subprocess.PIPE, text=True, env=dict(os.environ, NST_EVIL="x"))
    p.stdout.readline()
    record = next(r for r in g.stage.records() if r["service"] == "runuser-l")
    seen = {pathlib.Path(f"/proc/{record[w]}/environ").read_text(errors="replace")
            for w in ("init_pid", "supervisor_pid")}
    p.kill()
    p.communicate()
    calls = _traced(g, "execve", "runuser", "-l", g.alice.pw_name, "-c", "true", env=dict(os.environ, NST_EVIL="x"))
    seen |= {found[1] for _, text in calls if (found := re.search(r'/nsshell-helper", .*/\* (\d+) vars', text))}
    g.judge("fresh start: nothing of a login program's environment reaches the helper", sorted(seen), r"\['', '0'\]")


# ---- an allow-list of services; files that only root can write --------------------------------

def trusted_input(g):
    conf = g.stage.conf
    for what, change, back in (
            ("writable by everybody", lambda: conf.chmod(0o646), lambda: conf.chmod(0o644)),
            ("writable by its group", lambda: conf.chmod(0o664), lambda: conf.chmod(0o644)),
            ("another user's", lambda: os.chown(conf, g.scene.plain.pw_uid, 0),
             lambda: os.chown(conf, 0, 0))):
        change()
        try:
            g.judge(f"trusted input: a config that is {what}", _login(g), REFUSED)
        finally:
            back()
    h = Helper(str(g.stage.helper), str(g.stage.helper), str(conf))
    kinds, _ = h.ask(request(OPEN, g.alice.pw_name, "nst-unlisted"))
    h.end()
    g.judge("trusted input: a service that no Services= lists", kinds, rf"\[{IGNORE}\]")
    h = Helper(str(g.stage.helper), str(g.stage.helper), str(conf), user=g.alice)
    kinds, _ = h.ask(request(OPEN, g.alice.pw_name, g.stage.sshd_service))
    g.judge("trusted input: the helper believes getuid() alone", f"{kinds} {h.end()}", r"\[\] 1")
    suid = shutil.copy(g.stage.helper, g.stage.bin / "suid-helper")
    suid.chmod(0o4755)
    h = Helper(str(suid), str(suid), str(conf), user=g.alice)
    kinds, _ = h.ask(request(OPEN, g.alice.pw_name, g.stage.sshd_service))
    g.judge("trusted input: nor one that somebody has made setuid", f"{kinds} {h.end()}", r"\[\] 1")
    suid.unlink()
    g.judge("trusted input: as it was", _login(g), "in")


# ---- the state directory, the record, the namespaces ---------------------------------------------

def one_true_record(g):
    for what, change, back in (
            ("writable by all", lambda: os.chmod("/run/nsshell", 0o777),
             lambda: os.chmod("/run/nsshell", 0o700)),
            ("the user's", lambda: os.chown("/run/nsshell", g.alice.pw_uid, -1),
             lambda: os.chown("/run/nsshell", 0, 0))):
        change()
        try:
            g.judge(f"one true record: a state directory that is {what}", _login(g), REFUSED)
        finally:
            back()
    own = g.scene.record_of(g.alice.pw_name)
    path = pathlib.Path(f"/run/nsshell/sessions/{own['id']}")
    good = path.read_text(encoding="ascii")
    # A process with all namespaces of its own but one, and a record that says so.
    half = subprocess.Popen(["unshare", "-r", "-m", "-p", "-f", "-u", "sleep", "100"])
    g.wait(lambda: [p for p in kernel.descendants(half.pid) if p.comm == "sleep"])
    init = kernel.descendants(half.pid)[-1]
    halfs = {f"ns_{n}": re.sub(r"\D", "", v) for n, v in kernel.namespaces(init.pid).items()
             if f"ns_{n}" in own}
    same = kernel.Process(g.values["same"])
    host = {f"ns_{n}": re.sub(r"\D", "", v) for n, v in kernel.namespaces().items()}
    try:
        for what, change in (
                ("a process of the same uid outside", {"init_pid": same.pid, "init_start": same.start}),
                ("the same, and its namespaces", {"init_pid": same.pid, "init_start": same.start, **host}),
                ("another start time", {"init_start": 1}), ("one namespace too few", {"ns_uts": 0}),
                ("one namespace of the host's", {"ns_ipc": host["ns_ipc"]})):
            path.write_text("".join(f"{k}={change.get(k, v)}\n" for k, v in own.items()),
                            encoding="ascii")
            r = g.admin("-q", g.alice.pw_name, "true")
            g.judge(f"one true record: {what}", r.returncode, "125")
        change = {"init_pid": init.pid, "init_start": init.start, **halfs}
        path.write_text("".join(f"{k}={change.get(k, v)}\n" for k, v in own.items()), encoding="ascii")
        r = g.admin("-q", g.alice.pw_name, "true")
        g.judge("one true record: a process that has the host's ipc namespace", r.stderr,
                ".*ns/ipc of session .* is the host's own: refused.*")
    finally:
        path.write_text(good, encoding="ascii")
        half.kill()
        half.wait()
        g.kill(init.pid)
    _all_or_none(g, int(own["init_pid"]))


def _all_or_none(g, init):
    """Who logs in and who steps in is in each namespace that the session's init is in."""
    want = kernel.namespaces(init)
    shared = sorted(n for n, v in kernel.namespaces().items() if v == want[n])
    g.judge("one true record: no namespace of a session's is the host's", shared, r"\[\]")
    show = "for n in " + " ".join(sorted(want)) + "; do readlink /proc/self/ns/$n; done"
    ours = " ".join(want[n] for n in sorted(want))
    g.judge("one true record: who logs in is in all of it", g.me.do(show).split() == ours.split(), "True")
    r = g.admin("-q", g.alice.pw_name, "sh", "-c", show)
    g.judge("one true record: who steps in, too", r.stdout.split() == ours.split(), "True")


# ---- paths that a user can touch ----------------------------------------------------------------

@contextlib.contextmanager
def _link(g, path, target):
    subprocess.run(["ln", "-s", target, path], user=g.alice.pw_uid, group=g.alice.pw_gid,
                   extra_groups=[], check=True)
    try:
        yield
    finally:
        os.unlink(path)


def paths_by_fd(g):
    home = pathlib.Path(g.alice.pw_dir)
    moved = home.with_name(home.name + ".moved")
    home.rename(moved)
    try:
        home.symlink_to(moved)
        os.lchown(home, g.alice.pw_uid, g.alice.pw_gid)
        g.judge("paths by fd: the home is a link of the user's", _login(g), REFUSED)
    finally:
        home.unlink()
        moved.rename(home)
    secret = g.stage.private / "shown"
    secret.mkdir(mode=0o755)
    (secret / "file").write_text("secret\n", encoding="ascii")
    try:
        g.stage.config(f"BindPaths={secret}:/srv\n")
        r = g.scene.ssh(g.alice.pw_name, "cat /srv/file")
        g.judge("paths by fd: BindPaths= of what the user can't reach", r.stdout + r.stderr, REFUSED)
        with _link(g, home / "away", str(secret)):
            g.stage.config(f"BindPaths={home}/away:/srv\n")
            r = g.scene.ssh(g.alice.pw_name, "cat /srv/file")
            g.judge("paths by fd: BindPaths= of a link to what the user can't reach",
                    r.stdout + r.stderr, REFUSED)
        with _link(g, home / "away", "../../etc"):
            g.stage.config(f"BindPaths={g.stage.open}:{home}/away/skel\n")
            r = g.scene.ssh(g.alice.pw_name, "ls -A /etc/skel | grep -c canary")
            g.judge("paths by fd: BindPaths= onto what lies behind a link", r.stdout + r.stderr,
                    REFUSED)
        # One that the host doesn't have: made in the box, and kept.
        way = g.stage.open / "way"
        g.stage.config("Upper=disk\n")
        g.scene.ssh(g.alice.pw_name, f"ln -s /etc {way}")
        g.stage.config(f"Upper=disk\nBindPaths={g.stage.open}:{way}/skel\n")
        r = g.scene.ssh(g.alice.pw_name, "ls -A /etc/skel | grep -c canary")
        g.judge("paths by fd: BindPaths= onto what lies behind a link of the box's",
                r.stdout + r.stderr, REFUSED)
    finally:
        g.stage.config()
        shutil.rmtree(secret)
        shutil.rmtree(pathlib.Path("/var/lib/nsshell/upper") / str(g.alice.pw_uid), ignore_errors=True)


# ---- no file of a home with root's ids ----------------------------------------------------------

def home_as_user(g):
    g.me.close()
    g.me = None
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    calls = _traced(g, "%file,setfsuid,open_tree,mount_setattr,execve", "runuser", "-l",
                    g.alice.pw_name, "-c", "true")
    # The helper, and of its children whoever changes the ids that files are looked at with.
    helper = {pid for pid, text in calls if text.startswith("setfsuid") or
              (text.startswith("execve") and "nsshell-helper" in text)}
    ids, seen, wrong = {}, 0, []
    for pid, text in calls:
        if pid not in helper:
            continue
        m = re.match(r"setfsuid\((-?\d+)", text)
        if m and m[1] not in ("-1", "4294967295"):
            ids[pid] = int(m[1])
        elif re.search(rf'"{re.escape(g.alice.pw_dir)}[/"]', text):
            seen += 1
            if ids.get(pid, 0) != g.alice.pw_uid:
                wrong.append(text)
    g.judge("home as user: the helper looks at the home", seen > 0, "True")
    g.judge("home as user: never with root's ids", wrong, r"\[\]")
    g.me = g.login(g.alice.pw_name)


# ---- the joiner: non-dumpable, a terminal of its own, nothing of the admin's ------------------------

def nothing_lent(g):
    nsjoin, name = str(g.stage.bin / "nsjoin"), g.alice.pw_name
    calls = _traced(g, "prctl,setns,setresuid,execve,clone3,close_range", nsjoin, "-q", name, "true")
    joiner = next(pid for pid, text in calls if text.startswith("setns"))
    command = next(pid for pid, text in reversed(calls) if text.startswith("execve") and
                   '"true"' in text)
    before = [t for p, t in calls[:[t.startswith("setns") for _, t in calls].index(True)]]
    g.judge("nothing lent: not dumpable before it joins",
            any("PR_SET_DUMPABLE, SUID_DUMP_DISABLE" in t for t in before), "True")
    inside = [t for p, t in calls if p == command]
    last_ids = max(i for i, t in enumerate(inside) if t.startswith("setresuid"))
    after = [t for t in inside[last_ids:] if not t.startswith("execve")]
    # Everything is close-on-exec besides: each of these alone would do.
    g.judge("nothing lent: the admin's fds are closed before it joins",
            any(t.startswith("close_range(3, 4294967295, 0)") for t in before), "True")
    g.judge("nothing lent: the joiner's are, before the command is the user's",
            any(t.startswith("close_range(4, 4294967295, 0)") for t in inside[:last_ids]), "True")
    g.judge("nothing lent: not dumpable from its last change of ids to its exec",
            any("PR_SET_DUMPABLE, SUID_DUMP_DISABLE" in t for t in after), "True")
    g.judge("nothing lent: who executes isn't who joined", joiner != command, "True")
    reads, writes = os.pipe()
    r = g.admin("-q", name, "sh", "-c", "env; ls -l /proc/self/fd; pwd",
                env=dict(os.environ, NST_SECRET="x", LD_LIBRARY_PATH="/nst"), pass_fds=(reads, writes),
                cwd="/root")
    os.close(reads)
    os.close(writes)
    g.judge("nothing lent: environment, fds, directory", [w for w in ("NST_SECRET", "LD_LIB", "/root",
                                                                  f" {writes} ->") if w in r.stdout],
            r"\[\]")
    from harness.terminal import Terminal  # pylint: disable=import-outside-toplevel
    with Terminal([nsjoin, "-q", name]) as t:
        t.ask("true")
        outside = os.stat(t.name)
        inside = {os.stat(f"/proc/{p.pid}/fd/0").st_dev for p in kernel.descendants(t.process.pid)}
        g.judge("nothing lent: the terminal inside is of another devpts",
                outside.st_dev in inside, "False")
        t.line("exit")
        t.close()


# ---- no NSS, no dlopen, no locale after entering ----------------------------------------------------

def no_lookups_inside(g):
    calls = _traced(g, "open,openat,openat2,connect,socket,setns,execve,prctl",
                    str(g.stage.bin / "nsjoin"), "-q", g.alice.pw_name, "true")
    joiner = next(i for i, (_, text) in enumerate(calls) if text.startswith("setns"))
    command = next(pid for pid, text in reversed(calls) if text.startswith("execve") and '"true"' in text)
    inside = []
    for i, (pid, text) in enumerate(calls):
        if i > joiner and pid in (calls[joiner][0], command):
            if text.startswith("execve") and pid == command:
                break
            inside.append(text)
    # The session's variables are read as a file of the box's root: nothing in them is followed or loaded.
    looked = [t for t in inside if t.startswith(("open", "connect", "socket")) and not re.search(
        r'"/dev/(ptmx|pts/?\d*)"|openat\(\d+, "\."|"/run/nsshell/environment", O_RDONLY\|O_NOCTTY\|O_NONBLOCK\|O_NOFOLLOW\|O_CLOEXEC', t)]
    g.judge("no look-ups inside: files and sockets between nsjoin's setns and its exec", looked, r"\[\]")
    calls = _traced(g, "open,openat,openat2,connect,socket,setns,prctl", "runuser", "-l",
                    g.alice.pw_name, "-c", "true")
    at = next(i for i, (_, text) in enumerate(calls) if re.match(r"setns\(\d+, CLONE_NEW.*\|", text))
    login, module = calls[at][0], []
    for pid, text in calls[at + 1:]:
        if pid == login:
            if "PR_SET_NO_NEW_PRIVS" in text:
                break
            module.append(text)
    looked = [t for t in module if t.startswith(("open", "connect", "socket")) and
              "/proc/sys/kernel/cap_last_cap" not in t]
    g.judge("no look-ups inside: between the module's setns and no_new_privs", looked, r"\[\]")


# ---- propagation -----------------------------------------------------------------------------------

def no_propagation(g):
    script = f"""
cut -d' ' -f5- /proc/self/mountinfo | sort >{g.stage.private}/before
runuser -l {g.alice.pw_name} -c 'sleep 0.5' & sleep 0.3
cut -d' ' -f5- /proc/self/mountinfo | sort >{g.stage.private}/during
wait
cut -d' ' -f5- /proc/self/mountinfo | sort >{g.stage.private}/after
"""
    g.me.close()
    g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    r = g.stage.run("unshare", "-m", "--propagation", "shared", "sh", "-c", script)
    texts = {n: (g.stage.private / n).read_text(encoding="utf-8") for n in ("before", "during", "after")}
    g.judge("no propagation: where all mounts are shared, as systemd leaves them",
            "shared:" in texts["before"], "True")
    new = set(texts["during"].splitlines()) ^ set(texts["before"].splitlines())
    g.judge("no propagation: a session adds nothing to the table", sorted(new) + [r.stderr], r"\[''\]")
    g.judge("no propagation: and leaves nothing", texts["after"] == texts["before"], "True")
    for n in texts:
        (g.stage.private / n).unlink()
    g.me = g.login(g.alice.pw_name)


# ---- a user's tree ---------------------------------------------------------------------------------

def no_tree_deleted(g):
    """It goes with its mount; on disk it stays."""
    for name in ("nsshell-helper", "pam_nsshell.so", "nsjoin", "nsctl"):
        r = g.stage.run("nm", "-D", "--undefined-only", g.stage.bin / name)
        used = set(re.findall(r" U (nftw\w*|ftw\w*|fts_\w+|remove|system|popen|execlp|wordexp|mktemp|"
                              r"tmpnam)\b", r.stdout))
        g.judge(f"no tree deleted: {name} walks none, and has no shell", sorted(used), r"\[\]")
    code = "import os\nfor top in ('/tmp', '{open}'):\n os.chdir(top)\n for i in range(3000):\n" \
           "  os.mkdir('d'); os.chdir('d')\n"
    g.row("no tree deleted: directories 3,000 deep in /tmp and in the upper", f"python3 -c \"{code}\"", "")
    began = time.monotonic()
    g.me.close()
    gone = g.wait(lambda: not [r for r in g.stage.records() if r["user"] == g.alice.pw_name])
    g.judge("no tree deleted: the session ends all the same", gone, "True")
    print(f"# {time.monotonic() - began:.1f} s", flush=True)
    g.me = g.login(g.alice.pw_name)
    g.row("no tree deleted: and they are gone", "ls -A /tmp {open}/d 2>&1 | head -3", ".*No such.*")


# ---- nosuid and nodev -------------------------------------------------------------------------------

def nosuid_nodev(g):
    g.row("nosuid and nodev: the overlays", "awk '/ - overlay / { print $6 }' /proc/self/mountinfo | "
          "grep -v -e nosuid,nodev; awk '/ - overlay /' /proc/self/mountinfo | wc -l", r"[1-9]\d*")
    program = g.stage.open / "nst-suid"
    node = g.stage.open / "nst-node"
    shutil.copy(g.attack, program)
    os.chmod(program, 0o4755)
    os.mknod(node, 0o020666, os.makedev(1, 3))
    os.chmod(node, 0o666)
    try:
        g.row("nosuid and nodev: a set-uid program, and a node, of the lower",
              "{open}/nst-suid ids; {a} open {open}/nst-node", "none EACCES")
        # no_new_privs is a second wall: what the mount alone does is seen without it.
        init = g.scene.record_of(g.alice.pw_name)["init_pid"]
        line = next(x for x in pathlib.Path(f"/proc/{init}/mountinfo").read_text(
            encoding="utf-8").splitlines() if " / / " in x)
        g.judge("nosuid and nodev: the root as the host sees it", line.split()[5],
                "rw,nosuid,nodev.*")
    finally:
        program.unlink()
        node.unlink()


# ---- release_agent ----------------------------------------------------------------------------------

def no_release_agent(g):
    g.row("no release agent: none in the box", "find / -name release_agent 2>/dev/null", "")
    g.row("no release agent: in a hierarchy mounted in a nested user namespace", "{a} userns agent",
          "no namespace|EPERM|EACCES|ENOENT")
    g.row("no release agent: with one of its own", "{a} userns mount cgroup "
          "none,name=nst,release_agent=/tmp/x", "no namespace|EPERM|EINVAL")
    g.row("no release agent: cgroup files that can be written",
          "find /sys/fs/cgroup -writable 2>/dev/null | head -3", "")
    g.box_root(f"{g.alice.pw_dir}/attack userns agent", "no namespace|EPERM|EACCES|ENOENT",
               "no release agent")
    g.box_root("find /sys/fs/cgroup -writable 2>/dev/null | head -3", "", "no release agent: writable")


RULES = (fresh_start, trusted_input, one_true_record, paths_by_fd, home_as_user, nothing_lent,
         no_lookups_inside, no_propagation, no_tree_deleted, nosuid_nodev, no_release_agent)


def run(g):
    for rule in RULES:
        if os.environ.get("NSSHELL_TEST_RULE", rule.__name__) == rule.__name__:
            rule(g)
