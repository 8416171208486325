/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image import: an archive or a directory becomes an image. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "core/base/harmless.h"
#include "core/base/parse.h"
#include "helpers/image/assemble.h"
#include "helpers/image/json.h"
#include "helpers/image/layer.h"
#include "helpers/image/pack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TYPE_INDEX  "application/vnd.oci.image.index.v1+json"
#define TYPE_LIST   "application/vnd.docker.distribution.manifest.list.v2+json"
#define TYPE_OCI    "application/vnd.oci.image.manifest.v1+json"
#define TYPE_DOCKER "application/vnd.docker.distribution.manifest.v2+json"

#define IMAGES_MAX  64

struct importing {
	const char *command;
	struct store *store;
	struct unpack_limits limits;
	const char *name;  /* as was asked for, or NULL */
	const char *which; /* the one of several that is wanted, or NULL */
	size_t done;
};

/* ---- what is told ------------------------------------------------------------------- */

static void tell_notes(const struct importing *im, const struct strlist *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		(void)fprintf(stderr, "%s: %s\n", im->command, notes->v[i]);
}

static void tell(const struct importing *im, const struct assembly *a, const char *name)
{
	char architecture[128] = "";

	(void)printf("%s: %zu layer%s, %zu new, sha256:%.12s\n", name, a->image.n_layers,
		a->image.n_layers == 1 ? "" : "s", a->unpacked, a->image.manifest.hex);
	tell_notes(im, &a->notes);
	if (store_about(im->store, a->image.manifest.hex, "architecture", architecture,
		    sizeof(architecture)) == 0 &&
		*architecture && strcmp(architecture, image_architecture()) != 0) {
		harmless_make(architecture, strlen(architecture));
		(void)fprintf(stderr, "%s: it is for %s, and this host is %s\n",
			im->command, architecture, image_architecture());
	}
}

/* ---- names -------------------------------------------------------------------------- */

/* @reference: as the archive calls it; "" or a tag alone is no name. */
static int name_for(const struct importing *im, const char *reference,
	char ret[IMAGE_NAME_MAX], struct err *e)
{
	if (im->name)
		return imagename_parse(im->name, ret) < 0
			       ? err_set(e, 0, "\"%.80s\" is no name of an image",
					 im->name)
			       : 0;
	if (!strpbrk(reference, ":/"))
		return err_set(
			e, 0, "what is in it has no name: give it one, NAME or NAME:TAG");
	return imagename_of_reference(reference, ret) < 0
		       ? err_set(e, 0,
				 "it is called \"%.80s\", which is no name here: give it another one",
				 reference)
		       : 0;
}

static int put(struct importing *im, struct assembly *a, const char *name, struct err *e)
{
	if (store_put(im->store, &a->image, name, e) < 0)
		return -1;
	im->done++;
	tell(im, a, name);
	return 0;
}

static struct assembly assembly_of(struct importing *im, struct source *s)
{
	return (struct assembly){ .store = im->store, .source = s, .limits = im->limits };
}

/* ---- docker save -------------------------------------------------------------------- */

struct docker_image {
	const char *config;
	struct strlist tags, layers;
};

static int import_docker_image(
	struct importing *im, struct source *s, struct docker_image *d, struct err *e)
{
	_cleanup_(assembly_clear) struct assembly a = assembly_of(im, s);
	char name[IMAGE_NAME_MAX];

	if (im->which && !strlist_has(&d->tags, im->which))
		return 0;
	if (!d->config || name_for(im, d->tags.n ? d->tags.v[0] : "", name, e) < 0)
		return d->config ? -1 : err_set(e, 0, "the archive names no config");
	if (assemble_docker(&a, d->config, &d->layers, e) < 0)
		return err_wrap(e, "%s", name);
	if (put(im, &a, name, e) < 0)
		return -1;
	for (size_t i = 1; !im->name && i < d->tags.n; i++)
		if (imagename_of_reference(d->tags.v[i], name) == 0 &&
			store_tag(im->store, a.image.manifest.hex, name, e) < 0)
			return -1;
	return 0;
}

static int end_docker_image(
	struct importing *im, struct source *s, struct docker_image *d, struct err *e)
{
	int r = d->layers.n || d->config ? import_docker_image(im, s, d, e) : 0;

	strlist_clear(&d->tags);
	strlist_clear(&d->layers);
	d->config = NULL;
	return r;
}

static size_t count_key(const struct strlist *lines, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++)
		n += json_value(lines->v[i], key) != NULL;
	return n;
}

static int refuse_several(size_t n, struct err *e)
{
	return err_set(e, 0,
		"there are %zu images in it, and one name: say which one by --image, or give none",
		n);
}

static int take_docker_line(struct docker_image *d, const char *line, struct err *e)
{
	const char *value;
	int r = 0;

	value = json_value(line, "config");
	if (value)
		d->config = value;
	value = json_value(line, "tag");
	if (value)
		r = strlist_add(&d->tags, value);
	value = json_value(line, "layer");
	if (value)
		r = strlist_add(&d->layers, value);
	return r < 0 ? err_set(e, ENOMEM, "read the archive") : 0;
}

