/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/usage_more.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/cgroup_file.h"

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

/* "8:0 rbps=1000 wbps=max riops=max wiops=max" */
static void read_io_max(int dir, struct usage_more *u)
{
	static const char *const words[POLICY_IO_KINDS] = {
		"rbps=", "wbps=", "riops=", "wiops="
	};
	char text[TEXT_MAX], *rest = text, *line;

	if (io_read_text(dir, "io.max", text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		char *word = strsep(&line, " ");
		struct usage_disk *d = *word ? disk_of(u, word) : NULL;

		while (d && (word = strsep(&line, " ")))
			for (size_t i = 0; i < POLICY_IO_KINDS; i++)
				if (strncmp(word, words[i], strlen(words[i])) == 0)
					(void)parse_u64(
						word + strlen(words[i]), &d->max[i]);
	}
}

/* "8:0 1000", a file for each */
static void read_throttle(int dir, struct usage_more *u)
{
	static const char *const files[POLICY_IO_KINDS] = {
		"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
		"blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device"
	};

	for (size_t i = 0; i < POLICY_IO_KINDS; i++) {
		char text[TEXT_MAX], *rest = text, *line;

		if (io_read_text(dir, files[i], text, sizeof(text)) < 0)
			continue;
		while ((line = strsep(&rest, "\n"))) {
			const char *device = strsep(&line, " ");
			struct usage_disk *d = line ? disk_of(u, device) : NULL;

			if (d)
				(void)parse_u64(line, &d->max[i]);
		}
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
	if (io >= 0 && kind == PLAN_CGROUP_V2)
		read_io_max(io, ret);
	else if (io >= 0)
		read_throttle(io, ret);
}

void usage_more_read(
	enum plan_cgroup_kind kind, const char *group, struct usage_more *ret)
{
	_cleanup_close_ int cpuset = cgroup_open(kind, "cpuset", group);
	_cleanup_close_ int io = cgroup_open(kind, "blkio", group);

	usage_more_at(kind, cpuset, io, ret);
}
