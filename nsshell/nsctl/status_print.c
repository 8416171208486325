/* SPDX-License-Identifier: BSD-3-Clause */
/* A session in words. */
#include "nsshell/nsctl/status.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <string.h>

static void table_cleanup(struct libscols_table **t)
{
	scols_unref_table(*t);
}

/* ---- who and what ------------------------------------------------------------------- */

static void print_process(const char *label, const struct record_process *p)
{
	if (p->pid > 0)
		(void)printf("%12s: %d\n", label, (int)p->pid);
}

static void print_outdated(const struct nsctl_outdated *o)
{
	if (o->files == NSCTL_YES)
		(void)printf(
			"%12s: process %d runs on %s, which the host has replaced: log in "
			"anew\n",
			"Outdated", (int)o->pid, o->file);
	if (o->rules == NSCTL_YES)
		(void)printf(
			"%12s: a login would get other rules now, or other file systems\n",
			"Outdated");
}

/* Of what can't be understood nothing is said that may not be so. */
static void print_unknown(const struct record *r)
{
	(void)printf(
		"session %s of %s\n%12s: unknown: of another version of nsshell, or with a "
		"damaged record; nsctl stop %s ends it\n",
		r->id, r->user, "State", r->id);
	print_process("Supervisor", &r->supervisor);
	print_process("Init", &r->init);
}

static void print_head(const struct status *s)
{
	const struct record *r = &s->session->record;
	const struct record_namespaces *ns = &r->ns;
	char since[64];

	if (r->state == RECORD_UNKNOWN) {
		print_unknown(r);
		return;
	}
	nsctl_time(r->since, since, sizeof(since));
	(void)printf("session %s of %s (uid %u)\n", r->id, r->user, r->uid);
	(void)printf("%12s: %s%s since %s\n", "State", s->session->state,
		strcmp(s->session->state, "open") == 0 ? "" : ", open", since);
	(void)printf("%12s: %s%s%s%s%s, %u login%s in it\n", "Login", r->service,
		r->rhost[0] ? " from " : "", r->rhost, r->tty[0] ? " on " : "", r->tty,
		r->leases, r->leases == 1 ? "" : "s");
	print_process("Init", &r->init);
	print_process("Supervisor", &r->supervisor);
	print_process("Login pid", &r->caller);
	(void)printf("%12s: user %" PRIu64 ", pid %" PRIu64 ", mnt %" PRIu64
		     ", uts %" PRIu64 ", ipc %" PRIu64,
		"Namespaces", ns->user, ns->pid, ns->mnt, ns->uts, ns->ipc);
	if (ns->cgroup)
		(void)printf(", cgroup %" PRIu64, ns->cgroup);
	if (ns->net)
		(void)printf(
			", net %" PRIu64 "\n%12s: %s", ns->net, "Network", r->network);
	if (r->image[0])
		(void)printf("\n%12s: %s", "Image", r->image);
	if (!r->no_new_privs)
		(void)printf("\n%12s: %s", "Root", "its user may be root of it");
	if (r->changed[0])
		(void)printf("\n%12s: %s%s", "Upper", r->changed,
			": it has changed beneath what the account wrote (nsctl diff)");
	(void)printf("\n%12s: %s\n", "Cgroup", r->cgroup[0] ? r->cgroup : "none");
	print_outdated(&s->session->outdated);
}

/* ---- tables ------------------------------------------------------------------------- */

static struct libscols_table *table(const char *const *names, const int *flags, size_t n)
{
	struct libscols_table *t = scols_new_table();

	for (size_t i = 0; t && i < n; i++)
		if (!scols_table_new_column(t, names[i], 0.1, flags[i])) {
			scols_unref_table(t);
			return NULL;
		}
	return t;
}

/* Ids of the box: the account's is the same outside, and init's is its root. */
static const char *person(
	const struct status *s, const struct status_process *p, char *buf, size_t size)
{
	if (p->uid == s->session->record.uid)
		return s->session->record.user;
	for (size_t i = 0; i < s->n_processes; i++)
		if (s->processes[i].inside == 1 && s->processes[i].uid == p->uid)
			return "(root)";
	(void)snprintf(buf, size, "%u", p->uid);
	return buf;
}

static int row(struct libscols_table *t, const struct status *s,
	const struct status_process *p, struct libscols_line *parent,
	struct libscols_line **ret)
{
	struct libscols_line *line = scols_table_new_line(t, parent);
	char pid[16], inside[16] = "", uid[32], memory[32];
	const char *cells[5] = { pid, inside, person(s, p, uid, sizeof(uid)), memory,
		p->command };

