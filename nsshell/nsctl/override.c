/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl set has put over an account's policy. */
#include "nsshell/nsctl/nsctl.h"

#include "config/config.h"
#include "core/run/cgroup/limits_override.h"

int nsctl_override(const struct account *a, struct policy *p, struct err *e)
{
	struct strlist lines = { 0 };
	int r = override_read(a->uid, a->name, &lines, e);

	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = config_policy_set(p, lines.v[i], e);
	strlist_clear(&lines);
	return r;
}
