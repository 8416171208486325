/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading: the main file and its drop-ins, and the list of what is wrong in them. */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

int config_no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "read the config");
}

/* ---- problems ----------------------------------------------------------------------- */

/* An empty problem at the end of the list, or NULL. */
static struct config_problem *problem_append(struct config *c)
{
	struct config_problem *p;

	/* The array grows when its length reaches a power of two. */
	if (!(c->n_problems & (c->n_problems - 1))) {
		p = reallocarray(
			c->problems, c->n_problems ? c->n_problems * 2 : 1, sizeof(*p));
		if (!p)
			return NULL;
		c->problems = p;
	}
	p = &c->problems[c->n_problems++];
	*p = (struct config_problem){ 0 };
	return p;
}

/* NULL stays NULL. Return: 0 or -1. */
static int copy_string(struct config *c, const char *s, char **ret)
{
	*ret = s ? arena_strdup(&c->arena, s) : NULL;
	return s && !*ret ? -1 : 0;
}

int config_problem_add(struct config *c, const char *file, uint64_t line,
	const char *section, const char *key, struct err *e, const char *fmt, ...)
{
	struct config_problem *p;
	char text[1024];
	va_list args;

	if (c->n_problems > CONFIG_PROBLEMS_MAX)
		return 0;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (c->n_problems == CONFIG_PROBLEMS_MAX) {
		/* Without a section, so that it stands for whomever the untold ones
		 * concern. */
		section = key = NULL;
		(void)snprintf(text, sizeof(text),
			"there are more problems, from here on untold");
	}
	p = problem_append(c);
	if (!p || copy_string(c, file, &p->file) < 0 ||
		copy_string(c, section, &p->section) < 0 ||
		copy_string(c, key, &p->key) < 0 || copy_string(c, text, &p->text) < 0)
		return config_no_memory(e);
	p->line = line;
	return 0;
}

size_t config_problems(const struct config *c, const struct config_problem **ret)
{
	*ret = c->problems;
	return c->n_problems;
}

void config_problem_print(const struct config_problem *p, FILE *out)
{
	(void)fprintf(out, "%s:", p->file);
	if (p->line)
		(void)fprintf(out, "%" PRIu64 ":", p->line);
	if (p->section)
		(void)fprintf(out, " [%s]", p->section);
	(void)fprintf(out, " %s\n", p->text);
}

/* ---- files -------------------------------------------------------------------------- */

static int file_load(struct config *c, int dir_fd, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	char *kept = arena_strdup(&c->arena, path);

	if (!kept)
		return config_no_memory(e);
	if (config_file_read(c, dir_fd, kept, &text, &size, e) < 0)
		return -1;
	return text ? config_lines_read(c, kept, text, size, e) : 0;
}

static bool is_drop_in(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 5 && !strcmp(name + len - 5, ".conf");
}

/* By bytes, whatever the locale. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Return: 0, or -1 with errno. */
static int list_drop_ins(int fd, struct strlist *ret)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;

	/* Handed over by who may, to one who mayn't. */
	if (again < 0 && errno == EACCES && config_reach.open)
		again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	dir = again < 0 ? NULL : fdopendir(again);
	if (!dir)
		return -1;
	while ((errno = 0, d = readdir(dir)))
		if (is_drop_in(d->d_name) && strlist_add(ret, d->d_name) < 0)
			return -1;
	if (errno == 0 && ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return errno ? -1 : 0;
}

static int drop_ins_load(struct config *c, const char *main_path, struct err *e)
{
	char *directory = arena_printf(&c->arena, "%s.d", main_path);
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	_cleanup_close_ int fd = -EBADF;
	int r = 0;

	if (!directory)
		return config_no_memory(e);
	if (config_directory_open(c, directory, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (list_drop_ins(fd, &names) < 0)
		return config_problem_add(c, directory, 0, NULL, NULL, e,
			"can't be read: %s", strerror(errno));
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char *path = arena_printf(&c->arena, "%s/%s", directory, names.v[i]);

		r = path ? file_load(c, fd, path, e) : config_no_memory(e);
	}
	return r;
}

static int load(struct config *c, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	_cleanup_close_ int fd = -EBADF;
	char *directory;

	if (!slash)
		directory = arena_strdup(&c->arena, ".");
	else
		directory = arena_printf(
			&c->arena, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!directory)
		return config_no_memory(e);
	if (config_directory_open(c, directory, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (file_load(c, fd, path, e) < 0 || drop_ins_load(c, path, e) < 0)
		return -1;
	return config_slices_check(c, e) < 0 ? -1 : config_rules_check(c, e);
}

static void config_drop(struct config **c)
{
	config_free(*c);
}

int config_load(const char *path, struct config **ret, struct err *e)
{
	_cleanup_(config_drop) struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return config_no_memory(e);
	c->sections_end = &c->sections;
	if (config_reach.people)
		c->people = *config_reach.people;
	else
		people_read(&c->people);
	c->path = path ? arena_strdup(&c->arena, path) : NULL;
	if (path && !c->path)
		return config_no_memory(e);
	if (load(c, path ? path : PATH_CONF, e) < 0)
		return -1;
	*ret = c;
	c = NULL;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	arena_clear(&c->arena);
	free(c->problems);
	free(c);
}
