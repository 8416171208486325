/* SPDX-License-Identifier: BSD-3-Clause */
/* In the place of cgroup_libcgroup.c: the opener has said where control groups are, cgroup_mounts_hear(). */
#include "core/run/cgroup/cgroup_internal.h"

#include <string.h>

int cgroup_start(struct err *e)
{
	(void)e;
	return 0;
}

char *cgroup_ask_mount(size_t i)
{
	(void)i;
	return NULL;
}
