/* SPDX-License-Identifier: BSD-3-Clause */
/* A login environment made afresh: nothing of the caller's but what is passed in here. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stdbool.h>
#include <sys/types.h>

struct loginenv {
	const char *user, *home, *shell;
	uid_t uid;
	const char *session; /* NSSHELL_SESSION */
	const char *bus;     /* DBUS_SESSION_BUS_ADDRESS; NULL or "": none */
	const char *term;    /* NULL: not on a terminal */
	const char *lang;    /* NULL: C.UTF-8 */
	bool in_session; /* what the session gives goes between this and @extra: sessionenv.h */
	const char *const *extra; /* "NAME=VALUE", each over what is there */
	size_t n_extra;
};

/**
 * loginenv_make() - The environment, in the order env(1) shows it
 * @ret:	added to
 *
 * PATH is root's or a user's, as login(1) of Debian sets it. A TERM or LANG that isn't made of
 * the characters such a name has is left out: both end up in file names.
 *
 * Return: 0 or -1 with @e: no memory, or an extra that isn't NAME=VALUE.
 */
int loginenv_make(const struct loginenv *in, struct strlist *ret, struct err *e);

/* Whether it is NAME=VALUE, NAME being letters, digits and '_', no digit first. */
bool loginenv_is_setting(const char *s);

/**
 * loginenv_lang() - LANG out of the text of locale.conf(5) or Debian's default/locale
 * @text:	changed
 *
 * Return: a place within @text, or NULL.
 */
const char *loginenv_lang(char *text);
