/* SPDX-License-Identifier: BSD-3-Clause */
/* Who steps into whose session, for the host's log. */
#pragma once

#include "core/base/err.h"
#include "core/plan/joinlog.h"
#include "core/run/session/record.h"

/**
 * join_log_who() - Who a process is run by: uid, login uid, terminal
 * @pid:	0: what it tells isn't known
 */
void join_log_who(pid_t pid, uid_t uid, struct joinlog_who *ret);

/* @as: who is entered as, in words; @command: ended by NULL, or NULL for the login shell */
void join_log_joined(const struct joinlog_who *who, const struct record *r,
	const char *as, const char *const *command);
void join_log_observes(const struct joinlog_who *who, const struct record *r);
void join_log_left(const struct joinlog_who *who, const struct record *r,
	unsigned long seconds, int status);
/* @target: whatever was asked for, which may be anything */
void join_log_failed(const struct joinlog_who *who, const char *target,
	const char *const *command, const struct err *e);
