/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plan that somebody without rights has made, held against what is known by other means: whatever it says, what
 * comes of it is a box of this account's. SECURITY.md says what it sees to. Pure.
 */
#pragma once

#include "core/plan/plan.h"

/**
 * plan_check() - Whether root may do as a plan says
 * @in:		what root has looked up: the account, login and ranges, host->paths, image, resolv and systemd, and
 *		of the policy what MESSAGE_VERDICT has
 * @guests:	policy->guests
 *
 * Return: 0, or -1 with @e, ERR_BY_ANYONE's, which names what is wrong.
 */
int plan_check(const struct plan *p, const struct plan_input *in, const uid_t *guests,
	size_t n_guests, struct err *e);
