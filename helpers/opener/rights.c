/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/rights.h"

#include "core/run/ids/privs.h"

#include <errno.h>
#include <unistd.h>

/* Each of them was taken away once, and a step failed. */
static const char *const needed[] = { "cap_sys_admin", "cap_chown", "cap_dac_override",
	"cap_fowner", "cap_kill", "cap_mknod", "cap_setfcap", "cap_setgid", "cap_setpcap",
	"cap_setuid", "cap_sys_chroot", "cap_sys_ptrace" };

/* With subset=pid (proc(5)) there is no /proc/cgroups, either, and no other /proc can be mounted for a box. */
static int check_proc(struct err *e)
{
	return access("/proc/sys", F_OK) < 0
		       ? err_set(e, errno,
				 "the login program's /proc shows processes alone, and a box takes more of it: "
				 "see ProcSubset= of its unit, or how /proc is mounted (subset=pid): /proc/sys")
		       : 0;
}

int rights_check(struct err *e)
{
	uint64_t held, mask;

	if (check_proc(e) < 0)
		return -1;
	if (privs_held(&held, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (privs_cap_mask(&needed[i], 1, &mask, e) < 0)
			return -1;
		if (!(held & mask))
			return err_set(e, 0,
				"the login program has no %s, which a box takes: see CapabilityBoundingSet= of "
				"its unit, or what a container leaves to root",
				needed[i]);
	}
	return 0;
}
