/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as the commands of nsctl see them: records, what they use, columns of them. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"
#include "helpers/image/table.h"
#include "core/run/cgroup/usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum nsctl_answer {
	NSCTL_NO,
	NSCTL_YES,
	NSCTL_UNKNOWN, /* not root, not in time, or a login would be refused now */
};

/* Why a user should log in anew. */
struct nsctl_outdated {
	enum nsctl_answer files; /* the host has replaced some that it runs on */
	enum nsctl_answer rules; /* a login would get others now */
	pid_t pid;               /* a process that has such a file, 0: none */
	char file[192];          /* printable */
};

struct nsctl_session {
	struct record record;
	struct usage usage;
	long processes; /* -1: not known */
	/* as nsctl(8) names it; "crashed" and "paused" are no state of a record */
	const char *state;
	struct nsctl_outdated outdated; /* of list and status alone */
	double cpu; /* percent of one CPU since the look before; below 0: none yet */
};

/* Sizes and times for people, or plain numbers for programs. */
enum nsctl_numbers {
	NSCTL_HUMAN,
	NSCTL_PLAIN,
};

enum nsctl_unit {
	NSCTL_COUNT,
	NSCTL_BYTES,
	NSCTL_USEC,
	NSCTL_PERCENT, /* of one CPU */
};

/* A number of struct usage. */
struct nsctl_field {
	const char *name; /* in JSON */
	size_t offset;
	enum nsctl_unit unit;
	const char *metric, *help; /* in `nsctl metrics`; NULL: not there */
};

extern const struct nsctl_field nsctl_fields[]; /* ended by one without a name */
uint64_t nsctl_field(const struct nsctl_field *f, const struct usage *u);

struct nsctl_column {
	struct table_column head;
	void (*cell)(const struct nsctl_session *s, enum nsctl_numbers numbers, char *buf,
		size_t size);
	const char *field; /* of nsctl_fields, where there is no cell() */
};

/* Take "id,user" apart; @ret has room for TABLE_CHOSEN_MAX. Return: how many, or -1 with @e. */
int nsctl_columns_parse(const char *list, const struct nsctl_column **ret, struct err *e);

/* One more section of a command's help: the names of the columns. */
void nsctl_columns_help(void);

/* What a command does for who isn't root. */
enum nsctl_others {
	NSCTL_REFUSE,
	NSCTL_OWN, /* it sees own sessions, and no others */
};

/**
 * nsctl_sessions() - All sessions, oldest first, with what they use
 * @ret:	free() it
 * @ret_bad:	records that can't be read
 *
 * Return: 0 or -1 with @e, which says that the records are root's.
 */
int nsctl_sessions(enum nsctl_others others, struct nsctl_session **ret, size_t *ret_n,
	size_t *ret_bad, struct err *e);

/**
 * nsctl_outdated_look() - Fill in what a session has of before
 * @config:	the file that a login would read; NULL: the installed one
 *
 * For root; else, and of a session that is being opened, nothing is known. Takes some milliseconds, and
 * never long: see outdated.h.
 */
void nsctl_outdated_look(struct nsctl_session *s, const char *config);
/* "files,rules", "?", or "" */
const char *nsctl_outdated_text(const struct nsctl_outdated *o);

/**
 * nsctl_network_look() - Fill in what went through the networks of accounts
 *
 * For root, and with Network=private; else nothing is known. Takes some milliseconds, where one of them has such
 * a network.
 */
void nsctl_network_look(struct nsctl_session *s, size_t n);

/* Read again what a session uses, and its state. */
void nsctl_session_look(struct nsctl_session *s);

/**
 * nsctl_targets() - The sessions that operands name
 * @words:	ids of sessions, or names of accounts, which stand for all of their sessions
 * @ret:	free() it; each session once, oldest first
 *
 * Return: 0 or -1 with @e, when a word names no session.
 */
int nsctl_targets(enum nsctl_others others, char *const *words, size_t n_words,
	struct nsctl_session **ret, size_t *ret_n, struct err *e);

struct nsctl_look {
	struct table_how how;
	const char *columns;
};

/* Print a table of sessions. Return: 0 or -1 with @e. */
int nsctl_table_print(const struct nsctl_look *look, const struct nsctl_session *s,
	size_t n, struct err *e);

/* ---- texts -------------------------------------------------------------------------- */

/* "1.2G"; "infinity"; "" for USAGE_UNKNOWN. With NSCTL_PLAIN the bytes. */
void nsctl_bytes(uint64_t n, enum nsctl_numbers numbers, char *buf, size_t size);
/* "1:02.3", "3h02m"; with NSCTL_PLAIN seconds with three digits behind the point. */
void nsctl_usec(uint64_t n, enum nsctl_numbers numbers, char *buf, size_t size);
/* Local time, as "2024-05-01T13:45:00+02:00"; "" for 0. */
void nsctl_time(uint64_t seconds, char *buf, size_t size);

/* What somebody in a box may have written, before it goes to an admin's terminal: bytes that
 * aren't printable ASCII become '?'. */
void nsctl_printable(char *s);
