/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image fsck: whether what names say is there, and is what its digest says; --repair: layers are unpacked anew. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "helpers/image/jail.h"
#include "helpers/image/layer.h"
#include "helpers/image/progress.h"
#include "helpers/image/same.h"
#include "helpers/image/sha256.h"
#include "helpers/image/users.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

/* The first two of an image's are its manifest and its config. */
#define BLOBS_BEFORE_LAYERS 2

struct checking {
	struct store store;
	bool repair;
	size_t found;                  /* and not mended */
	size_t lost;                   /* of these what an import alone brings back */
	struct strlist sound, damaged; /* blobs that were looked at */
	struct strlist layers;         /* that were compared with their archive */
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

/* What was found, with what was done about it. @r: of who mends; 0: it is mended. */
static void found_mending(struct checking *c, const char *what, int r, struct err *e)
{
	if (!c->repair)
		found(c, "%s", what);
	else if (r == 0)
		(void)printf("%s: mended\n", what);
	else if (r > 0)
		found(c,
			"%s: left as it is while a session has it for its system; end those, and "
			"repair again",
			what);
	else
		found(c, "%s: not mended: %s", what, e->msg);
}

static void lose(struct checking *c, const char *hex, const char *what)
{
	struct err e;

	c->lost++;
	if (c->repair && imagename_is_hex(hex) && store_mend_blob(&c->store, hex, &e) < 0)
		found(c, "blobs/sha256/%s %s: %s", hex, what, e.msg);
	else
		found(c, "blobs/sha256/%s %s", hex, what);
}

/* Return: whether it is what it is called. */
static bool check_blob(struct checking *c, const char *hex)
{
	_cleanup_close_ int fd = -EBADF;
	struct blob b = { 0 };
	char is[IMAGE_HEX + 1], what[IMAGE_HEX + 32];
	struct err e;

	(void)snprintf(b.hex, sizeof(b.hex), "%s", hex);
	if (!imagename_is_hex(hex) || !store_has_blob(&c->store, hex, &b.size)) {
		lose(c, hex, "isn't there");
		return false;
	}
	fd = store_open_blob(&c->store, &b, &e);
	progress_begin("checking", b.size);
	if (fd < 0 || digest_of(fd, is) < 0) {
		progress_end();
		lose(c, hex, "can't be read");
		return false;
	}
	progress_end();
	if (strcmp(is, hex) == 0)
		return true;
	(void)snprintf(what, sizeof(what), "is damaged: it is %s", is);
	lose(c, hex, what);
	return false;
}

/* ---- layers, beside their archive --------------------------------------------------- */

static int open_dir(int dir, const char *path, struct err *e)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open %s", path) : fd;
}

/* Return: 0 with what differs in @ret; -1 with @e. */
static int compare_layer(
	struct checking *c, const struct layer *l, struct strlist *ret, struct err *e)
{
	_cleanup_close_ int is = -EBADF, want = -EBADF;
	char path[sizeof("layers/sha256/") + IMAGE_HEX];

	(void)snprintf(path, sizeof(path), "layers/sha256/%s", l->diffid);
	if (!store_has_layer(&c->store, l->diffid))
		return strlist_add(ret, "isn't there") < 0
			       ? err_set(e, ENOMEM, "compare a layer")
			       : 0;
	is = open_dir(c->store.fd, path, e);
	if (is < 0)
		return -1;
	want = open_dir(c->store.tmp, l->tmp, e);
	return want < 0 ? -1 : same_run(is, want, ret, e);
}

static void tell_layer(
	struct checking *c, struct layer *l, const struct strlist *differences)
{
	char what[IMAGE_HEX + JAIL_NOTE_MAX + 32];
	struct err e = { 0 };
	int r = 0;

	if (differences->n == 0)
		return;
	if (c->repair)
		r = store_mend_layer(&c->store, l, image_mounted_hexes, &e);
	for (size_t i = 0; i < differences->n; i++) {
		(void)snprintf(what, sizeof(what), "layers/sha256/%s: %s", l->diffid,
			differences->v[i]);
		found_mending(c, what, r, &e);
	}
}

