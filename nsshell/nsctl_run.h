/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of nsctl run: entering a session, and becoming its user. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/run/proxy.h"
#include "core/run/pty.h"
#include "helpers/protocol.h"

#include <stdbool.h>

struct run {
	const char *helper; /* path */
	const char *config; /* path, or NULL */
	char *const *command;
	struct account account;
	struct proto_reply reply; /* the session, once it is there */
	int lease;                /* -EBADF: none yet */
	bool terminal;            /* 0 and 1 are terminals: the command gets a pty */
	bool terminal_too;        /* 2 as well */
	struct pty_manner manner;
	int stdio[3]; /* what the command gets */
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
 * run_stdio() - A pty of the session's own, or pipes, for the command
 * @ret:	our ends of them
 *
 * No fd of the caller's goes in: whoever lives in the box could read what is typed at a
 * terminal later, and worse (TIOCSTI, CVE-2016-10124). After run_enter().
 *
 * Return: 0 or -1 with @e.
 */
int run_stdio(struct run *r, struct proxy *ret, struct err *e);

/**
 * run_command() - Become the account and execute the command; in a child, after run_enter()
 *
 * Should:   have the account's ids and groups, a login's environment, 0 to 2, and a
 *           session (setsid(2)) of its own
 * Mustn't:  have any other fd, environment or capability of the caller's
 */
_Noreturn void run_command(const struct run *r);
