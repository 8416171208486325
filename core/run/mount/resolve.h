/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths that the config names, and what they lead to: the one place where that is decided, for a
 * plan, for a login, and for nsctl(8).
 *
 * A path is walked from "/" on, one name after the other, and a link is followed only where
 * nobody but root can have made it: it is root's, and so is each directory above it, which
 * nobody else may write. What is bound is looked at with the account's file system ids and groups;
 * sockets and devices are from the first directory on that others than root may write. What is
 * hidden, and places inside, root looks at: no more of them than what the config names.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whose rights are asked for; an account that is nobody's is root's own look. */
struct resolve_as {
	const char *name;
	uid_t uid;
	gid_t gid;
	const uint32_t *groups;
	size_t n_groups;
};

/* Of who logs in; it points into @plan. */
struct resolve_as resolve_as_account(const struct plan *plan);

struct resolved {
	int fd; /* O_PATH, O_CLOEXEC, the caller's; -EBADF where there is nothing */
	struct stat st;
	char real[PATH_MAX]; /* the same place without a link; also of what isn't there */
	bool by_root; /* that it isn't there nobody but root can have brought about */
};
#define RESOLVED_NONE                                                                    \
	{                                                                                \
		.fd = -EBADF                                                             \
	}

/**
 * resolve_path() - Walk to a configured path
 * @use:	what the path is for: its type is asserted by that
 * @as:		the account
 * @ret:	on 0 and 1; on 1 without an fd
 *
 * Should:   run as root, in the host's mount namespace; by others, for `nsctl plan`, as they are
 * Mustn't:  leave the caller with other ids than before; supplementary groups go
 *
 * Return: 0; 1 when there is nothing; -1 with @e: why it is refused, the path not named.
 */
int resolve_path(const char *path, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e);

/**
 * resolve_again() - Open what resolve_path() found, by its real path
 *
 * In one call that follows no link at all, with the caller's own rights: privs_look_as(). The type
 * is asserted again.
 *
 * Return: 0; 1 when there is nothing; -1 with @e.
 */
int resolve_again(const char *real, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e);

/*
 * Whether it is the look that failed, and not the path that can't be used: nothing answered, or the child of
 * look.h died or couldn't be made, or the kernel said what it says of no path. Nothing may be left out for
 * that, as it would be a box by other rules.
 */
static inline bool resolve_failed(int num)
{
	static const int nums[] = { ETIMEDOUT, ECHILD, EPERM, ENOSYS, ENOMEM, EMFILE,
		ENFILE, ENOSPC, EINTR, EAGAIN };

	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		if (num == nums[i])
			return true;
	return false;
}

/**
 * resolve_pattern() - All that match a pattern of glob(7), links followed as above
 * @each:	called with each; a value other than 0 ends it
 *
 * Return: 0, or what @each returned; -1 with @e where a look failed, as above.
 */
int resolve_pattern(const char *pattern, const struct resolve_as *as,
	int (*each)(void *arg, const char *path), void *arg, struct err *e);
