/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/renew.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/mount/watch.h"
#include "core/run/mount/look_once.h"
#include "core/run/mount/renew_look.h"
#include "core/run/mount/resolve.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

/* A child that isn't stuck in the kernel is gone by then. */
#define DIE_MS 200

bool renew_is_wanted(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].renew)
			return true;
	return false;
}

static int open_of(int proc, pid_t pid, const char *what, int flags, struct err *e)
{
	char path[48];
	int fd;

	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, what);
	fd = openat(proc, path, flags | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open %s of the session's init", what) : fd;
}

static void let_go(struct renew *r)
{
	cleanup_close(&r->root);
	cleanup_close(&r->user);
	cleanup_close(&r->mnt);
}

int renew_hold(int proc, pid_t init, struct renew *ret, struct err *e)
{
	struct renew r = RENEW_NONE;

	r.root = open_of(proc, init, "root", O_PATH | O_DIRECTORY, e);
	r.user = r.root < 0 ? -1 : open_of(proc, init, "ns/user", O_RDONLY, e);
	r.mnt = r.user < 0 ? -1 : open_of(proc, init, "ns/mnt", O_RDONLY, e);
	if (r.mnt < 0) {
		let_go(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

static uint64_t usec_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

/* Return: whether there is no child any more. */
static bool is_gone(struct renew *r)
{
	struct rusage used = { 0 };

	if (r->child > 0 && wait4(r->child, NULL, WNOHANG, &used) != 0) {
		r->child = 0;
		r->spent_usec = usec_of(&used.ru_utime) + usec_of(&used.ru_stime);
	}
	return r->child == 0;
}

/* Of a child that has looked. */
static void await_end(struct renew *r)
{
	_cleanup_close_ int pidfd = is_gone(r) ? -EBADF : sys_pidfd_open(r->child);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0)
		(void)poll(&p, 1, DIE_MS);
	(void)is_gone(r);
}

int renew_begin(struct renew *r, const struct plan *plan, struct err *e)
{
	const struct resolve_as as = resolve_as_account(plan);
	int sock;
	pid_t pid;

	if (!is_gone(r))
		return err_set(e, EBUSY, "look for what is new on the host");
	if (look_is_free(&as, e) < 0)
		return -1;
	pid = look_fork(&sock);
	if (pid < 0)
		return err_set(e, errno, "look for what is new on the host");
	if (pid == 0)
		renew_look(r, plan, sock);
	r->child = pid;
	r->sock = sock;
	return 0;
}

static void unwatch(int *fds, size_t *n)
{
	while (*n > 0)
		cleanup_close(&fds[--*n]);
}

/* The old ones go last: what changes meanwhile is heard. */
static void watch_found(struct renew *r)
{
	for (size_t i = 0; i < r->n_found; i++) {
		(void)fcntl(r->found[i], F_SETSIG, RENEW_SIGNAL);
		(void)fcntl(r->found[i], F_NOTIFY, CHANGES_NAMES);
	}
	unwatch(r->watched, &r->n_watched);
	memcpy(r->watched, r->found, r->n_found * sizeof(*r->found));
	r->n_watched = r->n_found;
	r->n_found = 0;
}

/* Return: 0; 1 for the last one; -1 when there is none. */
static int take(struct renew *r, struct renew_reply *said)
{
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (io_recv(r->sock, said, sizeof(*said), fds, &n) != 0)
		return -1;
	while (n > 0) {
		int fd = fds[--n];

		if (r->n_found < RENEW_WATCHES_MAX)
			r->found[r->n_found++] = fd;
		else
			(void)close(fd);
	}
	return !said->more;
}

int renew_hear(struct renew *r, struct err *e)
{
	struct renew_reply said;
	int last = take(r, &said);

	if (last == 0)
		return 0;
	cleanup_close(&r->sock);
	await_end(r);
	if (last < 0) {
		unwatch(r->found, &r->n_found);
		return 2;
	}
	watch_found(r);
	r->n_masks += said.n_masks;
	if (said.failed)
		*e = said.e;
	return said.failed ? -1 : 1;
}

void renew_watch_again(struct renew *r)
{
	for (size_t i = 0; i < r->n_watched; i++)
		(void)fcntl(r->watched[i], F_NOTIFY, CHANGES_NAMES);
}

int renew_give_up(struct renew *r, const struct plan *plan, struct err *e)
{
	const struct resolve_as as = resolve_as_account(plan);

	cleanup_close(&r->sock);
	unwatch(r->found, &r->n_found);
	return look_give_up(&as, r->child, e);
}

void renew_end(struct renew *r, const struct plan *plan)
{
	struct err ignored;

	if (r->sock >= 0)
		(void)renew_give_up(r, plan, &ignored);
	look_once_end();
	unwatch(r->watched, &r->n_watched);
	let_go(r);
}
