/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/lock.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Between two tries: short at first, since most locks are held for less than a millisecond. */
#define PAUSE_FIRST_US 500
#define PAUSE_MOST_US  8000

static int try_file(int fd, int how)
{
	return flock(fd, how | LOCK_NB);
}

static int try_range(int fd, int how)
{
	struct flock all = { .l_type = (short)how, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &all);
}

/* A wait in the kernel has no end that can be given, and a signal's would be our caller's. */
static int keep_trying(int (*try)(int fd, int how), int fd, int how, unsigned int ms)
{
	uint64_t until = clock_usec() + (uint64_t)ms * 1000;
	uint64_t pause = PAUSE_FIRST_US;

	for (;;) {
		if (try(fd, how) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
			return -1;
		if (clock_usec() >= until)
			return 1;
		clock_pause(pause);
		if (pause < PAUSE_MOST_US)
			pause *= 2;
	}
}

int lock_file(int fd, int how, unsigned int ms)
{
	return keep_trying(try_file, fd, how, ms);
}

int lock_range(int fd, unsigned int ms)
{
	return keep_trying(try_range, fd, F_WRLCK, ms);
}

/* ---- files of ours ---------------------------------------------------------------------- */

/* "3: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF" (proc_locks(5)). */
pid_t lock_holder(int fd)
{
	_cleanup_file_ FILE *f = fopen("/proc/locks", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	struct stat st;

	if (!f || fstat(fd, &st) < 0)
		return 0;
	while (getline(&line, &room, f) > 0) {
		unsigned int major_, minor_;
		uint64_t ino;
		int pid;

		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid, &major_,
			    &minor_, &ino) == 4 &&
			major_ == major(st.st_dev) && minor_ == minor(st.st_dev) &&
			ino == st.st_ino)
			return pid;
	}
	return 0;
}

static int held(
	int fd, const char *directory, const char *name, unsigned int ms, struct err *e)
{
	char path[32], comm[32] = "gone by now", had[32] = "";
	int pid = ms > 0 ? lock_holder(fd) : 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (pid > 0 && io_read_text(AT_FDCWD, path, comm, sizeof(comm)) > 0)
		comm[strcspn(comm, "\n")] = '\0';
	if (ms >= 1000)
		(void)snprintf(had, sizeof(had), " had for %u s", ms / 1000);
	if (pid > 0)
		(void)err_set(e, 0, "lock %s/%s, which process %d (%s) has%s", directory,
			name, pid, comm, had);
	else
		(void)err_set(
			e, 0, "lock %s/%s, which another process has", directory, name);
	e->num = ETIMEDOUT;
	return 1;
}

int lock_named(int dir, const char *directory, const char *name, unsigned int ms,
	int *ret_fd, struct err *e)
{
	for (;;) {
		_cleanup_close_ int fd = openat(
			dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		int r;

		if (fd < 0)
			return err_set(e, errno, "open %s/%s", directory, name);
		r = lock_file(fd, LOCK_EX, ms);
		if (r < 0)
			return err_set(e, errno, "lock %s/%s", directory, name);
		if (r > 0)
			return held(fd, directory, name, ms, e);
		if (io_is_still(dir, name, fd)) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
}

int lock_state(const char *name, unsigned int ms, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_RUN, PATH_RUN_MODE, e);

	return dir < 0 ? -1 : lock_named(dir, PATH_RUN, name, ms, ret_fd, e);
}
