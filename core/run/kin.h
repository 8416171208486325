/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether what is there already is of this very account. A uid says little: it is given to another
 * account once its own is gone, or renumbered, and userdel(8) sees no process of it in a box.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stdint.h>

/**
 * kin_is() - Whether a name that was noted with the plan's uid is the plan's account
 *
 * Its own name, or another that passwd(5) gives the same uid now.
 *
 * Should:   run outside: it may ask NSS
 *
 * Return: 1, 0, or -1 with @e where that can't be looked up.
 */
int kin_is(const char *name, const struct plan *plan, struct err *e);

/**
 * kin_home_born() - When the account's home directory was made
 * @ret:	seconds since 1970, statx(2); 0 where that can't be told
 *
 * Looks with the account's rights. Younger than what is said to be the account's, it is another
 * account's of the same name: made by useradd(8) after userdel(8) -r.
 *
 * Return: 0 or -1 with @e.
 */
int kin_home_born(const struct plan *plan, uint64_t *ret, struct err *e);

/**
 * kin_check() - Whether the running sessions of the plan's uid are the plan's account's
 * @family:	the account's lock, family_lock()
 *
 * Return: 0; -1 with @e, which says what to do, when one is another's.
 */
int kin_check(int family, const struct plan *plan, struct err *e);
