/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a session's group that is handed to the account (cgroups(7), "Delegation"). */
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/cgroup_below.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

/* What /sys/kernel/cgroup/delegate lists, of which limits are no part. */
static const char *const delegated[] = { "cgroup.procs", "cgroup.threads",
	"cgroup.subtree_control" };

static int bound(int dir, const struct plan_cgroup *plan, struct err *e)
{
	if (io_write_text(dir, "cgroup.max.depth", CGROUP_BELOW_DEPTH) < 0 ||
		io_write_text(dir, "cgroup.max.descendants", CGROUP_BELOW_MAX) < 0)
		return err_set(e, errno, "bound what there may be in the cgroup %s",
			plan->manager);
	return 0;
}

static int hand_over(int dir, const struct plan_cgroup *plan, struct err *e)
{
	for (size_t i = 0; i < sizeof(delegated) / sizeof(*delegated); i++)
		if (fchownat(dir, delegated[i], plan->manager_uid, plan->manager_gid,
			    AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, errno, "hand %s of the cgroup %s over",
				delegated[i], plan->manager);
	if (fchown(dir, plan->manager_uid, plan->manager_gid) < 0)
		return err_set(e, errno, "hand the cgroup %s over", plan->manager);
	return 0;
}

int cgroup_make_manager(const struct plan_cgroup *plan, int *ret, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, procs = -EBADF;
	char path[PATH_MAX];

	if (cgroup_path(plan->controllers[0], plan->manager, "", path, sizeof(path)) < 0)
		return err_set(e, 0, "find the cgroup %s", plan->manager);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make the cgroup %s", plan->manager);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open %s", path);
	if (bound(dir, plan, e) < 0 || hand_over(dir, plan, e) < 0)
		return -1;
	procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (procs < 0)
		return err_set(e, errno, "open %s/cgroup.procs", path);
	*ret = take_fd(&procs);
	return 0;
}
