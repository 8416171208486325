/* SPDX-License-Identifier: BSD-3-Clause */
/* One request to a session, in a process of its own. */
#pragma once

#include "core/base/io.h"
#include "core/plan/plan.h"
#include "core/run/session/session_socket.h"
#include "helpers/supervisor/session.h"

/**
 * serve_work() - Hear one request at a connection, do it, answer, and end
 * @spare:	one of the last that there is room for: no command, and little patience
 *
 * Should:   be a fork of the supervisor's; ends with it
 * Mustn't:  keep any fd of the supervisor's but this connection and the directory of terminals: no lease,
 *	     lock or leash outlives it
 */
_Noreturn void serve_work(const struct session *s, int sock, bool spare);

/**
 * serve_hurry() - Begin, or end, closing what others may have sent files along with
 *
 * Those that nobody took are closed with the connection, by whoever is the last to have that, and it may take as
 * long as their sender likes: a TCP connection lingers, socket(7). The signal of a timer ends such a wait.
 */
void serve_hurry(bool on);

/* A connection, and who is at its other end. */
struct work {
	const struct record *record;
	const struct plan *plan;
	int sock;
	int ptys;            /* the directory of the session's terminals; -EBADF: none */
	bool root;           /* root asks; else the session's account */
	pid_t pid;           /* who asks, when it connected, also from a box */
	int fds[IO_FDS_MAX]; /* came with the request */
	size_t n_fds;
};

/* Send an answer with fds. Return: 0 or -1 with errno. */
int work_answer(
	const struct work *w, const struct session_answer *a, const int *fds, size_t n);

/* SESSION_SAY. Return: 0 or -1 with @e. */
int work_say(const struct work *w, int value, struct session_answer *a, struct err *e);

/**
 * work_run() - SESSION_RUN
 *
 * Returns once the command has ended. Return: 1; -1 with @e when it wasn't started, and a->value is 1
 * where the exec failed.
 */
int work_run(const struct work *w, struct session_answer *a, struct err *e);

/**
 * work_host() - SESSION_HOST
 *
 * Should:   be called with SIGTERM blocked, which is what ends it. Returns once the command has ended.
 *
 * Return: 0, 1 when it has answered, -1 with @e when it wasn't started. What came with the request is closed.
 */
int work_host(struct work *w, struct session_answer *a, struct err *e);

/* What is started inherits it: the login's niceness may be the admin's choice (pam_limits). */
void work_be_like_login(const struct work *w);
