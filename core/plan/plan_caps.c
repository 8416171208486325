/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/plan.h"

/*
 * What sshd's monitor, su, login and cron do as root of the box after they opened the
 * session: set ids and groups, give a terminal to the user and take it back, signal the
 * user's processes, write utmp. Nothing of CAP_SYS_ADMIN, so nothing that mounts.
 */
const char *const plan_login_caps[] = { "cap_chown", "cap_dac_override", "cap_fowner",
	"cap_kill", "cap_setgid", "cap_setuid", NULL };
const char *const plan_init_caps[] = { "cap_kill", NULL };

/*
 * With Root=yes, of whoever is in the box: what its root has, and what a setuid program may give. All but the two of
 * the network are over ids that the box has, and files and processes that belong to them. Those two do nothing, as
 * the host's user namespace owns each network; without them ping, which has them as a file's, isn't executed.
 *
 * Left out: CAP_SYS_ADMIN, so that nobody mounts, unmounts or enters anything, and each mask and read-only mount
 * holds; CAP_SYS_PTRACE, so that nobody looks into a process that has more than itself; CAP_DAC_READ_SEARCH, which
 * opens files past their directories; CAP_NET_ADMIN, CAP_SYS_TIME, CAP_SYSLOG, CAP_MKNOD and the like, which are
 * the host's and do nothing in a user namespace but show more of the kernel.
 */
const char *const plan_root_caps[] = { "cap_chown", "cap_dac_override", "cap_fowner",
	"cap_fsetid", "cap_kill", "cap_net_bind_service", "cap_net_raw", "cap_setfcap",
	"cap_setgid", "cap_setpcap", "cap_setuid", "cap_sys_chroot", NULL };
