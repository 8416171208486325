/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-own, setuid root: what ordinary users may do with sessions of their own. nsjoin(8) and
 * nsctl(8) execute it. Whose sessions these are, the kernel says (getuid(2)), and records that
 * only root writes; the request is in its arguments, where the kernel has counted and bounded it.
 *
 *	nsshell-own join FLAGS TARGET SESSION FOLDER TERM COUNT SETTING... [COMMAND...]
 *	nsshell-own list
 *	nsshell-own stop wait|no-wait ID...
 *	nsshell-own kill SIGNAL ID
 *	nsshell-own pause|resume ID
 *	nsshell-own log journal|files
 *
 * "" stands for what isn't given. Somebody else's session is as if it weren't there.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/record.h"
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

/* With "wait" it answers OWN_STOP_GONE for each session, in the order of the ids, once it is gone. */
#define OWN_STOP      "stop"
#define OWN_STOP_GONE "gone\n"
enum own_stop {
	OWN_STOP_WAIT = 2, /* "wait" until they are gone, or "no-wait" */
	OWN_STOP_REST,
};
#define OWN_STOP_MAX 64

/* ---- kill, pause, resume ------------------------------------------------------------------ */

/* Answers with how many processes got the signal, in decimal; the others with nothing. */
#define OWN_KILL   "kill"
#define OWN_PAUSE  "pause"
#define OWN_RESUME "resume"
enum own_kill {
	OWN_KILL_SIGNAL = 2, /* its number */
	OWN_KILL_ID,
	OWN_KILL_WORDS,
};
enum own_pause {
	OWN_PAUSE_ID = 2,
	OWN_PAUSE_WORDS,
};

/* ---- log ---------------------------------------------------------------------------------- */

/*
 * Answers with lines of the host's log as ownlog.h leaves them. Files and pipe are opened with
 * root's rights; the first byte of them is looked at by a process of the caller's that can
 * read, write and end (seccomp(2), SECCOMP_SET_MODE_STRICT), and do nothing else.
 */
#define OWN_LOG         "log"
#define OWN_LOG_JOURNAL "journal"
#define OWN_LOG_FILES   "files"
enum own_log {
	OWN_LOG_FROM = 2,
	OWN_LOG_WORDS,
};

/* ---- the program -------------------------------------------------------------------------- */

/* What is asked for, once the process is root's alone. Return: an exit status. */
int own_join(const struct door_before *caller, int argc, char **argv);
int own_list(const struct door_before *caller, int argc, char **argv);
int own_stop(const struct door_before *caller, int argc, char **argv);
int own_kill(const struct door_before *caller, int argc, char **argv);
int own_pause(const struct door_before *caller, int argc, char **argv);
int own_resume(const struct door_before *caller, int argc, char **argv);
int own_log(const struct door_before *caller, int argc, char **argv);

/* Whether a session is of the caller: of an account that has that uid now, not of one that had it. */
bool own_is(const struct door_before *caller, const struct record *r);

/* The record of a session of the caller's; somebody else's is as if it weren't there. Return: 0 or
 * -1 with @e. */
int own_find(const struct door_before *caller, const char *id, struct record *ret,
	struct err *e);

/* Leave root, and say what went wrong, if anything did. Return: an exit status. */
int own_say(const struct door_before *caller, int r, const struct err *e);

/**
 * own_leave_root() - Be the caller, for good
 * @caller:	a const struct door_before
 *
 * Should:   be called once nothing is left to do that takes a right, and before anything is
 *	     written: whoever doesn't read would keep a process of root's waiting
 * Mustn't:  leave a way back, or a capability; proves that there is none, or ends the process
 */
void own_leave_root(void *caller);
