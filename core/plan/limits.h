/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys that are limits: which files of a control group they are written to, and what. */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* One value for one file of the account's group. */
struct limit_file {
	const char *key;        /* "MemoryMax" */
	const char *controller; /* "memory" */
	const char *file;       /* "memory.max" */
	char value[48];
};

#define LIMIT_FILES_MAX 2

/* Names of the keys, in the order in which a plan has them, ended by NULL. */
extern const char *const limits_keys[];

/* Whether the policy limits anything by that key. */
bool limits_is_set(const char *key, const struct policy *p);

/**
 * limits_files() - What a key of the policy is written to
 * @ret:	in the order of writing; no limit is the kernel's word for that
 *
 * Return: how many; 0 without cgroups, or for what is no limit.
 */
size_t limits_files(enum plan_cgroup_kind kind, const char *key, const struct policy *p,
	struct limit_file ret[LIMIT_FILES_MAX]);
