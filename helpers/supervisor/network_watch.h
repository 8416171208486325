/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of Network=private, changed or flushed by somebody else: each supervisor of such a session hears
 * of it by the kernel's notices (nfnetlink), whose socket is made before capabilities go, and has
 * nsshell-net mend it. Waiting for it costs nothing; of other tables' changes it hears only that some
 * rule or chain has gone.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct network_watch {
	int sock;     /* -EBADF: there is nothing to watch */
	bool changed; /* it has to be looked at */
	uint64_t
		when; /* then, in usec: the first of all supervisors mends it for the others */
	uint32_t number;
};

#define NETWORK_WATCH_NONE                                                               \
	{                                                                                \
		.sock = -EBADF                                                           \
	}

/* Should be called with the capabilities of before drop(). Return: 0 or -1 with @e. */
int network_watch_begin(struct network_watch *w, const struct plan *plan, struct err *e);
void network_watch_end(struct network_watch *w);

/* What to poll(2) for, and how long in ms; -1: no end. */
void network_watch_wants(const struct network_watch *w, struct pollfd *ret);
int network_watch_timeout(const struct network_watch *w, uint64_t now_usec);

/* Hear what there is, and mend the table when it is time. Return: 0; -1 with @e where it can't be mended:
 * then the next login will try. */
int network_watch_go(struct network_watch *w, const struct pollfd *p, uint64_t now_usec,
	struct err *e);
