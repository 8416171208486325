/* SPDX-License-Identifier: BSD-3-Clause */
/* Subordinate ids of an account: libsubid first, else a range of our own, recorded. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct subid {
	struct id_range *uids, *gids;
	size_t n_uids, n_gids;
	bool own; /* from PATH_RANGES, not from subuid(5) */
};

/**
 * subid_find() - The account's subordinate ranges
 * @allocate:	record a new range of our own where there is none (needs root); without it
 *		the result has no ranges then
 *
 * Ranges of our own are 65536 ids each from 1879048192 (0x70000000) to 2147352575, where
 * systemd's UIDS-GIDS leaves everything free.
 *
 * Return: 0 or -1 with @e ("no subordinate id range left": what to do).
 */
int subid_find(const struct account *a, bool allocate, struct subid *ret, struct err *e);
void subid_clear(struct subid *s);
