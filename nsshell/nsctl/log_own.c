/* SPDX-License-Identifier: BSD-3-Clause */
/* The log for who isn't root: what sessions of the account's own tell of it, account_log.h. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"
#include "core/run/session/own_sessions.h"

#include <unistd.h>

/* Any of them has it. */
int log_read_own(struct log *l, const struct log_filter *f, struct err *e)
{
	_cleanup_free_ struct record *own = NULL;
	struct session_answer a;
	size_t n = 0;
	int fd = -EBADF;

	if (own_sessions(&own, &n, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, 0,
			"what happened to your sessions is told by those that run, and none does: log in, "
			"or ask root");
	if (own_ask(own[n - 1].id, SESSION_LOG, 0, &a, &fd, e) < 0)
		return -1;
	/* It comes as it was written: at its end. */
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, EPROTO, "read the log");
	return log_read_lines(fd, l, f, e);
}
