/* SPDX-License-Identifier: BSD-3-Clause */
/* The shell's environment: the caller's own, as with any login shell, apart from what names
 * things of outside. */
#pragma once

#include "nsshell/door.h"

#define DOOR_ENV_MAX 1024

/* Pointers into the caller's strings and into @text. */
struct door_env {
	const char *v[DOOR_ENV_MAX + 1]; /* ended by NULL */
	size_t n;
	char text[16][512];
	size_t n_text;
};

/* Whether the caller has a variable. */
bool door_env_has(const struct door *d, const char *name);

/**
 * door_env_make() - Fill it
 * @tty:	name of the terminal inside, "" for none
 * @agent:	SSH_AUTH_SOCK inside, "" for none
 *
 * What has no room is left out: nothing is allocated. Return: 0 or -1 with @e.
 */
int door_env_make(const struct door *d, const char *tty, const char *agent,
	struct door_env *ret, struct err *e);
