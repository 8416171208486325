/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/refresh.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>

int refresh_hold(const struct plan *plan, struct refresh *ret, struct err *e)
{
	_cleanup_close_ int root = open(ROOTFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct tree tree = { .root = root };
	struct refresh r = { .n = 0 };

	for (size_t i = 0; i < plan->n_overlays && r.n < REFRESH_MAX; i++) {
		const struct plan_overlay *o = &plan->overlays[i];
		_cleanup_close_ int mount = -EBADF, lower = -EBADF;

		/* An image doesn't change. */
		if (o->live || o->n_layers > 0)
			continue;
		lower = rootfs_open_lower(i);
		mount = lower < 0 ? -1 : tree_open(&tree, o->target);
		r.fs[r.n] = mount < 0 ? -1 : sys_fs_pick(mount);
		if (r.fs[r.n] < 0) {
			int num = errno;

			refresh_close(&r);
			return err_set(e, num, "hold the overlay at %s", o->target);
		}
		r.lower[r.n] = take_fd(&lower);
		r.overlay[r.n] = i;
		r.readonly[r.n++] = o->readonly;
	}
	*ret = r;
	return 0;
}

/* One without an upper is read-only, and would be refused as anything else. */
static int refresh_one(const struct refresh *r, size_t i)
{
	if (r->readonly[i] && sys_fs_flag(r->fs[i], "ro") < 0)
		return -1;
	return sys_fs_reconfigure(r->fs[i]);
}

int refresh_now(const struct refresh *r, struct err *e)
{
	int failed = 0;

	for (size_t i = 0; i < r->n; i++)
		if (refresh_one(r, i) < 0)
			failed = errno;
	return failed ? err_set(e, failed, "look anew at the host's files") : 0;
}

void refresh_close(struct refresh *r)
{
	while (r->n > 0) {
		cleanup_close(&r->fs[--r->n]);
		cleanup_close(&r->lower[r->n]);
	}
}
