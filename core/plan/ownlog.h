/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lines of the host's log are about an account's own sessions, and what of them it is told. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/**
 * ownlog_take() - Look at one line of a log
 * @line:	"STAMP HOST TAG[PID]: TEXT" without its line break; what isn't for users is taken
 *		out of it
 *
 * A line is known by its whole shape, with the account's name or uid at its place: a name that
 * only stands somewhere in it isn't enough. Left out are why a login was refused, who of the
 * admins stepped in, and of the kernel's lines all but the group and the process that was hit.
 *
 * Takes no memory and calls nothing of the system. Return: whether it is to be shown.
 */
bool ownlog_take(char *line, const char *user, uid_t uid);
