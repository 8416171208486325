/* SPDX-License-Identifier: BSD-3-Clause */
/* The store of images, as it is changed; how it is laid out: core/run/mount/imagestore.h. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/plan/imagename.h"
#include "core/run/mount/imagestore.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_WAIT_MS 10000

struct store {
	int fd;
	int tmp; /* PATH_IMAGES/tmp: what isn't complete; what a crash left goes */
	int work; /* the lock of who works at it, however long that takes; logins don't wait for it */
	unsigned int next; /* name in tmp */
};

#define STORE_NONE ((struct store){ .fd = -EBADF, .tmp = -EBADF, .work = -EBADF })

/* Open it to work at it, and make it if need be. Return: 0 or -1 with @e. */
int store_open(struct store *s, struct err *e);
/* Open it to look, without its locks. Return: 0 or -1 with @e. */
int store_look(struct store *s, struct err *e);
void store_clear(struct store *s);

/* Something of the right digest: in tmp, or in the store already. */
struct blob {
	char hex[IMAGE_HEX + 1];
	uint64_t size;
	char tmp[16]; /* its name in tmp; "" where it is in the store */
};

/* A new file in tmp, to be filled. Return: fd or -1 with @e. */
int store_new_blob(struct store *s, struct blob *b, struct err *e);
/* A new directory in tmp. Return: fd or -1 with @e. */
int store_new_layer(struct store *s, char name[16], struct err *e);

int store_open_blob(const struct store *s, const struct blob *b, struct err *e);
bool store_has_blob(const struct store *s, const char *hex, uint64_t *ret_size);
bool store_has_layer(const struct store *s, const char *diffid);

/* What isn't wanted after all. */
void store_drop_blob(const struct store *s, struct blob *b);
/* A layer in tmp. Return: 0 or -1 with @e. */
int store_drop_layer(const struct store *s, const char *tmp, struct err *e);

/* A layer that is unpacked. */
struct layer {
	char diffid[IMAGE_HEX + 1];
	char tmp[16];          /* "" where it is in the store */
	uint64_t files, bytes; /* with tmp */
	struct blob blob;
};

/* An image that is about to be put there. */
struct newimage {
	struct blob manifest, config;
	const char *manifest_type; /* its media type */
	struct layer *layers;
	size_t n_layers;
	struct strlist environment; /* NAME=VALUE */
	struct strlist about;       /* "key value" */
};

/**
 * store_put() - Take an image into the store
 *
 * All of it is on the disk before it has a name; logins wait for renames only. Return: 0 or -1 with @e.
 */
int store_put(struct store *s, struct newimage *i, const char *name, struct err *e);

/**
 * store_mend_layer() - Put a layer that was unpacked anew where it belongs
 * @l:		with tmp, which has afterwards what was there before, if anything was
 * @users:	adds the digests of images that are mounted; called under the lock that logins take
 *
 * Return: 0; 1 where it is mounted, and stays; -1 with @e.
 */
int store_mend_layer(struct store *s, struct layer *l,
	int (*users)(struct strlist *hexes, struct err *e), struct err *e);

/* Make the short name of a layer anew; what has it goes. Return: 0 or -1 with @e. */
int store_mend_link(
	struct store *s, const char *brief, const char *diffid, struct err *e);

/* Remove a file whose digest it isn't: an import brings it back. Return: 0 or -1 with @e. */
int store_mend_blob(struct store *s, const char *hex, struct err *e);

/* Give an image that is there a name, or take one away; index.json follows. Return: 0 or -1 with @e. */
int store_tag(struct store *s, const char *hex, const char *name, struct err *e);
int store_untag(struct store *s, const char *name, struct err *e);

/* What a line of ready/HEX/about says, "" where it has none. Return: 0 or -1 with errno. */
int store_about(
	const struct store *s, const char *hex, const char *key, char *buf, size_t size);

/* Names in a directory of the store, sorted. Return: 0 or -1 with @e. */
int store_names(
	const struct store *s, const char *dir, struct strlist *ret, struct err *e);

/* What a name stands for. Return: 0 or -1. */
int store_hex_of(const struct store *s, const char *name, char ret[IMAGE_HEX + 1]);

/* The lines of a file in ready/HEX: "blobs", digests of all that the image is of. Return: 0 or -1 with @e. */
int store_lines(const struct store *s, const char *hex, const char *file,
	struct strlist *ret, struct err *e);

/* Of a layer's files, as they were unpacked; 0 where nobody knows. */
void store_layer_size(const struct store *s, const char *diffid, uint64_t *ret_bytes,
	uint64_t *ret_files);

struct store_swept {
	size_t images, layers, blobs;
};

/**
 * store_gc() - Remove what no name and no user wants
 * @users:	adds the digests of images that are in use; called under the lock that logins take
 *
 * Return: 0 or -1 with @e: then nothing was removed that isn't to be.
 */
int store_gc(struct store *s, int (*users)(struct strlist *hexes, struct err *e),
	bool dry, struct store_swept *ret, struct err *e);
