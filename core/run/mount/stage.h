/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session's own mounts, as the plan lists them: the host-owned ones, which are locked
 * once they are copied into the session's namespace, and those that only the session can
 * make.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <sys/stat.h>

/* What the ops need of the host, opened while the host's mounts are there; one row an op.
 */
struct stage_source {
	/* PLAN_BIND, PLAN_TERMINAL, PLAN_COVER: detached clone; -EBADF: left out. PLAN_TMPFS:
	 * another session's, from tmp_share() */
	int mount;
	struct stat st; /* of the source */
	bool fresh;     /* a volume that is yet to be filled, volumes.h */
};

struct stage {
	struct stage_source *sources; /* plan->n_ops of them */
	size_t n;
	int proc;    /* detached clone of the host's /proc: lets init mount its own */
	int volumes; /* directory of the account's, -EBADF without any */
	const char *
		plain; /* the plan's: a source that couldn't be idmapped, NULL for none */
};
#define STAGE_NONE                                                                       \
	{                                                                                \
		.proc = -EBADF, .volumes = -EBADF                                        \
	}

/**
 * stage_look() - Open those sources that the account may have chosen, or mounted something at
 * @ret:	filled on success; close with stage_close()
 *
 * Sources marked as_user are resolved with the account's file system ids and groups:
 * nobody gets at what the account can't reach, and root-squashed homes work; by a child, look.h.
 *
 * Should:   run before any lock is taken: it may take LOOK_PATIENCE_S
 *
 * Return: 0 or -1 with @e.
 */
int stage_look(const struct plan *plan, struct stage *ret, struct err *e);

/**
 * stage_open() - Open the other sources, and make trees of all, in the host's mount namespace
 * @terminal:	fd of the terminal to lend, or -1
 * @s:		from stage_look()
 *
 * Return: 0 or -1 with @e.
 */
int stage_open(const struct plan *plan, int terminal, struct stage *s, struct err *e);
void stage_close(struct stage *s);

/**
 * stage_mount() - Do the host-owned operations on ROOTFS_ROOT
 * @host:	fd of the host's mount namespace: where a package has just replaced a file of root's that is bound, the new
 *		one is taken from there
 *
 * Should:   run in a private copy of the account's mount namespace (rootfs.h), at its "/"
 *
 * Return: 0 or -1 with @e.
 */
int stage_mount(const struct plan *plan, const struct stage *s, int host, struct err *e);

/**
 * stage_enter() - init's part: the session's own mounts, and into the new root
 *
 * Should:   run as root of the session's namespaces, in its own copy of the staged mounts
 * Mustn't:  leave anything of the staging namespace reachable
 *
 * Return: 0 or -1 with @e.
 */
int stage_enter(const struct plan *plan, const struct stage *s, struct err *e);
