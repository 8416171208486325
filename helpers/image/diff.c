/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl diff: what an account wrote over the host's root, or over an image. */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"
#include "core/base/format.h"
#include "core/base/parse.h"
#include "helpers/image/differ.h"
#include "helpers/image/table.h"
#include "helpers/image/whose.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* A table is in memory as a whole. */
#define FILES_MAX 500000

struct diffing {
	struct table *t;
	const struct upper *upper;
	uint64_t left; /* of what may be told */
	bool plain;
};

static int tell(void *arg, const struct difference *d, struct err *e)
{
	struct diffing *g = arg;
	const char *target = g->upper->target;
	char path[2 * PATH_MAX], kind[2] = { d->kind, '\0' }, size[32] = "";
	const char *cells[] = { kind, size, path,
		*g->upper->image ? g->upper->image : "host" };

	if (g->left-- == 0)
		return err_set(e, 0, "there is more than that (--max-files)");
	(void)snprintf(path, sizeof(path), "%s/%s", target[1] ? target : "", d->path);
	if (g->plain)
		(void)snprintf(size, sizeof(size), "%" PRIu64, d->size);
	else if (d->size > 0)
		format_bytes(d->size, size, sizeof(size));
	return table_row(g->t, cells, e);
}

static int diff_one(struct diffing *g, uid_t uid, struct strlist *notes, struct err *e)
{
	_cleanup_close_ int lower = upper_lower(g->upper, e),
			    upper = lower < 0 ? -1 : upper_open(uid, g->upper, e);

	return upper < 0 || lower < 0 ? -1 : differ_run(upper, lower, tell, g, notes, e);
}

static bool are_several(const struct upper *u, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(u[i].image, u[0].image) != 0)
			return true;
	return false;
}

struct wanted {
	const char *who, *image;
	struct table_how how;
	uint64_t max;
};

static void clear_whose(struct whose *w)
{
	account_clear(&w->account);
}

static int diff(const struct wanted *w, struct strlist *notes, struct err *e)
{
	static const struct table_column columns[] = { { .name = "KIND" },
		{ .name = "SIZE", .number = true }, { .name = "PATH" },
		{ .name = "OVER" } };
	_cleanup_(clear_whose) struct whose whose = { .session.id = "" };
	_cleanup_free_ struct upper *uppers = NULL;
	_cleanup_(table_free) struct table *t = NULL;
	struct diffing g = { .left = w->max, .plain = w->how.json || w->how.bytes };
	size_t n;

	if (whose_find(w->who, &whose, e) < 0 ||
		whose_uppers(&whose, w->image, &uppers, &n, e) < 0)
		return -1;
	if (n == 0)
		return whose_nothing(&whose, w->image, e);
	t = table_new("diff", &w->how, columns,
		w->how.json || are_several(uppers, n) ? 4 : 3, e);
	for (size_t i = 0; i < n; i++) {
		g.t = t;
		g.upper = &uppers[i];
		if (!t || diff_one(&g, whose.account.uid, notes, e) < 0)
			return -1;
	}
	return table_print(t, e);
}

int image_diff(int argc, char **argv)
{
	struct wanted w = { .max = FILES_MAX };
	const char *max = NULL;
	const struct nsctl_option options[] = {
		{ 'i', "image", "IMAGE", "what lies over this image alone", NULL,
			&w.image },
		TABLE_OPTIONS(w.how),
		{ 0, "max-files", "N", "most files that are told (500000)", NULL, &max },
		{ 0 },
	};
	_cleanup_(strlist_clear) struct strlist notes = { 0 };
	int first, r = nsctl_options(options, "USER|SESSION", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 1)
		return nsctl_usage(argv[0], "takes one account's name, or a session's");
	if (max && parse_count(max, &w.max) < 0)
		return nsctl_usage(argv[0], "a limit is a number, or infinity");
	w.who = argv[first];
	if (diff(&w, &notes, &e) < 0)
		return nsctl_failed(argv[0], &e);
	for (size_t i = 0; i < notes.n; i++)
		(void)fprintf(stderr, "%s: %s\n", argv[0], notes.v[i]);
	return nsctl_flush(argv[0], NSCTL_OK);
}
