/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/sibling.h"

#include "core/base/cleanup.h"
#include "core/run/network/netns.h"
#include "core/run/session/held.h"

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

int sibling_take(const struct record *r, int number, int kind, uint64_t ino, int *ret)
{
	_cleanup_close_ int ns = -EBADF;
	int found = held_take(r, number, &ns), is;

	if (found != 1)
		return found;
	is = netns_is(ns, kind, ino);
	if (is <= 0)
		return is < 0 ? -1 : 2;
	*ret = take_fd(&ns);
	return 1;
}
