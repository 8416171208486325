/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of events, a line of JSON each. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

static void copy(json_t *object, const char *key, char *to, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	(void)snprintf(to, size, "%s", value ? value : "");
}

static void take_line(const char *line, struct log *l, const struct log_filter *f)
{
	json_t *object = json_loads(line, 0, NULL);
	json_int_t usec = json_integer_value(json_object_get(object, "time"));
	struct log_event v = { .usec = usec > 0 ? (uint64_t)usec : 0 };

	copy(object, "event", v.what, sizeof(v.what));
	copy(object, "session", v.session, sizeof(v.session));
	copy(object, "user", v.user, sizeof(v.user));
	copy(object, "text", v.text, sizeof(v.text));
	if (v.usec > 0 && v.what[0])
		log_take(l, f, &v);
	json_decref(object);
}

int log_read_lines(int fd, struct log *l, const struct log_filter *f, struct err *e)
{
	_cleanup_file_ FILE *in = fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!in) {
		(void)close(fd);
		return err_set(e, errno, "read events");
	}
	while (getline(&line, &size, in) > 0)
		take_line(line, l, f);
	return ferror(in) ? err_set(e, errno, "read events") : 0;
}

static int read_file(
	const char *path, struct log *l, const struct log_filter *f, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "read %s", path) : log_read_lines(fd, l, f, e);
}

int log_read_file(
	struct log *l, const struct log_filter *f, const char *file, struct err *e)
{
	/* As logrotate(8) leaves them. */
	static const char *const own[] = { PATH_EVENTS ".1", PATH_EVENTS };
	int found = 1;

	if (file)
		return read_file(file, l, f, e);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (read_file(own[i], l, f, e) == 0)
			found = 0;
		else if (e->num != ENOENT)
			return -1;
	return found;
}

int log_read(struct log *l, const struct log_filter *f, struct err *e)
{
	int journal, file;

	if (geteuid() != 0)
		return log_read_own(l, f, e);
	journal = log_read_journal(l, f, NULL, e);
	if (journal < 0)
		return -1;
	/* It has what was before the journal, and what that didn't take. */
	file = log_read_file(l, f, NULL, e);
	return file < 0 ? -1 : journal > 0 && file > 0;
}
