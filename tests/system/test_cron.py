# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's cron daemon. It is started first; test_cron_result.py collects."""

import os
import shutil
import subprocess

from harness import kernel
from harness.etc import copy_etc
from harness.scene import SHOW_NS

JOB = f"({SHOW_NS}; id -un; ls /tmp; ps -e --no-headers -o pid=,uid=,comm=) " \
      ">$HOME/cron.tmp 2>&1; mv $HOME/cron.tmp $HOME/cron.out"


class Cron:
    """
    cron with a spool of its own and a copy of /etc, in which no job of the host's stands, and
    config and PAM file don't change under it while other tests rewrite theirs. One of another @name may run beside it.
    """

    def __init__(self, stage, user, job=JOB, name="cron"):
        self.directory = stage.private / name
        self.directory.mkdir()
        spool, etc, conf, pid, self.log = (self.directory / n for n in ("spool", "etc", "conf", "pid", "log"))
        spool.mkdir(mode=0o730)
        pid.touch()
        conf.write_text(stage.conf.read_text(encoding="utf-8"), encoding="utf-8")
        copy_etc(etc)
        shutil.rmtree(etc / "cron.d", ignore_errors=True)
        (etc / "crontab").write_text("", encoding="utf-8")
        (etc / "pam.d" / "cron").write_text(
            stage.pam_text("cron", stage.module_line(config=conf)), encoding="utf-8")
        (spool / user.pw_name).write_text(f"SHELL=/bin/bash\n* * * * * {job}\n",
                                          encoding="utf-8")
        os.chown(spool / user.pw_name, user.pw_uid, user.pw_gid)
        os.chmod(spool / user.pw_name, 0o600)

        def stage_of_cron():
            kernel.die_with_parent()
            kernel.private_mounts()
            kernel.bind(spool, "/var/spool/cron/crontabs")
            kernel.bind(etc, "/etc")
            kernel.bind(pid, "/run/crond.pid")

        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/cron", "-f"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, preexec_fn=stage_of_cron, start_new_session=True)

    def stop(self):
        self.process.terminate()
        self.process.wait(5)
        shutil.rmtree(self.directory)


def test_start_a_job(b):
    if not os.path.exists("/usr/sbin/cron"):
        b.skip("a cron job", "no cron on this machine")
        return
    b.background["cron"] = Cron(b.stage, b.carol)
    b.run("sleep", "0.3")
    b.check(b.background["cron"].process.poll() is None, "cron runs, with a job of a user's "
            "crontab", b.background["cron"].log.read_text(encoding="utf-8"))


test_start_a_job.leaves = True
