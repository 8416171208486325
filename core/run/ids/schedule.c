/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/schedule.h"

#include "core/base/io.h"
#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void schedule_reset(void)
{
	const struct sched_param plain = { 0 };
	cpu_set_t all[8]; /* CONFIG_NR_CPUS is at most 8192 */

	memset(all, 0xff, sizeof(all));
	(void)prctl(PR_SET_TIMERSLACK, SYS_TIMER_SLACK, 0, 0, 0);
	(void)sched_setscheduler(0, SCHED_OTHER, &plain);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	(void)sys_default_ioprio();
	(void)sys_default_mempolicy();
	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	(void)sched_setaffinity(0, sizeof(all), all);
}

void schedule_like(pid_t pid)
{
	const struct sched_param plain = { 0 };
	cpu_set_t cpus[8];
	int policy = sched_getscheduler(pid), nice;

	if (policy == SCHED_BATCH || policy == SCHED_IDLE)
		(void)sched_setscheduler(0, policy, &plain);
	errno = 0;
	nice = getpriority(PRIO_PROCESS, (id_t)pid);
	if (errno == 0 && nice > getpriority(PRIO_PROCESS, 0))
		(void)setpriority(PRIO_PROCESS, 0, nice);
	if (sched_getaffinity(pid, sizeof(cpus), cpus) == 0)
		(void)sched_setaffinity(0, sizeof(cpus), cpus);
}
