/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the store nobody wants any more, and what is damaged. */
#include "helpers/image/store.h"

#include "core/base/cleanup.h"
#include "helpers/image/store_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- what is wanted no more --------------------------------------------------------- */

/* Set aside under the lock, removed without it. */
static int set_aside(struct store *s, const char *dir, const char *name, struct err *e)
{
	char path[STORE_PATH], tmp[16];

	store_path(path, dir, name);
	(void)snprintf(tmp, sizeof(tmp), "%u", s->next++);
	return renameat(s->fd, path, s->tmp, tmp) < 0 && errno != ENOENT
		       ? err_set(e, errno, "remove %s/%s", PATH_IMAGES, path)
		       : 0;
}

/* All in a directory that isn't in the list. */
static int sweep(struct store *s, const char *dir, const struct strlist *keep, bool dry,
	size_t *ret_n, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };

	if (store_names(s, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (strlist_has(keep, names.v[i]))
			continue;
		(*ret_n)++;
		if (!dry && set_aside(s, dir, names.v[i], e) < 0)
			return -1;
	}
	return 0;
}

struct wanted {
	struct strlist images, layers, links, blobs;
};

static void wanted_clear(struct wanted *w)
{
	strlist_clear(&w->images);
	strlist_clear(&w->layers);
	strlist_clear(&w->links);
	strlist_clear(&w->blobs);
}

static int want_layers(
	const struct store *s, const char *hex, struct wanted *w, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	int r = image_read(s->fd, hex, &i, e);

	for (size_t n = 0; r == 0 && n < i.layers.n; n++)
		if (strlist_add(&w->links, i.layers.v[n]) < 0 ||
			strlist_add(&w->layers, i.diffids.v[n]) < 0)
			return err_set(e, ENOMEM, "look what is wanted");
	return r;
}

/* Return: 0, also for one that isn't there; -1 with @e: nothing may be removed then. */
static int want(const struct store *s, const char *hex, struct wanted *w, struct err *e)
{
	char path[STORE_PATH];

	store_path(path, "ready", hex);
	if (strlist_has(&w->images, hex) ||
		faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (strlist_add(&w->images, hex) < 0)
		return err_set(e, ENOMEM, "look what is wanted");
	return want_layers(s, hex, w, e) < 0 ? -1
					     : store_lines(s, hex, "blobs", &w->blobs, e);
}

static int want_all(const struct store *s, const struct strlist *used, struct wanted *w,
	struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	char hex[IMAGE_HEX + 1];

	if (store_names(s, "tags", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (store_hex_of(s, names.v[i], hex) == 0 && want(s, hex, w, e) < 0)
			return -1;
	for (size_t i = 0; i < used->n; i++)
		if (want(s, used->v[i], w, e) < 0)
			return -1;
	return 0;
}

/* ---- what was damaged --------------------------------------------------------------- */

/* Return: 1 where one of the images has that layer; 0; -1 with @e. */
static int have_layer(const struct store *s, const struct strlist *images,
	const char *diffid, struct err *e)
{
	_cleanup_(wanted_clear) struct wanted w = { 0 };

	for (size_t i = 0; i < images->n; i++)
		if (want(s, images->v[i], &w, e) < 0)
			return -1;
	return strlist_has(&w.layers, diffid);
}

int store_mend_layer(struct store *s, struct layer *l,
	int (*users)(struct strlist *hexes, struct err *e), struct err *e)
{
	const unsigned int how =
		store_has_layer(s, l->diffid) ? RENAME_EXCHANGE : RENAME_NOREPLACE;
	_cleanup_(strlist_clear) struct strlist used = { 0 };
	_cleanup_close_ int lock = -EBADF;
	char path[STORE_PATH];
	int r;

	store_path(path, STORE_LAYERS, l->diffid);
	if (syncfs(s->fd) < 0)
		return err_set(e, errno, "write a layer to the disk");
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0 ||
		users(&used, e) < 0)
		return -1;
	r = have_layer(s, &used, l->diffid, e);
	if (r != 0)
		return r;
	if (store_note_size(s, l) < 0 || renameat2(s->tmp, l->tmp, s->fd, path, how) < 0)
		return err_set(e, errno, "move %s/%s into place", PATH_IMAGES, path);
	return 0;
}

int store_mend_link(struct store *s, const char *brief, const char *diffid, struct err *e)
{
	char path[STORE_PATH], to[STORE_PATH];

	store_path(path, STORE_LINKS, brief);
	store_path(to, "../sha256", diffid);
	if (symlinkat(to, s->tmp, "link") < 0 ||
		renameat(s->tmp, "link", s->fd, path) < 0)
		return err_set(e, errno, "make a link to the layer %s", diffid);
	return 0;
}

int store_mend_blob(struct store *s, const char *hex, struct err *e)
{
	char path[STORE_PATH];

	store_path(path, STORE_BLOBS, hex);
	return unlinkat(s->fd, path, 0) < 0 && errno != ENOENT
		       ? err_set(e, errno, "remove %s/%s", PATH_IMAGES, path)
		       : 0;
}

/* ---- what nobody wants -------------------------------------------------------------- */

int store_gc(struct store *s, int (*users)(struct strlist *hexes, struct err *e),
	bool dry, struct store_swept *ret, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist used = { 0 };
	_cleanup_(wanted_clear) struct wanted w = { 0 };
	_cleanup_close_ int lock = -EBADF;
	size_t ignored = 0;

	*ret = (struct store_swept){ 0 };
	/* Who begins to use one does so under the lock. */
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0 ||
		users(&used, e) < 0 || want_all(s, &used, &w, e) < 0)
		return -1;
	if (sweep(s, "ready", &w.images, dry, &ret->images, e) < 0 ||
		sweep(s, STORE_LINKS, &w.links, dry, &ignored, e) < 0 ||
		sweep(s, STORE_LAYERS, &w.layers, dry, &ret->layers, e) < 0 ||
		sweep(s, STORE_SIZES, &w.layers, dry, &ignored, e) < 0 ||
		sweep(s, STORE_BLOBS, &w.blobs, dry, &ret->blobs, e) < 0)
		return -1;
	cleanup_close(&lock);
	return dry ? 0 : store_sweep_tmp(s, e);
}
