/* SPDX-License-Identifier: BSD-3-Clause */
/* The supervisor's end of a worker: a fork that becomes nsshell-worker. */
#pragma once

#include "helpers/supervisor/session.h"

#include <stdbool.h>

/**
 * serve_worker() - Become the worker of one connection
 * @spare:	one of the last that there is room for: no command, and little patience
 *
 * Should:   be a fork of the supervisor's
 * Mustn't:  keep any fd of the supervisor's but this connection and the directory of terminals: no lease,
 *	     lock or leash outlives it
 */
_Noreturn void serve_worker(const struct session *s, int sock, bool spare);

/**
 * serve_hurry() - Begin, or end, closing what others may have sent files along with
 *
 * Those that nobody took are closed with the connection, by whoever is the last to have that, and it may take as
 * long as their sender likes: a TCP connection lingers, socket(7). The signal of a timer ends such a wait.
 */
void serve_hurry(bool on);
