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

/*
 * The kernel's own limits of what a user namespace may make, counted within this one
 * (namespaces(7)): they hold where no filter looks.
 */
#define NESTED_MAX "128"
static const char *const counted[] = { "/proc/sys/user/max_user_namespaces",
	"/proc/sys/user/max_mnt_namespaces", "/proc/sys/user/max_pid_namespaces",
	"/proc/sys/user/max_net_namespaces", "/proc/sys/user/max_ipc_namespaces",
	"/proc/sys/user/max_uts_namespaces", "/proc/sys/user/max_cgroup_namespaces",
	"/proc/sys/user/max_time_namespaces" };

/* Without a user namespace of his own nobody in the box has what the others take. */
static void limit_namespaces(struct planner *b)
{
	bool nested = b->in->policy->allow_user_namespaces;
	size_t n = nested ? sizeof(counted) / sizeof(*counted) : 1;

	for (size_t i = 0; i < n; i++) {
		struct plan_op *op = planner_op(b, PLAN_SYSCTL, counted[i]);

		op->content = nested ? NESTED_MAX : "0";
		op->optional = true;
	}
}

/* The host's links: what is mounted of its /sys shows those, whose network a process has or not. */
static const char *const links[] = { "/sys/class/net", "/sys/devices/virtual/net" };

static void cover(struct planner *b, enum plan_op_kind kind, const char *path)
{
	struct plan_op *op = planner_op(b, kind, path);

	op->attr = ATTR_CLOSED;
	op->optional = true;
}

/* What tells of the session's limits, and not of the whole host: lxcfs judges by the cgroup of the
 * reader's init. */
static void honest_numbers(struct planner *b)
{
	const char *lxcfs = b->in->host->lxcfs;

	if (b->in->host->lxcfs_dead)
		planner_note(b,
			"lxcfs doesn't answer: free, top and uptime tell of the whole host "
			"(restart it, then run `nsctl refresh`)");
	for (const char *const *file = plan_lxcfs_files; lxcfs && *file; file++) {
		struct plan_op *op = planner_op(b, PLAN_COVER, *file);

		op->source = planner_text(b, "%s%s", lxcfs, *file);
		op->attr = ATTR_CLOSED;
		op->optional = true;
	}
}

void plan_init_ops(struct planner *b)
{
	struct plan_op *op;

	planner_op(b, PLAN_PROC, "/proc")->attr = ATTR_NOEXEC;
	limit_namespaces(b);
	plan_ipc(b);
	honest_numbers(b);
	plan_commands_ops(b);
	plan_inside_ops(b);
	op = planner_op(b, PLAN_DEVPTS, "/dev/pts");
	op->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	op->mode = 0620;
	op->gid = PLAN_TTY_GID;
	op->inodes = plan_ptys(b->in->policy);
	planner_op(b, PLAN_MQUEUE, "/dev/mqueue")->attr = ATTR_NOEXEC;
	if (b->in->host->cgroup == PLAN_CGROUP_V2)
		planner_op(b, PLAN_CGROUP2, PLAN_CGROUPS)->attr =
			*b->p->cgroup.manager ? ATTR_NOEXEC : ATTR_CLOSED;
	for (size_t i = 0; i < b->p->cgroup.n_controllers; i++)
		if (plan_hierarchy(b, i))
			planner_op(b, PLAN_CGROUP1, plan_hierarchy(b, i))->attr =
				ATTR_CLOSED;
	for (size_t i = 0; i < sizeof(covers) / sizeof(*covers); i++)
		if (b->in->policy->root || !covers[i].root_only)
			cover(b, covers[i].kind, covers[i].path);
	for (size_t i = 0;
		b->p->network.kind != NETWORK_HOST && i < sizeof(links) / sizeof(*links);
		i++)
		cover(b, PLAN_HIDE, links[i]);
	for (size_t i = 0; i < b->n_hidden; i++)
		if (path_below(b->hidden[i].path, "/proc"))
			cover(b, PLAN_HIDE, b->hidden[i].path);
}
