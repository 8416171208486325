/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling a session's user, and the log, which limit was hit. For the supervisor. */
#pragma once

#include "core/run/cgroup/limit_events.h"
#include "helpers/supervisor/session.h"

struct tell {
	const struct session *session;
	struct hits hits;
	/* not yet told, and when each kind was told last: CLOCK_MONOTONIC, microseconds */
	uint64_t kills, refused, kills_told, refused_told;
};

/* Begin to watch the session's groups; may be called before privileges are dropped only. */
void tell_begin(struct tell *t, const struct session *s);

/* How long to wait at most for hits_wants(), in milliseconds; -1: no end. */
int tell_timeout(const struct tell *t, uint64_t now);

/**
 * tell_go() - Look, and say what is new
 * @now:	CLOCK_MONOTONIC, microseconds
 *
 * Should:   write one line a minute at most to the session's terminals, and to the log
 * Mustn't:  wait for a terminal that doesn't take it
 */
void tell_go(struct tell *t, uint64_t now);

/**
 * tell_end() - What the session used, as words behind "closed after"
 *
 * "consumed 1.2s of CPU time, 34.0M memory peak", and what of its limits was hit. "" where the
 * host counts nothing.
 */
void tell_end(struct tell *t, char *buf, size_t size);
