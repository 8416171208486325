/* SPDX-License-Identifier: BSD-3-Clause */
/* The number by which an account has its addresses: PATH_ADDRESSES, core/plan/numbers.h. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/policy.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * number_find() - The account's number, where its policy needs one
 * @allocate:	record a new one where there is none (needs root); with NetworkShare=login one that
 *		nobody has, which is this process's and those that it forks, until they end
 * @ret:	0 where it has none and needs none, or without @allocate
 *
 * Return: 0 or -1 with @e, which says what to do where the pool is used up.
 */
int number_find(const struct account *a, const struct policy *policy, bool allocate,
	uint32_t *ret, struct err *e);

/* The lock of the number that this process was given for a login, which is lent as long as a copy is open; -EBADF. */
int number_lock(void);

/* One of a login, by who has it: it may be another's from here on. */
void number_return(uint32_t number);

/* Those of logins whose processes were killed: what was lent is nobody's already, and nothing is left to be seen of it. */
void number_sweep(void);
