/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two ends of cgroup_worker.h say. */
#pragma once

#include "core/base/err.h"
#include "core/run/cgroup/cgroup.h"

#include <stdbool.h>

/* The one byte of groups_begin(), and of groups_let_go(). */
#define GROUPS_BEGIN  'b'
#define GROUPS_LET_GO 'l'

struct groups_said {
	struct err e; /* msg is empty on success */
	/* Beside cgroup_fds.move there are these fds, in this order. */
	bool directory, manager;
};
