/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/assemble.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/plan/sessionenv.h"
#include "helpers/image/image.h"
#include "helpers/image/json.h"
#include "helpers/image/layer.h"
#include "helpers/image/sha256.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define TYPE_CONFIG   "application/vnd.oci.image.config.v1+json"
#define TYPE_LAYER    "application/vnd.oci.image.layer.v1."

void assembly_clear(struct assembly *a)
{
	strlist_clear(&a->notes);
	strlist_clear(&a->image.environment);
	strlist_clear(&a->image.about);
	free(a->image.layers);
	a->image.layers = NULL;
}

/* ---- what the config says ----------------------------------------------------------- */

static int take_env(struct assembly *a, const char *value, size_t *bytes, struct err *e)
{
	const char *equals = strchr(value, '=');

	*bytes += strlen(value) + 1;
	if (!equals || equals == value)
		return err_set(e, 0, "the image's environment has \"%.60s\"", value);
	/* Beyond them its logins would be refused. */
	if (a->image.environment.n == SESSIONENV_MOST)
		return err_set(e, 0, "the image's environment has more than %d variables",
			SESSIONENV_MOST);
	if (*bytes >= IMAGE_ENVIRONMENT_MAX)
		return err_set(e, 0, "the image's environment has more than %d bytes",
			IMAGE_ENVIRONMENT_MAX);
	return strlist_add(&a->image.environment, value) < 0
		       ? err_set(e, ENOMEM, "read the image's config")
		       : 0;
}

static int note_about(
	struct assembly *a, const char *key, const char *value, struct err *e)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "%s %.100s", key, value);
	return strlist_add(&a->image.about, line) < 0
		       ? err_set(e, ENOMEM, "read the image's config")
		       : 0;
}

static int add_layer(struct assembly *a, const char *digest, struct err *e)
{
	const char *hex = imagename_digest_hex(digest);
	struct newimage *i = &a->image;

	if (!hex)
		return err_set(e, 0, "the image's config has a layer \"%.80s\"", digest);
	if (i->n_layers == IMAGE_LAYERS_MAX)
		return err_set(
			e, 0, "the image has more than %d layers", IMAGE_LAYERS_MAX);
	memcpy(i->layers[i->n_layers++].diffid, hex, IMAGE_HEX + 1);
	return 0;
}

static int take_config_line(
	struct assembly *a, const char *line, size_t *bytes, struct err *e)
{
	const char *value;

	value = json_value(line, "diffid");
	if (value)
		return add_layer(a, value, e);
	value = json_value(line, "env");
	if (value)
		return take_env(a, value, bytes, e);
	value = json_value(line, "architecture");
	if (value)
		return note_about(a, "architecture", value, e);
	value = json_value(line, "created");
	if (value)
		return note_about(a, "created", value, e);
	value = json_value(line, "os");
	if (value && strcmp(value, "linux") != 0)
		return err_set(e, 0, "the image is for %.60s, not for linux", value);
	return 0;
}

static int take_config(struct assembly *a, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	_cleanup_close_ int fd = store_open_blob(a->store, &a->image.config, e);
	size_t bytes = 0;

	if (fd < 0 || json_read(fd, JSON_CONFIG, "the image's config", &lines, e) < 0)
		return -1;
	a->image.layers = calloc(IMAGE_LAYERS_MAX, sizeof(*a->image.layers));
	if (!a->image.layers)
		return err_set(e, ENOMEM, "read the image's config");
	for (size_t i = 0; i < lines.n; i++)
		if (take_config_line(a, lines.v[i], &bytes, e) < 0)
			return -1;
	return a->image.n_layers > 0 ? 0 : err_set(e, 0, "the image has no layers");
}

/* ---- layers ------------------------------------------------------------------------- */

static bool was_before(const struct newimage *i, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (strcmp(i->layers[k].diffid, i->layers[n].diffid) == 0)
			return true;
	return false;
}

/*
 * Whether it isn't to be unpacked, as the store has it, or an earlier one of the image is the same. What it has then is
 * read all the same: who only knows another image's digest would have its files else.
 */
