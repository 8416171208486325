/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/record.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/paths.h"

#include <ctype.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define RECORD_TEXT_MAX 4096

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
	enum field_type type;
	size_t offset, size;
} fields[] = {
#define F(key, type, member)                                                             \
	{                                                                                \
		key, type, offsetof(struct record, member),                              \
			sizeof(((struct record *)0)->member)                             \
	}
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
	F("holder", FIELD_U64, holder),
	F("share", FIELD_BOOL, share),
	F("no_new_privs", FIELD_BOOL, no_new_privs),
	F("notify_join", FIELD_BOOL, notify_join),
	F("leases", FIELD_U32, leases),
	F("logged_in", FIELD_BOOL, logged_in),
	F("lent_path", FIELD_TEXT, lent.path),
	F("lent_rdev", FIELD_U64, lent.rdev),
	F("lent_uid", FIELD_U32, lent.uid),
	F("lent_gid", FIELD_U32, lent.gid),
	F("lent_mode", FIELD_U32, lent.mode),
#undef F
};

static const char *const state_names[] = { "opening", "open", "lingering", "closing" };

const char *record_state_name(enum record_state s)
{
	return state_names[s];
}

/* ---- text
 * --------------------------------------------------------------------------------- */

static void put_field(FILE *out, const struct field *f, const struct record *r)
{
	const void *at = (const char *)r + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		fprintf(out, "%s=%s\n", f->key, (const char *)at);
		break;
	case FIELD_U64:
		fprintf(out, "%s=%lu\n", f->key, *(const uint64_t *)at);
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

static bool id_is_valid(const char *id)
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
		if (!seen[i])
			return err_set(e, 0, "key %s is missing", fields[i].key);
	if (!id_is_valid(r.id))
		return err_set(e, 0, "bad session id %.40s", r.id);
	*ret = r;
	return 0;
}

/* ---- files
 * -------------------------------------------------------------------------------- */

static int open_folder(struct err *e)
{
	return io_open_state(PATH_SESSIONS, 0700, e);
}

static int read_at(int dir, const char *id, struct record *ret, struct err *e)
{
	char text[RECORD_TEXT_MAX];

	if (!id_is_valid(id))
		return err_set(e, 0, "not a session id: %.40s", id);
	if (io_read_text(dir, id, text, sizeof(text)) < 0)
		return errno == ENOENT
			       ? 1
			       : err_set(e, errno, "read the record of session %s", id);
	if (record_parse(text, ret, e) < 0)
		return err_wrap(e, "record of session %s", id);
	return strcmp(ret->id, id) == 0
		       ? 0
		       : err_set(e, 0, "record %s is of another session", id);
}

int record_read(const char *id, struct record *ret, struct err *e)
{
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 1 : err_set(e, errno, "open %s", PATH_SESSIONS);
	return read_at(dir, id, ret, e);
}

/* A line break in a name would forge a key: such bytes become '?'. */
static void one_line(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = '?';
}

int record_write(const struct record *r, struct err *e)
{
	_cleanup_close_ int dir = open_folder(e), fd = -EBADF;
	char text[RECORD_TEXT_MAX], tmp[PLAN_ID_LEN + 8];
	_cleanup_file_ FILE *out = NULL;
	struct record clean = *r;
	long len;

	if (dir < 0)
		return -1;
	one_line(clean.user);
	one_line(clean.service);
	one_line(clean.rhost);
	one_line(clean.tty);
	one_line(clean.lent.path);
	out = fmemopen(text, sizeof(text), "w");
	if (!out)
		return err_set(e, errno, "write the record of session %s", r->id);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		put_field(out, &fields[i], &clean);
	if (fflush(out) != 0 || (len = ftell(out)) < 0)
		return err_set(e, errno, "write the record of session %s", r->id);
	(void)snprintf(tmp, sizeof(tmp), "%s.new", r->id);
	fd = openat(
		dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write_all(fd, text, (size_t)len) < 0 ||
		renameat(dir, tmp, dir, r->id) < 0) {
		(void)err_set(e, errno, "write the record %s/%s", PATH_SESSIONS, r->id);
		(void)unlinkat(dir, tmp, 0);
		return -1;
	}
	return 0;
}

int record_remove(const char *id, struct err *e)
{
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	static const char *const endings[] = { "", ".new", ".sock", ".lock" };
	char name[PLAN_ID_LEN + 8];

	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open %s", PATH_SESSIONS);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", id, endings[i]);
		if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove %s/%s", PATH_SESSIONS, name);
	}
	return 0;
}

int record_lock(const char *id, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dir = open_folder(e);
	char name[PLAN_ID_LEN + 8];

	if (dir < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%s.lock", id);
	for (;;) {
		_cleanup_close_ int fd = openat(
			dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_set(e, errno, "open %s/%s", PATH_SESSIONS, name);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? 1
						    : err_set(e, errno, "lock %s", name);
		if (!io_is_still(dir, name, fd))
			continue;
		*ret_fd = take_fd(&fd);
		return 0;
	}
}

int record_is_alive(const char *id, struct err *e)
{
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC),
			    fd = -EBADF;
	char name[PLAN_ID_LEN + 8];

	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open %s", PATH_SESSIONS);
	(void)snprintf(name, sizeof(name), "%s.lock", id);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "open %s/%s", PATH_SESSIONS, name);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : err_set(e, errno, "lock %s", name);
}

/* ---- all of them
 * -------------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return strcmp(x->id, y->id);
}

int record_list(struct record **ret, size_t *ret_n, size_t *ret_bad, struct err *e)
{
	_cleanup_free_ struct record *all = NULL;
	_cleanup_dir_ DIR *dir = opendir(PATH_SESSIONS);
	size_t n = 0, room = 0, bad = 0;
	const struct dirent *entry;

	if (!dir && errno != ENOENT)
		return err_set(e, errno, "read %s", PATH_SESSIONS);
	while (dir && (entry = readdir(dir))) {
		struct err ignored;

		if (!id_is_valid(entry->d_name))
			continue;
		if (n == room) {
			struct record *grown = reallocarray(all, room + 32, sizeof(*all));

			if (!grown)
				return err_set(e, ENOMEM, "read %s", PATH_SESSIONS);
			all = grown;
			room += 32;
		}
		switch (read_at(dirfd(dir), entry->d_name, &all[n], &ignored)) {
		case 0:
			n++;
			break;
		case -1:
			bad++;
			break;
		default: /* ended meanwhile */
			break;
		}
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), by_age);
	*ret = all;
	all = NULL;
	*ret_n = n;
	*ret_bad = bad;
	return 0;
}

/* Remove the files of an id that has no record and no supervisor. */
static int sweep_id(const char *id, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	struct record r;
	struct err bad;
	int held = record_lock(id, &lock, e);

	if (held != 0)
		return held < 0 ? -1 : 0;
	return record_read(id, &r, &bad) == 1 ? record_remove(id, e) : 0;
}

int record_sweep(struct err *e)
{
	_cleanup_dir_ DIR *dir = opendir(PATH_SESSIONS);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_SESSIONS);
	while ((entry = readdir(dir))) {
		char id[PLAN_ID_LEN + 1];

		(void)snprintf(id, sizeof(id), "%s", entry->d_name);
		if (strlen(entry->d_name) == PLAN_ID_LEN || !id_is_valid(id) ||
			faccessat(dirfd(dir), id, F_OK, 0) == 0)
			continue;
		if (sweep_id(id, e) < 0)
			result = -1;
	}
	return result;
}
