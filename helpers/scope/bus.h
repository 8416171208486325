/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of systemd: a scope for an account, and its limits. */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* How long systemd may take for all of it; executing itself anew on a slow machine, 20. */
#define SCOPE_PATIENCE_S 30

struct scope_request {
	const char *unit;        /* "nsshell-1000.scope" */
	const char *slice;       /* "nsshell.slice" */
	const char *description; /* what systemctl says it is */
	pid_t pid;               /* the supervisor, which is moved in */
	char *const *limits;     /* property.h */
	size_t n_limits;
	char *const *slice_limits; /* NULL: the slice has none, and never had */
	size_t n_slice_limits;
};

/**
 * scope_bus_start() - Have the account's scope with a process in it
 *
 * An older one of that name that is about to go is waited for; one that runs, although no
 * session of the account is known, takes the process in.
 *
 * Return: 0 or -1 with @e.
 */
int scope_bus_start(const struct scope_request *q, struct err *e);

/* Change limits of a running unit, until it is gone. Return: 0 or -1 with @e. */
int scope_bus_set(const char *unit, char *const *limits, size_t n, struct err *e);
