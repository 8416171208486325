/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether what is there already is of this very account. A uid says little: it is given to another
 * account once its own is gone, or renumbered, and userdel(8) sees no process of it in a box.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/session/record.h"

#include <stdbool.h>
#include <stdint.h>

/* The account that asks; borrowed from an account or a plan. */
struct kin {
	const char *user, *home;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
};

static inline struct kin kin_of_account(const struct account *a)
{
	return (struct kin){ a->name, a->home, a->uid, a->gid, a->groups, a->n_groups };
}

static inline struct kin kin_of_plan(const struct plan *p)
{
	return (struct kin){ p->user, p->home, p->uid, p->gid, p->groups, p->n_groups };
}

/**
 * kin_is() - Whether a name that was noted with an account's uid is that account
 * @user:	the account's name
 *
 * Its own name, or another that passwd(5) gives the same uid now.
 *
 * Should:   run outside: it may ask NSS
 *
 * Return: 1, 0, or -1 with @e where that can't be looked up.
 */
int kin_is(const char *noted, const char *user, uid_t uid, struct err *e);

/**
 * kin_home_born() - When the account's home directory was made
 * @ret:	seconds since 1970, statx(2); 0 where that can't be told
 *
 * Looks with the account's rights. Younger than what is said to be the account's, it is another
 * account's of the same name: made by useradd(8) after userdel(8) -r. What was found is kept.
 *
 * Should:   be asked before the account's lock is taken, as it may have to be waited for, look.h
 *
 * Return: 0 or -1 with @e.
 */
int kin_home_born(const struct kin *k, uint64_t *ret, struct err *e);

/**
 * kin_note_age() - Have a file of root's, just written, say that what it is about is no older than the account's home
 * @dir:	the directory that @name is in
 *
 * That was made by another clock where it is of a time to come: this host's, before it was set, or a file server's.
 *
 * Return: 0 or -1 with @e.
 */
int kin_note_age(const struct kin *k, int dir, const char *name, struct err *e);

/**
 * kin_has() - Whether a session is of the account that has a uid now
 *
 * As kin_check(), of one session, whatever names the account has. Should: run outside, and be root.
 *
 * Return: 1, 0, or -1 with @e where that can't be found out: ECHILD, as the look at the home directory
 * takes a process, look.h; ETIMEDOUT where that directory doesn't answer.
 */
int kin_has(const struct record *r, uid_t uid, struct err *e);

/**
 * kin_check() - Whether the running sessions of the account's uid are the account's
 * @account_lock:	the account's lock, account_sessions_lock()
 *
 * Return: 0; -1 with @e, which says what to do, when one is another's.
 */
int kin_check(int account_lock, const struct kin *k, struct err *e);

/**
 * kin_check_early() - The same before anything is done to the account's group and its limits
 *
 * Without the lock, which may take a while to get: it doesn't replace kin_check().
 */
int kin_check_early(const struct kin *k, struct err *e);
