/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as a table: the columns, and printing them through libsmartcols. */
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stddef.h>
#include <string.h>

/* Longest text of a cell. */
#define CELL_MAX 512

#define CELL(name)                                                                       \
	static void cell_##name(const struct nsctl_session *s,                           \
		enum nsctl_numbers numbers, char *buf, size_t size)

#define TEXT_CELL(name, member)                                                          \
	CELL(name)                                                                       \
	{                                                                                \
		(void)numbers;                                                           \
		(void)snprintf(buf, size, "%s", s->member);                              \
	}

TEXT_CELL(id, record.id)
TEXT_CELL(user, record.user)
TEXT_CELL(from, record.rhost)
TEXT_CELL(service, record.service)
TEXT_CELL(tty, record.tty)
TEXT_CELL(cgroup, record.cgroup)
TEXT_CELL(changed, record.changed)

/* By its name: the digest is what `nsctl status` shows. */
CELL(image)
{
	(void)numbers;
	(void)snprintf(
		buf, size, "%.*s", (int)strcspn(s->record.image, "@"), s->record.image);
}

CELL(root)
{
	(void)numbers;
	(void)snprintf(buf, size, "%s", s->record.no_new_privs ? "no" : "yes");
}

/* "private 100.64.0.5", "private:login 100.64.9.1", "none:login": the word, and what comes behind the blank. */
CELL(network)
{
	const char *text = s->record.network;

	(void)numbers;
	if (!*text)
		text = "host";
	(void)snprintf(buf, size, "%.*s",
		(int)strcspn(
			text, strncmp(text, "none", 4) == 0 || *text == 'p' ? ": " : " "),
		text);
}

CELL(address)
{
	const char *blank = strchr(s->record.network, ' ');

	(void)numbers;
	(void)snprintf(buf, size, "%s", blank ? blank + 1 : "");
}
TEXT_CELL(state, state)

CELL(uid)
{
	(void)numbers;
	(void)snprintf(buf, size, "%u", s->record.uid);
}

CELL(since)
{
	(void)numbers;
	nsctl_time(s->record.since, buf, size);
}

CELL(processes)
{
	(void)numbers;
	if (s->processes >= 0)
		(void)snprintf(buf, size, "%ld", s->processes);
}

CELL(cpu)
{
	(void)numbers;
	if (s->cpu >= 0)
		(void)snprintf(buf, size, "%.1f", s->cpu);
}

CELL(outdated)
{
	(void)numbers;
	(void)snprintf(buf, size, "%s", nsctl_outdated_text(&s->outdated));
}

CELL(leases)
{
	(void)numbers;
	(void)snprintf(buf, size, "%u", s->record.leases);
}

CELL(init)
{
	(void)numbers;
	if (s->record.init.pid > 0)
		(void)snprintf(buf, size, "%d", (int)s->record.init.pid);
}

CELL(supervisor)
{
	(void)numbers;
	if (s->record.supervisor.pid > 0)
		(void)snprintf(buf, size, "%d", (int)s->record.supervisor.pid);
}

static void field_cell(const char *name, const struct nsctl_session *s,
	enum nsctl_numbers numbers, char *buf, size_t size)
{
	for (const struct nsctl_field *f = nsctl_fields; f->name; f++) {
		uint64_t n = nsctl_field(f, &s->usage);

		if (strcmp(f->name, name) != 0)
			continue;
		if (f->unit == NSCTL_USEC)
			nsctl_usec(n, numbers, buf, size);
		else
			nsctl_bytes(n, f->unit == NSCTL_BYTES ? numbers : NSCTL_PLAIN,
				buf, size);
	}
}

/* Limits are the account's. NSCTL_PLAIN has a number or nothing: JSON knows no "infinity". */
static void limit_cell(const struct nsctl_session *s, enum limit_id id,
	enum nsctl_numbers numbers, char *buf, size_t size)
{
	const char *group = s->record.cgroup, *end = strrchr(group, '/');
	char account[sizeof(s->record.cgroup)];
	struct usage u;

	if (!end)
		return;
	(void)snprintf(account, sizeof(account), "%.*s", (int)(end - group), group);
	usage_read(cgroup_kind(), account, &u);
	if (u.limits[id] == PARSE_INFINITY && numbers == NSCTL_PLAIN)
		return;
	nsctl_bytes(u.limits[id], limit_is_bytes(&limits[id]) ? numbers : NSCTL_PLAIN,
		buf, size);
}

