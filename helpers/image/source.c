/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/source.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/layerentry.h"
#include "core/plan/layername.h"
#include "helpers/image/layer.h"
#include "helpers/image/progress.h"
#include "helpers/image/reader.h"
#include "helpers/image/sha256.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Files of an archive of an image: a layer has three at most. */
#define MEMBERS_MAX 4096
#define LINKS_MOST  8

void source_clear(struct source *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->members[i].name);
		free(s->members[i].link);
	}
	free(s->members);
	cleanup_close(&s->dir);
}

static struct member *find(struct source *s, const char *name)
{
	/* The last one of a name counts, as it does for tar. */
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->members[i].name, name) == 0)
			return &s->members[i];
	return NULL;
}

static struct member *add(struct source *s, const char *name, struct err *e)
{
	struct member *m = s->members;

	if (s->n == MEMBERS_MAX) {
		(void)err_set(e, 0, "the archive has more than %d files", MEMBERS_MAX);
		return NULL;
	}
	if ((s->n & (s->n - 1)) == 0)
		m = reallocarray(m, s->n ? 2 * s->n : 1, sizeof(*m));
	if (m) {
		s->members = m;
		m += s->n;
		*m = (struct member){ .name = strdup(name) };
	}
	if (!m || !m->name) {
		(void)err_set(e, ENOMEM, "read the archive");
		return NULL;
	}
	s->n++;
	return m;
}

/* ---- what a file is ----------------------------------------------------------------- */

