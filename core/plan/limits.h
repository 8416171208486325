/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that are limits: which files of a control group they are written to, and what.
 * Percentages and devices are resolved here, with what the host has.
 */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* One value for one file of a group, as struct plan_cgroup_setting has it. */
struct limit_file {
	const char *key;        /* "MemoryMax" */
	const char *controller; /* "memory" */
	const char *file;       /* "memory.max" */
	char value[512];
};

#define LIMIT_FILES_MAX POLICY_IO_MAX

/* Names of the keys, in the order in which a plan has them, ended by NULL. */
extern const char *const limits_keys[];

/* Whether anything is limited by that key. */
bool limits_is_set(const char *key, const struct policy_limits *l);

/* Whether programs size themselves by it, reading it from the group that they are in. */
bool limits_is_shown(const char *key);

/* Which of POLICY_IO_*, or -1 for another key; and the other way round. */
int limits_io(const char *key);
const char *limits_io_key(size_t kind);

/**
 * limits_files() - What a key is written to
 * @ret:	in the order of writing; no limit is the kernel's word for that
 * @ret_n:	how many; 0 where there is no limit, and nothing to write it to
 *
 * Return: 0, or -1 with @e: a limit that this host can't give, and what to do about it.
 */
int limits_files(const struct plan_host *host, const char *key,
	const struct policy_limits *l, struct limit_file ret[LIMIT_FILES_MAX],
	size_t *ret_n, struct err *e);
