/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image export: an archive as docker, podman and skopeo take it. */
#include "helpers/image/export.h"

#include "core/base/cleanup.h"
#include "helpers/image/image.h"
#include "helpers/image/progress.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

/* ---- what an image is of ------------------------------------------------------------ */

static int put_blob(struct store *s, const char *hex, const char *name,
	const struct export_to *to, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct blob b = { 0 };

	(void)snprintf(b.hex, sizeof(b.hex), "%s", hex);
	if (!store_has_blob(s, hex, &b.size))
		return err_set(
			e, 0, "sha256:%.12s isn't in the store (nsctl image fsck)", hex);
	fd = store_open_blob(s, &b, e);
	return fd < 0 ? -1 : to->put_file(to->arg, name, fd, b.size, e);
}

static bool was_before(const struct strlist *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(l->v[i], l->v[n]) == 0)
			return true;
	return false;
}

static int read_blobs(
	struct store *s, const char *hex, struct strlist *ret, struct err *e)
{
	if (store_lines(s, hex, "blobs", ret, e) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++)
		if (!imagename_is_hex(ret->v[i]))
			return err_set(e, 0, "%s/ready/%s is damaged (nsctl image fsck)",
				PATH_IMAGES, hex);
	return ret->n < 3 ? err_set(e, 0, "the image has no layers") : 0;
}

int export_oci(struct store *s, const char *hex, const char *name,
	const struct export_to *to, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist blobs = { 0 };
	_cleanup_free_ char *index = NULL;
	char path[sizeof("blobs/sha256/") + IMAGE_HEX], type[128];
	uint64_t size;

	if (read_blobs(s, hex, &blobs, e) < 0)
		return -1;
	if (store_about(s, hex, "mediatype", type, sizeof(type)) < 0 ||
		!store_has_blob(s, hex, &size) ||
		asprintf(&index,
			"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":"
			"\"sha256:%s\",\"size\":%" PRIu64
			",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}]}",
			type, hex, size, name) < 0) {
		index = NULL;
		return err_set(e, 0, "the image is damaged (nsctl image fsck)");
	}
	if (to->put_text(to->arg, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", e) <
			0 ||
		to->put_text(to->arg, "index.json", index, e) < 0)
		return -1;
	for (size_t i = 0; i < blobs.n; i++) {
		(void)snprintf(path, sizeof(path), "blobs/sha256/%s", blobs.v[i]);
		if (!was_before(&blobs, i) && put_blob(s, blobs.v[i], path, to, e) < 0)
			return -1;
	}
	return 0;
}

int export_docker(struct store *s, const char *hex, const char *name,
	const struct export_to *to, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist blobs = { 0 };
	_cleanup_free_ char *manifest = NULL;
	char path[IMAGE_HEX + 8];
	size_t len;
	FILE *out;

	if (read_blobs(s, hex, &blobs, e) < 0)
		return -1;
	out = open_memstream(&manifest, &len);
	if (!out)
		return err_set(e, ENOMEM, "export the image");
	(void)fprintf(out, "[{\"Config\":\"%s.json\",\"RepoTags\":[\"%s\"],\"Layers\":[",
		blobs.v[1], name);
	for (size_t i = 2; i < blobs.n; i++)
		(void)fprintf(out, "%s\"%s.tar\"", i > 2 ? "," : "", blobs.v[i]);
	(void)fprintf(out, "]}]\n");
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "export the image");
	for (size_t i = 1; i < blobs.n; i++) {
		(void)snprintf(
			path, sizeof(path), "%s.%s", blobs.v[i], i == 1 ? "json" : "tar");
		if (!was_before(&blobs, i) && put_blob(s, blobs.v[i], path, to, e) < 0)
			return -1;
	}
	return to->put_text(to->arg, "manifest.json", manifest, e);
}

/* ---- into an archive ---------------------------------------------------------------- */

struct writing {
	struct archive *a;
	struct archive_entry *entry;
	char *buffer;
};

static void writing_clear(struct writing *w)
{
	archive_entry_free(w->entry);
	(void)archive_write_free(w->a);
	free(w->buffer);
}

