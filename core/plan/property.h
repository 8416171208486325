/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of a control group as properties of the systemd unit that the group is of. */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

#define PROPERTY_MAX 640

/**
 * property_of() - The property that stands for a value in a file
 * @file:	"memory.max", or its like of cgroup v1
 * @value:	as it is written there
 * @buf:	gets "MemoryMax=2147483648", as nsshell-scope takes it; "" where another file's
 *		property says it all
 *
 * Return: false where systemd has no such property (systemd.resource-control(5)): the file isn't
 * one that systemd writes, and is left to whoever the group was delegated to.
 */
bool property_of(const char *file, const char *value, char *buf, size_t size);

/* Whether systemd makes the account's group in that controller's hierarchy. */
bool property_is_managed(const struct plan_cgroup *c, const char *controller);
