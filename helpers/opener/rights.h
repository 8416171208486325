/* SPDX-License-Identifier: BSD-3-Clause */
/* What the login program has left of root's rights. */
#pragma once

#include "core/base/err.h"

/**
 * rights_check() - Whether this process has the capabilities that making a box takes
 *
 * A unit's CapabilityBoundingSet=, or a container, takes some away from a login program and all
 * that it starts, and its ProcSubset= much of /proc. Without the check some step fails, with an error that
 * doesn't say so.
 *
 * Return: 0, or -1 with @e, which names the first that is missing.
 */
int rights_check(struct err *e);
