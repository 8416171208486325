/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/layer.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/image/progress.h"
#include "helpers/image/reader.h"
#include "helpers/image/sha256.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define BUFFER     (256 * 1024)
#define PIPE_BYTES (1024 * 1024)

/* What a tar has beside what is in its files. */
#define HEAD_BYTES 4096

/* ---- how full the disk may be -------------------------------------------------------- */

#define LOOK_EVERY (64ULL << 20)
#define LEAVE_MOST (1ULL << 30)

int layer_check_room(int store, struct err *e)
{
	struct statvfs v;
	uint64_t leave, have;

	if (fstatvfs(store, &v) < 0)
		return err_set(e, errno, "look at the file system of %s", PATH_IMAGES);
	leave = (uint64_t)v.f_blocks * v.f_frsize / 20;
	if (leave > LEAVE_MOST)
		leave = LEAVE_MOST;
	have = (uint64_t)v.f_bavail * v.f_frsize;
	if (have < leave || (v.f_files > 0 && v.f_favail < v.f_files / 20))
		return err_set(e, 0,
			"the file system of %s is too full: a twentieth of it, of its inodes too, or 1 GiB stays "
			"free",
			PATH_IMAGES);
	return 0;
}

/* ---- pipes -------------------------------------------------------------------------- */

static int make_pipe(int *ret_read, int *ret_write, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; less is no harm */
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static ssize_t read_some(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n;
}

const char *layer_compression(int fd)
{
	unsigned char head[262] = { 0 };
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
		return "tar+gzip";
	if (n >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
		return "tar+zstd";
	if (n == (ssize_t)sizeof(head) && memcmp(head + 257, "ustar", 5) == 0)
		return "tar";
	return NULL;
}

/* ---- what passes by ----------------------------------------------------------------- */

struct pump {
	int store;
	int from, to; /* to: -EBADF: nobody wants it */
	int copy;     /* gets it, too; -EBADF */
	int position; /* of the file that it comes from, for the bar */
	uint64_t limit, bytes, looked;
	struct sha256 sum;
	bool refused; /* the other end has hung up */
};

static int pass_on(struct pump *p, const char *bytes, size_t n, struct err *e)
{
	sha256_add(&p->sum, bytes, n);
	p->bytes += n;
	if (p->bytes > p->limit)
		return err_set(e, 0,
			"it has more than %llu bytes without compression (--max-size)",
			(unsigned long long)p->limit);
	if (p->bytes - p->looked > LOOK_EVERY) {
		p->looked = p->bytes;
		if (layer_check_room(p->store, e) < 0)
			return -1;
	}
	if (p->copy >= 0 && io_write_all(p->copy, bytes, n) < 0)
		return err_set(e, errno, "write to %s", PATH_IMAGES);
	if (p->to >= 0 && io_write_all(p->to, bytes, n) < 0) {
		p->refused = errno == EPIPE;
		return err_set(e, errno, "hand on the layer");
	}
	return 0;
}

static int pump(struct pump *p, struct err *e)
{
	_cleanup_free_ char *buffer = malloc(BUFFER);
	ssize_t n;
	off_t at;

	if (!buffer)
		return err_set(e, ENOMEM, "read a layer");
	if (layer_check_room(p->store, e) < 0)
		return -1;
	sha256_begin(&p->sum);
	while ((n = read_some(p->from, buffer, BUFFER)) > 0) {
		if (pass_on(p, buffer, (size_t)n, e) < 0)
			return -1;
		at = lseek(p->position, 0, SEEK_CUR);
		progress_at(at < 0 ? p->bytes : (uint64_t)at); /* a pipe has none */
	}
	return n < 0 ? err_set(e, errno, "read a layer") : 0;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

int layer_copy_blob(struct store *s, int fd, uint64_t limit, const char *expect,
	struct blob *b, struct err *e)
{
	_cleanup_close_ int copy = store_new_blob(s, b, e);
	struct pump p = { .store = s->fd,
		.from = fd,
		.to = -EBADF,
		.copy = copy,
		.position = fd,
		.limit = limit };

	if (copy < 0)
		return -1;
	progress_begin("copying", size_of(fd));
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return err_set(e, errno, "read a file");
	if (pump(&p, e) < 0)
		return -1;
	progress_end();
	sha256_end(&p.sum, b->hex);
	b->size = p.bytes;
	if (expect && strcmp(expect, b->hex) != 0)
		return err_set(e, 0,
			"it isn't what its digest sha256:%.12s says: it is sha256:%.12s",
			expect, b->hex);
	return 0;
}

/* ---- the chain ---------------------------------------------------------------------- */

struct chain {
	struct jail decompress, read, make;
	int plain;   /* the tar, to be read here */
	int feed;    /* the tar, to be written to who reads it */
	int records; /* between who reads and who makes */
	int null;
	bool compressed;
};

#define CHAIN_NONE                                                                       \
	((struct chain){                                                                 \
		.plain = -EBADF, .feed = -EBADF, .records = -EBADF, .null = -EBADF })

static void chain_clear(struct chain *c)
{
	jail_clear(&c->decompress);
	jail_clear(&c->read);
	jail_clear(&c->make);
	cleanup_close(&c->plain);
	cleanup_close(&c->feed);
	cleanup_close(&c->records);
	cleanup_close(&c->null);
}

static int start_decompress(struct chain *c, const struct layer_job *j, struct err *e)
{
	_cleanup_close_ int out = -EBADF;

	if (make_pipe(&c->plain, &out, e) < 0)
		return -1;
	c->decompress = (struct jail){ .name = "decompress",
		.in = j->fd,
		.out = out,
		.root = JAIL_NOTHING,
		.work = reader_decompress };
	return jail_start(&c->decompress, e);
}

static int start_read(struct chain *c, struct err *e)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;

	if (make_pipe(&in, &c->feed, e) < 0 || make_pipe(&c->records, &out, e) < 0)
		return -1;
	c->read = (struct jail){ .name = "read the archive",
		.in = in,
		.out = out,
		.root = JAIL_NOTHING,
		.work = reader_layer };
	return jail_start(&c->read, e);
}

static int start_make(struct chain *c, struct layer_job *j, int dir, struct err *e)
{
	c->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	c->make = (struct jail){ .name = "make the layer's files",
		.in = c->records,
		.out = c->null,
		.root = dir,
		.work = unpack_layer,
		.arg = &j->limits };
	if (c->null < 0 || jail_start(&c->make, e) < 0)
		return c->null < 0 ? err_set(e, errno, "open /dev/null") : -1;
	cleanup_close(&c->records);
	return 0;
}

/* From its beginning, as it was before it was compressed. Return: an fd, which stays @c's or @j's, or -1 with @e. */
static int chain_start(struct chain *c, const struct layer_job *j, struct err *e)
{
	const char *compression = layer_compression(j->fd);

	if (lseek(j->fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read %s", j->what);
	c->compressed = !compression || strcmp(compression, "tar") != 0;
	if (!c->compressed)
		return j->fd;
	return start_decompress(c, j, e) < 0 ? -1 : c->plain;
}

/*
 * Of several that failed the one is told that had a reason of its own: who makes files ends where nothing comes
 * any more, and who reads where nobody takes it.
 */
static int chain_end(struct chain *c, bool cut, struct err *e)
{
	struct err first = { 0 }, second = { 0 }, third = { 0 };
	int r = 0, read, made;

	cleanup_close(&c->feed);
	cleanup_close(&c->plain);
	if (c->compressed)
		r = jail_wait(&c->decompress, cut, &first);
	read = jail_wait(&c->read, false, &second);
	made = jail_wait(&c->make, false, &third);
	if (r < 0 && !cut)
		*e = first;
	else if (made < 0 && (read == 0 || second.num == EPIPE))
		*e = third;
	else if (read < 0)
		*e = second;
	return (r < 0 && !cut) || made < 0 || read < 0 ? -1 : 0;
}

static uint64_t limit_of(const struct unpack_limits *l)
{
	uint64_t heads = l->files > UINT64_MAX / 2 / HEAD_BYTES ? UINT64_MAX / 2
								: l->files * HEAD_BYTES;

	return l->bytes > UINT64_MAX - heads ? UINT64_MAX : l->bytes + heads;
}

static int run(struct store *s, struct layer_job *j, int dir, int copy,
	struct sha256 *sum, struct layer *ret, struct err *e)
{
	_cleanup_(chain_clear) struct chain c = CHAIN_NONE;
	struct pump p = { .store = s->fd,
		.copy = copy,
		.position = j->fd,
		.limit = limit_of(&j->limits) };
	struct err why = { 0 };
	int r, ended;

	p.from = chain_start(&c, j, e);
	if (p.from < 0 || start_read(&c, e) < 0 || start_make(&c, j, dir, e) < 0)
		return -1;
	p.to = c.feed;
	progress_begin(j->what, size_of(j->fd));
	r = pump(&p, e);
	progress_end();
	ended = chain_end(&c, r < 0, &why);
	/* Who hung up has the reason. */
	if (ended < 0 && (r == 0 || p.refused))
		*e = why;
	if (ended < 0 || r < 0)
		return -1;
	*sum = p.sum;
	if (j->keep)
		j->keep->size = p.bytes;
	ret->files = c.make.said->files;
	ret->bytes = c.make.said->bytes;
	return jail_notes(&c.make, j->notes, e);
}

static int is_wanted(const struct layer_job *j, const char *is, struct err *e)
{
	return !j->want || strcmp(j->want, is) == 0
		       ? 0
		       : err_set(e, 0,
				 "%s isn't what the image's config says: it is sha256:%.12s and not sha256:%.12s",
				 j->what, is, j->want);
}

int layer_check(struct store *s, const struct layer_job *j, struct err *e)
{
	_cleanup_(chain_clear) struct chain c = CHAIN_NONE;
	struct pump p = { .store = s->fd,
		.from = chain_start(&c, j, e),
		.to = -EBADF,
		.copy = -EBADF,
		.position = j->fd,
		.limit = limit_of(&j->limits) };
	char is[IMAGE_HEX + 1];
	struct err why = { 0 };
	int r;

	if (p.from < 0)
		return -1;
	progress_begin(j->what, size_of(j->fd));
	r = pump(&p, e);
	progress_end();
	cleanup_close(&c.plain);
	if (c.compressed && jail_wait(&c.decompress, r < 0, &why) < 0 && r == 0) {
		*e = why;
		r = -1;
	}
	if (r < 0)
		return err_wrap(e, "%s", j->what);
	sha256_end(&p.sum, is);
	return is_wanted(j, is, e);
}

int layer_unpack(struct store *s, struct layer_job *j, struct layer *ret, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, copy = -EBADF;
	struct sha256 sum;

	dir = store_new_layer(s, ret->tmp, e);
	if (dir < 0)
		return -1;
	if (j->keep) {
		copy = store_new_blob(s, j->keep, e);
		if (copy < 0)
			return -1;
	}
	if (run(s, j, dir, copy, &sum, ret, e) < 0)
		return err_wrap(e, "%s", j->what);
	sha256_end(&sum, ret->diffid);
	if (j->keep)
		memcpy(j->keep->hex, ret->diffid, sizeof(ret->diffid));
	return is_wanted(j, ret->diffid, e);
}
