/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-own, setuid root: what ordinary users may do with sessions of their own. nsjoin(8) and
 * nsctl(8) execute it. Whose sessions these are, the kernel says (getuid(2)), and records that
 * only root writes; the request is in its arguments, where the kernel has counted and bounded it.
 *
 *	nsshell-own join FLAGS TARGET SESSION FOLDER TERM COUNT SETTING... [COMMAND...]
 *	nsshell-own list
 *	nsshell-own stop wait|no-wait ID...
 *
 * "" stands for what isn't given. Somebody else's session is as if it weren't there.
 */
#pragma once

#include "core/base/err.h"
#include "nsshell/door.h"

#define OWN_FAILED 125

/* ---- join --------------------------------------------------------------------------------- */

#define OWN_JOIN "join"
enum own_join {
	OWN_JOIN_FLAGS = 2, /* letters of those below */
	OWN_JOIN_TARGET,
	OWN_JOIN_SESSION,
	OWN_JOIN_FOLDER,
	OWN_JOIN_TERM,
	OWN_JOIN_COUNT, /* of the settings that follow, in decimal */
	OWN_JOIN_REST,
};
#define OWN_FLAG_NO_PTY 'T'
#define OWN_FLAG_QUIET  'q'
#define OWN_FLAG_COMMAND                                                                 \
	'c' /* else nothing follows the settings, and it's the login shell */

#define OWN_WORD_MAX     4096 /* bytes of a word before the command */
#define OWN_SETTINGS_MAX 64

/* ---- list --------------------------------------------------------------------------------- */

/*
 * Answers on standard output, for each session OWN_LIST_HEAD with whether its supervisor lives
 * and the length of the record's text, and that text; and OWN_LIST_END after all.
 */
#define OWN_LIST      "list"
#define OWN_LIST_HEAD "session %d %d\n"
#define OWN_LIST_END  "end\n"

/* ---- stop --------------------------------------------------------------------------------- */

#define OWN_STOP "stop"
enum own_stop {
	OWN_STOP_WAIT = 2, /* "wait" until they are gone, or "no-wait" */
	OWN_STOP_REST,
};
#define OWN_STOP_MAX 64

/* ---- the program -------------------------------------------------------------------------- */

/* What is asked for, once the process is root's alone. Return: an exit status. */
int own_join(const struct door_before *caller, int argc, char **argv);
int own_list(const struct door_before *caller, int argc, char **argv);
int own_stop(const struct door_before *caller, int argc, char **argv);

/**
 * own_leave_root() - Be the caller, for good
 * @caller:	a const struct door_before
 *
 * Should:   be called once nothing is left to do that takes a right, and before anything is
 *	     written: whoever doesn't read would keep a process of root's waiting
 * Mustn't:  leave a way back, or a capability; proves that there is none, or ends the process
 */
void own_leave_root(void *caller);
