/* SPDX-License-Identifier: BSD-3-Clause */
/* The supervisor's end. */
#include "core/base/io.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/opener/cgroup_worker_said.h"

#include <errno.h>
#include <sys/socket.h>

int groups_begin(int peer, struct err *e)
{
	const char word = GROUPS_BEGIN;

	return io_send(peer, &word, 1, NULL, 0) < 0
		       ? err_set(e, errno, "begin to make cgroups")
		       : 0;
}

void groups_let_go(int peer)
{
	const char word = GROUPS_LET_GO;

	/* Where it can't be said it can be heard. */
	if (io_send(peer, &word, 1, NULL, 0) < 0)
		(void)shutdown(peer, SHUT_WR);
}

int groups_await(int peer, struct cgroup_fds *ret, struct err *e)
{
	struct groups_said p;
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (io_recv(peer, &p, sizeof(p), fds, &n) != 0)
		return err_set(e, 0, "the process that makes the cgroups died");
	if (p.e.msg[0]) {
		p.e.msg[sizeof(p.e.msg) - 1] = '\0';
		*e = p.e;
		return -1;
	}
	if (p.manager && n > 0)
		ret->manager = fds[--n];
	if (p.directory && n > 0)
		ret->directory = fds[--n];
	for (ret->n = 0; ret->n < n && ret->n < CGROUP_FDS_MAX; ret->n++)
		ret->move[ret->n] = fds[ret->n];
	return 0;
}

void groups_finish(int peer)
{
	struct groups_said p;

	while (peer >= 0 && io_recv(peer, &p, sizeof(p), NULL, NULL) == 0)
		continue;
}
