# SPDX-License-Identifier: BSD-3-Clause
"""One virtual machine: qemu's software emulation, and the ways into what runs there."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
VM_DIR = pathlib.Path(os.environ.get("VM_DIR", TREE / "build" / "vm")).absolute()

# Each is one kind of host: what it is, of which release its disk is, how that is booted, and whose tests it has.
SHAPES = {
    "v2": ("Debian 12, systemd, cgroup v2", "bookworm", "", "v2"),
    "v1": ("Debian 12, systemd, cgroup v1 and hybrid", "bookworm", "systemd.unified_cgroup_hierarchy=0", "v1"),
    "plain": ("Debian 12, no systemd, cgroup v2", "bookworm", "init=/opt/plain/init", "plain"),
    "trixie": ("Debian 13, systemd, cgroup v2", "trixie", "", "v2"),
}
# Port of the host - that of the machine, from the first of four on; the last is for what a test
# itself starts there.
DOORS = (22, 23, 24, 25)


class MachineError(Exception):
    pass


def disk_of(shape):
    """The directory that image.sh fills for it."""
    release = SHAPES[shape][1]
    return VM_DIR if release == "bookworm" else VM_DIR / release


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports():
    """The first of four that nobody listens on."""
    for port in range(22600 + os.getpid() % 400 * 10, 31000, 10):
        if all(_is_free(port + i) for i in range(len(DOORS))):
            return port
    raise MachineError("no free ports on 127.0.0.1")


class Machine:
    """
    A directory VM_DIR/run.PORT has what belongs to it: pid, console (ttyS0, what the kernel and
    init say), tty (a socket: ttyS1, where somebody can log in).
    """

    def __init__(self, port):
        self.port = port
        self.directory = VM_DIR / f"run.{port}"
        self.process = None
        self.shape = None
        about = self.directory / "about"
        if about.exists():
            self.shape = json.loads(about.read_text(encoding="ascii"))["shape"]

    # ---- its life -----------------------------------------------------------------------

    def start(self, shape, memory=1536):
        self.shape = shape
        self.directory.mkdir(parents=True, exist_ok=True)
        forward = "".join(f",hostfwd=tcp:127.0.0.1:{self.port + i}-:{door}"
                          for i, door in enumerate(DOORS))
        # The second processor is for who is told to use it (cpusets): two emulated ones that share
        # work take a third longer for it than one. Zeroing all memory is as slow.
        # On a busy host no tick comes within the ten that the kernel waits before it gives up.
        append = ("root=/dev/vda rw console=ttyS0 quiet mitigations=off audit=0 net.ifnames=0 "
                  "isolcpus=1 init_on_alloc=0 no_timer_check systemd.show_status=false "
                  f"{SHAPES[shape][2]}")
        disk = disk_of(shape)
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-machine", "q35,usb=off,vmport=off,graphics=off", "-cpu", "max",
                "-accel", "tcg,thread=multi", "-smp", "2", "-m", str(memory), "-no-reboot",
                "-netdev", f"user,id=n0{forward}", "-device", "virtio-net-pci,netdev=n0,romfile=",
                "-device", "virtio-rng-pci", "-device", "virtio-blk-pci,drive=d0", "-drive",
                # What is written goes to a file that nobody else sees.
                f"file={disk}/disk.img,format=raw,if=none,id=d0,snapshot=on,cache=unsafe",
                "-serial", "file:console", "-chardev", "socket,id=tty,path=tty,server=on,wait=off",
                "-serial", "chardev:tty", "-kernel", f"{disk}/vmlinuz",
                "-initrd", f"{disk}/initrd", "-append", append]
        with open(self.directory / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(argv, cwd=self.directory, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=_end_with_us)
        (self.directory / "pid").write_text(f"{self.process.pid}\n", encoding="ascii")
        (self.directory / "about").write_text(json.dumps({"shape": shape}), encoding="ascii")
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self, seconds=420):
        """The emulated network takes connections before anybody listens: ask for an answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                said = (self.directory / "qemu.log").read_text(errors="replace")
                raise MachineError(f"qemu ended: {said.strip()}")
            try:
                if self._banner() and self.sh("echo up", timeout=5).stdout.strip() == "up":
                    return
            except OSError:
                pass
            time.sleep(0.1)
        tail = (self.directory / "console").read_text(errors="replace")[-2000:]
        raise MachineError(f"no sshd within {seconds} s; the console says:\n{tail}")

    def _banner(self):
        with socket.create_connection(("127.0.0.1", self.port), 2) as s:
            s.settimeout(2)
            return s.recv(4) == b"SSH-"

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for name in ("pid", "tty", "about", "console", "qemu.log"):
            (self.directory / name).unlink(missing_ok=True)
        try:
            self.directory.rmdir()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    # ---- ways in ------------------------------------------------------------------------

    def sh(self, script, timeout=60, each_line=None):
        """Run a root script over a socket, no login: .stdout has errors too, .returncode."""
        out = b""
        marker = b"\n__status="
        text = f"({script}\n) 2>&1 </dev/null; r=$?; echo; echo __status=$r; exit\n"
        end = time.monotonic() + timeout
        said = 0
        with socket.create_connection(("127.0.0.1", self.port + 1), 10) as s:
            s.sendall(text.encode())
            s.shutdown(socket.SHUT_WR)
            while True:
                s.settimeout(max(0.1, end - time.monotonic()))
                try:
                    chunk = s.recv(65536)
                except TimeoutError:
                    return subprocess.CompletedProcess(
                        script, 124, out.decode(errors="replace"), f"no end in {timeout} s")
                if not chunk:
                    break
                out += chunk
                while each_line and (newline := out.find(b"\n", said)) >= 0:
                    line = out[said:newline].decode(errors="replace")
                    said = newline + 1
                    if not line.startswith("__status="):
                        each_line(line)
        body, found, status = out.rpartition(marker)
        if not found:
            return subprocess.CompletedProcess(script, 255, out.decode(errors="replace"), "cut")
        return subprocess.CompletedProcess(script, int(status), body.decode(errors="replace"), "")

    def put(self, archive):
        """Unpack a tar archive (or its bytes) into /."""
        content = archive if isinstance(archive, bytes) else pathlib.Path(archive).read_bytes()
        with socket.create_connection(("127.0.0.1", self.port + 2), 10) as s:
            s.settimeout(120)
            s.sendall(content)
            s.shutdown(socket.SHUT_WR)
            said = b""
            while chunk := s.recv(65536):
                said += chunk
        if said:
            raise MachineError(f"tar: {said.decode(errors='replace')}")

    def ssh_options(self):
        return ["-F", "none", "-i", str(disk_of(self.shape) / "id"), "-o", "BatchMode=yes",
                "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "ControlPath=none", "-o", "ConnectTimeout=30",
                "-o", "KexAlgorithms=curve25519-sha256"]

    def ssh_argv(self, user, *command, options=(), door=0):
        return ["ssh", *self.ssh_options(), "-p", str(self.port + door), *options,
                f"{user}@127.0.0.1", *command]

    def ssh(self, user, *command, options=(), timeout=60, input=None, door=0):
        return run(self.ssh_argv(user, *command, options=options, door=door), timeout, input)

    def client(self, program, *arguments, timeout=90, input=None):
        """scp or sftp, which spell the port differently."""
        return run([program, *self.ssh_options(), "-P", str(self.port), *arguments], timeout,
                   input)

    def tty(self):
        """The far end of ttyS1. A path of a socket is short: /proc spells the directory."""
        s = socket.socket(socket.AF_UNIX)
        fd = os.open(self.directory, os.O_PATH | os.O_DIRECTORY)
        try:
            s.connect(f"/proc/self/fd/{fd}/tty")
        finally:
            os.close(fd)
        return s


def run(argv, timeout=60, input=None):
    """A program's end, whatever it is."""
    try:
        return subprocess.run([str(a) for a in argv], input=input, timeout=timeout, text=True,
                              stdin=subprocess.DEVNULL if input is None else None,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
    except subprocess.TimeoutExpired as e:
        out = e.stdout.decode(errors="replace") if isinstance(e.stdout, bytes) else ""
        return subprocess.CompletedProcess(argv, 124, out, f"still running after {timeout} s")


def _end_with_us():
    """Should we be killed, qemu isn't left behind. Ctrl-C is ours to handle, not qemu's."""
    import ctypes  # pylint: disable=import-outside-toplevel

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    os.setpgid(0, 0)


def build_image(shape, out=sys.stdout):
    """Does nothing when it is there already."""
    r = subprocess.run([str(HERE / "image.sh"), str(disk_of(shape)), SHAPES[shape][1]], stdin=subprocess.DEVNULL,
                       stdout=out, stderr=subprocess.STDOUT, check=False)
    if r.returncode:
        raise MachineError("the image can't be built")
