/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/cgroup_worker.h"
#include "helpers/opener/cgroup_worker_said.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/client/protocol.h"

#include <string.h>

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

static int hand_over(const struct cgroup_fds *f, struct groups_said *p, int peer)
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

static bool hear(int peer, char *word)
{
	return io_recv(peer, word, 1, NULL, NULL) == 0;
}

bool groups_prepare(const struct plan *plan, int peer, int login, pid_t supervisor)
{
	struct cgroup_fds session = CGROUP_FDS_NONE, supervisors = CGROUP_FDS_NONE;
	struct groups_said p = { 0 };
	char word = 0;
	int r;

	if (!hear(peer, &word) || word != GROUPS_BEGIN)
		return word == GROUPS_LET_GO;
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
	/* Who heard nothing still waits, and has no word for this process. */
	return r == 0 && hear(peer, &word) && word == GROUPS_LET_GO;
}
