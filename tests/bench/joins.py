# SPDX-License-Identifier: BSD-3-Clause
"""Other programs' ways into something that runs, and ordinary users' into a box."""

import ctypes
import json
import os
import platform
import pwd
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from host import PROGRAMS
from measure import Contender, whole
from peers import crun_bundle, hide_hybrid_cgroup


def crun_exec(directory, clean):
    """`crun exec` in a running container like the one of peers.py."""
    crun = shutil.which("crun")
    if not crun:
        return []
    os.mkdir(directory)
    crun_bundle(directory)
    shutil.copy("/bin/sleep", directory + "/rootfs/bin/sleep")
    with open(directory + "/config.json", encoding="ascii") as f:
        conf = json.load(f)
    conf["process"]["args"] = ["/bin/sleep", "1000"]
    with open(directory + "/config.json", "w", encoding="ascii") as f:
        json.dump(conf, f)
    aside = ThreadPoolExecutor(1, initializer=hide_hybrid_cgroup)
    argv = [crun, "--cgroup-manager=disabled", "--root", directory + "/state"]

    def end():
        with open(directory + "/state/bench/status", encoding="ascii") as f:
            os.kill(json.load(f)["pid"], signal.SIGKILL)
    clean.add(end)

    def once():
        if not os.path.isdir(directory + "/state/bench"):
            whole([*argv, "run", "-d", "--bundle", directory, "bench"])
        return whole([*argv, "exec", "bench", "/bin/true"])
    return [Contender("crun exec", lambda: aside.submit(once).result())]


def firejail_join(clean):
    """Into a sandbox with firejail's defaults, and no profile."""
    firejail = shutil.which("firejail")
    if not firejail:
        return []
    name = f"nsshell-bench-{os.getpid()}"
    p = subprocess.Popen([firejail, "--quiet", "--noprofile", f"--name={name}", "/bin/sleep",
                          "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    clean.add(p.terminate)
    time.sleep(1)
    return [Contender("firejail --join", lambda: whole(
        [firejail, "--quiet", f"--join={name}", "/bin/true"]))]


def _become(name):
    """This thread alone: the kernel's ids are a thread's, and what it starts has them too."""
    numbers = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
    setgroups, setresgid, setresuid = numbers[platform.machine()]
    libc, who = ctypes.CDLL(None, use_errno=True), pwd.getpwnam(name)
    for words in ((setgroups, 0, None), (setresgid, *[who.pw_gid] * 3),
                  (setresuid, *[who.pw_uid] * 3)):
        if libc.syscall(*words):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def door(host, name, bind, umount):
    """nsshell as make built it finds its door, helper and config where they would be installed:
    copies, in the bench's own mounts."""
    libexec, etc = "/usr/local/libexec/nsshell", "/etc/nsshell"
    for place in (os.path.dirname(libexec), libexec, etc):
        if not os.path.isdir(place):
            os.mkdir(place, 0o755)
            host.clean.add(os.rmdir, place)
    for place in (libexec, etc):
        scratch = os.path.join(host.directory, place.replace("/", "-"))
        os.mkdir(scratch, 0o755)
        bind(scratch, place)
        host.clean.add(umount, place)
    shutil.copy(host.helper, libexec)
    for program in (*PROGRAMS, "nsshell-door"):
        shutil.copy(os.path.join(os.path.dirname(host.helper), program), libexec)
    os.chmod(libexec + "/nsshell-door", 0o4755)
    with open(host.conf, encoding="ascii") as f:
        host.write(os.path.join(etc, "nsshell.conf"), f.read().replace(
            "Services=", "Services=nsshell "))
    shell = os.path.join(os.path.dirname(host.helper), "bin", "nsshell")
    aside = ThreadPoolExecutor(1, initializer=_become, initargs=(name,))

    def once(argv):
        found = aside.submit(whole, argv).result()
        host.settle()
        return found
    return [Contender("sh -c true, no box", lambda: once(["/bin/sh", "-c", "true"])),
            Contender("nsshell -c true", lambda: once([shell, "-c", "true"]))]
