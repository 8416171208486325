/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/tty.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Whether @path is the device that @st is of. Return: -1 when that can't be told. */
static int is_device(const char *path, const struct stat *of)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
				       errno == ELOOP || errno == ENAMETOOLONG
			       ? 0
			       : -1;
	return S_ISCHR(st.st_mode) && st.st_rdev == of->st_rdev;
}

int tty_identify(int fd, const char *pam_tty, char *buf, size_t size, struct err *e)
{
	struct stat st;
	int r;

	buf[0] = '\0';
	if (fd < 0 || strstr(pam_tty, ".."))
		return 0;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at the terminal");
	if (*pam_tty == '\0') {
		if (ttyname_r(fd, buf, size) != 0)
			buf[0] = '\0';
		return 0;
	}
	(void)snprintf(buf, size, "%s%s",
		strncmp(pam_tty, "/dev/", 5) == 0 ? "" : "/dev/", pam_tty);
	r = is_device(buf, &st);
	if (r < 0)
		return err_set(e, errno, "look at the terminal %s", buf);
	if (r == 0)
		buf[0] = '\0';
	return 0;
}

int tty_remember(int fd, const char *path, struct record_tty *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at the terminal %s", path);
	*ret = (struct record_tty){
		.rdev = st.st_rdev,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mode = st.st_mode & 07777,
	};
	(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	return 0;
}

static const struct plan_op *terminal_op(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].kind == PLAN_TERMINAL)
			return &plan->ops[i];
	return NULL;
}

int tty_lend(int fd, const struct plan *plan, struct err *e)
{
	const struct plan_op *op = terminal_op(plan);

	if (op && (fchown(fd, idmap_to_host(&plan->uids, op->uid),
			   idmap_to_host(&plan->gids, op->gid)) < 0 ||
			  fchmod(fd, op->mode) < 0))
		return err_set(
			e, errno, "give the terminal %s to %s", plan->tty, plan->user);
	return 0;
}

/* Return: 1, 0, or -1 with errno. */
static int is_lent(
	int fd, const struct record_tty *lent, uid_t uid, const struct idmap *ids)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return st.st_rdev == lent->rdev &&
	       (st.st_uid == uid || (ids && idmap_has_host(ids, st.st_uid)));
}

int tty_give_back(int fd, const struct record_tty *lent, uid_t uid,
	const struct idmap *ids, struct err *e)
{
	_cleanup_close_ int opened = -EBADF;
	int is;

	if (lent->path[0] == '\0' || lent->rdev == 0)
		return 0;
	if (fd < 0) {
		opened = open(lent->path,
			O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		fd = opened;
		if (fd < 0)
			return errno == ENOENT || errno == EIO || errno == ENXIO
				       ? 0
				       : err_set(e, errno, "open the terminal %s",
						 lent->path);
	}
	is = is_lent(fd, lent, uid, ids);
	if (is == 0)
		return 0;
	if (is < 0 || fchown(fd, lent->uid, lent->gid) < 0 ||
		fchmod(fd, lent->mode & 07777) < 0)
		return err_set(e, errno, "give the terminal %s back", lent->path);
	return 0;
}
