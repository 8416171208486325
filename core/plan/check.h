/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of plan_check() share. */
#pragma once

#include "core/plan/planner.h"

struct checked {
	const struct plan *p;
	const struct plan_input *in;
	const uid_t *guests;
	size_t n_guests;
};

/* Absolute, without ".", ".." and doubled slashes. */
bool check_path(const char *path);
/* What root's look has found; NULL: it wasn't looked at. */
const struct plan_path *check_found(
	const struct checked *c, enum plan_use use, const char *path);

/* Each returns what is wrong, or NULL. */
const char *check_filter(const struct checked *c);
const char *check_limits(const struct checked *c);
const char *check_rootfs(const struct checked *c);
const char *check_ops(const struct checked *c);
