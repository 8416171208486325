/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsshell-planner mayn't look at itself, asked of nsshell-helper. */
#pragma once

#include "core/base/people.h"
#include "core/run/host/host_facts.h"
#include "helpers/planner/messages.h"

/**
 * reach_matters() - What the helper had to look up, once it has
 * @ret:	in memory that stays
 *
 * Return: 0 or -1 with @e.
 */
int reach_matters(const struct matters **ret, struct err *e);

extern const struct host_eyes reach_eyes;

/* The config is read by @t from here on; both arguments stay the caller's. */
void reach_begin(struct talk *t, const struct people *people);
