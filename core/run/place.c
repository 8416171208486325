/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/place.h"

#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/family.h"
#include "core/run/record.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

bool place_find(uid_t uid, char *buf, size_t size)
{
	char path[PATH_MAX], text[FAMILY_MAX * (PLAN_ID_LEN + 1) + 1], *rest = text, *id;
	struct record r;
	struct err ignored;

	(void)snprintf(path, sizeof(path), "%s/%u", PATH_ACCOUNTS, uid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	while ((id = strsep(&rest, "\n"))) {
		const char *end;

		if (!record_id_is_valid(id) || record_is_alive(id, &ignored) != 1 ||
			record_read(id, &r, &ignored) != 0)
			continue;
		end = strrchr(r.cgroup, '/');
		if (r.uid == uid && end && (size_t)(end - r.cgroup) < size) {
			(void)snprintf(
				buf, size, "%.*s", (int)(end - r.cgroup), r.cgroup);
			return true;
		}
	}
	return false;
}
