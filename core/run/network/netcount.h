/* SPDX-License-Identifier: BSD-3-Clause */
/* What went through the links of accounts with Network=private, as seen from inside; told by nsshell-net. */
#pragma once

#include "core/base/err.h"
#include "core/run/cgroup/usage.h"

#include <stddef.h>
#include <stdint.h>

struct netcount {
	uint32_t number; /* of the account */
	uint64_t in_bytes, in_packets, out_bytes, out_packets;
	uint64_t refused; /* packets that the table let go no further */
};

/**
 * netcount_read() - Of every link that there is
 * @ret:	to free(); begins anew with the link
 *
 * Needs root. Takes some milliseconds. Return: 0 or -1 with @e.
 */
int netcount_read(struct netcount **ret, size_t *ret_n, struct err *e);

/* Put them where an account's usage has them; nothing changes where there is no such link. */
void netcount_use(const struct netcount *all, size_t n, uint32_t number, struct usage *u);
