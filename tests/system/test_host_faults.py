# SPDX-License-Identifier: BSD-3-Clause
"""A host that lacks something: no user namespaces, no cgroups, no room."""

import contextlib
import os
import pathlib
import shutil

from harness import kernel
from harness.etc import own_etc, replace
from harness.hung import Private
from harness.sshd import Sshd
from test_faults import refused, root_gets_in

USERNS = pathlib.Path("/proc/sys/user/max_user_namespaces")


@contextlib.contextmanager
def _sshd_in(b, change):
    """An sshd in a mount namespace where change() was called."""
    kept = b.stage.sshd, b.host_mnt

    def stage():
        kernel.private_mounts()
        change()

    other = Sshd(b.stage, b.stage.sshd_service)
    other.start(preexec=stage)
    b.stage.sshd = other
    b.host_mnt = kernel.namespaces(other.process.pid)["mnt"]
    try:
        yield
    finally:
        b.stage.sshd, b.host_mnt = kept
        other.stop()


@contextlib.contextmanager
def _no_user_namespaces(b):
    """By sysctl; where root may not set it, the helper's clone3 fails as it would."""
    value = USERNS.read_text(encoding="ascii")
    try:
        USERNS.write_text(value, encoding="ascii")
    except PermissionError:
        wrapper = b.stage.bin / "no-user-namespaces"
        wrapper.write_text(f"#!/bin/sh\nexec {shutil.which('strace')} -f -qq -o /dev/null -e "
                           f'inject=clone3:error=ENOSPC {b.stage.helper} "$@"\n',
                           encoding="ascii")
        wrapper.chmod(0o755)
        b.stage.pam_all(helper=wrapper)
        yield
        b.stage.pam_all()
        return
    b.stage.remember_sysctl(USERNS, value)
    try:
        USERNS.write_text("0", encoding="ascii")
        yield
    finally:
        USERNS.write_text(value, encoding="ascii")


def test_no_user_namespaces(b):
    if not shutil.which("strace") and not os.access(USERNS, os.W_OK):
        b.skip("user.max_user_namespaces=0", "root can't set it here, and strace isn't there")
        return
    before = b.observer.snapshot()
    with _no_user_namespaces(b):
        refused(b, "user.max_user_namespaces=0", b.alice.pw_name, "max_user_namespaces", before)
        r = b.ssh(b.plain.pw_name, "echo in")
        b.check(r.stdout == "in\n", "an account without Isolate=yes gets in", r.stderr)
    r = b.ssh(b.alice.pw_name, "echo in")
    b.check(r.stdout == "in\n", "and all is well once it is back", r.stdout + r.stderr)


test_no_user_namespaces.alone = "no box can be made on this host meanwhile"


def test_no_mount_namespaces(b):
    """Which the kernel says by "No space left on device": no disk is meant."""
    if not shutil.which("strace"):
        b.skip("user.max_mnt_namespaces used up", "strace isn't there")
        return
    wrapper = b.stage.bin / "no-mount-namespaces"
    wrapper.write_text(f"#!/bin/sh\nexec {shutil.which('strace')} -f -qq -o /dev/null -e "
                       f'inject=unshare:error=ENOSPC {b.stage.helper} "$@"\n', encoding="ascii")
    wrapper.chmod(0o755)
    b.stage.pam_all(helper=wrapper)
    refused(b, "user.max_mnt_namespaces used up", b.alice.pw_name, "max_mnt_namespaces")


def _no_cgroups():
    for root in reversed(kernel.cgroup_roots()):
        kernel.umount(root)


def test_no_cgroup_mounted(b):
    b.stage.config("TasksMax=100\n")
    before = b.observer.snapshot()
    with _sshd_in(b, _no_cgroups):
        start = b.observer.snapshot()
        refused(b, "no cgroup mounted, and a limit asked for", b.alice.pw_name,
                "TasksMax|cgroup", start)
        b.stage.config()
        r = b.ssh(b.alice.pw_name, "readlink /proc/self/ns/user")
        b.check(r.returncode != 0 or
                r.stdout.strip() not in ("", kernel.namespaces()["user"]),
                "no cgroup mounted, no limit asked for: in a box or refused, never unboxed",
                r.stdout + r.stderr)
    left = b.observer.left(before)
    b.check(not left, "nothing is left", left or "nothing")


