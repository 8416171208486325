/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running sessions, found by their records and never by looking for processes of a uid
 * (CVE-2022-31214), and held by what a pid can't forge.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stdint.h>
#include <sys/types.h>

struct find_query {
	const char *name; /* an account's name, or a session's id */
	const char *id;   /* one session of that account, or NULL */
};

/**
 * find_sessions() - The sessions that can be stepped into
 * @ret:	an array to free(), the newest last; NULL when there is none
 *
 * A session counts when it is open or lingering and its supervisor lives. An account's name
 * goes before an id that reads the same.
 *
 * Return: 0 or -1 with @e.
 */
int find_sessions(
	const struct find_query *q, struct record **ret, size_t *ret_n, struct err *e);

/* A session whose init is held: as long as @init isn't readable, it is that process. */
struct find_held {
	int proc; /* O_PATH fd of /proc/PID of init: its files fail once it is gone */
	int init; /* pidfd */
	uint64_t namespaces; /* CLONE_NEW*: those that differ from the caller's own */
};
#define FIND_HELD_NONE                                                                   \
	{                                                                                \
		.proc = -EBADF, .init = -EBADF                                           \
	}

/**
 * find_hold() - Hold the init of a session
 * @ret:	close with find_release()
 *
 * Refuses an init whose start time, or one of whose namespaces, isn't the record's, and the
 * caller's own and the kernel's first namespaces. A network or time namespace that isn't the
 * caller's own is among ret->namespaces too.
 *
 * Return: 0 or -1 with @e.
 */
int find_hold(const struct record *r, struct find_held *ret, struct err *e);
void find_release(struct find_held *h);

/* Whether the session's init has ended, or does so within @ms. */
bool find_has_ended(const struct find_held *h, int ms);
