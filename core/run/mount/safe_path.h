/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places inside a tree that somebody else may have written: walked by fd, never through a
 * symlink, never out of the tree (CVE-2021-30465, CVE-2025-31133).
 */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tree {
	int root;          /* O_PATH fd, the caller's */
	uint32_t uid, gid; /* root of the box, as host ids, for devices */
};

/* What tree_place() has there. */
enum tree_kind {
	TREE_DIR,
	TREE_FILE,
};

/**
 * tree_parent() - Open the directory that holds @path, making what is missing above it
 * @name:	out, points into @path: its last part
 *
 * Return: O_PATH fd, the caller's, or -1 with @e (ELOOP: a symlink on the way).
 */
int tree_parent(const struct tree *t, const char *path, const char **name, struct err *e);

/**
 * tree_look() - Open what may be at @path
 * @ret:	O_PATH fd, the caller's, on 0 only
 *
 * Return: 0; 1 when nothing is there; -1 with @e.
 */
int tree_look(const struct tree *t, const char *path, int *ret, struct err *e);

/**
 * tree_open() - Open what is at @path
 * Return: O_PATH fd, the caller's, or -1 with errno.
 */
int tree_open(const struct tree *t, const char *path);

/* The same for writing to a file that is there. Return: fd, or -1 with errno. */
int tree_open_write(const struct tree *t, const char *path);

/**
 * tree_place() - A place to mount on: opened, or made empty where there is none
 * Return: O_PATH fd, the caller's, or -1 with @e.
 */
int tree_place(
	const struct tree *t, const char *path, enum tree_kind kind, struct err *e);
