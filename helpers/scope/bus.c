/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/scope/bus.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/compat.h"
#include "helpers/scope/property.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

/*
 * systemd's own socket, as systemctl uses it for root: a login needs no dbus-daemon, and pays
 * for no second hop.
 */
#define PRIVATE    "unix:path=/run/systemd/private"

#define NAME       "org.freedesktop.systemd1"
#define PATH       "/org/freedesktop/systemd1"
#define MANAGER    NAME ".Manager"
#define EXISTS     NAME ".UnitExists"

#define RETRY_USEC 10000
#define STOP_USEC  UINT64_C(30000000) /* TimeoutStopSec=: a session ends in 15 s at most */

struct bus {
	sd_bus *bus;
	bool refused;   /* nobody listens at systemd's socket just now */
	uint64_t until; /* clock_usec() */
	char *job;      /* its path, while it is awaited */
	char result[32];
};

static void bus_close(struct bus *b)
{
	free(b->job);
	sd_bus_flush_close_unref(b->bus);
}

static void message_unref(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}
#define _cleanup_bus_     _cleanup_(bus_close)
#define _cleanup_message_ _cleanup_(message_unref)
#define _cleanup_error_   _cleanup_(sd_bus_error_free)

static uint64_t left_usec(const struct bus *b)
{
	uint64_t now = clock_usec();

	return now < b->until ? b->until - now : 1;
}

/* ---- the connection ------------------------------------------------------------------------ */

static int connect_bus(struct bus *b)
{
	int r = sd_bus_new(&b->bus);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(b->bus, left_usec(b));
	if (r >= 0)
		r = sd_bus_set_address(b->bus, PRIVATE);
	if (r >= 0)
		r = sd_bus_start(b->bus);
	if (r < 0)
		b->bus = sd_bus_unref(b->bus);
	return r;
}

/* What connect(2) answers before systemd's socket has a name, is listened at, or has room. */
static bool is_not_up(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE ||
	       r == -EAGAIN;
}

static int bus_open(struct bus *b, uint64_t until, struct err *e)
{
	int r;

	*b = (struct bus){ .until = until };
	r = connect_bus(b);
	b->refused = is_not_up(r);
	return r < 0 ? err_set(e, -r, "connect to systemd") : 0;
}

static bool is_cut_off(const struct bus *b)
{
	return b->refused || (b->bus && sd_bus_is_open(b->bus) <= 0);
}

/*
 * systemd lets go of its connections, and doesn't listen for a moment, when it executes itself anew
 * (systemctl daemon-reexec, an upgrade of it): @ask asks again, whatever came of it before.
 */
static int ask_systemd(int (*ask)(struct bus *, const void *what, struct err *),
	const void *what, struct err *e)
{
	const uint64_t until = clock_usec() + SCOPE_PATIENCE_S * UINT64_C(1000000);

	for (;;) {
		_cleanup_bus_ struct bus b;
		int r = bus_open(&b, until, e);

		if (r == 0)
			r = ask(&b, what, e);
		if (r == 0 || !is_cut_off(&b) || clock_usec() >= until)
			return r;
		clock_pause(RETRY_USEC);
	}
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ignored)
{
	struct bus *b = userdata;
	const char *path, *unit, *result;
	uint32_t id;

	(void)ignored;
	if (b->job && sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
		strcmp(path, b->job) == 0)
		(void)snprintf(b->result, sizeof(b->result), "%s", result);
	return 0;
}

static int await_job(struct bus *b, const char *unit, struct err *e)
{
	while (b->result[0] == '\0') {
		int r = sd_bus_process(b->bus, NULL);

		if (r == 0)
			r = sd_bus_wait(b->bus, left_usec(b));
		if (r < 0)
			return err_set(e, -r, "wait for %s", unit);
		if (clock_usec() >= b->until)
			return err_set(e, ETIMEDOUT, "systemd didn't start %s", unit);
	}
	return strcmp(b->result, "done") == 0
		       ? 0
		       : err_set(e, 0,
				 "systemd didn't start %s: %s (see journalctl -u %s)",
				 unit, b->result, unit);
}

/* ---- properties ---------------------------------------------------------------------------- */

static bool limits_tasks(const struct scope_request *q)
{
	for (size_t i = 0; i < q->n_limits; i++)
		if (strncmp(q->limits[i], "TasksMax=", 9) == 0)
			return true;
	return false;
}

static int append_scope(sd_bus_message *m, const struct scope_request *q)
{
	int r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
		q->description, "Slice", "s", q->slice, "PIDs", "au", 1, (uint32_t)q->pid,
		"CollectMode", "s", "inactive-or-failed", "TimeoutStopUSec", "t",
		STOP_USEC, "Documentation", "as", 1, "man:nsshell.conf(5)");

	/* By name, since Delegate=yes leaves out what only v1 has. */
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "DelegateControllers", "as", 8,
			"cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices",
			"pids");
	/* At shutdown, sessions end while homes, network and name services are still there. */
	if (r >= 0)
		r = sd_bus_message_append(
			m, "(sv)", "After", "as", 1, "systemd-user-sessions.service");
	/* Else systemd's DefaultTasksMax= would be a limit that nobody asked for. */
	if (r >= 0 && !limits_tasks(q))
		r = sd_bus_message_append(m, "(sv)", "TasksMax", "t", UINT64_MAX);
	return r;
}

