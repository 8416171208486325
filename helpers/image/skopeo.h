/* SPDX-License-Identifier: BSD-3-Clause */
/* skopeo(1), which speaks to registries: run as nobody, with one directory of the store's tmp as its /tmp. */
#pragma once

#include "helpers/image/store.h"

struct skopeo {
	const char *from, *to; /* "docker://...", "oci:/tmp/layout:NAME" */
	bool insecure;         /* http, or a certificate that nobody knows */
	const char *auth;      /* a file of skopeo login's; NULL: the usual ones */
};

/* Where it has the layout, in its own eyes. */
#define SKOPEO_LAYOUT "/tmp/layout"

/* Whether it is there. Return: 0, or -1 with @e, which says what to install. */
int skopeo_check(struct err *e);

/**
 * skopeo_copy() - Run "skopeo copy"
 * @dir:	becomes its /tmp, and its own
 *
 * What it says goes to standard error. Return: 0 or -1 with @e.
 */
int skopeo_copy(const struct skopeo *s, int dir, struct err *e);

/* Give what is below a directory of ours to it. Return: 0 or -1 with errno. */
int skopeo_give(int dir, const char *name);