static int write_failed(struct writing *w, struct err *e)
{
	const char *why = archive_error_string(w->a);

	return err_set(e, 0, "write the archive: %.200s", why ? why : "no memory");
}

static int begin_file(struct writing *w, const char *name, uint64_t size, struct err *e)
{
	archive_entry_clear(w->entry);
	archive_entry_set_pathname(w->entry, name);
	archive_entry_set_mode(w->entry, S_IFREG | 0644);
	archive_entry_set_size(w->entry, (la_int64_t)size);
	return archive_write_header(w->a, w->entry) == ARCHIVE_OK ? 0
								  : write_failed(w, e);
}

static int put_text(void *arg, const char *name, const char *text, struct err *e)
{
	struct writing *w = arg;
	size_t len = strlen(text);

	if (begin_file(w, name, len, e) < 0)
		return -1;
	return archive_write_data(w->a, text, len) == (la_ssize_t)len
		       ? 0
		       : write_failed(w, e);
}

static int put_file(void *arg, const char *name, int fd, uint64_t size, struct err *e)
{
	struct writing *w = arg;
	uint64_t done = 0;

	if (begin_file(w, name, size, e) < 0)
		return -1;
	progress_begin("writing", size);
	while (done < size) {
		ssize_t n = read(fd, w->buffer, BUFFER);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "read %s", name);
		if (archive_write_data(w->a, w->buffer, (size_t)n) != n)
			return write_failed(w, e);
		done += (uint64_t)n;
		progress_at(done);
	}
	progress_end();
	return 0;
}

static int export(struct store *s, const char *image, bool docker, int fd, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	_cleanup_(writing_clear) struct writing w = { .a = archive_write_new(),
		.entry = archive_entry_new(),
		.buffer = malloc(BUFFER) };
	const struct export_to to = { put_text, put_file, &w };

	if (image_find(s->fd, image, &i, e) != 0)
		return -1;
	if (!w.a || !w.entry || !w.buffer ||
		archive_write_set_format_pax_restricted(w.a) != ARCHIVE_OK ||
		archive_write_open_fd(w.a, fd) != ARCHIVE_OK)
		return w.a ? write_failed(&w, e) : err_set(e, ENOMEM, "export");
	if ((docker ? export_docker(s, i.digest, i.name, &to, e)
		    : export_oci(s, i.digest, i.name, &to, e)) < 0)
		return -1;
	return archive_write_close(w.a) == ARCHIVE_OK ? 0 : write_failed(&w, e);
}

/* A file of that name is there when it is whole. */
static int export_to_file(
	struct store *s, const char *image, bool docker, const char *path, struct err *e)
{
	_cleanup_free_ char *part = NULL;
	_cleanup_close_ int fd = -EBADF;

	if (asprintf(&part, "%s.part", path) < 0) {
		part = NULL;
		return err_set(e, ENOMEM, "export");
	}
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "make %s", part);
	if (export(s, image, docker, fd, e) == 0) {
		if (rename(part, path) == 0)
			return 0;
		(void)err_set(e, errno, "make %s", path);
	}
	(void)unlink(part);
	return -1;
}

int image_export(int argc, char **argv)
{
	bool docker = false;
	const struct nsctl_option options[] = {
		{ 'd', "docker", NULL, "as docker save does, in place of an OCI archive",
			&docker, NULL },
		{ 0 },
	};
	_cleanup_(store_clear) struct store s = STORE_NONE;
	int first, r = nsctl_options(options, "IMAGE FILE", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 2)
		return nsctl_usage(
			argv[0], "takes the name of an image, and a file or -");
	if (strcmp(argv[first + 1], "-") == 0 && isatty(STDOUT_FILENO))
		return nsctl_usage(argv[0], "writes no archive to a terminal");
	/* Nothing is removed meanwhile. */
	if (store_open(&s, &e) < 0 ||
		(strcmp(argv[first + 1], "-") == 0
				? export(&s, argv[first], docker, STDOUT_FILENO, &e)
				: export_to_file(&s, argv[first], docker, argv[first + 1],
					  &e)) < 0)
		return nsctl_failed(argv[0], &e);
	return NSCTL_OK;
}