static bool is_there(const struct assembly *a, size_t n)
{
	return was_before(&a->image, n) ||
	       store_has_layer(a->store, a->image.layers[n].diffid);
}

static int check_there(struct assembly *a, const struct layer *l,
	const struct layer_job *j, struct err *e)
{
	return a->below || strcmp(l->blob.hex, l->diffid) == 0
		       ? 0
		       : layer_check(a->store, j, e);
}

/* @keep: where the tar goes as it is without compression, or NULL. */
static int unpack(struct assembly *a, size_t n, struct blob *keep, struct err *e)
{
	struct layer *l = &a->image.layers[n], done = { 0 };
	_cleanup_close_ int fd = -EBADF;
	char what[64], want[IMAGE_HEX + 1];
	struct layer_job j = { .what = what,
		.want = want,
		.keep = keep,
		.limits = a->limits,
		.notes = &a->notes };

	fd = store_open_blob(a->store, &l->blob, e);
	if (fd < 0)
		return -1;
	j.fd = fd;
	memcpy(want, l->diffid, sizeof(want));
	(void)snprintf(what, sizeof(what), "layer %zu of %zu", n + 1, a->image.n_layers);
	if (is_there(a, n) && !keep)
		return check_there(a, l, &j, e);
	if (layer_unpack(a->store, &j, &done, e) < 0)
		return -1;
	memcpy(l->tmp, done.tmp, sizeof(l->tmp));
	l->files = done.files;
	l->bytes = done.bytes;
	a->unpacked += *l->tmp != '\0';
	return 0;
}

/* ---- by a manifest ------------------------------------------------------------------ */

static int take_blob(
	struct assembly *a, const char *value, struct blob *ret, struct err *e)
{
	char digest[IMAGE_DIGEST + 16], size[32];
	const char *hex =
		imagename_digest_hex(json_part(value, 0, digest, sizeof(digest)));
	uint64_t n;

	if (!hex)
		return err_set(
			e, 0, "the image's manifest has a digest \"%.80s\"", digest);
	if (source_get_digest(a->source, hex, ret, e) < 0)
		return -1;
	if (parse_u64(json_part(value, 1, size, sizeof(size)), &n) < 0 || n != ret->size)
		return err_set(e, 0, "%s isn't as long as the manifest says", digest);
	return 0;
}

/* @want: how many there must be */
static int take_layers(
	struct assembly *a, const struct strlist *lines, size_t want, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const char *value = json_value(lines->v[i], "layer");

		if (!value)
			continue;
		if (n == want)
			return err_set(
				e, 0, "the manifest has more layers than the config");
		if (take_blob(a, value, &a->image.layers[n].blob, e) < 0 ||
			unpack(a, n, NULL, e) < 0)
			return -1;
		n++;
	}
	return n == want ? 0
			 : err_set(e, 0, "the manifest has fewer layers than the config");
}

/* Its lines, and its config. */
static int read_manifest(struct assembly *a, const struct blob *manifest,
	struct strlist *lines, struct blob *config, struct err *e)
{
	_cleanup_close_ int fd = store_open_blob(a->store, manifest, e);
	const char *value = NULL;

	if (fd < 0 || json_read(fd, JSON_MANIFEST, "the image's manifest", lines, e) < 0)
		return -1;
	for (size_t i = 0; i < lines->n && !value; i++)
		value = json_value(lines->v[i], "config");
	if (!value)
		return err_set(e, 0, "the image's manifest names no config");
	return take_blob(a, value, config, e);
}

int assemble_manifest(
	struct assembly *a, const struct blob *manifest, const char *type, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };

	a->image.manifest = *manifest;
	a->image.manifest_type = type;
	if (read_manifest(a, manifest, &lines, &a->image.config, e) < 0 ||
		take_config(a, e) < 0)
		return -1;
	return take_layers(a, &lines, a->image.n_layers, e);
}

/* ---- a manifest of ours ------------------------------------------------------------- */

