/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened to the sessions of an account since the host was started, for its own eyes:
 * PATH_ACCOUNTS/UID.log, a line of JSON each (core/base/event.h), root-only, given out at the sockets of its
 * sessions. When it is full its older half goes. The host's events have more, and are root's.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/event.h"

#include <stdint.h>
#include <sys/types.h>

/* Both halves together. */
#define ACCOUNT_LOG_MAX (64U << 10)

/**
 * account_log_begin() - Have one of this very account
 * @born:	kin_home_born(): what is older, or of another name, was another account's and goes
 *
 * Should:   be called under the account's lock, after kin_check()
 *
 * Return: 0 or -1 with @e.
 */
int account_log_begin(uid_t uid, const char *user, uint64_t born, struct err *e);

/* Add a line, where there is one to add it to: what fails is left out. */
void account_log(uid_t uid, const struct event *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An event of the host's, event_log(), that is told to the account in the same words. */
void account_event(int level, uid_t uid, const struct event *v, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Its lines, oldest first. Return: a memfd, the caller's; -1 with @e. */
int account_log_copy(uid_t uid, struct err *e);
