/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a session without PAM: the helper does what it does for the module. */
#include "nsshell/door.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/observe.h"
#include "helpers/client.h"
#include "helpers/session_id.h"

#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>

static int choose_shell(struct door *d, struct err *e)
{
	return door_shell(d->reply.shell, d->account.shell, d->shell, e);
}

static int join(struct door *d, const int *fds, size_t n, struct err *e)
{
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	/* Where another login of the session is looked at, this one isn't. */
	if (isatty(0) && isatty(1))
		(void)observe_listen(d->reply.id, &d->listener, e);
	/* The last look at a file of the host's. */
	if (choose_shell(d, e) < 0 || client_join(fds, n, &d->reply, e) < 0)
		return -1;
	/* Changing ids may have set it (fs.suid_dumpable in proc(5)). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from the box");
	return io_send(d->lease, &joined, sizeof(joined), NULL, 0) < 0
		       ? err_set(e, errno, "ask the helper")
		       : 0;
}

/* What an answer means. Return: 1 once that is known, with @ret; 0 to wait for the next. */
static int follow(
	struct door *d, const int *fds, size_t n, enum door_opened *ret, struct err *e)
{
	*ret = DOOR_FAILS;
	switch (d->reply.kind) {
	case PROTO_MOVE:
		return client_move_self(fds, n, e) < 0 ? 1 : 0;
	case PROTO_JOIN:
		if (join(d, fds, n, e) == 0)
			*ret = DOOR_INSIDE;
		return 1;
	case PROTO_UNBOXED:
		syslog(LOG_ALERT,
			"session %s: %s is let in NOT ISOLATED, as OnError=allow says: %s",
			d->reply.id, d->account.name, d->reply.text);
		/* fall through */
	case PROTO_IGNORE:
		if (choose_shell(d, e) == 0)
			*ret = DOOR_UNBOXED;
		return 1;
	case PROTO_DENY:
		(void)err_set(e, 0, "%s", d->reply.text);
		return 1;
	default:
		(void)err_set(e, EBADMSG, "hear from the helper");
		return 1;
	}
}

static enum door_opened converse(struct door *d, struct err *e)
{
	for (;;) {
		enum door_opened opened;
		int fds[IO_FDS_MAX], known;
		size_t n = 0;

		if (client_reply(d->lease, &d->reply, fds, &n, e) < 0)
			return DOOR_FAILS;
		known = follow(d, fds, n, &opened, e);
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		if (known)
			return opened;
	}
}

/* Who it is, by the kernel's word. */
static int look_up(struct door *d, struct err *e)
{
	const struct passwd *pw;
	int r;

	errno = 0;
	pw = getpwuid(d->before.uid);
	if (!pw)
		return err_set(e, errno, "uid %u has no account", d->before.uid);
	r = account_read(pw->pw_name, &d->account, e);
	if (r == 0 && d->account.uid == d->before.uid)
		return 0;
	return r < 0 ? -1
		     : err_set(e, 0, "uid %u has no account of its own", d->before.uid);
}

static int ask(
	struct door *d, const struct proto_request *q, pid_t *helper, struct err *e)
{
	if (client_spawn(PATH_HELPER, NULL, &d->lease, helper, e) < 0)
		return -1;
	/* Not client_request(), which hands a terminal down. */
	return io_send(d->lease, q, sizeof(*q), NULL, 0) < 0
		       ? err_set(e, errno, "ask the helper")
		       : 0;
}

/* As the PAM module does when there is no helper to ask. */
static enum door_opened never_isolated(struct door *d, const struct err *why)
{
	struct err e;

	if (d->reply.kind == PROTO_JOIN || !policy_is_exempt(&d->account) ||
		door_shell("", d->account.shell, d->shell, &e) < 0)
		return DOOR_FAILS;
	syslog(LOG_ALERT,
		"%s is let in although sessions can't be opened (root or member of %s): %s",
		d->account.name, POLICY_BREAK_GLASS_GROUP, why->msg);
	return DOOR_UNBOXED;
}

enum door_opened door_open(struct door *d, struct err *e)
{
	struct proto_request q = {
		.magic = PROTO_MAGIC, .kind = PROTO_OPEN, .service = PROTO_SERVICE_DOOR
	};
	enum door_opened opened = DOOR_FAILS;
	pid_t helper = -1;

	session_id_make(q.id);
	(void)snprintf(d->reply.id, sizeof(d->reply.id), "%s", q.id);
	if (look_up(d, e) < 0)
		return DOOR_FAILS;
	if (strlen(d->account.name) >= sizeof(q.user)) {
		(void)err_set(e, ENAMETOOLONG, "ask the helper");
		return DOOR_FAILS;
	}
	(void)snprintf(q.user, sizeof(q.user), "%s", d->account.name);
	if (ask(d, &q, &helper, e) == 0)
		opened = converse(d, e);
	if (opened != DOOR_INSIDE)
		cleanup_close(&d->lease);
	if (helper > 0)
		client_reap(helper, opened == DOOR_FAILS && e->num == ETIMEDOUT);
	return opened == DOOR_FAILS ? never_isolated(d, e) : opened;
}
