/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/record.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum field_type {
	FIELD_TEXT,
	FIELD_U64,
	FIELD_U32,
	FIELD_PID,
	FIELD_STATE,
	FIELD_BOOL,
};

/* One row a key: its name, its type and its place in struct record. */
static const struct field {
	const char *key;
	size_t offset, size;
	enum field_type type;
	bool optional; /* not there where it is 0 or "": older versions don't know it */
} fields[] = {
#define FIELD(key, type, member, optional)                                               \
	{                                                                                \
		key, offsetof(struct record, member),                                    \
			sizeof(((struct record *)0)->member), type, optional             \
	}
#define F(key, type, member) FIELD(key, type, member, false)
#define O(key, type, member) FIELD(key, type, member, true)
	F("id", FIELD_TEXT, id),
	F("user", FIELD_TEXT, user),
	F("uid", FIELD_U32, uid),
	F("service", FIELD_TEXT, service),
	F("rhost", FIELD_TEXT, rhost),
	F("tty", FIELD_TEXT, tty),
	F("since", FIELD_U64, since),
	F("state", FIELD_STATE, state),
	F("caller_pid", FIELD_PID, caller.pid),
	F("caller_start", FIELD_U64, caller.start),
	F("supervisor_pid", FIELD_PID, supervisor.pid),
	F("supervisor_start", FIELD_U64, supervisor.start),
	F("init_pid", FIELD_PID, init.pid),
	F("init_start", FIELD_U64, init.start),
	F("ns_user", FIELD_U64, ns.user),
	F("ns_pid", FIELD_U64, ns.pid),
	F("ns_mnt", FIELD_U64, ns.mnt),
	F("ns_uts", FIELD_U64, ns.uts),
	F("ns_ipc", FIELD_U64, ns.ipc),
	F("ns_cgroup", FIELD_U64, ns.cgroup),
	F("cgroup", FIELD_TEXT, cgroup),
	F("rootfs", FIELD_U64, rootfs),
	F("rules", FIELD_U64, rules),
	F("holder", FIELD_U64, holder),
	F("filter", FIELD_U64, filter),
	F("share", FIELD_BOOL, share),
	F("no_new_privs", FIELD_BOOL, no_new_privs),
	F("tmp", FIELD_U64, tmp),
	F("scoped", FIELD_BOOL, scoped),
	F("notify_join", FIELD_BOOL, notify_join),
	F("leases", FIELD_U32, leases),
	F("logged_in", FIELD_BOOL, logged_in),
	F("pids", FIELD_U32, pids),
	F("line", FIELD_TEXT, line),
	F("lent_path", FIELD_TEXT, lent.path),
	F("lent_rdev", FIELD_U64, lent.rdev),
	F("lent_uid", FIELD_U32, lent.uid),
	F("lent_gid", FIELD_U32, lent.gid),
	F("lent_mode", FIELD_U32, lent.mode),
	O("ns_net", FIELD_U64, ns.net),
	O("network", FIELD_TEXT, network),
	O("image", FIELD_TEXT, image),
	O("number", FIELD_U32, number),
#undef O
#undef F
#undef FIELD
};

static const char *const state_names[] = { "opening", "open", "lingering", "closing" };

const char *record_state_name(enum record_state s)
{
	return state_names[s];
}

/* ---- text --------------------------------------------------------------------------- */

/* Numbers and texts alike: nothing but zeros before the text's end. */
static bool is_empty(const struct field *f, const struct record *r)
{
	static const struct record nothing;
	const char *at = (const char *)r + f->offset;

	return f->type == FIELD_TEXT ? !*at : !memcmp(at, &nothing, f->size);
}

