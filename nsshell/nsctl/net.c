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
#include <string.h>
#include <unistd.h>

#define COLUMNS_DEFAULT "user,address,link,sessions,publish,in,out,refused"
#define LEDGER_MAX      (1U << 26)
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
	bool plain = net->look.how.json || net->look.how.bytes || !bytes;

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

#define TEXT(name, width, what)   .head = { name, false, false, width, what }
#define NUMBER(name, width, what) .head = { name, true, false, width, what }

/* clang-format off */
static const struct column {
	struct table_column head;
	void (*cell)(const struct net *net, const struct row *r, char *buf, size_t size);
} columns[] = {
	{ TEXT("USER", 8, "account"), cell_user },
	{ NUMBER("UID", 5, "the account's uid"), cell_uid },
	{ TEXT("ADDRESS", 10, "its address, which stays its own"), cell_address },
	{ TEXT("ADDRESS6", 10, "that of IPv6"), cell_address6 },
	{ TEXT("LINK", 6, "its link on the host, while it has sessions"), cell_link },
	{ NUMBER("SESSIONS", 2, "sessions in that network"), cell_sessions },
	{ TEXT("PUBLISH", 0.3, "ports of the host that lead there now"), cell_publish },
	{ NUMBER("IN", 6, "bytes received, since the link was made"), cell_net_in },
	{ NUMBER("OUT", 6, "bytes sent"), cell_net_out },
	{ NUMBER("INPACKETS", 6, "packets received"), cell_net_in_packets },
	{ NUMBER("OUTPACKETS", 6, "packets sent"), cell_net_out_packets },
	{ NUMBER("REFUSED", 5, "packets from there that were refused"), cell_net_refused },
};
/* clang-format on */

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static int choose(const struct net *net, size_t *ret, struct err *e)
{
	return table_choose(
		net->look.columns, &columns->head, sizeof(*columns), N_COLUMNS, ret, e);
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

static int row_add(struct table *t, const struct net *net, const struct row *row,
	const size_t *shown, size_t n, struct err *e)
{
	static char cell[CELL_MAX];
	int r = table_line(t, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		*cell = '\0';
		columns[shown[i]].cell(net, row, cell, sizeof(cell));
		r = table_cell(t, i, cell, e);
	}
	return r;
}

static int print(const struct net *net, struct err *e)
{
	_cleanup_(table_free) struct table *t = NULL;
	struct table_column heads[TABLE_CHOSEN_MAX];
	size_t shown[TABLE_CHOSEN_MAX];
	int n = choose(net, shown, e);

	for (int i = 0; i < n; i++)
		heads[i] = columns[shown[i]].head;
	if (n >= 0)
		t = table_new("networks", &net->look.how, heads, (size_t)n, e);
	if (!t)
		return -1;
	for (size_t k = 0; k < net->n; k++)
		if ((net->rows[k].sessions > 0 || net->all) &&
			row_add(t, net, &net->rows[k], shown, (size_t)n, e) < 0)
			return -1;
	return table_print(t, e);
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
	size_t shown[TABLE_CHOSEN_MAX];

	/* A mistyped column is told before anything is read. */
	if (choose(net, shown, e) < 0 || gather(net, config, e) < 0)
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
		TABLE_OPTIONS(net.look.how),
		{ 'o', "output", "COLS", "columns to show, separated by commas", NULL,
			&net.look.columns },
		{ 'c', "config", "FILE", "the nsshell.conf that is in use", NULL,
			&config },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r == NSCTL_OK)
		table_help(&columns->head, sizeof(*columns), N_COLUMNS);
	if (r >= 0)
		return nsctl_flush(argv[0], r);
	if (net.look.how.json && net.look.how.raw)
		return nsctl_usage(argv[0], "--json and --raw are two different outputs");
	r = show(&net, config, &e);
	free(net.rows);
	return r < 0 ? nsctl_failed(argv[0], &e) : nsctl_flush(argv[0], NSCTL_OK);
}
