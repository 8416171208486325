/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of nsctl set share. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/policy.h"

#include <stdbool.h>

/* Keys of an account's private network, ended by NULL; they can be set as limits can. */
extern const char *const nsctl_set_network_keys[];

/* Whether "KEY=VALUE" is one of them. */
bool nsctl_set_is_network(const char *assignment);

/* Whether two policies say the same of it. */
bool nsctl_set_network_same(const struct policy *a, const struct policy *b);

/**
 * nsctl_set_network() - Have what the policy says hold in the account's sessions now
 *
 * @account_lock:	the account's lock
 *
 * Where they have several networks a port that is taken is left out in the others.
 * Return: 0 or -1 with @e, who has a port that was to be published, say.
 */
int nsctl_set_network(
	const struct account *a, const struct policy *p, int account_lock, struct err *e);
