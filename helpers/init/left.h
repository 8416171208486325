/* SPDX-License-Identifier: BSD-3-Clause */
/* What init_run() leaves to nsshell-init, which it becomes: plain data, in a memfd at INIT_LEFT_FD. */
#pragma once

#include "core/base/err.h"
#include "helpers/init/user_manager.h"

#include <stdbool.h>
#include <stdint.h>

#define INIT_LEFT_FD 3
/* Raised when a member changes: an upgrade may come between the one program and the other. */
#define INIT_LEFT_LAYOUT 2

struct init_left {
	uint32_t layout; /* INIT_LEFT_LAYOUT; this one and the next never change */
	int leash;
	uint64_t caps; /* all that it keeps */
	bool share; /* Share=account: the user manager stays while the session lingers */
	struct user_manager manager;
	struct err note; /* why there is no user manager; else empty */
};
