/* SPDX-License-Identifier: BSD-3-Clause */
/* Variables that Environment= and an image give to all programs of a session. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of all of them in bytes, as lines of NAME=VALUE */
#define SESSIONENV_MAX ((size_t)128 << 10)
/* How many: each is looked for among the others, by us and by PAM, and an image may be anybody's */
#define SESSIONENV_MOST 512

/*
 * In an environment that is put together outside: what the session gives goes over all before it, and what
 * follows over that. It is no variable of anybody's.
 */
#define SESSIONENV_HERE "NSSHELL_ENVIRONMENT="

/**
 * sessionenv_wrong() - Why that can't be given to a session's programs
 * @setting:	"NAME=VALUE"
 *
 * Not what says who the account is, nor what the session and its login program set themselves; and not what a
 * loader or a C library heeds: a login program with that in its environment would load what the account, or an
 * image, has put there, as the box's root. They are those that the C library itself drops for setuid programs.
 *
 * Return: what follows a name, "is ..."; NULL where nothing is wrong.
 */
const char *sessionenv_wrong(const char *setting);

/* Whether two settings are of one variable. */
bool sessionenv_is_same(const char *a, const char *b);

/**
 * sessionenv_merge() - Put what the session gives into an environment
 * @env:	ended by NULL; as it is where SESSIONENV_HERE isn't in it
 * @given:	ended by NULL
 * @ret:	room for both, and the NULL; points into both
 */
void sessionenv_merge(const char *const *env, const char *const *given, const char **ret);