int source_look(int fd, struct err *e)
{
	_cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	_cleanup_(jail_clear) struct jail j = { .name = "read the archive",
		.in = fd,
		.out = null,
		.root = JAIL_NOTHING,
		.work = reader_look };

	if (null < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read the archive");
	if (jail_start(&j, e) < 0 || jail_wait(&j, false, e) < 0)
		return -1;
	return j.said->files == 1;
}

/* ---- an archive --------------------------------------------------------------------- */

/* What comes from who reads it, with no right: names, and bytes. */
struct taking {
	struct source *s;
	int from, file;
	int position;
	char *buffer;
	uint64_t total;
	struct sha256 sum;
	struct blob blob;
	char name[LAYER_NAME_MAX], link[LAYER_NAME_MAX];
};

static void taking_clear(struct taking *t)
{
	cleanup_close(&t->from);
	cleanup_close(&t->file);
	free(t->buffer);
}

static int take(struct taking *t, void *to, size_t n, struct err *e)
{
	for (char *at = to; n > 0;) {
		ssize_t got = read(t->from, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(
				e, got < 0 ? errno : 0, "the archive ends too early");
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

static int end_file(struct taking *t, struct err *e)
{
	struct member *m;

	if (t->file < 0)
		return 0;
	cleanup_close(&t->file);
	sha256_end(&t->sum, t->blob.hex);
	m = add(t->s, t->name, e);
	if (!m)
		return -1;
	m->blob = t->blob;
	return 0;
}

static int put_link(struct taking *t, struct err *e)
{
	struct member *m = add(t->s, t->name, e);

	if (!m)
		return -1;
	m->link = strdup(t->link);
	return m->link ? 0 : err_set(e, ENOMEM, "read the archive");
}

static int begin_file(struct taking *t, struct err *e)
{
	t->blob = (struct blob){ 0 };
	sha256_begin(&t->sum);
	t->file = store_new_blob(t->s->store, &t->blob, e);
	return t->file < 0 ? -1 : 0;
}

static int take_entry(struct taking *t, const struct layer_head *h, struct err *e)
{
	char name[LAYER_NAME_MAX];
	const char *why;

	if (end_file(t, e) < 0 || take(t, name, h->path_len, e) < 0 ||
		take(t, t->link, h->link_len, e) < 0 ||
		take(t, t->buffer, h->xattrs_len, e) < 0)
		return -1;
	name[h->path_len] = '\0';
	t->link[h->link_len] = '\0';
	if (layername_clean(name, t->name, &why) < 0)
		return err_set(e, 0, "%.200s %s", name, why);
	switch (h->kind) {
	case LAYER_FILE:
		return begin_file(t, e);
	case LAYER_SYMLINK:
	case LAYER_HARDLINK:
		return put_link(t, e);
	case LAYER_DIRECTORY:
		return 0;
	default:
		return err_set(e, 0, "%.200s is no file of an image", t->name);
	}
}

/* One after another: what has gaps is no file of an image. */
static int take_data(struct taking *t, const struct layer_head *h, struct err *e)
{
	size_t size = (size_t)h->size; /* LAYER_DATA_MAX at most */

	if (t->file < 0 || h->offset != t->blob.size)
		return err_set(e, 0, "%.200s has gaps", t->name);
	if (take(t, t->buffer, size, e) < 0)
		return -1;
	t->blob.size += h->size;
	t->total += h->size;
	if (t->total > t->s->limits.bytes)
		return err_set(e, 0, "it has more than %llu bytes (--max-size)",
			(unsigned long long)t->s->limits.bytes);
	if (t->total / (64U << 20) != (t->total - h->size) / (64U << 20) &&
		layer_check_room(t->s->store->fd, e) < 0)
		return -1;
	sha256_add(&t->sum, t->buffer, size);
	progress_at((uint64_t)lseek(t->position, 0, SEEK_CUR));
	return io_write_all(t->file, t->buffer, size) < 0
		       ? err_set(e, errno, "write to %s", PATH_IMAGES)
		       : 0;
}

static int take_all(struct taking *t, struct err *e)
{
	struct layer_head h;
	const char *why;

	for (;;) {
		if (take(t, &h, sizeof(h), e) < 0)
			return -1;
		if (layerentry_check(&h, &why) < 0)
			return err_set(e, 0, "the archive has %s", why);
		if (h.kind == LAYER_END)
			return end_file(t, e);
		if ((h.kind == LAYER_DATA ? take_data(t, &h, e) : take_entry(t, &h, e)) <
			0)
			return -1;
	}
}

int source_read(struct source *s, int fd, struct err *e)
{
	_cleanup_(taking_clear) struct taking t = { .s = s,
		.from = -EBADF,
		.file = -EBADF,
		.position = fd,
		.buffer = malloc(LAYER_DATA_MAX) };
	_cleanup_(jail_clear) struct jail j = { .name = "read the archive",
		.in = fd,
		.root = JAIL_NOTHING,
		.work = reader_archive };
	struct err why = { 0 };
	struct stat st;
	int ends[2], r, ended;

	if (!t.buffer || lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &st) < 0 ||
		pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "read the archive");
	t.from = ends[0];
	j.out = ends[1];
	r = jail_start(&j, e);
	(void)close(ends[1]);
	if (r < 0)
		return -1;
	progress_begin("reading the archive", (uint64_t)st.st_size);
	r = take_all(&t, e);
	progress_end();
	cleanup_close(&t.from);
	ended = jail_wait(&j, false, &why);
	if (ended < 0 && why.num != EPIPE)
		*e = why;
	return r < 0 || ended < 0 ? -1 : 0;
}

/* ---- files of it -------------------------------------------------------------------- */

/* docker save has a layer once, and links to it, "../HEX/layer.tar". */
static struct member *follow(struct source *s, const char *name)
{
	struct member *m = find(s, name);
	char path[2 * LAYER_NAME_MAX], clean[LAYER_NAME_MAX];
	const char *why, *link;

	for (int n = 0; m && m->link && n < LINKS_MOST; n++) {
		size_t dir = (size_t)(layername_last(m->name) - m->name);

		link = m->link;
		if (dir > 0 && strncmp(link, "../", 3) == 0) {
			link += 3;
			dir = 0; /* there are no deeper ones in an archive of docker's */
		}
		(void)snprintf(path, sizeof(path), "%.*s%s", (int)dir, m->name, link);
		if (layername_clean(path, clean, &why) < 0)
			return NULL;
		m = find(s, clean) ? find(s, clean) : find(s, m->link);
	}
	return m && !m->link ? m : NULL;
}

static int open_in_dir(const struct source *s, const char *name)
{
	_cleanup_close_ int fd =
		sys_openat2(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return take_fd(&fd);
}

static int copy_from_dir(
	struct source *s, const char *name, const char *expect, struct err *e)
{
	_cleanup_close_ int fd = open_in_dir(s, name);
	struct member *m;

	if (fd < 0)
		return err_set(e, errno, "open %.200s of the layout", name);
	m = add(s, name, e);
	if (!m)
		return -1;
	if (layer_copy_blob(s->store, fd, s->limits.bytes, expect, &m->blob, e) < 0)
		return err_wrap(e, "%.100s", name);
	return 0;
}

bool source_has(struct source *s, const char *name)
{
	_cleanup_close_ int fd = -EBADF;

	if (find(s, name))
		return true;
	fd = s->dir >= 0 ? open_in_dir(s, name) : -EBADF;
	return fd >= 0;
}

int source_get(struct source *s, const char *name, struct blob *ret, struct err *e)
{
	char clean[LAYER_NAME_MAX];
	const struct member *m;
	const char *why;

	if (layername_clean(name, clean, &why) < 0 || !*clean)
		return err_set(e, 0, "the image names a file %.200s", name);
	if (s->dir >= 0 && !find(s, clean) && copy_from_dir(s, clean, NULL, e) < 0)
		return -1;
	m = follow(s, clean);
	if (!m)
		return err_set(e, 0, "the image's %.200s isn't in the archive", clean);
	*ret = m->blob;
	if (store_has_blob(s->store, ret->hex, &ret->size))
		*ret->tmp = '\0';
	return 0;
}

static int get_from_store(
	const struct source *s, const char *hex, struct blob *ret, struct err *e)
{
	uint64_t size;

	if (!store_has_blob(s->store, hex, &size))
		return err_set(
			e, 0, "sha256:%.12s isn't in the store (nsctl image fsck)", hex);
	*ret = (struct blob){ .size = size };
	memcpy(ret->hex, hex, sizeof(ret->hex));
	return 0;
}

/* Also of what the store has already the archive must have the bytes: who only knows another image's digest hasn't its files. */
int source_get_digest(struct source *s, const char *hex, struct blob *ret, struct err *e)
{
	char name[sizeof("blobs/sha256/") + IMAGE_HEX];

	if (s->in_store)
		return get_from_store(s, hex, ret, e);
	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
	if (source_get(s, name, ret, e) < 0)
		return -1;
	if (strcmp(ret->hex, hex) != 0)
		return err_set(e, 0, "%s isn't what its digest says: it is sha256:%.12s",
			name, ret->hex);
	return 0;
}
