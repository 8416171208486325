/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/differ.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/layername.h"
#include "helpers/image/jail.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX 256
#define OPAQUE    "trusted.overlay.opaque"
#define BUFFER    65536

/* From who looks to who tells; .len bytes of a path follow. 'E' is the end. */
struct head {
	uint64_t size;
	uint32_t kind, len;
};

/* ---- in the child: one directory beside the other ------------------------------------ */

struct walk {
	struct jail_said *said;
	FILE *out;
	char path[LAYER_NAME_MAX];
	int depth;
};

static int walk_dir(struct walk *w, int upper, int lower, bool opaque);

static int failed(struct walk *w, const char *what)
{
	return err_set(&w->said->e, errno, "%s %.200s", what, *w->path ? w->path : "/");
}

static int put(struct walk *w, char kind, const struct stat *st)
{
	const struct head h = { .size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
		.kind = (uint32_t)kind,
		.len = (uint32_t)strlen(w->path) };

	if (fwrite(&h, sizeof(h), 1, w->out) != 1 ||
		fwrite(w->path, 1, h.len, w->out) != h.len)
		return failed(w, "tell of");
	return 0;
}

/* What isn't there, or is below what is no directory, or behind nothing at all. */
static bool has(int dir, const char *name, struct stat *ret)
{
	return dir >= 0 && fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !(S_ISCHR(ret->st_mode) && ret->st_rdev == 0);
}

