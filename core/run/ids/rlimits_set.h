/* SPDX-License-Identifier: BSD-3-Clause */
/* The limits of processes that are born for a session: core/plan/rlimits.h. */
#pragma once

#include "core/base/err.h"
#include "core/plan/rlimits.h"
#include "core/run/session/record.h"

/**
 * rlimits_of() - The limits of one process, all of them or none
 *
 * Of that process alone, whoever has its pid by now. Return: 0, or -1 where it is gone.
 */
int rlimits_of(const struct record_process *p, struct rlimit ret[RLIMIT_NLIMITS]);

/**
 * rlimits_set() - Take limits on
 *
 * Without CAP_SYS_RESOURCE, as root of a container, what is lower already stays so. Return: 0, or
 * -1 with @e where one couldn't be lowered.
 */
int rlimits_set(const struct rlimit limits[RLIMIT_NLIMITS], struct err *e);

/* Give up what is more than rlimits_usual() has. Return: 0 or -1 with @e. */
int rlimits_lower(struct err *e);
