/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/event.h"
#include "core/base/io.h"
#include "helpers/init/init.h"
#include "helpers/supervisor/session.h"
#include "helpers/supervisor/ticket.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

/* How long init may take, in seconds: a user manager is given 30. */
#define INIT_PATIENCE_S 90

/* Who ends the session meanwhile needn't wait for a user manager that its user has stopped. */
static int await_word(const struct session *s, struct err *e)
{
	struct pollfd p[] = {
		{ .fd = s->leash, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};
	int r = poll(p, 2, INIT_PATIENCE_S * 1000);

	if (r > 0 && p[1].revents)
		return err_set(e, 0, SESSION_STOPPED);
	if (r > 0)
		return 0;
	return err_set(e, r < 0 ? errno : ETIMEDOUT, "hear from init of the session");
}

static int await_init(struct session *s, struct err *e)
{
	struct init_report said;
	int fds[IO_FDS_MAX], r;
	size_t n = 0;

	if (await_word(s, e) < 0)
		return -1;
	r = io_recv(s->leash, &said, sizeof(said), fds, &n);
	if (n > 0)
		s->ptys = fds[0];
	if (r != 0)
		return err_set(e, r < 0 ? errno : 0, "init of the session died");
	if (said.error.msg[0]) {
		said.error.msg[sizeof(said.error.msg) - 1] = '\0';
		return err_set(e, 0, "%s", said.error.msg);
	}
	said.note.msg[sizeof(said.note.msg) - 1] = '\0';
	(void)snprintf(s->note, sizeof(s->note), "%s", said.note.msg);
	return 0;
}

static uint64_t namespace_of(const struct session *s, const char *kind)
{
	char path[48];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/ns/%s", s->record.init.pid, kind);
	return fstatat(s->proc, path, &st, 0) < 0 ? 0 : st.st_ino;
}

static int note_init(struct session *s, struct err *e)
{
	struct record_namespaces *ns = &s->record.ns;

	if (io_process_start(s->record.init.pid, &s->record.init.start) < 0)
		return err_set(e, errno, "read the start time of init");
	ns->user = namespace_of(s, "user");
	ns->pid = namespace_of(s, "pid");
	ns->mnt = namespace_of(s, "mnt");
	ns->uts = namespace_of(s, "uts");
	ns->ipc = namespace_of(s, "ipc");
	if (s->plan->namespaces & CLONE_NEWCGROUP)
		ns->cgroup = namespace_of(s, "cgroup");
	return 0;
}

int session_ready(struct session *s, struct err *e)
{
	struct err ticket;

	if (await_init(s, e) < 0 || note_init(s, e) < 0)
		return -1;
	if (ticket_move(s->plan, s->record.init.pid, &ticket) < 0)
		event_session(LOG_WARNING, EVENT_NOTE, s->plan, "%s", ticket.msg);
	return 0;
}
