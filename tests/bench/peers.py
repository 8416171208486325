# SPDX-License-Identifier: BSD-3-Clause
"""The programs that nsshell is compared with."""

import ctypes
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from measure import Contender, call, whole


def crun_bundle(directory):
    """A bundle with /bin/true and its libraries, the namespaces of a box, no cgroup."""
    root = os.path.join(directory, "rootfs")
    libs = [w for line in call(["ldd", "/bin/true"]).stdout.splitlines()
            for w in line.split() if w.startswith("/")]
    for f in ["/bin/true", *libs]:
        os.makedirs(root + os.path.dirname(f), exist_ok=True)
        shutil.copy(os.path.realpath(f), root + f)
    call(["crun", "spec"], cwd=directory)
    path = os.path.join(directory, "config.json")
    with open(path, encoding="ascii") as f:
        conf = json.load(f)
    conf["process"].update(args=["/bin/true"], terminal=False)
    conf["linux"]["namespaces"] = [{"type": t} for t in ("pid", "mount", "uts", "ipc", "user")]
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    conf["linux"].update(uidMappings=ids, gidMappings=ids)
    conf["linux"].pop("resources", None)
    os.chmod(directory, 0o755)
    with open(path, "w", encoding="ascii") as f:
        json.dump(conf, f)
    for top, directories, _ in os.walk(root):
        for d in directories:
            os.makedirs(os.path.join(top, d), exist_ok=True)
    for d in ("proc", "dev", "sys"):
        os.makedirs(os.path.join(root, d), exist_ok=True)
    for top, directories, files in os.walk(root):
        for x in [top, *(os.path.join(top, n) for n in directories + files)]:
            os.lchown(x, 100000, 100000)


def hide_hybrid_cgroup():
    """crun refuses hybrid hosts: give this thread a mount namespace without the v2 half."""
    unified = "/sys/fs/cgroup/unified"
    if os.path.ismount(unified):
        ctypes.CDLL(None).unshare(0x00020000)  # CLONE_NEWNS
        call(["mount", "--make-rprivate", "/"])
        call(["umount", unified])


def peers(directory):
    true = "/bin/true"
    unshare = ["--user", "--map-root-user", "--pid", "--fork", "--mount", "--uts", "--ipc",
               "--mount-proc", true]
    bwrap = ["--unshare-user", "--unshare-pid", "--unshare-uts", "--unshare-ipc", "--ro-bind",
             "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
             true]
    found = []
    for name, tool, args in (("unshare (no overlay)", "unshare", unshare),
                             ("bwrap (read-only bind)", "bwrap", bwrap)):
        path = shutil.which(tool)
        if path:
            found.append(Contender(name, lambda a=[path, *args]: whole(a)))
    path = shutil.which("crun")
    if path:
        crun_bundle(directory)
        aside = ThreadPoolExecutor(1, initializer=hide_hybrid_cgroup)
        args = [path, "--cgroup-manager=disabled", "--root", os.path.join(directory, "state"), "run",
                "--bundle", directory, "bench"]
        found.append(Contender("crun (no cgroup)", lambda: aside.submit(whole, args).result()))
    return found
