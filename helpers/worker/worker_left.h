/* SPDX-License-Identifier: BSD-3-Clause */
/* What the supervisor leaves to nsshell-worker, which a fork of it becomes: in a memfd, beside fds at fixed numbers. */
#pragma once

#include "core/run/cgroup/cgroup.h"
#include "core/run/session/record.h"
#include "helpers/supervisor/pass_on.h"

#include <stdbool.h>

#define WORKER_SOCK_FD 3 /* the connection */
#define WORKER_LEFT_FD 4
#define WORKER_PTYS_FD                                                                   \
	5 /* the directory of the session's terminals, where there is one */

/* How long who can't begin waits for the request that it refuses. */
#define WORKER_HEARS_MS 500

struct worker_left {
	struct pass_on head;
	bool spare; /* one of the last that there is room for: no command, and little patience */
	bool ptys;
	struct record record; /* as it is now */
	char mounts[CGROUP_MOUNTS_MAX];
};
