/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/freeze.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_file.h"

#include <string.h>

#define TRIES    100
#define PAUSE_MS 10

/* Whether the kernel is done with it. */
static bool has_settled(enum plan_cgroup_kind kind, int dir, bool frozen)
{
	char text[256];

	if (kind == PLAN_CGROUP_V2)
		return io_read_text(dir, "cgroup.events", text, sizeof(text)) >= 0 &&
		       strstr(text, frozen ? "frozen 1" : "frozen 0");
	return io_read_text(dir, "freezer.state", text, sizeof(text)) >= 0 &&
	       strcmp(text, frozen ? "FROZEN\n" : "THAWED\n") == 0;
}

static int write_state(enum plan_cgroup_kind kind, int dir, bool frozen)
{
	if (kind == PLAN_CGROUP_V2)
		return io_write_text(dir, "cgroup.freeze", frozen ? "1" : "0");
	return io_write_text(dir, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

int freeze_set(enum plan_cgroup_kind kind, const char *group, bool frozen, struct err *e)
{
	_cleanup_close_ int dir = cgroup_open(kind, "freezer", group);
	const char *what = frozen ? "pause" : "resume";

	if (dir < 0)
		return err_set(e, errno, "%s: find the freezer of the cgroup \"%s\"",
			what, group);
	for (int i = 0; i < TRIES; i++) {
		/* v1 has to be told again while it is FREEZING. */
		if (write_state(kind, dir, frozen) < 0)
			return err_set(e, errno, "%s the cgroup %s", what, group);
		if (has_settled(kind, dir, frozen))
			return 0;
		clock_pause(PAUSE_MS * 1000);
	}
	return err_set(e, ETIMEDOUT, "%s the cgroup %s: some processes still %s", what,
		group, frozen ? "run" : "stand");
}

int freeze_get(enum plan_cgroup_kind kind, const char *group)
{
	_cleanup_close_ int dir = cgroup_open(kind, "freezer", group);
	char text[64];

	if (dir < 0)
		return -1;
	if (kind == PLAN_CGROUP_V2)
		return io_read_text(dir, "cgroup.freeze", text, sizeof(text)) < 0
			       ? -1
			       : text[0] == '1';
	return io_read_text(dir, "freezer.state", text, sizeof(text)) < 0
		       ? -1
		       : text[0] != 'T';
}

void freeze_thaw(enum plan_cgroup_kind kind, const char *group)
{
	struct err ignored;

	if (freeze_get(kind, group) == 1)
		(void)freeze_set(kind, group, false, &ignored);
}
