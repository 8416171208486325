/* SPDX-License-Identifier: BSD-3-Clause */
/* The volumes that accounts have, core/run/mount/volumes.h, and their end. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/run/session/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* An account with volumes. */
struct volume_owner {
	uid_t uid;
	char name[ACCOUNT_NAME_MAX];
	bool gone;    /* no account of that name has that uid */
	bool cut_off; /* what is left of a removal: nobody's any more */
};

/**
 * volume_owners() - Every account's directory of volumes
 * @ret:	free() it
 *
 * Should:   run outside, as root: it asks NSS, and one that doesn't answer is an error
 *
 * Return: 0 or -1 with @e.
 */
int volume_owners(struct volume_owner **ret, size_t *ret_n, struct err *e);

/* Names of the volumes of a uid, in order. Return: 0 or -1 with @e. */
int volume_names(uid_t uid, struct strlist *ret, struct err *e);

/**
 * volume_size() - What one takes on disk
 * @ret:	bytes
 * @ret_files:	and how many files, directories among them
 *
 * Its users may write there meanwhile. Return: 0; 1 where it is too deep or large to be counted; -1 with @e.
 */
int volume_size(
	uid_t uid, const char *name, uint64_t *ret, uint64_t *ret_files, struct err *e);

/* When a session was last opened with it, by the wall's clock; 0: that isn't known. */
time_t volume_used(uid_t uid, const char *name);

/* Whether a session has that volume. */
bool volume_is_used(const struct record *r, uid_t uid, const char *name);

/* Remove one, or what is left of its removal. Return: 0; -1 with @e, which names a session that has it. */
int volume_remove(uid_t uid, const char *name, struct err *e);

/* Remove all of an account, unless a session of the uid runs; only where they are still whose they were. Return: 0 or -1 with @e. */
int volume_remove_all(const struct volume_owner *o, struct err *e);
