/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/pty.h"

#include "core/base/cleanup.h"
#include "core/run/terminal/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int pty_open(uid_t owner, const struct pty_manner *manner, int *ret_master,
	int *ret_slave, struct err *e)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int master = open(NOTICE_PTS "/ptmx", flags | O_NOFOLLOW);
	_cleanup_close_ int slave = -EBADF;
	int unlock = 0;

	if (master < 0)
		return err_set(e, errno, "open a terminal of the session");
	if (!notice_is_devpts(master))
		return err_set(
			e, 0, "%s of the session is no devpts: refused", NOTICE_PTS);
	/* The slave by its master: a path could lead elsewhere. */
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
		(slave = ioctl(master, TIOCGPTPEER, flags)) < 0)
		return err_set(e, errno, "open a terminal of the session");
	if (fchown(slave, owner, (gid_t)-1) < 0 ||
		tcsetattr(slave, TCSANOW, &manner->modes) < 0 ||
		ioctl(slave, TIOCSWINSZ, &manner->size) < 0)
		return err_set(e, errno, "set up a terminal of the session");
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

int pty_mark_shown(int slave)
{
	struct stat st;

	return fstat(slave, &st) < 0 ? -1 : fchmod(slave, (st.st_mode & 07777) | S_ISVTX);
}

bool pty_is_shown(mode_t mode)
{
	return mode & S_ISVTX;
}
