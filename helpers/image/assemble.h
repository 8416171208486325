/* SPDX-License-Identifier: BSD-3-Clause */
/* An image of parts: what its JSON says is looked at, its layers are unpacked, and it gets its names. */
#pragma once

#include "helpers/image/source.h"

struct assembly {
	struct store *store;
	struct source
		*source; /* NULL where it is made of what is in the store and its tmp */
	struct unpack_limits limits;
	struct strlist notes; /* what was left out */
	size_t unpacked;      /* layers that the store hadn't */
	bool below; /* what it lies on is an image of the store's: its layers are what they are called */
	struct newimage image;
};

void assembly_clear(struct assembly *a);

/* By a manifest of OCI's or docker's. Return: 0 or -1 with @e. */
int assemble_manifest(
	struct assembly *a, const struct blob *manifest, const char *type, struct err *e);

/* By what docker save's manifest.json says: names of files. Return: 0 or -1 with @e. */
int assemble_docker(struct assembly *a, const char *config, const struct strlist *layers,
	struct err *e);

/**
 * assemble_single() - An image of one archive
 * @fd:		a tar, compressed or not
 * @have:	it, where it is in the store's tmp already; or NULL
 * @created:	seconds since 1970
 *
 * Return: 0 or -1 with @e.
 */
int assemble_single(struct assembly *a, int fd, const struct blob *have, int64_t created,
	struct err *e);

/**
 * assemble_onto() - An image with one more layer
 * @hex:	manifest of the one below, which the store has
 * @layer:	a tar without compression, in the store's tmp
 * @created:	seconds since 1970
 *
 * Return: 0 or -1 with @e.
 */
int assemble_onto(struct assembly *a, const char *hex, const struct blob *layer,
	int64_t created, struct err *e);
