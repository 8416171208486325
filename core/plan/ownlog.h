/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lines of the host's log are about an account's own sessions, and what of them it is told. */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Sessions whose opening was read; the kernel's lines are told for the newest so many. */
#define OWNLOG_SESSIONS 4096

/* Who reads; @ids and @n are ownlog_take()'s, and 0 at first. */
struct ownlog {
	const char *user;
	uid_t uid;
	struct tm
		since; /* local time: older lines are of another account; year 0: of nobody */
	struct tm now; /* local time: traditional stamps have no year */
	char ids[OWNLOG_SESSIONS][PLAN_ID_LEN];
	size_t n; /* so many were noted in all: the oldest are written over */
};

/**
 * ownlog_take() - Look at one line of a log
 * @line:	"STAMP HOST TAG[PID]: TEXT" without its line break; what isn't for users is taken
 *		out of it. Lines come in the order of their writing.
 *
 * A line is known by its whole shape, with the account's name or uid at its place: a name that
 * only stands somewhere in it isn't enough. Left out are why a login was refused, who of the
 * admins stepped in, and of the kernel's lines all but the group and the process that was hit.
 * The kernel's have no name but a uid, which another account may have had: they are told for
 * sessions that were opened for the account by name.
 *
 * Takes no memory and calls nothing of the system. Return: whether it is to be shown.
 */
bool ownlog_take(struct ownlog *o, char *line);
