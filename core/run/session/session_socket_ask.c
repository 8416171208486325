/* SPDX-License-Identifier: BSD-3-Clause */
/* The asker's side. */
#include "core/run/session/session_socket.h"

#include "core/base/io.h"

#include <errno.h>

int session_socket_ask(int sock, const char *id, enum session_request_kind kind,
	int value, const int *fds, size_t n, struct err *e)
{
	const struct session_request q = { SESSION_SOCKET_MAGIC, kind, value };

	return io_send(sock, &q, sizeof(q), fds, n) < 0
		       ? err_set(e, errno, "ask session %s", id)
		       : 0;
}

int session_socket_hear(int sock, const char *id, struct session_answer *ret, int *fds,
	size_t *n, struct err *e)
{
	int r = io_recv(sock, ret, sizeof(*ret), fds, n);

	if (r > 0)
		return err_set(e, 0, "session %s ended meanwhile", id);
	if (r < 0 || ret->magic != SESSION_SOCKET_MAGIC)
		return err_set(e, r < 0 ? errno : EPROTO, "hear from session %s", id);
	ret->error.msg[sizeof(ret->error.msg) - 1] = '\0';
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret->failed == 0)
		return 0;
	*e = ret->error;
	return -1;
}
