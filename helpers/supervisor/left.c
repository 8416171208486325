/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/left.h"

#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>

/* Each fd that it names outlives an exec. Return: 0 or -1 with errno. */
static int hand_down(const struct supervisor_left *l)
{
	const struct session *s = &l->session;
	const int fds[] = { l->sock, s->signals, s->lock, s->listener, s->init, s->leash,
		s->terminal, s->filter, s->proc, s->holder, s->net, s->number,
		s->preparer, s->worker, s->host.leash, s->host.pidfd, s->groups.directory,
		s->groups.manager, s->groups.pids };
	int r = 0;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0 && fcntl(fds[i], F_SETFD, 0) < 0)
			r = -1;
	for (size_t i = 0; i < s->groups.n; i++)
		if (fcntl(s->groups.move[i], F_SETFD, 0) < 0)
			r = -1;
	for (size_t i = 0; i < s->refresh.n; i++)
		if ((s->refresh.fs[i] >= 0 && fcntl(s->refresh.fs[i], F_SETFD, 0) < 0) ||
			(s->refresh.lower[i] >= 0 &&
				fcntl(s->refresh.lower[i], F_SETFD, 0) < 0))
			r = -1;
	return r;
}

int left_write(struct supervisor_left *l, int *ret, struct err *e)
{
	int r = hand_down(l);

	if (r < 0)
		(void)err_set(e, errno, "hand the session over");
	else
		r = pass_on_write(&l->head, sizeof(*l), l->session.plan, ret, e);
	if (r < 0)
		(void)sys_cloexec_from(3);
	return r;
}

int left_read(int fd, struct supervisor_left *l, struct plan *plan, struct err *e)
{
	if (pass_on_read(fd, &l->head, sizeof(*l), plan, e) < 0)
		return -1;
	l->session.plan = plan;
	l->session.next = -EBADF;
	return 0;
}

int left_keep(struct err *e)
{
	return sys_cloexec_from(3) < 0 ? err_set(e, errno, "take the session over") : 0;
}
