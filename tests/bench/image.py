# SPDX-License-Identifier: BSD-3-Clause
"""Images: a login over one, import and commit beside who else does that, disk and memory that accounts share."""

import gzip
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from harness import images
from harness.images import entry, symlink, tar
from host import BUILD, NAME, RUNDIR, STACK
from measure import Contender, call, rounds, spawn, table

STATE = "/var/lib/nsshell"
LAYERS = (1, 10, 60)
FILES = 10000
MANY = 'i=0; while [ $i -lt %d ]; do echo $i >$((i %% 100))/$i; i=$((i + 1)); done'
# What a big image is made of: as many of these as it takes.
SOURCES = ("/usr/bin", "/usr/lib", "/usr/share")


class Images:
    """A store of the bench's own, in the place of the host's."""

    def __init__(self, host, bind, umount):
        self.host = host
        self.nsctl = os.path.join(BUILD, "nsctl")
        self.place = tempfile.mkdtemp(prefix=NAME + "-i-", dir="/var/lib")
        host.clean.add(shutil.rmtree, self.place, True)
        if not os.path.isdir(STATE):
            os.mkdir(STATE, 0o700)
            host.clean.add(os.rmdir, STATE)
        state = os.path.join(self.place, "state")
        os.mkdir(state, 0o700)
        bind(state, STATE)
        host.clean.add(umount, STATE)

    def import_file(self, path, name):
        call([self.nsctl, "image", "import", path, name])

    def small(self, name, n):
        """busybox below, and n - 1 layers of a file each."""
        with open("/bin/busybox", "rb") as f:
            busybox = f.read()
        links = [symlink(f"./bin/{x}", "busybox") for x in ("sh", "true", "sleep", "mkdir", "echo", "dd", "seq", "cat")]
        layers = [tar(entry("./"), entry("./bin/"), entry("./bin/busybox", busybox, mode=0o755), *links,
                      entry("./open/", mode=0o1777))]
        layers += [tar(entry(f"./etc/of-{i}", b"x" * i)) for i in range(1, n)]
        path = os.path.join(self.place, f"{name}.tar")
        with open(path, "wb") as f:
            f.write(images.oci_archive(layers, compress=gzip.compress, kind="tar+gzip"))
        self.import_file(path, f"{name}:1")

    def service(self, name, config):
        """A PAM service with a config of its own for the bench's account."""
        conf = self.host.write(f"{name}.conf", f"[Default]\nServices={NAME}-{name}\n[User {NAME}]\nIsolate=yes\n{config}")
        self.host.write(f"pam.d/{NAME}-{name}", STACK + f"session  required {self.host.module} config={conf} helper={self.host.helper}\n")
        return f"{NAME}-{name}"


def _login(host, service):
    def once():
        ms, said = spawn(host.caller(service, "-r", RUNDIR))
        return {"session": int(said.split()[1]) / 1e3, "whole process": ms}
    return once


def _logins(i, n):
    rows = [Contender("the host's root", _login(i.host, i.service("plain", "")))]
    for layers in LAYERS:
        i.small(f"of{layers}", layers)
        rows.append(Contender(f"an image of {layers} layer{'s' * (layers > 1)}",
                              _login(i.host, i.service(f"of{layers}", f"RootFS=image:of{layers}:1\n"))))
    rounds(rows, n)
    table("A login over an image: what a running login program waits for", rows, ["session", "whole process"], rows[0].name)


# ---- import ---------------------------------------------------------------------------------------

def _big(i, megabytes):
    """An OCI archive and a layout of one layer of the host's own files."""
    left, paths = megabytes << 20, []
    for top in SOURCES:
        for directory, _, names in os.walk(top):
            for name in names:
                st = os.lstat(os.path.join(directory, name))
                if left > 0 and (st.st_mode & 0o170000) == 0o100000:
                    left -= st.st_size
                    paths.append(os.path.join(directory, name))
    listed = os.path.join(i.place, "files")
    pathlib.Path(listed).write_text("\n".join(paths), encoding="utf-8")
    plain, archive, layout = (os.path.join(i.place, x) for x in ("big.tar", "big.oci", "layout"))
    call(["tar", "-cf", plain, "-C", "/", "--hard-dereference", "--sort=name", "-T", listed])
    call(["gzip", "-1", plain])
    i.import_file(plain + ".gz", "big:1")
    call([i.nsctl, "image", "export", "big:1", archive])
    call([i.nsctl, "image", "remove", "big:1"])
    os.unlink(plain + ".gz")
    os.mkdir(layout)
    call(["tar", "-xf", archive, "-C", layout])
    return archive, layout, (megabytes << 20) - left, len(paths)


def _timed(argv, undo):
    def once():
        start = time.perf_counter()
        try:
            call(argv)
            return {"s": time.perf_counter() - start}
        finally:
            undo()
            os.sync()  # nobody writes what another one made
    return once


def _podman(i, *words):
    root = os.path.join(i.place, "podman")
    return ["podman", "--root", root, "--runroot", root + "-run", "--storage-driver", "overlay", *words]


