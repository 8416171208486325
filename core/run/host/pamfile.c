/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/pamfile.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

int pamfile_open_dir(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open the directory %s", path);
	return take_fd(&fd);
}

/* Names that packages, editors and backups leave, and that no program opens as a service.
 */
static bool name_is_leftover(const char *name)
{
	static const char *const endings[] = { "~", ".bak", ".old", ".orig", ".rej",
		".save", ".rpmnew", ".rpmsave", ".rpmorig", ".swo", ".swp", ".pacnew",
		".pacsave" };
	size_t len = strlen(name);

	if (name[0] == '.' || name[0] == '#' || strstr(name, ".dpkg-") ||
		strstr(name, ".ucf-") || strstr(name, ".pam-"))
		return true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && strcmp(name + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

/* Why a file mustn't be edited; NULL when it may. */
static const char *lock_reason(
	int dir, const char *name, const struct stat *target, bool vendor)
{
	struct stat st = { 0 };

	if (vendor)
		return "is the distribution's own: copy it to /etc/pam.d first";
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return "can't be looked at";
	if (S_ISLNK(st.st_mode))
		return "is a symbolic link, and whoever made it (authselect?) would undo an edit: "
		       "edit what makes it";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "isn't root's: chown it to root";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "can be written by others than its owner: chmod go-w it";
	if (st.st_ino != target->st_ino || st.st_nlink > 1)
		return "has a second name (hard link): copy it";
	return NULL;
}

/* A whole text file. Return: 0, or -1 with errno. */
static int text_read(int fd, off_t size, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (size < 0 || size > PAMFILE_SIZE_MAX) {
		errno = EFBIG;
		return -1;
	}
	text = malloc((size_t)size + 2);
	if (!text)
		return -1;
	for (;;) {
		ssize_t n = read(fd, text + len, (size_t)size + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += (size_t)n;
		if (n == 0 || len > (size_t)size)
			break;
	}
	text[len] = '\0';
	/* It grew while it was read, or holds a 0, which no text has. */
	if (len > (size_t)size || strlen(text) != len) {
		errno = EILSEQ;
		return -1;
	}
	*ret = text;
	text = NULL;
	return 0;
}

static int file_add(int dir, const char *path, const char *name, bool vendor,
	struct pamstack_dir *ret, struct err *e)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL, *full = NULL;
	struct stat st = { 0 };

	/* A link to nowhere is no service. */
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %s/%s", path, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (text_read(fd, st.st_size, &text) < 0)
		return err_set(e, errno, "read %s/%s", path, name);
	if (asprintf(&full, "%s/%s", path, name) < 0) {
		full = NULL;
		return err_set(e, ENOMEM, "read %s/%s", path, name);
	}
	if (pamstack_add(ret, name, full, text, lock_reason(dir, name, &st, vendor)) < 0)
		return err_set(e, ENOMEM, "read %s", full);
	return 0;
}

int pamfile_read_dir(
	int dir, const char *path, bool vendor, struct pamstack_dir *ret, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, NULL, alphasort), r = 0;

	if (n < 0)
		return err_set(e, errno, "read the directory %s", path);
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (r == 0 && !name_is_leftover(name) && !pamstack_find(ret, name))
			r = file_add(dir, path, name, vendor, ret, e);
		free(names[i]);
	}
	free(names);
	return r;
}

/* ---- replacing ---------------------------------------------------------------------- */

/* Carry extended attributes over; a file system without them has none to carry. */
static int xattrs_copy(int from, int to)
{
	char names[4096], value[4096];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len = fgetxattr(from, name, value, sizeof(value));

		if (len < 0)
			return -1;
		if (fsetxattr(to, name, value, (size_t)len, 0) < 0)
			return -1;
	}
	return 0;
}

/* Fill the new file and make it look like the old one. */
static int temp_fill(int old, int fd, const struct stat *st, const char *text)
{
	if (io_write_all(fd, text, strlen(text)) < 0)
		return -1;
	if (fchown(fd, st->st_uid, st->st_gid) < 0)
		return -1;
	if (fchmod(fd, st->st_mode & 07777) < 0)
		return -1;
	if (xattrs_copy(old, fd) < 0)
		return -1;
	return fsync(fd);
}

/* Open the file to be replaced and see that it is the one that was read. */
static int old_open(
	int dir, const char *name, const char *old, struct stat *st, struct err *e)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	const char *reason;

	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(e, errno, "open %s", name);
	reason =
		S_ISREG(st->st_mode) ? lock_reason(dir, name, st, false) : "isn't a file";
	if (reason)
		return err_set(e, 0, "%s %s", name, reason);
	if (text_read(fd, st->st_size, &text) < 0)
		return err_set(e, errno, "read %s", name);
	if (strcmp(text, old) != 0)
		return err_set(e, 0,
			"%s was changed by somebody else meanwhile: try again", name);
	return take_fd(&fd);
}

int pamfile_replace(
	int dir, const char *name, const char *old, const char *new, struct err *e)
{
	_cleanup_close_ int old_fd = -EBADF, fd = -EBADF;
	char temp[NAME_MAX + 1];
	struct stat st = { 0 };

	old_fd = old_open(dir, name, old, &st, e);
	if (old_fd < 0)
		return -1;
	if ((size_t)snprintf(temp, sizeof(temp), ".%s.nsctl-%d", name, (int)getpid()) >=
		sizeof(temp))
		return err_set(e, ENAMETOOLONG, "replace %s", name);
	/* What a killed nsctl of this pid left. */
	(void)unlinkat(dir, temp, 0);
	fd = openat(
		dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "make %s beside %s", temp, name);
	if (temp_fill(old_fd, fd, &st, new) < 0 || renameat(dir, temp, dir, name) < 0) {
		(void)err_set(e, errno, "replace %s", name);
		(void)unlinkat(dir, temp, 0);
		return -1;
	}
	if (fsync(dir) < 0)
		return err_set(e, errno,
			"sync the directory of %s, which has its new text", name);
	return 0;
}
