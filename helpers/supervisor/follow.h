/* SPDX-License-Identifier: BSD-3-Clause */
/* An open session sees what root changes on the host: when its overlays are to look anew, and its binds. */
#pragma once

#include "core/run/mount/watch.h"
#include "helpers/supervisor/session.h"

#include <poll.h>

/* When to look next. Times are of CLOCK_MONOTONIC, in microseconds. */
struct pace {
	bool heard;     /* of a change that wasn't looked at yet */
	uint64_t due;   /* 0: never */
	uint64_t free;  /* not before */
	uint64_t pause; /* from this look to the next one */
};

struct follow {
	struct session *session;
	struct changes changes;
	struct pace files,
		binds;  /* what the overlays show; what renew_begin() takes care of */
	uint64_t until; /* how long the child may look that renews binds */
	uint64_t told;  /* when the log was told that this failed; 0: never */
	uint64_t deaf;  /* until then what the watches hear waits */
};

#define FOLLOW_NONE                                                                      \
	{                                                                                \
		.changes = CHANGES_NONE                                                  \
	}

/* What the log is told of a session whose binds aren't renewed; why. */
#define FOLLOW_NOT "what the host replaces isn't bound or hidden anew: %s"

/**
 * follow_begin() - A login went in
 *
 * The first look is a second later: a session that is over by then costs nothing. From then on one
 * follows each change that is heard of, within a second; and one a minute, since not all is heard of.
 */
void follow_begin(struct follow *f, struct session *s, uint64_t now);

/* What to poll for, and follow_pass_on() once it is there. */
void follow_wants(const struct follow *f, uint64_t now, struct pollfd *ret);

/* Of a change that this one watches for: everybody is told, this one, too. */
void follow_pass_on(struct follow *f, uint64_t now);

/* Who gets SIGIO or RENEW_SIGNAL calls this. */
void follow_hear(struct follow *f, int signal, uint64_t now);

/* Milliseconds until follow_go() has something to do; -1: never. */
int follow_timeout(const struct follow *f, uint64_t now);

/**
 * follow_go() - Look, where it is time
 *
 * Mustn't:  take more than a hundredth of the time, however much changes: what is heard meanwhile waits
 */
void follow_go(struct follow *f, uint64_t now);

/* The child that renews binds has said something: the session's renew.sock can be read. */
void follow_take(struct follow *f, uint64_t now);
void follow_end(struct follow *f);
