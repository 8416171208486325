/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/privs.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

int privs_become_root_here(struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become root of the box");
	if (getuid() != 0 || geteuid() != 0 || getgid() != 0 || getegid() != 0 ||
		getgroups(0, NULL) != 0)
		return err_set(e, EPERM, "prove that this is root of the box");
	return 0;
}

int privs_become_account(
	uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, struct err *e)
{
	if (setgroups(n_groups, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0)
		return err_set(e, errno, "become uid %u", uid);
	/* From now on who has that uid could debug it: fs.suid_dumpable in proc(5). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from uid %u", uid);
	if (privs_drop_caps(0) < 0 || getuid() == 0 ||
		setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgroups(0, NULL) == 0)
		return err_set(e, EPERM, "prove that root is left behind");
	return 0;
}

/* What the kernel shows for a group without an id in this namespace: the default of
 * /proc/sys/kernel/overflowgid, as nobody changes it. */
#define GID_UNMAPPED 65534

/* The caller's supplementary groups that have an id here. */
static int groups_mapped(gid_t **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ gid_t *groups = NULL;
	int n = getgroups(0, NULL);
	size_t kept = 0;

	if (n < 0)
		return err_set(e, errno, "read the caller's groups");
	groups = calloc((size_t)n + 1, sizeof(*groups));
	if (!groups)
		return err_set(e, ENOMEM, "read the caller's groups");
	n = getgroups(n, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] != GID_UNMAPPED)
			groups[kept++] = groups[i];
	*ret = groups;
	*ret_n = kept;
	groups = NULL;
	return n < 0 ? err_set(e, errno, "read the caller's groups") : 0;
}

int privs_enter_box(struct err *e)
{
	_cleanup_free_ gid_t *groups = NULL;
	gid_t gid = getegid();
	size_t n = 0;

	if (groups_mapped(&groups, &n, e) < 0 || privs_become_root_here(e) < 0)
		return -1;
	if (setgroups(n, groups) < 0 ||
		(gid != GID_UNMAPPED && setresgid(gid, gid, gid) < 0))
		return err_set(e, errno, "keep the account's groups");
	return 0;
}

int privs_look_as(
	uid_t uid, gid_t gid, const uint32_t *groups, size_t n_groups, struct err *e)
{
	if (setgroups(n_groups, groups) < 0 || sys_setfsgid(gid) < 0 ||
		sys_setfsuid(uid) < 0)
		return err_set(e, errno, "look at files as uid %u", uid);
	return 0;
}

int privs_look_as_root(struct err *e)
{
	if (sys_setfsuid(0) < 0 || sys_setfsgid(0) < 0 || setgroups(0, NULL) < 0)
		return err_set(e, errno, "look at files as root again");
	return 0;
}

int privs_leave_keyring(struct err *e)
{
	if (sys_new_session_keyring() < 0 && errno != ENOSYS && errno != EPERM)
		return err_set(e, errno, "leave the session keyring");
	return 0;
}
