/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl net: accounts with Network=private, their addresses, and what leads there. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "config/config.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/plan/netpool.h"
#include "core/plan/netrules.h"
#include "core/run/network/netcount.h"
#include "core/run/host/netfacts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define COLUMNS_DEFAULT "user,address,link,sessions,publish,in,out,refused"
#define LEDGER_MAX      (1U << 20)
#define CELL_MAX        (NETRULES_MAX * NETRULES_PUBLISH_TEXT)

struct row {
	char user[ACCOUNT_NAME_MAX];
	uint32_t uid, number;
	size_t sessions;
	struct usage usage;
};

struct net {
	struct netpool pool;
	struct row *rows;
	size_t n;
	bool all, hosts;
	struct nsctl_look look;
};

static void config_cleanup(struct config **c)
{
	config_free(*c);
}

static void table_cleanup(struct libscols_table **t)
{
	scols_unref_table(*t);
}

/* ---- cells -------------------------------------------------------------------------- */

#define CELL(name)                                                                       \
	static void cell_##name(                                                         \
		const struct net *net, const struct row *r, char *buf, size_t size)

CELL(user)
{
	(void)net;
	(void)snprintf(buf, size, "%s", r->user);
}

CELL(uid)
{
	(void)net;
	(void)snprintf(buf, size, "%u", r->uid);
}

static void address_text(
	const struct net *net, const struct row *r, bool v6, char ret[NETPOOL_TEXT_MAX])
{
	*ret = '\0';
	if (!v6)
		netpool_v4(&net->pool, r->number, ret);
	else if (netfacts_ipv6())
		netpool_v6(&net->pool, r->number, ret);
}

CELL(address)
{
	char text[NETPOOL_TEXT_MAX];

	address_text(net, r, false, text);
	(void)snprintf(buf, size, "%s", text);
}

CELL(address6)
{
	char text[NETPOOL_TEXT_MAX];

	address_text(net, r, true, text);
	(void)snprintf(buf, size, "%s", text);
}

CELL(link)
{
	(void)net;
	if (r->sessions > 0)
		(void)snprintf(buf, size, NETPOOL_LINK "%u", r->number);
}

CELL(sessions)
{
	(void)net;
	(void)snprintf(buf, size, "%zu", r->sessions);
}

CELL(publish)
{
	_cleanup_free_ char *text = malloc(NETRULES_TEXT_MAX);
	char path[sizeof(PATH_NET_RULES) + 16], *rest = text, *line;
	size_t used = 0;

	(void)net;
	(void)snprintf(path, sizeof(path), PATH_NET_RULES "/%u", r->number);
	if (r->sessions == 0 || !text ||
		io_read_text(AT_FDCWD, path, text, NETRULES_TEXT_MAX) < 0)
		return;
	while ((line = strsep(&rest, "\n")) && used < size)
		if (!strncmp(line, "publish ", 8))
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
				used ? " " : "", line + 8);
}

/* A number of struct usage, there where something went through the link. */
static void count_cell(
	const struct net *net, uint64_t n, bool bytes, char *buf, size_t size)
{
	bool plain = net->look.json || net->look.bytes || !bytes;

	nsctl_bytes(n, plain ? NSCTL_PLAIN : NSCTL_HUMAN, buf, size);
}

#define COUNT_CELL(name, bytes)                                                          \
	CELL(name)                                                                       \
	{                                                                                \
		count_cell(net, r->usage.name, bytes, buf, size);                        \
	}

COUNT_CELL(net_in, true)
COUNT_CELL(net_out, true)
COUNT_CELL(net_in_packets, false)
COUNT_CELL(net_out_packets, false)
COUNT_CELL(net_refused, false)

#define RIGHT  SCOLS_FL_RIGHT
#define TEXT   SCOLS_JSON_STRING
#define NUMBER SCOLS_JSON_NUMBER

