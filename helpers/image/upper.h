/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What accounts wrote, and what it lies over: with Upper=disk, core/run/mount/layers.h, and with Upper=tmpfs in a
 * session that runs, core/run/session/held.h.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/imagename.h"
#include "core/run/session/record.h"

#include <limits.h>
#include <stddef.h>

struct upper {
	char session[PLAN_ID_LEN + 1]; /* that has it in memory; "" where it is on disk */
	char layer[NAME_MAX + 1];      /* below PATH_UPPER/UID/upper, or held_upper() */
	char target[PATH_MAX];         /* the mount point inside: "/" */
	char image[IMAGE_NAME_MAX];    /* "NAME:TAG"; "" over the host's root */
	char hex[IMAGE_HEX + 1];       /* of its manifest, as it was laid over it last */
};

/**
 * upper_list() - All of an account's on disk, the host's first
 * @image:	NAME or NAME:TAG: over that one only; NULL: all
 * @ret:	free() it
 *
 * Return: 0, also where there is none; -1 with @e.
 */
int upper_list(
	uid_t uid, const char *image, struct upper **ret, size_t *ret_n, struct err *e);

/**
 * upper_list_live() - Those of a running session in memory, added
 * @all, @n:	as upper_list() left them, or NULL and 0; the caller's also after a failure
 *
 * Return: 0, also where it has none; -1 with @e.
 */
int upper_list_live(const struct record *r, struct upper **all, size_t *n, struct err *e);

/* Add one to a list. Return: 0 or -1 with @e. */
int upper_add(struct upper **all, size_t *n, const struct upper *u, struct err *e);

/* Open one of those of a session's, to read. Return: fd or -1 with @e. */
int upper_open_live(const struct upper *u, struct err *e);

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