static int import_docker(struct importing *im, struct source *s, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	_cleanup_close_ int fd = -EBADF;
	struct docker_image d = { 0 };
	struct blob b = { 0 };
	int r = 0;

	if (source_get(s, "manifest.json", &b, e) < 0)
		return -1;
	fd = store_open_blob(im->store, &b, e);
	if (fd < 0 || json_read(fd, JSON_DOCKER, "manifest.json", &lines, e) < 0)
		return -1;
	if (im->name && !im->which && count_key(&lines, "image") > 1)
		return refuse_several(count_key(&lines, "image"), e);
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = json_value(lines.v[i], "image") ? end_docker_image(im, s, &d, e)
						    : take_docker_line(&d, lines.v[i], e);
	if (r == 0)
		return end_docker_image(im, s, &d, e);
	strlist_clear(&d.tags);
	strlist_clear(&d.layers);
	return -1;
}

/* ---- OCI ---------------------------------------------------------------------------- */

struct oci_image {
	char type[128], hex[IMAGE_HEX + 1], reference[512], os[32], architecture[32];
};

static int take_oci_line(const char *line, struct oci_image *ret, struct err *e)
{
	const char *value = json_value(line, "manifest"), *hex;
	char digest[IMAGE_DIGEST + 16];

	if (!value)
		return err_set(e, 0, "its index can't be read");
	(void)json_part(value, 0, ret->type, sizeof(ret->type));
	hex = imagename_digest_hex(json_part(value, 1, digest, sizeof(digest)));
	if (!hex)
		return err_set(e, 0, "its index has a digest \"%.80s\"", digest);
	memcpy(ret->hex, hex, sizeof(ret->hex));
	(void)json_part(value, 3, ret->os, sizeof(ret->os));
	(void)json_part(value, 4, ret->architecture, sizeof(ret->architecture));
	(void)json_part(value, 5, ret->reference, sizeof(ret->reference));
	return 0;
}

static bool is_for_us(const struct oci_image *o)
{
	return (!*o->os || strcmp(o->os, "linux") == 0) &&
	       (!*o->architecture || strcmp(o->architecture, image_architecture()) == 0);
}

static int read_index(
	struct importing *im, const struct blob *b, struct strlist *ret, struct err *e)
{
	_cleanup_close_ int fd = store_open_blob(im->store, b, e);

	return fd < 0 ? -1 : json_read(fd, JSON_INDEX, "the image's index", ret, e);
}

/* Of an image for several machines the one for ours. */
static int choose(
	struct importing *im, struct source *s, struct oci_image *o, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	struct oci_image found = { 0 };
	struct blob b = { 0 };

	if (strcmp(o->type, TYPE_INDEX) != 0 && strcmp(o->type, TYPE_LIST) != 0)
		return 0;
	if (source_get_digest(s, o->hex, &b, e) < 0 || read_index(im, &b, &lines, e) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++) {
		if (take_oci_line(lines.v[i], &found, e) < 0)
			return -1;
		if (!is_for_us(&found))
			continue;
		memcpy(o->type, found.type, sizeof(o->type));
		memcpy(o->hex, found.hex, sizeof(o->hex));
		return 0;
	}
	return err_set(e, 0, "it has no image for %s", image_architecture());
}

static int import_oci_image(
	struct importing *im, struct source *s, struct oci_image *o, struct err *e)
{
	_cleanup_(assembly_clear) struct assembly a = assembly_of(im, s);
	char name[IMAGE_NAME_MAX];
	struct blob manifest;

	if (im->which && strcmp(im->which, o->reference) != 0)
		return 0;
	if (name_for(im, o->reference, name, e) < 0 || choose(im, s, o, e) < 0)
		return -1;
	if (strcmp(o->type, TYPE_OCI) != 0 && strcmp(o->type, TYPE_DOCKER) != 0)
		return err_set(e, 0, "%s is no image, but \"%.80s\"", name, o->type);
	if (source_get_digest(s, o->hex, &manifest, e) < 0 ||
		assemble_manifest(&a, &manifest,
			strcmp(o->type, TYPE_OCI) == 0 ? TYPE_OCI : TYPE_DOCKER, e) < 0)
		return err_wrap(e, "%s", name);
	return put(im, &a, name, e);
}

static int import_oci(struct importing *im, struct source *s, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	struct oci_image o = { 0 };
	struct blob b = { 0 };

	if (source_get(s, "index.json", &b, e) < 0 || read_index(im, &b, &lines, e) < 0)
		return -1;
	if (lines.n == 0 || lines.n > IMAGES_MAX)
		return err_set(e, 0, "there are %zu images in it", lines.n);
	if (im->name && !im->which && lines.n > 1)
		return refuse_several(lines.n, e);
	for (size_t i = 0; i < lines.n; i++)
		if (take_oci_line(lines.v[i], &o, e) < 0 ||
			import_oci_image(im, s, &o, e) < 0)
			return -1;
	return 0;
}

