/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/record.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static int open_directory(struct err *e)
{
	return io_open_state(PATH_SESSIONS, 0700, e);
}

static int open_lock(const char *id)
{
	char path[sizeof(PATH_SESSIONS) + PLAN_ID_LEN + 8];

	(void)snprintf(path, sizeof(path), "%s/%s.lock", PATH_SESSIONS, id);
	return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whatever a version writes, its supervisor holds the lock. */
static void find_supervisor(struct record *r)
{
	_cleanup_close_ int fd = open_lock(r->id);
	pid_t pid = fd < 0 ? 0 : lock_holder(fd);

	if (pid > 0 && io_process_start(pid, &r->supervisor.start) == 0)
		r->supervisor.pid = pid;
}

static int glimpse(const char *id, const char *text, struct record *ret)
{
	record_glimpse(id, text, ret);
	if (ret->supervisor.pid == 0 || ret->supervisor.start == 0)
		find_supervisor(ret);
	return 2;
}

/* Return: 0; 2 with @e when it can't be understood; -1 with @e. */
static int read_aside(int dir, const char *id, struct record *r, struct err *e)
{
	char text[RECORD_TEXT_MAX], name[PLAN_ID_LEN + 8];

	(void)snprintf(name, sizeof(name), "%s.more", id);
	if (io_read_text(dir, name, text, sizeof(text)) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", name);
	return record_parse_aside(text, r, e) < 0 ? 2 : 0;
}

static int read_at(int dir, const char *id, struct record *ret, struct err *e)
{
	char text[RECORD_TEXT_MAX];
	int aside = 2;

	if (!record_id_is_valid(id))
		return err_set(e, 0, "not a session id: %.40s", id);
	if (io_read_text(dir, id, text, sizeof(text)) < 0) {
		if (errno == ENOENT)
			return 1;
		(void)err_set(e, errno, "read the record of session %s", id);
		/* None of this version's is that long. */
		return e->num == EFBIG ? glimpse(id, "", ret) : -1;
	}
	if (record_parse(text, ret, e) < 0)
		(void)err_wrap(
			e, "session %s is of another version of nsshell: its record", id);
	else if (strcmp(ret->id, id) != 0)
		(void)err_set(e, 0, "record %s is of another session", id);
	else
		aside = read_aside(dir, id, ret, e);
	return aside < 2 ? aside : glimpse(id, text, ret);
}

int record_read(const char *id, struct record *ret, struct err *e)
{
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 1 : err_set(e, errno, "open %s", PATH_SESSIONS);
	return read_at(dir, id, ret, e);
}

static int write_at(int dir, const char *id, const char *ending, const char *text,
	int len, struct err *e)
{
	char tmp[PLAN_ID_LEN + 8], name[PLAN_ID_LEN + 8];
	_cleanup_close_ int fd = -EBADF;

	if (len < 0)
		return err_set(e, errno, "write the record of session %s", id);
	(void)snprintf(tmp, sizeof(tmp), "%s.new", id);
	(void)snprintf(name, sizeof(name), "%s%s", id, ending);
	fd = openat(
		dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write_all(fd, text, (size_t)len) < 0 ||
		renameat(dir, tmp, dir, name) < 0) {
		(void)err_set(e, errno, "write the record %s/%s", PATH_SESSIONS, name);
		(void)unlinkat(dir, tmp, 0);
		return -1;
	}
	return 0;
}

int record_write(const struct record *r, struct err *e)
{
	_cleanup_close_ int dir = open_directory(e);
	char text[RECORD_TEXT_MAX];
	int len;

	if (dir < 0)
		return -1;
	/* First: who finds the record has all of it. */
	len = record_format_aside(r, text, sizeof(text));
	if (len != 0 && write_at(dir, r->id, ".more", text, len, e) < 0)
		return -1;
	len = record_format(r, text, sizeof(text));
	return write_at(dir, r->id, "", text, len, e);
}

int record_remove(const char *id, struct err *e)
{
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	static const char *const endings[] = { "", ".new", ".sock", ".tty", ".paused",
		".limits", ".more", ".lock" };
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

int record_lock(const char *id, unsigned int ms, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dir = open_directory(e);
	char name[PLAN_ID_LEN + 8];

	if (dir < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%s.lock", id);
	return lock_named(dir, PATH_SESSIONS, name, ms, ret_fd, e);
}

int record_is_alive(const char *id, struct err *e)
{
	_cleanup_close_ int fd = open_lock(id);
	int alive;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "open %s/%s.lock", PATH_SESSIONS, id);
	alive = lock_file(fd, LOCK_SH, 0);
	return alive < 0 ? err_set(e, errno, "lock %s.lock", id) : alive;
}

int record_read_live(const char *id, struct record *ret, struct err *e)
{
	int alive = record_is_alive(id, e);

	if (alive <= 0)
		return alive < 0 ? -1 : 1;
	return record_read(id, ret, e);
}

/* ---- all of them -------------------------------------------------------------------- */

int record_by_age(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->supervisor.start != y->supervisor.start)
		return x->supervisor.start < y->supervisor.start ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* What lies beside a record stands with it, mostly: more than once an id comes seldom. */
static bool takes(const char *name, bool aside, const char *last, char *id)
{
	(void)snprintf(id, PLAN_ID_LEN + 1, "%s", name);
	return record_id_is_valid(aside ? id : name) && strcmp(id, last) != 0;
}

static int list_ids(
	bool aside, char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e)
{
	_cleanup_free_ char(*all)[PLAN_ID_LEN + 1] = NULL;
	_cleanup_dir_ DIR *dir = opendir(PATH_SESSIONS);
	char id[PLAN_ID_LEN + 1];
	size_t n = 0, room = 0;
	const struct dirent *entry;

	if (!dir && errno != ENOENT)
		return err_set(e, errno, "read %s", PATH_SESSIONS);
	while (dir && (errno = 0, entry = readdir(dir))) {
		if (!takes(entry->d_name, aside, n > 0 ? all[n - 1] : "", id))
			continue;
		if (n == room) {
			char(*grown)[PLAN_ID_LEN + 1] =
				reallocarray(all, room + 32, sizeof(*all));

			if (!grown)
				return err_set(e, ENOMEM, "read %s", PATH_SESSIONS);
			all = grown;
			room += 32;
		}
		memcpy(all[n++], id, sizeof(*all));
	}
	if (dir && errno != 0)
		return err_set(e, errno, "read %s", PATH_SESSIONS);
	*ret = all;
	all = NULL;
	*ret_n = n;
	return 0;
}

int record_ids(char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e)
{
	return list_ids(false, ret, ret_n, e);
}

int record_traces(char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e)
{
	return list_ids(true, ret, ret_n, e);
}

int record_list(struct record **ret, size_t *ret_n, size_t *ret_bad, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	_cleanup_close_ int dir = open(PATH_SESSIONS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ struct record *all = NULL;
	size_t n = 0, bad = 0, n_ids = 0;
	struct err ignored;

	if (record_ids(&ids, &n_ids, e) < 0)
		return -1;
	all = n_ids > 0 ? calloc(n_ids, sizeof(*all)) : NULL;
	if (n_ids > 0 && !all)
		return err_set(e, ENOMEM, "read %s", PATH_SESSIONS);
	for (size_t i = 0; i < n_ids; i++) {
		int read = read_at(dir, ids[i], &all[n], &ignored);

		/* Ended meanwhile. */
		if (read == 1)
			continue;
		if (read < 0)
			(void)glimpse(ids[i], "", &all[n]);
		bad += read != 0;
		n++;
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), record_by_age);
	*ret = all;
	all = NULL;
	*ret_n = n;
	*ret_bad = bad;
	return 0;
}