/* Unpacked once more, as an import does it, and gone again. */
static void check_archive(struct checking *c, const char *hex)
{
	_cleanup_(strlist_clear) struct strlist differences = { 0 }, notes = { 0 };
	_cleanup_close_ int fd = -EBADF;
	struct layer_job j = { .what = "a layer",
		.limits = { .bytes = UINT64_MAX, .files = UINT64_MAX },
		.notes = &notes };
	struct layer l = { 0 };
	struct blob b = { 0 };
	struct err e = { 0 };

	(void)snprintf(b.hex, sizeof(b.hex), "%s", hex);
	j.fd = fd = store_open_blob(&c->store, &b, &e);
	if (fd < 0 || layer_unpack(&c->store, &j, &l, &e) < 0 ||
		compare_layer(c, &l, &differences, &e) < 0 ||
		strlist_add(&c->layers, l.diffid) < 0)
		found(c, "blobs/sha256/%s can't be compared with its layer: %s", hex,
			e.msg);
	else
		tell_layer(c, &l, &differences);
	if (*l.tmp && store_drop_layer(&c->store, l.tmp, &e) < 0)
		found(c, "%s", e.msg);
}

/* Once each, however many images have it. */
static void check_file(struct checking *c, const char *hex, bool is_layer)
{
	if (strlist_has(&c->sound, hex))
		return;
	if (strlist_has(&c->damaged, hex)) {
		c->lost++;
		return;
	}
	if (!check_blob(c, hex)) {
		(void)strlist_add(&c->damaged, hex);
		return;
	}
	(void)strlist_add(&c->sound, hex);
	if (is_layer)
		check_archive(c, hex);
}

static void check_link(struct checking *c, const char *brief, const char *diffid)
{
	char path[sizeof(PATH_IMAGE_LAYERS) + IMAGE_HEX + 1], link[128], want[128],
		what[256];
	struct err e = { 0 };
	ssize_t n;

	(void)snprintf(path, sizeof(path), PATH_IMAGE_LAYERS "/%s", brief);
	(void)snprintf(want, sizeof(want), "../sha256/%s", diffid);
	n = readlinkat(c->store.fd, path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	if (strcmp(link, want) == 0)
		return;
	(void)snprintf(what, sizeof(what), "%s doesn't lead to its layer", path);
	found_mending(c, what,
		c->repair ? store_mend_link(&c->store, brief, diffid, &e) : 0, &e);
}

/* ---- images ------------------------------------------------------------------------- */

static void tell_lost(struct checking *c, const struct strlist *names, const char *hex)
{
	char of[IMAGE_HEX + 1];

	for (size_t i = 0; i < names->n; i++)
		if (store_hex_of(&c->store, names->v[i], of) == 0 && strcmp(of, hex) == 0)
			(void)printf("%s: import it anew, from where it came%s\n",
				names->v[i],
				c->repair ? "; what is damaged is removed"
					  : ", after nsctl image fsck --repair");
}

static void check_image(struct checking *c, const struct strlist *names, const char *hex)
{
	_cleanup_(strlist_clear) struct strlist blobs = { 0 };
	_cleanup_(image_clear) struct image i = { 0 };
	size_t lost = c->lost;
	struct err e = { 0 };

	if (image_read(c->store.fd, hex, &i, &e) != 0 ||
		store_lines(&c->store, hex, "blobs", &blobs, &e) < 0) {
		found(c, "%s: remove its names, and import it anew", e.msg);
		return;
	}
	for (size_t n = 0; n < blobs.n; n++)
		check_file(c, blobs.v[n], n >= BLOBS_BEFORE_LAYERS);
	for (size_t n = 0; n < i.layers.n; n++) {
		/* Else it was said, or mended. */
		if (!strlist_has(&c->layers, i.diffids.v[n]) &&
			!store_has_layer(&c->store, i.diffids.v[n]))
			found(c, "layers/sha256/%s isn't there", i.diffids.v[n]);
		check_link(c, i.layers.v[n], i.diffids.v[n]);
	}
	if (c->lost > lost)
		tell_lost(c, names, hex);
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
		check_image(c, &names, images.v[i]);
	return 0;
}

int image_fsck(int argc, char **argv)
{
	struct checking c = { .store = STORE_NONE };
	const struct nsctl_option options[] = {
		{ 0, "repair", NULL, "unpack damaged layers anew", &c.repair, NULL },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (store_open(&c.store, &e) < 0 || check_all(&c, &e) < 0)
		r = nsctl_failed(argv[0], &e);
	else
		r = nsctl_flush(argv[0], c.found ? NSCTL_FAILED : NSCTL_OK);
	strlist_clear(&c.sound);
	strlist_clear(&c.damaged);
	strlist_clear(&c.layers);
	store_clear(&c.store);
	return r;
}
