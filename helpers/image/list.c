/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image list, show: what is in the store. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "core/base/format.h"
#include "core/base/harmless.h"
#include "helpers/image/json.h"
#include "helpers/image/table.h"
#include "helpers/image/users.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* A size for people, or as a number. */
static void put_size(uint64_t n, bool plain, char *buf, size_t size)
{
	if (plain)
		(void)snprintf(buf, size, "%" PRIu64, n);
	else
		format_bytes(n, buf, size);
}

/* Of all its layers, also of those that it shares. */
static uint64_t size_of(const struct store *s, const struct image *i)
{
	uint64_t sum = 0, bytes, files;

	for (size_t n = 0; n < i->diffids.n; n++) {
		store_layer_size(s, i->diffids.v[n], &bytes, &files);
		sum += bytes;
	}
	return sum;
}

/* An image's id, as docker has it, is its config's digest. */
static const char *id_of(const struct store *s, const char *hex, char buf[IMAGE_HEX + 1])
{
	(void)store_about(s, hex, "config", buf, IMAGE_HEX + 1);
	return buf;
}

/* ---- list --------------------------------------------------------------------------- */

static int add_row(struct store *s, struct table *t, const char *name, bool plain,
	const struct image_user *users, size_t n_users, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	char id[IMAGE_HEX + 1], created[64], layers[16], size[32], used[16];
	size_t n = 0;
	const char *cells[] = { name, id, created, layers, size, used, i.architecture };

	if (image_find(s->fd, name, &i, e) != 0)
		return -1;
	(void)id_of(s, i.digest, id);
	id[IMAGE_SHORT] = '\0';
	(void)store_about(s, i.digest, "created", created, sizeof(created));
	created[strcspn(created, ".Z")] = '\0';
	for (size_t u = 0; u < n_users; u++)
		n += strcmp(users[u].hex, i.digest) == 0;
	(void)snprintf(layers, sizeof(layers), "%zu", i.layers.n);
	(void)snprintf(used, sizeof(used), "%zu", n);
	put_size(size_of(s, &i), plain, size, sizeof(size));
	cells[6] = i.architecture;
	return table_row(t, cells, e);
}

static int list(struct store *s, const struct table_how *how, struct err *e)
{
	static const struct table_column columns[] = { { .name = "NAME" },
		{ .name = "ID" }, { .name = "CREATED" },
		{ .name = "LAYERS", .number = true }, { .name = "SIZE", .number = true },
		{ .name = "USERS", .number = true }, { .name = "ARCHITECTURE" } };
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	_cleanup_free_ struct image_user *users = NULL;
	_cleanup_(table_free) struct table *t = NULL;
	size_t n_users;

	if ((s->fd >= 0 && store_names(s, "tags", &names, e) < 0) ||
		image_users(&users, &n_users, e) < 0)
		return -1;
	t = table_new("images", how, columns, sizeof(columns) / sizeof(*columns), e);
	if (!t)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_row(s, t, names.v[i], how->json || how->bytes, users, n_users,
			    e) < 0)
			return -1;
	return table_print(t, e);
}

