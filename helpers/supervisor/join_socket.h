/* SPDX-License-Identifier: BSD-3-Clause */
/* PATH_SESSIONS/ID.sock, root-only: how a login reaches the supervisor of a running
 * session. */
#pragma once

#include "core/base/err.h"

#include <sys/types.h>

/*
 * How long a login waits for the session's answer, in seconds: longer than that waits for another one
 * which is stopped on its way in, SESSION_ADMIT_S.
 */
#define JOIN_SOCKET_S 40

/* Return: 0 and a listening fd, or -1 with @e. */
int join_socket_listen(const char *id, int *ret, struct err *e);

/**
 * join_socket_accept() - Take the next login's socket
 *
 * Only root's. Waits a second at most for what should be there already, and says that it has taken
 * it. Return: fd, or -1 with @e, also when who sent it doesn't wait any more.
 */
int join_socket_accept(int listener, struct err *e);

/**
 * join_socket_send() - Send a copy of a login's socket to a session
 *
 * Waits until it is taken, JOIN_SOCKET_S at most. Return: 0; 1 when nobody listens there, or closes
 * without having taken it; -1 with @e, e->num ETIMEDOUT when nobody answers.
 */
int join_socket_send(const char *id, int sock, struct err *e);

/* The process that made the socketpair, SO_PEERCRED of unix(7); 0 when it can't be told.
 */
pid_t join_socket_peer(int sock);
