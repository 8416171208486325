/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/users.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/mount/imagestore.h"
#include "core/run/mount/layers.h"
#include "core/run/session/record.h"

#include <fcntl.h>
#include <string.h>

struct users {
	struct image_user *v;
	size_t n;
};

/* @text: "NAME:TAG@sha256:HEX", and a line break may follow. */
static int add(
	struct users *u, const char *kind, const char *who, char *text, struct err *e)
{
	struct image_user found = { .who = "" }, *more = u->v;

	text[strcspn(text, "\n")] = '\0';
	if (image_text_parse(text, found.name, found.hex) < 0)
		return 0;
	(void)snprintf(found.who, sizeof(found.who), "%s %.32s", kind, who);
	if ((u->n & (u->n - 1)) == 0)
		more = reallocarray(more, u->n ? 2 * u->n : 1, sizeof(*more));
	if (!more)
		return err_set(e, ENOMEM, "look who uses images");
	u->v = more;
	u->v[u->n++] = found;
	return 0;
}

static int open_dir(int at, const char *path, DIR **ret)
{
	_cleanup_close_ int fd =
		openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret = fd < 0 ? NULL : fdopendir(fd);
	if (!*ret)
		return -1;
	(void)take_fd(&fd);
	return 0;
}

/* Also of a record of another version of nsshell's: whatever it says else, it is in use. */
static int look_at_record(struct users *u, int dir, const char *id, struct err *e)
{
	char text[RECORD_TEXT_MAX], *line;

	if (io_read_text(dir, id, text, sizeof(text)) < 0)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "read %s/%s", PATH_SESSIONS, id);
	line = strncmp(text, "image=", 6) == 0 ? text : strstr(text, "\nimage=");
	return line ? add(u, "session", id, strchr(line, '=') + 1, e) : 0;
}

static int look_at_records(struct users *u, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (open_dir(AT_FDCWD, PATH_SESSIONS, &dir) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_SESSIONS);
	while ((errno = 0, entry = readdir(dir)))
		if (record_id_is_valid(entry->d_name) &&
			look_at_record(u, dirfd(dir), entry->d_name, e) < 0)
			return -1;
	return errno ? err_set(e, errno, "read %s", PATH_SESSIONS) : 0;
}

/* PATH_UPPER/UID/fs/+NAME:TAG says what it lies on. */
static int look_at_upper(struct users *u, int uppers, const char *uid, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[300], text[IMAGE_TEXT_MAX + 2];

	(void)snprintf(path, sizeof(path), "%.32s/fs", uid);
	if (open_dir(uppers, path, &dir) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_set(e, errno, "read %s/%s", PATH_UPPER, path);
	while ((errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] == '+' &&
			io_read_text(dirfd(dir), entry->d_name, text, sizeof(text)) >=
				0 &&
			add(u, "upper of uid", uid, text, e) < 0)
			return -1;
	return errno ? err_set(e, errno, "read %s/%s", PATH_UPPER, path) : 0;
}

static int look_at_uppers(struct users *u, struct err *e)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (open_dir(AT_FDCWD, PATH_UPPER, &dir) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_UPPER);
	while ((errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
			look_at_upper(u, dirfd(dir), entry->d_name, e) < 0)
			return -1;
	return errno ? err_set(e, errno, "read %s", PATH_UPPER) : 0;
}

int image_users(struct image_user **ret, size_t *ret_n, struct err *e)
{
	struct users u = { 0 };

	if (look_at_records(&u, e) < 0 || look_at_uppers(&u, e) < 0) {
		free(u.v);
		return -1;
	}
	*ret = u.v;
	*ret_n = u.n;
	return 0;
}

int image_mounted_hexes(struct strlist *ret, struct err *e)
{
	struct users u = { 0 };
	int r = look_at_records(&u, e);

	for (size_t i = 0; r == 0 && i < u.n; i++)
		if (strlist_add(ret, u.v[i].hex) < 0)
			r = err_set(e, ENOMEM, "look who uses images");
	free(u.v);
	return r;
}

int image_users_hexes(struct strlist *ret, struct err *e)
{
	_cleanup_free_ struct image_user *users = NULL;
	size_t n;

	if (image_users(&users, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strlist_add(ret, users[i].hex) < 0)
			return err_set(e, ENOMEM, "look who uses images");
	return 0;
}
