/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/diskquota.h"

#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/base/sys.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>

/* 0 for none, as for a uid that has no room above the base. */
static uint32_t first_of(uid_t uid)
{
	uint32_t id = DISKQUOTA_BASE + uid;

	return id > DISKQUOTA_BASE && id != UINT32_MAX ? id : 0;
}

static uint32_t other_of(uid_t uid)
{
	return uid < DISKQUOTA_BASE - DISKQUOTA_OTHER ? DISKQUOTA_OTHER + uid
						      : first_of(uid);
}

/* 0 where it is of neither, and what is made in it isn't. */
static uint32_t project_of(int dir, uid_t uid)
{
	struct fsxattr x = { 0 };

	if (ioctl(dir, FS_IOC_FSGETXATTR, &x) < 0 ||
		!(x.fsx_xflags & FS_XFLAG_PROJINHERIT) ||
		(x.fsx_projid != first_of(uid) && x.fsx_projid != other_of(uid)))
		return 0;
	return x.fsx_projid;
}

int diskquota_ready(int dir, struct err *e)
{
	struct fs_quota_stat state = { 0 };

	if (sys_quotactl(dir, Q_XGETQSTAT, PRJQUOTA, 0, &state) == 0 &&
		(state.qs_flags & FS_QUOTA_PDQ_ENFD))
		return 0;
	return err_set(e, 0,
		"UpperSize= with Upper=disk needs quotas of projects where %s is, and that file system has none: "
		"mount it with prjquota (ext4: unmounted, tune2fs -O project,quota -Q prjquota DEVICE before; xfs: "
		"the option is enough), or remove UpperSize= there",
		PATH_STATE);
}

int diskquota_is_of(int dir, const char *user, uid_t uid, struct err *e)
{
	if (project_of(dir, uid) != 0)
		return 0;
	return err_set(e, 0,
		"UpperSize= can't hold for what %s wrote before there was one, as it isn't of project %u: set it "
		"aside (nsctl reset %s), or copy it into one that is (nsshell.conf(5), UpperSize=)",
		user, first_of(uid), user);
}

int diskquota_begin(int dir, int old, uid_t uid, struct err *e)
{
	struct fsxattr x = { 0 };
	int r = ioctl(dir, FS_IOC_FSGETXATTR, &x);

	x.fsx_projid = first_of(uid);
	if (old >= 0 && project_of(old, uid) == x.fsx_projid)
		x.fsx_projid = other_of(uid);
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (x.fsx_projid == 0)
		return err_set(e, 0, "UpperSize= with Upper=disk: uid %u is above %u",
			uid, UINT32_MAX - DISKQUOTA_BASE - 1);
	return r < 0 || ioctl(dir, FS_IOC_FSSETXATTR, &x) < 0
		       ? err_set(e, errno, "make %s/upper/%u of project %u", PATH_STATE,
				 uid, x.fsx_projid)
		       : 0;
}

int diskquota_limit(int dir, const struct plan *plan, struct err *e)
{
	bool limited = plan->upper_size != PARSE_INFINITY;
	/* Blocks are of QIF_DQBLKSIZE, 1024 bytes. */
	struct if_dqblk d = {
		.dqb_bhardlimit = limited ? plan->upper_size / 1024 : 0,
		.dqb_ihardlimit = plan->upper_inodes,
		.dqb_valid = QIF_BLIMITS | QIF_ILIMITS,
	};
	uint32_t id = project_of(dir, plan->uid);

	if (id == 0)
		return limited ? diskquota_is_of(dir, plan->user, plan->uid, e) : 0;
	if (sys_quotactl(dir, Q_SETQUOTA, PRJQUOTA, id, &d) == 0 || !limited)
		return 0;
	return err_set(e, errno, "set the quota of project %u, for UpperSize= of %s", id,
		plan->user);
}
