/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A terminal that is shown from inside of a box: with Record=yes, nsshell(1) in front of the
 * account's shell listens at PATH_RUN_TERMINALS/N, and root of the host goes and connects there.
 * The host keeps nothing ready for it: no process, no socket. Both ends of it are of the
 * account's making, which can show what it likes and harms only itself.
 */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Terminals of a session that are looked through. */
#define OBSERVE_INSIDE_MAX 64

/* Whether this is a box whose config has Record=yes, and this process its account's. */
bool observe_inside_is_on(void);

/**
 * observe_inside_listen() - Let a terminal be looked at
 * @number:	of the pty, N of /dev/pts/N; its owner has nobody else's socket there
 *
 * The socket goes with observe_inside_gone(), or with the box. Return: 0 or -1 with @e.
 */
int observe_inside_listen(unsigned int number, int *ret, struct err *e);
void observe_inside_gone(unsigned int number);

/* ---- from outside ------------------------------------------------------------------------- */

enum observe_inside_found {
	OBSERVE_INSIDE_CONNECTED,
	OBSERVE_INSIDE_NONE, /* Record=yes, and no terminal behind nsshell(1) */
	OBSERVE_INSIDE_OFF,  /* Record=no */
};

/**
 * observe_inside_connect() - Begin to look at the newest terminal of a session
 * @proc:	/proc/PID of its init, as in struct find_held
 * @notice:	for the user, or NULL
 * @ret:	the caller's; @ret_number is N of /dev/pts/N inside, @ret_n how many there are
 *
 * Should:   walk the box's paths by fd, through no symlink; take what it finds for bytes
 * Mustn't:  wait for who listens there
 *
 * Return: one of observe_inside_found, or -1 with @e.
 */
int observe_inside_connect(int proc, const char *notice, int *ret,
	unsigned int *ret_number, size_t *ret_n, struct err *e);
