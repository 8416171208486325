/* SPDX-License-Identifier: BSD-3-Clause */
/* The sessions of who asks, through their sockets: what nsctl and nsjoin do for who isn't root. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"
#include "core/run/session/session_socket.h"

#include <stddef.h>

/**
 * own_sessions() - Records of all that run, oldest first
 * @ret:	free() it
 *
 * Return: 0 or -1 with @e.
 */
int own_sessions(struct record **ret, size_t *ret_n, struct err *e);

/**
 * own_ask() - A request without more to it, and its answer
 * @ret_fd:	what came with the answer, -EBADF for nothing; NULL: nothing is wanted
 *
 * Return: the answer's value; -1 with @e, which is what the session says, or what kept it from that.
 */
int own_ask(const char *id, enum session_request_kind kind, int value,
	struct session_answer *ret, int *ret_fd, struct err *e);

/**
 * own_say() - Have something appear on a session's terminals
 * @where:	N of pts/N, or a SESSION_SAY_; with SESSION_SAY_LIST @ret->text has what there is
 *
 * Return: how many took it; -1 with @e.
 */
int own_say(const char *id, int where, const char *text, size_t size,
	struct session_answer *ret, struct err *e);

/**
 * own_stop() - Have a session end
 * @ret:	can be read from once it is gone; the caller's
 *
 * Return: 0 or -1 with @e.
 */
int own_stop(const char *id, int *ret, struct err *e);
