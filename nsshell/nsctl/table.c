/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as a table: the columns. */
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"

#include <inttypes.h>
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

#define TEXT(name, width, what)   .head = { name, false, false, width, what }
#define NUMBER(name, width, what) .head = { name, true, false, width, what }

/* clang-format off */
static const struct nsctl_column columns[] = {
	{ TEXT("ID", PLAN_ID_LEN, "the session's id"), .cell = cell_id },
	{ TEXT("USER", 8, "account"), .cell = cell_user },
	{ .head = { "FROM", false, true, 0.2, "remote host" }, .cell = cell_from },
	{ TEXT("SERVICE", 7, "PAM service"), .cell = cell_service },
	{ TEXT("SINCE", 25, "when it was opened"), .cell = cell_since },
	{ TEXT("TTY", 5, "the login's terminal on the host"), .cell = cell_tty },
	{ NUMBER("PROCESSES", 5, "processes in it"), .cell = cell_processes },
	{ NUMBER("MEMORY", 6, "memory that it uses, caches included"), .field = "memory" },
	{ NUMBER("CPU", 7, "CPU time that it has used"), .field = "cpu_usec" },
	{ TEXT("STATE", 8, "opening, open, paused, lingering, closing, crashed, unknown"), .cell = cell_state },
	{ TEXT("OUTDATED", 5, "why to log in anew: the host has replaced files that it runs on, other rules (list)"), .cell = cell_outdated },
	{ NUMBER("LEASES", 2, "logins in it"), .cell = cell_leases },
	{ NUMBER("UID", 5, "the account's uid"), .cell = cell_uid },
	{ NUMBER("INIT", 5, "pid of its init on the host"), .cell = cell_init },
	{ NUMBER("SUPERVISOR", 5, "pid of its supervisor"), .cell = cell_supervisor },
	{ TEXT("NETWORK", 7, "host, none, private, netns:NAME, user:NAME"), .cell = cell_network },
	{ TEXT("ADDRESS", 10, "its own, with Network=private"), .cell = cell_address },
	{ TEXT("IMAGE", 12, "the image that it is over, with RootFS=image:"), .cell = cell_image },
	{ TEXT("ROOT", 3, "whether its user may be root of it, with Root=yes"), .cell = cell_root },
	{ TEXT("CHANGED", 8, "what lies below what it wrote with Upper=disk has changed: what became of that"), .cell = cell_changed },
	{ NUMBER("NETIN", 6, "received by the account's network, with Network=private"), .field = "net_in" },
	{ NUMBER("NETOUT", 6, "sent by it"), .field = "net_out" },
	{ NUMBER("REFUSED", 5, "packets of its that were refused"), .field = "net_refused" },
	{ TEXT("CGROUP", 0.2, "its control group"), .cell = cell_cgroup },
	{ NUMBER("PEAK", 6, "most memory that it has used"), .field = "memory_peak" },
	{ NUMBER("TASKS", 5, "processes and threads in it"), .field = "tasks" },
	{ NUMBER("READ", 6, "read from disks, where the kernel counts it"), .field = "io_read" },
	{ NUMBER("WRITTEN", 6, "written to disks, where the kernel counts it"), .field = "io_write" },
	{ NUMBER("MEMORYMAX", 6, "MemoryMax= of the account, all its sessions together"), .cell = cell_memory_max },
	{ NUMBER("TASKSMAX", 5, "TasksMax= of the account"), .cell = cell_tasks_max },
	{ NUMBER("CPUQUOTA", 5, "CPUQuota= of the account, percent of one CPU"), .cell = cell_cpu_quota },
	{ NUMBER("%CPU", 5, "of one CPU, now (top)"), .cell = cell_cpu },
};
/* clang-format on */

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

int nsctl_columns_parse(const char *list, const struct nsctl_column **ret, struct err *e)
{
	size_t at[TABLE_CHOSEN_MAX];
	int n = table_choose(list, &columns->head, sizeof(*columns), N_COLUMNS, at, e);

	for (int i = 0; i < n; i++)
		ret[i] = &columns[at[i]];
	return n;
}

void nsctl_columns_help(void)
{
	table_help(&columns->head, sizeof(*columns), N_COLUMNS);
}

static int row_add(struct table *t, const struct nsctl_column *const *shown, size_t n,
	const struct nsctl_session *s, enum nsctl_numbers numbers, struct err *e)
{
	char cell[CELL_MAX];
	int r = table_line(t, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		cell[0] = '\0';
		if (shown[i]->cell)
			shown[i]->cell(s, numbers, cell, sizeof(cell));
		else
			field_cell(shown[i]->field, s, numbers, cell, sizeof(cell));
		r = table_cell(t, i, cell, e);
	}
	return r;
}

int nsctl_table_print(const struct nsctl_look *look, const struct nsctl_session *s,
	size_t n, struct err *e)
{
	const struct nsctl_column *shown[TABLE_CHOSEN_MAX];
	_cleanup_(table_free) struct table *t = NULL;
	struct table_column heads[TABLE_CHOSEN_MAX];
	enum nsctl_numbers numbers =
		look->how.json || look->how.bytes ? NSCTL_PLAIN : NSCTL_HUMAN;
	int n_shown = nsctl_columns_parse(look->columns, shown, e);

	for (int i = 0; i < n_shown; i++)
		heads[i] = shown[i]->head;
	if (n_shown >= 0)
		t = table_new("sessions", &look->how, heads, (size_t)n_shown, e);
	if (!t)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (row_add(t, shown, (size_t)n_shown, &s[i], numbers, e) < 0)
			return -1;
	return table_print(t, e);
}
