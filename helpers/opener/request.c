/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/request.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/client/session_id.h"

int request_take(int sock, struct proto_request *q, int *terminal)
{
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (io_recv(sock, q, sizeof(*q), fds, &n) != 0 || q->magic != PROTO_MAGIC)
		return -1;
	if (q->kind != PROTO_OPEN && q->kind != PROTO_GATE)
		return -1;
	q->id[sizeof(q->id) - 1] = '\0';
	q->service[sizeof(q->service) - 1] = '\0';
	q->user[sizeof(q->user) - 1] = '\0';
	q->rhost[sizeof(q->rhost) - 1] = '\0';
	q->tty[sizeof(q->tty) - 1] = '\0';
	q->tmpdir[sizeof(q->tmpdir) - 1] = '\0';
	q->ticket[sizeof(q->ticket) - 1] = '\0';
	if (!session_id_is_valid(q->id))
		return -1;
	while (n > 1)
		cleanup_close(&fds[--n]);
	if (n == 1)
		*terminal = fds[0];
	return 0;
}
