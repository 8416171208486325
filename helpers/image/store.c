/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/store.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/run/mount/remove_tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define BLOBS  "blobs/sha256"
#define LAYERS "layers/sha256"
#define LINKS  PATH_IMAGE_LAYERS
#define SIZES  "layers/size" /* "BYTES FILES" of each of them */

/* Of a file of an image's, in lines. */
#define LINES_MAX 65536
/* Room for such a path. */
#define PATH_ROOM (sizeof("layers/sha256/") + IMAGE_NAME_MAX)

/* ---- opening ------------------------------------------------------------------------ */

static int make_dirs(int store, struct err *e)
{
	static const char *const dirs[] = { "blobs", BLOBS, "layers", LAYERS, LINKS,
		SIZES, "ready", "tags", "tmp" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdirat(store, dirs[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make %s/%s", PATH_IMAGES, dirs[i]);
	return 0;
}

/* Written aside, and renamed into place: who reads it has the old one or the new one. */
static int put_text(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(
		dir, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		return -1;
	return renameat(dir, ".new", dir, name);
}

static int put_layout(int store, struct err *e)
{
	if (faccessat(store, "oci-layout", F_OK, 0) == 0)
		return 0;
	return put_text(store, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n") < 0
		       ? err_set(e, errno, "write %s/oci-layout", PATH_IMAGES)
		       : 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_names(
	const struct store *s, const char *dir, struct strlist *ret, struct err *e)
{
	_cleanup_close_ int fd =
		openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_dir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d)
		return err_set(e, errno, "read %s/%s", PATH_IMAGES, dir);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(d)))
		if (!is_dots(entry->d_name) && strlist_add(ret, entry->d_name) < 0)
			return err_set(e, ENOMEM, "read %s/%s", PATH_IMAGES, dir);
	if (errno)
		return err_set(e, errno, "read %s/%s", PATH_IMAGES, dir);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

/* A file, or a directory that nobody can write to. */
static int remove_any(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return tree_remove(dir, name, e);
}

static int sweep_tmp(struct store *s, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };

	if (store_names(s, "tmp", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (remove_any(s->tmp, names.v[i], e) < 0)
			return -1;
	return 0;
}

int store_open(struct store *s, struct err *e)
{
	_cleanup_close_ int state = io_open_state(PATH_STATE, 0700, e), made = -EBADF;

	if (state < 0)
		return -1;
	made = io_open_state(PATH_IMAGES, 0700, e);
	if (made < 0)
		return -1;
	s->fd = imagestore_open(e);
	if (s->fd < 0)
		return -1;
	if (lock_named(s->fd, PATH_IMAGES, "work", STORE_WAIT_MS, &s->work, e) != 0 ||
		make_dirs(s->fd, e) < 0 || put_layout(s->fd, e) < 0)
		return -1;
	s->tmp = openat(s->fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->tmp < 0)
		return err_set(e, errno, "open %s/tmp", PATH_IMAGES);
	return sweep_tmp(s, e);
}

int store_look(struct store *s, struct err *e)
{
	s->fd = imagestore_open(e);
	return s->fd < 0 ? -1 : 0;
}

void store_clear(struct store *s)
{
	struct err ignored;

	if (s->tmp >= 0)
		(void)sweep_tmp(s, &ignored);
	cleanup_close(&s->tmp);
	cleanup_close(&s->fd);
	cleanup_close(&s->work);
}

/* ---- what isn't complete ------------------------------------------------------------ */

int store_new_blob(struct store *s, struct blob *b, struct err *e)
{
	int fd;

	(void)snprintf(b->tmp, sizeof(b->tmp), "%u", s->next++);
	fd = openat(s->tmp, b->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "make a file in %s/tmp", PATH_IMAGES) : fd;
}

int store_new_layer(struct store *s, char name[16], struct err *e)
{
	_cleanup_close_ int fd = -EBADF;

	(void)snprintf(name, 16, "%u", s->next++);
	if (mkdirat(s->tmp, name, 0700) < 0)
		return err_set(e, errno, "make a directory in %s/tmp", PATH_IMAGES);
	fd = openat(s->tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return err_set(e, errno, "open a directory in %s/tmp", PATH_IMAGES);
	return take_fd(&fd);
}

static void path_to(char path[PATH_ROOM], const char *dir, const char *name)
{
	(void)snprintf(path, PATH_ROOM, "%s/%s", dir, name);
}

int store_open_blob(const struct store *s, const struct blob *b, struct err *e)
{
	char path[PATH_ROOM];
	int fd;

	path_to(path, *b->tmp ? "tmp" : BLOBS, *b->tmp ? b->tmp : b->hex);
	fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open %s/%s", PATH_IMAGES, path) : fd;
}

bool store_has_blob(const struct store *s, const char *hex, uint64_t *ret_size)
{
	char path[PATH_ROOM];
	struct stat st;

	path_to(path, BLOBS, hex);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_size = (uint64_t)st.st_size;
	return true;
}

bool store_has_layer(const struct store *s, const char *diffid)
{
	char path[PATH_ROOM];

	path_to(path, LAYERS, diffid);
	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void store_drop_blob(const struct store *s, struct blob *b)
{
	if (*b->tmp)
		(void)unlinkat(s->tmp, b->tmp, 0);
	*b->tmp = '\0';
}

int store_drop_layer(const struct store *s, const char *tmp, struct err *e)
{
	return remove_any(s->tmp, tmp, e);
}

/* ---- into place --------------------------------------------------------------------- */

static int move_in(
	struct store *s, char tmp[16], const char *dir, const char *name, struct err *e)
{
	char path[PATH_ROOM];

	if (!*tmp)
		return 0;
	path_to(path, dir, name);
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
	char path[PATH_ROOM], want[PATH_ROOM], is[PATH_ROOM];

	path_to(want, "../sha256", diffid);
	for (int len = IMAGE_SHORT; len <= IMAGE_HEX; len++) {
		ssize_t n;

		(void)snprintf(ret, IMAGE_HEX + 1, "%.*s", len, diffid);
		path_to(path, LINKS, ret);
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
	return !out || fflush(out) != 0 || fsync(fileno(out)) < 0
		       ? err_set(e, errno, "write what the image is")
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

/* Of one that was unpacked now; of another one it is known. */
static int note_size(const struct store *s, const struct layer *l)
{
	char path[PATH_ROOM], text[64];
	_cleanup_close_ int fd = -EBADF;

	if (!*l->tmp)
		return 0;
	path_to(path, SIZES, l->diffid);
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

/* With the lock: blobs, layers, and last what says that they are there. */
static int put_locked(struct store *s, struct newimage *i, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	_cleanup_close_ int dir = -EBADF;
	char brief[IMAGE_HEX + 1], tmp[16];

	for (size_t n = 0; n < i->n_layers; n++) {
		struct layer *l = &i->layers[n];

		/* overlayfs takes none twice, and all of it is in the upper one. */
		if (is_higher_again(i, n))
			continue;
		if (note_size(s, l) < 0)
			return err_set(e, errno, "note a layer's size");
		if (move_in(s, l->blob.tmp, BLOBS, l->blob.hex, e) < 0 ||
			move_in(s, l->tmp, LAYERS, l->diffid, e) < 0 ||
			link_layer(s, l->diffid, brief, e) < 0)
			return -1;
		if (add_layer_line(&lines, brief, l->diffid) < 0)
			return err_set(e, ENOMEM, "note the layers");
	}
	if (move_in(s, i->config.tmp, BLOBS, i->config.hex, e) < 0 ||
		move_in(s, i->manifest.tmp, BLOBS, i->manifest.hex, e) < 0)
		return -1;
	dir = store_new_layer(s, tmp, e);
	if (dir < 0 || fchmod(dir, 0700) < 0 || write_ready(dir, i, &lines, e) < 0)
		return -1;
	return move_in(s, tmp, "ready", i->manifest.hex, e);
}

/* ---- names -------------------------------------------------------------------------- */

int store_about(
	const struct store *s, const char *hex, const char *key, char *buf, size_t size)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	char path[PATH_ROOM + 8], text[4096];
	size_t len = strlen(key);

	*buf = '\0';
	(void)snprintf(path, sizeof(path), "ready/%s/about", hex);
	if (io_read_text(s->fd, path, text, sizeof(text)) < 0 ||
		strlist_add_lines(&lines, text) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		if (strncmp(lines.v[i], key, len) == 0 && lines.v[i][len] == ' ')
			(void)snprintf(buf, size, "%s", lines.v[i] + len + 1);
	return 0;
}

int store_hex_of(const struct store *s, const char *name, char ret[IMAGE_HEX + 1])
{
	char path[PATH_ROOM], to[PATH_ROOM];
	ssize_t n;

	path_to(path, "tags", name);
	n = readlinkat(s->fd, path, to, sizeof(to) - 1);
	if (n < 0)
		return -1;
	to[n] = '\0';
	if (strncmp(to, "../ready/", 9) != 0 || !imagename_is_hex(to + 9))
		return -1;
	memcpy(ret, to + 9, IMAGE_HEX + 1);
	return 0;
}

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
	if (fclose(out) != 0 || put_text(s->fd, "index.json", text) < 0)
		return err_set(e, errno, "write %s/index.json", PATH_IMAGES);
	return 0;
}

static int tag_locked(struct store *s, const char *hex, const char *name, struct err *e)
{
	char to[PATH_ROOM], path[PATH_ROOM];

	path_to(to, "../ready", hex);
	path_to(path, "tags", name);
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
	char path[PATH_ROOM];

	path_to(path, "tags", name);
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0)
		return -1;
	if (unlinkat(s->fd, path, 0) < 0)
		return err_set(e, errno, "take the name %s away", name);
	return write_index(s, e);
}

int store_put(struct store *s, struct newimage *i, const char *name, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;

	if (note(&i->about, "mediatype", i->manifest_type) < 0 ||
		note(&i->about, "config", i->config.hex) < 0)
		return err_set(e, ENOMEM, "note what the image is");
	if (syncfs(s->fd) < 0)
		return err_set(e, errno, "write the image to the disk");
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0 ||
		put_locked(s, i, e) < 0)
		return -1;
	return tag_locked(s, i->manifest.hex, name, e);
}

/* ---- what is there ------------------------------------------------------------------ */

int store_lines(const struct store *s, const char *hex, const char *file,
	struct strlist *ret, struct err *e)
{
	_cleanup_free_ char *text = malloc(LINES_MAX);
	char path[PATH_ROOM + 16];

	(void)snprintf(path, sizeof(path), "ready/%s/%s", hex, file);
	if (!text || io_read_text(s->fd, path, text, LINES_MAX) < 0 ||
		strlist_add_lines(ret, text) < 0)
		return err_set(
			e, errno, "read %s/%s (nsctl image fsck)", PATH_IMAGES, path);
	return 0;
}

void store_layer_size(const struct store *s, const char *diffid, uint64_t *ret_bytes,
	uint64_t *ret_files)
{
	char path[PATH_ROOM], text[64];

	*ret_bytes = *ret_files = 0;
	path_to(path, SIZES, diffid);
	if (io_read_text(s->fd, path, text, sizeof(text)) < 0 ||
		sscanf(text, "%" SCNu64 " %" SCNu64, ret_bytes, ret_files) != 2)
		*ret_bytes = *ret_files = 0;
}

/* ---- what is wanted no more --------------------------------------------------------- */

/* Set aside under the lock, removed without it. */
static int set_aside(struct store *s, const char *dir, const char *name, struct err *e)
{
	char path[PATH_ROOM], tmp[16];

	path_to(path, dir, name);
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
	char path[PATH_ROOM];

	path_to(path, "ready", hex);
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
	char path[PATH_ROOM];
	int r;

	path_to(path, LAYERS, l->diffid);
	if (syncfs(s->fd) < 0)
		return err_set(e, errno, "write a layer to the disk");
	if (imagestore_lock(s->fd, LOCK_EX, STORE_WAIT_MS, &lock, e) != 0 ||
		users(&used, e) < 0)
		return -1;
	r = have_layer(s, &used, l->diffid, e);
	if (r != 0)
		return r;
	if (note_size(s, l) < 0 || renameat2(s->tmp, l->tmp, s->fd, path, how) < 0)
		return err_set(e, errno, "move %s/%s into place", PATH_IMAGES, path);
	return 0;
}

int store_mend_link(struct store *s, const char *brief, const char *diffid, struct err *e)
{
	char path[PATH_ROOM], to[PATH_ROOM];

	path_to(path, LINKS, brief);
	path_to(to, "../sha256", diffid);
	if (symlinkat(to, s->tmp, "link") < 0 ||
		renameat(s->tmp, "link", s->fd, path) < 0)
		return err_set(e, errno, "make a link to the layer %s", diffid);
	return 0;
}

int store_mend_blob(struct store *s, const char *hex, struct err *e)
{
	char path[PATH_ROOM];

	path_to(path, BLOBS, hex);
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
		sweep(s, LINKS, &w.links, dry, &ignored, e) < 0 ||
		sweep(s, LAYERS, &w.layers, dry, &ret->layers, e) < 0 ||
		sweep(s, SIZES, &w.layers, dry, &ignored, e) < 0 ||
		sweep(s, BLOBS, &w.blobs, dry, &ret->blobs, e) < 0)
		return -1;
	cleanup_close(&lock);
	return dry ? 0 : sweep_tmp(s, e);
}
