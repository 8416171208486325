/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host's log says of sessions: gathered from the journal, or from syslog's files. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_TEXT_MAX 768

struct log_event {
	uint64_t usec;                 /* since 1970 */
	const char *what;              /* "opened", "refused", ...: see log_what() */
	char session[PLAN_ID_LEN + 1]; /* "" where the line names none */
	char text[LOG_TEXT_MAX];       /* printable ASCII */
	bool proven;                   /* root's programs wrote it, or the kernel */
};

/* Which lines to keep; NULL and 0 keep all. */
struct log_filter {
	const char *user;
	uid_t uid; /* of @user: the kernel's lines name cgroups */
	const char *session;
	size_t max; /* the newest so many */
};

/* Start it as { 0 }; log_clear() frees it. */
struct log {
	struct log_event *v;
	size_t n, room;
	bool no_memory;
	bool proven; /* what log_take() keeps from here on; set by who reads */
};

void log_clear(struct log *l);

/* What kind of line it is; NULL for one that isn't nsshell's or the kernel's about it. */
const char *log_what(const char *tag, const char *text);

/* Keep a line if it is of interest. Return: whether it was kept. */
bool log_take(struct log *l, const struct log_filter *f, uint64_t usec, const char *tag,
	const char *text);

/* What stands before the text of one that any user may have written, with logger(1) say. */
#define LOG_MARK "? "

/* Whether one of them is that. */
bool log_has_unproven(const struct log *l);

/* Oldest first, and no more than f->max. */
void log_finish(struct log *l, const struct log_filter *f);

/**
 * log_parse_line() - Take a line of a syslog file apart
 * @now:	seconds since 1970; traditional time stamps have no year
 * @tag, @text:	out; point into @line, which is changed
 *
 * Both "Nov 22 13:10:11 host tag[pid]: text" and the ISO 8601 form. Return: 0 or -1.
 */
int log_parse_line(char *line, int64_t now, uint64_t *ret_usec, char **tag, char **text);

/**
 * log_read_journal() - From systemd's journal, if libsystemd is on this host
 * @directory:	of journal files, NULL for the host's own
 *
 * What it gives is proven: journald notes the uid that the kernel told it (_UID=).
 *
 * Return: 0; 1 where there is no libsystemd or no journal; -1 with @e.
 */
int log_read_journal(
	struct log *l, const struct log_filter *f, const char *directory, struct err *e);

/**
 * log_read_syslog() - From syslog's files
 * @file:	NULL for those in /var/log
 *
 * What it gives isn't proven: tag, pid and text of a line are whoever's who wrote it.
 *
 * Return: 0; 1 where there are none; -1 with @e.
 */
int log_read_syslog(
	struct log *l, const struct log_filter *f, const char *file, struct err *e);

/* For who isn't root: lines about own sessions, from one of those. Return: 0 or -1 with @e. */
int log_read_own(struct log *l, const struct log_filter *f, struct err *e);

/* The journal, else syslog; own lines for who isn't root. Return: 0; 1 where there is neither; -1 with @e. */
int log_read(struct log *l, const struct log_filter *f, struct err *e);
