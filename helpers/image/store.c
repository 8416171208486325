/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/store.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/run/mount/remove_tree.h"
#include "helpers/image/store_parts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Of a file of an image's, in lines. */
#define LINES_MAX 65536

void store_path(char path[STORE_PATH], const char *dir, const char *name)
{
	(void)snprintf(path, STORE_PATH, "%s/%s", dir, name);
}

/* ---- opening ------------------------------------------------------------------------ */

static int make_dirs(int store, struct err *e)
{
	static const char *const dirs[] = { "blobs", STORE_BLOBS, "layers", STORE_LAYERS,
		STORE_LINKS, STORE_SIZES, "ready", "tags", "tmp" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdirat(store, dirs[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make %s/%s", PATH_IMAGES, dirs[i]);
	return 0;
}

static int put_layout(int store, struct err *e)
{
	if (faccessat(store, "oci-layout", F_OK, 0) == 0)
		return 0;
	return io_replace_text(
		       store, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n") < 0
		       ? err_set(e, errno, "write %s/oci-layout", PATH_IMAGES)
		       : 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_names(
	const struct store *s, const char *dir, struct strlist *ret, struct err *e)
{
	_cleanup_close_ int fd =
		openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_dir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d)
		return err_set(e, errno, "read %s/%s", PATH_IMAGES, dir);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(d)))
		if (!is_dots(entry->d_name) && strlist_add(ret, entry->d_name) < 0)
			return err_set(e, ENOMEM, "read %s/%s", PATH_IMAGES, dir);
	if (errno)
		return err_set(e, errno, "read %s/%s", PATH_IMAGES, dir);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

/* A file, or a directory that nobody can write to. */
static int remove_any(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return tree_remove(dir, name, e);
}

int store_sweep_tmp(struct store *s, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };

	if (store_names(s, "tmp", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (remove_any(s->tmp, names.v[i], e) < 0)
			return -1;
	return 0;
}

int store_open(struct store *s, struct err *e)
{
	_cleanup_close_ int state = io_open_state(PATH_STATE, 0700, e), made = -EBADF;

	if (state < 0)
		return -1;
	made = io_open_state(PATH_IMAGES, 0700, e);
	if (made < 0)
		return -1;
	s->fd = imagestore_open(e);
	if (s->fd < 0)
		return -1;
	if (lock_named(s->fd, PATH_IMAGES, "work", STORE_WAIT_MS, &s->work, e) != 0 ||
		make_dirs(s->fd, e) < 0 || put_layout(s->fd, e) < 0)
		return -1;
	s->tmp = openat(s->fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->tmp < 0)
		return err_set(e, errno, "open %s/tmp", PATH_IMAGES);
	return store_sweep_tmp(s, e);
}

int store_look(struct store *s, struct err *e)
{
	s->fd = imagestore_open(e);
	return s->fd < 0 ? -1 : 0;
}

void store_clear(struct store *s)
{
	struct err ignored;

	if (s->tmp >= 0)
		(void)store_sweep_tmp(s, &ignored);
	cleanup_close(&s->tmp);
	cleanup_close(&s->fd);
	cleanup_close(&s->work);
}

/* ---- what isn't complete ------------------------------------------------------------ */

int store_new_blob(struct store *s, struct blob *b, struct err *e)
{
	int fd;

	(void)snprintf(b->tmp, sizeof(b->tmp), "%u", s->next++);
	fd = openat(s->tmp, b->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "make a file in %s/tmp", PATH_IMAGES) : fd;
}

int store_new_layer(struct store *s, char name[16], struct err *e)
{
	_cleanup_close_ int fd = -EBADF;

	(void)snprintf(name, 16, "%u", s->next++);
	if (mkdirat(s->tmp, name, 0700) < 0)
		return err_set(e, errno, "make a directory in %s/tmp", PATH_IMAGES);
	fd = openat(s->tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return err_set(e, errno, "open a directory in %s/tmp", PATH_IMAGES);
	return take_fd(&fd);
}

int store_open_blob(const struct store *s, const struct blob *b, struct err *e)
{
	char path[STORE_PATH];
	int fd;

	store_path(path, *b->tmp ? "tmp" : STORE_BLOBS, *b->tmp ? b->tmp : b->hex);
	fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open %s/%s", PATH_IMAGES, path) : fd;
}

bool store_has_blob(const struct store *s, const char *hex, uint64_t *ret_size)
{
	char path[STORE_PATH];
	struct stat st;

	store_path(path, STORE_BLOBS, hex);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_size = (uint64_t)st.st_size;
	return true;
}

bool store_has_layer(const struct store *s, const char *diffid)
{
	char path[STORE_PATH];

	store_path(path, STORE_LAYERS, diffid);
	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void store_drop_blob(const struct store *s, struct blob *b)
{
	if (*b->tmp)
		(void)unlinkat(s->tmp, b->tmp, 0);
	*b->tmp = '\0';
}

int store_drop_layer(const struct store *s, const char *tmp, struct err *e)
{
	return remove_any(s->tmp, tmp, e);
}

/* ---- what is there ------------------------------------------------------------------ */

int store_lines(const struct store *s, const char *hex, const char *file,
	struct strlist *ret, struct err *e)
{
	_cleanup_free_ char *text = malloc(LINES_MAX);
	char path[STORE_PATH + 16];

	(void)snprintf(path, sizeof(path), "ready/%s/%s", hex, file);
	if (!text || io_read_text(s->fd, path, text, LINES_MAX) < 0 ||
		strlist_add_lines(ret, text) < 0)
		return err_set(
			e, errno, "read %s/%s (nsctl image fsck)", PATH_IMAGES, path);
	return 0;
}

void store_layer_size(const struct store *s, const char *diffid, uint64_t *ret_bytes,
	uint64_t *ret_files)
{
	char path[STORE_PATH], text[64];

	*ret_bytes = *ret_files = 0;
	store_path(path, STORE_SIZES, diffid);
	if (io_read_text(s->fd, path, text, sizeof(text)) < 0 ||
		sscanf(text, "%" SCNu64 " %" SCNu64, ret_bytes, ret_files) != 2)
		*ret_bytes = *ret_files = 0;
}

int store_about(
	const struct store *s, const char *hex, const char *key, char *buf, size_t size)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	char path[STORE_PATH + 8], text[4096];
	size_t len = strlen(key);

	*buf = '\0';
	(void)snprintf(path, sizeof(path), "ready/%s/about", hex);
	if (io_read_text(s->fd, path, text, sizeof(text)) < 0 ||
		strlist_add_lines(&lines, text) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		if (strncmp(lines.v[i], key, len) == 0 && lines.v[i][len] == ' ')
			(void)snprintf(buf, size, "%s", lines.v[i] + len + 1);
	return 0;
}

int store_hex_of(const struct store *s, const char *name, char ret[IMAGE_HEX + 1])
{
	char path[STORE_PATH], to[STORE_PATH];
	ssize_t n;

	store_path(path, "tags", name);
	n = readlinkat(s->fd, path, to, sizeof(to) - 1);
	if (n < 0)
		return -1;
	to[n] = '\0';
	if (strncmp(to, "../ready/", 9) != 0 || !imagename_is_hex(to + 9))
		return -1;
	memcpy(ret, to + 9, IMAGE_HEX + 1);
	return 0;
}
