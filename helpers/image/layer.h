/* SPDX-License-Identifier: BSD-3-Clause */
/* A layer, from an archive to files, through processes that each have only what they take (helpers/image/jail.h). */
#pragma once

#include "helpers/image/store.h"
#include "helpers/image/unpack.h"

/*
 *	file ── decompress ──▶ here: sha256, how much ──▶ read the tar ──▶ make the files
 *	          nothing           all rights, no parsing    nothing           files below one directory
 */
struct layer_job {
	int fd;           /* the archive, from its beginning */
	const char *what; /* for messages and the bar: "layer 2 of 5" */
	const char *want; /* the digest that it must have; NULL: any */
	struct blob *
		keep; /* gets the tar as it is without compression; NULL: it isn't kept */
	struct unpack_limits limits;
	struct strlist *notes; /* what was left out, added */
};

/**
 * layer_unpack() - Unpack a layer into the store's tmp
 * @ret:	its diffid and tmp
 *
 * Return: 0 or -1 with @e.
 */
int layer_unpack(struct store *s, struct layer_job *j, struct layer *ret, struct err *e);

/* Whether an archive is of a layer that the store has, or will have: j->want. Return: 0 or -1 with @e. */
int layer_check(struct store *s, const struct layer_job *j, struct err *e);

/* The bytes of a file, as they pass by into @b. @expect: NULL, or the digest that they must have. */
int layer_copy_blob(struct store *s, int fd, uint64_t limit, const char *expect,
	struct blob *b, struct err *e);

/* How it is compressed, by its first bytes: "tar+gzip", "tar+zstd", "tar", or NULL for all else. */
const char *layer_compression(int fd);

/* Return: 0, or -1 with @e where the disk would be too full for the host. */
int layer_check_room(int store, struct err *e);
