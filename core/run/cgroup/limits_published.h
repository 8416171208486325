/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limits that an account's running sessions have: plan_cgroup.limits_text, in a file
 * PATH_SESSIONS/ID.limits of each, with what is that session's own behind it, which the session sees as PATH_RUN_LIMITS. It goes with the record.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <sys/types.h>

/**
 * limits_now_create() - Make a session's file: it can be bound then
 * @own:	plan_cgroup.own_text, which stays at its end whatever is written later
 *
 * Return: 0 or -1 with @e.
 */
int limits_now_create(const char *id, const char *own, struct err *e);

/**
 * limits_now_write() - Tell all sessions of an account what holds from now on
 * @account_lock:	from account_sessions_lock()
 *
 * Return: 0 or -1 with @e.
 */
int limits_now_write(int account_lock, const char *text, struct err *e);

/**
 * limits_now_read() - What the account's sessions were told last
 * @ret:	gets the lines; none where it has no session, or for who may not read them
 *
 * Takes no lock. Return: 0 or -1 with @e, for want of memory.
 */
int limits_now_read(uid_t uid, struct strlist *ret, struct err *e);
