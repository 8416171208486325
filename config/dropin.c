/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/dropin.h"

#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX 16384

/* A section that isn't one would concern everybody, and refuse all logins. */
static bool has_section(const char *user)
{
	char title[NAME_MAX];
	const char *name;
	int len = snprintf(title, sizeof(title), "User %s", user);

	return (size_t)len < sizeof(title) && !strpbrk(user, "\n") &&
	       config_title_parse(title, &name) == CONFIG_USER;
}

/* '.' first hides a file from the config, and is how the new one is called at first. */
static int file_name(const char *user, bool new, char *buf, size_t size, struct err *e)
{
	int len = snprintf(buf, size, "%s90-nsctl-%s.conf", new ? "." : "", user);

	if (!has_section(user) || len < 0 || (size_t)len >= size)
		return err_set(e, 0,
			"\"%.64s\" can't be the name of a [User], nsshell.conf(5): a [Group] of its own "
			"can have what is to hold for it",
			user);
	return 0;
}

int dropin_path(
	const char *config, const char *user, char *buf, size_t size, struct err *e)
{
	char name[NAME_MAX];
	int len;

	if (file_name(user, false, name, sizeof(name), e) < 0)
		return -1;
	len = snprintf(buf, size, "%s.d/%s", config ? config : PATH_CONF, name);
	return len > 0 && (size_t)len < size ? 0 : err_set(e, ENAMETOOLONG, "%s", name);
}

int dropin_read(const char *config, const char *user, struct strlist *ret, struct err *e)
{
	char path[PATH_MAX], text[TEXT_MAX], *rest = text, *line;

	if (dropin_path(config, user, path, sizeof(path), e) < 0)
		return -1;
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", path);
	while ((line = strsep(&rest, "\n")))
		if (*line && !strchr("#;[", *line) && strchr(line, '=') &&
			strlist_add(ret, line) < 0)
			return err_set(e, ENOMEM, "read %s", path);
	return 0;
}

static int write_text(
	int dir, const char *name, const char *user, const struct strlist *lines)
{
	_cleanup_close_ int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 ||
		dprintf(fd,
			"# Written by nsctl set --permanent, which rewrites this file.\n"
			"[User %s]\n",
			user) < 0)
		return -1;
	for (size_t i = 0; i < lines->n; i++)
		if (dprintf(fd, "%s\n", lines->v[i]) < 0)
			return -1;
	return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -1 : 0;
}

static int open_directory(const char *config, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s.d", config ? config : PATH_CONF) >=
		sizeof(path))
		return err_set(e, ENAMETOOLONG, "the directory of drop-ins");
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open the directory %s", path) : fd;
}

int dropin_write(
	const char *config, const char *user, const struct strlist *lines, struct err *e)
{
	_cleanup_close_ int dir = open_directory(config, e);
	char name[NAME_MAX], new[NAME_MAX];

	if (dir < 0 || file_name(user, false, name, sizeof(name), e) < 0 ||
		file_name(user, true, new, sizeof(new), e) < 0)
		return -1;
	if (lines->n == 0 && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove %s", name);
	if (lines->n > 0 && (write_text(dir, new, user, lines) < 0 ||
				    renameat(dir, new, dir, name) < 0)) {
		(void)err_set(e, errno, "write %s", name);
		(void)unlinkat(dir, new, 0);
		return -1;
	}
	return fsync(dir) < 0 ? err_set(e, errno, "sync the directory of %s", name) : 0;
}
