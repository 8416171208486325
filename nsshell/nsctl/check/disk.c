/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounts that keep their changes on disk, where nothing but the host's own quotas ends them. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/diskquota.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What of a file system is limited for somebody. */
struct disk_quota {
	bool bytes, files;
};

/* Return: 0, or -1 where it can't be told. */
static int add_quota(int fd, int type, uint32_t id, struct disk_quota *q)
{
	struct if_dqblk d = { 0 };

	if (sys_quotactl(fd, Q_GETQUOTA, type, id, &d) < 0)
		/* No quota is on, or the file system has none. */
		return errno == ESRCH || errno == ENOSYS || errno == EOPNOTSUPP ||
				       errno == ENOTTY || errno == EINVAL ||
				       errno == ENODEV
			       ? 0
			       : -1;
	q->bytes = q->bytes || d.dqb_bhardlimit || d.dqb_bsoftlimit;
	q->files = q->files || d.dqb_ihardlimit || d.dqb_isoftlimit;
	return 0;
}

/* The account's directory of a kind, or what it will be made in. */
static int open_own(const char *kind, uid_t uid)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/%u", PATH_STATE, kind, uid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = open(PATH_STATE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = open("/var/lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* With an UpperSize= of its own: whether logins can have it. */
static bool is_sized(const struct policy *p)
{
	return p->upper == UPPER_DISK && p->upper_sized &&
	       p->upper_size != PARSE_INFINITY;
}

void check_disk_size(const struct check_account *a, struct findings *f)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	struct err why;

	if (!is_sized(a->policy) || geteuid() != 0)
		return;
	fd = open_own("upper", a->account->uid);
	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/upper/%u", PATH_STATE, a->account->uid);
	if (diskquota_ready(fd, &why) < 0 ||
		(access(path, F_OK) == 0 &&
			diskquota_is_of(fd, a->account->name, a->account->uid, &why) < 0))
		findings_add(f, FINDING_ERROR, a->account->name,
			"logins are refused until then: nsshell.conf(5), UpperSize=",
			"%s", why.msg);
}

/* Whether nothing limits what the account has below @kind, as far as it can be told. What its own root writes has other
 * owners. */
static bool is_open(const char *kind, const struct check_account *a)
{
	uid_t uid = a->account->uid;
	_cleanup_close_ int fd = geteuid() != 0 ? -EBADF : open_own(kind, uid);
	struct disk_quota q = { 0 };
	struct fsxattr project = { 0 };

	if (fd < 0 || (!a->policy->root && add_quota(fd, USRQUOTA, uid, &q) < 0))
		return false;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &project) == 0 && project.fsx_projid != 0 &&
		add_quota(fd, PRJQUOTA, project.fsx_projid, &q) < 0)
		return false;
	return !q.bytes || !q.files;
}

bool check_disk_is_open(const struct check_account *a)
{
	return a->policy->upper == UPPER_DISK && !is_sized(a->policy) &&
	       is_open("upper", a);
}

bool check_volumes_are_open(const struct check_account *a)
{
	return a->policy->volumes.n > 0 && is_open("volumes", a);
}

void check_disk(const struct strlist *open, const char *key, struct findings *f)
{
	char whom[64];

	if (open->n == 0)
		return;
	(void)snprintf(whom, sizeof(whom), "%.32s%s", open->v[0],
		open->n > 1 ? " and others" : "");
	findings_add(f, FINDING_WARNING, whom,
		"give them quotas of bytes and files: nsshell.conf(5), What fills up; nothing, "
		"where the file system has a way of its own to limit them",
		"%s without a disk quota: %zu account%s can fill the file system of %s",
		key, open->n, open->n == 1 ? "" : "s", PATH_STATE);
}
