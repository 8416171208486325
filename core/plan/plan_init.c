/* SPDX-License-Identifier: BSD-3-Clause */
/* What init mounts in the session's own namespaces, and what it covers of it. */
#include "core/plan/planner.h"

/*
 * Each cover costs a mount per login. With Root=no nobody in the box owns a file of the
 * host's root in /proc: these are the ones that an ordinary user could learn from, or
 * that no kernel bug should be one mode bit away from.
 */
static const struct {
	enum plan_op_kind kind;
	const char *path;
	bool root_only; /* matters with Root=yes only */
} covers[] = {
	{ PLAN_READONLY, "/proc/sys", false },
	{ PLAN_READONLY, "/proc/bus", true },
	{ PLAN_READONLY, "/proc/fs", true },
	{ PLAN_READONLY, "/proc/irq", true },
	{ PLAN_HIDE, "/proc/acpi", true },
	{ PLAN_HIDE, "/proc/asound", true },
	{ PLAN_HIDE, "/proc/kcore", false },
	{ PLAN_HIDE, "/proc/keys", false },
	{ PLAN_HIDE, "/proc/key-users", true },
	{ PLAN_HIDE, "/proc/sched_debug", false },
	{ PLAN_HIDE, "/proc/scsi", true },
	{ PLAN_HIDE, "/proc/sysrq-trigger", true },
	{ PLAN_HIDE, "/proc/timer_list", false },
	{ PLAN_HIDE, "/sys/firmware", false },
};

static void cover(struct planner *b, enum plan_op_kind kind, const char *path)
{
	struct plan_op *op = planner_op(b, kind, path);

	op->attr = ATTR_CLOSED;
	op->optional = true;
}

void plan_init_ops(struct planner *b)
{
	struct plan_op *op;

	planner_op(b, PLAN_PROC, "/proc")->attr = ATTR_NOEXEC;
	op = planner_op(b, PLAN_DEVPTS, "/dev/pts");
	op->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	op->mode = 0620;
	op->gid = 5; /* tty, on every distribution */
	planner_op(b, PLAN_MQUEUE, "/dev/mqueue")->attr = ATTR_NOEXEC;
	if (b->in->host->cgroup == PLAN_CGROUP_V2)
		planner_op(b, PLAN_CGROUP2, "/sys/fs/cgroup")->attr = ATTR_CLOSED;
	for (size_t i = 0; i < sizeof(covers) / sizeof(*covers); i++)
		if (b->in->policy->root || !covers[i].root_only)
			cover(b, covers[i].kind, covers[i].path);
	for (size_t i = 0; i < b->n_hidden; i++)
		if (path_below(b->hidden[i].path, "/proc"))
			cover(b, PLAN_HIDE, b->hidden[i].path);
}
