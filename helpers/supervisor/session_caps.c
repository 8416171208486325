/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/session_caps.h"

#include "core/run/ids/privs.h"

int session_caps(uint64_t *ret, struct err *e)
{
	static const char *const names[] = { "cap_kill", "cap_chown", "cap_fowner",
		"cap_dac_override", "cap_sys_admin", "cap_setuid", "cap_setgid",
		"cap_sys_ptrace", "cap_sys_chroot", "cap_sys_resource" };
	uint64_t caps, held;

	if (privs_cap_mask(names, sizeof(names) / sizeof(*names), &caps, e) < 0 ||
		privs_held(&held, e) < 0)
		return -1;
	*ret = caps & held;
	return 0;
}