def test_a_single_file_mounted_apart(b):
    """As containers have it for /etc/resolv.conf and /etc/hosts."""
    files = {}
    for name in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
        files[name] = b.stage.private / pathlib.Path(name).name
        files[name].write_text(pathlib.Path(name).read_text(encoding="utf-8") + "# apart\n",
                               encoding="utf-8")
        files[name].chmod(0o644)

    def mount():
        for name, scratch in files.items():
            kernel.bind(scratch, name)

    with _sshd_in(b, mount):
        r = b.ssh(b.alice.pw_name, "echo in; tail -qn 1 /etc/resolv.conf")
        b.check(r.stdout.split("\n")[:2] == ["in", "# apart"],
                "a host on which single files are mounted: they are seen inside",
                r.stdout + r.stderr, b.log_tail())


def _tiny(path):
    def mount():
        kernel.mount("tmpfs", path, "tmpfs", options="size=4k,nr_inodes=4,mode=0700")
        try:
            for n in range(4):
                with open(f"{path}/full{n}", "wb") as f:
                    f.write(b"x" * 4096)
        except OSError:
            pass
    return mount


def test_a_full_run(b):
    with _sshd_in(b, _tiny("/run/nsshell")):
        refused(b, "a full /run/nsshell", b.alice.pw_name, "No space left", None)


def _as_after_a_boot(b):
    """/run with all that it has but nsshell's part."""
    new = b.stage.private / "run.new"
    new.mkdir(exist_ok=True)
    new.chmod(0o755)
    kernel.mount("tmpfs", new, "tmpfs", options="mode=0755")
    for entry in os.scandir("/run"):
        if entry.is_symlink():
            os.symlink(os.readlink(entry), new / entry.name)
        elif entry.name != "nsshell":
            (os.mkdir if entry.is_dir() else os.mknod)(new / entry.name)
            kernel.bind(entry.path, new / entry.name)
    kernel.mount(new, "/run", flags=kernel.MS_MOVE)


def test_the_first_to_come_after_a_boot(b):
    """/run is empty then: whatever is first makes what it needs in there."""
    name, nsctl, conf = b.alice.pw_name, b.stage.bin / "nsctl", ("--config", str(b.stage.conf))

    def boot():
        kernel.private_mounts()
        _as_after_a_boot(b)

    with _sshd_in(b, lambda: _as_after_a_boot(b)):
        r = b.ssh(name, "readlink /proc/self/ns/user")
        b.check(r.returncode == 0 and r.stdout.strip() != kernel.namespaces()["user"],
                "an isolated login that is the first after a boot lands in a box", r.stdout + r.stderr, b.log_tail())
    for command, *rest in (("plan", name), ("set", "--permanent", name, "TasksMax=99"),
                           ("run", "--helper", b.stage.helper, name, "true")):
        r = b.run(nsctl, command, *conf, *rest, preexec_fn=boot)
        b.check(r.returncode == 0, f"nsctl {command} as the first after a boot works", r.stdout + r.stderr)
    shutil.rmtree(f"{b.stage.conf}.d")
    r = b.run(nsctl, "check", *conf, preexec_fn=boot)
    b.check("/run/nsshell" not in r.stdout, "nsctl check finds nothing wrong with it", r.stdout)


test_the_first_to_come_after_a_boot.later = "the machine boots, and logs in"


def test_a_full_state_directory(b):
    b.stage.config("Upper=disk\n")
    with _sshd_in(b, _tiny("/var/lib/nsshell")):
        refused(b, "a full /var/lib/nsshell with Upper=disk", b.alice.pw_name,
                "No space left", None)
        b.stage.config()
        r = b.ssh(b.bob.pw_name, "echo in")
        b.check(r.stdout == "in\n", "with Upper=tmpfs nothing of it is needed",
                r.stdout + r.stderr)
        refused(b, "no room to record a range", b.carol.pw_name, "No space left", None)
        root_gets_in(b, "a full disk")


