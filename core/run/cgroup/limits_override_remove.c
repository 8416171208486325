/* SPDX-License-Identifier: BSD-3-Clause */
/* Apart from what may ask NSS: a supervisor is static. */
#include "core/base/paths.h"
#include "core/run/cgroup/limits_override.h"

#include <stdio.h>
#include <unistd.h>

void override_remove(uid_t uid)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%u.set", PATH_ACCOUNTS, uid);
	(void)unlink(path);
}
