/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits that an admin has set for an account while it has sessions, PATH_ACCOUNTS/UID.set: a line
 * "account=NAME", and "KEY=VALUE" lines over what the config says. They go with the account's last
 * session, and without one that runs nobody gets them: a crash may have left them.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/base/strlist.h"

#include <sys/types.h>

/**
 * override_read() - The account's lines
 * @ret:	added to; nothing where there are none, where they are of another account that has
 *		or had the uid, or for who may not read them
 *
 * Should:   run outside: it may ask NSS
 *
 * Return: 0 or -1 with @e.
 */
int override_read(uid_t uid, const char *name, struct strlist *ret, struct err *e);

/* Replace them, in one step; an empty list removes the file. Return: 0 or -1 with @e. */
int override_write(
	uid_t uid, const char *name, const struct strlist *lines, struct err *e);

/* The account's last session has gone. */
void override_remove(uid_t uid);

struct override {
	uid_t uid;
	char name[ACCOUNT_NAME_MAX]; /* whose; "" where none is noted */
	bool in_use;                 /* a session of the uid runs */
};

/* All that there are. @ret: free() it. Return: 0 or -1 with @e. */
int override_list(struct override **ret, size_t *ret_n, struct err *e);

/* Remove it, unless a session of the uid runs, under the account's lock. Return: 0 or -1 with @e. */
int override_sweep(uid_t uid, struct err *e);
