/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/look.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/strlist.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"
#include "core/run/mount/look_once.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum what {
	LOOK_PATH,
	LOOK_AGAIN,
	LOOK_PATTERN,
	LOOK_OPEN,
	LOOK_BORN
};

struct request {
	enum what what;
	enum plan_use use;
	bool as_account, follow;
	char path[PATH_MAX];
};

/* A pattern has one with @more for each match. */
struct reply {
	int r;
	bool more;
	uint64_t born;
	struct resolved found; /* its fd comes along */
	struct err e;
};

/* The child of ours, and as whom it looks. */
static struct {
	pid_t pid; /* 0: there is none */
	int sock;
	struct resolve_as as; /* name is "", groups are ours */
} looker = { .sock = -EBADF };

/* ---- in the child --------------------------------------------------------------------- */

static int say(int sock, struct reply *a)
{
	return io_send(sock, a, sizeof(*a), &a->found.fd, a->found.fd >= 0);
}

static int say_match(void *arg, const char *path)
{
	static struct reply a;

	a = (struct reply){ .more = true, .found = RESOLVED_NONE };
	(void)snprintf(a.found.real, sizeof(a.found.real), "%s", path);
	return say(*(const int *)arg, &a);
}

static int open_plainly(const struct request *q, struct reply *a)
{
	/* By a link of /proc the rest of our rights would lead where the account's don't. */
	int fd = sys_openat2(AT_FDCWD, q->path, O_PATH | (q->follow ? 0 : O_NOFOLLOW), 0,
		RESOLVE_NO_MAGICLINKS);

	if (fd < 0 || fstat(fd, &a->found.st) < 0) {
		(void)err_set(&a->e, errno, "open %s", q->path);
		cleanup_close(&fd);
		return -1;
	}
	a->found.fd = fd;
	return 0;
}

static int answer(
	int sock, const struct request *q, const struct resolve_as *as, struct reply *a)
{
	switch (q->what) {
	case LOOK_PATH:
		return resolve_path(q->path, q->use, as, &a->found, &a->e);
	case LOOK_AGAIN:
		return resolve_again(q->path, q->use, as, &a->found, &a->e);
	case LOOK_PATTERN:
		return resolve_pattern(q->path, as, say_match, &sock, &a->e);
	case LOOK_OPEN:
		return open_plainly(q, a);
	case LOOK_BORN:
		a->born = look_birth(q->path);
		return 0;
	}
	return err_set(&a->e, EINVAL, "look");
}

static void serve(int sock, const struct request *q, const struct resolve_as *as)
{
	static struct reply a;
	struct err back;

	a = (struct reply){ .found = RESOLVED_NONE };
	if (q->as_account)
		a.r = privs_look_as(as->uid, as->gid, as->groups, as->n_groups, &a.e);
	if (a.r == 0)
		a.r = answer(sock, q, as, &a);
	if (q->as_account && privs_look_as_root(&back) < 0)
		_exit(1);
	if (say(sock, &a) < 0)
		_exit(1);
	cleanup_close(&a.found.fd);
}

/* Whatever it waits for keeps nothing else from going on. */
static _Noreturn void be_child(int sock, const struct resolve_as *as)
{
	static struct request q;

	if (look_alone(sock, NULL, 0) != 0 || chdir("/") < 0 || setsid() < 0)
		_exit(1);
	while (io_recv(sock, &q, sizeof(q), NULL, NULL) == 0)
		serve(sock, &q, as);
	_exit(0);
}

/* ---- in the parent -------------------------------------------------------------------- */

static void forget(void)
{
	cleanup_close(&looker.sock);
	free((void *)(uintptr_t)looker.as.groups);
	memset(&looker, 0, sizeof(looker));
	looker.sock = -EBADF;
}

