/* SPDX-License-Identifier: BSD-3-Clause */
/* The sessions of one account: a lock that orders opening and ending, and a list of their
 * ids. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stdbool.h>
#include <sys/types.h>

/* What a login waits for the account's lock, or the end of a session: holders wait for systemd. */
#define ACCOUNT_LOCK_MS 60000

/* However many SessionsMax= allows. */
#define ACCOUNT_SESSIONS_MAX 1024

/**
 * account_sessions_lock() - Take the account's lock
 * @ms:		how long to wait for it; 0: not at all
 * @ret_fd:	O_CLOEXEC; closing it unlocks
 *
 * Mustn't:  be held while waiting for what a user can keep from going on: a process that runs with
 *	     the account's ids or was started by it, a file system of its own
 *
 * Return: 0; 1 with @e, ETIMEDOUT, when somebody else had it all that time; -1 with @e.
 */
int account_sessions_lock(uid_t uid, unsigned int ms, int *ret_fd, struct err *e);

/**
 * account_sessions_look() - The account's list without its lock: what it says may be over at once
 * @ret_fd:	for account_sessions_ids() and account_sessions_is_live(); -EBADF where there is no session
 *
 * Return: 0 or -1 with @e.
 */
int account_sessions_look(uid_t uid, int *ret_fd, struct err *e);

/**
 * account_sessions_ids() - Ids of the account's sessions, the newest last
 * @fd:		from account_sessions_lock() or account_sessions_look()
 * @ret:	free() it
 *
 * Return: 0 or -1 with @e.
 */
int account_sessions_ids(
	int fd, char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e);

/**
 * account_sessions_is_live() - Whether one of the account's sessions has a supervisor that runs
 * @fd:		from account_sessions_lock() or account_sessions_look()
 *
 * Return: 1, 0, or -1 with @e.
 */
int account_sessions_is_live(int fd, struct err *e);

/**
 * account_sessions_add() - Note one more session of the account
 * @max:	how many it may have; those that lost their supervisor don't count
 *
 * Return: 0; 1 with @e when it has that many; -1 with @e.
 */
int account_sessions_add(int fd, const char *id, uint64_t max, struct err *e);
/* The list's file goes with its last id. */
int account_sessions_drop(int fd, uid_t uid, const char *id, struct err *e);
