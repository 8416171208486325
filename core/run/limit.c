/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/limit.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup_file.h"

int limit_write(enum plan_cgroup_kind kind, const char *group, const struct limit_file *f,
	struct err *e)
{
	_cleanup_close_ int dir = cgroup_open(kind, f->controller, group);

	if (dir < 0 || io_write_text(dir, f->file, f->value) < 0)
		return err_set(e, errno, "%s=: write %s into %s of %s%s", f->key,
			f->value, f->file, group,
			errno == EBUSY ? " (the running sessions use more)" : "");
	return 0;
}
