/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/account_sessions.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/paths.h"
#include "core/run/session/record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LINE (PLAN_ID_LEN + 1)

int account_sessions_lock(uid_t uid, unsigned int ms, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_ACCOUNTS, 0700, e);
	char name[16];

	if (dir < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%u", uid);
	return lock_named(dir, PATH_ACCOUNTS, name, ms, ret_fd, e);
}

int account_sessions_look(uid_t uid, int *ret_fd, struct err *e)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%u", PATH_ACCOUNTS, uid);
	*ret_fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	*ret_fd = -EBADF;
	return errno == ENOENT ? 0 : err_set(e, errno, "open %s", path);
}

int account_sessions_ids(
	int fd, char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e)
{
	char(*ids)[PLAN_ID_LEN + 1] = calloc(ACCOUNT_SESSIONS_MAX, sizeof(*ids));
	ssize_t len;
	size_t n;

	if (!ids)
		return err_set(e, ENOMEM, "read the account's sessions");
	/* "ID\n" each: the text is the array, once the line breaks are cut. */
	len = pread(fd, ids, ACCOUNT_SESSIONS_MAX * sizeof(*ids), 0);
	if (len < 0) {
		free(ids);
		return err_set(e, errno, "read the account's sessions");
	}
	n = (size_t)len / LINE;
	for (size_t i = 0; i < n; i++)
		ids[i][PLAN_ID_LEN] = '\0';
	*ret = ids;
	*ret_n = n;
	return 0;
}

/* Whether that many sessions run: what a crash left must not keep the user out. */
static int live_are(int fd, uint64_t max, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	uint64_t live = 0;
	size_t n;

	if (account_sessions_ids(fd, &ids, &n, e) < 0)
		return -1;
	while (live < max && n-- > 0) {
		int alive = record_is_alive(ids[n], e);

		if (alive < 0)
			return -1;
		live += alive > 0;
	}
	return live >= max;
}

int account_sessions_is_live(int fd, struct err *e)
{
	return live_are(fd, 1, e);
}

static int check_room(int fd, uint64_t n, uint64_t max, struct err *e)
{
	int full = n >= max ? live_are(fd, max, e) : 0;

	if (full > 0)
		(void)err_set(e, 0,
			"the account has %llu sessions, and may have no more (SessionsMax=)",
			(unsigned long long)max);
	if (full == 0 && n >= ACCOUNT_SESSIONS_MAX)
		return err_set(e, 0, "the account has %d sessions, and may have no more",
			ACCOUNT_SESSIONS_MAX);
	return full;
}

int account_sessions_add(int fd, const char *id, uint64_t max, struct err *e)
{
	char line[LINE + 1];
	struct stat st;
	int full;

	(void)snprintf(line, sizeof(line), "%s\n", id);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "note the session among the account's");
	full = check_room(fd, (uint64_t)st.st_size / LINE, max, e);
	if (full != 0)
		return full;
	if (pwrite(fd, line, LINE, st.st_size / LINE * LINE) != LINE)
		return err_set(e, errno, "note the session among the account's");
	return 0;
}

int account_sessions_drop(int fd, uid_t uid, const char *id, struct err *e)
{
	char(*ids)[PLAN_ID_LEN + 1] = NULL;
	size_t n = 0, kept = 0;
	char path[64];
	ssize_t written;

	if (account_sessions_ids(fd, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(ids[i], id) == 0)
			continue;
		memmove(ids[kept], ids[i], LINE);
		ids[kept++][PLAN_ID_LEN] = '\n';
	}
	written = pwrite(fd, ids, kept * LINE, 0);
	free(ids);
	/* Cut though not written, the list would have lost another one, which lives. */
	if (written < 0 || ftruncate(fd, (off_t)(kept * LINE)) < 0)
		return err_set(e, errno, "drop the session from the account's");
	(void)snprintf(path, sizeof(path), "%s/%u", PATH_ACCOUNTS, uid);
	if (kept == 0 && unlink(path) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove %s", path);
	return 0;
}
