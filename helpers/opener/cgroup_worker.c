/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/cgroup_worker.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/client/protocol.h"

#include <string.h>

/* The one byte of groups_begin(). */
#define BEGIN 'b'

struct prepared {
	struct err e; /* msg is empty on success */
	/* Beside cgroup_fds.move there are these fds, in this order. */
	bool directory, manager;
};

static int send_move(
	const struct plan *plan, const struct cgroup_fds *f, int login, struct err *e)
{
	struct proto_reply reply = { .magic = PROTO_MAGIC, .kind = PROTO_MOVE };

	if (f->directory < 0 || f->n == 0)
		return 0;
	(void)snprintf(reply.id, sizeof(reply.id), "%s", plan->id);
	return io_send(login, &reply, sizeof(reply), f->move, f->n) < 0
		       ? err_set(e, errno, "tell the login program its cgroup")
		       : 0;
}

static int hand_over(const struct cgroup_fds *f, struct prepared *p, int peer)
{
	int fds[CGROUP_FDS_MAX + 2];
	size_t n = f->n;

	memcpy(fds, f->move, n * sizeof(int));
	p->directory = f->directory >= 0;
	p->manager = f->manager >= 0;
	if (p->directory)
		fds[n++] = f->directory;
	if (p->manager)
		fds[n++] = f->manager;
	return io_send(peer, p, sizeof(*p), fds, n);
}

void groups_prepare(const struct plan *plan, int peer, int login, pid_t supervisor)
{
	struct cgroup_fds session = CGROUP_FDS_NONE, supervisors = CGROUP_FDS_NONE;
	struct prepared p = { 0 };
	char word;
	int r;

	if (io_recv(peer, &word, 1, NULL, NULL) != 0 || word != BEGIN)
		return;
	if (cgroup_prepare(&plan->cgroup, supervisor, &session, &p.e) == 0)
		(void)send_move(plan, &session, login, &p.e);
	r = hand_over(&session, &p, peer);
	/* The supervisor must not take what is its own for the session's. */
	if (r == 0 && p.e.msg[0] == '\0') {
		(void)cgroup_prepare_supervisor(&plan->cgroup, &supervisors, &p.e);
		(void)hand_over(&supervisors, &p, peer);
	}
	cgroup_fds_close(&session);
	cgroup_fds_close(&supervisors);
}

int groups_begin(int peer, struct err *e)
{
	const char word = BEGIN;

	return io_send(peer, &word, 1, NULL, 0) < 0
		       ? err_set(e, errno, "begin to make cgroups")
		       : 0;
}

int groups_await(int peer, struct cgroup_fds *ret, struct err *e)
{
	struct prepared p;
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
	struct prepared p;

	while (peer >= 0 && io_recv(peer, &p, sizeof(p), NULL, NULL) == 0)
		continue;
}
