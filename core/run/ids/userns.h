/* SPDX-License-Identifier: BSD-3-Clause */
/* User namespaces and their id maps. */
#pragma once

#include "core/base/err.h"
#include "core/base/sys.h"
#include "core/plan/plan.h"

#include <sys/types.h>

/**
 * userns_write_maps() - Give a process in a new user namespace its ids
 * @proc:	fd of the host's /proc: the caller may stand in a mount namespace without
 * one
 *
 * Written from the host, so that setgroups(2) stays allowed (user_namespaces(7)).
 *
 * Return: 0 or -1 with @e.
 */
int userns_write_maps(int proc, pid_t pid, const struct plan *plan, struct err *e);

/**
 * userns_create() - A user namespace with these maps and nobody in it
 * @ret_fd:	O_CLOEXEC, the caller's; for MOUNT_ATTR_IDMAP
 *
 * It leaves a child that is dying, for userns_reap() once that costs no time.
 *
 * Return: 0 or -1 with @e; ENOSPC where user.max_user_namespaces forbids it.
 */
int userns_create(int proc, const struct idmap *uids, const struct idmap *gids,
	int *ret_fd, struct err *e);
void userns_reap(void);

/**
 * userns_clone() - sys_clone3() into a user namespace that is the box's root's
 *
 * What the kernel counts by user (inotify, fanotify, pending signals, locked memory, mqueues) it
 * counts in each namespace above, too, for who made the namespace below (user_namespaces(7),
 * ucounts): one made by root takes from root and from everybody else's. So it is made with
 * the host's id of the box's root as effective uid, which is no process' outside of the account's
 * boxes.
 *
 * Should:   be called with all of root's capabilities, as single thread
 * Mustn't:  come back with another id than root's
 *
 * Return: a pid; 0 in the child; -1 with @e.
 */
pid_t userns_clone(const struct plan *plan, struct sys_clone *how, struct err *e);

/* What to tell an admin whose kernel refuses a user namespace, or those that are made with it. */
int userns_refused(struct err *e, int num);