/* clang-format off */
static const struct column {
	const char *name;
	double width;
	int flags, json;
	const char *what;
	void (*cell)(const struct net *net, const struct row *r, char *buf, size_t size);
} columns[] = {
	{ "USER", 8, 0, TEXT, "account", cell_user },
	{ "UID", 5, RIGHT, NUMBER, "the account's uid", cell_uid },
	{ "ADDRESS", 10, 0, TEXT, "its address, which stays its own", cell_address },
	{ "ADDRESS6", 10, 0, TEXT, "that of IPv6", cell_address6 },
	{ "LINK", 6, 0, TEXT, "its link on the host, while it has sessions", cell_link },
	{ "SESSIONS", 2, RIGHT, NUMBER, "sessions in that network", cell_sessions },
	{ "PUBLISH", 0.3, 0, TEXT, "ports of the host that lead there now", cell_publish },
	{ "IN", 6, RIGHT, NUMBER, "bytes received, since the link was made", cell_net_in },
	{ "OUT", 6, RIGHT, NUMBER, "bytes sent", cell_net_out },
	{ "INPACKETS", 6, RIGHT, NUMBER, "packets received", cell_net_in_packets },
	{ "OUTPACKETS", 6, RIGHT, NUMBER, "packets sent", cell_net_out_packets },
	{ "REFUSED", 5, RIGHT, NUMBER, "packets from there that were refused", cell_net_refused },
};
/* clang-format on */

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static const struct column *column_find(const char *name, size_t len)
{
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (strlen(columns[i].name) == len &&
			strncasecmp(columns[i].name, name, len) == 0)
			return &columns[i];
	return NULL;
}

/* @ret: room for N_COLUMNS. Return: how many, or -1 with @e. */
static int columns_parse(const char *list, const struct column **ret, struct err *e)
{
	size_t n = 0;

	for (const char *s = list;; s++) {
		size_t len = strcspn(s, ",");
		const struct column *c = column_find(s, len);

		if (!c)
			return err_set(e, 0, "there is no column \"%.*s\" (see --help)",
				len > 64 ? 64 : (int)len, s);
		if (n == N_COLUMNS)
			return err_set(e, 0, "more than %zu columns", N_COLUMNS);
		ret[n++] = c;
		s += len;
		if (!*s)
			return (int)n;
	}
}

/* ---- gathering ---------------------------------------------------------------------- */

/* "UID NUMBER NAME" */
static bool take_account(const char *line, struct row *ret)
{
	int at = 0;

	*ret = (struct row){ .uid = 0 };
	if (sscanf(line, "%" SCNu32 " %" SCNu32 " %n", &ret->uid, &ret->number, &at) !=
			2 ||
		at == 0 || ret->number == 0)
		return false;
	(void)snprintf(ret->user, sizeof(ret->user), "%s", line + at);
	return true;
}

static int read_accounts(struct net *net, struct err *e)
{
	_cleanup_free_ char *text = malloc(LEDGER_MAX);
	size_t lines = 1;
	char *rest = text, *line;

	if (!text)
		return err_set(e, ENOMEM, "read " PATH_ADDRESSES);
	if (io_read_text(AT_FDCWD, PATH_ADDRESSES, text, LEDGER_MAX) < 0) {
		if (errno != ENOENT)
			return err_set(e, errno, "read " PATH_ADDRESSES);
		*text = '\0';
	}
	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	net->rows = calloc(lines, sizeof(*net->rows));
	if (!net->rows)
		return err_set(e, ENOMEM, "read " PATH_ADDRESSES);
	while ((line = strsep(&rest, "\n")))
		if (*line != '#' && take_account(line, &net->rows[net->n]) &&
			net->rows[net->n].number <= netpool_max(&net->pool))
			net->n++;
	return 0;
}

static int count_sessions(struct net *net, struct err *e)
{
	_cleanup_free_ struct record *records = NULL;
	_cleanup_free_ struct netcount *counts = NULL;
	size_t n, bad, n_counts = 0, live = 0;

	if (record_list(&records, &n, &bad, e) < 0)
		return -1;
	for (size_t i = 0; i < net->n; i++) {
		struct row *r = &net->rows[i];

		usage_clear(&r->usage);
		for (size_t k = 0; k < n; k++)
			r->sessions += records[k].number == r->number;
		live += r->sessions;
	}
	if (live > 0 && netcount_read(&counts, &n_counts, e) < 0)
		return -1;
	for (size_t i = 0; i < net->n; i++)
		netcount_use(counts, n_counts, net->rows[i].number, &net->rows[i].usage);
	return 0;
}

