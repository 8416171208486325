/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/limits_override.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/run/session/account_sessions.h"
#include "core/run/ids/kin.h"

#include <fcntl.h>
#include <string.h>

/* Some sixty keys, each of which may be as long as a line of the config. */
#define TEXT_MAX (256U << 10)
#define LOCK_MS  2000
#define ACCOUNT  "account="

static void name_of(uid_t uid, const char *ending, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u.set%s", uid, ending);
}

/* Return: its text, to free(), or NULL with errno. */
static char *read_whole(int dir, const char *file)
{
	_cleanup_free_ char *text = malloc(TEXT_MAX);
	char *ret = text;

	if (!text || io_read_text(dir, file, text, TEXT_MAX) < 0)
		return NULL;
	text = NULL;
	return ret;
}

/* Its lines, after the first one, which @name is taken from: "" where it isn't there. */
static char *take_name(char *text, char name[ACCOUNT_NAME_MAX])
{
	size_t len = strcspn(text, "\n");

	name[0] = '\0';
	if (strncmp(text, ACCOUNT, strlen(ACCOUNT)) != 0)
		return text + strlen(text);
	(void)snprintf(name, ACCOUNT_NAME_MAX, "%.*s", (int)(len - strlen(ACCOUNT)),
		text + strlen(ACCOUNT));
	return text + len;
}

/* Return: 1, 0, or -1 with @e. */
static int is_in_use(uid_t uid, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;

	if (account_sessions_look(uid, &fd, e) < 0)
		return -1;
	return fd < 0 ? 0 : account_sessions_is_live(fd, e);
}

int override_read(uid_t uid, const char *name, struct strlist *ret, struct err *e)
{
	char path[128], whose[ACCOUNT_NAME_MAX], *lines;
	_cleanup_free_ char *text = NULL;
	int is;

	(void)snprintf(path, sizeof(path), "%s/%u.set", PATH_ACCOUNTS, uid);
	text = read_whole(AT_FDCWD, path);
	if (!text) {
		if (errno == ENOENT || (errno == EACCES && geteuid() != 0))
			return 0;
		return err_set(e, errno, "read %s", path);
	}
	lines = take_name(text, whose);
	is = *whose ? kin_is(whose, name, uid, e) : 0;
	if (is > 0)
		is = is_in_use(uid, e);
	if (is <= 0)
		return is;
	return strlist_add_lines(ret, lines) < 0 ? err_set(e, ENOMEM, "read %s", path)
						 : 0;
}

static int write_lines(
	int dir, const char *file, const char *name, const struct strlist *lines)
{
	_cleanup_close_ int fd = openat(
		dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || dprintf(fd, ACCOUNT "%s\n", name) < 0)
		return -1;
	for (size_t i = 0; i < lines->n; i++)
		if (io_write_all(fd, lines->v[i], strlen(lines->v[i])) < 0 ||
			io_write_all(fd, "\n", 1) < 0)
			return -1;
	return 0;
}

/* Whether it can be read again: else no login could, nor who would take it back. */
static bool fits(const char *name, const struct strlist *lines)
{
	size_t size = strlen(ACCOUNT) + strlen(name) + 1;

	for (size_t i = 0; i < lines->n; i++)
		size += strlen(lines->v[i]) + 1;
	return size < TEXT_MAX;
}

int override_write(
	uid_t uid, const char *name, const struct strlist *lines, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_ACCOUNTS, 0700, e);
	char file[32], new[32];

	if (dir < 0)
		return -1;
	name_of(uid, "", file, sizeof(file));
	name_of(uid, ".new", new, sizeof(new));
	if (lines->n == 0) {
		if (unlinkat(dir, file, 0) == 0 || errno == ENOENT)
			return 0;
		return err_set(e, errno, "remove %s/%s", PATH_ACCOUNTS, file);
	}
	if (!fits(name, lines))
		return err_set(e, EFBIG, "write %s/%s", PATH_ACCOUNTS, file);
	if (write_lines(dir, new, name, lines) < 0 || renameat(dir, new, dir, file) < 0) {
		(void)err_set(e, errno, "write %s/%s", PATH_ACCOUNTS, file);
		(void)unlinkat(dir, new, 0);
		return -1;
	}
	return 0;
}

/* ---- what a crash leaves ------------------------------------------------------------------ */

/* "1000.set". Return: 1, 0 for any other file, or -1 with @e. */
static int look(int dir, const char *file, struct override *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strcspn(file, ".");
	char uid[16];
	int in_use;

	if (strcmp(file + len, ".set") != 0 || len >= sizeof(uid))
		return 0;
	(void)snprintf(uid, sizeof(uid), "%.*s", (int)len, file);
	if (parse_u32(uid, &ret->uid) < 0)
		return 0;
	text = read_whole(dir, file);
	if (!text)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "read %s/%s", PATH_ACCOUNTS, file);
	(void)take_name(text, ret->name);
	in_use = is_in_use(ret->uid, e);
	ret->in_use = in_use > 0;
	return in_use < 0 ? -1 : 1;
}

int override_list(struct override **ret, size_t *ret_n, struct err *e)
{
	_cleanup_dir_ DIR *dir = opendir(PATH_ACCOUNTS);
	_cleanup_free_ struct override *all = NULL;
	const struct dirent *entry;
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_ACCOUNTS);
	while ((errno = 0, entry = readdir(dir))) {
		struct override found, *more;
		int is = look(dirfd(dir), entry->d_name, &found, e);

		if (is < 0)
			return -1;
		if (is == 0)
			continue;
		more = reallocarray(all, n + 1, sizeof(*all));
		if (!more)
			return err_set(e, ENOMEM, "read %s", PATH_ACCOUNTS);
		all = more;
		all[n++] = found;
	}
	if (errno)
		return err_set(e, errno, "read %s", PATH_ACCOUNTS);
	*ret = all;
	*ret_n = n;
	all = NULL;
	return 0;
}

int override_sweep(uid_t uid, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err ignored;
	int live;

	if (account_sessions_lock(uid, LOCK_MS, &account_lock, e) != 0)
		return -1;
	live = account_sessions_is_live(account_lock, e);
	if (live == 0)
		override_remove(uid);
	/* The lock's file, where the account has no session. */
	(void)account_sessions_drop(account_lock, uid, "", &ignored);
	return live < 0 ? -1 : 0;
}