def test_a_state_directory_that_is_read_only(b):
    """As a file system with errors becomes: the log says which."""
    layers = pathlib.Path(f"/var/lib/nsshell/upper/{b.alice.pw_uid}")

    def readonly():
        kernel.bind("/var/lib/nsshell", "/var/lib/nsshell")
        kernel.mount(None, "/var/lib/nsshell", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)

    b.stage.config("Upper=disk\n")
    b.ssh(b.alice.pw_name, "true")
    b.gone()
    for note in (layers / "fs").iterdir():
        note.unlink()
    try:
        with _sshd_in(b, readonly):
            refused(b, "a read-only /var/lib/nsshell with Upper=disk", b.alice.pw_name, f"{layers}.*Read-only file system")
    finally:
        shutil.rmtree(layers.parent)


def test_a_proc_of_processes_alone(b):
    """What ProcSubset=pid of a unit makes of it."""
    with _sshd_in(b, lambda: kernel.mount("proc", "/proc", "proc", options="subset=pid")):
        refused(b, "/proc with subset=pid", b.alice.pw_name, "ProcSubset=")
        r = b.ssh(b.plain.pw_name, "echo in")
        b.check(r.stdout == "in\n", "an account without Isolate=yes gets in", r.stderr)


def test_a_home_that_root_may_not_look_at(b):
    """sshfs(1), or what decrypts a home, without allow_root: whoever mounted it is let in, and nobody for him."""
    home = b.stage.base / "fuse-home"
    with own_etc(b) as etc, Private(home, b.alice, 1 << 20):
        text = (etc / "passwd").read_text(encoding="utf-8")
        replace(etc / "passwd", text.replace(f":{b.alice.pw_dir}:", f":{home}:"))
        refused(b, "a home of FUSE's that is open to its user alone", b.alice.pw_name, f"{home}.*allow_root")
        r = b.nsctl("check", "--brief", "--config", b.stage.conf)
        b.check(f"{home}, which is FUSE's" in r.stdout and "allow_root" in r.stdout, "nsctl check says so, too", r.stdout + r.stderr)


def test_a_full_home(b):
    with _sshd_in(b, lambda: kernel.mount("tmpfs", b.bob.pw_dir, "tmpfs", options=
                                          f"size=4k,uid={b.bob.pw_uid},gid={b.bob.pw_gid},"
                                          "mode=0700")):
        r = b.ssh(b.bob.pw_name, "head -c 1M /dev/zero >big; echo in")
        b.check(r.stdout == "in\n" and "No space" in r.stderr,
                "a full home keeps nobody out, and is bound though mounted apart",
                r.stdout + r.stderr)


def test_a_lower_that_cant_be_idmapped(b):
    """An overlay of the host's on /opt: shown plainly, and the log says what that means."""
    layers = b.stage.private / "opt"

    def overlay_on_opt():
        for name in ("lower", "upper", "work"):
            (layers / name).mkdir(parents=True, exist_ok=True)
        (layers / "lower" / "file").write_text("seen\n", encoding="ascii")
        kernel.mount("overlay", "/opt", "overlay", options=",".join(
            f"{name}dir={layers / name}" for name in ("lower", "upper", "work")))

    with _sshd_in(b, overlay_on_opt):
        r = b.ssh(b.alice.pw_name, "cat /opt/file; stat -c %U /opt/file /etc/passwd")
        b.check(r.stdout.split() == ["seen", "nobody", "root"],
                "a lower that can't be idmapped is there, its owners unknown", r.stdout + r.stderr)
        line = [x for x in b.log_tail().splitlines() if "/opt: plain lower" in x]
        b.check(line, "and the log says so", (line or [b.log_tail()])[0])
    shutil.rmtree(layers)
