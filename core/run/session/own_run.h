/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting a command in a session of one's own. */
#pragma once

#include "core/base/err.h"
#include "core/run/terminal/proxy.h"
#include "core/run/session/session_command.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * own_run_like_us() - Have it get what a child of ours would
 *
 * Our umask, limits and timer slack; of 0 to 2 a terminal becomes one of the session's, where input and output
 * are on one, and what may go in goes in as it is. Return: 0 or -1 with @e.
 */
int own_run_like_us(struct session_command *c, struct err *e);

/**
 * own_run() - Start it
 * @uid:	the account's
 * @c:		of its fds those that are given go along
 * @ret:	for proxy_run()
 * @ret_agent:	listens at SSH_AUTH_SOCK inside sooner or later, the caller's; -EBADF: none does
 *
 * Return: 0 or -1 with @e; where it couldn't be executed @ret_no_exec is true, and e->num says why.
 */
int own_run(uid_t uid, const char *id, const struct session_command *c, struct proxy *ret,
	int *ret_agent, bool *ret_no_exec, struct err *e);
