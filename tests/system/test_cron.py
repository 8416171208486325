# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's cron daemon. It is started first; test_cron_result.py collects."""

import os
import subprocess

from harness import kernel
from harness.scene import SHOW_NS

JOB = f"({SHOW_NS}; id -un; ls -A /tmp; ps -e --no-headers -o pid,user,comm) " \
      ">$HOME/cron.tmp 2>&1; mv $HOME/cron.tmp $HOME/cron.out"


class Cron:
    """cron with a spool of its own, and neither the host's /etc/crontab nor its /etc/cron.d."""

    def __init__(self, stage, user):
        self.stage = stage
        self.log = stage.private / "cron.log"
        spool, empty, nothing = (stage.private / n for n in ("spool", "cron.d", "crontab"))
        spool.mkdir(mode=0o730)
        empty.mkdir(mode=0o755)
        nothing.touch()
        (spool / user.pw_name).write_text(f"SHELL=/bin/bash\n* * * * * {JOB}\n",
                                          encoding="utf-8")
        os.chown(spool / user.pw_name, user.pw_uid, user.pw_gid)
        os.chmod(spool / user.pw_name, 0o600)

        def stage_of_cron():
            kernel.private_mounts()
            kernel.bind(spool, "/var/spool/cron/crontabs")
            kernel.bind(empty, "/etc/cron.d")
            kernel.bind(nothing, "/etc/crontab")

        self.process = subprocess.Popen(
            ["cron", "-f"], stdin=subprocess.DEVNULL, stdout=open(self.log, "w",
                                                                  encoding="utf-8"),
            stderr=subprocess.STDOUT, preexec_fn=stage_of_cron, start_new_session=True)

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


def test_start_a_job(b):
    if not os.path.exists("/usr/sbin/cron"):
        b.skip("a cron job", "no cron on this machine")
        return
    # A config of its own: other tests rewrite theirs while cron waits for its minute.
    conf = b.stage.private / "cron.conf"
    conf.write_text(b.stage.conf.read_text(encoding="utf-8"), encoding="utf-8")
    b.stage.cron_config = conf
    b.stage.pam_all()
    b.background["cron"] = Cron(b.stage, b.carol)
    b.run("sleep", "0.3")
    b.check(b.background["cron"].process.poll() is None, "cron runs, with a job of a user's "
            "crontab", b.background["cron"].log.read_text(encoding="utf-8"))


test_start_a_job.leaves = True
