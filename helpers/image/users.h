/* SPDX-License-Identifier: BSD-3-Clause */
/* Who uses images: sessions, by their records, and what accounts have written over one. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/plan/imagename.h"

#include <stddef.h>

struct image_user {
	char who[64]; /* "session ID", "upper of uid 1000" */
	char name[IMAGE_NAME_MAX];
	char hex[IMAGE_HEX + 1];
};

/* All of them. @ret: to free(). Return: 0 or -1 with @e. */
int image_users(struct image_user **ret, size_t *ret_n, struct err *e);

/* Digests of the images that sessions have mounted, added. Return: 0 or -1 with @e. */
int image_mounted_hexes(struct strlist *ret, struct err *e);

/* Digests of the images that they use, added. */
int image_users_hexes(struct strlist *ret, struct err *e);
