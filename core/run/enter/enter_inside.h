/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of enter.h that runs inside. */
#pragma once

#include "core/run/cgroup/cgroup.h"
#include "core/run/enter/enter.h"

enum enter_word_kind {
	ENTER_WORD_NONE,
	ENTER_WORD_BORN, /* from the joiner: pid */
	ENTER_WORD_STDIO, /* with fds: master and slave of the pty, our ends of pipes 0 to 2 */
	ENTER_WORD_FAILED,
	ENTER_WORD_NO_EXEC, /* error.num is exec's */
};

/* What goes out over the socketpair, until the exec closes it. */
struct enter_word {
	enum enter_word_kind kind;
	pid_t pid; /* as the outside sees it */
	struct err error;
};

/* The signals of a process as its exec finds them: default, none blocked. */
void enter_default_signals(void);

/**
 * enter_become() - Be a person of the box for good, under the session's filter
 *
 * Should:   run as root of the box with its capabilities, in a process of its own
 * Mustn't:  leave a way back; proves that there is none
 *
 * SIGHUP comes when the parent dies. Return: 0 or -1 with @e.
 */
int enter_become(
	const struct enter_person *p, const struct filter *filter, struct err *e);

/**
 * enter_inside() - Become the command
 * @groups:	to move into, still open from outside
 * @sock:	for enter_words
 *
 * Should:   run in the session's namespaces, as root of the box, in a process of its own
 * Mustn't:  keep anything of outside but the socket, which the exec closes; be dumpable
 *	     before the exec (CVE-2016-9962); look a name up
 *
 * Overwriting what /proc/PID/exe of this process leads to (CVE-2019-5736) takes an id of the
 * host that no box has: nsjoin refuses to run from a file that isn't root's alone to write.
 */
_Noreturn void enter_inside(
	const struct enter *in, const struct cgroup_fds *groups, int sock);
