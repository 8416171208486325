/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of accounts with Network=private, which stay theirs: "UID NUMBER NAME" a line, '#' begins
 * a comment line. A uid that is another account's by now gets a number of its own. Pure:
 * core/run/network/number.h has the file.
 */
#pragma once

#include "core/base/err.h"

#include <stdint.h>
#include <sys/types.h>

/**
 * numbers_find() - An account's number, or a free one
 * @text:	changed
 * @from:	where to look for a free one first, from 1 to @max
 * @max:	the largest that the pool has; one that was given out by a larger pool is nobody's
 * @ret:	the account's, or the first from @from on that is nobody's; 0: none is left
 * @e:		says which line isn't of the form
 *
 * Return: 1 where there is a line, 0 where there is none, -1 with @e.
 */
int numbers_find(char *text, uid_t uid, const char *name, uint32_t from, uint32_t max,
	uint32_t *ret, struct err *e);
