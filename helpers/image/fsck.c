/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image fsck: whether what names say is there, and is what its digest says. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "helpers/image/layer.h"
#include "helpers/image/progress.h"
#include "helpers/image/sha256.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

struct checking {
	struct store store;
	size_t found;
	struct strlist seen; /* blobs that were looked at */
};

static void found(struct checking *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void found(struct checking *c, const char *fmt, ...)
{
	va_list args;

	progress_end();
	c->found++;
	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	(void)putchar('\n');
}

static int digest_of(int fd, char ret[IMAGE_HEX + 1])
{
	_cleanup_free_ char *buffer = malloc(BUFFER);
	struct sha256 sum;
	uint64_t done = 0;
	ssize_t n;

	if (!buffer)
		return -1;
	sha256_begin(&sum);
	while ((n = read(fd, buffer, BUFFER)) > 0) {
		sha256_add(&sum, buffer, (size_t)n);
		progress_at(done += (uint64_t)n);
	}
	sha256_end(&sum, ret);
	return n < 0 ? -1 : 0;
}

static void check_blob(struct checking *c, const char *hex)
{
	_cleanup_close_ int fd = -EBADF;
	struct blob b = { 0 };
	char is[IMAGE_HEX + 1];
	struct err e;

	if (strlist_has(&c->seen, hex) || strlist_add(&c->seen, hex) < 0)
		return;
	(void)snprintf(b.hex, sizeof(b.hex), "%s", hex);
	if (!imagename_is_hex(hex) || !store_has_blob(&c->store, hex, &b.size)) {
		found(c, "blobs/sha256/%s isn't there", hex);
		return;
	}
	fd = store_open_blob(&c->store, &b, &e);
	progress_begin("checking", b.size);
	if (fd < 0 || digest_of(fd, is) < 0)
		found(c, "blobs/sha256/%s can't be read", hex);
	else if (strcmp(is, hex) != 0)
		found(c, "blobs/sha256/%s is damaged: it is %s", hex, is);
	progress_end();
}

static void check_layer(struct checking *c, const char *brief, const char *diffid)
{
	char path[sizeof("layers/sha256/") + IMAGE_HEX], link[128], want[128];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "layers/sha256/%s", diffid);
	if (fstatat(c->store.fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode)) {
		found(c, "%s isn't there", path);
		return;
	}
	(void)snprintf(path, sizeof(path), PATH_IMAGE_LAYERS "/%s", brief);
	(void)snprintf(want, sizeof(want), "../sha256/%s", diffid);
	n = readlinkat(c->store.fd, path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	if (strcmp(link, want) != 0)
		found(c, "%s doesn't lead to its layer", path);
}

static void check_image(struct checking *c, const char *hex)
{
	_cleanup_(strlist_clear) struct strlist blobs = { 0 };
	_cleanup_(image_clear) struct image i = { 0 };
	struct err e = { 0 };

	if (image_read(c->store.fd, hex, &i, &e) != 0 ||
		store_lines(&c->store, hex, "blobs", &blobs, &e) < 0) {
		found(c, "%s", e.msg);
		return;
	}
	for (size_t n = 0; n < i.layers.n; n++)
		check_layer(c, i.layers.v[n], i.diffids.v[n]);
	for (size_t n = 0; n < blobs.n; n++)
		check_blob(c, blobs.v[n]);
}

static int check_all(struct checking *c, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 }, images = { 0 };
	char hex[IMAGE_HEX + 1];

	if (store_names(&c->store, "ready", &images, e) < 0 ||
		store_names(&c->store, "tags", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (store_hex_of(&c->store, names.v[i], hex) < 0 ||
			!strlist_has(&images, hex))
			found(c, "tags/%s leads to no image (nsctl image remove %s)",
				names.v[i], names.v[i]);
	for (size_t i = 0; i < images.n; i++)
		check_image(c, images.v[i]);
	return 0;
}

int image_fsck(int argc, char **argv)
{
	const struct nsctl_option options[] = { { 0 } };
	struct checking c = { .store = STORE_NONE };
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (store_open(&c.store, &e) < 0 || check_all(&c, &e) < 0)
		r = nsctl_failed(argv[0], &e);
	else
		r = nsctl_flush(argv[0], c.found ? NSCTL_FAILED : NSCTL_OK);
	if (c.found)
		(void)fprintf(stderr,
			"%s: import the images of these anew, after nsctl image remove\n",
			argv[0]);
	strlist_clear(&c.seen);
	store_clear(&c.store);
	return r;
}
