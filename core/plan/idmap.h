/* SPDX-License-Identifier: BSD-3-Clause */
/* Id maps of a session's user namespace. Pure. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Extents in the order of their inside ids; at most 340 (user_namespaces(7), since Linux 4.15). */
#define IDMAP_EXTENTS_MAX 340

/* The ids 0 to 65535 are what a box has. */
#define IDMAP_IDS 65536U

struct idmap_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct idmap {
	struct idmap_extent extents[IDMAP_EXTENTS_MAX];
	size_t n;
};

/**
 * idmap_make() - Keep some ids, put every other one of 0..65535 into the account's ranges
 * @keep:	ids that map to themselves (an account's uid, or its gids), in any order, repeats
 *		allowed; they may lie above 65535
 * @ranges:	the account's subordinate ranges, used up in their order
 * @what:	"uid" or "gid", for the error
 *
 * Errors: more than 340 extents; ranges too small; a range that holds a kept id, id 0 of the
 * host or (uid_t)-1; ranges that overlap each other.
 *
 * Return: 0, or -1 with @e.
 */
int idmap_make(const uint32_t *keep, size_t n_keep, const struct id_range *ranges,
	size_t n_ranges, const char *what, struct idmap *ret, struct err *e);

/* The host's id of an inside id; UINT32_MAX where it has none. */
uint32_t idmap_to_host(const struct idmap *m, uint32_t inside);

/**
 * idmap_format() - The text that /proc/PID/uid_map takes
 * @buf:	at least 340 * 33 bytes always suffice
 *
 * Return: the length without the 0, or -1 when @size is too small.
 */
int idmap_format(const struct idmap *m, char *buf, size_t size);
