/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl metrics: numbers for Prometheus, by account; in its text format or as OpenMetrics. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct account_row {
	const char *user;
	struct usage usage;
	struct usage hits; /* limits that its sessions have hit */
	size_t sessions;
};

struct metrics {
	FILE *out;
	bool open; /* OpenMetrics */
	struct account_row *rows;
	size_t n;
};

/* ---- writing ------------------------------------------------------------------------ */

/* A family's head. A counter's name has "_total" at its end, which OpenMetrics leaves out here. */
static void head(const struct metrics *m, const char *name, const char *help)
{
	static const char end[] = "_total";
	size_t len = strlen(name), cut = strlen(end);
	bool counter = len > cut && strcmp(name + len - cut, end) == 0;
	int shown = (int)(counter && m->open ? len - cut : len);

	(void)fprintf(m->out, "# HELP nsshell_%.*s %s\n# TYPE nsshell_%.*s %s\n", shown,
		name, help, shown, name, counter ? "counter" : "gauge");
}

/* A label's value: \, " and line breaks are written with a \ before. */
static void label(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			(void)fputc('\\', out);
		if (*value == '\n')
			(void)fputs("\\n", out);
		else
			(void)fputc(*value, out);
	}
}

static void value(FILE *out, uint64_t n, enum nsctl_unit unit)
{
	if (n == PARSE_INFINITY)
		(void)fputs("+Inf\n", out);
	else if (unit == NSCTL_USEC)
		(void)fprintf(
			out, "%" PRIu64 ".%06" PRIu64 "\n", n / 1000000, n % 1000000);
	else if (unit == NSCTL_PERCENT)
		(void)fprintf(out, "%" PRIu64 ".%02" PRIu64 "\n", n / 100, n % 100);
	else
		(void)fprintf(out, "%" PRIu64 "\n", n);
}

/* ---- the families ------------------------------------------------------------------- */

static void write_family(const struct metrics *m, const struct nsctl_field *f)
{
	bool begun = false;

	for (size_t k = 0; k < m->n; k++) {
		uint64_t n = nsctl_field(f, &m->rows[k].usage);

		if (n == USAGE_UNKNOWN)
			continue;
		if (!begun)
			head(m, f->metric, f->help);
		begun = true;
		(void)fprintf(m->out, "nsshell_%s{user=\"", f->metric);
		label(m->out, m->rows[k].user);
		(void)fputs("\"} ", m->out);
		value(m->out, n, f->unit);
	}
}

static void write_limit(const struct metrics *m, const struct limit *l)
{
	bool quota = l->kind == LIMIT_QUOTA;
	char help[64];
	const struct nsctl_field field = { l->key,
		offsetof(struct usage, limits[l - limits]),
		quota ? NSCTL_PERCENT : NSCTL_COUNT, l->metric, help };

	(void)snprintf(help, sizeof(help), "%s= of an account%s.", l->key,
		quota ? ", in CPUs" : "");
	write_family(m, &field);
}

static void write_accounts(const struct metrics *m)
{
	for (const struct nsctl_field *f = nsctl_fields; f->name; f++)
		if (f->metric)
			write_family(m, f);
	for (const struct limit *l = limits; l < limits + LIMITS; l++)
		if (l->metric)
			write_limit(m, l);
}

static void write_counts(const struct metrics *m)
{
	if (m->n == 0)
		return;
	head(m, "account_sessions", "Sessions of an account.");
	for (size_t k = 0; k < m->n; k++) {
		(void)fputs("nsshell_account_sessions{user=\"", m->out);
		label(m->out, m->rows[k].user);
		(void)fprintf(m->out, "\"} %zu\n", m->rows[k].sessions);
	}
}

