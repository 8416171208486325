/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits that the account's running sessions were given, and that nothing names any more. */
#include "core/plan/limits.h"
#include "core/plan/planner.h"

#include <string.h>

/* What the files of a key say where it limits nothing. */
static const struct {
	const char *key;
	struct plan_cgroup_setting v1, v2;
} rows[] = {
	{ "MemoryMax", { "memory", "memory.limit_in_bytes", "-1", NULL },
		{ "memory", "memory.max", "max", NULL } },
	{ "MemoryHigh", { "memory", "memory.soft_limit_in_bytes", "-1", NULL },
		{ "memory", "memory.high", "max", NULL } },
	{ "MemorySwapMax", { "memory", "memory.memsw.limit_in_bytes", "-1", NULL },
		{ "memory", "memory.swap.max", "max", NULL } },
	{ "TasksMax", { "pids", "pids.max", "max", NULL },
		{ "pids", "pids.max", "max", NULL } },
	{ "CPUQuota", { "cpu", "cpu.cfs_quota_us", "-1", NULL },
		{ "cpu", "cpu.max", "max 100000", NULL } },
	{ "CPUWeight", { "cpu", "cpu.shares", "1024", NULL },
		{ "cpu", "cpu.weight", "100", NULL } },
	/* Nothing: those of the group above. */
	{ "AllowedCPUs", { "cpuset", "cpuset.cpus", "", NULL },
		{ "cpuset", "cpuset.cpus", "", NULL } },
	{ "IOWeight", { "blkio", "blkio.bfq.weight", "100", NULL },
		{ "io", "io.weight", "100", NULL } },
	{ "IOWeight", { "blkio", "blkio.weight", "500", NULL },
		{ "io", "io.bfq.weight", "100", NULL } },
	/* Of whatever disk has such a limit: PLAN_ANY_DISK. */
	{ "IOReadBandwidthMax",
		{ "blkio", "blkio.throttle.read_bps_device", "* 0", NULL },
		{ "io", "io.max", "* rbps=max", NULL } },
	{ "IOWriteBandwidthMax",
		{ "blkio", "blkio.throttle.write_bps_device", "* 0", NULL },
		{ "io", "io.max", "* wbps=max", NULL } },
	{ "IOReadIOPSMax", { "blkio", "blkio.throttle.read_iops_device", "* 0", NULL },
		{ "io", "io.max", "* riops=max", NULL } },
	{ "IOWriteIOPSMax", { "blkio", "blkio.throttle.write_iops_device", "* 0", NULL },
		{ "io", "io.max", "* wiops=max", NULL } },
};

/* How much of a line says what is limited: "TasksMax=", "IOReadIOPSMax=/home ". */
static size_t subject(const char *line)
{
	size_t len = strcspn(line, "=");
	char key[32];

	(void)snprintf(key, sizeof(key), "%.*s", (int)len, line);
	len += line[len] == '=';
	if (limits_io(key) >= 0)
		len += strcspn(line + len, " ");
	return len;
}

/* Whether a text of such lines has one about the same, below the same head. */
static bool says(const char *text, const char *head, const char *line)
{
	size_t len = subject(line);
	bool below = *head == '\0';

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (*at == '[')
			below = strncmp(at, head, strlen(head)) == 0 && *head;
		else if (below && strncmp(at, line, len) == 0)
			return true;
	}
	return false;
}

static void lift(
	struct planner *b, const char *line, struct plan_cgroup_setting **list, size_t *n)
{
	bool v2 = b->in->host->cgroup == PLAN_CGROUP_V2;
	size_t len = strcspn(line, "=");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct plan_cgroup_setting one = v2 ? rows[i].v2 : rows[i].v1;

		if (strlen(rows[i].key) != len || strncmp(rows[i].key, line, len) != 0)
			continue;
		one.key = rows[i].key;
		planner_setting(b, list, n, &one);
	}
}

void plan_lift(struct planner *b)
{
	const struct strlist *before = b->in->limits_before;
	struct plan_cgroup *c = &b->p->cgroup;
	const char *head = "", *own = planner_text(b, "[Slice %s]", c->slice_name);

	for (size_t i = 0; before && i < before->n; i++) {
		const char *line = before->v[i];

		if (*line == '[')
			head = line;
		else if (says(c->limits_text, head, line))
			continue;
		else if (!*head)
			lift(b, line, &c->lifted, &c->n_lifted);
		else if (strcmp(head, own) == 0)
			lift(b, line, &c->slice_lifted, &c->n_slice_lifted);
	}
}
