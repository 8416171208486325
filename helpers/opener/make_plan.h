/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request to a plan: account, config, host, subordinate ids. Outside, before any
 * join. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "helpers/client/protocol.h"

#include <stdbool.h>

enum decision {
	DECIDE_IGNORE,   /* not to be isolated */
	DECIDE_ISOLATED, /* it is, and that was the question */
	DECIDE_OPEN,     /* with a plan */
	DECIDE_FAILED,   /* with an error */
};

struct decided {
	struct plan *plan;            /* plan_free() */
	uid_t uid;                    /* of the account; (uid_t)-1: there is none */
	char shell[POLICY_SHELL_MAX]; /* Shell=, "" where it isn't set */
	bool allow;                   /* OnError=allow: see session_refuse() */
	pid_t dying;                  /* for planning_reap(), once there is time */
};

/**
 * decide() - What to do with a request
 * @config:	path of nsshell.conf, or NULL
 * @planner:	of struct programs; closed where it was started
 * @terminal:	fd that came with it, or -1
 *
 * root and the members of POLICY_BREAK_GLASS_GROUP are left alone before the config is
 * even read.
 */
enum decision decide(const struct proto_request *q, const char *config, int planner,
	int terminal, struct decided *ret, struct err *e);