static int put_text(struct assembly *a, const char *text, struct blob *ret, struct err *e)
{
	_cleanup_close_ int fd = store_new_blob(a->store, ret, e);
	size_t size = strlen(text);
	struct sha256 sum;

	if (fd < 0)
		return -1;
	ret->size = size;
	sha256_begin(&sum);
	sha256_add(&sum, text, size);
	sha256_end(&sum, ret->hex);
	return io_write_all(fd, text, size) < 0
		       ? err_set(e, errno, "write what the image is")
		       : 0;
}

static int open_text(FILE **out, char **text, size_t *len, struct err *e)
{
	*out = open_memstream(text, len);
	return *out ? 0 : err_set(e, ENOMEM, "write what the image is");
}

static int layer_type(
	struct assembly *a, const struct layer *l, const char **ret, struct err *e)
{
	_cleanup_close_ int fd = store_open_blob(a->store, &l->blob, e);

	if (fd < 0)
		return -1;
	*ret = layer_compression(fd);
	if (!*ret)
		*ret = "tar"; /* of nothing but zeros */
	return 0;
}

static int put_manifest(struct assembly *a, struct err *e)
{
	const struct newimage *i = &a->image;
	_cleanup_free_ char *text = NULL;
	const char *type;
	size_t len;
	FILE *out;

	if (open_text(&out, &text, &len, e) < 0)
		return -1;
	(void)fprintf(out,
		"{\"schemaVersion\":2,\"mediaType\":\"" TYPE_MANIFEST
		"\",\"config\":{\"mediaType\":\"" TYPE_CONFIG
		"\",\"digest\":\"sha256:%s\",\"size\":%" PRIu64 "},\"layers\":[",
		i->config.hex, i->config.size);
	for (size_t n = 0; n < i->n_layers; n++) {
		const struct layer *l = &i->layers[n];

		if (layer_type(a, l, &type, e) < 0) {
			(void)fclose(out);
			return -1;
		}
		(void)fprintf(out,
			"%s{\"mediaType\":\"" TYPE_LAYER
			"%s\",\"digest\":\"sha256:%s\",\"size\":%" PRIu64 "}",
			n ? "," : "", type, l->blob.hex, l->blob.size);
	}
	(void)fprintf(out, "]}");
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "write what the image is");
	a->image.manifest_type = TYPE_MANIFEST;
	return put_text(a, text, &a->image.manifest, e);
}

/* Compressed in a way that registries know, or not at all. */
static int recompress(struct assembly *a, size_t n, struct err *e)
{
	struct layer *l = &a->image.layers[n];
	_cleanup_close_ int fd = store_open_blob(a->store, &l->blob, e);
	struct blob plain = { 0 };

	if (fd < 0)
		return -1;
	if (layer_compression(fd) || strcmp(l->blob.hex, l->diffid) == 0)
		return unpack(a, n, NULL, e);
	if (unpack(a, n, &plain, e) < 0)
		return -1;
	l->blob = plain;
	return 0;
}

int assemble_docker(struct assembly *a, const char *config, const struct strlist *layers,
	struct err *e)
{
	char named[IMAGE_HEX + 1];

	if (source_get(a->source, config, &a->image.config, e) < 0 ||
		take_config(a, e) < 0)
		return -1;
	/* "HEX.json", or "blobs/sha256/HEX" */
	(void)snprintf(named, sizeof(named), "%.64s",
		strrchr(config, '/') ? strrchr(config, '/') + 1 : config);
	if (imagename_is_hex(named) && strcmp(named, a->image.config.hex) != 0)
		return err_set(e, 0,
			"%.100s isn't what its digest says: it is sha256:%.12s", config,
			a->image.config.hex);
	if (layers->n != a->image.n_layers || !a->image.layers)
		return err_set(e, 0, "the archive has %zu layers, and its config %zu",
			layers->n, a->image.n_layers);
	for (size_t n = 0; n < layers->n; n++)
		if (source_get(a->source, layers->v[n], &a->image.layers[n].blob, e) <
				0 ||
			recompress(a, n, e) < 0)
			return -1;
	return put_manifest(a, e);
}

