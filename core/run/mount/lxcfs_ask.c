/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/cleanup.h"
#include "core/base/lock.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/lxcfs.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* One that hangs holds whoever looks at a file, and SIGKILL may not help: a child looks. */
#define PATIENCE_MS 1000
#define PATH_ASKED  PATH_RUN "/lxcfs.asked"

static bool look_at(const char *where, const char *file)
{
	char path[PATH_MAX];
	struct statx now; /* what the kernel remembers of a dead one looks well */
	int len = snprintf(path, sizeof(path), "%s%s", where, file);

	return len > 0 && (size_t)len < sizeof(path) &&
	       statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &now) == 0;
}

/* One that was started before the control groups were mounted tells the host's numbers and fails below /sys. */
static bool is_of_use(const char *where)
{
	return look_at(where, "/proc/uptime") && (look_at(where, "/sys") || errno != EIO);
}

/*
 * Should:   look at every file: for a moment the kernel remembers them, and who opens them then
 *	     needs no answer
 * Mustn't:  keep anything open but the pipe and the lock: it may be there for good
 */
_Noreturn static void look(const char *where, int pipe, int lock)
{
	bool answers = dup2(pipe, 0) == 0 && (lock < 0 || dup2(lock, 1) == 1) &&
		       sys_close_from(lock < 0 ? 1 : 2) == 0 && is_of_use(where);

	for (int i = 0; answers && plan_lxcfs_files[i]; i++)
		(void)look_at(where, plan_lxcfs_files[i]);
	_exit(answers && write(0, "y", 1) == 1 ? 0 : 1);
}

/* Return: 1 it answers, 0 it is dead, -1 no answer; then the child stays, with the lock. */
static int ask(const char *where, int lock)
{
	_cleanup_close_ int ours = -EBADF;
	int ends[2], status, n;
	struct pollfd p;
	pid_t pid;
	char word;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	ours = ends[0];
	pid = fork();
	if (pid == 0)
		look(where, ends[1], lock);
	(void)close(ends[1]);
	p = (struct pollfd){ .fd = ours, .events = POLLIN };
	do
		n = pid < 0 ? 1 : poll(&p, 1, PATIENCE_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	n = pid > 0 && read(ours, &word, 1) == 1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return n;
}

/* Whether the lock's holder has waited for longer than its time limit. */
static bool is_waited_for(int lock)
{
	struct timespec now;
	struct stat st;

	return fstat(lock, &st) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0 &&
	       now.tv_sec - st.st_mtim.tv_sec > PATIENCE_MS / 1000;
}

/*
 * One child waits for an answer, however many logins there are: as long as it has the lock nobody
 * else asks. Who can't have the lock, not being root, asks all the same.
 */
bool lxcfs_answers(const char *where)
{
	_cleanup_close_ int lock =
		open(PATH_ASKED, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ours = lock >= 0 && lock_file(lock, LOCK_EX, 0) == 0;
	int r;

	if (lock >= 0 && !ours && is_waited_for(lock))
		return false;
	if (ours)
		(void)futimens(lock, NULL);
	r = ask(where, ours ? lock : -EBADF);
	if (ours && r >= 0)
		(void)unlink(PATH_ASKED);
	return r > 0;
}
