/* SPDX-License-Identifier: BSD-3-Clause */
/* What init mounts in the session's own namespaces, and what it covers of it. */
#include "core/plan/planner.h"

/*
 * Each cover costs a mount per login. With Root=no nobody in the box owns a file of the
 * host's root in /proc: these are the ones that an ordinary user could learn from, or
 * that no kernel bug should be one mode bit away from.
 */
static const struct {
	const char *path;
	enum plan_op_kind kind;
	bool root_only; /* matters with Root=yes only */
} covers[] = {
	{ "/proc/sys", PLAN_READONLY, false },
	{ "/proc/bus", PLAN_READONLY, true },
	{ "/proc/fs", PLAN_READONLY, true },
	{ "/proc/irq", PLAN_READONLY, true },
	{ "/proc/acpi", PLAN_HIDE, true },
	{ "/proc/asound", PLAN_HIDE, true },
	{ "/proc/kcore", PLAN_HIDE, false },
	{ "/proc/keys", PLAN_HIDE, false },
	{ "/proc/key-users", PLAN_HIDE, true },
	{ "/proc/sched_debug", PLAN_HIDE, false },
	{ "/proc/scsi", PLAN_HIDE, true },
	{ "/proc/sysrq-trigger", PLAN_HIDE, true },
	{ "/proc/timer_list", PLAN_HIDE, false },
	{ "/sys/firmware", PLAN_HIDE, false },
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
