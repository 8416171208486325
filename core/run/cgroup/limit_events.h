/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits that are hit, as the kernel counts them: processes killed for want of memory, and forks
 * refused. For who holds fds of a session's groups.
 */
#pragma once

#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/usage.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define HITS_POLL_MAX 3

struct hits {
	enum plan_cgroup_kind kind;
	int dirs[USAGE_DIRS];     /* the session's groups; -EBADF where there is none */
	int files[HITS_POLL_MAX]; /* what tells that a counter rose */
	uint64_t kills, refused;  /* as of the last look */
	int looks; /* v1: still to be made, as the kernel tells before it kills */
};
#define HITS_NONE                                                                        \
	{                                                                                \
		.kind = PLAN_CGROUP_NONE,                                                \
		.dirs = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, .files = {           \
			-EBADF,                                                          \
			-EBADF,                                                          \
			-EBADF                                                           \
		}                                                                        \
	}

/**
 * hits_open() - Begin to watch a session
 * @groups:	of the session; only looked at
 * @h:		close with hits_close()
 *
 * v2: memory.events and pids.events raise POLLPRI (cgroup-v2.rst); v1: an eventfd on
 * memory.oom_control (memory.txt of cgroup-v1). What isn't there isn't watched.
 */
void hits_open(
	enum plan_cgroup_kind kind, const struct cgroup_fds *groups, struct hits *h);
void hits_close(struct hits *h);

/* What to wait for; fds below 0 where there is nothing. */
void hits_wants(const struct hits *h, struct pollfd p[HITS_POLL_MAX]);

/* Milliseconds after which to look although poll(2) said nothing; -1: never. */
int hits_timeout(const struct hits *h);

/**
 * hits_look() - Read the counters
 * @kills, @refused:	how many came since the last look
 *
 * Return: whether there are any.
 */
bool hits_look(struct hits *h, uint64_t *kills, uint64_t *refused);

/* What the session used so far, and a limit of the account's where it has the session's group below
 * its own. */
void hits_usage(const struct hits *h, struct usage *session);
uint64_t hits_limit(const struct hits *h, enum limit_id id);
