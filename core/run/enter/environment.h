/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session gives all of its programs, core/plan/sessionenv.h. */
#pragma once

#include "core/base/err.h"

struct environment {
	const char **v; /* NAME=VALUE, ended by NULL; points into text */
	char *text;
};

/**
 * environment_read() - Read it, inside
 * @ret:	free it with environment_clear()
 *
 * Should: be called in the session's mount namespace
 *
 * The file is the box's root's. What may not be given, whoever wrote it there, is left out. Anything but a file of a
 * size that ours have is as none: it mustn't keep anybody out, an admin least of all. Nothing of it is waited for.
 *
 * Return: 0; -1 with @e where memory or a file descriptor is lacking.
 */
int environment_read(struct environment *ret, struct err *e);
void environment_clear(struct environment *v);
