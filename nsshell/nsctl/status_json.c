/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as JSON: sizes in bytes, times in microseconds; what isn't known is left out. */
#include "nsshell/nsctl/status.h"

#include "core/plan/limits.h"

#include <errno.h>
#include <jansson.h>

/* NULL leaves the member out: put() */
static json_t *number(uint64_t n)
{
	if (n == USAGE_UNKNOWN)
		return NULL;
	return n == PARSE_INFINITY ? json_string("infinity")
				   : json_integer((json_int_t)n);
}

static void put(json_t *object, const char *name, json_t *value)
{
	if (value)
		(void)json_object_set_new(object, name, value);
}

static json_t *usage_json(const struct usage *u)
{
	json_t *object = json_object();

	for (const struct nsctl_field *f = nsctl_fields; f->name; f++)
		put(object, f->name, number(nsctl_field(f, u)));
	return object;
}

static json_t *disks_json(const struct usage_more *u, size_t kind)
{
	json_t *object = NULL;

	for (size_t i = 0; i < u->n_disks; i++) {
		if (u->disks[i].max[kind] == PARSE_INFINITY)
			continue;
		if (!object)
			object = json_object();
		(void)json_object_set_new(
			object, u->disks[i].device, number(u->disks[i].max[kind]));
	}
	return object;
}

static json_t *limits_json(const struct usage *u, const struct usage_more *more)
{
	json_t *object = json_object();

	for (size_t i = 0; i < LIMITS; i++) {
		json_t *value = number(u->limits[i]);

		if (limits[i].kind == LIMIT_SPEED)
			value = disks_json(more, i - LIMIT_IO_READ_BPS);
		else if (limits[i].kind == LIMIT_CPUS && more->cpus[0])
			value = json_string(more->cpus);
		put(object, limits[i].key, value);
	}
	return object;
}

/* NULL without Slice=. */
static json_t *slice_json(const struct status *s)
{
	if (!s->slice[0])
		return NULL;
	return json_pack("{s:s, s:o, s:o}", "cgroup", s->slice, "usage",
		usage_json(&s->slice_usage), "limits",
		limits_json(&s->slice_usage, &s->slice_more));
}

static json_t *pressure_json(const struct status *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < STATUS_PRESSURES; i++) {
		const struct usage_pressure *p = &s->pressure[i].p;

		if (s->pressure[i].there)
			(void)json_object_set_new(all, s->pressure[i].what,
				json_pack("{s:f, s:f, s:f, s:I, s:f, s:f, s:f, s:I}",
					"some10", p->some10 / 100.0, "some60",
					p->some60 / 100.0, "some300", p->some300 / 100.0,
					"some_usec", (json_int_t)p->some_total, "full10",
					p->full10 / 100.0, "full60", p->full60 / 100.0,
					"full300", p->full300 / 100.0, "full_usec",
					(json_int_t)p->full_total));
	}
	return all;
}

static json_t *processes_json(const struct status *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct status_process *p = &s->processes[i];

		(void)json_array_append_new(array,
			json_pack("{s:i, s:i, s:i, s:I, s:I, s:s}", "pid", (int)p->pid,
				"parent", (int)p->parent, "inside", (int)p->inside, "uid",
				(json_int_t)p->uid, "memory", (json_int_t)p->memory,
				"command", p->command));
	}
	return array;
}

static json_t *mounts_json(const struct status *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->n_mounts; i++)
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "target", s->mounts[i].target,
				       "fstype", s->mounts[i].fstype, "options",
				       s->mounts[i].options));
	return array;
}

static json_t *events_json(const struct status *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->log.n; i++) {
		char when[64];

		nsctl_time(s->log.v[i].usec / 1000000, when, sizeof(when));
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "time", when, "event",
				       s->log.v[i].what, "text", s->log.v[i].text));
	}
	return array;
}

static json_t *answer(enum nsctl_answer a)
{
	return a == NSCTL_UNKNOWN ? json_null() : json_boolean(a == NSCTL_YES);
}

static json_t *outdated_json(const struct nsctl_outdated *o)
{
	json_t *object = json_pack(
		"{s:o, s:o}", "files", answer(o->files), "rules", answer(o->rules));

	if (o->pid > 0 &&
		(json_object_set_new(object, "process", json_integer(o->pid)) < 0 ||
			json_object_set_new(object, "file", json_string(o->file)) < 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *session_json(const struct status *s)
{
	const struct record *r = &s->session->record;
	const struct record_namespaces *ns = &r->ns;
	bool known = r->state != RECORD_UNKNOWN;
	char since[64];

	nsctl_time(r->since, since, sizeof(since));
	return json_pack(
		"{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s,"
		" s:s, s:o, s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I},"
		" s:o, s:o, s:o, s:o, s:o*, s:o, s:o, s:o, s:o}",
		"id", r->id, "user", r->user, "uid",
		r->uid == (uid_t)-1 ? json_null() : json_integer(r->uid), "service",
		r->service, "from", r->rhost, "tty", r->tty, "since", since, "state",
		s->session->state, "leases", (int)r->leases, "init", (int)r->init.pid,
		"supervisor", (int)r->supervisor.pid, "login", (int)r->caller.pid,
		"cgroup", r->cgroup, "network", r->network[0] ? r->network : "host",
		"image", r->image, "root",
		known ? json_boolean(!r->no_new_privs) : json_null(), "changed",
		r->changed, "namespaces", "user", (json_int_t)ns->user, "pid",
		(json_int_t)ns->pid, "mnt", (json_int_t)ns->mnt, "uts",
		(json_int_t)ns->uts, "ipc", (json_int_t)ns->ipc, "cgroup",
		(json_int_t)ns->cgroup, "net", (json_int_t)ns->net, "outdated",
		outdated_json(&s->session->outdated), "usage",
		usage_json(&s->session->usage), "account_usage", usage_json(&s->account),
		"limits", limits_json(&s->account, &s->account_more), "slice",
		slice_json(s), "pressure", pressure_json(s), "processes",
		processes_json(s), "mounts", mounts_json(s), "events", events_json(s));
}

int status_json(const struct status *const *all, size_t n, FILE *out, struct err *e)
{
	json_t *array = json_array(), *object = json_pack("{s:o}", "sessions", array);
	int r = object ? 0 : -1;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = json_array_append_new(array, session_json(all[i]));
	if (r == 0)
		r = json_dumpf(object, out, JSON_INDENT(2));
	if (r == 0)
		(void)fputc('\n', out);
	json_decref(object);
	return r < 0 ? err_set(e, ENOMEM, "make the JSON") : 0;
}
