/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl volume: what Volumes= keeps for accounts. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/format.h"
#include "core/run/session/volume_list.h"
#include "helpers/image/table.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- list --------------------------------------------------------------------------- */

struct listing {
	struct table *table;
	struct record *records; /* of all sessions */
	size_t n_records;
	bool bytes;
};

static void listing_clear(struct listing *l)
{
	table_free(&l->table);
	free(l->records);
}

/* Ids of the sessions that have it, as many as have room. */
static void users_of(
	const struct listing *l, uid_t uid, const char *name, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < l->n_records && at + PLAN_ID_LEN + 2 < size; i++)
		if (volume_is_used(&l->records[i], uid, name))
			at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? " " : "",
				l->records[i].id);
}

static void format_used(time_t used, char *ret, size_t size)
{
	struct tm at;

	ret[0] = '\0';
	if (used != 0 && localtime_r(&used, &at))
		(void)strftime(ret, size, "%FT%T%z", &at);
}

static int add_row(const struct listing *l, const struct volume_owner *o,
	const char *name, struct err *e)
{
	char size[32] = "", count[32] = "", users[512], uid[16], used[32];
	const char *cells[] = { o->name, uid, name, size, count, used, users };
	uint64_t bytes, files;
	int r = volume_size(o->uid, name, &bytes, &files, e);

	if (r < 0)
		return -1;
	if (r == 0 && l->bytes)
		(void)snprintf(size, sizeof(size), "%" PRIu64, bytes);
	else if (r == 0)
		format_bytes(bytes, size, sizeof(size));
	if (r == 0)
		(void)snprintf(count, sizeof(count), "%" PRIu64, files);
	(void)snprintf(uid, sizeof(uid), "%u", o->uid);
	format_used(volume_used(o->uid, name), used, sizeof(used));
	users_of(l, o->uid, name, users, sizeof(users));
	return table_row(l->table, cells, e);
}

static int add_owner(const struct listing *l, const struct volume_owner *o, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };

	if (volume_names(o->uid, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_row(l, o, names.v[i], e) < 0)
			return -1;
	return 0;
}

static int list(const struct table_how *how, const char *user, struct err *e)
{
	static const struct table_column columns[] = { { .name = "USER" },
		{ .name = "UID", .number = true }, { .name = "NAME" },
		{ .name = "SIZE", .number = true }, { .name = "FILES", .number = true },
		{ .name = "USED" }, { .name = "SESSIONS" } };
	_cleanup_(listing_clear) struct listing l = { .bytes = how->json || how->bytes };
	_cleanup_free_ struct volume_owner *all = NULL;
	uid_t uid = 0;
	size_t n, bad;

	if ((user && account_uid(user, &uid, e) < 0) || volume_owners(&all, &n, e) < 0 ||
		record_list(&l.records, &l.n_records, &bad, e) < 0)
		return -1;
	l.table =
		table_new("volumes", how, columns, sizeof(columns) / sizeof(*columns), e);
	if (!l.table)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!all[i].cut_off && (!user || all[i].uid == uid) &&
			add_owner(&l, &all[i], e) < 0)
			return -1;
	return table_print(l.table, e);
}

static int volume_list(int argc, char **argv)
{
	struct table_how how = { 0 };
	const struct nsctl_option options[] = {
		TABLE_OPTIONS(how),
		{ 0 },
	};
	int first, r = nsctl_options(options, "[USER]", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first > 1)
		return nsctl_usage(argv[0], "takes one account's name at most");
	if (list(&how, first < argc ? argv[first] : NULL, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}

/* ---- remove ------------------------------------------------------------------------- */

static int volume_take_away(int argc, char **argv)
{
	const struct nsctl_option options[] = { { 0 } };
	int first, r = nsctl_options(options, "USER VOLUME...", argc, argv, &first);
	struct err e = { 0 };
	uid_t uid;

	if (r >= 0)
		return r;
	if (argc - first < 2)
		return nsctl_usage(
			argv[0], "takes an account's name, and names of its volumes");
	if (account_uid(argv[first], &uid, &e) < 0)
		return nsctl_failed(argv[0], &e);
	r = NSCTL_OK;
	for (int i = first + 1; i < argc; i++)
		if (volume_remove(uid, argv[i], &e) < 0)
			r = nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], r);
}

/* ---- the command -------------------------------------------------------------------- */

static const struct nsctl_command commands[] = {
	{ "list", volume_list, "volumes of all accounts, or of one" },
	{ "remove", volume_take_away, "remove volumes that no session has" },
};

static int help(FILE *out, int status)
{
	(void)fputs(
		"usage: nsctl volume COMMAND [OPTION...] [ARGUMENT...]\n\ncommands:\n",
		out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		(void)fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].what);
	return out == stdout ? nsctl_flush("nsctl volume", status) : status;
}

static int run(const struct nsctl_command *c, int argc, char **argv)
{
	char full[64];
	struct err e = { 0 };

	(void)snprintf(full, sizeof(full), "nsctl volume %s", c->name);
	argv[0] = full;
	if (geteuid() != 0 && !(argc > 1 && strcmp(argv[1], "--help") == 0)) {
		(void)err_set(&e, 0, "volumes are root's to look at: run it as root");
		return nsctl_failed(full, &e);
	}
	return c->run(argc, argv);
}

int nsctl_volume(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr, NSCTL_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0)
		return help(stdout, NSCTL_OK);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	return nsctl_usage(argv[0], "there is no command \"%s\"", argv[1]);
}
