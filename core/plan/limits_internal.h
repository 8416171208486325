/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of limits.h share; nobody else includes this. */
#pragma once

#include "core/plan/limits.h"

/* A key, of which limits, on which host. */
struct limit_ask {
	const struct plan_host *host;
	const char *key;
	const struct policy_limits *limits;
};

/* Fills the values for a key. Return: 0 or -1 with @e. */
typedef int limit_fn(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e);

limit_fn limit_memory_max, limit_memory_high, limit_swap_max; /* limits_memory.c */
limit_fn limit_io_weight, limit_io_max;                       /* limits_io.c */

static inline bool limit_is_v2(const struct limit_ask *a)
{
	return a->host->cgroup == PLAN_CGROUP_V2;
}

void limit_put(struct limit_file *f, const struct limit_ask *a, const char *controller,
	const char *file, uint64_t value);
/* The same with a word. */
void limit_put_word(struct limit_file *f, const struct limit_ask *a,
	const char *controller, const char *file, const char *word);

bool limit_amount_is_set(const struct policy_amount *amount);

/* The number that an amount is, where the machine has @all of it. Return: 0 or -1 with @e. */
int limit_amount(const struct limit_ask *a, const struct policy_amount *amount,
	uint64_t all, uint64_t *ret, struct err *e);

/* Whether groups of this host are known not to have that file. */
bool limit_is_lacking(const struct limit_ask *a, const char *file);