static int gather(struct net *net, const char *config, struct err *e)
{
	_cleanup_(config_cleanup) struct config *c = NULL;
	_cleanup_(policy_clear) struct policy p = { 0 };
	const char *why;

	if (geteuid() != 0)
		return err_set(
			e, 0, "addresses of accounts are root's to see: run it as root");
	if (config_load(config, &c, e) < 0 || config_network(c, &p, e) < 0)
		return -1;
	if (netpool_parse(p.pool, &net->pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", p.pool, why);
	return read_accounts(net, e) < 0 ? -1 : count_sessions(net, e);
}

/* ---- printing ----------------------------------------------------------------------- */

static int fill(struct libscols_table *t, const struct net *net,
	const struct column *const *shown, size_t n, size_t *ret_rows)
{
	static char cell[CELL_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct column *column = shown[i];
		struct libscols_column *c =
			column ? scols_table_new_column(
					 t, column->name, column->width, column->flags)
			       : NULL;

		if (!c || scols_column_set_json_type(c, column->json) < 0)
			return -1;
	}
	for (size_t k = 0; k < net->n; k++) {
		struct libscols_line *line;

		if (net->rows[k].sessions == 0 && !net->all)
			continue;
		line = scols_table_new_line(t, NULL);
		(*ret_rows)++;
		for (size_t i = 0; line && i < n; i++) {
			*cell = '\0';
			shown[i]->cell(net, &net->rows[k], cell, sizeof(cell));
			if (*cell && scols_line_set_data(line, i, cell) < 0)
				return -1;
		}
		if (!line)
			return -1;
	}
	return 0;
}

static int print(const struct net *net, struct err *e)
{
	_cleanup_(table_cleanup) struct libscols_table *t = NULL;
	const struct column *shown[N_COLUMNS] = { NULL };
	const struct nsctl_look *look = &net->look;
	size_t rows = 0;
	int n = columns_parse(look->columns, shown, e);

	if (n < 0)
		return -1;
	scols_init_debug(0);
	t = scols_new_table();
	if (!t || scols_table_enable_json(t, look->json) < 0 ||
		scols_table_enable_raw(t, look->raw) < 0 ||
		scols_table_enable_noheadings(t, look->noheadings) < 0 ||
		scols_table_set_name(t, "networks") < 0 ||
		fill(t, net, shown, (size_t)n, &rows) < 0)
		return err_set(e, ENOMEM, "make the table");
	if (rows == 0 && look->json)
		(void)puts("{\n   \"networks\": []\n}");
	else if (scols_print_table(t) < 0)
		return err_set(e, 0, "print the table");
	return 0;
}

/* hosts(5), of each account that has an address, logged in or not. */
static void print_hosts(const struct net *net)
{
	for (size_t i = 0; i < net->n; i++)
		for (int v6 = 0; v6 < 2; v6++) {
			char text[NETPOOL_TEXT_MAX];

			address_text(net, &net->rows[i], v6, text);
			if (*text)
				(void)printf("%s\t%s.nsshell\n", text, net->rows[i].user);
		}
}

static int show(struct net *net, const char *config, struct err *e)
{
	const struct column *shown[N_COLUMNS];

	/* A mistyped column is told before anything is read. */
	if (columns_parse(net->look.columns, shown, e) < 0 || gather(net, config, e) < 0)
		return -1;
	if (!net->hosts)
		return print(net, e);
	print_hosts(net);
	return 0;
}

int nsctl_net(int argc, char **argv)
{
	struct net net = { .look.columns = COLUMNS_DEFAULT };
	const char *config = NULL;
	const struct nsctl_option options[] = {
		{ 'a', "all", NULL, "accounts without a session, too", &net.all, NULL },
		{ 0, "hosts", NULL, "all addresses as hosts(5) has them, USER.nsshell",
			&net.hosts, NULL },
		{ 'J', "json", NULL, "JSON; sizes in bytes", &net.look.json, NULL },
		{ 'n', "noheadings", NULL, "no line with the columns' names",
			&net.look.noheadings, NULL },
		{ 'r', "raw", NULL, "for scripts: one blank between columns",
			&net.look.raw, NULL },
		{ 'b', "bytes", NULL, "sizes in bytes", &net.look.bytes, NULL },
		{ 'o', "output", "COLS", "columns to show, separated by commas", NULL,
			&net.look.columns },
		{ 'c', "config", "FILE", "the nsshell.conf that is in use", NULL,
			&config },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r == NSCTL_OK) {
		(void)puts("\ncolumns:");
		for (size_t i = 0; i < N_COLUMNS; i++)
			(void)printf("  %-11s %s\n", columns[i].name, columns[i].what);
	}
	if (r >= 0)
		return nsctl_flush(argv[0], r);
	if (net.look.json && net.look.raw)
		return nsctl_usage(argv[0], "--json and --raw are two different outputs");
	r = show(&net, config, &e);
	free(net.rows);
	return r < 0 ? nsctl_failed(argv[0], &e) : nsctl_flush(argv[0], NSCTL_OK);
}