static void put_field(FILE *out, const struct field *f, const struct record *r)
{
	const void *at = (const char *)r + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		fprintf(out, "%s=%s\n", f->key, (const char *)at);
		break;
	case FIELD_U64:
		fprintf(out, "%s=%" PRIu64 "\n", f->key, *(const uint64_t *)at);
		break;
	case FIELD_U32:
		fprintf(out, "%s=%u\n", f->key, *(const uint32_t *)at);
		break;
	case FIELD_PID:
		fprintf(out, "%s=%d\n", f->key, *(const pid_t *)at);
		break;
	case FIELD_STATE:
		fprintf(out, "%s=%s\n", f->key,
			state_names[*(const enum record_state *)at]);
		break;
	case FIELD_BOOL:
		fprintf(out, "%s=%d\n", f->key, *(const bool *)at);
		break;
	}
}

static int take_state(const char *value, enum record_state *ret)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(*state_names); i++)
		if (strcmp(value, state_names[i]) == 0) {
			*ret = (enum record_state)i;
			return 0;
		}
	return -1;
}

static int take_field(const struct field *f, const char *value, struct record *r)
{
	void *at = (char *)r + f->offset;
	uint32_t u32;
	uint64_t u64;

	switch (f->type) {
	case FIELD_TEXT:
		if (strlen(value) >= f->size)
			return -1;
		memcpy(at, value, strlen(value) + 1);
		return 0;
	case FIELD_U64:
		return parse_u64(value, at);
	case FIELD_U32:
		return parse_u32(value, at);
	case FIELD_PID:
		if (parse_u32(value, &u32) < 0 || u32 > INT32_MAX)
			return -1;
		*(pid_t *)at = (pid_t)u32;
		return 0;
	case FIELD_STATE:
		return take_state(value, at);
	case FIELD_BOOL:
		if (parse_u64(value, &u64) < 0 || u64 > 1)
			return -1;
		*(bool *)at = u64 == 1;
		return 0;
	}
	return -1;
}

static int take_line(char *line, struct record *r, bool *seen, struct err *e)
{
	char *value = strchr(line, '=');

	if (!value)
		return err_set(e, 0, "not of the form key=value: %.60s", line);
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (strcmp(line, fields[i].key) != 0)
			continue;
		if (seen[i])
			return err_set(e, 0, "key %s twice", line);
		seen[i] = true;
		if (take_field(&fields[i], value, r) < 0)
			return err_set(e, 0, "bad value of %s: %.60s", line, value);
		return 0;
	}
	return err_set(e, 0, "unknown key %.60s", line);
}

bool record_id_is_valid(const char *id)
{
	if (strlen(id) != PLAN_ID_LEN)
		return false;
	for (; *id; id++)
		if (!islower((unsigned char)*id) && !isdigit((unsigned char)*id))
			return false;
	return true;
}

int record_parse(const char *text, struct record *ret, struct err *e)
{
	bool seen[sizeof(fields) / sizeof(*fields)] = { false };
	_cleanup_free_ char *copy = strdup(text);
	struct record r = { 0 };
	char *rest = copy, *line;

	if (!copy)
		return err_set(e, ENOMEM, "read a record");
	while ((line = strsep(&rest, "\n")))
		if (*line && take_line(line, &r, seen, e) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!seen[i] && !fields[i].optional)
			return err_set(e, 0, "key %s is missing", fields[i].key);
	if (!record_id_is_valid(r.id))
		return err_set(e, 0, "bad session id %.40s", r.id);
	*ret = r;
	return 0;
}

/* A line break in a name would forge a key: such bytes become '?'. */
static void one_line(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = '?';
}

int record_format(const struct record *r, char *buf, size_t size)
{
	_cleanup_file_ FILE *out = fmemopen(buf, size, "w");
	struct record clean = *r;
	long len;

	if (!out)
		return -1;
	one_line(clean.user);
	one_line(clean.service);
	one_line(clean.rhost);
	one_line(clean.tty);
	one_line(clean.line);
	one_line(clean.lent.path);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!fields[i].optional || !is_empty(&fields[i], &clean))
			put_field(out, &fields[i], &clean);
	if (fflush(out) != 0)
		return -1;
	len = ftell(out);
	return len < 0 ? -1 : (int)len;
}
