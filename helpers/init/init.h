/* SPDX-License-Identifier: BSD-3-Clause */
/* Process 1 of a session: reaps, forwards signals, ends the session. Holds nothing. Until it is in the session's root it
 * is a fork of the supervisor's; then it becomes nsshell-init (live.c). */
#pragma once

#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/mount/stage.h"

/* How long processes have between SIGTERM and SIGKILL. */
#define INIT_GRACE_MS 3000

/* What the supervisor says to init over the leash, a byte each. */
enum init_word {
	INIT_GO = 'g',     /* the id maps are written */
	INIT_END = 'e',    /* TERM, grace, KILL, exit */
	INIT_LINGER = 'l', /* exit once nobody else is left */
	INIT_STAY = 's',   /* a login came: don't */
};

/* What init says, once. */
struct init_report {
	struct err error; /* msg is empty on success */
	struct err note;  /* for the log: why there is no user manager; else empty */
};

/**
 * init_run() - Be init, in the process that clone3(2) made
 * @leash:	SOCK_SEQPACKET to the supervisor; its end is the session's
 * @groups:	to move into; v2: the process was born there
 * @pids:	the process id before the first of those that are made, 0: as the kernel has it
 * @filter:	the system call filter of what it starts, or negative
 * @stage:	what it mounts of the host's
 * @program:	PATH_INIT, opened in the host's mount namespace, above INIT_LEFT_FD
 *
 * Reports over the leash once the session's root is entered, and its user manager ready. With
 * success comes the directory of the session's ptys, if there is one.
 */
_Noreturn void init_run(const struct plan *plan, int leash, uint32_t pids,
	const struct cgroup_fds *groups, int filter, const struct stage *stage,
	int program);
