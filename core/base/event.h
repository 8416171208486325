/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happened to sessions, as records with fields. The host's go to systemd's journal where it runs,
 * else to syslog as a sentence, and as a line of JSON to PATH_EVENTS. Nobody has to read sentences to know what
 * happened to whom.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum event_kind {
	EVENT_NOTE,
	EVENT_OPENED,
	EVENT_JOINED,
	EVENT_OBSERVED,
	EVENT_LEFT,
	EVENT_CLOSED,
	EVENT_RUN,     /* nsctl run */
	EVENT_COMMAND, /* a host command */
	EVENT_REFUSED, /* a login, a join, a host command */
	EVENT_LIMIT,
	EVENT_OOM,
	EVENT_UNBOXED, /* OnError=allow */
	EVENT_EXEMPT,  /* root, or a member of the exempt group, let in by an error */
	EVENT_CRASHED, /* a supervisor was lost */
	EVENT_KINDS,
};

/* By enum event_kind, as fields and nsctl log have them: "opened". */
extern const char *const event_names[];

struct event {
	enum event_kind kind;
	const char *session; /* its id; NULL or "": it concerns none */
	const char *user;    /* whose session, or who was to log in; the same */
};

/* Of a record or a plan, or whatever has an id and a user. */
#define EVENT_OF(kind_, of)                                                              \
	(&(const struct event){                                                          \
		.kind = (kind_), .session = (of)->id, .user = (of)->user })

/* A sentence is cut to this. */
#define EVENT_TEXT_MAX 1600
/* Room for a line of any event. */
#define EVENT_LINE_MAX (2 * EVENT_TEXT_MAX + 1024)

/**
 * event_line() - One event as a line of JSON, with the line break
 * @usec:	since 1970
 * @buf:	EVENT_LINE_MAX bytes
 *
 * Keys: time, event, session, user, text. What isn't printable ASCII becomes '?'. Return: its length.
 */
size_t event_line(const struct event *v, uint64_t usec, const char *text, char *buf);

/**
 * event_log() - Write an event of the host's
 * @level:	of syslog(3)
 * @fmt:	a sentence that stands for itself: it names session and account
 *
 * Should:   be called as root, on the host
 *
 * The journal gets MESSAGE=, PRIORITY=, NSSHELL_EVENT=, NSSHELL_SESSION= and NSSHELL_USER= in its native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL), since libsystemd has no place in a login. PATH_EVENTS is
 * written where root alone can write its directory. What can't be written is left out.
 */
void event_log(int level, const struct event *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Of a session, by a sentence that begins with its id: @of is a record, or a plan. */
#define event_session(level, kind, of, fmt, ...)                                         \
	event_log(level, EVENT_OF(kind, of), "session %s: " fmt, (of)->id, ##__VA_ARGS__)
