/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/handed.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Linux: Documentation/admin-guide/devices.txt */
#define MAJOR_MEM 1

/* Of the same major are memory, ports and the kernel's log. */
static bool is_like_null(dev_t rdev)
{
	static const unsigned int minors[] = { 3, 5, 7, 8, 9 };

	for (size_t i = 0; i < sizeof(minors) / sizeof(*minors); i++)
		if (rdev == makedev(MAJOR_MEM, minors[i]))
			return true;
	return false;
}

/* Raw, packet and netlink sockets do for whoever has them what only their opener may. */
static bool is_users_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return false;
	return (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6) &&
	       (type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET);
}

/* A named pipe may have been opened with O_PATH, too. */
static bool look(int fd, struct stat *ret)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) && fstat(fd, ret) == 0;
}

static bool is_stream(int fd, const struct stat *st)
{
	return S_ISFIFO(st->st_mode) || (S_ISSOCK(st->st_mode) && is_users_socket(fd));
}

/* A namespace is a regular file, too, and none that has anything to be read. */
static bool is_file(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISREG(st->st_mode) && fstatfs(fd, &fs) == 0 && fs.f_type != NSFS_MAGIC;
}

bool handed_is_harmless(int fd)
{
	struct stat st;

	return look(fd, &st) &&
	       (is_stream(fd, &st) || is_file(fd, &st) ||
		       (S_ISCHR(st.st_mode) && is_like_null(st.st_rdev)));
}

static bool may_go_in(int fd)
{
	struct stat st;

	if (!look(fd, &st))
		return false;
	if (fd > 2)
		return is_stream(fd, &st);
	return handed_is_harmless(fd) || (S_ISCHR(st.st_mode) && isatty(fd));
}

int handed_close_on_exec(struct err *e)
{
	_cleanup_dir_ DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!dir)
		return err_set(e, errno, "look at the login program's fds");
	while ((errno = 0, entry = readdir(dir))) {
		uint32_t fd;

		if (parse_u32(entry->d_name, &fd) < 0 || may_go_in((int)fd))
			continue;
		if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_set(e, errno, "keep fd %u out of the box", fd);
	}
	return errno ? err_set(e, errno, "look at the login program's fds") : 0;
}
