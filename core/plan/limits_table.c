/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows as data: what asks systemd needs them, and nothing else of the planner. */
#include "core/plan/limits.h"

#include <string.h>

const struct limit limits[LIMITS] = {
#define LIMIT(id_, key_, member_, kind_, initial_, hint_, min_, max_, ...)               \
	[LIMIT_##id_] = { .key = (key_),                                                 \
		.kind = LIMIT_##kind_,                                                   \
		.offset = offsetof(struct policy_limits, member_),                       \
		__VA_ARGS__ },
#include "core/plan/limits_rows.h"
};

const struct limit *limit_find(const char *key, size_t len)
{
	for (size_t i = 0; i < LIMITS; i++)
		if (strlen(limits[i].key) == len && memcmp(limits[i].key, key, len) == 0)
			return &limits[i];
	return NULL;
}

bool limit_is_shown(const char *key)
{
	const struct limit *l = limit_find(key, strlen(key));

	return l && l->shown;
}

bool limit_is_amount(const struct limit *l)
{
	return limit_is_bytes(l) || l->kind == LIMIT_TASKS;
}

bool limit_is_bytes(const struct limit *l)
{
	return l->kind == LIMIT_MEMORY || l->kind == LIMIT_SWAP;
}
