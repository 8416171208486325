/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of Network=private, and the session's link, changed or removed by somebody else: each supervisor of such a
 * session hears of it by the kernel's notices (nfnetlink, rtnetlink), whose sockets are made before capabilities go, and has
 * nsshell-net mend it. Waiting for it costs nothing; of other tables' changes it hears only that some
 * rule or chain has gone, and of other links nothing.
 */
#pragma once

#include "core/base/err.h"
#include "helpers/supervisor/session.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* Of the host's table; of the link and what leads to it; of addresses and routes inside. */
#define NETWORK_WATCH_SOCKETS 3

struct network_watch {
	int sock[NETWORK_WATCH_SOCKETS]; /* -EBADF: there is nothing to watch */
	const struct plan *plan;
	int ns;       /* the session's; not owned */
	int inside;   /* network_mend() */
	bool changed; /* it has to be looked at */
	uint64_t
		when; /* then, in usec: the first of all supervisors mends the table for the others */
};

#define NETWORK_WATCH_NONE                                                               \
	{                                                                                \
		.sock = { -EBADF, -EBADF, -EBADF }, .ns = -EBADF, .inside = -EBADF       \
	}

/* Should be called with the capabilities of before supervisor_drop(). What it can't hear it goes without, and tells the log. */
void network_watch_begin(struct network_watch *w, const struct session *s);
void network_watch_end(struct network_watch *w);

/* What to poll(2) for, NETWORK_WATCH_SOCKETS of them, and how long in ms; -1: no end. */
void network_watch_wants(const struct network_watch *w, struct pollfd *ret);
int network_watch_timeout(const struct network_watch *w, uint64_t now_usec);

/* Hear what there is, and mend it when it is time. What can't be mended the log is told, and the next login will try. */
void network_watch_go(struct network_watch *w, const struct pollfd *p, uint64_t now_usec);