/* ---- what it is --------------------------------------------------------------------- */

static int import_image(struct importing *im, struct source *s, struct err *e)
{
	int r = source_has(s, "manifest.json") ? import_docker(im, s, e)
					       : import_oci(im, s, e);

	if (r == 0 && im->done == 0)
		return err_set(e, 0, "there is no image %.80s in it", im->which);
	return r;
}

/* @have: where it is in the store's tmp already, or NULL. */
static int import_single(struct importing *im, int fd, const struct blob *have,
	int64_t created, struct err *e)
{
	_cleanup_(assembly_clear) struct assembly a = assembly_of(im, NULL);
	char name[IMAGE_NAME_MAX];

	if (name_for(im, "", name, e) < 0 ||
		assemble_single(&a, fd, have, created, e) < 0)
		return -1;
	return put(im, &a, name, e);
}

static int import_archive(struct importing *im, int fd, const struct blob *have,
	int64_t created, struct err *e)
{
	_cleanup_(source_clear) struct source s = {
		.store = im->store, .dir = -EBADF, .limits = im->limits
	};
	int r = source_look(fd, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return import_single(im, fd, have, created, e);
	return source_read(&s, fd, e) < 0 ? -1 : import_image(im, &s, e);
}

/* What can't be read twice is kept first. */
static int import_stream(struct importing *im, int fd, struct err *e)
{
	_cleanup_close_ int kept = -EBADF;
	struct blob b = { 0 };

	if (layer_copy_blob(im->store, fd, im->limits.bytes, NULL, &b, e) < 0)
		return -1;
	kept = store_open_blob(im->store, &b, e);
	return kept < 0 ? -1 : import_archive(im, kept, &b, time(NULL), e);
}

static int import_tree(struct importing *im, int dir, int64_t created, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist notes = { 0 };
	const struct pack_how how = { .upper = false };
	_cleanup_close_ int fd = -EBADF;
	char name[IMAGE_NAME_MAX];
	struct blob b = { 0 };

	/* Before all of it is read. */
	if (name_for(im, "", name, e) < 0)
		return -1;
	fd = pack_tree(im->store, dir, &how, im->limits.bytes, &notes, &b, e);
	if (fd < 0 || import_single(im, fd, &b, created, e) < 0)
		return -1;
	tell_notes(im, &notes);
	return 0;
}

static int import_dir(struct importing *im, int dir, int64_t created, struct err *e)
{
	_cleanup_(source_clear) struct source s = { .store = im->store,
		.limits = im->limits };

	s.dir = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	if (s.dir < 0)
		return err_set(e, errno, "open a directory");
	if (source_has(&s, "oci-layout") && source_has(&s, "index.json"))
		return import_oci(im, &s, e);
	return import_tree(im, dir, created, e);
}

static int import_any(struct importing *im, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at what is to be imported");
	if (S_ISDIR(st.st_mode))
		return import_dir(im, fd, st.st_mtime, e);
	return S_ISREG(st.st_mode) ? import_archive(im, fd, NULL, st.st_mtime, e)
				   : import_stream(im, fd, e);
}

int image_import_fd(const char *command, struct store *s, int fd,
	const struct image_import *how, struct err *e)
{
	_cleanup_(store_clear) struct store own = STORE_NONE;
	struct importing im = { .command = command,
		.store = s ? s : &own,
		.limits = how->limits,
		.name = how->name,
		.which = how->which };

	return !s && store_open(&own, e) < 0 ? -1 : import_any(&im, fd, e);
}

int image_import(int argc, char **argv)
{
	struct image_import how = { .limits = IMAGE_LIMITS };
	const char *size = NULL, *files = NULL;
	const struct nsctl_option options[] = {
		{ 0, "image", "REFERENCE", "of several images in an archive, this one",
			NULL, &how.which },
		{ 0, "max-size", "SIZE", "most bytes of what is unpacked (64G)", NULL,
			&size },
		{ 0, "max-files", "N", "most files of a layer (2000000)", NULL, &files },
		{ 0 },
	};
	_cleanup_close_ int fd = -EBADF;
	struct err e = { 0 };
	int first, r = nsctl_options(options, "FILE [IMAGE]", argc, argv, &first);

	if (r >= 0)
		return r;
	if (argc - first < 1 || argc - first > 2)
		return nsctl_usage(argv[0], "takes a file or a directory, and a name");
	if ((size && parse_size(size, &how.limits.bytes) < 0) ||
		(files && parse_count(files, &how.limits.files) < 0))
		return nsctl_usage(argv[0], "a limit is a number, as 20G, or infinity");
	how.name = argv[first + 1];
	fd = strcmp(argv[first], "-") == 0
		     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
		     : open(argv[first], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		(void)err_set(&e, errno, "open %s", argv[first]);
	if (fd < 0 || image_import_fd(argv[0], NULL, fd, &how, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
