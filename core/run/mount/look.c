/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/look.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME            "nsshell-look"
#define RUN_PATIENCE_MS 2000
/* A process that isn't stuck in the kernel is gone by then. */
#define DIE_MS  200
#define LOOK_FD 3

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

/* Of the host's, where who looks may be in another mount namespace by now. */
static int accounts = -EBADF;

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

static int ask_born(const struct request *q, struct reply *a)
{
	struct statx st = { 0 };

	if (statx(AT_FDCWD, q->path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) == 0 &&
		(st.stx_mask & STATX_BTIME) && st.stx_btime.tv_sec > 0)
		a->born = (uint64_t)st.stx_btime.tv_sec;
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
		return ask_born(q, a);
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

/* Nobody who reads what nsctl writes waits for this one's end. */
static int be_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < LOOK_FD; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -1;
	return 0;
}

/* Whatever it waits for keeps nothing else from going on. */
static _Noreturn void be_child(int sock, const struct resolve_as *as)
{
	static struct request q;

	(void)prctl(PR_SET_NAME, NAME, 0, 0, 0);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, LOOK_FD + 1);
	if (be_quiet() < 0 || sock < 0 || dup3(sock, LOOK_FD, O_CLOEXEC) < 0 ||
		sys_close_from(LOOK_FD + 1) < 0 || chdir("/") < 0 || setsid() < 0)
		_exit(1);
	while (io_recv(LOOK_FD, &q, sizeof(q), NULL, NULL) == 0)
		serve(LOOK_FD, &q, as);
	_exit(0);
}

/* ---- one that is stuck ---------------------------------------------------------------- */

static void stuck_name(uid_t uid, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u.stuck", uid);
}

/* The child couldn't be had, or died: nothing is known of the path. */
static int no_child(const struct resolve_as *as, int num, struct err *e)
{
	(void)err_set(e, num, "look as %s", as->name);
	e->num = ECHILD;
	return -1;
}

static int no_answer(const struct resolve_as *as, pid_t pid, struct err *e)
{
	(void)err_set(e, 0,
		"a file system of %s's doesn't answer (FUSE, or the network's): process %d "
		"(" NAME ") waits for it",
		as->name, (int)pid);
	e->num = ETIMEDOUT;
	return -1;
}

/* A user could have any number of them made otherwise. */
static void note_stuck(const struct resolve_as *as, pid_t pid)
{
	_cleanup_close_ int fd = -EBADF;
	char name[32], text[16];

	stuck_name(as->uid, name, sizeof(name));
	(void)snprintf(text, sizeof(text), "%d\n", (int)pid);
	fd = openat(accounts, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (fd >= 0)
		(void)io_write_all(fd, text, strlen(text));
}

/*
 * By its name: where it was noted there may be no /proc. A user's process is none of ours, whatever it
 * calls itself and whosever its files in /proc are: those of one that can't be dumped are root's.
 */
static bool is_looker(int pid)
{
	static const char name[] = "Name:\t" NAME "\n";
	_cleanup_close_ int fd = -EBADF;
	char path[32], text[512];
	const char *ids;
	unsigned int real;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	if (strncmp(text, name, strlen(name)) != 0)
		return false;
	/* It waits for nothing any more, but for who started it to look. */
	if (strstr(text, "\nState:\tZ"))
		return false;
	ids = strstr(text, "\nUid:");
	return ids && sscanf(ids, "\nUid: %u", &real) == 1 && real == 0;
}

int look_is_free(const struct resolve_as *as, struct err *e)
{
	char name[32], text[16];
	int pid;

	if (accounts < 0)
		accounts = io_open_state(PATH_ACCOUNTS, 0700, e);
	if (accounts < 0)
		return -1;
	stuck_name(as->uid, name, sizeof(name));
	if (io_read_text(accounts, name, text, sizeof(text)) < 0)
		return 0;
	if (sscanf(text, "%d", &pid) == 1 && is_looker(pid))
		return no_answer(as, pid, e);
	(void)unlinkat(accounts, name, 0);
	return 0;
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
	cleanup_close(&accounts);
}

int look_give_up(const struct resolve_as *as, pid_t pid, struct err *e)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0)
		(void)sys_pidfd_signal(pidfd, SIGKILL);
	if (pidfd >= 0 && poll(&p, 1, DIE_MS) == 0)
		note_stuck(as, pid);
	(void)waitpid(pid, NULL, WNOHANG);
	return no_answer(as, pid, e);
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
	int pair[2];
	pid_t pid;

	if (!groups)
		return no_child(as, ENOMEM, e);
	if (as->n_groups > 0)
		memcpy(groups, as->groups, as->n_groups * sizeof(*groups));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(groups);
		return no_child(as, errno, e);
	}
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	pid = fork();
	if (pid == 0)
		be_child(pair[1], as);
	(void)close(pair[1]);
	looker.pid = pid;
	looker.sock = pair[0];
	looker.as = *as;
	looker.as.name = "";
	looker.as.groups = groups;
	if (pid > 0)
		return 0;
	forget();
	return no_child(as, errno, e);
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
	return no_child(as, r < 0 ? errno : 0, e);
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
		return no_child(as, errno, e);
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

/* ---- once ----------------------------------------------------------------------------- */

static bool is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Nobody's lock, above all. */
static void keep_only(int sock, const int *keep, size_t n)
{
	long most = sysconf(_SC_OPEN_MAX);

	for (int fd = 3; fd < most; fd++)
		if (fd != sock && !is_kept(fd, keep, n))
			(void)close(fd);
}

struct said {
	int r;
	struct err e;
};

void look_alone(int sock, const int *keep, size_t n)
{
	(void)prctl(PR_SET_NAME, NAME, 0, 0, 0);
	/* Where the host's mounts aren't there, that is what it has already. */
	(void)be_quiet();
	keep_only(sock, keep, n);
}

static _Noreturn void run_once(
	int sock, const struct look_job *job, const int *keep, size_t n)
{
	struct said said = { 0 };

	look_alone(sock, keep, n);
	said.r = job->run(job->arg, &said.e);
	_exit(io_send(sock, &said, sizeof(said), NULL, 0) < 0);
}

static int await_once(const struct resolve_as *as, pid_t pid, int sock, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct said said;

	if (poll(&p, 1, RUN_PATIENCE_MS) <= 0)
		return look_give_up(as, pid, e);
	if (io_recv(sock, &said, sizeof(said), NULL, NULL) != 0)
		said.r = no_child(as, 0, &said.e);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (said.r < 0)
		*e = said.e;
	return said.r;
}

int look_run(const struct look_job *job, const struct resolve_as *as, const int *keep,
	size_t n, struct err *e)
{
	_cleanup_close_ int ours = -EBADF;
	int pair[2];
	pid_t pid;

	if (look_is_free(as, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return no_child(as, errno, e);
	ours = pair[0];
	pid = fork();
	if (pid == 0)
		run_once(pair[1], job, keep, n);
	(void)close(pair[1]);
	return pid < 0 ? no_child(as, errno, e) : await_once(as, pid, ours, e);
}
