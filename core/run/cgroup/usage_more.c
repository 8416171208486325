/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/usage_more.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/limits.h"
#include "core/run/cgroup/cgroup_file.h"

#include <string.h>

#define TEXT_MAX 4096

static struct usage_disk *disk_of(struct usage_more *u, const char *device)
{
	struct usage_disk *d;

	for (size_t i = 0; i < u->n_disks; i++)
		if (strcmp(u->disks[i].device, device) == 0)
			return &u->disks[i];
	if (u->n_disks == USAGE_DISKS_MAX)
		return NULL;
	d = &u->disks[u->n_disks++];
	(void)snprintf(d->device, sizeof(d->device), "%s", device);
	for (size_t i = 0; i < POLICY_IO_KINDS; i++)
		d->max[i] = PARSE_INFINITY;
	return d;
}

/* Of the devices that the file of a limit has a line for. */
static void read_speeds(
	int dir, const struct limit_place *p, size_t kind, struct usage_more *u)
{
	char text[TEXT_MAX], *rest = text, *line;

	if (io_read_text(dir, p->file, text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		const char *speed = limit_speed(p, line);
		char *device = strsep(&line, " ");
		struct usage_disk *d = speed ? disk_of(u, device) : NULL;

		if (d)
			(void)limit_read(p, speed, &d->max[kind]);
	}
}

/* CPUs that the group has, whether by its own file or by that of a group above. */
static void read_cpus(int dir, const char *file, struct usage_more *u)
{
	char text[TEXT_MAX];

	if (io_read_text(dir, file, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(u->cpus, sizeof(u->cpus), "%s", text);
}

void usage_more_at(enum plan_cgroup_kind kind, int cpuset, int io, struct usage_more *ret)
{
	*ret = (struct usage_more){ 0 };
	if (cpuset >= 0)
		read_cpus(cpuset,
			kind == PLAN_CGROUP_V2 ? "cpuset.cpus.effective"
					       : "cpuset.effective_cpus",
			ret);
	for (size_t i = 0; io >= 0 && i < POLICY_IO_KINDS; i++)
		read_speeds(io, limits[LIMIT_IO_READ_BPS + i].on[kind].places, i, ret);
}

void usage_more_read(
	enum plan_cgroup_kind kind, const char *group, struct usage_more *ret)
{
	_cleanup_close_ int cpuset = cgroup_open(kind, "cpuset", group);
	_cleanup_close_ int io = cgroup_open(kind, "blkio", group);

	usage_more_at(kind, cpuset, io, ret);
}