static int open_dir(int dir, const char *name)
{
	return dir < 0 ? -1
		       : openat(dir, name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_opaque(int dir)
{
	char value = 'n';

	return fgetxattr(dir, OPAQUE, &value, 1) == 1 && value == 'y';
}

static int walk_below(struct walk *w, int upper, int lower, const char *name)
{
	_cleanup_close_ int low = open_dir(lower, name), up = open_dir(upper, name);

	/* It went meanwhile, or something else has its name. */
	if (up < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : failed(w, "open");
	return walk_dir(w, up, low, low >= 0 && is_opaque(up));
}

static int walk_one(struct walk *w, int upper, int lower, const char *name)
{
	struct stat up, low;
	bool was = has(lower, name, &low);

	if (fstatat(upper, name, &up, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(w, "look at");
	w->said->files++;
	if (S_ISCHR(up.st_mode) && up.st_rdev == 0)
		return was ? put(w, 'D', &low) : 0;
	if (put(w, was ? 'C' : 'A', &up) < 0)
		return -1;
	return S_ISDIR(up.st_mode) ? walk_below(w, upper, lower, name) : 0;
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

struct names {
	struct dirent **v;
	int n;
};

static void names_clear(struct names *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static int names_read(struct walk *w, int dir, struct names *ret)
{
	ret->n = scandirat(dir, ".", &ret->v, no_dots, by_name);
	if (ret->n >= 0)
		return 0;
	*ret = (struct names){ 0 };
	return failed(w, "read");
}

static int with_name(struct walk *w, const char *name,
	int (*what)(struct walk *w, int upper, int lower, const char *name), int upper,
	int lower)
{
	size_t len = strlen(w->path);
	int r;

	if (len + strlen(name) + 2 > sizeof(w->path)) {
		jail_note(w->said, "left out, its path is too long", w->path);
		return 0;
	}
	(void)snprintf(
		w->path + len, sizeof(w->path) - len, "%s%s", len ? "/" : "", name);
	r = what(w, upper, lower, name);
	w->path[len] = '\0';
	return r;
}

static int walk_hidden(struct walk *w, int upper, int lower, const char *name)
{
	struct stat up, low;

	if (fstatat(upper, name, &up, AT_SYMLINK_NOFOLLOW) == 0 ||
		!has(lower, name, &low))
		return 0;
	return put(w, 'D', &low);
}

static int walk_all(struct walk *w, int upper, int lower, int of,
	int (*what)(struct walk *w, int upper, int lower, const char *name))
{
	_cleanup_(names_clear) struct names l = { 0 };
	int r = names_read(w, of, &l);

	for (int i = 0; r == 0 && i < l.n; i++)
		r = with_name(w, l.v[i]->d_name, what, upper, lower);
	return r;
}

/* @opaque: of the lower's directory nothing shows. */
static int walk_dir(struct walk *w, int upper, int lower, bool opaque)
{
	int r;

	if (w->depth == DEPTH_MAX) {
		jail_note(w->said, "not looked into, it is too deep", w->path);
		return 0;
	}
	w->depth++;
	r = walk_all(w, upper, lower, upper, walk_one);
	if (r == 0 && opaque)
		r = walk_all(w, upper, lower, lower, walk_hidden);
	w->depth--;
	return r;
}

/* For helpers/image/jail.h: "/" is the upper, and JAIL_BESIDE what it lies over. */
static int look(void *arg, struct jail_said *said)
{
	const struct stat none = { 0 };
	struct walk w = { .said = said, .out = fdopen(STDOUT_FILENO, "w") };
	_cleanup_close_ int upper = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)arg;
	if (!w.out || upper < 0)
		return failed(&w, "open");
	if (walk_dir(&w, upper, JAIL_BESIDE, is_opaque(upper)) < 0 ||
		put(&w, 'E', &none) < 0)
		return -1;
	return fflush(w.out) == 0 ? 0 : failed(&w, "tell of");
}

/* ---- in the parent ------------------------------------------------------------------ */

/* What the child says is untrusted. Return: 1; 0 at the end; -1 with @e. */
static int take(
	FILE *in, char path[LAYER_NAME_MAX], struct difference *ret, struct err *e)
{
	struct head h;

	if (fread(&h, sizeof(h), 1, in) != 1)
		return err_set(e, 0, "who looks at it has ended");
	if (h.kind == 'E')
		return 0;
	if ((h.kind != 'A' && h.kind != 'C' && h.kind != 'D') || h.len == 0 ||
		h.len >= LAYER_NAME_MAX || fread(path, 1, h.len, in) != h.len)
		return err_set(e, 0, "who looks at it says what is nothing");
	path[h.len] = '\0';
	*ret = (struct difference){ (char)h.kind, h.size, path };
	return 1;
}

static int take_all(FILE *in,
	int (*tell)(void *arg, const struct difference *d, struct err *e), void *arg,
	struct err *e)
{
	char path[LAYER_NAME_MAX];
	struct difference d;
	int r;

	while ((r = take(in, path, &d, e)) > 0)
		if (tell(arg, &d, e) < 0)
			return -1;
	return r;
}

static int end(struct jail *j, int r, struct strlist *notes, struct err *e)
{
	struct err why = { 0 };

	/* Who looks has the reason, where it has come to its own end. */
	if (jail_wait(j, false, &why) < 0) {
		if (why.num != EPIPE || r == 0)
			*e = why;
		return -1;
	}
	return jail_notes(j, notes, e) < 0 ? -1 : r;
}

int differ_run(int upper, int lower,
	int (*tell)(void *arg, const struct difference *d, struct err *e), void *arg,
	struct strlist *notes, struct err *e)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_(jail_clear) struct jail j = { .name = "look at what was written",
		.in = null,
		.root = upper,
		.looks = true,
		.beside = lower,
		.work = look };
	_cleanup_file_ FILE *in = NULL;
	int ends[2], r;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "look at what was written");
	in = fdopen(ends[0], "r");
	if (!in)
		(void)close(ends[0]);
	j.out = ends[1];
	r = in ? jail_start(&j, e) : err_set(e, errno, "look at what was written");
	(void)close(ends[1]);
	if (r < 0)
		return -1;
	r = take_all(in, tell, arg, e);
	(void)fclose(in);
	in = NULL;
	return end(&j, r, notes, e);
}
