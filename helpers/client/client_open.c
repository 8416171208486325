/* SPDX-License-Identifier: BSD-3-Clause */
/* A session for who doesn't go in: the door's, nsctl run's. */
#include "helpers/client/client.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <string.h>

/* To the first answer but PROTO_MOVE; none of the fds is of use here. */
static int hear(int lease, struct proto_reply *ret, struct err *e)
{
	int fds[IO_FDS_MAX];
	size_t n;

	do {
		n = 0;
		if (client_reply(lease, ret, fds, &n, e) < 0)
			return -1;
		while (n > 0)
			(void)close(fds[--n]);
	} while (ret->kind == PROTO_MOVE);
	return 0;
}

static int converse(
	int lease, const struct proto_request *q, struct proto_reply *ret, struct err *e)
{
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	/* Not client_request(), which hands a terminal down. */
	if (io_send(lease, q, sizeof(*q), NULL, 0) < 0)
		return err_set(e, errno, "ask the helper");
	if (hear(lease, ret, e) < 0)
		return -1;
	switch (ret->kind) {
	case PROTO_JOIN:
		return io_send(lease, &joined, sizeof(joined), NULL, 0) < 0
			       ? err_set(e, errno, "ask the helper")
			       : 0;
	case PROTO_DENY:
		return err_set(e, 0, "%s", ret->text);
	case PROTO_IGNORE:
	case PROTO_UNBOXED:
		return 0;
	default:
		return err_set(e, EBADMSG, "hear from the helper");
	}
}

int client_open(const char *helper, const char *config, const char *user,
	const char *service, int *ret_lease, struct proto_reply *ret, struct err *e)
{
	struct proto_request q = { .magic = PROTO_MAGIC, .kind = PROTO_OPEN };
	_cleanup_close_ int lease = -EBADF;
	pid_t pid;
	int r;

	if (strlen(user) >= sizeof(q.user))
		return err_set(e, ENAMETOOLONG, "ask the helper");
	(void)snprintf(q.id, sizeof(q.id), "%s", ret->id);
	(void)snprintf(q.user, sizeof(q.user), "%s", user);
	(void)snprintf(q.service, sizeof(q.service), "%s", service);
	if (client_spawn(helper, config, &lease, &pid, e) < 0)
		return -1;
	r = converse(lease, &q, ret, e);
	if (r < 0 || ret->kind != PROTO_JOIN)
		cleanup_close(&lease);
	client_reap(pid, r < 0 && e->num == ETIMEDOUT);
	*ret_lease = take_fd(&lease);
	return r;
}
