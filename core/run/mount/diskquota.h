/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UpperSize= with Upper=disk: a quota of the project that all layers of one account are of, project_quotas of
 * quotactl(2).
 *
 * The project is DISKQUOTA_BASE + uid: no two accounts have the same, and it stays when ranges of ids change. What
 * begins anew is of DISKQUOTA_OTHER + uid where what was set aside is of that one, which else would count: they take turns.
 * A directory is given it, and FS_XFLAG_PROJINHERIT, when it is made; all that is made in it later is of the
 * project, too. Only the initial user namespace may change that (ioctl_fs_ioc_fsgetxattr(2)).
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#define DISKQUOTA_BASE  1700000000U
#define DISKQUOTA_OTHER 1000000000U /* up to the base: larger uids have the one project */

/**
 * diskquota_ready() - Whether quotas of projects hold on a file system
 * @dir:	an fd of any directory there
 *
 * Return: 0, or -1 with @e, which says how to turn them on. Linux 5.14.
 */
int diskquota_ready(int dir, struct err *e);

/**
 * diskquota_is_of() - Whether a directory is of one of the account's projects
 *
 * Return: 0, or -1 with @e, which says what to do with what was written before.
 */
int diskquota_is_of(int dir, const char *user, uid_t uid, struct err *e);

/* Make a directory that has just been made, and is empty, of that of the account's projects which @old, what was set
 * aside, or -EBADF, isn't of. Return: 0 or -1 with @e. */
int diskquota_begin(int dir, int old, uid_t uid, struct err *e);

/**
 * diskquota_limit() - Have the plan's size and number of files hold for the account's layers
 * @dir:	the account's directory
 *
 * Without a size, limits that a login before has set are lifted; those of a project that somebody else
 * gave the directory stay.
 *
 * Return: 0 or -1 with @e.
 */
int diskquota_limit(int dir, const struct plan *plan, struct err *e);
