/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is kept for an account in a directory by its uid: PATH/UID. Whose it is stands in a file there, and that file's time is no
 * earlier than the home directory's: neither another account with that uid nor another home of that name gets it.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

struct owned {
	const char *what; /* "layers" */
	const char *path;
	const char *file; /* a line: the account's name */
	bool unnamed; /* one without a name may have something in it, of an older version */
};

/* Open PATH, in PATH_STATE, making both if need be. Return: fd, or -1 with @e. */
int owned_open(const struct owned *o, struct err *e);

/* Open a directory of ours, making it if need be. Return: fd, or -1 with errno. */
int owned_open_dir(int parent, const char *name);

/* Have it be the plan's account's. @dir: PATH/UID. Return: 0 or -1 with @e. */
int owned_take(const struct owned *o, int dir, const struct plan *plan, struct err *e);

/* Whether it is the account's; one without a name is taken. Return: 0; -1 with @e, which says what to do where it isn't. */
int owned_check(const struct owned *o, int dir, const struct plan *plan, struct err *e);
