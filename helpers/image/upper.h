/* SPDX-License-Identifier: BSD-3-Clause */
/* What accounts wrote with Upper=disk, core/run/mount/layers.h, and what it lies over. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/imagename.h"

#include <limits.h>
#include <stddef.h>

struct upper {
	char layer[NAME_MAX + 1];   /* below PATH_UPPER/UID/upper */
	char target[PATH_MAX];      /* the mount point inside: "/" */
	char image[IMAGE_NAME_MAX]; /* "NAME:TAG"; "" over the host's root */
	char hex[IMAGE_HEX + 1];    /* of its manifest, as it was laid over it last */
};

/**
 * upper_list() - All of an account's, the host's first
 * @image:	NAME or NAME:TAG: over that one only; NULL: all
 * @ret:	free() it
 *
 * Return: 0, also where there is none; -1 with @e.
 */
int upper_list(
	uid_t uid, const char *image, struct upper **ret, size_t *ret_n, struct err *e);

/* Open one, to read. Return: fd or -1 with @e. */
int upper_open(uid_t uid, const struct upper *u, struct err *e);

/**
 * upper_lower() - What it lies over, to look at
 *
 * A detached mount, read-only. Of an image its layers are one over the other: for that, the caller gets a mount
 * namespace of its own, and directories that it has open can't be cloned any more.
 *
 * Return: fd or -1 with @e.
 */
int upper_lower(const struct upper *u, struct err *e);
