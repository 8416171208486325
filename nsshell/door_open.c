/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a session without PAM: the helper does what it does for the module. */
#include "nsshell/door.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "helpers/client.h"
#include "helpers/session_id.h"

#include <pwd.h>
#include <string.h>
#include <syslog.h>

/* Nobody of us goes in: what runs there the session itself starts. */
static int be_in(struct door *d, struct err *e)
{
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	return io_send(d->lease, &joined, sizeof(joined), NULL, 0) < 0
		       ? err_set(e, errno, "ask the helper")
		       : 0;
}

/* What an answer means. Return: 1 once that is known, with @ret; 0 to wait for the next. */
static int follow(struct door *d, enum door_opened *ret, struct err *e)
{
	*ret = DOOR_FAILS;
	switch (d->reply.kind) {
	case PROTO_MOVE:
		return 0;
	case PROTO_JOIN:
		if (be_in(d, e) == 0)
			*ret = DOOR_HOLDS;
		return 1;
	case PROTO_UNBOXED:
		syslog(LOG_ALERT,
			"session %s: %s is let in NOT ISOLATED, as OnError=allow says: %s",
			d->reply.id, d->account.name, d->reply.text);
		/* fall through */
	case PROTO_IGNORE:
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
		int fds[IO_FDS_MAX];
		size_t n = 0;

		if (client_reply(d->lease, &d->reply, fds, &n, e) < 0)
			return DOOR_FAILS;
		while (n > 0)
			(void)close(fds[--n]);
		if (follow(d, &opened, e))
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
	if (d->reply.kind == PROTO_JOIN || !policy_is_exempt(&d->account))
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
	if (opened != DOOR_HOLDS)
		cleanup_close(&d->lease);
	if (helper > 0)
		client_reap(helper, opened == DOOR_FAILS && e->num == ETIMEDOUT);
	return opened == DOOR_FAILS ? never_isolated(d, e) : opened;
}