static void write_states(
	const struct metrics *m, const struct nsctl_session *s, size_t n, size_t bad)
{
	static const char *const states[] = { "opening", "open", "paused", "lingering",
		"closing", "crashed", "unknown" };

	head(m, "sessions", "Sessions by state.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		size_t found = 0;

		for (size_t k = 0; k < n; k++)
			found += strcmp(s[k].state, states[i]) == 0;
		(void)fprintf(
			m->out, "nsshell_sessions{state=\"%s\"} %zu\n", states[i], found);
	}
	head(m, "unreadable_records", "Records of sessions that can't be read.");
	(void)fprintf(m->out, "nsshell_unreadable_records %zu\n", bad);
	head(m, "build_info", "The version of nsshell.");
	(void)fprintf(m->out, "nsshell_build_info{version=\"%s\"} 1\n", VERSION);
}

/* ---- gathering ---------------------------------------------------------------------- */

static void row_begin(
	struct account_row *row, const struct record *r, enum plan_cgroup_kind kind)
{
	const char *end = strrchr(r->cgroup, '/');
	char account[sizeof(r->cgroup)];

	row->user = r->user;
	usage_clear(&row->usage);
	usage_clear(&row->hits);
	if (!end)
		return;
	(void)snprintf(
		account, sizeof(account), "%.*s", (int)(end - r->cgroup), r->cgroup);
	usage_read(kind, account, &row->usage);
}

static int rows_gather(struct metrics *m, const struct nsctl_session *s, size_t n)
{
	enum plan_cgroup_kind kind = cgroup_kind();

	m->rows = calloc(n + 1, sizeof(*m->rows));
	for (size_t i = 0; m->rows && i < n; i++) {
		size_t k = 0;

		while (k < m->n && m->rows[k].user &&
			strcmp(m->rows[k].user, s[i].record.user) != 0)
			k++;
		if (k == m->n)
			row_begin(&m->rows[m->n++], &s[i].record, kind);
		m->rows[k].sessions++;
		usage_add_hits(&m->rows[k].hits, &s[i].usage);
		usage_network(&m->rows[k].usage, &s[i].usage);
	}
	for (size_t k = 0; k < m->n; k++)
		usage_hits(&m->rows[k].usage, &m->rows[k].hits);
	return m->rows ? 0 : -1;
}

static int metrics_write(struct metrics *m, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n, bad;

	if (nsctl_sessions(NSCTL_REFUSE, &sessions, &n, &bad, e) < 0)
		return -1;
	nsctl_network_look(sessions, n);
	if (rows_gather(m, sessions, n) < 0)
		return err_set(e, ENOMEM, "gather the metrics");
	write_states(m, sessions, n, bad);
	write_counts(m);
	write_accounts(m);
	free(m->rows);
	if (m->open)
		(void)fputs("# EOF\n", m->out);
	return fflush(m->out) != 0 || ferror(m->out)
		       ? err_set(e, errno, "write the metrics")
		       : 0;
}

/* The collector reads at any moment: it must find the old file or the new one, whole. */
static int metrics_replace(struct metrics *m, const char *path, struct err *e)
{
	char new[PATH_MAX];
	int fd, r;

	/* The collector takes what ends in ".prom". */
	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return err_set(e, ENAMETOOLONG, "write %s", path);
	(void)unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	m->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!m->out)
		return err_set(e, errno, "write %s", new);
	(void)fchmod(fd, 0644);
	r = metrics_write(m, e);
	if (fclose(m->out) != 0 && r == 0)
		r = err_set(e, errno, "write %s", new);
	if (r == 0 && rename(new, path) < 0)
		r = err_set(e, errno, "replace %s", path);
	if (r < 0)
		(void)unlink(new);
	return r;
}

int nsctl_metrics(int argc, char **argv)
{
	struct metrics m = { .out = stdout };
	const char *path = NULL;
	const struct nsctl_option options[] = {
		{ 'o', "output", "FILE", "replace this file in one step", NULL, &path },
		{ 0, "openmetrics", NULL, "OpenMetrics 1.0, not Prometheus' text format",
			&m.open, NULL },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	r = path ? metrics_replace(&m, path, &e) : metrics_write(&m, &e);
	if (r < 0)
		return nsctl_failed(argv[0], &e);
	return NSCTL_OK;
}
