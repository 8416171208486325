/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image pull, push: from a registry and to one. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/image/export.h"
#include "helpers/image/skopeo.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER (256 * 1024)

/* "docker.io/library/debian:12" is what "docker://..." is. Return: to free(), or NULL. */
static char *reference_of(const char *text)
{
	char *whole = NULL;

	if (strncmp(text, "docker://", 9) == 0)
		return strdup(text);
	return asprintf(&whole, "docker://%s", text) < 0 ? NULL : whole;
}

/* A directory of the store's tmp, skopeo's for now. */
static int open_place(struct store *s, struct err *e)
{
	char name[16];

	return skopeo_check(e) < 0 ? -1 : store_new_layer(s, name, e);
}

/* ---- pull --------------------------------------------------------------------------- */

static int pull(const char *command, struct skopeo *from,
	const struct image_import *asked, struct err *e)
{
	struct image_import how = *asked;
	_cleanup_(store_clear) struct store s = STORE_NONE;
	_cleanup_close_ int place = -EBADF, layout = -EBADF;
	char name[IMAGE_NAME_MAX];

	if (!how.name) {
		if (imagename_of_reference(from->from + strlen("docker:"), name) < 0)
			return err_set(
				e, 0, "%.100s is no name here: give it one", from->from);
		how.name = name;
	}
	if (store_open(&s, e) < 0)
		return -1;
	place = open_place(&s, e);
	if (place < 0 || skopeo_copy(from, place, e) < 0)
		return -1;
	layout = openat(place, "layout", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layout < 0)
		return err_set(e, errno, "open what skopeo has brought");
	return image_import_fd(command, &s, layout, &how, e);
}

/* Of a layout on this host there is nothing to fetch. */
static int import_layout(
	const char *command, const char *text, struct image_import *how, struct err *e)
{
	_cleanup_free_ char *path = strdup(text + strlen("oci:"));
	_cleanup_close_ int fd = -EBADF;
	char *ref = path ? strchr(path, ':') : NULL;

	if (!path)
		return err_set(e, ENOMEM, "open %s", text);
	if (ref)
		*ref++ = '\0';
	how->which = ref;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	return image_import_fd(command, NULL, fd, how, e);
}

int image_pull(int argc, char **argv)
{
	struct image_import how = { .limits = IMAGE_LIMITS };
	struct skopeo from = { .to = "oci:" SKOPEO_LAYOUT ":image" };
	const struct nsctl_option options[] = {
		{ 'k', "insecure", NULL, "by http, or whatever its certificate is",
			&from.insecure, NULL },
		{ 'a', "authfile", "FILE", "what skopeo login wrote", NULL, &from.auth },
		{ 0 },
	};
	_cleanup_free_ char *reference = NULL;
	int first,
		r = nsctl_options(options, "REFERENCE [NAME[:TAG]]", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first < 1 || argc - first > 2)
		return nsctl_usage(
			argv[0], "takes what a registry calls an image, and a name");
	how.name = argv[first + 1];
	if (strncmp(argv[first], "oci:", 4) == 0) {
		r = import_layout(argv[0], argv[first], &how, &e);
	} else {
		from.from = reference = reference_of(argv[first]);
		r = reference ? pull(argv[0], &from, &how, &e)
			      : err_set(&e, ENOMEM, "pull");
	}
	return r < 0 ? nsctl_failed(argv[0], &e) : nsctl_flush(argv[0], NSCTL_OK);
}

/* ---- push --------------------------------------------------------------------------- */

static int make_file(int dir, const char *name)
{
	int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 && skopeo_give(dir, name) < 0)
		cleanup_close(&fd);
	return fd;
}

static int put_text(void *arg, const char *name, const char *text, struct err *e)
{
	_cleanup_close_ int fd = make_file(*(const int *)arg, name);

	return fd < 0 || io_write_all(fd, text, strlen(text)) < 0
		       ? err_set(e, errno, "write %s", name)
		       : 0;
}

static int put_file(void *arg, const char *name, int from, uint64_t size, struct err *e)
{
	_cleanup_close_ int fd = make_file(*(const int *)arg, name);

	while (fd >= 0 && size > 0) {
		ssize_t n = copy_file_range(
			from, NULL, fd, NULL, size < BUFFER ? (size_t)size : BUFFER, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "copy %s", name);
		size -= (uint64_t)n;
	}
	return fd < 0 ? err_set(e, errno, "make %s", name) : 0;
}

static int make_layout(int place)
{
	static const char *const dirs[] = { "layout", "layout/blobs",
		"layout/blobs/sha256" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdirat(place, dirs[i], 0700) < 0 || skopeo_give(place, dirs[i]) < 0)
			return -1;
	return openat(place, "layout", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int push(const char *name, struct skopeo *to, struct err *e)
{
	_cleanup_(store_clear) struct store s = STORE_NONE;
	_cleanup_(image_clear) struct image i = { 0 };
	_cleanup_close_ int place = -EBADF, layout = -EBADF;
	const struct export_to out = { put_text, put_file, &layout };

	if (store_open(&s, e) < 0 || image_find(s.fd, name, &i, e) != 0)
		return -1;
	place = open_place(&s, e);
	if (place < 0)
		return -1;
	layout = make_layout(place);
	if (layout < 0)
		return err_set(e, errno, "make a layout for skopeo");
	return export_oci(&s, i.digest, "image", &out, e) < 0 ? -1
							      : skopeo_copy(to, place, e);
}

int image_push(int argc, char **argv)
{
	struct skopeo to = { .from = "oci:" SKOPEO_LAYOUT ":image" };
	const struct nsctl_option options[] = {
		{ 'k', "insecure", NULL, "by http, or whatever its certificate is",
			&to.insecure, NULL },
		{ 'a', "authfile", "FILE", "what skopeo login wrote", NULL, &to.auth },
		{ 0 },
	};
	_cleanup_free_ char *reference = NULL;
	int first, r = nsctl_options(options, "IMAGE REFERENCE", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 2)
		return nsctl_usage(
			argv[0], "takes an image, and what a registry shall call it");
	to.to = reference = reference_of(argv[first + 1]);
	r = reference ? push(argv[first], &to, &e) : err_set(&e, ENOMEM, "push");
	return r < 0 ? nsctl_failed(argv[0], &e) : nsctl_flush(argv[0], NSCTL_OK);
}
