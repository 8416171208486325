/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is opened and closed on the host with a session: the PAM service nsshell-session, where the admin has
 * such a file, and from its first terminal on nsshell-login. The login program's own modules are closed in the box, as it
 * is inside by then.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <sys/types.h>

struct host_session {
	int leash; /* the transaction is closed when its last copy is; -EBADF: there is none */
	int pidfd; /* of nsshell-session, a child */
	pid_t pid;
	char service[20]; /* "": none was started */
};
#define HOST_SESSION_NONE                                                                \
	{                                                                                \
		.leash = -EBADF, .pidfd = -EBADF                                         \
	}

/**
 * host_session_open() - Have the service's modules open the session
 * @ret:	host_session_close() it; also after a failure
 *
 * Should:   be called with all of root's capabilities
 * Mustn't:  wait for longer than 15 s
 *
 * Return: 0, also where there is no such service; -1 with @e.
 */
int host_session_open(const struct plan *p, struct host_session *ret, struct err *e);

/**
 * host_session_note() - Have the modules of nsshell-login open it
 * @line:	the terminal that the host knows it by, without /dev/
 * @ret:	host_session_close() it
 *
 * Nobody waits for them, and nobody is refused for what they say.
 */
void host_session_note(const struct plan *p, const char *line, struct host_session *ret);

/* Have it stay where the caller is, in all control groups. */
void host_session_join(const struct host_session *h);

/* Have them close both, the login before the session that it is in, and wait for that: for each 10 s at most. */
void host_session_close(
	struct host_session *login, struct host_session *session, const struct plan *p);
