/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/imagestore.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "SHORT DIFFID\n" each */
#define LAYERS_TEXT_MAX ((size_t)IMAGE_LAYERS_MAX * (2 * IMAGE_HEX + 2) + 1)
#define ABOUT_MAX       1024

int imagestore_open(struct err *e)
{
	_cleanup_close_ int fd =
		open(PATH_IMAGES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		(void)err_set(
			e, 0, "there are no images on this host (nsctl image import)");
		e->num = ENOENT;
		return -1;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open the images in %s", PATH_IMAGES);
	if (st.st_uid != 0 || (st.st_mode & 077))
		return err_set(e, 0,
			"%s must be root's alone: chown root %s; chmod 0700 %s",
			PATH_IMAGES, PATH_IMAGES, PATH_IMAGES);
	return take_fd(&fd);
}

int imagestore_lock(int store, int how, unsigned int ms, int *ret_fd, struct err *e)
{
	_cleanup_close_ int fd =
		openat(store, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -1 : lock_file(fd, how, ms);

	if (r < 0)
		return err_set(e, errno, "lock %s", PATH_IMAGES);
	if (r > 0) {
		(void)err_set(e, 0,
			"%s is being changed by another process (nsctl image)",
			PATH_IMAGES);
		e->num = ETIMEDOUT;
		return 1;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ---- what an image is --------------------------------------------------------------- */

void image_clear(struct image *i)
{
	strlist_clear(&i->layers);
	strlist_clear(&i->diffids);
	strlist_clear(&i->environment);
	*i = (struct image){ 0 };
}

/* "SHORT DIFFID" */
static int take_layer(struct image *i, char *line)
{
	char *blank = strchr(line, ' ');

	if (blank)
		*blank++ = '\0';
	if (!blank || !imagename_is_short(line) || !imagename_is_hex(blank) ||
		strncmp(line, blank, strlen(line)) != 0 ||
		i->layers.n >= IMAGE_LAYERS_MAX) {
		errno = EBADMSG;
		return -1;
	}
	if (strlist_add(&i->layers, line) < 0 || strlist_add(&i->diffids, blank) < 0) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static int read_lines(int dir, const char *name, size_t max, struct strlist *ret)
{
	_cleanup_free_ char *text = malloc(max);

	return !text || io_read_text(dir, name, text, max) < 0
		       ? -1
		       : strlist_add_lines(ret, text);
}

static int read_layers(int dir, struct image *i)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };

	if (read_lines(dir, "layers", LAYERS_TEXT_MAX, &lines) < 0)
		return -1;
	for (size_t n = 0; n < lines.n; n++)
		if (take_layer(i, lines.v[n]) < 0)
			return -1;
	errno = EBADMSG;
	return lines.n == 0 ? -1 : 0;
}

static int read_about(int dir, struct image *i)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	static const char key[] = "architecture ";

	if (read_lines(dir, "about", ABOUT_MAX, &lines) < 0)
		return -1;
	for (size_t n = 0; n < lines.n; n++)
		if (strncmp(lines.v[n], key, sizeof(key) - 1) == 0)
			(void)snprintf(i->architecture, sizeof(i->architecture), "%s",
				lines.v[n] + sizeof(key) - 1);
	return 0;
}

int image_read(int store, const char *hex, struct image *ret, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	_cleanup_close_ int dir = -EBADF;
	char path[sizeof("ready/") + IMAGE_HEX];

	if (!imagename_is_hex(hex))
		return err_set(e, 0, "\"%.80s\" is no sha256 of an image", hex);
	(void)snprintf(path, sizeof(path), "ready/%s", hex);
	dir = openat(store, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT) {
		(void)err_set(e, 0,
			"the image sha256:%s isn't there any more (nsctl image list)",
			hex);
		return 1;
	}
	if (dir < 0 || read_layers(dir, &i) < 0 || read_about(dir, &i) < 0 ||
		read_lines(dir, "environment", IMAGE_ENVIRONMENT_MAX, &i.environment) < 0)
		return err_set(
			e, errno, "read %s/%s (nsctl image fsck)", PATH_IMAGES, path);
	(void)snprintf(i.digest, sizeof(i.digest), "%s", hex);
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}

/* ---- names -------------------------------------------------------------------------- */

int image_find(int store, const char *name, struct image *ret, struct err *e)
{
	static const char ready[] = "../ready/";
	char full[IMAGE_NAME_MAX], path[IMAGE_NAME_MAX + 8];
	char to[sizeof(ready) + IMAGE_HEX + 1];
	ssize_t len;
	int r;

	if (imagename_parse(name, full) < 0)
		return err_set(
			e, 0, "\"%.80s\" is no name of an image: NAME or NAME:TAG", name);
	(void)snprintf(path, sizeof(path), "tags/%s", full);
	len = readlinkat(store, path, to, sizeof(to) - 1);
	if (len < 0 && errno == ENOENT) {
		(void)err_set(e, 0,
			"there is no image %s (nsctl image list, nsctl image import)",
			full);
		return 1;
	}
	if (len < 0)
		return err_set(e, errno, "read %s/%s", PATH_IMAGES, path);
	to[len] = '\0';
	if (strncmp(to, ready, sizeof(ready) - 1) != 0)
		return err_set(e, 0, "%s/%s leads elsewhere (nsctl image fsck)",
			PATH_IMAGES, path);
	r = image_read(store, to + sizeof(ready) - 1, ret, e);
	if (r == 0)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", full);
	return r;
}

void image_text(const struct image *i, char ret[IMAGE_TEXT_MAX])
{
	(void)snprintf(ret, IMAGE_TEXT_MAX, "%s@sha256:%s", i->name, i->digest);
}

int image_text_parse(const char *text, char name[IMAGE_NAME_MAX], char hex[IMAGE_HEX + 1])
{
	const char *at = strchr(text, '@'),
		   *digest = at ? imagename_digest_hex(at + 1) : NULL;
	char first[IMAGE_NAME_MAX], full[IMAGE_NAME_MAX];

	if (!digest || (size_t)(at - text) >= sizeof(first))
		return -1;
	(void)snprintf(first, sizeof(first), "%.*s", (int)(at - text), text);
	if (imagename_parse(first, full) < 0 || strcmp(first, full) != 0)
		return -1;
	memcpy(name, full, sizeof(full));
	memcpy(hex, digest, IMAGE_HEX + 1);
	return 0;
}
