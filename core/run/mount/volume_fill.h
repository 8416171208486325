/* SPDX-License-Identifier: BSD-3-Clause */
/* What a new volume has in it: that of the image, at its place. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

struct volume_filling {
	const struct plan *plan;
	int proc;   /* of the host's /proc, the caller's */
	int userns; /* with the plan's maps; -EBADF until one is needed */
};

/**
 * volume_fill() - Fill one
 * @target:	its place inside
 * @to:		the empty directory, not to be seen by anybody
 *
 * Over the host's root, and where the image has no directory there, it is empty and the account's. Return: 0 or -1 with @e.
 */
int volume_fill(struct volume_filling *f, const char *target, int to, struct err *e);
void volume_filling_end(struct volume_filling *f);
