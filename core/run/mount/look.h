/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at what an account chose, or can put a file system of its own at, taken by a child: a file
 * system may never answer (FUSE, NFS), and who waits for a FUSE can't even be killed. The child
 * has nothing of its parent's: no lock, no lease, nobody's terminal. There is one for each account
 * that is looked for as, until look_end(); who isn't root looks without one.
 */
#pragma once

#include "core/run/mount/resolve.h"

#include <stdbool.h>

/* How long a file system may take to answer. */
#define LOOK_PATIENCE_S 10

/*
 * resolve_path(), resolve_again() and resolve_pattern(), in the child. @as_account: with the
 * account's file system ids and groups.
 *
 * Return: as those; -1 with @e, ETIMEDOUT, where nothing answers: the child is killed, and while it
 * isn't gone the account's looks fail at once, also those of other processes of nsshell's.
 */
int look_path(const char *path, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e);
int look_again(const char *real, enum plan_use use, const struct resolve_as *as,
	bool as_account, struct resolved *ret, struct err *e);
int look_pattern(const char *pattern, const struct resolve_as *as,
	int (*each)(void *arg, const char *path), void *arg, struct err *e);

/**
 * look_open() - Open a path that is built in, where the account may have mounted something
 * @follow:	a symlink at its end
 *
 * Return: 0 with @ret's fd and st; -1 with @e, e->num is open(2)'s errno.
 */
int look_open(const char *path, bool follow, const struct resolve_as *as, bool as_account,
	struct resolved *ret, struct err *e);

/* When a directory was made, with the account's rights. @ret: seconds since 1970, 0: not known. */
int look_born(
	const char *path, const struct resolve_as *as, uint64_t *ret, struct err *e);

/* No child is needed any more. */
void look_end(void);
