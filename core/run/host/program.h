/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of nsshell's own beside the helper, started for what it alone links a library for. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stddef.h>

/**
 * program_run() - Run it to its end
 * @words:	path and arguments; the environment is empty
 * @fds:	become 3, 4, ... there
 * @silent:	what to say where it failed without a word
 *
 * It says on standard output what failed. Return: 0 or -1 with @e.
 */
int program_run(const struct strlist *words, const int *fds, size_t n_fds,
	const char *silent, struct err *e);

/* The same without fds. @ret: what it said, to free(); a megabyte at most. */
int program_read(
	const struct strlist *words, char **ret, const char *silent, struct err *e);
