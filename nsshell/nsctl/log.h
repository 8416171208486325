/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of sessions (core/base/event.h): gathered from the journal, from files of lines, or from an own session. */
#pragma once

#include "core/base/err.h"
#include "core/base/event.h"
#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Printable ASCII, once log_take() has it. */
struct log_event {
	uint64_t usec; /* since 1970 */
	char what[16]; /* "opened", "refused", ...: event_names */
	char session[PLAN_ID_LEN + 1];
	char user[ACCOUNT_NAME_MAX];
	char text[EVENT_TEXT_MAX];
};

/* Which to keep; NULL and 0 keep all. */
struct log_filter {
	const char *user;
	const char *session;
	size_t max; /* the newest so many */
};

/* Start it as { 0 }; log_clear() frees it. */
struct log {
	struct log_event *v;
	size_t n, room;
	bool no_memory;
};

void log_clear(struct log *l);

/* Keep an event if it is of interest. */
void log_take(struct log *l, const struct log_filter *f, const struct log_event *v);

/* Oldest first, and no more than f->max. */
void log_finish(struct log *l, const struct log_filter *f);

/**
 * log_read_lines() - From lines of JSON, as event_line() makes them
 * @fd:		consumed
 *
 * A line that isn't one is passed over. Return: 0 or -1 with @e.
 */
int log_read_lines(int fd, struct log *l, const struct log_filter *f, struct err *e);

/**
 * log_read_journal() - From systemd's journal, if libsystemd is on this host
 * @directory:	of journal files, NULL for the host's own
 *
 * What root's programs wrote there alone: journald notes the uid that the kernel told it (_UID=).
 *
 * Return: 0; 1 where there is no libsystemd or no journal; -1 with @e.
 */
int log_read_journal(
	struct log *l, const struct log_filter *f, const char *directory, struct err *e);

/**
 * log_read_file() - From a file of events
 * @file:	NULL for the host's own, and the one before it
 *
 * Return: 0; 1 where the host has none; -1 with @e.
 */
int log_read_file(
	struct log *l, const struct log_filter *f, const char *file, struct err *e);

/* For who isn't root: lines about own sessions, from one of those. Return: 0 or -1 with @e. */
int log_read_own(struct log *l, const struct log_filter *f, struct err *e);

/* The journal and the file; own lines for who isn't root. Return: 0; 1 where there is neither; -1 with @e. */
int log_read(struct log *l, const struct log_filter *f, struct err *e);