#define LIMIT_CELL(name, id)                                                             \
	CELL(name)                                                                       \
	{                                                                                \
		limit_cell(s, id, numbers, buf, size);                                   \
	}

LIMIT_CELL(memory_max, LIMIT_MEMORY_MAX)
LIMIT_CELL(tasks_max, LIMIT_TASKS_MAX)
LIMIT_CELL(cpu_quota, LIMIT_CPU_QUOTA)

#define RIGHT  SCOLS_FL_RIGHT
#define TEXT   SCOLS_JSON_STRING
#define NUMBER SCOLS_JSON_NUMBER

/* clang-format off */
const struct nsctl_column nsctl_columns[] = {
	{ "ID", PLAN_ID_LEN, 0, TEXT, "the session's id", .cell = cell_id },
	{ "USER", 8, 0, TEXT, "account", .cell = cell_user },
	{ "FROM", 0.2, SCOLS_FL_TRUNC, TEXT, "remote host", .cell = cell_from },
	{ "SERVICE", 7, 0, TEXT, "PAM service", .cell = cell_service },
	{ "SINCE", 25, 0, TEXT, "when it was opened", .cell = cell_since },
	{ "TTY", 5, 0, TEXT, "the login's terminal on the host", .cell = cell_tty },
	{ "PROCESSES", 5, RIGHT, NUMBER, "processes in it", .cell = cell_processes },
	{ "MEMORY", 6, RIGHT, NUMBER, "memory that it uses, caches included", .field = "memory" },
	{ "CPU", 7, RIGHT, NUMBER, "CPU time that it has used", .field = "cpu_usec" },
	{ "STATE", 8, 0, TEXT, "opening, open, paused, lingering, closing, crashed", .cell = cell_state },
	{ "OUTDATED", 5, 0, TEXT, "why to log in anew: the host has replaced files that it runs on, other rules (list)", .cell = cell_outdated },
	{ "LEASES", 2, RIGHT, NUMBER, "logins in it", .cell = cell_leases },
	{ "UID", 5, RIGHT, NUMBER, "the account's uid", .cell = cell_uid },
	{ "INIT", 5, RIGHT, NUMBER, "pid of its init on the host", .cell = cell_init },
	{ "SUPERVISOR", 5, RIGHT, NUMBER, "pid of its supervisor", .cell = cell_supervisor },
	{ "NETWORK", 7, 0, TEXT, "host, none, private, netns:NAME, user:NAME", .cell = cell_network },
	{ "ADDRESS", 10, 0, TEXT, "its own, with Network=private", .cell = cell_address },
	{ "IMAGE", 12, 0, TEXT, "the image that it is over, with RootFS=image:", .cell = cell_image },
	{ "ROOT", 3, 0, TEXT, "whether its user may be root of it, with Root=yes", .cell = cell_root },
	{ "CHANGED", 8, 0, TEXT, "what lies below what it wrote with Upper=disk has changed: what became of that", .cell = cell_changed },
	{ "NETIN", 6, RIGHT, NUMBER, "received by the account's network, with Network=private", .field = "net_in" },
	{ "NETOUT", 6, RIGHT, NUMBER, "sent by it", .field = "net_out" },
	{ "REFUSED", 5, RIGHT, NUMBER, "packets of its that were refused", .field = "net_refused" },
	{ "CGROUP", 0.2, 0, TEXT, "its control group", .cell = cell_cgroup },
	{ "PEAK", 6, RIGHT, NUMBER, "most memory that it has used", .field = "memory_peak" },
	{ "TASKS", 5, RIGHT, NUMBER, "processes and threads in it", .field = "tasks" },
	{ "READ", 6, RIGHT, NUMBER, "read from disks, where the kernel counts it", .field = "io_read" },
	{ "WRITTEN", 6, RIGHT, NUMBER, "written to disks, where the kernel counts it", .field = "io_write" },
	{ "MEMORYMAX", 6, RIGHT, NUMBER, "MemoryMax= of the account, all its sessions together", .cell = cell_memory_max },
	{ "TASKSMAX", 5, RIGHT, NUMBER, "TasksMax= of the account", .cell = cell_tasks_max },
	{ "CPUQUOTA", 5, RIGHT, NUMBER, "CPUQuota= of the account, percent of one CPU", .cell = cell_cpu_quota },
	{ "%CPU", 5, RIGHT, NUMBER, "of one CPU, now (top)", .cell = cell_cpu },
};
/* clang-format on */

