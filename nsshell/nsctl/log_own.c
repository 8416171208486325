/* SPDX-License-Identifier: BSD-3-Clause */
/* The log for who isn't root: what sessions of the account's own tell of it, account_log.h. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/run/session/own_sessions.h"

#include <fcntl.h>
#include <string.h>

/* "1732282211000000 session aaaaaaaaaaaa opened for alice (sshd)" */
static void take(struct log *l, const struct log_filter *f, char *line)
{
	char *text = strchr(line, ' ');
	uint64_t usec;

	if (!text)
		return;
	*text++ = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(line, &usec) == 0)
		(void)log_take(l, f, usec, "nsshell", text);
}

static int read_from(int fd, struct log *l, const struct log_filter *f, struct err *e)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_file_ FILE *in = NULL;
	size_t size = 0;

	/* It comes as it was written: at its end. */
	in = lseek(fd, 0, SEEK_SET) < 0 ? NULL : fdopen(fd, "r");
	if (!in) {
		(void)close(fd);
		return err_set(e, errno, "read the log");
	}
	while (getline(&line, &size, in) > 0)
		take(l, f, line);
	return 0;
}

/* Any of them has it. */
int log_read_own(struct log *l, const struct log_filter *f, struct err *e)
{
	_cleanup_free_ struct record *own = NULL;
	struct session_answer a;
	size_t n = 0;
	int fd = -EBADF;

	l->proven = true;
	if (own_sessions(&own, &n, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, 0,
			"what happened to your sessions is told by those that run, and none does: log in, "
			"or ask root");
	if (own_ask(own[n - 1].id, SESSION_LOG, 0, &a, &fd, e) < 0)
		return -1;
	return fd < 0 ? err_set(e, EPROTO, "read the log") : read_from(fd, l, f, e);
}
