/* SPDX-License-Identifier: BSD-3-Clause */
/* The planner's memory, and questions about paths that only look at their text. */
#include "core/plan/planner.h"

#include "core/base/harmless.h"
#include "core/base/paths.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <string.h>

void *planner_more(struct planner *b, void *array, size_t *n, size_t entry)
{
	static const size_t first = 8;
	void *bigger;

	/* Room is doubled at 8, 16, 32, ... entries; the arena keeps the old ones. */
	if (*n >= first && (*n & (*n - 1)) != 0) {
		(*n)++;
		return array;
	}
	if (*n > 0 && *n < first) {
		(*n)++;
		return array;
	}
	bigger = arena_alloc(&b->p->arena, (*n ? *n * 2 : first) * entry);
	if (!bigger) {
		b->oom = true;
		return NULL;
	}
	if (*n > 0)
		memcpy(bigger, array, *n * entry);
	(*n)++;
	return bigger;
}

const char *planner_copy(struct planner *b, const char *s)
{
	const char *ret = arena_strdup(&b->p->arena, s ? s : "");

	if (!ret)
		b->oom = true;
	return ret ? ret : "";
}

__attribute__((format(printf, 2, 0))) static const char *text(
	struct planner *b, const char *fmt, va_list ap)
{
	const char *ret = arena_vprintf(&b->p->arena, fmt, ap);

	if (!ret)
		b->oom = true;
	return ret ? ret : "";
}

const char *planner_text(struct planner *b, const char *fmt, ...)
{
	const char *ret;
	va_list ap;

	va_start(ap, fmt);
	ret = text(b, fmt, ap);
	va_end(ap);
	return ret;
}

void planner_note(struct planner *b, const char *fmt, ...)
{
	const char *note;
	const char **more;
	va_list ap;

	va_start(ap, fmt);
	note = text(b, fmt, ap);
	va_end(ap);
	/* Of one line, whoever has chosen the names in it. */
	harmless_line((char *)(uintptr_t)note);
	more = planner_more(b, b->p->notes, &b->p->n_notes, sizeof(*more));
	if (more) {
		b->p->notes = more;
		more[b->p->n_notes - 1] = note;
	}
}

struct plan_op *planner_op(struct planner *b, enum plan_op_kind kind, const char *target)
{
	static struct plan_op scratch;
	struct plan_op *more = planner_more(b, b->p->ops, &b->p->n_ops, sizeof(*more));
	struct plan_op *op = &scratch;

	if (more) {
		b->p->ops = more;
		op = &more[b->p->n_ops - 1];
	}
	*op = (struct plan_op){ .kind = kind, .target = target };
	return op;
}

const char *planner_path(struct planner *b, const char *path)
{
	char *ret, *out;

	if (!path || path[0] != '/')
		return NULL;
	ret = arena_alloc(&b->p->arena, strlen(path) + 2);
	if (!ret) {
		b->oom = true;
		return "/";
	}
	out = ret;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		if ((len == 1 && path[0] == '.') || (len == 2 && !strncmp(path, "..", 2)))
			return NULL;
		*out++ = '/';
		memcpy(out, path, len);
		out += len;
		path += len;
	}
	if (out == ret)
		*out++ = '/';
	*out = '\0';
	return ret;
}

const char *planner_dirname(struct planner *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	return len == 0 ? "/" : planner_text(b, "%.*s", (int)len, path);
}

bool path_within(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (len == 1)
		return path[0] == '/';
	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool path_below(const char *path, const char *top)
{
	return strcmp(path, top) != 0 && path_within(path, top);
}

bool path_within_any(const char *path, const char *const *tops)
{
	for (; *tops; tops++)
		if (path_within(path, *tops))
			return true;
	return false;
}

bool path_in(const char *path, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(path, *list) == 0)
			return true;
	return false;
}

bool path_is(const char *path, const char *written)
{
	if (strcmp(path, written) == 0)
		return true;
	while (*written) {
		size_t len;

		written += strspn(written, "/");
		len = strcspn(written, "/");
		if (len == 0)
			break;
		if (*path != '/' || strncmp(path + 1, written, len) != 0)
			return false;
		path += len + 1;
		written += len;
	}
	return *path == '\0';
}

bool path_shows_state(const char *path)
{
	static const char *const state[] = { PATH_RUN, PATH_STATE, NULL };

	for (size_t i = 0; state[i]; i++)
		if (path_within(path, state[i]) || path_within(state[i], path))
			return true;
	return false;
}

bool plan_is_own_place(const char *path)
{
	static const char *const own[] = { "/dev", "/proc", "/run", "/sys", "/tmp",
		"/var/tmp", NULL };

	return path_within_any(path, own);
}

const struct plan_path *planner_find(
	const struct planner *b, enum plan_use use, const char *path)
{
	const struct plan_host *host = b->in->host;
	const struct plan_path *any = NULL;

	for (size_t i = 0; i < host->n_paths; i++) {
		const struct plan_path *have = &host->paths[i];

		if (!path_is(path, have->path))
			continue;
		if (have->use == use)
			return have;
		if (have->use == PLAN_USE_ANY)
			any = have;
	}
	return any;
}

enum plan_path_kind planner_kind(
	const struct planner *b, enum plan_use use, const char *path)
{
	const struct plan_path *found = planner_find(b, use, path);

	return found ? found->kind : PLAN_PATH_ABSENT;
}

const char *planner_real(struct planner *b, enum plan_use use, const char *path)
{
	const struct plan_path *found = planner_find(b, use, path);
	const char *real = found && found->real ? planner_path(b, found->real) : NULL;

	return real ? real : path;
}

bool planner_exists(const struct planner *b, const char *path)
{
	const struct plan_host *host = b->in->host;

	for (size_t i = 0; i < host->n_paths; i++) {
		const struct plan_path *have = &host->paths[i];

		if (have->kind != PLAN_PATH_ABSENT &&
			path_is(path, have->real ? have->real : have->path))
			return true;
	}
	return false;
}

int planner_absent(const struct plan_path *found, struct err *e)
{
	return found && found->by_root ? err_by(e, ERR_BY_CONFIG) : -1;
}

bool path_matches(const char *pattern, const char *path)
{
	if (strpbrk(pattern, "*?[\\"))
		return fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0;
	return strcmp(pattern, path) == 0;
}
