/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of a join, to the log and to who is joined. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who steps in. Empty strings for what isn't known. */
struct joinlog_who {
	char name[64];  /* of the real uid */
	char login[64]; /* who logged in to begin with, as the audit subsystem knows it */
	char tty[64];   /* "pts/3" */
	uid_t uid;
};

/**
 * joinlog_command() - A command line as one line of printable text
 * @argv:	ended by NULL; NULL itself: the login shell
 * @buf:	gets words quoted as for a shell, control and non-ASCII bytes as \ooo in
 *		$'...'; "..." at the end where it was cut
 */
void joinlog_command(const char *const *argv, char *buf, size_t size);

/* "root (logged in as alice) on pts/3" */
void joinlog_person(const struct joinlog_who *who, char *buf, size_t size);

/* What the session's terminals show. @now is a time of day, "14:05". */
void joinlog_notice(
	const struct joinlog_who *who, const char *now, char *buf, size_t size);
