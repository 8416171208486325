/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/look_once.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LOOK_NAME       "nsshell-look"
#define RUN_PATIENCE_MS 2000
/* A process that isn't stuck in the kernel is gone by then. */
#define DIE_MS 200

/* Of the host's, where who looks may be in another mount namespace by now. */
static int accounts = -EBADF;

/* ---- one that is stuck ---------------------------------------------------------------- */

static void stuck_name(uid_t uid, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u.stuck", uid);
}

static int no_answer(const struct resolve_as *as, pid_t pid, struct err *e)
{
	(void)err_set(e, 0,
		"a file system of %s's doesn't answer (FUSE, or the network's): process %d "
		"(" LOOK_NAME ") waits for it",
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
	static const char name[] = "Name:\t" LOOK_NAME "\n";
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

void look_once_end(void)
{
	cleanup_close(&accounts);
}

/* ---- in the child --------------------------------------------------------------------- */

/* The lowest of them that isn't below @first; -1: there is none. */
static int next_kept(int first, int sock, const int *keep, size_t n)
{
	int next = sock >= first ? sock : -1;

	for (size_t i = 0; i < n; i++)
		if (keep[i] >= first && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

/* Nobody's lock, above all. */
static int keep_only(int sock, const int *keep, size_t n)
{
	int first = 3, next;

	while ((next = next_kept(first, sock, keep, n)) >= 0) {
		if (next > first &&
			sys_close_range((unsigned int)first, (unsigned int)next - 1) < 0)
			return -1;
		first = next + 1;
	}
	return sys_close_from((unsigned int)first);
}

int look_alone(int sock, const int *keep, size_t n)
{
	/* Nobody who reads what nsctl writes waits for this one's end. */
	int quiet = io_null_stdio();

	(void)prctl(PR_SET_NAME, LOOK_NAME, 0, 0, 0);
	if (keep_only(sock, keep, n) < 0)
		return -1;
	return quiet < 0 ? 1 : 0;
}

uint64_t look_birth(const char *path)
{
	struct statx st = { 0 };

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) == 0 &&
			       (st.stx_mask & STATX_BTIME) && st.stx_btime.tv_sec > 0
		       ? (uint64_t)st.stx_btime.tv_sec
		       : 0;
}

pid_t look_fork(int *sock)
{
	int pair[2], saved;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	saved = errno;
	*sock = pair[pid == 0];
	(void)close(pair[pid != 0]);
	if (pid < 0)
		cleanup_close(sock);
	errno = saved;
	return pid;
}

/* ---- once ----------------------------------------------------------------------------- */

struct said {
	int r;
	struct err e;
};

int look_no_child(const struct resolve_as *as, int num, struct err *e)
{
	(void)err_set(e, num, "look as %s", as->name);
	e->num = ECHILD;
	return -1;
}

static _Noreturn void run_once(
	int sock, const struct look_job *job, const int *keep, size_t n)
{
	struct said said = { 0 };

	/* Where the host's mounts aren't there, nor is /dev/null: what it has for that it keeps. */
	if (look_alone(sock, keep, n) < 0)
		_exit(1);
	said.r = job->run(job->arg, &said.e);
	_exit(io_send(sock, &said, sizeof(said), NULL, 0) < 0);
}

static int await_once(
	const struct resolve_as *as, pid_t pid, int sock, int patience_ms, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct said said;

	if (poll(&p, 1, patience_ms) <= 0)
		return look_give_up(as, pid, e);
	if (io_recv(sock, &said, sizeof(said), NULL, NULL) != 0)
		said.r = look_no_child(as, 0, &said.e);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (said.r < 0)
		*e = said.e;
	return said.r;
}

int look_run(const struct look_job *job, const struct resolve_as *as, const int *keep,
	size_t n, struct err *e)
{
	_cleanup_close_ int sock = -EBADF;
	pid_t pid;

	if (job->patience_ms >= 0 && look_is_free(as, e) < 0)
		return -1;
	pid = look_fork(&sock);
	if (pid == 0)
		run_once(sock, job, keep, n);
	return pid < 0 ? look_no_child(as, errno, e)
		       : await_once(as, pid, sock,
				 job->patience_ms ? job->patience_ms : RUN_PATIENCE_MS,
				 e);
}
