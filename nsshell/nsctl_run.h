/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of nsctl run: entering a session, becoming its user, passing a terminal on. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "helpers/protocol.h"

#include <stdbool.h>

struct run {
	const char *helper; /* path */
	const char *config; /* path, or NULL */
	char *const *command;
	struct account account;
	struct proto_reply reply; /* the session, once it is there */
	int lease;                /* -EBADF: none yet */
	int stdio[3];             /* what the command gets */
};

/* run's own failures, as with env(1) and nsenter's friends; 126 and 127 are exec's. */
#define RUN_FAILED       125
#define RUN_NOT_EXECUTED 126
#define RUN_NOT_FOUND    127

/**
 * run_enter() - Open a session, or join a shared one, as the PAM module does
 *
 * Should:   run single-threaded, outside, as root, in the process that is to be the lease's
 * Mustn't:  be called twice; look anything up afterwards
 *
 * Afterwards the caller is the box's root without most capabilities, and what it forks is in
 * the session's pid namespace.
 *
 * Return: 0 or -1 with @e; then the caller must end.
 */
int run_enter(struct run *r, struct err *e);

/**
 * run_command() - Become the account and execute the command; in a child, after run_enter()
 *
 * Should:   have the account's ids and groups, a login's environment, 0 to 2, and a session
 *           (setsid(2)) of its own
 * Mustn't:  have any other fd, environment or capability of the caller's
 */
_Noreturn void run_command(const struct run *r);

/* A terminal of the caller's is never lent: pipes to it, which are passed on. */
struct relay {
	int from[3], to[3]; /* -EBADF where there is nothing to do */
};

/* Make pipes in place of the terminals among 0 to 2, and put their far ends into stdio. */
int relay_open(struct relay *y, int stdio[3], struct err *e);

/**
 * relay_run() - Pass on until the command has ended
 * @child:	pidfd of it
 */
void relay_run(struct relay *y, int child);
