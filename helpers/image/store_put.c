/* SPDX-License-Identifier: BSD-3-Clause */
/* An image's way into the store, and its names. */
#include "helpers/image/store.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/image/store_parts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- into place --------------------------------------------------------------------- */

static int move_in(
	struct store *s, char tmp[16], const char *dir, const char *name, struct err *e)
{
	char path[STORE_PATH];

	if (!*tmp)
		return 0;
	store_path(path, dir, name);
	/* What is there already is the same, of a layer that the image has twice, too; ours goes with tmp. */
	if (renameat2(s->tmp, tmp, s->fd, path, RENAME_NOREPLACE) < 0 &&
		faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "move %s/%s into place", PATH_IMAGES, path);
	*tmp = '\0';
	return 0;
}

/* The shortest name that no other layer has. */
static int link_layer(
	struct store *s, const char *diffid, char ret[IMAGE_HEX + 1], struct err *e)
{
	char path[STORE_PATH], want[STORE_PATH], is[STORE_PATH];

	store_path(want, "../sha256", diffid);
	for (int len = IMAGE_SHORT; len <= IMAGE_HEX; len++) {
		ssize_t n;

		(void)snprintf(ret, IMAGE_HEX + 1, "%.*s", len, diffid);
		store_path(path, STORE_LINKS, ret);
		if (symlinkat(want, s->fd, path) == 0)
			return 0;
		n = readlinkat(s->fd, path, is, sizeof(is) - 1);
		if (n < 0)
			break;
		is[n] = '\0';
		if (strcmp(is, want) == 0)
			return 0;
	}
	return err_set(e, errno, "make a link to the layer %s", diffid);
}

static int write_lines(
	int dir, const char *name, const struct strlist *lines, struct err *e)
{
	_cleanup_close_ int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	_cleanup_file_ FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out) {
		(void)take_fd(&fd);
		for (size_t i = 0; i < lines->n; i++)
			(void)fprintf(out, "%s\n", lines->v[i]);
	}
	return !out || fflush(out) != 0 ? err_set(e, errno, "write what the image is")
					: 0;
}

/* What gc and export go by. */
static int list_blobs(const struct newimage *i, struct strlist *ret)
{
	int r = strlist_add(ret, i->manifest.hex) | strlist_add(ret, i->config.hex);

	for (size_t n = 0; r == 0 && n < i->n_layers; n++)
		r = strlist_add(ret, i->layers[n].blob.hex);
	return r;
}

int store_note_size(const struct store *s, const struct layer *l)
{
	char path[STORE_PATH], text[64];
	_cleanup_close_ int fd = -EBADF;

	if (!*l->tmp)
		return 0;
	store_path(path, STORE_SIZES, l->diffid);
	(void)snprintf(
		text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", l->bytes, l->files);
	fd = openat(
		s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : io_write_all(fd, text, strlen(text));
}

static int write_ready(
	int dir, struct newimage *i, const struct strlist *layers, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist blobs = { 0 };

	if (write_lines(dir, "layers", layers, e) < 0 ||
		write_lines(dir, "environment", &i->environment, e) < 0)
		return -1;
	if (list_blobs(i, &blobs) < 0)
		return err_set(e, ENOMEM, "note the image's files");
	if (write_lines(dir, "blobs", &blobs, e) < 0)
		return -1;
	return write_lines(dir, "about", &i->about, e);
}

static int note(struct strlist *about, const char *key, const char *value)
{
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "%s %s", key, value) < 0) {
		line = NULL;
		return -1;
	}
	return strlist_add(about, line);
}

static int add_layer_line(struct strlist *lines, const char *brief, const char *diffid)
{
	char line[2 * IMAGE_HEX + 2];

	(void)snprintf(line, sizeof(line), "%s %s", brief, diffid);
	return strlist_add(lines, line);
}

static bool is_higher_again(const struct newimage *i, size_t n)
{
	for (size_t above = n + 1; above < i->n_layers; above++)
		if (strcmp(i->layers[above].diffid, i->layers[n].diffid) == 0)
			return true;
	return false;
}

