/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An overlay keeps the names that it once looked up, there or not, whatever the host does in its
 * lower since. Remounting it makes it forget all that nobody uses; what is open, mapped or a
 * working directory stays as it is.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

/* How many overlays of a session are looked after; a host with more keeps the rest as they are. */
#define REFRESH_MAX 16

struct refresh {
	int fs[REFRESH_MAX]; /* of fspick(2): each holds its overlay; REFRESH_NONE has none */
	int lower[REFRESH_MAX];      /* O_PATH, what each lies over */
	size_t overlay[REFRESH_MAX]; /* index in plan.overlays */
	bool readonly[REFRESH_MAX];
	size_t n;
};

/**
 * refresh_hold() - Have hold of the overlays of a rootfs, so that they can be refreshed later
 * @ret:	for refresh_close(); on failure empty
 *
 * Should:   run in the namespace of rootfs_build(), with CAP_SYS_ADMIN
 *
 * Needs Linux 5.2. Return: 0 or -1 with @e.
 */
int refresh_hold(const struct plan *plan, struct refresh *ret, struct err *e);

/**
 * refresh_now() - Have the overlays look anew at what the host has
 *
 * Should:   run with CAP_SYS_ADMIN, in any mount namespace
 *
 * 0.1 to 3 ms each, and more the more names are cached. Return: 0 or -1 with @e.
 */
int refresh_now(const struct refresh *r, struct err *e);

void refresh_close(struct refresh *r);
