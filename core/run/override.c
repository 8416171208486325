/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/override.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <string.h>

#define TEXT_MAX 4096

static void name_of(uid_t uid, const char *ending, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u.set%s", uid, ending);
}

int override_read(uid_t uid, struct strlist *ret, struct err *e)
{
	char path[128], text[TEXT_MAX], *rest = text, *line;

	(void)snprintf(path, sizeof(path), "%s/%u.set", PATH_ACCOUNTS, uid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0) {
		if (errno == ENOENT || (errno == EACCES && geteuid() != 0))
			return 0;
		return err_set(e, errno, "read %s", path);
	}
	while ((line = strsep(&rest, "\n")))
		if (*line && strlist_add(ret, line) < 0)
			return err_set(e, ENOMEM, "read %s", path);
	return 0;
}

static int write_lines(int dir, const char *name, const struct strlist *lines)
{
	_cleanup_close_ int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < lines->n; i++)
		if (io_write_all(fd, lines->v[i], strlen(lines->v[i])) < 0 ||
			io_write_all(fd, "\n", 1) < 0)
			return -1;
	return 0;
}

int override_write(uid_t uid, const struct strlist *lines, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_ACCOUNTS, 0700, e);
	char name[32], new[32];

	if (dir < 0)
		return -1;
	name_of(uid, "", name, sizeof(name));
	name_of(uid, ".new", new, sizeof(new));
	if (lines->n == 0) {
		if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
			return 0;
		return err_set(e, errno, "remove %s/%s", PATH_ACCOUNTS, name);
	}
	if (write_lines(dir, new, lines) < 0 || renameat(dir, new, dir, name) < 0) {
		(void)err_set(e, errno, "write %s/%s", PATH_ACCOUNTS, name);
		(void)unlinkat(dir, new, 0);
		return -1;
	}
	return 0;
}

void override_remove(uid_t uid)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%u.set", PATH_ACCOUNTS, uid);
	(void)unlink(path);
}
