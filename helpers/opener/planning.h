/* SPDX-License-Identifier: BSD-3-Clause */
/* nsshell-planner, as nsshell-helper has it: what it is started with, and what it is told. */
#pragma once

#include "helpers/planner/messages.h"

struct planning {
	struct talk talk;
	pid_t pid; /* 0: none */
	const char *config;
};
#define PLANNING_NONE                                                                    \
	{                                                                                \
		.talk = {.sock = -EBADF }                                                \
	}

/**
 * planning_start() - Start it: with ids of its own (ranges.h), a socket and nothing else
 * @program:	of struct programs; closed
 * @config:	path of nsshell.conf, NULL for the compiled-in one: beside what it may read anyhow, files of that
 *		config are opened for it
 *
 * Return: 0 or -1 with @e.
 */
int planning_start(int program, const char *config, struct planning *ret, struct err *e);

/**
 * planning_await() - Answer what it asks until it says one of two things
 * @ret:	what it said; texts are in the arena of its talk
 *
 * Return: 0, or -1 with @e, ERR_BY_ANYONE's, where it died, didn't answer, or said something else.
 */
int planning_await(struct planning *p, enum message what, enum message or, int *ret_kind,
	union heard *ret, struct err *e);

/**
 * planning_end() - Kill it; what came from it is gone
 *
 * What it has mapped takes a moment to go, for which nobody waits who waits for a login.
 *
 * Return: who is dying, for planning_reap(); 0: nobody.
 */
pid_t planning_end(struct planning *p);
void planning_reap(pid_t dying);
