/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/reader.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/imagename.h"
#include "core/plan/layerentry.h"
#include "core/plan/layername.h"
#include "helpers/image/reader_acl.h"
#include "helpers/image/reader_filter.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK (256 * 1024)

/* One that is being read. */
struct reading {
	struct archive *a;
	char *block; /* of what is read */
	ssize_t n_block;
	char *xattrs;
	struct reader_acl *acl;
	/* What is to be written: entries are many and small, and each write wakes who reads. */
	char *out;
	size_t n_out;
};

static void reading_clear(struct reading *r)
{
	(void)archive_read_free(r->a);
	free(r->block);
	free(r->xattrs);
	free(r->acl);
	free(r->out);
}

static ssize_t read_some(struct reading *r)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, r->block, BLOCK);
	while (n < 0 && errno == EINTR);
	return n;
}

static la_ssize_t read_block(struct archive *a, void *arg, const void **ret)
{
	struct reading *r = arg;
	ssize_t n = r->n_block;

	/* What begin() has looked at. */
	if (n > 0)
		r->n_block = 0;
	else
		n = read_some(r);
	if (n < 0)
		archive_set_error(a, errno, "read");
	*ret = r->block;
	return n;
}

/* "Truncated input", and which file it was. */
static int failed(struct archive *a, const char *path, struct err *e)
{
	const char *why = archive_error_string(a);

	if (path)
		return err_set(e, 0, "the archive can't be read at %.200s: %.200s", path,
			why ? why : "it is damaged");
	return err_set(
		e, 0, "the archive can't be read: %.200s", why ? why : "it is damaged");
}

/*
 * Once compressed: of what was compressed again and again, as libarchive would take it, a few bytes keep a processor busy
 * for days without a byte that comes out and could be counted.
 */
static int begin_filter(struct reading *r, struct err *e)
{
	int filter;

	r->n_block = read_some(r);
	if (r->n_block < 0)
		return err_set(e, errno, "read the archive");
	filter = reader_filter(r->block, (size_t)r->n_block);
	return archive_read_append_filter(r->a, filter) == ARCHIVE_OK
		       ? 0
		       : failed(r->a, NULL, e);
}

/*
 * In the locale "C", in which names stay the bytes that they are; in a UTF-8 one libarchive composes what is
 * decomposed.
 */
static int begin(struct reading *r, bool compressed, bool raw, struct err *e)
{
	r->a = archive_read_new();
	r->block = malloc(BLOCK);
	r->xattrs = malloc(LAYER_XATTRS_MAX);
	r->acl = malloc(sizeof(*r->acl));
	r->out = malloc(BLOCK);
	if (!r->a || !r->block || !r->xattrs || !r->acl || !r->out)
		return err_set(e, ENOMEM, "read the archive");
	if (compressed && begin_filter(r, e) < 0)
		return -1;
	if ((raw ? archive_read_support_format_raw(r->a)
		 : archive_read_support_format_tar(r->a)) != ARCHIVE_OK ||
		archive_read_support_format_empty(r->a) != ARCHIVE_OK ||
		archive_read_open(r->a, r, NULL, read_block, NULL) != ARCHIVE_OK ||
		archive_errno(r->a) != 0) /* what can't be decompressed isn't empty */
		return failed(r->a, NULL, e);
	return 0;
}

static int hand_on(const void *bytes, size_t n, struct err *e)
{
	return io_write_all(STDOUT_FILENO, bytes, n) < 0
		       ? err_set(e, errno, "hand on what was read")
		       : 0;
}

/* What put() has kept. */
static int flush(struct reading *r, struct err *e)
{
	size_t n = r->n_out;

	r->n_out = 0;
	return hand_on(r->out, n, e);
}

static int put(struct reading *r, const void *bytes, size_t n, struct err *e)
{
	bool is_large = n > BLOCK / 4;

	if ((is_large || n > BLOCK - r->n_out) && flush(r, e) < 0)
		return -1;
	if (is_large)
		return hand_on(bytes, n, e);
	memcpy(r->out + r->n_out, bytes, n);
	r->n_out += n;
	return 0;
}

/* ---- as it was before it was compressed --------------------------------------------- */

