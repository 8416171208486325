/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/account_group.h"

#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* Return: 0; 1 when that session isn't of the account, or in no group; -1 with @e. */
static int place_of(const char *id, uid_t uid, char *buf, size_t size, struct err *e)
{
	struct record r;
	int read = record_read_live(id, &r, e);
	const char *end;

	if (read != 0)
		return read < 0 ? -1 : 1;
	end = strrchr(r.cgroup, '/');
	if (r.uid != uid || !end || (size_t)(end - r.cgroup) >= size)
		return 1;
	(void)snprintf(buf, size, "%.*s", (int)(end - r.cgroup), r.cgroup);
	return 0;
}

int place_find(uid_t uid, char *buf, size_t size, struct err *e)
{
	char path[PATH_MAX], text[ACCOUNT_SESSIONS_MAX * (PLAN_ID_LEN + 1) + 1],
		*rest = text, *id;
	int none = 1;

	(void)snprintf(path, sizeof(path), "%s/%u", PATH_ACCOUNTS, uid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return errno == ENOENT || errno == EACCES
			       ? 1
			       : err_set(e, errno, "read %s", path);
	while (none == 1 && (id = strsep(&rest, "\n")))
		if (record_id_is_valid(id))
			none = place_of(id, uid, buf, size, e);
	return none;
}
