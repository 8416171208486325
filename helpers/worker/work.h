/* SPDX-License-Identifier: BSD-3-Clause */
/* One request to a session, and what each kind of it does. */
#pragma once

#include "core/base/io.h"
#include "core/plan/plan.h"
#include "core/run/session/session_socket.h"

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
	bool heard; /* the request was taken off the connection */
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
