/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/ticket.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOST (1 << 20)

/* Nothing that lies elsewhere: no link, and no file that is mounted there (FUSE). */
#define RESOLVE                                                                          \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* The directories that hold it: the host's, and the session's. */
struct places {
	int from, to;
	const char *name;
};

static void places_close(struct places *p)
{
	cleanup_close(&p->from);
	cleanup_close(&p->to);
}

static int find_places(
	const struct plan *plan, pid_t init, struct places *p, struct err *e)
{
	const char *slash = strrchr(plan->ticket, '/');
	_cleanup_close_ int root = -EBADF;
	char dir[16], path[32];

	(void)snprintf(
		dir, sizeof(dir), "%.*s", (int)(slash - plan->ticket), plan->ticket);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", init);
	p->name = slash + 1;
	p->from = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->from < 0 || root < 0)
		return err_set(e, errno, "look for %s", plan->ticket);
	p->to = sys_openat2(root, dir + 1, O_RDONLY | O_DIRECTORY, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	return p->to < 0 ? err_set(e, errno, "open %s inside", dir) : 0;
}

/* Return: 1 when it isn't there. */
static int open_own(const struct plan *plan, const struct places *p, int *ret,
	off_t *ret_size, struct err *e)
{
	_cleanup_close_ int fd = sys_openat2(
		p->from, p->name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %s as %s", plan->ticket, plan->user);
	if (!S_ISREG(st.st_mode) || st.st_uid != plan->uid || st.st_nlink != 1 ||
		st.st_size > MOST)
		return err_set(e, 0,
			"%s is no file of %s's own with that one name and at most 1 MiB",
			plan->ticket, plan->user);
	*ret_size = st.st_size;
	*ret = take_fd(&fd);
	return 0;
}

static int copy(int from, int to, off_t size)
{
	char buf[4096];
	ssize_t n = 0;

	while (size > 0) {
		n = read(from, buf, sizeof(buf));
		if (n <= 0 || io_write_all(to, buf, (size_t)n) < 0)
			break;
		size -= n;
	}
	return n < 0 || size > 0 ? -1 : 0;
}

/* In one step: another login of the account's may have brought one of that name before. */
static int put(const struct plan *plan, const struct places *p, int from, off_t size,
	struct err *e)
{
	_cleanup_close_ int to = -EBADF;
	char new[NAME_MAX + 1];

	(void)snprintf(new, sizeof(new), "%s.%s", p->name, plan->id);
	to = sys_openat2(p->to, new, O_WRONLY | O_CREAT | O_EXCL, 0600, RESOLVE);
	if (to < 0)
		return err_set(
			e, errno, "make %s inside as %s", plan->ticket, plan->user);
	if (copy(from, to, size) < 0 || renameat(p->to, new, p->to, p->name) < 0) {
		(void)err_set(e, errno, "copy %s into the session", plan->ticket);
		(void)unlinkat(p->to, new, 0);
		return -1;
	}
	return 0;
}

static int move(const struct plan *plan, const struct places *p, struct err *e)
{
	_cleanup_close_ int from = -EBADF;
	off_t size = 0;
	int r = open_own(plan, p, &from, &size, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (put(plan, p, from, size, e) < 0)
		return -1;
	return unlinkat(p->from, p->name, 0) < 0
		       ? err_set(e, errno, "remove %s as %s", plan->ticket, plan->user)
		       : 0;
}

int ticket_move(const struct plan *plan, pid_t init, struct err *e)
{
	struct places p = { .from = -EBADF, .to = -EBADF };
	struct err back;
	int r;

	if (!*plan->ticket)
		return 0;
	r = find_places(plan, init, &p, e);
	if (r == 0)
		r = privs_look_as(plan->uid, plan->gid, plan->groups, plan->n_groups, e);
	if (r == 0)
		r = move(plan, &p, e);
	places_close(&p);
	if (privs_look_as_root(&back) < 0) {
		*e = back;
		return -1;
	}
	return r;
}
