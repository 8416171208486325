/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/pack_parts.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "helpers/image/layer.h"

#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/xattr.h>

#define NOBODY 65534
#define OPAQUE "trusted.overlay.opaque"

static int pack_dir(struct packing *p, int dir);

int pack_failed(struct packing *p, const char *what)
{
	return err_set(&p->said->e, errno, "%s %.200s", what, *p->path ? p->path : ".");
}

/* What went meanwhile isn't there. */
static int gone(struct packing *p, const char *what)
{
	return errno == ENOENT ? 0 : pack_failed(p, what);
}

static int by_inode(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* ---- writing ------------------------------------------------------------------------ */

static la_ssize_t write_block(struct archive *a, void *arg, const void *bytes, size_t n)
{
	(void)arg;
	if (io_write_all(STDOUT_FILENO, bytes, n) == 0)
		return (la_ssize_t)n;
	archive_set_error(a, errno, "write");
	return -1;
}

int pack_header(struct packing *p)
{
	int r = archive_write_header(p->a, p->entry);

	/* A name that isn't ASCII is said to be bytes, and nothing is lost. */
	return r == ARCHIVE_OK || r == ARCHIVE_WARN
		       ? 0
		       : err_set(&p->said->e, 0, "%.200s can't be packed: %.200s",
				 p->path, archive_error_string(p->a));
}

/* ---- what a file has ---------------------------------------------------------------- */

static int64_t owner_inside(struct packing *p, const struct pack_ids *ids, uint32_t id)
{
	int64_t inside = pack_id_inside(ids, id);

	if (inside < 0)
		jail_note(p->said,
			"is nobody's, its owner isn't one of the account's ids", p->path);
	return inside < 0 ? NOBODY : inside;
}

static int take_owner(struct packing *p, const struct stat *st)
{
	int64_t uid = owner_inside(p, p->how->uids, st->st_uid),
		gid = owner_inside(p, p->how->gids, st->st_gid);

	if (uid > LAYER_ID_MAX || gid > LAYER_ID_MAX)
		return err_set(&p->said->e, 0, "%.200s belongs to %u:%u: ids go up to %d",
			*p->path ? p->path : ".", st->st_uid, st->st_gid, LAYER_ID_MAX);
	archive_entry_set_uid(p->entry, uid);
	archive_entry_set_gid(p->entry, gid);
	return 0;
}

static int take_xattr(struct packing *p, int fd, const char *name)
{
	ssize_t n;

	if (!layername_xattr_kept(name)) {
		if (strncmp(name, "trusted.overlay.", 16) != 0 &&
			strncmp(name, "security.", 9) != 0)
			jail_note(p->said, "without one of its attributes", p->path);
		return 0;
	}
	n = fgetxattr(fd, name, p->value, sizeof(p->value));
	if (n < 0)
		return pack_failed(p, "read an attribute of");
	if (p->how->upper)
		n = pack_value_inside(p->how, name, p->value, (size_t)n);
	if (n < 0) {
		jail_note(
			p->said, "without an attribute that names nobody's id", p->path);
		return 0;
	}
	archive_entry_xattr_add_entry(p->entry, name, p->value, (size_t)n);
	return 0;
}

static int take_xattrs(struct packing *p, int fd)
{
	ssize_t n = flistxattr(fd, p->names, sizeof(p->names));

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : pack_failed(p, "read the attributes of");
	for (const char *name = p->names; name < p->names + n; name += strlen(name) + 1)
		if (take_xattr(p, fd, name) < 0)
			return -1;
	return 0;
}

static int begin(struct packing *p, const struct stat *st)
{
	archive_entry_clear(p->entry);
	archive_entry_set_pathname(p->entry, *p->path ? p->path : "./");
	archive_entry_set_mode(p->entry, st->st_mode);
	archive_entry_set_mtime(p->entry, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	archive_entry_set_size(p->entry, S_ISREG(st->st_mode) ? st->st_size : 0);
	return take_owner(p, st);
}

/* ---- kinds of files ----------------------------------------------------------------- */

/* Return: 1 where it was packed by another name, as a link to that; 0; -1. */
static int pack_link(struct packing *p, const struct stat *st)
{
	struct known *k, **found;

	if (st->st_nlink < 2)
		return 0;
	k = malloc(sizeof(*k) + strlen(p->path) + 1);
	if (!k)
		return pack_failed(p, "remember");
	*k = (struct known){ .dev = st->st_dev, .ino = st->st_ino };
	memcpy(k->path, p->path, strlen(p->path) + 1);
	found = tsearch(k, &p->known, by_inode);
	if (!found)
		return pack_failed(p, "remember");
	if (*found == k)
		return 0;
	free(k);
	archive_entry_set_hardlink(p->entry, (*found)->path);
	archive_entry_set_size(p->entry, 0);
	return pack_header(p) < 0 ? -1 : 1;
}

/* @own: lines that stay out, or NULL */
static int pack_content(struct packing *p, int fd, const char *own, const struct stat *st)
{
	if (take_xattrs(p, fd) < 0)
		return -1;
	if (own)
		return pack_lines(p, fd, own, st);
	pack_holes(p, fd, st);
	return pack_header(p) < 0 ? -1 : pack_bytes(p, fd, st->st_size);
}

static int pack_file(struct packing *p, int dir, const char *name)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *own;
	struct stat st;
	int linked;

	if (fd < 0 || fstat(fd, &st) < 0)
		return gone(p, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(&p->said->e, 0, "%.200s was replaced meanwhile", p->path);
	if (p->how->upper && (uint64_t)st.st_size > p->how->limit)
		return err_set(&p->said->e, 0, "%.200s has %lld bytes (--max-size)",
			p->path, (long long)st.st_size);
	if (begin(p, &st) < 0)
		return -1;
	/* No link to another name of it, which has them. */
	own = pack_own_lines(p, &st);
	linked = own ? 0 : pack_link(p, &st);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	return pack_content(p, fd, own, &st);
}

static int pack_symlink(
	struct packing *p, int dir, const char *name, const struct stat *st)
{
	char target[LAYER_NAME_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	int linked;

	if (n < 0)
		return gone(p, "read the link");
	target[n] = '\0';
	if (p->how->upper && strncmp(target, PATH_RUN "/", sizeof(PATH_RUN)) == 0) {
		jail_note(p->said, "left out, a link to what a box has", p->path);
		return 0;
	}
	if (begin(p, st) < 0)
		return -1;
	linked = pack_link(p, st);
	if (linked != 0)
		return linked < 0 ? -1 : 0;
	archive_entry_set_symlink(p->entry, target);
	return pack_header(p);
}

static int put_mark(
	struct packing *p, const char *dir, const char *mark, const char *name)
{
	char path[2 * LAYER_NAME_MAX];

	(void)snprintf(path, sizeof(path), "%s%s%s%s", dir, *dir ? "/" : "", mark, name);
	archive_entry_clear(p->entry);
	archive_entry_set_pathname(p->entry, path);
	archive_entry_set_mode(p->entry, S_IFREG | 0600);
	archive_entry_set_size(p->entry, 0);
	return pack_header(p);
}

static int pack_whiteout(struct packing *p, const char *name)
{
	char dir[LAYER_NAME_MAX];
	size_t len = strlen(p->path) - strlen(name);

	(void)snprintf(dir, sizeof(dir), "%.*s", len > 0 ? (int)len - 1 : 0, p->path);
	return put_mark(p, dir, ".wh.", name);
}

static int pack_directory(struct packing *p, int parent, const char *name)
{
	_cleanup_close_ int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	char opaque = 'n';

	if (fd < 0 || fstat(fd, &st) < 0)
		return gone(p, "open");
	if (begin(p, &st) < 0 || take_xattrs(p, fd) < 0 || pack_header(p) < 0)
		return -1;
	if (p->how->upper && fgetxattr(fd, OPAQUE, &opaque, 1) == 1 && opaque == 'y' &&
		put_mark(p, p->path, ".wh..wh.", ".opq") < 0)
		return -1;
	return pack_dir(p, fd);
}

static int pack_fifo(struct packing *p, const struct stat *st)
{
	int linked = begin(p, st) < 0 ? -1 : pack_link(p, st);

	if (linked != 0)
		return linked < 0 ? -1 : 0;
	return pack_header(p);
}

static int pack_other(struct packing *p, const char *name, const struct stat *st)
{
	if (S_ISFIFO(st->st_mode))
		return pack_fifo(p, st);
	if (S_ISCHR(st->st_mode) && st->st_rdev == 0 && p->how->upper)
		return pack_whiteout(p, name);
	jail_note(p->said, "left out, a device or a socket", p->path);
	return 0;
}

/* What each box has of its own, and may have written over. */
static bool is_the_boxes(const struct packing *p)
{
	static const char *const own[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf",
		"etc/sudoers.d/nsshell" };

	for (size_t i = 0; p->how->upper && i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(p->path, own[i]) == 0)
			return true;
	return false;
}

static int pack_one(struct packing *p, int dir, const char *name)
{
	struct stat st;

	p->said->files++;
	if (is_the_boxes(p)) {
		jail_note(p->said, "left out, each box has its own", p->path);
		return 0;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return gone(p, "look at");
	if (strncmp(name, ".wh.", 4) == 0) {
		jail_note(p->said, "left out, its name would hide another file", p->path);
		return 0;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return pack_directory(p, dir, name);
	case S_IFREG:
		return pack_file(p, dir, name);
	case S_IFLNK:
		return pack_symlink(p, dir, name, &st);
	default:
		return pack_other(p, name, &st);
	}
}

/* ---- directories -------------------------------------------------------------------- */

static int no_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int pack_named(struct packing *p, int dir, const char *name)
{
	size_t len = strlen(p->path);
	int r;

	if (len + strlen(name) + 2 > sizeof(p->path))
		return err_set(&p->said->e, ENAMETOOLONG, "pack %.200s", p->path);
	(void)snprintf(
		p->path + len, sizeof(p->path) - len, "%s%s", len ? "/" : "", name);
	r = pack_one(p, dir, name);
	p->path[len] = '\0';
	return r;
}

static int pack_dir(struct packing *p, int dir)
{
	struct dirent **found;
	int n, r = 0;

	if (p->depth == LAYER_DEPTH_MAX)
		return err_set(&p->said->e, 0, "%.200s is deeper than %d directories",
			p->path, LAYER_DEPTH_MAX);
	n = scandirat(dir, ".", &found, no_dots, by_name);
	if (n < 0)
		return pack_failed(p, "read");
	p->depth++;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = pack_named(p, dir, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	p->depth--;
	return r;
}

/* For helpers/image/jail.h: "/" is what is packed. Its memory goes with it. */
static int pack(void *how, struct jail_said *said)
{
	struct packing *p = calloc(1, sizeof(*p));

	if (p) {
		p->said = said;
		p->how = how;
		p->a = archive_write_new();
		p->entry = archive_entry_new();
	}
	if (!p || !p->a || !p->entry)
		return err_set(&said->e, ENOMEM, "pack");
	if (archive_write_set_format_pax_restricted(p->a) != ARCHIVE_OK ||
		archive_write_set_format_option(p->a, "pax", "xattrheader", "SCHILY") !=
			ARCHIVE_OK ||
		archive_write_open(p->a, p, NULL, write_block, NULL) != ARCHIVE_OK)
		return err_set(&said->e, 0, "pack: %.200s", archive_error_string(p->a));
	if (pack_directory(p, AT_FDCWD, "/") < 0)
		return -1;
	if (archive_write_close(p->a) != ARCHIVE_OK)
		return err_set(&said->e, 0, "pack: %.200s", archive_error_string(p->a));
	return 0;
}

int pack_tree(struct store *s, int dir, const struct pack_how *how, uint64_t limit,
	struct strlist *notes, struct blob *ret, struct err *e)
{
	struct pack_how copy = *how;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC), in = -EBADF;
	_cleanup_(jail_clear) struct jail j = { .name = "pack the directory",
		.in = null,
		.root = dir,
		.looks = true,
		.work = pack,
		.arg = &copy };
	struct err why = { 0 };
	int ends[2], r;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pack the directory");
	in = ends[0];
	j.out = ends[1];
	r = jail_start(&j, e);
	(void)close(ends[1]);
	if (r < 0)
		return -1;
	r = layer_copy_blob(s, in, limit, NULL, ret, e);
	cleanup_close(&in);
	if (jail_wait(&j, r < 0, &why) < 0) {
		if (r == 0)
			*e = why;
		return -1;
	}
	return jail_notes(&j, notes, e) < 0 ? -1 : store_open_blob(s, ret, e);
}