static int new_call(
	struct bus *b, const char *method, sd_bus_message **ret, struct err *e)
{
	int r = sd_bus_message_new_method_call(b->bus, ret, NAME, PATH, MANAGER, method);

	return r < 0 ? err_set(e, -r, "ask systemd") : 0;
}

static int set_properties(struct bus *b, const char *unit, char *const *limits, size_t n,
	bool all, struct err *e)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	if (new_call(b, "SetUnitProperties", &m, e) < 0)
		return -1;
	r = sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0 && (scope_properties_append(m, limits, n, e) < 0 ||
			      (all && scope_properties_reset(m, limits, n, e) < 0)))
		return -1;
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_call(b->bus, m, left_usec(b), &error, NULL);
	return r < 0 ? err_set(e, 0, "set limits of %s: %s", unit,
			       error.message ? error.message : strerrordesc_np(-r))
		     : 0;
}

/* ---- the scope ----------------------------------------------------------------------------- */

static int start_message(
	struct bus *b, const struct scope_request *q, sd_bus_message **ret, struct err *e)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r;

	if (new_call(b, "StartTransientUnit", &m, e) < 0)
		return -1;
	r = sd_bus_message_append(m, "ss", q->unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_scope(m, q);
	if (r >= 0 && scope_properties_append(m, q->limits, q->n_limits, e) < 0)
		return -1;
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return err_set(e, -r, "describe %s", q->unit);
	*ret = sd_bus_message_ref(m);
	return 0;
}

/* Return: 0; 1 when there is a unit of that name already; -1 with @e. */
static int start(struct bus *b, const struct scope_request *q, struct err *e)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
	const char *job;
	int r;

	if (start_message(b, q, &m, e) < 0)
		return -1;
	r = sd_bus_call(b->bus, m, left_usec(b), &error, &reply);
	if (sd_bus_error_has_name(&error, EXISTS))
		return 1;
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r < 0)
		return err_set(e, 0, "start %s: %s", q->unit,
			error.message ? error.message : strerrordesc_np(-r));
	b->job = strdup(job);
	if (!b->job)
		return err_set(e, ENOMEM, "start %s", q->unit);
	return await_job(b, q->unit, e);
}

static bool is_active(struct bus *b, const char *unit)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_free_ char *state = NULL;
	const char *path;

	if (sd_bus_call_method(b->bus, NAME, PATH, MANAGER, "GetUnit", NULL, &reply, "s",
		    unit) < 0 ||
		sd_bus_message_read(reply, "o", &path) < 0 ||
		sd_bus_get_property_string(b->bus, NAME, path, NAME ".Unit",
			"ActiveState", NULL, &state) < 0)
		return false;
	return strcmp(state, "active") == 0;
}

/*
 * systemd moves the process itself, so that it knows that the scope isn't empty. Return: whether
 * it did: the sub-group is there once a session was, and then takes processes alone.
 */
static bool attach(struct bus *b, const struct scope_request *q)
{
	static const char *const places[] = { "/supervise", "" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (sd_bus_call_method(b->bus, NAME, PATH, MANAGER,
			    "AttachProcessesToUnit", NULL, NULL, "ssau", q->unit,
			    places[i], 1, (uint32_t)q->pid) >= 0)
			return true;
	return false;
}

static int start_or_attach(struct bus *b, const struct scope_request *q, struct err *e)
{
	while (clock_usec() < b->until) {
		int r = start(b, q, e);

		if (r <= 0)
			return r;
		if (is_active(b, q->unit) && attach(b, q))
			return set_properties(
				b, q->unit, q->limits, q->n_limits, true, e);
		clock_pause(RETRY_USEC);
	}
	return err_set(e, 0, "an older %s is still being stopped", q->unit);
}

static int start_scope(struct bus *b, const void *request, struct err *e)
{
	const struct scope_request *q = request;
	int r;

	if (q->slice_limits && set_properties(b, q->slice, q->slice_limits,
				       q->n_slice_limits, true, e) < 0)
		return -1;
	r = sd_bus_match_signal(
		b->bus, NULL, NULL, PATH, MANAGER, "JobRemoved", on_job_removed, b);
	if (r < 0)
		return err_set(e, -r, "listen to systemd");
	return start_or_attach(b, q, e);
}

int scope_bus_start(const struct scope_request *q, struct err *e)
{
	return ask_systemd(start_scope, q, e);
}

struct limits {
	const char *unit;
	char *const *v;
	size_t n;
};

static int set_limits(struct bus *b, const void *what, struct err *e)
{
	const struct limits *l = what;

	return set_properties(b, l->unit, l->v, l->n, false, e);
}

int scope_bus_set(const char *unit, char *const *limits, size_t n, struct err *e)
{
	const struct limits l = { unit, limits, n };

	return ask_systemd(set_limits, &l, e);
}
