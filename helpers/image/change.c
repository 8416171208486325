/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image tag, remove, gc: names come and go, and what has none with them. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "helpers/image/users.h"

#include <string.h>

static int parse_name(const char *text, char ret[IMAGE_NAME_MAX], struct err *e)
{
	return imagename_parse(text, ret) < 0
		       ? err_set(e, 0,
				 "\"%.80s\" is no name of an image: NAME or NAME:TAG",
				 text)
		       : 0;
}

/* ---- tag ---------------------------------------------------------------------------- */

static int tag(const char *from, const char *to, struct err *e)
{
	_cleanup_(store_clear) struct store s = STORE_NONE;
	_cleanup_(image_clear) struct image i = { 0 };
	char name[IMAGE_NAME_MAX];

	if (parse_name(to, name, e) < 0 || store_open(&s, e) < 0 ||
		image_find(s.fd, from, &i, e) != 0)
		return -1;
	return store_tag(&s, i.digest, name, e);
}

int image_tag(int argc, char **argv)
{
	const struct nsctl_option options[] = { { 0 } };
	int first, r = nsctl_options(options, "IMAGE NAME[:TAG]", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 2)
		return nsctl_usage(argv[0], "takes the name of an image, and a new one");
	if (tag(argv[first], argv[first + 1], &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}

/* ---- gc ----------------------------------------------------------------------------- */

static int sweep(struct store *s, bool dry, bool tell, struct err *e)
{
	struct store_swept n;

	if (store_gc(s, image_users_hexes, dry, &n, e) < 0)
		return -1;
	if (tell)
		(void)printf("%zu images without a name, %zu layers and %zu files %s\n",
			n.images, n.layers, n.blobs,
			dry ? "would be removed" : "removed");
	return 0;
}

int image_gc(int argc, char **argv)
{
	bool dry = false;
	const struct nsctl_option options[] = {
		{ 'n', "dry-run", NULL, "show it and leave it", &dry, NULL },
		{ 0 },
	};
	_cleanup_(store_clear) struct store s = STORE_NONE;
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (store_open(&s, &e) < 0 || sweep(&s, dry, true, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}

/* ---- remove ------------------------------------------------------------------------- */

/* A session has its image by the digest; what was written over one goes on over its name. */
static int check_unused(const char *name, const char *hex, struct err *e)
{
	_cleanup_free_ struct image_user *users = NULL;
	size_t n;

	if (image_users(&users, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strcmp(users[i].name, name) == 0 || strcmp(users[i].hex, hex) == 0)
			return err_set(e, 0, "%s is in use: %s", name, users[i].who);
	return 0;
}

static int remove_one(struct store *s, const char *text, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	char name[IMAGE_NAME_MAX], hex[IMAGE_HEX + 1];

	if (parse_name(text, name, e) < 0)
		return -1;
	/* Also one that can't be read any more. */
	if (store_hex_of(s, name, hex) < 0)
		return image_find(s->fd, name, &i, e) == 0 ? 0 : -1;
	return check_unused(name, hex, e) < 0 ? -1 : store_untag(s, name, e);
}

int image_remove(int argc, char **argv)
{
	const struct nsctl_option options[] = { { 0 } };
	_cleanup_(store_clear) struct store s = STORE_NONE;
	int first, r = nsctl_options(options, "IMAGE...", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first < 1)
		return nsctl_usage(argv[0], "takes names of images");
	if (store_open(&s, &e) < 0)
		return nsctl_failed(argv[0], &e);
	r = NSCTL_OK;
	for (int i = first; i < argc; i++)
		if (remove_one(&s, argv[i], &e) < 0)
			r = nsctl_failed(argv[0], &e);
	if (sweep(&s, false, false, &e) < 0)
		r = nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], r);
}