/* What says that it is there: @ret is its name in tmp. Its layers get their short names, which nobody goes by yet. */
static int make_ready(struct store *s, struct newimage *i, char ret[16], struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	_cleanup_close_ int dir = -EBADF;
	char brief[IMAGE_HEX + 1];

	for (size_t n = 0; n < i->n_layers; n++) {
		/* overlayfs takes none twice, and all of it is in the upper one. */
		if (is_higher_again(i, n))
			continue;
		if (link_layer(s, i->layers[n].diffid, brief, e) < 0)
			return -1;
		if (add_layer_line(&lines, brief, i->layers[n].diffid) < 0)
			return err_set(e, ENOMEM, "note the layers");
	}
	dir = store_new_layer(s, ret, e);
	if (dir < 0 || fchmod(dir, 0700) < 0)
		return dir < 0 ? -1 : err_set(e, errno, "write what the image is");
	return write_ready(dir, i, &lines, e);
}

/* With the lock: blobs, layers, and last what says that they are there. */
static int put_locked(struct store *s, struct newimage *i, char ready[16], struct err *e)
{
	for (size_t n = 0; n < i->n_layers; n++) {
		struct layer *l = &i->layers[n];

		if (is_higher_again(i, n))
			continue;
		if (store_note_size(s, l) < 0)
			return err_set(e, errno, "note a layer's size");
		if (move_in(s, l->blob.tmp, STORE_BLOBS, l->blob.hex, e) < 0 ||
			move_in(s, l->tmp, STORE_LAYERS, l->diffid, e) < 0)
			return -1;
	}
	if (move_in(s, i->config.tmp, STORE_BLOBS, i->config.hex, e) < 0 ||
		move_in(s, i->manifest.tmp, STORE_BLOBS, i->manifest.hex, e) < 0)
		return -1;
	return move_in(s, ready, "ready", i->manifest.hex, e);
}

/* ---- names -------------------------------------------------------------------------- */

/* index.json says what the names say: of words that need no quoting. */
static int write_index(const struct store *s, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *comma = "";

	if (!out)
		return err_set(e, ENOMEM, "write %s/index.json", PATH_IMAGES);
	(void)fprintf(out, "{\"schemaVersion\":2,\"manifests\":[");
	if (store_names(s, "tags", &names, e) < 0) {
		(void)fclose(out);
		return -1;
	}
	for (size_t i = 0; i < names.n; i++) {
		char hex[IMAGE_HEX + 1], type[128], name[IMAGE_NAME_MAX];
		uint64_t size;

		if (imagename_parse(names.v[i], name) < 0 ||
			store_hex_of(s, names.v[i], hex) < 0 ||
			!store_has_blob(s, hex, &size) ||
			store_about(s, hex, "mediatype", type, sizeof(type)) < 0)
			continue;
		(void)fprintf(out,
			"%s\n{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%" PRIu64
			",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
			comma, type, hex, size, name);
		comma = ",";
	}
	(void)fprintf(out, "\n]}\n");
	if (fclose(out) != 0 || io_replace_text(s->fd, "index.json", text) < 0)
		return err_set(e, errno, "write %s/index.json", PATH_IMAGES);
	return 0;
}

static int tag_locked(struct store *s, const char *hex, const char *name, struct err *e)
{
	char to[STORE_PATH], path[STORE_PATH];

	store_path(to, "../ready", hex);
	store_path(path, "tags", name);
	(void)unlinkat(s->tmp, "tag", 0);
	if (symlinkat(to, s->tmp, "tag") < 0 || renameat(s->tmp, "tag", s->fd, path) < 0)
		return err_set(e, errno, "name the image %s", name);
	return write_index(s, e);
}

int store_tag(struct store *s, const char *hex, const char *name, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;

	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0)
		return -1;
	return tag_locked(s, hex, name, e);
}

int store_untag(struct store *s, const char *name, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	char path[STORE_PATH];

	store_path(path, "tags", name);
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0)
		return -1;
	if (unlinkat(s->fd, path, 0) < 0)
		return err_set(e, errno, "take the name %s away", name);
	return write_index(s, e);
}

int store_put(struct store *s, struct newimage *i, const char *name, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	char ready[16] = "";

	if (note(&i->about, "mediatype", i->manifest_type) < 0 ||
		note(&i->about, "config", i->config.hex) < 0)
		return err_set(e, ENOMEM, "note what the image is");
	if (make_ready(s, i, ready, e) < 0)
		return -1;
	if (syncfs(s->fd) < 0)
		return err_set(e, errno, "write the image to the disk");
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0 ||
		put_locked(s, i, ready, e) < 0)
		return -1;
	return tag_locked(s, i->manifest.hex, name, e);
}