int image_list(int argc, char **argv)
{
	struct table_how how = { 0 };
	const struct nsctl_option options[] = {
		TABLE_OPTIONS(how),
		{ 0 },
	};
	_cleanup_(store_clear) struct store s = STORE_NONE;
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if ((store_look(&s, &e) < 0 && e.num != ENOENT) || list(&s, &how, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}

/* ---- show --------------------------------------------------------------------------- */

struct shown {
	struct store *s;
	struct image i;
	struct strlist config; /* lines of json.h */
	struct image_user *users;
	size_t n_users;
};

static void shown_clear(struct shown *w)
{
	image_clear(&w->i);
	strlist_clear(&w->config);
	free(w->users);
}

static int gather(struct shown *w, const char *name, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct blob config = { 0 };

	if (image_find(w->s->fd, name, &w->i, e) != 0 ||
		image_users(&w->users, &w->n_users, e) < 0)
		return -1;
	(void)id_of(w->s, w->i.digest, config.hex);
	fd = store_open_blob(w->s, &config, e);
	return fd < 0 ? -1
		      : json_read(fd, JSON_CONFIG, "the image's config", &w->config, e);
}

/* The first ones are there once at most. */
#define CONFIG_SINGLE 4
static const char *const config_keys[] = { "architecture", "created", "user", "workdir",
	"entrypoint", "cmd", "env", "volume", "port", "label" };

static void print_config(const struct shown *w)
{
	for (size_t k = 0; k < sizeof(config_keys) / sizeof(*config_keys); k++)
		for (size_t i = 0; i < w->config.n; i++) {
			const char *value = json_value(w->config.v[i], config_keys[k]);

			if (value)
				(void)printf("%-12s  %s\n", config_keys[k], value);
		}
}

static int print_layers(const struct shown *w, bool bytes, struct err *e)
{
	static const struct table_column columns[] = { { .name = "LAYER" },
		{ .name = "SIZE", .number = true }, { .name = "FILES", .number = true } };
	const struct table_how how = { 0 };
	_cleanup_(table_free) struct table *t =
		table_new("layers", &how, columns, sizeof(columns) / sizeof(*columns), e);

	for (size_t n = 0; t && n < w->i.diffids.n; n++) {
		char brief[16], size[32], files[32];
		const char *cells[] = { brief, size, files };
		uint64_t b, f;

		store_layer_size(w->s, w->i.diffids.v[n], &b, &f);
		(void)snprintf(brief, sizeof(brief), "%.12s", w->i.diffids.v[n]);
		put_size(b, bytes, size, sizeof(size));
		(void)snprintf(files, sizeof(files), "%" PRIu64, f);
		if (table_row(t, cells, e) < 0)
			return -1;
	}
	return t ? table_print(t, e) : -1;
}

/* One account may have written over it by two of its names. */
static void print_users(const struct shown *w)
{
	for (size_t i = 0; i < w->n_users; i++) {
		const struct image_user *u = &w->users[i];
		bool same = strcmp(u->name, w->i.name) == 0;

		if (strcmp(u->hex, w->i.digest) == 0)
			(void)printf("%-12s  %s%s%s\n", "used by", u->who,
				same ? "" : ", as ", same ? "" : u->name);
	}
}

static int print(const struct shown *w, bool bytes, struct err *e)
{
	char id[IMAGE_HEX + 1];

	/* Anybody's texts. */
	for (size_t i = 0; i < w->config.n; i++)
		harmless_line(w->config.v[i]);
	(void)printf("%-12s  %s\n%-12s  sha256:%s\n%-12s  sha256:%s\n", "name", w->i.name,
		"id", id_of(w->s, w->i.digest, id), "manifest", w->i.digest);
	print_config(w);
	print_users(w);
	(void)putchar('\n');
	return print_layers(w, bytes, e);
}

static json_t *texts_of(const struct shown *w, const char *key)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->config.n; i++) {
		const char *value = json_value(w->config.v[i], key);

		if (value)
			(void)json_array_append_new(array, json_string(value));
	}
	return array;
}

static json_t *text_of(const struct shown *w, const char *key)
{
	for (size_t i = 0; i < w->config.n; i++)
		if (json_value(w->config.v[i], key))
			return json_string(json_value(w->config.v[i], key));
	return json_null();
}

static json_t *layers_of(const struct shown *w)
{
	json_t *array = json_array();

	for (size_t n = 0; n < w->i.diffids.n; n++) {
		uint64_t b, f;

		store_layer_size(w->s, w->i.diffids.v[n], &b, &f);
		(void)json_array_append_new(
			array, json_pack("{s:s,s:I,s:I}", "diffid", w->i.diffids.v[n],
				       "size", (json_int_t)b, "files", (json_int_t)f));
	}
	return array;
}

static json_t *users_of(const struct shown *w)
{
	json_t *array = json_array();

	for (size_t u = 0; u < w->n_users; u++)
		if (strcmp(w->users[u].hex, w->i.digest) == 0)
			(void)json_array_append_new(array, json_string(w->users[u].who));
	return array;
}

static int print_json(const struct shown *w, struct err *e)
{
	char id[IMAGE_HEX + 1];
	json_t *root = json_pack("{s:s,s:s,s:s}", "name", w->i.name, "id",
		id_of(w->s, w->i.digest, id), "manifest", w->i.digest);
	int r = 0;

	for (size_t k = 0; k < sizeof(config_keys) / sizeof(*config_keys); k++)
		r |= json_object_set_new(root, config_keys[k],
			k < CONFIG_SINGLE ? text_of(w, config_keys[k])
					  : texts_of(w, config_keys[k]));
	r |= json_object_set_new(root, "layers", layers_of(w));
	r |= json_object_set_new(root, "used_by", users_of(w));
	if (r == 0)
		r = json_dumpf(root, stdout, JSON_INDENT(3));
	json_decref(root);
	(void)putchar('\n');
	return r < 0 ? err_set(e, 0, "print the image") : 0;
}

int image_show(int argc, char **argv)
{
	bool json = false, bytes = false;
	const struct nsctl_option options[] = {
		{ 'J', "json", NULL, "as JSON", &json, NULL },
		{ 'b', "bytes", NULL, "sizes as plain numbers", &bytes, NULL },
		{ 0 },
	};
	_cleanup_(store_clear) struct store s = STORE_NONE;
	_cleanup_(shown_clear) struct shown w = { .s = &s };
	int first, r = nsctl_options(options, "IMAGE", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 1)
		return nsctl_usage(argv[0], "takes the name of an image");
	if (store_look(&s, &e) < 0 || gather(&w, argv[first], &e) < 0 ||
		(json ? print_json(&w, &e) : print(&w, bytes, &e)) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
