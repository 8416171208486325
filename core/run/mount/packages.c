/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/packages.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define N(a) (sizeof(a) / sizeof(*(a)))

void packages_describe(char *ret, size_t size)
{
	/* What each package manager writes whenever it has done something. */
	static const char *const lists[] = { "/var/lib/dpkg/status",
		"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite",
		"/var/lib/pacman/local", "/lib/apk/db/installed" };
	struct stat st;

	(void)snprintf(ret, size, "no list of packages\n");
	for (size_t i = 0; i < N(lists); i++)
		if (stat(lists[i], &st) == 0) {
			(void)snprintf(ret, size, "%s %lld %lld.%09ld\n", lists[i],
				(long long)st.st_size, (long long)st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec);
			return;
		}
}

static bool is_locked(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct flock whole = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type == F_WRLCK;
}

/*
 * What apt(8) and dpkg(1) hold from before the first file to after the last one. dpkg's list is no help for that: while
 * packages are unpacked it stays as it is.
 */
bool packages_are_changing(void)
{
	static const char *const locks[] = { "/var/lib/dpkg/lock-frontend",
		"/usr/lib/sysimage/rpm/.rpm.lock", "/var/lib/rpm/.rpm.lock" };

	for (size_t i = 0; i < N(locks); i++)
		if (is_locked(locks[i]))
			return true;
	return false;
}
