/* SPDX-License-Identifier: BSD-3-Clause */
/* The child of renew_begin(): it looks, renews, and says what to watch. */
#pragma once

#include "core/run/mount/renew.h"

/* What it sends: all but the last with fds to watch. */
struct renew_reply {
	bool more;
	size_t n_masks; /* that were made */
	bool failed;
	struct err e;
};

/**
 * renew_look() - Be the child
 * @sock:	for struct renew_reply, SOCK_SEQPACKET
 *
 * Should:   look and clone with the supervisor's rights on the host
 * Mustn't:  have a capability there, or a directory of the host's open, when it mounts in the box
 */
_Noreturn void renew_look(const struct renew *r, const struct plan *plan, int sock);
