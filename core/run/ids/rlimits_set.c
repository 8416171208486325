/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/rlimits_set.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"

#include <fcntl.h>

#define TRIES 2

/* The directory stays that process's, and is empty once it has ended. */
static int read_of(const struct record_process *p, struct rlimit ret[RLIMIT_NLIMITS])
{
	_cleanup_close_ int proc = -EBADF;
	char path[32], text[4096];
	uint64_t start;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)p->pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || io_read_text(proc, "stat", text, sizeof(text)) < 0 ||
		io_stat_start(text, &start) < 0 || start != p->start)
		return -1;
	return io_read_text(proc, "limits", text, sizeof(text)) < 0
		       ? -1
		       : rlimits_parse(text, ret);
}

int rlimits_of(const struct record_process *p, struct rlimit ret[RLIMIT_NLIMITS])
{
	int r = -1;

	for (int tries = 0; r < 0 && p->pid > 0 && tries < TRIES; tries++)
		r = read_of(p, ret);
	return r;
}

static int set_one(rlimit_resource what, const struct rlimit *limit)
{
	struct rlimit now, want = *limit;

	if (setrlimit(what, limit) == 0)
		return 0;
	if (getrlimit(what, &now) < 0)
		return -1;
	/* EPERM even for what it is, where fs.nr_open was lowered below it. */
	if (now.rlim_cur <= want.rlim_cur && now.rlim_max <= want.rlim_max)
		return 0;
	if (want.rlim_max > now.rlim_max)
		want.rlim_max = now.rlim_max;
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	return setrlimit(what, &want);
}

int rlimits_set(const struct rlimit limits[RLIMIT_NLIMITS], struct err *e)
{
	for (int what = 0; what < RLIMIT_NLIMITS; what++)
		if (set_one((rlimit_resource)what, &limits[what]) < 0)
			return err_set(e, errno, "set resource limit %d", what);
	return 0;
}

int rlimits_lower(struct err *e)
{
	struct rlimit limits[RLIMIT_NLIMITS], usual[RLIMIT_NLIMITS];

	for (int what = 0; what < RLIMIT_NLIMITS; what++)
		if (getrlimit((rlimit_resource)what, &limits[what]) < 0)
			return err_set(e, errno, "look at the limits");
	rlimits_usual(usual);
	rlimits_cap(limits, usual);
	return rlimits_set(limits, e);
}
