/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment of the shell inside: the caller's, less what names things of outside. */
#pragma once

#include "core/base/err.h"
#include "nsshell/door/door.h"

#include <stdbool.h>

#define NSSHELL_ENV_MAX 4096

struct nsshell_env {
	const char *v[NSSHELL_ENV_MAX + 1]; /* ended by NULL */
	size_t n, n_text;
	char text[12][4200];
};

/**
 * nsshell_env_make() - Make it
 * @tty:	SSH_TTY is to get a value inside, where the caller has it
 * @agent:	so is SSH_AUTH_SOCK
 *
 * Return: 0 or -1 with @e.
 */
int nsshell_env_make(const struct door_answer *a, const char *shell, bool tty, bool agent,
	struct nsshell_env *ret, struct err *e);
