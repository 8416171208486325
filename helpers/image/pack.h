/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory becomes the tar of a layer. */
#pragma once

#include "helpers/image/store.h"

/* How it is read. */
struct pack_how {
	/*
	 * It is an upper of overlayfs: what hides files of lower layers becomes ".wh." and trusted.overlay.opaque
	 * ".wh..wh..opq". Else a whiteout is left out, as a device is.
	 */
	bool upper;
	uint32_t first; /* of an upper: the id that the box's 0 is; others follow */
	uint32_t own_uid, own_gid; /* of an upper: map to themselves */
};

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
