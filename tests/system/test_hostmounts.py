# SPDX-License-Identifier: BSD-3-Clause
"""File systems of the host beside the system's, in a box and in what nsctl check says; sshd's chroots."""

import contextlib
import json
import os
import shutil

from harness import kernel


@contextlib.contextmanager
def _data(b):
    """A file system of the host's at a place of its own, as /scratch is."""
    place = f"/{b.stage.accounts.prefix}scratch"
    source = b.stage.private / "data"
    source.mkdir()
    source.chmod(0o1777)
    os.mkdir(place, 0o755)
    try:
        kernel.bind(source, place)
        yield place
    finally:
        with contextlib.suppress(OSError):
            kernel.umount(place)
        os.rmdir(place)
        shutil.rmtree(source)


def _findings(b, words):
    r = b.nsctl("check", "--json", "--config", str(b.stage.conf))
    try:
        return [f["what"] + " | " + f["concerns"] for f in json.loads(r.stdout)["findings"] if words in f["what"]]
    except ValueError:
        return [r.stdout + r.stderr]


def test_host_mounts(b):
    name = b.alice.pw_name
    with _data(b) as place:
        seen = _findings(b, "not in the box")
        b.check(sum(place in s for s in seen) == 1, "nsctl check names file systems that boxes don't have", seen)
        r = b.ssh(name, f"echo mine >{place}/file; ls {place}")
        b.check(not os.path.exists(f"{place}/file"), "without HostMounts= it isn't there", r.stdout + r.stderr)
        b.stage.config("HostMounts=yes\n")
        seen = _findings(b, "not in the box")
        b.check(not any(place in s for s in seen), "with it nsctl check has nothing to say", seen)
        r = b.ssh(name, f"echo mine >{place}/file; stat -c %U {place}/file; grep ' {place} ' /proc/self/mountinfo")
        with contextlib.suppress(OSError):
            st = os.stat(f"{place}/file")
        b.check(r.stdout.startswith(name) and os.path.exists(f"{place}/file") and st.st_uid == b.alice.pw_uid,
                "HostMounts=yes: what is written there is on the host", r.stdout + r.stderr, b.log_tail())
        b.check("nosuid,nodev" in r.stdout, "without setuid programs and devices", r.stdout)
        b.stage.config(f"HostMounts=yes\nBindReadOnlyPaths={place}\n")
        r = b.ssh(name, f"echo more >{place}/file")
        b.check("Read-only" in r.stderr, "a line of its own for the place has the last word", r.stderr, b.log_tail())


def test_what_host_mounts_leaves_out(b):
    """Below /mnt, or made by a program or as it is looked at: never silent, and bound one by one."""
    source, place = b.stage.private / "data", f"/mnt/{b.stage.accounts.prefix}data"
    other = f"/{b.stage.accounts.prefix}quick"
    for directory in (source, place, other):
        os.mkdir(directory, 0o755)
    kernel.bind(source, place)
    b.run("mount", "-t", "tmpfs", "quick", other)
    try:
        for config in ("", "HostMounts=yes\n"):
            b.stage.config(config)
            seen = _findings(b, "not in the box")
            for where in (place, other):
                b.check(sum(where in s for s in seen) == 1, f"{config.strip() or 'by default'}: nsctl check names {where}", seen)
        b.stage.config(f"BindPaths={place} {other}\n")
        seen = _findings(b, "not in the box")
        b.check(not any(place in s or other in s for s in seen), "not once they are bound", seen)
    finally:
        kernel.umount(place)
        b.run("umount", other)
        for directory in (place, other, source):
            os.rmdir(directory)


def test_sshd_chroot(b):
    conf = b.stage.private / "sshd_config.chroot"
    part = b.stage.private / "part.conf"
    part.write_text("Match Group sftponly\n\tchrootdirectory = \"/srv/sftp/%u\"\n\tForceCommand internal-sftp\n"
                    "Match Group free\n  ChrootDirectory none\n", encoding="ascii")
    conf.write_text(f"Include {part}\n# ChrootDirectory /no\nPort 22\n", encoding="ascii")
    b.check(not _findings(b, "ChrootDirectory"), "a host without chroots", "nothing")
    kernel.bind(conf, "/etc/ssh/sshd_config")
    try:
        seen = _findings(b, "ChrootDirectory")
        b.check(len(seen) == 1 and f"{part}:2" in seen[0] and "Match Group sftponly" in seen[0],
                "nsctl check tells of a ChrootDirectory, and of whom it is for", seen)
    finally:
        kernel.umount("/etc/ssh/sshd_config")
        conf.unlink()
        part.unlink()
