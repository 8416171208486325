/* SPDX-License-Identifier: BSD-3-Clause */
/* Ending a session from outside. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

/**
 * stop_begin() - Ask a session to end
 * @ret_pidfd:	of its supervisor, the caller's: readable once the session is gone
 *
 * Thaws it, and sends SIGTERM to the supervisor. Where that is gone, what the session left
 * is taken away at once.
 *
 * Return: 0; 1 when nothing is left to wait for; -1 with @e.
 */
int stop_begin(const struct record *r, int *ret_pidfd, struct err *e);

/* Don't wait for anybody's grace: kill init, and all processes with it. Return: 0 or -1 with
 * @e. */
int stop_kill(const struct record *r, struct err *e);

/**
 * stop_wait() - Wait a while for the supervisor's end
 * Return: 1 when it has ended, 0 when not yet.
 */
int stop_wait(int pidfd, int timeout_ms);
