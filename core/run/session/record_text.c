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
	enum {
		NEEDED,  /* its absence can't be told from something that matters */
		WRITTEN, /* older versions need it, we don't: 0 or "" is careful enough */
		OPTIONAL, /* not there where it is 0 or "": older versions don't know it */
		ASIDE,    /* the same, and most sessions have it: in the file beside */
	} need;
} fields[] = {
#define FIELD(key, type, member, need)                                                   \
	{                                                                                \
		key, offsetof(struct record, member),                                    \
			sizeof(((struct record *)0)->member), type, need                 \
	}
#define F(key, type, member) FIELD(key, type, member, NEEDED)
#define W(key, type, member) FIELD(key, type, member, WRITTEN)
#define O(key, type, member) FIELD(key, type, member, OPTIONAL)
#define A(key, type, member) FIELD(key, type, member, ASIDE)
	F("id", FIELD_TEXT, id),
	F("user", FIELD_TEXT, user),
	F("uid", FIELD_U32, uid),
	W("service", FIELD_TEXT, service),
	W("rhost", FIELD_TEXT, rhost),
	W("tty", FIELD_TEXT, tty),
	W("since", FIELD_U64, since),
	F("state", FIELD_STATE, state),
	W("caller_pid", FIELD_PID, caller.pid),
	W("caller_start", FIELD_U64, caller.start),
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
	W("rootfs", FIELD_U64, rootfs),
	W("rules", FIELD_U64, rules),
	F("holder", FIELD_U64, holder),
	F("filter", FIELD_U64, filter),
	W("share", FIELD_BOOL, share),
	F("no_new_privs", FIELD_BOOL, no_new_privs),
	F("tmp", FIELD_U64, tmp),
	F("scoped", FIELD_BOOL, scoped),
	F("notify_join", FIELD_BOOL, notify_join),
	W("leases", FIELD_U32, leases),
	W("logged_in", FIELD_BOOL, logged_in),
	W("pids", FIELD_U32, pids),
	W("line", FIELD_TEXT, line),
	W("lent_path", FIELD_TEXT, lent.path),
	W("lent_rdev", FIELD_U64, lent.rdev),
	W("lent_uid", FIELD_U32, lent.uid),
	W("lent_gid", FIELD_U32, lent.gid),
	W("lent_mode", FIELD_U32, lent.mode),
	O("ns_net", FIELD_U64, ns.net),
	O("network", FIELD_TEXT, network),
	O("image", FIELD_TEXT, image),
	O("changed", FIELD_TEXT, changed),
	O("number", FIELD_U32, number),
	O("volumes", FIELD_TEXT, volumes),
	A("home_born", FIELD_U64, home_born),
	A("upper", FIELD_U64, upper),
#undef A
#undef O
#undef W
#undef F
#undef FIELD
};

/* The last one is in no record. */
static const char *const state_names[] = { "opening", "open", "lingering", "closing",
	"unknown" };

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
	for (size_t i = 0; i < RECORD_UNKNOWN; i++)
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

/* @aside: whether it is the file beside the record. */
static int take_line(char *line, struct record *r, bool aside, bool *seen, struct err *e)
{
	char *value = strchr(line, '=');

	if (!value)
		return err_set(e, 0, "not of the form key=value: %.60s", line);
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (strcmp(line, fields[i].key) != 0 ||
			aside != (fields[i].need == ASIDE))
			continue;
		if (seen[i])
			return err_set(e, 0, "key %s twice", line);
		seen[i] = true;
		if (take_field(&fields[i], value, r) < 0)
			return err_set(e, 0, "bad value of %s: %.60s", line, value);
		return 0;
	}
	/* A newer version's: it says which of its own nobody may pass over who joins. */
	return *line == RECORD_KEY_CRITICAL ? err_set(e, 0, "unknown key %.60s", line)
					    : 0;
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
		if (*line && take_line(line, &r, false, seen, e) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!seen[i] && fields[i].need == NEEDED)
			return err_set(e, 0, "key %s is missing", fields[i].key);
	if (!record_id_is_valid(r.id))
		return err_set(e, 0, "bad session id %.40s", r.id);
	*ret = r;
	return 0;
}

int record_parse_aside(const char *text, struct record *r, struct err *e)
{
	bool seen[sizeof(fields) / sizeof(*fields)] = { false };
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	if (!copy)
		return err_set(e, ENOMEM, "read a record");
	while ((line = strsep(&rest, "\n")))
		if (*line && take_line(line, r, true, seen, e) < 0)
			return -1;
	return 0;
}

/* A line break in a name would forge a key: such bytes become '?'. */
static void one_line(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = '?';
}

static void one_line_each(struct record *r)
{
	one_line(r->user);
	one_line(r->service);
	one_line(r->rhost);
	one_line(r->tty);
	one_line(r->line);
	one_line(r->lent.path);
}

/* What is ended by it is a group of this session alone. */
static bool is_groups_end(const char *group, const char *id)
{
	const char *slash = strrchr(group, '/');

	return slash && strcmp(slash + 1, id) == 0;
}

void record_glimpse(const char *id, const char *text, struct record *ret)
{
	bool seen[sizeof(fields) / sizeof(*fields)] = { false };
	_cleanup_free_ char *copy = strdup(text);
	struct record r = { .uid = (uid_t)-1 };
	char *rest = copy, *line;
	struct err ignored;

	while ((line = strsep(&rest, "\n")))
		(void)take_line(line, &r, false, seen, &ignored);
	one_line_each(&r);
	(void)snprintf(r.id, sizeof(r.id), "%s", id);
	if (!*r.user)
		(void)snprintf(r.user, sizeof(r.user), "?");
	if (!is_groups_end(r.cgroup, id))
		r.cgroup[0] = '\0';
	r.state = RECORD_UNKNOWN;
	*ret = r;
}

static int format(const struct record *r, bool aside, char *buf, size_t size)
{
	_cleanup_file_ FILE *out = fmemopen(buf, size, "w");
	struct record clean = *r;
	long len;

	if (!out)
		return -1;
	one_line_each(&clean);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (aside == (fields[i].need == ASIDE) &&
			(fields[i].need < OPTIONAL || !is_empty(&fields[i], &clean)))
			put_field(out, &fields[i], &clean);
	if (fflush(out) != 0)
		return -1;
	len = ftell(out);
	return len < 0 ? -1 : (int)len;
}

int record_format(const struct record *r, char *buf, size_t size)
{
	return format(r, false, buf, size);
}

int record_format_aside(const struct record *r, char *buf, size_t size)
{
	return format(r, true, buf, size);
}
