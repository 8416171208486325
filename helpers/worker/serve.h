/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session's side of session_socket.h. The supervisor only looks who asks: each request is a child's, a
 * worker, which is in the account's group, counts as the account's, and may wait for what it likes.
 */
#pragma once

#include "core/base/err.h"
#include "helpers/supervisor/session.h"

#include <poll.h>
#include <stddef.h>

/* Connections at once: the shell of each login through nsshell, some more commands, those who wait for the session's end,
 * and what is new. */
#define SERVE_WORKERS_MAX (SESSION_LEASES_MAX + 16 + SERVE_SPARE)
/* The last of them start no command: however many run, the session can be seen and ended. */
#define SERVE_SPARE    8
#define SERVE_POLL_MAX (1 + SERVE_WORKERS_MAX)

struct serve_worker {
	pid_t pid;
	int pidfd,
		sock; /* @sock is open until the worker is gone, or the session: SESSION_STOP */
};

struct serve {
	int listener; /* -EBADF: nothing is taken */
	int stops; /* who has had it ended by the supervisor itself, where no worker could */
	struct serve_worker workers[SERVE_WORKERS_MAX];
	size_t n;
};
#define SERVE_NONE                                                                       \
	{                                                                                \
		.listener = -EBADF, .stops = -EBADF                                      \
	}

/* Begin to listen. Return: 0 or -1 with @e. */
int serve_begin(struct serve *v, const struct session *s, struct err *e);

/* Fills SERVE_POLL_MAX. */
void serve_wants(const struct serve *v, struct pollfd *p);
void serve_go(struct serve *v, const struct session *s, const struct pollfd *p);

/* Nobody is taken any more, and the session's name is gone. */
void serve_shut(struct serve *v, const struct session *s);

/* End the workers. Their connections stay open: who waits for the session's end hears of it by ours. */
void serve_end(struct serve *v);
