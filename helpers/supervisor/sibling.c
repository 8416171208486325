/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/sibling.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/network/netns.h"

#include <fcntl.h>

int sibling_reserve(int number, struct err *e)
{
	_cleanup_close_ int any = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = any < 0 ? -1 : fcntl(any, F_DUPFD_CLOEXEC, number);

	if (fd < 0)
		return err_set(
			e, errno, "keep a place for what the account's sessions share");
	if (fd == number)
		return 0;
	(void)close(fd);
	return err_set(
		e, EBUSY, "keep fd %d for what the account's sessions share", number);
}

static int gone_or_failed(void)
{
	return errno == ESRCH || errno == ENOENT ? 0 : -1;
}

int sibling_take(const struct record *r, int number, int kind, uint64_t ino, int *ret)
{
	_cleanup_close_ int pidfd = -EBADF, ns = -EBADF;
	uint64_t start;
	int is;

	if (r->supervisor.pid <= 0)
		return 0;
	pidfd = sys_pidfd_open(r->supervisor.pid);
	if (pidfd < 0 || io_process_start(r->supervisor.pid, &start) < 0)
		return gone_or_failed();
	if (start != r->supervisor.start)
		return 0;
	ns = sys_pidfd_getfd(pidfd, number);
	if (ns < 0 && errno == EBADF)
		return 2;
	is = ns < 0 ? -1 : netns_is(ns, kind, ino);
	if (is < 0)
		return gone_or_failed();
	if (is == 0)
		return 2;
	*ret = take_fd(&ns);
	return 1;
}
