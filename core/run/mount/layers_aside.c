/* SPDX-License-Identifier: BSD-3-Clause */
/* An account begins anew: what it wrote is set aside, or is to be removed. */
#include "core/run/mount/layers.h"

#include "core/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Kept by logins, until somebody removes them. */
#define DISCARDED_MAX 100000

int layers_discard_old(int uppers, uid_t uid, struct err *e)
{
	char old[32], gone[48];
	int r;

	(void)snprintf(old, sizeof(old), "%u" LAYERS_OLD, uid);
	/* Who removes it may have just come to its end. */
	for (unsigned int n = 0; n < DISCARDED_MAX; n++) {
		(void)snprintf(gone, sizeof(gone), "%u" LAYERS_GONE, uid);
		r = renameat2(uppers, old, uppers, gone, RENAME_NOREPLACE);
		if (r < 0 && errno == EEXIST) {
			(void)snprintf(
				gone, sizeof(gone), "%u" LAYERS_GONE "/%u", uid, n);
			r = renameat2(uppers, old, uppers, gone, RENAME_NOREPLACE);
		}
		if (r == 0)
			return 0;
		if (errno != EEXIST && errno != ENOENT)
			break;
	}
	return err_set(e, errno, "remove %s/%s", PATH_UPPER, old);
}

int layers_set_aside(int uppers, uid_t uid, bool replace, struct err *e)
{
	char name[16], old[32];

	(void)snprintf(name, sizeof(name), "%u", uid);
	(void)snprintf(old, sizeof(old), "%u" LAYERS_OLD, uid);
	if (faccessat(uppers, old, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!replace) {
			(void)err_set(e, 0, "%s/%s is kept from before", PATH_UPPER, old);
			return 1;
		}
		if (layers_discard_old(uppers, uid, e) < 0)
			return -1;
	}
	return renameat2(uppers, name, uppers, old, RENAME_NOREPLACE) < 0
		       ? err_set(e, errno, "set aside %s/%s", PATH_UPPER, name)
		       : 0;
}
