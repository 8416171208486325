/* SPDX-License-Identifier: BSD-3-Clause */
/* The account's scope, where systemd runs the host: asked for through nsshell-scope. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <sys/types.h>

/**
 * scope_start() - Have systemd make the account's scope, with its limits, around a process
 * @supervisor:	is moved there
 *
 * Waits for a scope of that name that is being stopped. All of it takes 30 s at most (SCOPE_PATIENCE_S).
 *
 * Return: 0 or -1 with @e.
 */
int scope_start(const struct plan_cgroup *plan, pid_t supervisor, struct err *e);

/**
 * scope_set() - Change limits of a scope or slice that is there, until it is gone
 * @unit:	"nsshell-1000.scope"
 * @settings:	those that systemd has no property for are left out
 *
 * Return: 0 or -1 with @e.
 */
int scope_set(const char *unit, const struct plan_cgroup_setting *settings, size_t n,
	struct err *e);
