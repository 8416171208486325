/* SPDX-License-Identifier: BSD-3-Clause */
/* An open session sees what root changes on the host: when its overlays are to look anew. */
#pragma once

#include "core/run/changes.h"
#include "helpers/session.h"

struct follow {
	const struct session *session;
	struct changes changes;
	bool heard;     /* of a change that wasn't looked at yet */
	uint64_t due;   /* when to look; CLOCK_MONOTONIC, microseconds; 0: never */
	uint64_t free;  /* and not before */
	uint64_t pause; /* from this look to the next one */
};

/**
 * follow_begin() - A login went in
 *
 * The first look is a second later: a session that is over by then costs nothing. From then on one
 * follows each change that is heard of, within a second; and one a minute, since not all is heard of.
 */
void follow_begin(struct follow *f, const struct session *s, uint64_t now);

/* Who gets SIGIO calls this. */
void follow_hear(struct follow *f, uint64_t now);

/* Milliseconds until follow_go() has something to do; -1: never. */
int follow_timeout(const struct follow *f, uint64_t now);

/**
 * follow_go() - Look, where it is time
 *
 * Mustn't:  take more than a hundredth of the time, however much changes: what is heard meanwhile waits
 */
void follow_go(struct follow *f, uint64_t now);
void follow_end(struct follow *f);
