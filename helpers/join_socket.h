/* SPDX-License-Identifier: BSD-3-Clause */
/* PATH_SESSIONS/ID.sock, root-only: how a login reaches the supervisor of a running
 * session. */
#pragma once

#include "core/base/err.h"

#include <sys/types.h>

/* Return: 0 and a listening fd, or -1 with @e. */
int join_socket_listen(const char *id, int *ret, struct err *e);

/**
 * join_socket_accept() - Take the next login's socket
 *
 * Only root's. Waits a second at most for what should be there already. Return: fd or -1.
 */
int join_socket_accept(int listener, struct err *e);

/**
 * join_socket_send() - Send a copy of a login's socket to a session
 *
 * Doesn't wait for it to be taken. Return: 0; 1 when nobody listens there any more; -1 with @e.
 */
int join_socket_send(const char *id, int sock, struct err *e);

/* The process that made the socketpair, SO_PEERCRED of unix(7); 0 when it can't be told.
 */
pid_t join_socket_peer(int sock);
