/* SPDX-License-Identifier: BSD-3-Clause */
/* What an account has to say to those at the terminals of its session: wall(1), write(1). */
#include "core/base/harmless.h"
#include "core/run/terminal/wall.h"
#include "helpers/worker/work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* What isn't a memfd may never answer: a pipe, say, or a file of a FUSE. */
static int read_text(const struct work *w, char *buf, struct err *e)
{
	ssize_t n;

	if (w->n_fds != 1 || fcntl(w->fds[0], F_GET_SEALS) < 0)
		return err_set(e, EBADMSG, "read what is to be said");
	n = pread(w->fds[0], buf, SESSION_SAY_MAX + 1, 0);
	if (n < 0)
		return err_set(e, errno, "read what is to be said");
	if (n > SESSION_SAY_MAX)
		return err_set(e, 0, "too much is said at once: more than %d bytes",
			SESSION_SAY_MAX);
	harmless_make(buf, (size_t)n);
	buf[n] = '\0';
	return 0;
}

int work_say(const struct work *w, int value, struct session_answer *a, struct err *e)
{
	char text[SESSION_SAY_MAX + 1];

	if (value == SESSION_SAY_LIST) {
		notice_list(w->record, w->ptys, a->text, sizeof(a->text));
		return 0;
	}
	if (read_text(w, text, e) < 0)
		return -1;
	if (value >= 0)
		a->value = notice_pty(w->ptys, (unsigned int)value, text);
	else if (value == SESSION_SAY_LENT)
		a->value = notice_lent(w->record, text);
	else if (value == SESSION_SAY_ALL)
		a->value = (int32_t)notice_ptys_in(w->ptys, text) +
			   notice_lent(w->record, text);
	else
		return err_set(e, EINVAL, "say something to terminal %d", value);
	return 0;
}
