/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of accounts' control groups, where somebody else writes them: the kernel in its log. */
#pragma once

#include <sys/types.h>

/**
 * groupname_skip() - Read the name of an account's group
 * @at:		"/nsshell/1000/ID", "/nsshell/course.slice/1000", and where systemd makes it
 *		"/nsshell.slice/nsshell-course.slice/nsshell-1000.scope"; more may follow
 * @ret_uid:	whose it is; left alone on failure
 *
 * Return: what follows the account's part, "/ID"; NULL when it is no such name.
 */
const char *groupname_skip(const char *at, uid_t *ret_uid);
