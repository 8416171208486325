/* SPDX-License-Identifier: BSD-3-Clause */
/* What accounts leave on disk with Upper=disk once they are gone. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct leftover {
	uid_t uid;
	char name[ACCOUNT_NAME_MAX]; /* whose; "" where an older version noted none */
	bool gone;    /* no account of that name has that uid (of no name: none has it) */
	bool cut_off; /* what is left of a removal that was cut off: nobody's any more */
	bool old;     /* what nsctl reset has set aside, and keeps */
};

/**
 * leftover_list() - Every account's directory of layers
 * @ret:	free() it
 *
 * Should:   run outside: it asks NSS. One that doesn't answer is an error, and no account is gone
 *	     by that.
 *
 * Return: 0 or -1 with @e.
 */
int leftover_list(struct leftover **ret, size_t *ret_n, struct err *e);

/**
 * leftover_remove() - Remove the layers of an account, and what nsctl set said for its uid
 * @l:	from leftover_list()
 *
 * Under the account's lock, never while a session of the uid runs, and only what is still whose it
 * was when it was listed.
 *
 * Return: 0 or -1 with @e.
 */
int leftover_remove(const struct leftover *l, struct err *e);

enum leftover_old {
	OLD_REFUSE,  /* where something is kept already */
	OLD_REPLACE, /* remove that first */
};

/**
 * leftover_reset() - Let the account begin anew: its layers are set aside, and kept
 * @user:	its name, as messages have it
 *
 * Return: 0 or -1 with @e, which says what to do where a session runs.
 */
int leftover_reset(uid_t uid, const char *user, enum leftover_old how, struct err *e);

/* Remove what is kept. */
int leftover_remove_old(uid_t uid, const char *user, struct err *e);

/* What is kept is the account's again, and what it has now is kept. */
int leftover_restore(uid_t uid, const char *user, struct err *e);