const size_t nsctl_n_columns = sizeof(nsctl_columns) / sizeof(nsctl_columns[0]);
_Static_assert(sizeof(nsctl_columns) / sizeof(nsctl_columns[0]) <= NSCTL_COLUMNS_MAX,
	"more columns than NSCTL_COLUMNS_MAX");

static void table_cleanup(struct libscols_table **t)
{
	scols_unref_table(*t);
}

static const struct nsctl_column *column_find(const char *name, size_t len)
{
	for (size_t i = 0; i < nsctl_n_columns; i++)
		if (strlen(nsctl_columns[i].name) == len &&
			strncasecmp(nsctl_columns[i].name, name, len) == 0)
			return &nsctl_columns[i];
	return NULL;
}

int nsctl_columns_parse(const char *list, const struct nsctl_column **ret, struct err *e)
{
	size_t n = 0;

	for (const char *s = list;; s++) {
		size_t len = strcspn(s, ",");
		const struct nsctl_column *c = column_find(s, len);

		if (!c)
			return err_set(e, 0, "there is no column \"%.*s\" (see --help)",
				len > 64 ? 64 : (int)len, s);
		if (n == NSCTL_COLUMNS_MAX)
			return err_set(e, 0, "more than %d columns", NSCTL_COLUMNS_MAX);
		ret[n++] = c;
		s += len;
		if (!*s)
			return (int)n;
	}
}

void nsctl_columns_help(void)
{
	(void)puts("\ncolumns:");
	for (size_t i = 0; i < nsctl_n_columns; i++)
		(void)printf(
			"  %-11s %s\n", nsctl_columns[i].name, nsctl_columns[i].what);
}

static int row_add(struct libscols_table *t, const struct nsctl_column *const *shown,
	size_t n, const struct nsctl_session *s, enum nsctl_numbers numbers)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	char cell[CELL_MAX];

	if (!line)
		return -1;
	for (size_t i = 0; i < n; i++) {
		cell[0] = '\0';
		if (shown[i]->cell)
			shown[i]->cell(s, numbers, cell, sizeof(cell));
		else
			field_cell(shown[i]->field, s, numbers, cell, sizeof(cell));
		if (cell[0] && scols_line_set_data(line, i, cell) < 0)
			return -1;
	}
	return 0;
}

static int table_fill(struct libscols_table *t, const struct nsctl_column *const *shown,
	size_t n, const struct nsctl_session *s, size_t n_sessions,
	enum nsctl_numbers numbers)
{
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *c = scols_table_new_column(
			t, shown[i]->name, shown[i]->width, shown[i]->flags);

		if (!c || scols_column_set_json_type(c, shown[i]->json) < 0)
			return -1;
	}
	for (size_t i = 0; i < n_sessions; i++)
		if (row_add(t, shown, n, &s[i], numbers) < 0)
			return -1;
	return 0;
}

int nsctl_table_print(const struct nsctl_look *look, const struct nsctl_session *s,
	size_t n, struct err *e)
{
	_cleanup_(table_cleanup) struct libscols_table *t = NULL;
	const struct nsctl_column *shown[NSCTL_COLUMNS_MAX];
	enum nsctl_numbers numbers =
		look->json || look->bytes ? NSCTL_PLAIN : NSCTL_HUMAN;
	int n_shown = nsctl_columns_parse(look->columns, shown, e);

	if (n_shown < 0)
		return -1;
	scols_init_debug(0);
	t = scols_new_table();
	if (!t || scols_table_enable_json(t, look->json) < 0 ||
		scols_table_enable_raw(t, look->raw) < 0 ||
		scols_table_enable_noheadings(t, look->noheadings) < 0 ||
		scols_table_set_name(t, "sessions") < 0 ||
		table_fill(t, shown, (size_t)n_shown, s, n, numbers) < 0)
		return err_set(e, ENOMEM, "make the table");
	/* libsmartcols prints nothing at all for no rows. */
	if (n == 0 && look->json)
		(void)puts("{\n   \"sessions\": []\n}");
	else if (scols_print_table(t) < 0)
		return err_set(e, 0, "print the table");
	return 0;
}
