/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/unpack.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/image/unpack_parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

static void unpacking_clear(struct unpacking *u)
{
	cleanup_close(&u->root);
	cleanup_close(&u->parent);
	cleanup_close(&u->file);
	for (size_t i = 0; i < u->n_times; i++)
		free(u->times[i].path);
	free(u->times);
	free(u->buffer);
	free(u->xattrs);
}

int unpack_refuse(struct unpacking *u, const char *path, const char *why)
{
	return err_set(
		&u->said->e, 0, "%.200s %.200s", *path ? path : "the layer's root", why);
}

int unpack_failed(struct unpacking *u, const char *what, const char *path)
{
	return err_set(&u->said->e, errno, "%s %.200s", what, *path ? path : "/");
}

/* ---- what comes --------------------------------------------------------------------- */

static int fill(struct unpacking *u)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, u->buffer, BUFFER);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(
			&u->said->e, n < 0 ? errno : 0, "the layer ends too early");
	u->at = 0;
	u->end = (size_t)n;
	return 0;
}

static int take(struct unpacking *u, void *to, size_t n)
{
	for (char *at = to; n > 0;) {
		size_t some = u->end - u->at < n ? u->end - u->at : n;

		memcpy(at, u->buffer + u->at, some);
		u->at += some;
		at += some;
		n -= some;
		if (n > 0 && fill(u) < 0)
			return -1;
	}
	return 0;
}

/* ---- entries ------------------------------------------------------------------------ */

static int put_file(struct unpacking *u)
{
	const struct layer_head *h = &u->head;

	if (h->kind == LAYER_DIRECTORY && !*u->path)
		return unpack_directory(u);
	if (!*u->path)
		return unpack_refuse(u, "", "is no directory");
	if (h->kind == LAYER_HARDLINK)
		return unpack_hardlink(u);
	if (h->kind == LAYER_OTHER) {
		jail_note(u->said, "left out, a device or a socket", u->path);
		return 0;
	}
	if (unpack_enter(u, u->path, true) < 0)
		return -1;
	switch (h->kind) {
	case LAYER_DIRECTORY:
		return unpack_directory(u);
	case LAYER_SYMLINK:
		return unpack_symlink(u);
	case LAYER_FIFO:
		return unpack_fifo(u);
	default:
		return unpack_begin_file(u);
	}
}

static int count(struct unpacking *u)
{
	if (++u->said->files > u->limits->files)
		return err_set(&u->said->e, 0,
			"the layer has more than %llu files (--max-files)",
			(unsigned long long)u->limits->files);
	if (u->head.kind == LAYER_FILE &&
		(u->head.size > u->limits->bytes ||
			(u->said->bytes += u->head.size) > u->limits->bytes))
		return err_set(&u->said->e, 0,
			"the layer's files have more than %llu bytes, at %.200s (--max-size)",
			(unsigned long long)u->limits->bytes, u->path);
	return 0;
}

static int put_entry(struct unpacking *u)
{
	const char *why = "";

	switch (layername_kind(u->path, &why)) {
	case LAYER_ENTRY:
		return put_file(u);
	case LAYER_WHITEOUT:
		return unpack_whiteout(u);
	case LAYER_OPAQUE:
		return unpack_opaque(u);
	case LAYER_AUFS:
		jail_note(u->said, "left out, aufs's own", u->path);
		return 0;
	default:
		return unpack_refuse(u, u->path, why);
	}
}

static int take_entry(struct unpacking *u)
{
	char name[LAYER_NAME_MAX];
	const char *why;

	if (take(u, name, u->head.path_len) < 0 ||
		take(u, u->link, u->head.link_len) < 0 ||
		take(u, u->xattrs, u->head.xattrs_len) < 0)
		return -1;
	name[u->head.path_len] = '\0';
	u->link[u->head.link_len] = '\0';
	if (layername_clean(name, u->path, &why) < 0)
		return unpack_refuse(u, name, why);
	return count(u) < 0 ? -1 : put_entry(u);
}

/* Straight from what was read, as much of it as is there. */
static int take_data(struct unpacking *u, const struct layer_head *h)
{
	uint64_t at = h->offset, end = h->offset + h->size;

	if (u->file >= 0 && end > u->head.size)
		return unpack_refuse(u, u->path, "is longer than it says");
	while (at < end) {
		size_t some = u->end - u->at;
		ssize_t n;

		if (some == 0 && fill(u) < 0)
			return -1;
		some = u->end - u->at;
		if (some > end - at)
			some = (size_t)(end - at);
		n = u->file < 0 ? (ssize_t)some
				: pwrite(u->file, u->buffer + u->at, some, (off_t)at);
		if (n < 0 && errno != EINTR)
			return unpack_failed(u, "write", u->path);
		if (n > 0) {
			u->at += (size_t)n;
			at += (uint64_t)n;
		}
	}
	if (end > u->file_end)
		u->file_end = end;
	return 0;
}

static int take_all(struct unpacking *u)
{
	struct layer_head h;
	const char *why;

	for (;;) {
		if (take(u, &h, sizeof(h)) < 0)
			return -1;
		if (layerentry_check(&h, &why) < 0)
			return unpack_refuse(u, "an entry", why);
		if (h.kind == LAYER_END)
			return unpack_end_file(u);
		if (h.kind == LAYER_DATA) {
			if (take_data(u, &h) < 0)
				return -1;
			continue;
		}
		if (unpack_end_file(u) < 0)
			return -1;
		u->head = h;
		if (take_entry(u) < 0)
			return -1;
	}
}

/* A later entry may have taken one away again. */
static int set_dir_times(struct unpacking *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->n_times; i++) {
		const char *path = u->times[i].path;

		if (!*path)
			r = unpack_set_time(u, u->root, ".", u->times[i].time, ".");
		else if (unpack_enter(u, path, false) == 0)
			r = unpack_set_time(u, u->parent, layername_last(path),
				u->times[i].time, path);
	}
	return r;
}

int unpack_layer(void *limits, struct jail_said *said)
{
	_cleanup_(unpacking_clear) struct unpacking u = {
		.said = said,
		.limits = limits,
		.root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.parent = -EBADF,
		.file = -EBADF,
		.buffer = malloc(BUFFER),
		.xattrs = malloc(LAYER_XATTRS_MAX),
	};

	if (u.root < 0 || !u.buffer || !u.xattrs)
		return err_set(&said->e, errno, "unpack the layer");
	if (take_all(&u) < 0)
		return -1;
	return set_dir_times(&u);
}
