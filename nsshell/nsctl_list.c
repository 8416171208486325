/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl list: running sessions, one a line. */
#include "nsshell/nsctl.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup.h"
#include "core/run/record.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Longest text of a cell. */
#define CELL_MAX 512

struct column {
	const char *name;
	double width; /* as libsmartcols takes it: less than 1 is a part of the terminal
		       */
	int flags;
	int json;
	const char *what;
	void (*cell)(const struct record *r, char *buf, size_t size);
};

static void cell_id(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->id);
}

static void cell_user(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->user);
}

static void cell_uid(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u", r->uid);
}

static void cell_from(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->rhost);
}

static void cell_service(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->service);
}

/* Local time, as "2024-05-01T13:45:00+02:00". */
static void cell_since(const struct record *r, char *buf, size_t size)
{
	time_t t = (time_t)r->since;
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (r->since == 0 || !localtime_r(&t, &tm))
		return;
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* strftime() has no colon in the zone, ISO 8601's extended form does. */
	if (n >= 5 && n + 1 < size) {
		memmove(buf + n - 1, buf + n - 2, 3);
		buf[n - 2] = ':';
	}
}

static void cell_tty(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->tty);
}

static void cell_processes(const struct record *r, char *buf, size_t size)
{
	long n = r->cgroup[0] ? cgroup_count(cgroup_kind(), r->cgroup) : -1;

	buf[0] = '\0';
	if (n >= 0)
		(void)snprintf(buf, size, "%ld", n);
}

/* A supervisor that is gone left its session behind: the next login or reconciling ends
 * it. */
static void cell_state(const struct record *r, char *buf, size_t size)
{
	struct err ignored;

	(void)snprintf(buf, size, "%s",
		record_is_alive(r->id, &ignored) == 0 ? "crashed"
						      : record_state_name(r->state));
}

static void cell_leases(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u", r->leases);
}

static void cell_init(const struct record *r, char *buf, size_t size)
{
	buf[0] = '\0';
	if (r->init.pid > 0)
		(void)snprintf(buf, size, "%d", (int)r->init.pid);
}

static void cell_cgroup(const struct record *r, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", r->cgroup);
}

static const struct column columns[] = {
	{ "ID", PLAN_ID_LEN, 0, SCOLS_JSON_STRING, "the session's id", cell_id },
	{ "USER", 8, 0, SCOLS_JSON_STRING, "account", cell_user },
	{ "FROM", 0.2, SCOLS_FL_TRUNC, SCOLS_JSON_STRING, "remote host", cell_from },
	{ "SERVICE", 7, 0, SCOLS_JSON_STRING, "PAM service", cell_service },
	{ "SINCE", 25, 0, SCOLS_JSON_STRING, "when it was opened", cell_since },
	{ "TTY", 5, 0, SCOLS_JSON_STRING, "the login's terminal on the host", cell_tty },
	{ "PROCESSES", 5, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, "processes in it",
		cell_processes },
	{ "STATE", 8, 0, SCOLS_JSON_STRING, "opening, open, lingering, closing, crashed",
		cell_state },
	{ "LEASES", 2, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, "logins in it", cell_leases },
	{ "UID", 5, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, "the account's uid", cell_uid },
	{ "INIT", 5, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER, "pid of its init on the host",
		cell_init },
	{ "CGROUP", 0.2, 0, SCOLS_JSON_STRING, "its control group", cell_cgroup },
};

#define COLUMNS_N       (sizeof(columns) / sizeof(columns[0]))
#define COLUMNS_DEFAULT "id,user,from,service,since,tty,processes,state,leases"

static void table_cleanup(struct libscols_table **t)
{
	scols_unref_table(*t);
}

static const struct column *column_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COLUMNS_N; i++)
		if (strlen(columns[i].name) == len &&
			strncasecmp(columns[i].name, name, len) == 0)
			return &columns[i];
	return NULL;
}

/* Take "id,user" apart. Return: how many, or -1 with @e. */
static int columns_parse(const char *list, const struct column **ret, struct err *e)
{
	size_t n = 0;

	for (const char *s = list;; s++) {
		size_t len = strcspn(s, ",");
		const struct column *c = column_find(s, len);

		if (!c)
			return err_set(e, 0, "there is no column \"%.*s\" (see --help)",
				len > 64 ? 64 : (int)len, s);
		if (n == COLUMNS_N)
			return err_set(e, 0, "more than %zu columns", COLUMNS_N);
		ret[n++] = c;
		s += len;
		if (!*s)
			return (int)n;
	}
}

static int row_add(struct libscols_table *t, const struct column *const *shown, size_t n,
	const struct record *r)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	char cell[CELL_MAX];

	if (!line)
		return -1;
	for (size_t i = 0; i < n; i++) {
		shown[i]->cell(r, cell, sizeof(cell));
		if (cell[0] && scols_line_set_data(line, i, cell) < 0)
			return -1;
	}
	return 0;
}

static int table_fill(struct libscols_table *t, const struct column *const *shown,
	size_t n, const struct record *records, size_t n_records)
{
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *c = scols_table_new_column(
			t, shown[i]->name, shown[i]->width, shown[i]->flags);

		if (!c || scols_column_set_json_type(c, shown[i]->json) < 0)
			return -1;
	}
	for (size_t i = 0; i < n_records; i++)
		if (row_add(t, shown, n, &records[i]) < 0)
			return -1;
	return 0;
}

struct look {
	bool json, noheadings, raw;
	const char *columns;
};

static int list_print(const struct look *look, struct err *e)
{
	_cleanup_(table_cleanup) struct libscols_table *t = NULL;
	_cleanup_free_ struct record *records = NULL;
	const struct column *shown[COLUMNS_N];
	size_t n_records = 0, bad = 0;
	int n = columns_parse(look->columns, shown, e);

	if (n < 0)
		return -1;
	if (record_list(&records, &n_records, &bad, e) < 0)
		return err_wrap(e, "read the session records, which are root's");
	t = scols_new_table();
	if (!t || scols_table_enable_json(t, look->json) < 0 ||
		scols_table_enable_raw(t, look->raw) < 0 ||
		scols_table_enable_noheadings(t, look->noheadings) < 0 ||
		scols_table_set_name(t, "sessions") < 0 ||
		table_fill(t, shown, (size_t)n, records, n_records) < 0)
		return err_set(e, ENOMEM, "make the table");
	/* libsmartcols prints nothing at all for no rows. */
	if (n_records == 0 && look->json)
		(void)puts("{\n   \"sessions\": []\n}");
	else if (scols_print_table(t) < 0)
		return err_set(e, 0, "print the table");
	if (bad > 0)
		(void)fprintf(stderr,
			"nsctl list: %zu records can't be read and are left out\n", bad);
	return 0;
}

int nsctl_list(int argc, char **argv)
{
	struct look look = { .columns = COLUMNS_DEFAULT };
	const struct nsctl_option options[] = {
		{ 'J', "json", NULL, "JSON", &look.json, NULL },
		{ 'n', "noheadings", NULL, "no line with the columns' names",
			&look.noheadings, NULL },
		{ 'r', "raw", NULL, "for scripts: one blank between columns", &look.raw,
			NULL },
		{ 'o', "output", "COLS",
			"columns: id,user,from,service,since,tty,processes,", NULL,
			&look.columns },
		{ 0 },
	};
	int first, r = nsctl_options(options, "", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (first != argc)
		return nsctl_usage(argv[0], "takes no arguments");
	if (look.json && look.raw)
		return nsctl_usage(argv[0], "--json and --raw are two different outputs");
	scols_init_debug(0);
	if (list_print(&look, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
