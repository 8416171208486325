/* SPDX-License-Identifier: BSD-3-Clause */
/* The log for who isn't root: nsshell-own gives lines about own sessions. */
#include "nsshell/nsctl_log.h"

#include "core/base/cleanup.h"
#include "nsshell/nsctl_sessions.h"
#include "nsshell/own.h"

#include <string.h>
#include <time.h>

static int read_from(
	const char *where, struct log *l, const struct log_filter *f, struct err *e)
{
	const char *argv[] = { "nsctl", OWN_LOG, where, NULL };
	_cleanup_free_ char *line = NULL;
	struct nsctl_own_talk t = { 0 };
	char *tag, *text;
	size_t size = 0;
	uint64_t usec;

	if (nsctl_own_ask(argv, false, &t, e) < 0)
		return -1;
	while (getline(&line, &size, t.in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (log_parse_line(line, time(NULL), &usec, &tag, &text) == 0)
			(void)log_take(l, f, usec, tag, text);
	}
	return nsctl_own_hang_up(&t) == 0
		       ? 0
		       : err_set(e, 0, "nsshell-own couldn't read the log");
}

int log_read_own(struct log *l, const struct log_filter *f, struct err *e)
{
	l->proven = true;
	if (read_from(OWN_LOG_JOURNAL, l, f, e) < 0)
		return -1;
	l->proven = false;
	return l->n > 0 ? 0 : read_from(OWN_LOG_FILES, l, f, e);
}
