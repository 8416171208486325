/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory becomes the tar of a layer. */
#pragma once

#include "core/base/account.h"
#include "helpers/image/store.h"

/* Ids as an upper has them, of the box's: the Xth of all ranges is X, and the account's own are themselves. */
struct pack_ids {
	const struct id_range *ranges;
	size_t n_ranges;
	const uint32_t *own;
	size_t n_own;
};

/* A file of lines without those that are the account's, accountlines_without(). */
struct pack_lines {
	const char *path; /* "etc/passwd" */
	const char *lines;
};

/* How it is read. */
struct pack_how {
	/*
	 * It is an upper of overlayfs: what hides files of lower layers becomes ".wh." and trusted.overlay.opaque
	 * ".wh..wh..opq", and what a box has of the host's stays out. Else a whiteout is left out, as a device is.
	 */
	bool upper;
	const struct pack_ids *uids, *gids; /* of an upper */
	const struct pack_lines *lines;     /* of an upper; ended by one without a path */
	uint64_t limit; /* of an upper: bytes of a file, those in its holes too */
};

/* Return: the id as the box sees it, or -1 where it sees nobody's. */
int64_t pack_id_inside(const struct pack_ids *ids, uint32_t id);

/**
 * pack_value_inside() - Have an attribute's value name ids as the box sees them
 *
 * Access control lists and capabilities of a file; all else stays. Return: its size then, or -1 where it names nobody's.
 */
ssize_t pack_value_inside(
	const struct pack_how *how, const char *name, void *value, size_t size);

/**
 * pack_tree() - Write the tar of a directory into the store's tmp
 * @limit:	bytes of it at most
 * @notes:	gets what was left out: devices, sockets, attributes
 *
 * It is in the order of names. What is mounted in the directory isn't in there. Return: an fd of it, for reading, or -1
 * with @e.
 */
int pack_tree(struct store *s, int dir, const struct pack_how *how, uint64_t limit,
	struct strlist *notes, struct blob *ret, struct err *e);
