/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing settings of a group, and reading them back. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Room for the lines of 16 devices. */
#define TEXT_MAX 4096

/* Bytes of memory are rounded down to pages, and are the limit all the same; 0 isn't 1. */
static bool same_bytes(const char *want, const char *got)
{
	uint64_t a, b, page = (uint64_t)sysconf(_SC_PAGESIZE);

	/* v1's word for no limit is shown as all there can be. */
	if (strcmp(want, "-1") == 0)
		return parse_u64(got, &b) == 0 && b > INT64_MAX - page;
	return parse_u64(want, &a) == 0 && parse_u64(got, &b) == 0 && b > 0 && b <= a &&
	       a - b < page;
}

static bool has_word(const char *line, const char *word, size_t len)
{
	for (const char *at = line; (at = strstr(at, word)); at++)
		if ((at == line || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* "8:0 rbps=1000" in a line "8:0 rbps=1000 wbps=max riops=max wiops=max" */
static bool has_all_words(const char *line, const char *want)
{
	char copy[512], *rest = copy, *word;
	size_t first = strcspn(want, " ") + 1;

	if (strncmp(line, want, first) != 0)
		return false;
	(void)snprintf(copy, sizeof(copy), "%s", want + first);
	while ((word = strsep(&rest, " ")))
		if (!has_word(line + first, word, strlen(word)))
			return false;
	return true;
}

/* No limit for a device is no line for it. */
static bool is_no_limit(const char *want)
{
	size_t len = strlen(want);

	return strchr(want, ':') && len > 4 &&
	       (strcmp(want + len - 4, "=max") == 0 || strcmp(want + len - 2, " 0") == 0);
}

bool cgroup_value_is(const struct plan_cgroup_setting *s, const char *text)
{
	const char *want = s->value;
	char copy[TEXT_MAX], *rest = copy, *line;
	size_t first = strcspn(want, " ") + 1;
	bool listed = false;

	(void)snprintf(copy, sizeof(copy), "%.*s",
		(int)strlen(text) - (*text && text[strlen(text) - 1] == '\n'), text);
	if (strcmp(copy, want) == 0 ||
		(strcmp(s->controller, "memory") == 0 && same_bytes(want, copy)))
		return true;
	while ((line = strsep(&rest, "\n"))) {
		/* io.weight shows "default 100" for what was written as 100. */
		if (strncmp(line, "default ", 8) == 0 && strcmp(line + 8, want) == 0)
			return true;
		if (strchr(want, ' ') && has_all_words(line, want))
			return true;
		listed |= strncmp(line, want, first) == 0;
	}
	return !listed && is_no_limit(want);
}

static int path_of(const char *group, const struct plan_cgroup_setting *s, char *buf,
	size_t size, struct err *e)
{
	if (cgroup_path(s->controller, group, s->name, buf, size) < 0)
		return err_set(e, ENOENT, "%s=: this host has no %s controller", s->key,
			s->controller);
	return 0;
}

/* Nothing at all would be no write. */
static int write_text(
	const char *group, const struct plan_cgroup_setting *s, const char *path)
{
	if (cgroup_cpuset_is_v1(s))
		return cgroup_cpuset_change(group, s->value);
	return io_write_text(AT_FDCWD, path, *s->value ? s->value : "\n");
}

static int write_value(
	const char *group, const struct plan_cgroup_setting *s, struct err *e)
{
	char path[PATH_MAX];

	if (path_of(group, s, path, sizeof(path), e) < 0)
		return -1;
	if (write_text(group, s, path) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(
			e, ENOENT, "%s=: this host's kernel has no %s", s->key, s->name);
	return err_set(e, errno, "%s=: set %s of %s to %s%s", s->key, s->name, group,
		s->value, errno == EBUSY ? " (running sessions use more)" : "");
}

static bool is_written(const char *group, const struct plan_cgroup_setting *s)
{
	char text[TEXT_MAX];

	return cgroup_read(s->controller, group, s->name, text, sizeof(text)) >= 0 &&
	       cgroup_value_is(s, text);
}

/* Twice: one value may be out of reach until another is written (memory and memory with swap). */
int cgroup_values_update(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e)
{
	struct err ignored;
	int r = -1;

	for (int round = 0; r < 0 && round < 2; round++) {
		r = 0;
		for (size_t i = 0; i < n; i++)
			if (!is_written(group, &v[i]) &&
				write_value(group, &v[i], r < 0 ? &ignored : e) < 0)
				r = -1;
	}
	return r;
}

int cgroup_values_check(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e)
{
	char path[PATH_MAX], text[TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		if (path_of(group, &v[i], path, sizeof(path), e) < 0)
			return -1;
		if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
			return err_set(
				e, errno, "%s=: read %s back", v[i].key, v[i].name);
		if (!cgroup_value_is(&v[i], text))
			return err_set(e, 0, "%s=: %s is %.*s and not %s", v[i].key,
				v[i].name, (int)strcspn(text, "\n"), text, v[i].value);
	}
	return 0;
}

int cgroup_set(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e)
{
	if (cgroup_limits_write(group, v, n, e) < 0)
		return -1;
	return cgroup_values_check(group, v, n, e);
}
