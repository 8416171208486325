/* SPDX-License-Identifier: BSD-3-Clause */
/* Against how others are scheduled and what they may use. */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int limit(char **argv)
{
	const struct rlimit none = { 0, 0 };

	return attack_result(
		prlimit((pid_t)attack_number(argv[0]), RLIMIT_NOFILE, &none, NULL));
}

static int affinity(char **argv)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return attack_result(
		sched_setaffinity((pid_t)attack_number(argv[0]), sizeof(one), &one));
}

static int scheduler(char **argv)
{
	const struct sched_param none = { 0 };

	return attack_result(
		sched_setscheduler((pid_t)attack_number(argv[0]), SCHED_IDLE, &none));
}

static int realtime(char **argv)
{
	const struct sched_param some = { .sched_priority = 10 };

	(void)argv;
	return attack_result(sched_setscheduler(0, SCHED_FIFO, &some));
}

/* priority WHO: everybody with that uid */
static int of_user(char **argv)
{
	return attack_result(setpriority(PRIO_USER, (id_t)attack_number(argv[0]), 19));
}

static int of_process(char **argv)
{
	return attack_result(setpriority(PRIO_PROCESS, (id_t)attack_number(argv[0]), 19));
}

static int better(char **argv)
{
	(void)argv;
	return attack_result(setpriority(PRIO_PROCESS, 0, -10));
}

enum {
	WHO_PROCESS = 1,
	WHO_USER = 3,
	CLASS_RT = 1 << 13,
	CLASS_IDLE = 3 << 13
};

static int io_of_user(char **argv)
{
	return attack_result(syscall(
		SYS_ioprio_set, WHO_USER, (int)attack_number(argv[0]), CLASS_IDLE));
}

static int io_of_process(char **argv)
{
	return attack_result(syscall(
		SYS_ioprio_set, WHO_PROCESS, (int)attack_number(argv[0]), CLASS_IDLE));
}

static int io_realtime(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_RT));
}

static int unkillable(char **argv)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)argv;
	return fd < 0 ? errno : attack_result(write(fd, "-1000", 5));
}

/* Raise one's own hard limit. */
static int raise_limit(char **argv)
{
	struct rlimit l;

	(void)argv;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return errno;
	l.rlim_max++;
	return attack_result(setrlimit(RLIMIT_NOFILE, &l));
}

const struct attack attacks_priority[] = {
	{ "prlimit", limit },
	{ "affinity", affinity },
	{ "scheduler", scheduler },
	{ "realtime", realtime },
	{ "nice-user", of_user },
	{ "nice-process", of_process },
	{ "nice-better", better },
	{ "ioprio-user", io_of_user },
	{ "ioprio-process", io_of_process },
	{ "ioprio-realtime", io_realtime },
	{ "oom-unkillable", unkillable },
	{ "raise-limit", raise_limit },
	{ NULL, NULL },
};