int reader_decompress(void *unused, struct jail_said *said)
{
	_cleanup_(reading_clear) struct reading r = { 0 };
	struct archive_entry *entry;
	const void *bytes;
	la_int64_t at;
	size_t n;
	int got;

	(void)unused;
	if (begin(&r, true, true, &said->e) < 0)
		return -1;
	got = archive_read_next_header(r.a, &entry);
	if (got == ARCHIVE_EOF)
		return 0;
	while (got == ARCHIVE_OK) {
		got = archive_read_data_block(r.a, &bytes, &n, &at);
		if (got == ARCHIVE_OK && hand_on(bytes, n, &said->e) < 0)
			return -1;
	}
	return got == ARCHIVE_EOF ? 0 : failed(r.a, NULL, &said->e);
}

/* ---- a tar -------------------------------------------------------------------------- */

/* A name that the archive says is UTF-8 is for us the bytes that it is. */
static bool is_about_a_name(struct archive *a)
{
	const char *why = archive_error_string(a);

	return why && strstr(why, "can't be converted from");
}

static int next(struct reading *r, struct archive_entry **ret, struct err *e)
{
	int got = archive_read_next_header(r->a, ret);

	if (got == ARCHIVE_EOF)
		return 0;
	if (got == ARCHIVE_OK || (got == ARCHIVE_WARN && is_about_a_name(r->a)))
		return 1;
	return failed(r->a, NULL, e);
}

static enum layer_kind kind_of(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry))
		return LAYER_HARDLINK;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return LAYER_FILE;
	case AE_IFDIR:
		return LAYER_DIRECTORY;
	case AE_IFLNK:
		return LAYER_SYMLINK;
	case AE_IFIFO:
		return LAYER_FIFO;
	default:
		return LAYER_OTHER;
	}
}

static int put_xattr(struct reading *r, struct layer_head *h, const char *path,
	const char *name, const void *value, size_t size, struct err *e)
{
	size_t at = layerxattr_put(r->xattrs, h->xattrs_len, name, value, size);

	h->xattrs_len = (uint32_t)at;
	return at > 0 ? 0
		      : err_set(e, 0,
				"%.200s has more extended attributes than a file may have",
				path);
}

static int take_xattrs(struct reading *r, struct archive_entry *entry, const char *path,
	struct layer_head *h, struct err *e)
{
	const char *name;
	const void *value;
	size_t size;
	int has;

	(void)archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		if (put_xattr(r, h, path, name, value, size, e) < 0)
			return -1;
	for (int n = 0; (has = reader_acl_take(entry, n, r->acl)) >= 0; n++)
		if (has > 0 && put_xattr(r, h, path, r->acl->name, r->acl->value,
				       r->acl->size, e) < 0)
			return -1;
	return 0;
}

static int take_owner(struct archive_entry *entry, const char *path, struct layer_head *h,
	struct err *e)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	if (uid < 0 || uid > LAYER_ID_MAX || gid < 0 || gid > LAYER_ID_MAX)
		return err_set(e, 0, "%.200s belongs to %lld:%lld: ids go up to %d", path,
			(long long)uid, (long long)gid, LAYER_ID_MAX);
	h->uid = (uint32_t)uid;
	h->gid = (uint32_t)gid;
	return 0;
}

static int put_head(struct reading *r, struct archive_entry *entry, struct layer_head *h,
	const char *path, const char *link, struct err *e)
{
	const char *why;

	h->path_len = (uint32_t)strlen(path);
	h->link_len = link ? (uint32_t)strlen(link) : 0;
	h->mode = archive_entry_perm(entry) & 07777;
	h->sec = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0;
	h->nsec = (uint32_t)archive_entry_mtime_nsec(entry);
	if (h->kind == LAYER_FILE)
		h->size = (uint64_t)archive_entry_size(entry);
	if (take_owner(entry, path, h, e) < 0 || take_xattrs(r, entry, path, h, e) < 0)
		return -1;
	if (layerentry_check(h, &why) < 0)
		return err_set(e, 0, "%.200s has %s", path, why);
	if (put(r, h, sizeof(*h), e) < 0 || put(r, path, h->path_len, e) < 0)
		return -1;
	if (link && put(r, link, h->link_len, e) < 0)
		return -1;
	return h->xattrs_len ? put(r, r->xattrs, h->xattrs_len, e) : 0;
}

