/* SPDX-License-Identifier: BSD-3-Clause */
/* Id maps of a session's user namespace. Pure. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Extents in the order of their inside ids; at most 340 (user_namespaces(7), since
 * Linux 4.15). */
#define IDMAP_EXTENTS_MAX 340

/*
 * The text of a map is written in one go of less than a page (map_write() in the kernel's
 * user_namespace.c): with large ids this is reached before the extents are used up.
 */
#define IDMAP_TEXT_MAX 4095

/* The ids 0 to 65535 are what a box has; with as many again for users of containers in it, where the account has them. */
#define IDMAP_IDS      65536U
#define IDMAP_IDS_MOST (2 * IDMAP_IDS)

struct idmap_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/* Below, each id is there in any box, whatever is kept: the system's, useradd(8). */
#define IDMAP_SYSTEM 1000U

struct idmap {
	struct idmap_extent extents[IDMAP_EXTENTS_MAX];
	size_t n;
	uint32_t left_out; /* how many of them have none outside */
};

/* How many ids from 0 on @ranges are enough for: IDMAP_IDS to IDMAP_IDS_MOST. */
uint32_t idmap_ids_of(const struct id_range *ranges, size_t n_ranges);

/**
 * idmap_make() - Keep some ids, put every other one of 0..@ids-1 into the account's ranges
 * @ids:	IDMAP_IDS, or what idmap_ids_of() gives
 * @keep:	ids that map to themselves (an account's uid, or its gids), in any order,
 *		repeats allowed; they may lie above @ids
 * @ranges:	the account's subordinate ranges, in their order: inside id X becomes the
 *		Xth id of all of them together, a kept id leaves a hole there
 * @what:	"uid" or "gid", for the error
 *
 * Where that is more than a map can hold, the ids in the narrowest gaps between those that are kept
 * have none outside: their owner shows as nobody's, nogroup's.
 *
 * Errors: more than 340 extents or IDMAP_TEXT_MAX bytes of text; ranges too small; a
 * range whose used part holds a kept id; one that holds id 0 of the host or (uid_t)-1;
 * ranges that overlap each other; 0 or (uid_t)-1 to be kept.
 *
 * Return: 0, or -1 with @e.
 */
int idmap_make(uint32_t ids, const uint32_t *keep, size_t n_keep,
	const struct id_range *ranges, size_t n_ranges, const char *what,
	struct idmap *ret, struct err *e);

/**
 * idmap_without() - The host's ids as they are, but for those that a box has in place of others
 * @box:	from idmap_make()
 * @ret:	each id of the host maps to itself; none where @box puts another id there
 *
 * For a mount that is seen in the box and whose files are the host's: what is written there with a
 * shifted id, as owner or in an access control list, would mean somebody else, or nobody, outside.
 *
 * Return: 0, or -1 where it takes more extents than a map has.
 */
int idmap_without(const struct idmap *box, struct idmap *ret);

/* The host's id of an inside id; UINT32_MAX where it has none. */
uint32_t idmap_to_host(const struct idmap *m, uint32_t inside);

/* Whether a host's id is one of the map's. */
bool idmap_has_host(const struct idmap *m, uint32_t outside);

/**
 * idmap_format() - The text that /proc/PID/uid_map takes
 * @buf:	IDMAP_TEXT_MAX + 1 bytes suffice for any map of idmap_make()
 *
 * Return: the length without the 0, or -1 when @size is too small.
 */
int idmap_format(const struct idmap *m, char *buf, size_t size);
