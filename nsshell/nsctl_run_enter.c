/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/nsctl_run.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/client.h"
#include "helpers/session_id.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>

/* ---- entering ----------------------------------------------------------------------- */

/* Who asked for it, in the log before anything is entered. */
static void note(const struct run *r)
{
	char who[32] = "";

	if (io_read_text(AT_FDCWD, "/proc/self/loginuid", who, sizeof(who)) < 0 ||
		strcmp(who, "4294967295") == 0)
		(void)snprintf(who, sizeof(who), "%u", getuid());
	openlog("nsctl", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_INFO, "session %s: uid %s runs %s as %s", r->reply.id, who,
		r->command[0], r->account.name);
	closelog();
}

static int join(struct run *r, const int *fds, size_t n, struct err *e)
{
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	note(r);
	if (client_join(fds, n, &r->reply, e) < 0)
		return -1;
	return client_request(r->lease, &joined, e);
}

/* What an answer means. Return: 1 once inside, 0 to wait for the next, -1 with @e. */
static int follow(struct run *r, const int *fds, size_t n, struct err *e)
{
	switch (r->reply.kind) {
	case PROTO_MOVE:
		return client_move_self(fds, n, e);
	case PROTO_JOIN:
		return join(r, fds, n, e) < 0 ? -1 : 1;
	case PROTO_IGNORE:
		return err_set(e, 0,
			"%s isn't isolated (\"nsctl plan %s\" says why): there is no session to run it in",
			r->account.name, r->account.name);
	case PROTO_DENY:
	case PROTO_UNBOXED:
		return err_set(e, 0, "%s", r->reply.text);
	default:
		break;
	}
	return err_set(e, EBADMSG, "hear from the helper");
}

static int converse(struct run *r, struct err *e)
{
	for (;;) {
		int fds[IO_FDS_MAX], result;
		size_t n = 0;

		if (client_reply(r->lease, &r->reply, fds, &n, e) < 0)
			return -1;
		result = follow(r, fds, n, e);
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		if (result != 0)
			return result < 0 ? -1 : 0;
	}
}

int run_enter(struct run *r, struct err *e)
{
	struct proto_request q = {
		.magic = PROTO_MAGIC, .kind = PROTO_OPEN, .service = PROTO_SERVICE_RUN
	};
	pid_t helper;
	int result;

	if (strlen(r->account.name) >= sizeof(q.user))
		return err_set(e, ENAMETOOLONG, "ask the helper");
	session_id_make(q.id);
	(void)snprintf(q.user, sizeof(q.user), "%s", r->account.name);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from the box");
	(void)signal(SIGCHLD, SIG_DFL);
	if (client_spawn(r->helper, r->config, &r->lease, &helper, e) < 0)
		return -1;
	/* Not client_request(), which hands a terminal down. */
	result = io_send(r->lease, &q, sizeof(q), NULL, 0) < 0
			 ? err_set(e, errno, "ask the helper")
			 : converse(r, e);
	if (result < 0)
		cleanup_close(&r->lease);
	client_reap(helper, result < 0 && e->num == ETIMEDOUT);
	return result;
}
