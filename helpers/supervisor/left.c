/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/left.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/plan_wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* FD_CLOEXEC or 0 for each fd that it names. Return: 0 or -1 with errno. */
static int mark(const struct supervisor_left *l, int flag)
{
	const struct session *s = &l->session;
	const int fds[] = { l->sock, s->signals, s->lock, s->listener, s->init, s->leash,
		s->terminal, s->filter, s->proc, s->holder, s->net, s->number,
		s->preparer, s->host.leash, s->host.pidfd, s->groups.directory,
		s->groups.manager, s->groups.pids };
	int r = 0;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0 && fcntl(fds[i], F_SETFD, flag) < 0)
			r = -1;
	for (size_t i = 0; i < s->groups.n; i++)
		if (fcntl(s->groups.move[i], F_SETFD, flag) < 0)
			r = -1;
	for (size_t i = 0; i < s->refresh.n; i++)
		if ((s->refresh.fs[i] >= 0 &&
			    fcntl(s->refresh.fs[i], F_SETFD, flag) < 0) ||
			(s->refresh.lower[i] >= 0 &&
				fcntl(s->refresh.lower[i], F_SETFD, flag) < 0))
			r = -1;
	return r;
}

static int put(const struct supervisor_left *l, int fd, struct err *e)
{
	_cleanup_free_ void *plan = NULL;
	size_t size;

	if (wire_put(&plan_wire, l->session.plan, &plan, &size, e) < 0)
		return -1;
	if (fd < 0 || io_write_all(fd, l, sizeof(*l)) < 0 ||
		io_write_all(fd, plan, size) < 0 || mark(l, 0) < 0)
		return err_set(e, errno, "hand the session over");
	return 0;
}

int left_write(struct supervisor_left *l, int *ret, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("nsshell session", 0);

	(void)snprintf(l->version, sizeof(l->version), "%s", VERSION);
	l->size = sizeof(*l);
	l->layout = wire_layout(&plan_wire);
	if (put(l, fd, e) < 0) {
		(void)mark(l, FD_CLOEXEC);
		return -1;
	}
	*ret = take_fd(&fd);
	return 0;
}

/* Return: its bytes, which stay, or NULL with errno. */
static void *read_all(int fd, size_t *ret)
{
	struct stat st;
	ssize_t n = 0;
	char *bytes;

	if (fstat(fd, &st) < 0 || st.st_size < 0)
		return NULL;
	*ret = (size_t)st.st_size;
	bytes = malloc(*ret);
	for (size_t at = 0; bytes && at < *ret; at += (size_t)n) {
		n = pread(fd, bytes + at, *ret - at, (off_t)at);
		if (n <= 0) {
			free(bytes);
			return NULL;
		}
	}
	return bytes;
}

int left_read(int fd, struct supervisor_left *l, struct plan *plan, struct err *e)
{
	_cleanup_close_ int from = fd;
	static struct arena arena;
	size_t size;
	char *bytes = read_all(from, &size);

	if (!bytes)
		return err_set(e, errno, "take the session over");
	memcpy(l, bytes, size < sizeof(*l) ? size : sizeof(*l));
	if (size < sizeof(*l) || l->size != sizeof(*l) ||
		l->layout != wire_layout(&plan_wire) ||
		strncmp(l->version, VERSION, sizeof(l->version)) != 0)
		return err_set(e, 0,
			"nsshell-helper and nsshell-supervisor are of two versions: log in again when the upgrade is done");
	l->session.plan = plan;
	return wire_take(
		&plan_wire, bytes + sizeof(*l), size - sizeof(*l), &arena, plan, e);
}

int left_keep(const struct supervisor_left *l, struct err *e)
{
	return mark(l, FD_CLOEXEC) < 0 ? err_set(e, errno, "take the session over") : 0;
}
