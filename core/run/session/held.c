/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/held.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int gone_or_failed(void)
{
	return errno == ESRCH ? 0 : -1;
}

int held_take(const struct record *r, int number, int *ret)
{
	_cleanup_close_ int pidfd = -EBADF;
	int fd;

	pidfd = io_process_hold(r->supervisor.pid, r->supervisor.start);
	if (pidfd < 0)
		return gone_or_failed();
	fd = sys_pidfd_getfd(pidfd, number);
	if (fd < 0)
		return errno == EBADF ? 2 : gone_or_failed();
	*ret = fd;
	return 1;
}

static bool is_of(int fd, const struct record *r)
{
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && fstatfs(fd, &fs) == 0 && S_ISDIR(st.st_mode) &&
	       fs.f_type == TMPFS_MAGIC && st.st_ino == r->upper;
}

int held_upper(const struct record *r, int *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int found = r->upper == 0 ? 0 : held_take(r, HELD_UPPER_FD, &fd);

	if (found < 0)
		return err_set(e, errno, "take what session %s has written", r->id);
	if (found == 0)
		return 0;
	if (found == 2 || !is_of(fd, r))
		return err_set(e, 0,
			"session %s doesn't hold what its record says it has written",
			r->id);
	*ret = take_fd(&fd);
	return 1;
}
