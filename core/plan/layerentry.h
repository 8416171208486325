/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A layer on its way from who reads the archive, with no right at all, to who makes the files, who has
 * rights and takes nothing but this: a head of fixed size, then what it says in bytes.
 *
 *	struct layer_head | path | link | xattrs		LAYER_FILE ... LAYER_OTHER
 *	struct layer_head | bytes at .offset			LAYER_DATA, of the file before
 *	struct layer_head					LAYER_END, the last one
 *
 * Both are forks of one process: numbers are as the machine has them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum layer_kind {
	LAYER_FILE = 1,
	LAYER_DIRECTORY,
	LAYER_SYMLINK,
	LAYER_HARDLINK, /* link: the path of the file that it is */
	LAYER_FIFO,
	LAYER_OTHER, /* a device or a socket: isn't made */
	LAYER_DATA,
	LAYER_END,
};

#define LAYER_XATTRS_MAX  (128 * 1024) /* bytes of a file's */
#define LAYER_DATA_MAX    (1024 * 1024)
#define LAYER_ID_MAX      65534
#define LAYER_XATTR_NAME  255   /* XATTR_NAME_MAX */
#define LAYER_XATTR_VALUE 65536 /* XATTR_SIZE_MAX */

struct layer_head {
	uint32_t kind;
	uint32_t mode;     /* permission bits, with setuid, setgid and sticky */
	uint32_t uid, gid; /* LAYER_ID_MAX at most */
	uint32_t nsec;
	uint32_t path_len; /* bytes, without a 0; 1 at least: "." is the root */
	uint32_t link_len;
	uint32_t xattrs_len;
	int64_t sec;     /* when it was changed last */
	uint64_t size;   /* of a file; of LAYER_DATA: bytes that follow */
	uint64_t offset; /* LAYER_DATA */
};

/**
 * layerentry_check() - Whether a head is one, so that what it says follows can be read
 * @ret_why:	what is wrong with it
 *
 * Return: bytes that follow, or -1.
 */
int64_t layerentry_check(const struct layer_head *h, const char **ret_why);

/* An extended attribute among those that follow a path: two lengths, the name, the value. */
struct layer_xattr {
	char name[LAYER_XATTR_NAME + 1];
	const char *value; /* in the block */
	size_t size;
};

/* Append one. @at: bytes of @block that are taken. Return: bytes then, or 0 where it doesn't fit. */
size_t layerxattr_put(
	char *block, size_t at, const char *name, const void *value, size_t size);

/* Take the next one. Return: 1; 0 at the end; -1 where the rest is none. */
int layerxattr_next(const char **block, size_t *left, struct layer_xattr *ret);