static int put_data(struct reading *r, const char *path, struct err *e)
{
	struct layer_head h = { .kind = LAYER_DATA };
	const char *bytes;
	const void *block;
	la_int64_t at;
	size_t n;
	int got;

	while ((got = archive_read_data_block(r->a, &block, &n, &at)) == ARCHIVE_OK)
		for (bytes = block; n > 0; n -= (size_t)h.size, bytes += h.size) {
			h.size = n > LAYER_DATA_MAX ? LAYER_DATA_MAX : n;
			h.offset = (uint64_t)at + (uint64_t)(bytes - (const char *)block);
			if (put(r, &h, sizeof(h), e) < 0 ||
				put(r, bytes, (size_t)h.size, e) < 0)
				return -1;
		}
	return got == ARCHIVE_EOF ? 0 : failed(r->a, path, e);
}

static int put_entry(struct reading *r, struct archive_entry *entry, struct err *e)
{
	const char *path = archive_entry_pathname(entry), *link = NULL;
	struct layer_head h = { .kind = kind_of(entry) };

	if (!path || !*path)
		return err_set(e, 0, "the archive has a file without a name");
	if (h.kind == LAYER_HARDLINK)
		link = archive_entry_hardlink(entry);
	else if (h.kind == LAYER_SYMLINK)
		link = archive_entry_symlink(entry);
	if (link && !*link)
		link = NULL;
	if (put_head(r, entry, &h, path, link, e) < 0)
		return -1;
	return h.kind == LAYER_FILE ? put_data(r, path, e) : 0;
}

/* What follows the archive's end counts for its digest, and somebody writes it. */
static int drain(struct reading *r, struct err *e)
{
	ssize_t n;

	do
		n = read_some(r);
	while (n > 0);
	return n < 0 ? err_set(e, errno, "read what follows the archive") : 0;
}

static int read_tar(bool compressed, struct jail_said *said)
{
	_cleanup_(reading_clear) struct reading r = { 0 };
	const struct layer_head end = { .kind = LAYER_END };
	struct archive_entry *entry;
	int got;

	if (begin(&r, compressed, false, &said->e) < 0)
		return -1;
	while ((got = next(&r, &entry, &said->e)) > 0)
		if (put_entry(&r, entry, &said->e) < 0)
			return -1;
	if (got < 0 || drain(&r, &said->e) < 0)
		return -1;
	return put(&r, &end, sizeof(end), &said->e) < 0 ? -1 : flush(&r, &said->e);
}

int reader_layer(void *unused, struct jail_said *said)
{
	(void)unused;
	return read_tar(false, said);
}

int reader_archive(void *unused, struct jail_said *said)
{
	(void)unused;
	return read_tar(true, said);
}

/* ---- what it is --------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *ending)
{
	size_t len = strlen(name), n = strlen(ending);

	return len > n && strcmp(name + len - n, ending) == 0;
}

/* As docker save and OCI layouts call what they consist of. */
static bool is_of_an_image(char *name)
{
	static const char *const names[] = { "manifest.json", "index.json", "oci-layout",
		"repositories" };
	char *last;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	if (strncmp(name, "blobs", 5) == 0 && (!name[5] || name[5] == '/'))
		return true;
	last = strchr(name, '/');
	if (last)
		*last++ = '\0';
	else if (ends_in(name, ".json") || ends_in(name, ".tar"))
		*strrchr(name, '.') = '\0';
	return imagename_is_hex(name) &&
	       (!last || strcmp(last, "layer.tar") == 0 || strcmp(last, "VERSION") == 0 ||
		       strcmp(last, "json") == 0);
}

int reader_look(void *unused, struct jail_said *said)
{
	_cleanup_(reading_clear) struct reading r = { 0 };
	struct archive_entry *entry;
	char name[LAYER_NAME_MAX];
	const char *why, *path;
	int got;

	(void)unused;
	if (begin(&r, true, false, &said->e) < 0)
		return -1;
	while ((got = next(&r, &entry, &said->e)) > 0) {
		path = archive_entry_pathname(entry);
		if (!path || layername_clean(path, name, &why) < 0 ||
			(*name && !is_of_an_image(name))) {
			said->files = 0;
			return 0;
		}
		said->files |= *name != '\0';
	}
	return got;
}