static void end_child(void)
{
	pid_t pid = looker.pid;

	if (pid == 0)
		return;
	forget();
	/* Another process' child after a fork: ECHILD. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

void look_end(void)
{
	end_child();
	look_once_end();
}

static bool is_same(const struct resolve_as *as)
{
	return looker.pid > 0 && looker.as.uid == as->uid && looker.as.gid == as->gid &&
	       looker.as.n_groups == as->n_groups &&
	       (as->n_groups == 0 || memcmp(looker.as.groups, as->groups,
					     as->n_groups * sizeof(*as->groups)) == 0);
}

static int spawn(const struct resolve_as *as, struct err *e)
{
	const struct timeval patience = { .tv_sec = LOOK_PATIENCE_S };
	uint32_t *groups = reallocarray(NULL, as->n_groups + 1, sizeof(*groups));

	if (!groups)
		return look_no_child(as, ENOMEM, e);
	if (as->n_groups > 0)
		memcpy(groups, as->groups, as->n_groups * sizeof(*groups));
	looker.pid = look_fork(&looker.sock);
	if (looker.pid == 0)
		be_child(looker.sock, as);
	looker.as = *as;
	looker.as.name = "";
	looker.as.groups = groups;
	if (looker.pid < 0) {
		(void)look_no_child(as, errno, e);
		forget();
		return -1;
	}
	(void)setsockopt(
		looker.sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

static int begin(const struct resolve_as *as, struct err *e)
{
	if (is_same(as))
		return 0;
	end_child();
	return look_is_free(as, e) < 0 ? -1 : spawn(as, e);
}

/* Return: 0, or -1 with @e. */
static int hear(const struct resolve_as *as, struct reply *a, struct err *e)
{
	int fds[IO_FDS_MAX], r;
	size_t n = 0;

	r = io_recv(looker.sock, a, sizeof(*a), fds, &n);
	a->found.fd = n > 0 ? fds[0] : -EBADF;
	if (r == 0)
		return 0;
	if (r < 0 && errno == EMFILE)
		return err_set(e, EMFILE, "look as %s", as->name);
	if (r < 0 && errno == EAGAIN) {
		pid_t pid = looker.pid;

		forget();
		return look_give_up(as, pid, e);
	}
	forget();
	return look_no_child(as, r < 0 ? errno : 0, e);
}

static int ask(const struct request *q, const struct resolve_as *as, struct reply *a,
	struct err *e)
{
	if (q->path[0] == '\0')
		return err_set(e, ENAMETOOLONG, "look at it as %s", as->name);
	if (begin(as, e) < 0)
		return -1;
	if (io_send(looker.sock, q, sizeof(*q), NULL, 0) < 0) {
		forget();
		return look_no_child(as, errno, e);
	}
	return hear(as, a, e);
}

/* One that is too long for the kernel stays so: cut, it would be another's. */
static struct request *request(enum what what, const char *path)
{
	static struct request q;

	q = (struct request){ .what = what };
	if ((size_t)snprintf(q.path, sizeof(q.path), "%s", path) >= sizeof(q.path))
		q.path[0] = '\0';
	return &q;
}

static int look(const struct request *q, const struct resolve_as *as,
	struct resolved *ret, struct err *e)
{
	static struct reply a;

	*ret = (struct resolved)RESOLVED_NONE;
	if (ask(q, as, &a, e) < 0)
		return -1;
	*ret = a.found;
	if (a.r < 0)
		*e = a.e;
	return a.r;
}

static bool is_roots(const struct resolve_as *as)
{
	return as->uid == 0 || geteuid() != 0;
}

int look_path(const char *path, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e)
{
	struct request *q = request(LOOK_PATH, path);

	if (is_roots(as))
		return resolve_path(path, use, as, ret, e);
	q->use = use;
	return look(q, as, ret, e);
}

int look_again(const char *real, enum plan_use use, const struct resolve_as *as,
	bool as_account, struct resolved *ret, struct err *e)
{
	struct request *q = request(LOOK_AGAIN, real);

	q->use = use;
	q->as_account = as_account;
	return look(q, as, ret, e);
}

int look_open(const char *path, bool follow, const struct resolve_as *as, bool as_account,
	struct resolved *ret, struct err *e)
{
	struct request *q = request(LOOK_OPEN, path);

	q->follow = follow;
	q->as_account = as_account;
	return look(q, as, ret, e);
}

int look_pattern(const char *pattern, const struct resolve_as *as,
	int (*each)(void *arg, const char *path), void *arg, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist found = { 0 };
	static struct reply a;
	int r;

	if (is_roots(as))
		return resolve_pattern(pattern, as, each, arg, e);
	r = ask(request(LOOK_PATTERN, pattern), as, &a, e);
	while (r == 0 && a.more) {
		if (strlist_add(&found, a.found.real) < 0)
			return err_set(e, ENOMEM, "look for %s", pattern);
		r = hear(as, &a, e);
	}
	if (r == 0 && a.r < 0) {
		*e = a.e;
		r = -1;
	}
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each(arg, found.v[i]);
	return r;
}

int look_born(const char *path, const struct resolve_as *as, uint64_t *ret, struct err *e)
{
	struct request *q = request(LOOK_BORN, path);
	static struct reply a;

	q->as_account = true;
	*ret = 0;
	if (ask(q, as, &a, e) < 0)
		return -1;
	if (a.r < 0)
		*e = a.e;
	*ret = a.born;
	return a.r;
}
