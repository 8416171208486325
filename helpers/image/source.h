/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an image's files come from: members of an archive, which are in the store's tmp by then, or a directory. */
#pragma once

#include "helpers/image/store.h"
#include "helpers/image/unpack.h"

struct member {
	char *name;
	char *link; /* a link to another member; else NULL */
	struct blob blob;
};

struct source {
	struct store *store;
	int dir;       /* an OCI layout's; -EBADF: an archive's */
	bool in_store; /* neither: files of an image that the store has, by their digests */
	struct member *members;
	size_t n;
	struct unpack_limits limits;
};

/**
 * source_look() - What a file is
 *
 * Return: 1, an archive of an image; 0, an archive of a layer; -1 with @e.
 */
int source_look(int fd, struct err *e);

/* Take an archive apart into the store's tmp. Return: 0 or -1 with @e. */
int source_read(struct source *s, int fd, struct err *e);

bool source_has(struct source *s, const char *name);

/* A file of it by its name. Return: 0 or -1 with @e. */
int source_get(struct source *s, const char *name, struct blob *ret, struct err *e);

/* A file of it by its digest; where the store has it already, too, that one. Return: 0 or -1 with @e. */
int source_get_digest(struct source *s, const char *hex, struct blob *ret, struct err *e);

void source_clear(struct source *s);
