/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/json.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/image/jail.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define SAID_MAX (8U << 20)

/* ---- in the child: lines of what is there ------------------------------------------- */

struct saying {
	FILE *out;
	bool bad; /* a value has what no line may have */
};

static void put_part(struct saying *s, const char *text, char end)
{
	for (const char *c = text; *c; c++)
		s->bad |= iscntrl((unsigned char)*c) != 0;
	(void)fprintf(s->out, "%s%c", text, end);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void put(struct saying *s, const char *key, const char *value)
{
	(void)fprintf(s->out, "%s ", key);
	put_part(s, value, '\n');
}

static void put_text(
	struct saying *s, const char *key, const json_t *object, const char *name)
{
	if (*text_of(object, name))
		put(s, key, text_of(object, name));
}

static void put_texts(struct saying *s, const char *key, const json_t *array)
{
	const json_t *value;
	size_t i;

	for (i = 0; (value = json_array_get(array, i)); i++)
		put(s, key, json_string_value(value) ? json_string_value(value) : "");
}

static void put_keys(struct saying *s, const char *key, json_t *object)
{
	for (void *at = json_object_iter(object); at;
		at = json_object_iter_next(object, at)) {
		const char *name = json_object_iter_key(at);
		const json_t *value = json_object_iter_value(at);

		(void)fprintf(s->out, "%s ", key);
		put_part(s, name, json_is_string(value) ? '=' : '\n');
		if (json_is_string(value))
			put_part(s, json_string_value(value), '\n');
	}
}

static void put_descriptor(
	struct saying *s, const char *key, const json_t *d, bool with_type)
{
	(void)fprintf(s->out, "%s ", key);
	put_part(s, text_of(d, "digest"), '\t');
	(void)fprintf(s->out, "%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(d, "size")));
	if (with_type)
		(void)fputc('\t', s->out);
	put_part(s, with_type ? text_of(d, "mediaType") : "", '\n');
}

/* Docker's own name for it is the whole one. */
static const char *reference_of(const json_t *d)
{
	const json_t *a = json_object_get(d, "annotations");
	const char *whole = text_of(a, "io.containerd.image.name");

	return *whole ? whole : text_of(a, "org.opencontainers.image.ref.name");
}

static void say_index(struct saying *s, const json_t *root)
{
	const json_t *d;
	size_t i;

	for (i = 0; (d = json_array_get(json_object_get(root, "manifests"), i)); i++) {
		const json_t *platform = json_object_get(d, "platform");

		(void)fprintf(s->out, "manifest ");
		put_part(s, text_of(d, "mediaType"), '\t');
		put_part(s, text_of(d, "digest"), '\t');
		(void)fprintf(s->out, "%" JSON_INTEGER_FORMAT "\t",
			json_integer_value(json_object_get(d, "size")));
		put_part(s, text_of(platform, "os"), '\t');
		put_part(s, text_of(platform, "architecture"), '\t');
		put_part(s, reference_of(d), '\n');
	}
}

static void say_manifest(struct saying *s, const json_t *root)
{
	const json_t *d;
	size_t i;

	put_descriptor(s, "config", json_object_get(root, "config"), false);
	for (i = 0; (d = json_array_get(json_object_get(root, "layers"), i)); i++)
		put_descriptor(s, "layer", d, true);
}

static void say_docker(struct saying *s, const json_t *root)
{
	const json_t *image;
	size_t i;

	for (i = 0; (image = json_array_get(root, i)); i++) {
		put(s, "image", "");
		put(s, "config", text_of(image, "Config"));
		put_texts(s, "tag", json_object_get(image, "RepoTags"));
		put_texts(s, "layer", json_object_get(image, "Layers"));
	}
}

static void say_config(struct saying *s, const json_t *root)
{
	const json_t *config = json_object_get(root, "config");

	put_text(s, "architecture", root, "architecture");
	put_text(s, "os", root, "os");
	put_text(s, "created", root, "created");
	put_texts(s, "diffid",
		json_object_get(json_object_get(root, "rootfs"), "diff_ids"));
	put_texts(s, "env", json_object_get(config, "Env"));
	put_text(s, "user", config, "User");
	put_text(s, "workdir", config, "WorkingDir");
	put_texts(s, "entrypoint", json_object_get(config, "Entrypoint"));
	put_texts(s, "cmd", json_object_get(config, "Cmd"));
	put_keys(s, "volume", json_object_get(config, "Volumes"));
	put_keys(s, "port", json_object_get(config, "ExposedPorts"));
	put_keys(s, "label", json_object_get(config, "Labels"));
}

struct reading {
	enum json_kind kind;
	const char *what;
	const struct json_layer *layer; /* of JSON_ONTO */
};

static size_t layers_told(const json_t *history)
{
	const json_t *entry;
	size_t i, n = 0;

	for (i = 0; (entry = json_array_get(history, i)); i++)
		n += !json_is_true(json_object_get(entry, "empty_layer"));
	return n;
}

static void say_onto(struct saying *s, json_t *root, const struct json_layer *l)
{
	json_t *diffids = json_object_get(json_object_get(root, "rootfs"), "diff_ids"),
	       *history = json_object_get(root, "history");
	char digest[96];
	char *text;

	if (layers_told(history) == json_array_size(diffids))
		(void)json_array_append_new(
			history, json_pack("{s:s,s:s}", "created", l->created,
					 "created_by", l->by));
	(void)snprintf(digest, sizeof(digest), "sha256:%s", l->diffid);
	if (json_array_append_new(diffids, json_string(digest)) < 0 ||
		json_object_set_new(root, "created", json_string(l->created)) < 0)
		return;
	text = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text)
		put(s, "config", text);
	free(text);
}

static void say(struct saying *s, const struct reading *r, json_t *root)
{
	switch (r->kind) {
	case JSON_ONTO:
		say_onto(s, root, r->layer);
		break;
	case JSON_INDEX:
		say_index(s, root);
		break;
	case JSON_MANIFEST:
		say_manifest(s, root);
		break;
	case JSON_DOCKER:
		say_docker(s, root);
		break;
	case JSON_CONFIG:
		say_config(s, root);
		break;
	}
}

/* All of its memory goes with the process. */
static int read_in_jail(void *arg, struct jail_said *said)
{
	const struct reading *r = arg;
	struct saying s = { 0 };
	json_error_t why;
	json_t *root = json_loadfd(STDIN_FILENO, JSON_REJECT_DUPLICATES, &why);
	char *text = NULL;
	size_t len = 0;

	if (!root)
		return err_set(&said->e, 0, "%s is no JSON: %.200s, line %d", r->what,
			why.text, why.line);
	s.out = open_memstream(&text, &len);
	if (!s.out)
		return err_set(&said->e, errno, "read %s", r->what);
	say(&s, r, root);
	if (fclose(s.out) != 0 || io_write_all(STDOUT_FILENO, text, len) < 0)
		return err_set(&said->e, errno, "hand on %s", r->what);
	if (s.bad)
		return err_set(&said->e, 0,
			"%s has a value with a line break or another control character",
			r->what);
	return 0;
}

/* ---- in the parent ------------------------------------------------------------------ */

static char *read_said(int fd, const char *what, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, room = 0;
	ssize_t n;
	char *whole;

	do {
		if (room - len < 4096) {
			char *more = room > SAID_MAX
					     ? NULL
					     : realloc(text, room = 2 * room + 65536);

			if (!more) {
				(void)err_set(e, 0, "%s says too much", what);
				return NULL;
			}
			text = more;
		}
		n = read(fd, text + len, room - len - 1);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	text[len] = '\0';
	whole = text;
	text = NULL;
	return whole;
}

static int read_lines(int fd, struct reading *r, struct strlist *ret, struct err *e)
{
	const char *what = r->what;
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	_cleanup_free_ char *text = NULL;
	_cleanup_(jail_clear) struct jail j = { .name = what,
		.in = fd,
		.root = JAIL_NOTHING,
		.work = read_in_jail,
		.arg = r };
	struct stat st;
	int ends[2];

	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "read %s", what);
	if (st.st_size > JSON_MAX)
		return err_set(e, 0, "%s has more than %u bytes", what, JSON_MAX);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "read %s", what);
	in = ends[0];
	j.out = out = ends[1];
	if (jail_start(&j, e) < 0)
		return -1;
	cleanup_close(&out);
	text = read_said(in, what, e);
	if (jail_wait(&j, !text, text ? e : &(struct err){ 0 }) < 0 || !text)
		return -1;
	return strlist_add_lines(ret, text) < 0 ? err_set(e, ENOMEM, "read %s", what) : 0;
}

int json_read(
	int fd, enum json_kind kind, const char *what, struct strlist *ret, struct err *e)
{
	struct reading r = { .kind = kind, .what = what };

	return read_lines(fd, &r, ret, e);
}

int json_config_onto(int fd, const struct json_layer *l, char **ret, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist lines = { 0 };
	struct reading r = { JSON_ONTO, "the image's config", l };
	const char *text;

	if (read_lines(fd, &r, &lines, e) < 0)
		return -1;
	text = lines.n == 1 ? json_value(lines.v[0], "config") : NULL;
	if (!text)
		return err_set(e, 0, "the image's config has no list of layers");
	*ret = strdup(text);
	return *ret ? 0 : err_set(e, ENOMEM, "write what the image is");
}

const char *json_value(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

const char *json_part(const char *value, size_t n, char *buf, size_t size)
{
	for (; n > 0; n--) {
		value += strcspn(value, "\t");
		value += *value == '\t';
	}
	(void)snprintf(buf, size, "%.*s", (int)strcspn(value, "\t"), value);
	return buf;
}
