/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in files. */
#include "core/base/cleanup.h"
#include "core/plan/accountlines.h"
#include "helpers/image/pack_parts.h"

#include <string.h>
#include <unistd.h>

static int put_some(struct packing *p, const char *bytes, ssize_t n)
{
	return archive_write_data(p->a, bytes, (size_t)n) == n
		       ? 0
		       : err_set(&p->said->e, EPIPE, "pack %.200s", p->path);
}

static int put_data(struct packing *p, int fd, off_t at, off_t end)
{
	while (at < end) {
		ssize_t n = pread(fd, p->buffer,
			end - at < PACK_BUFFER ? (size_t)(end - at) : (size_t)PACK_BUFFER,
			at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? pack_failed(p, "read")
				     : err_set(&p->said->e, 0, "%.200s was cut meanwhile",
					       p->path);
		if (put_some(p, p->buffer, n) < 0)
			return -1;
		at += n;
	}
	return 0;
}

/* libarchive wants to have it, and leaves it out: to read it from a file of terabytes would take as long as if it were there. */
static int put_hole(struct packing *p, off_t n)
{
	while (n > 0) {
		ssize_t some = n < PACK_BUFFER ? (ssize_t)n : (ssize_t)PACK_BUFFER;

		if (put_some(p, p->zeros, some) < 0)
			return -1;
		n -= some;
	}
	return 0;
}

int pack_bytes(struct packing *p, int fd, off_t size)
{
	la_int64_t from, len;
	off_t at = 0;

	if (archive_entry_sparse_reset(p->entry) == 0)
		return put_data(p, fd, 0, size);
	while (archive_entry_sparse_next(p->entry, &from, &len) == ARCHIVE_OK) {
		if (put_hole(p, from - at) < 0 || put_data(p, fd, from, from + len) < 0)
			return -1;
		at = from + len;
	}
	return put_hole(p, size - at);
}

void pack_holes(struct packing *p, int fd, const struct stat *st)
{
	off_t at = 0, end;

	if (st->st_size / 512 <= st->st_blocks)
		return;
	while (at < st->st_size && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		if (end < 0)
			break;
		archive_entry_sparse_add_entry(p->entry, at, end - at);
		at = end;
	}
	/* At least one, or it would be as if there were no holes. */
	if (archive_entry_sparse_count(p->entry) == 0)
		archive_entry_sparse_add_entry(p->entry, st->st_size, 0);
}

/* As large as a file of lines may be. */
#define LINES_MAX ((off_t)1 << 20)

const char *pack_own_lines(struct packing *p, const struct stat *st)
{
	const struct pack_lines *l = p->how->lines;

	for (; l && l->path; l++)
		if (strcmp(l->path, p->path) == 0)
			break;
	if (!l || !l->path)
		return NULL;
	if (st->st_size > LINES_MAX)
		jail_note(p->said, "too large to take the account's lines out", p->path);
	return st->st_size > LINES_MAX ? NULL : l->lines;
}

int pack_lines(struct packing *p, int fd, const char *own, const struct stat *st)
{
	_cleanup_free_ char *text = calloc(1, (size_t)st->st_size + 1), *rest = NULL;
	size_t len;

	if (!text || pread(fd, text, (size_t)st->st_size, 0) < 0)
		return pack_failed(p, "read");
	rest = accountlines_without(text, own);
	if (!rest)
		return pack_failed(p, "read");
	len = strlen(rest);
	archive_entry_set_size(p->entry, (la_int64_t)len);
	if (pack_header(p) < 0)
		return -1;
	return archive_write_data(p->a, rest, len) == (la_ssize_t)len
		       ? 0
		       : err_set(&p->said->e, EPIPE, "pack %.200s", p->path);
}
