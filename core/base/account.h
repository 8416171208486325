/* SPDX-License-Identifier: BSD-3-Clause */
/* The passwd entry of an account and all of its groups, as plain data. */
#pragma once

#include "core/base/err.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ACCOUNT_NAME_MAX   256   /* LOGIN_NAME_MAX, with the 0 */
#define ACCOUNT_GROUPS_MAX 65536 /* NGROUPS_MAX, limits.h of Linux since 2.6.4 */

/* A subordinate range as subuid(5) has it: @count ids from @start on. */
struct id_range {
	uint32_t start;
	uint32_t count;
};

struct account {
	char *name;
	uid_t uid;
	gid_t gid;
	char *home;
	char *shell;
	gid_t *groups;      /* all of them, the primary one first */
	char **group_names; /* beside groups; NULL where the gid has no name */
	size_t n_groups;
};

/**
 * account_read() - Look an account up through NSS
 * @name:	login name
 * @ret:	filled on success; free with account_clear()
 *
 * Groups of group(5) that name the account count also where NSS doesn't give them, as it leaves
 * out a source that it can't read; /etc/group that can't be read is a failure. So is a source that
 * tells of no groups, of an account that passwd(5) doesn't have, and a group(5) without a line, of one that it has.
 *
 * Only for a process that is still outside: NSS loads libraries (rule: no NSS after
 * entering somebody's root).
 *
 * Return: 0; 1 when there is no such account; -1 with @e on failure.
 */
int account_read(const char *name, struct account *ret, struct err *e);

/**
 * account_has_uid() - Whether passwd(5) has an account of that name with that uid
 *
 * Only for a process that is still outside, as account_read().
 *
 * Return: 1, 0, or -1 with @e where it can't be looked up.
 */
int account_has_uid(const char *name, uid_t uid, struct err *e);

struct group;

/* Return: 0 to go on; else what account_each_local_group() returns, -1 with @e. */
typedef int (*account_group_fn)(void *data, const struct group *gr, struct err *e);

/**
 * account_each_local_group() - Go through group(5)
 * @each:	told of each group, whose memory is its own only until it returns
 *
 * fgetgrent(3) reads a long line anew for each kilobyte of it: seconds, of a group with a university's members.
 *
 * Return: 0, also where there is no such file; what @each returned other than 0; -1 with @e
 */
int account_each_local_group(account_group_fn each, void *data, struct err *e);

/**
 * account_open_lines() - What is in a file of /etc now, as passwd(5) for fgetpwent(3)
 * @text:	all of it, to free(3) once the stream is closed; NULL where there is none
 *
 * A stream of memory: in a file's they ask for each line where it is, by an lseek(2), and there are thousands.
 *
 * Return: to fclose(3); NULL with errno.
 */
FILE *account_open_lines(const char *path, char **text);

/* The uid of an account's name; a uid in digits is itself, of an account that is gone, too. Return: 0 or -1 with @e. */
int account_uid(const char *word, uid_t *ret, struct err *e);

void account_clear(struct account *a);
