# SPDX-License-Identifier: BSD-3-Clause
"""
A stage on the real host: throwaway accounts, and a mount namespace in which /etc/pam.d, the
state directories, utmp, /var/log and /dev/log are scratch copies. The host's own files stay as they
are; what has to be made as a place to mount on is remembered and removed.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess

from . import kernel
from .accounts import Accounts
from .pace import patient
from .sshd import Sshd
from .syslog import Syslog

TREE = pathlib.Path(__file__).resolve().parents[3]
RUN = "/run/nsshell"
JOURNAL = "/run/systemd/journal/socket"
STATE = "/var/lib/nsshell"
# Where what is compiled in looks for programs and entries of commands.
LIBEXEC = "/usr/local/libexec/nsshell"
COMMANDS = "/usr/local/share/nsshell/commands"
INSTALLED = (os.path.dirname(LIBEXEC), LIBEXEC, os.path.dirname(COMMANDS), COMMANDS)
REPORTS = os.environ.get("NSSHELL_TEST_REPORTS")
# What links the objects of a build, with the words that an instrumented one needs.
COMPILER = os.environ.get("NSSHELL_TEST_CC", "gcc").split()


def _remove_empty(paths):
    for path in reversed(paths):
        try:
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.path.getsize(path) == 0:
                os.unlink(path)
        except OSError:
            pass


class Stage:
    services = ("su", "su-l", "login", "cron", "runuser", "runuser-l")

    def __init__(self, name="test", prefix="nst", build=None):
        self.base = pathlib.Path(f"/var/lib/nsshell-{name}")
        self.private = self.base / "private"
        self.bin = self.base / "bin"
        self.open = self.base / "open"
        self.conf = self.private / "nsshell.conf"
        self.build = pathlib.Path(build or os.environ.get("NSSHELL_BUILD", TREE / "build"))
        self.sshd_service = f"nsshell-{name}-sshd"
        self.accounts = Accounts(prefix)
        self.box_group = self.accounts.name("box")
        self.syslog = None
        self._lock = None

    # ---- outer process, the host's mounts ----------------------------------------------

    @contextlib.contextmanager
    def _places(self):
        """
        One run at a time makes places to mount on or takes them away: what one found is not removed by another one that
        doesn't see it yet.
        """
        directory = os.open(self.base.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def prepare(self):
        with self._places():
            self._prepare()

    def _prepare(self):
        os.umask(0o022)
        lock = os.open(f"{self.base}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock = lock  # without it, clean() leaves the other run's things alone
        except BlockingIOError:
            raise SystemExit(f"another run holds {self.base}.lock") from None
        self._sweep()
        self.base.mkdir(mode=0o755)
        self.private.mkdir(mode=0o700)
        self.bin.mkdir(mode=0o755)
        # On the host's root file system and writable by all: what is written here in a box
        # goes to its upper and never shows up here.
        self.open.mkdir()
        self.open.chmod(0o1777)
        self._place("/run/utmp")
        self._place("/run/crond.pid")
        self._place("/run/sshd", directory=True)
        self._place(RUN, directory=True)
        self._place(STATE, directory=True)
        for path in INSTALLED:
            self._place(path, directory=True)
        if not os.path.lexists("/dev/log"):
            self._place("/dev/log")

    def _place(self, path, directory=False):
        if os.path.lexists(path):
            return
        with open(self.private / "made", "a", encoding="utf-8") as f:
            f.write(path + "\n")
        if directory:
            os.mkdir(path, 0o700 if path in (RUN, STATE) else 0o755)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))

    def _sweep(self):
        """Also what a run that was killed has left."""
        self._restore_sysctl()
        self.accounts.remove_all()
        made = self.private / "made"
        if made.exists():
            paths = made.read_text(encoding="utf-8").split()
            other = self._other_run()
            if other:
                # Removing what another run has mounted on would unmount it there.
                with open(other, "a", encoding="utf-8") as f:
                    f.write("".join(p + "\n" for p in paths))
            else:
                _remove_empty(paths)
        shutil.rmtree(self.base, ignore_errors=True)

    def _other_run(self):
        """The list of places made, of a run under another name that is going on."""
        for lock in self.base.parent.glob("nsshell-*.lock"):
            made = pathlib.Path(str(lock)[:-len(".lock")]) / "private" / "made"
            if lock == pathlib.Path(f"{self.base}.lock") or not made.parent.exists():
                continue
            with open(lock, encoding="utf-8") as f:
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return made
        return None

    def clean(self):
        if self._lock is None or not self.base.exists():
            return
        with self._places():
            self._sweep()
            try:
                os.unlink(f"{self.base}.lock")
            except OSError:
                pass

    def remember_sysctl(self, path, value):
        """Put back by the outer process, should a run be killed meanwhile."""
        (self.private / "sysctl").write_text(f"{path}\n{value}", encoding="ascii")

    def _restore_sysctl(self):
        kept = self.private / "sysctl"
        if kept.exists():
            path, value = kept.read_text(encoding="ascii").split("\n", 1)
            try:
                pathlib.Path(path).write_text(value, encoding="ascii")
            except OSError as e:
                print(f"# {path} was {value.strip()} and can't be put back: {e}", flush=True)

    # ---- child, its own mounts ----------------------------------------------------------

    def enter(self):
        os.environ.pop("SSH_AUTH_SOCK", None)
        kernel.private_mounts()
        self._bind_scratch()
        self._hide_installed()
        for name in ("pam_nsshell.so", "nsshell-helper", "nsctl", "nsjoin"):
            if (self.build / name).exists():
                shutil.copy(self.build / name, self.bin / name)
        self.module = self.bin / "pam_nsshell.so"
        self.helper = self.bin / "nsshell-helper"
        self._pam_of_the_host("pam.d.host")
        self._pam_of_the_host("pam.d")
        kernel.bind(self.private / "pam.d", "/etc/pam.d")
        if self.module.exists():
            self._gate_pam_systemd()
        shutil.copytree("/etc/pam.d", self.private / "pam.d.gated", symlinks=True)
        self.pam_all()
        self.config()
        self.sshd = Sshd(self, self.sshd_service)

    def _hide_installed(self):
        """An nsshell of this host's isn't what is tested, but for who asks systemd: where that
        runs the host, the helper finds it by a path that is compiled in."""
        nothing = self.private / "nothing"
        nothing.mkdir()
        scope = self.build / "nsshell-scope"
        if not scope.exists():
            scope = pathlib.Path("/usr/local/libexec/nsshell/nsshell-scope")
        if os.path.isdir("/run/systemd/system") and scope.exists():
            shutil.copy(scope, nothing / "nsshell-scope")
        for directory in (LIBEXEC, "/usr/libexec/nsshell"):
            if os.path.isdir(directory):
                kernel.bind(nothing, directory)
        for name in ("nsshell-command", "nsshell-init", "nsshell-net", "nsshell-planner", "nsshell-session",
                     "nsshell-supervisor", "nsshell-worker", "nsshell-image"):
            if (self.build / name).exists():
                shutil.copy(self.build / name, nothing)
        # As they are installed: who may not read a program has nothing of a process that runs it.
        for name in ("nsshell-init", "nsshell-planner"):
            if (nothing / name).exists():
                (nothing / name).chmod(0o711)
        entries = self.private / "entries"
        shutil.copytree(TREE / "config/commands", entries)
        for path in entries.iterdir():
            path.chmod(0o644)
        kernel.bind(entries, COMMANDS)

    @contextlib.contextmanager
    def own_local(self, local, *names):
        """The host's /usr/local is the directory @local, with directories @names, which a test may change."""
        for name in names:
            (local / name).mkdir(parents=True)
        programs = local / os.path.relpath(LIBEXEC, "/usr/local")
        programs.mkdir(parents=True)
        kernel.bind(local, "/usr/local")
        kernel.bind(self.private / "nothing", LIBEXEC)
        try:
            yield local
        finally:
            kernel.umount(LIBEXEC)
            kernel.umount("/usr/local")

    def _bind_scratch(self):
        for target, name in ((RUN, "run"), (STATE, "state")):
            (self.private / name).mkdir(mode=0o700)
            kernel.bind(self.private / name, target)
        log = self.private / "var-log"
        log.mkdir(mode=0o755)
        for name in ("wtmp", "btmp", "lastlog"):
            (log / name).touch(mode=0o664)
        kernel.bind(log, "/var/log")
        for target in ("/run/utmp", "/run/crond.pid"):
            scratch = self.private / os.path.basename(target)
            scratch.touch(mode=0o664)
            kernel.bind(scratch, target)
        # Else events would go to a journal of the host's, and not to where tests look.
        if os.path.exists(JOURNAL):
            (self.private / "no-journal").touch()
            kernel.bind(self.private / "no-journal", JOURNAL)
        self.syslog = Syslog(str(self.private / "log"))
        os.chmod(self.private / "log", 0o666)
        kernel.bind(self.private / "log", os.path.realpath("/dev/log"))

    # ---- PAM files and config -----------------------------------------------------------

    def module_line(self, *args, control="required", config=None, helper=None):
        words = [f"config={config or self.conf}", f"helper={helper or self.helper}", *args]
        return f"session {control} {self.module} {' '.join(words)}\n"

    def _pam_of_the_host(self, name):
        """Without the lines of an nsshell that is installed: its gate would skip the stage's own."""
        shutil.copytree("/etc/pam.d", self.private / name, symlinks=True)
        for path in (self.private / name).iterdir():
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            if "pam_nsshell.so" in text:
                path.write_text("".join(x for x in text.splitlines(keepends=True) if "pam_nsshell.so" not in x), encoding="utf-8")

    def pam_text(self, service, *lines):
        """A service's file: the distribution's, with @lines at the end."""
        source = "sshd" if service.endswith("sshd") else service
        text = (self.private / "pam.d.gated" / source).read_text(encoding="utf-8")
        return text.rstrip("\n") + "\n" + "".join(lines)

    def pam(self, service, *lines):
        (self.private / "pam.d" / service).write_text(self.pam_text(service, *lines),
                                                      encoding="utf-8")

    def _gate_pam_systemd(self):
        """
        As nsctl enable does: pam_systemd doesn't run for an isolated account. Where no systemd does, it has nothing
        to do, nor has a gate; and what the host has to tell who logs in takes ten programs to find out.
        """
        gate = self.module_line("gate", control="[success=1 default=ignore]")
        systemd = os.path.isdir("/run/systemd/system")
        for path in (self.private / "pam.d").iterdir():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [x for x in lines if "pam_motd.so" not in x and (systemd or "pam_systemd.so" not in x)]
            path.write_text("".join((gate if "pam_systemd.so" in x and x.lstrip("-").startswith("session") else "") + x
                                    for x in kept), encoding="utf-8")

    def pam_plain(self):
        """The host's files as they are; until the next pam_all()."""
        self._pam_copy("pam.d.host")

    def _pam_copy(self, name):
        directory = self.private / "pam.d"
        for path in directory.iterdir():
            path.unlink()
        shutil.copytree(self.private / name, directory, symlinks=True, dirs_exist_ok=True)

    def pam_all(self, **module_args):
        self._pam_copy("pam.d.gated")
        line = self.module_line(**module_args) if self.module.exists() else ""
        for service in (self.sshd_service, *self.services):
            if (self.private / "pam.d.gated" / service).exists() or service.endswith("sshd"):
                self.pam(service, line)

    def config(self, extra="", default=""):
        """
        Members of the box group are isolated; @default goes into [Default]. What is written to the
        system in a box is kept, unless a test says otherwise.
        """
        if "Upper=" not in default:
            default = "Upper=tmpfs\n" + default
        # Where the programs of an instrumented build tell what they find (tests/instrumented).
        if REPORTS:
            default += f"\nBindPaths={REPORTS}"
        self.conf.write_text(
            f"[Default]\nServices={self.sshd_service} {' '.join(self.services)}\n{default}\n"
            f"[Group {self.box_group}]\nIsolate=yes\n{extra}\n", encoding="utf-8")

    # ---- sessions -------------------------------------------------------------------------

    def records(self):
        """Every session record, as a dictionary."""
        found = []
        try:
            names = sorted(os.listdir(f"{RUN}/sessions"))
        except FileNotFoundError:
            return found
        for name in names:
            if "." in name:
                continue
            try:
                with open(f"{RUN}/sessions/{name}", encoding="utf-8") as f:
                    found.append(dict(line.rstrip("\n").split("=", 1) for line in f
                                      if "=" in line))
            except OSError:
                pass
        return found

    def run(self, *argv, timeout=20, input=None, env=None, merge=False, **kw):
        """Run a program to its end; never raises for its exit status."""
        try:
            return subprocess.run(
                [str(a) for a in argv], input=input, env=env, timeout=patient(timeout), text=True,
                stdin=subprocess.DEVNULL if input is None else None, errors="replace",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE, check=False, **kw)
        except subprocess.TimeoutExpired as e:
            out = e.stdout.decode(errors="replace") if isinstance(e.stdout, bytes) else ""
            return subprocess.CompletedProcess(argv, 124, out, f"still running after {timeout} s")

    def ssh(self, user, *command, **kw):
        return self.sshd.ssh(user, *command, **kw)
