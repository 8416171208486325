/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/limits_published.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* 16 paths of four keys, for account and slice, are what it may hold at most. */
#define TEXT_MAX 65536
#define OWN_PART "[Session]\n" /* plan_cgroup.own_text begins with it */

static int open_of(const char *id, int flags)
{
	char path[sizeof(PATH_SESSIONS) + PLAN_ID_LEN + sizeof("/.limits")];

	(void)snprintf(path, sizeof(path), "%s/%s.limits", PATH_SESSIONS, id);
	return open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0644);
}

int limits_now_create(const char *id, const char *own, struct err *e)
{
	_cleanup_close_ int fd = open_of(id, O_WRONLY | O_CREAT | O_EXCL);

	/* Others read it: inside it is nobody's. */
	return fd < 0 || fchmod(fd, 0644) < 0 || io_write_all(fd, own, strlen(own)) < 0
		       ? err_set(e, errno, "make the list of limits of session %s", id)
		       : 0;
}

static ssize_t read_of(const char *id, char *text)
{
	_cleanup_close_ int fd = open_of(id, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* Where the part that is the session's own begins; at the end where there is none. */
static char *own_part(char *text)
{
	char *own = strstr(text, OWN_PART);

	return own ? own : text + strlen(text);
}

/* In place: it is bound. Who reads at that moment should rather see both than nothing. */
static int rewrite(const char *id, const char *limits, struct err *e)
{
	_cleanup_close_ int fd = open_of(id, O_WRONLY);
	_cleanup_free_ char *old = malloc(TEXT_MAX), *text = NULL;
	int len;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (!old || fd < 0 || read_of(id, old) < 0)
		return err_set(e, errno, "tell session %s its limits", id);
	len = asprintf(&text, "%s%s", limits, own_part(old));
	if (len < 0 || pwrite(fd, text, (size_t)len, 0) != (ssize_t)len ||
		ftruncate(fd, len) < 0)
		return err_set(e, errno, "tell session %s its limits", id);
	return 0;
}

int limits_now_write(int account_lock, const char *text, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	size_t n;
	int r = 0;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (rewrite(ids[i], text, e) < 0)
			r = -1;
	return r;
}

int limits_now_read(uid_t uid, struct strlist *ret, struct err *e)
{
	char path[64], ids[ACCOUNT_SESSIONS_MAX * (PLAN_ID_LEN + 1) + 1], *rest = ids,
									  *id;
	_cleanup_free_ char *text = NULL;

	(void)snprintf(path, sizeof(path), "%s/%u", PATH_ACCOUNTS, uid);
	if (io_read_text(AT_FDCWD, path, ids, sizeof(ids)) <= 0)
		return 0;
	text = malloc(TEXT_MAX);
	/* One that is just being opened wasn't told yet: it has its own part only. */
	while (text && (id = strsep(&rest, "\n")))
		if (record_id_is_valid(id) && read_of(id, text) > 0) {
			*own_part(text) = '\0';
			if (!*text)
				continue;
			return strlist_add_lines(ret, text) < 0
				       ? err_set(e, ENOMEM, "read %s", path)
				       : 0;
		}
	return text ? 0 : err_set(e, ENOMEM, "read %s", path);
}