/* ---- of one archive ----------------------------------------------------------------- */

#define WHEN_MAX 32

static void format_when(int64_t created, char ret[WHEN_MAX])
{
	time_t at = (time_t)created;
	struct tm tm = { 0 };

	(void)gmtime_r(&at, &tm);
	(void)strftime(ret, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int put_config(struct assembly *a, int64_t created, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char when[WHEN_MAX];

	format_when(created, when);
	if (note_about(a, "architecture", image_architecture(), e) < 0 ||
		note_about(a, "created", when, e) < 0)
		return -1;
	if (asprintf(&text,
		    "{\"created\":\"%s\",\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},"
		    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]},\"history\":[{"
		    "\"created\":\"%s\",\"created_by\":\"nsctl image import\"}]}",
		    when, image_architecture(), a->image.layers[0].diffid, when) < 0) {
		text = NULL;
		return err_set(e, ENOMEM, "write what the image is");
	}
	return put_text(a, text, &a->image.config, e);
}

int assemble_single(struct assembly *a, int fd, const struct blob *have, int64_t created,
	struct err *e)
{
	const char *type = layer_compression(fd);
	struct layer *l = calloc(1, sizeof(*l));
	struct blob plain = { 0 };
	struct layer_job j = { .fd = fd,
		.what = "the layer",
		.keep = type ? NULL : &plain,
		.limits = a->limits,
		.notes = &a->notes };

	if (!l)
		return err_set(e, ENOMEM, "make an image");
	a->image.layers = l;
	a->image.n_layers = 1;
	if (type && have)
		l->blob = *have;
	else if (type &&
		 layer_copy_blob(a->store, fd, a->limits.bytes, NULL, &l->blob, e) < 0)
		return -1;
	if (layer_unpack(a->store, &j, l, e) < 0)
		return -1;
	/* As a pipe is where what writes into it has failed: it would take the place of an image of that name. */
	if (l->files == 0)
		return err_set(e, 0,
			"there is no file in it; nothing was changed (did what makes it fail?)");
	a->unpacked = !store_has_layer(a->store, l->diffid);
	if (!type)
		l->blob = plain;
	return put_config(a, created, e) < 0 ? -1 : put_manifest(a, e);
}

/* ---- one more layer ----------------------------------------------------------------- */

static int put_config_onto(struct assembly *a, const struct blob *below,
	const struct json_layer *l, struct err *e)
{
	_cleanup_close_ int fd = store_open_blob(a->store, below, e);
	_cleanup_free_ char *text = NULL;

	if (fd < 0 || json_config_onto(fd, l, &text, e) < 0 ||
		put_text(a, text, &a->image.config, e) < 0)
		return -1;
	return take_config(a, e);
}

static int put_onto(struct assembly *a, const char *hex, const struct blob *layer,
	const char *when, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	const struct json_layer l = { layer->hex, when, "nsctl image commit" };
	struct blob manifest = { 0 }, config;
	size_t top;

	(void)snprintf(manifest.hex, sizeof(manifest.hex), "%s", hex);
	if (read_manifest(a, &manifest, &lines, &config, e) < 0 ||
		put_config_onto(a, &config, &l, e) < 0)
		return err_wrap(e, "the image sha256:%.12s", hex);
	top = a->image.n_layers - 1;
	a->image.layers[top].blob = *layer;
	return take_layers(a, &lines, top, e) < 0 ? -1 : unpack(a, top, NULL, e);
}

int assemble_onto(struct assembly *a, const char *hex, const struct blob *layer,
	int64_t created, struct err *e)
{
	struct source in_store = { .store = a->store, .dir = -EBADF, .in_store = true };
	char when[WHEN_MAX];
	int r;

	format_when(created, when);
	a->source = &in_store;
	a->below = true;
	r = put_onto(a, hex, layer, when, e);
	a->source = NULL;
	return r < 0 ? -1 : put_manifest(a, e);
}