def _undo(*argv):
    return lambda: subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _import(i, n, megabytes):
    archive, layout, size, files = _big(i, megabytes)
    bundle = os.path.join(i.place, "bundle")
    rows = [Contender("nsctl image import", _timed([i.nsctl, "image", "import", archive, "big:1"],
                                                   _undo(i.nsctl, "image", "remove", "big:1")))]
    if shutil.which("umoci"):
        with open(os.path.join(layout, "index.json"), encoding="ascii") as f:
            tag = f.read().split('ref.name":"')[1].split('"')[0]
        rows.append(Contender("umoci unpack", _timed(["umoci", "unpack", "--image", f"{layout}:{tag}", bundle], _undo("rm", "-rf", bundle))))
    if shutil.which("podman"):
        rows.append(Contender("podman load", _timed(_podman(i, "load", "-q", "-i", archive), _undo(*_podman(i, "rmi", "-af")))))
    rounds(rows, n, 1)
    table(f"Import of an image of {size >> 20} MiB in {files} files, one layer, gzip, s", rows, ["s"], rows[0].name)
    for path in (archive, layout):
        subprocess.run(["rm", "-rf", path], check=True)


# ---- commit ---------------------------------------------------------------------------------------

def _commit(i, n):
    service = i.service("commit", "RootFS=image:of1:1\nUpper=disk\n")
    call(i.host.caller(service, NAME)[:-1] + ["/bin/sh", "-c", f"cd /open; mkdir $(seq 0 99); {MANY % FILES}"])
    rows = [Contender("nsctl image commit", _timed([i.nsctl, "image", "commit", NAME, "new:1"],
                                                   _undo(i.nsctl, "image", "remove", "new:1")))]
    if shutil.which("podman"):
        call(_podman(i, "load", "-q", "-i", os.path.join(i.place, "of1.tar")))
        image = call(_podman(i, "images", "-q")).stdout.split()[0]
        box = call(_podman(i, "create", image, "/bin/true")).stdout.strip()
        where = call(_podman(i, "mount", box)).stdout.strip()
        call(["/bin/sh", "-c", f"cd {where}/open; mkdir $(seq 0 99); {MANY % FILES}"])
        rows.append(Contender("podman commit", _timed(_podman(i, "commit", "-q", box, "new:1"), _undo(*_podman(i, "rmi", "new:1")))))
    rounds(rows, n, 1)
    table(f"Commit of {FILES} files, s", rows, ["s"], rows[0].name)
    if shutil.which("podman"):
        call(_podman(i, "rm", "-af"))
        call(_podman(i, "rmi", "-af"))


# ---- shared ---------------------------------------------------------------------------------------

def _used(path):
    return int(call(["du", "-sk", path]).stdout.split()[0])


def _disk(i, n):
    """Accounts of one image: the image once, and what each wrote."""
    before = _used(STATE)
    i.small("shared", 1)
    image = _used(STATE) - before
    names = [f"{NAME}-{k}" for k in range(n)]
    sections = "".join(f"[User {x}]\nIsolate=yes\nRootFS=image:shared:1\nUpper=disk\n" for x in names)
    service = i.service("disk", "Upper=disk\n" + sections)
    for name in names:
        i.host.account(name)
        call(i.host.caller(service)[:-1] + [name, "/bin/sh", "-c", "dd if=/dev/urandom of=/open/mine bs=1024 count=100 2>/dev/null"])
    i.host.settle()
    print(f"\nDisk of {n} accounts over one image, each of which wrote 100 KiB")
    print(f"  the image {image} KiB; all accounts' {_used(STATE) - before - image} KiB, {(_used(STATE) - before - image) / n:.0f} each")


def _memory(i, n):
    """Sessions that run one program: pages of its file are there once."""
    service, open_ones = i.service("memory", "RootFS=image:of10:1\nSessionsMax=infinity\n"), []
    try:
        for _ in range(n):
            open_ones.append(subprocess.Popen(i.host.caller(service) + ["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        end, found = time.monotonic() + 60, []
        while time.monotonic() < end and len(found) < n:
            found = [p for p in filter(str.isdigit, os.listdir("/proc")) if _is_there(p)]
            time.sleep(0.2)
        rss, shared = zip(*(_pages(p) for p in found))
        print(f"\nPage cache: {len(found)} sessions over an image of 10 layers, each with one program of it")
        print(f"  resident pages of its file: {statistics.median(rss):.0f} KiB in each, {sum(shared):.0f} KiB in all of them together")
    finally:
        for p in open_ones:
            p.stdin.close()
            p.stdout.close()
            p.wait()
    i.host.settle()


def _is_there(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read() == b"/bin/cat\x00" and os.readlink(f"/proc/{pid}/exe").endswith("/busybox")
    except OSError:
        return False


def _pages(pid):
    """Of the program's file: resident, and this process's share of them, KiB."""
    rss = pss = 0
    ours = False
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as f:
        for line in f:
            words = line.split()
            if not words[0].endswith(":"):
                ours = words[-1].endswith("/busybox") and "w" not in words[1]
            elif ours and words[0] == "Rss:":
                rss += int(words[1])
            elif ours and words[0] == "Pss:":
                pss += int(words[1])
    return rss, pss


def image_table(host, bind, umount, n, megabytes, accounts):
    if not os.path.exists("/bin/busybox"):
        print("\nImages: not measured: there is no /bin/busybox")
        return
    i = Images(host, bind, umount)
    for what, measure in (("logins", lambda: _logins(i, n)), ("page cache", lambda: _memory(i, accounts)),
                          ("import", lambda: _import(i, max(3, n // 10), megabytes)),
                          ("commit", lambda: _commit(i, max(3, n // 10))), ("disk", lambda: _disk(i, accounts))):
        try:
            measure()
        except (subprocess.SubprocessError, OSError, ValueError) as e:
            print(f"\nImages, {what}: not measured: {e} {getattr(e, 'stderr', '') or ''}")
