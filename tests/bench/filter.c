/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter: what the built-in system call filter costs. Makes its program and puts itself under it;
 * prints the microseconds to make and to install it, its length, and the nanoseconds of a call
 * before and after: getppid, which the kernel lets pass without asking the program, and ioctl,
 * whose arguments it must look at.
 */
#include "core/run/enter/seccomp.h"
#include "core/run/enter/seccomp_make.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLS 200000
#define RUNS  15
#define ROOM  256

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The best of some runs: whatever else the machine does only adds. */
static double ns_of(long number)
{
	double best = 0;

	for (int run = 0; run < RUNS; run++) {
		double begun = now_us(), took;

		for (int i = 0; i < CALLS; i++)
			(void)syscall(number, -1, 0, 0);
		took = (now_us() - begun) * 1e3 / CALLS;
		if (run == 0 || took < best)
			best = took;
	}
	return best;
}

static void fill(struct plan_filter *rules)
{
	for (size_t i = 0; i < filter_n_groups; i++)
		for (size_t j = 0; j < filter_groups[i].n_calls && rules->n_rules < ROOM;
			j++)
			rules->rules[rules->n_rules++].call = filter_groups[i].calls[j];
}

static int fail(const struct err *e)
{
	(void)fprintf(stderr, "filter: %s\n", e->msg);
	return 1;
}

int main(void)
{
	static struct plan_filter_rule room[ROOM];
	struct plan_filter rules = { .rules = room };
	int fd = memfd_create("filter", MFD_CLOEXEC);
	double ppid = ns_of(SYS_getppid), control = ns_of(SYS_ioctl), begun, made;
	struct filter f;
	struct err e;

	fill(&rules);
	begun = now_us();
	if (filter_export(&rules, fd, &e) < 0 || filter_map(fd, &f, &e) < 0)
		return fail(&e);
	made = now_us() - begun;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 1;
	begun = now_us();
	if (filter_install(&f, &e) < 0)
		return fail(&e);
	begun = now_us() - begun;
	(void)printf("%.0f %.0f %zu %.0f %.0f %.0f %.0f\n", made, begun, f.size / 8, ppid,
		ns_of(SYS_getppid), control, ns_of(SYS_ioctl));
	return 0;
}