	(void)snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	if (p->inside > 0)
		(void)snprintf(inside, sizeof(inside), "%d", (int)p->inside);
	nsctl_bytes(p->memory, NSCTL_HUMAN, memory, sizeof(memory));
	for (size_t i = 0; line && i < 5; i++)
		if (scols_line_set_data(line, i, cells[i]) < 0)
			return -1;
	*ret = line;
	return line ? 0 : -1;
}

/* Index of each process' parent; n_processes where that is none of the session's. */
static void parents_find(const struct status *s, size_t *parent)
{
	for (size_t i = 0; i < s->n_processes; i++) {
		size_t k = 0;

		while (k < s->n_processes &&
			s->processes[k].pid != s->processes[i].parent)
			k++;
		parent[i] = k;
	}
}

/* A line for each process once its parent has one; no recursion: a user chooses how deep. */
static int tree_fill(struct libscols_table *t, const struct status *s)
{
	_cleanup_free_ struct libscols_line **lines =
		calloc(s->n_processes + 1, sizeof(struct libscols_line *));
	_cleanup_free_ size_t *parent = calloc(s->n_processes + 1, sizeof(*parent));
	size_t before, done = 0;

	if (!lines || !parent)
		return -1;
	parents_find(s, parent);
	do {
		before = done;
		for (size_t i = 0; i < s->n_processes; i++) {
			if (lines[i] || (parent[i] < s->n_processes && !lines[parent[i]]))
				continue;
			/* lines[n_processes] is NULL: no parent */
			if (row(t, s, &s->processes[i], lines[parent[i]], &lines[i]) < 0)
				return -1;
			done++;
		}
	} while (done > before);
	return 0;
}

static int print_processes(const struct status *s, struct err *e)
{
	static const char *const names[] = { "PID", "INSIDE", "USER", "MEMORY",
		"COMMAND" };
	static const int flags[] = { SCOLS_FL_RIGHT, SCOLS_FL_RIGHT, 0, SCOLS_FL_RIGHT,
		SCOLS_FL_TREE | SCOLS_FL_TRUNC };
	_cleanup_(table_cleanup) struct libscols_table *t = NULL;

	if (s->n_processes == 0)
		return 0;
	t = table(names, flags, 5);
	if (!t || tree_fill(t, s) < 0)
		return err_set(e, ENOMEM, "make the table of processes");
	(void)printf("\nprocesses:\n");
	return scols_print_table(t) < 0 ? err_set(e, 0, "print the processes") : 0;
}

static int print_mounts(const struct status *s, struct err *e)
{
	static const char *const names[] = { "TARGET", "FSTYPE", "OPTIONS" };
	static const int flags[] = { 0, 0, SCOLS_FL_TRUNC };
	_cleanup_(table_cleanup) struct libscols_table *t = NULL;

	t = table(names, flags, 3);
	for (size_t i = 0; t && i < s->n_mounts; i++) {
		struct libscols_line *line = scols_table_new_line(t, NULL);

		if (!line || scols_line_set_data(line, 0, s->mounts[i].target) < 0 ||
			scols_line_set_data(line, 1, s->mounts[i].fstype) < 0 ||
			scols_line_set_data(line, 2, s->mounts[i].options) < 0)
			return err_set(e, ENOMEM, "make the table of mounts");
	}
	if (!t)
		return err_set(e, ENOMEM, "make the table of mounts");
	(void)printf("\nmounts:\n");
	return scols_print_table(t) < 0 ? err_set(e, 0, "print the mounts") : 0;
}

int status_print(const struct status *s, bool mounts, struct err *e)
{
	scols_init_debug(0);
	print_head(s);
	status_print_usage(s);
	if (s->n_mounts > 0 && !mounts)
		(void)printf("%12s: %zu (--mounts shows them)\n", "Mounts", s->n_mounts);
	if (print_processes(s, e) < 0 ||
		(mounts && s->n_mounts > 0 && print_mounts(s, e) < 0))
		return -1;
	if (s->log.n > 0)
		(void)printf("\nevents:\n");
	for (size_t i = 0; i < s->log.n; i++) {
		char when[64];

		nsctl_time(s->log.v[i].usec / 1000000, when, sizeof(when));
		(void)printf("%s %-8s %s\n", when, s->log.v[i].what, s->log.v[i].text);
	}
	return 0;
}
