/* SPDX-License-Identifier: BSD-3-Clause */
/* What a crash left: a session whose supervisor is gone. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stddef.h>

/**
 * reconcile_end() - Take away everything of a session but its record
 * @r:		processes still there are killed, by cgroup and by init's pidfd-checked
 * identity
 * @terminal:	of the session, or -1
 * @ids:	uids of the box, or NULL (lent_return())
 *
 * Cgroup, terminal, utmp, the account's list. Used by the supervisor at the end of its
 * session. Waits for the account's lock, which the caller mustn't hold.
 *
 * Return: 0, or -1 with @e (the first thing that failed; the rest was done).
 */
int reconcile_end(
	const struct record *r, int terminal, const struct idmap *ids, struct err *e);

/**
 * reconcile_all() - End every session that nobody supervises
 * @ret_n:	how many were ended
 *
 * Safe beside running and opening sessions: a record's lock tells. Those of an account whose lock
 * somebody keeps for more than a second are left, which is an error.
 *
 * Return: 0, or -1 with @e (the first thing that failed; the rest was done).
 */
int reconcile_all(size_t *ret_n, struct err *e);
