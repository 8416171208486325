/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/command.h"

#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/loginenv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLANKS   " \t\r"
#define TIME_MAX (24 * UINT64_C(3600000000))

/* ---- keys --------------------------------------------------------------------------- */

struct reading {
	struct config *problems;
	struct arena *arena;
	struct command *command;
	const char *path;
	uint64_t line;
	unsigned int seen; /* bit N: row N of the keys was given */
	struct err *e;
};

/* Each returns NULL, or what is wrong with a value. */
typedef const char *take_fn(struct reading *r, const char *value);

/* One more string for an array, which grows when its length is a power of two. Return: NULL, or why not. */
static const char *more(struct reading *r, const char ***array, size_t *n, const char *s)
{
	const char **v = *array;

	if (*n == COMMAND_FORMS_MAX)
		return "is one of too many";
	if (!(*n & (*n - 1))) {
		v = arena_alloc(r->arena, (*n ? *n * 2 : 1) * sizeof(*v));
		if (!v)
			return "finds no memory";
		if (*n > 0)
			memcpy(v, *array, *n * sizeof(*v));
	}
	v[*n] = arena_strdup(r->arena, s);
	if (!v[*n])
		return "finds no memory";
	*array = v;
	(*n)++;
	return NULL;
}

static const char *take_path(struct reading *r, const char *value, const char **ret)
{
	if (*value != '/' || strstr(value, "/../") || strstr(value, "/./") ||
		strstr(value, "//") || value[strlen(value) - 1] == '/' ||
		strpbrk(value, " \t"))
		return "takes the absolute path of a program";
	*ret = arena_strdup(r->arena, value);
	return *ret ? NULL : "finds no memory";
}

static const char *take_program(struct reading *r, const char *value)
{
	return take_path(r, value, &r->command->program);
}

static const char *take_form(struct reading *r, const char *value)
{
	const char *wrong = command_form_wrong(value);

	return wrong ? wrong : more(r, &r->command->forms, &r->command->n_forms, value);
}

static const char *take_env(struct reading *r, const char *value)
{
	return loginenv_is_setting(value)
		       ? more(r, &r->command->env, &r->command->n_env, value)
		       : "takes NAME=VALUE";
}

static const char *take_service(struct reading *r, const char *value)
{
	if (!command_name_is_valid(value))
		return "takes the name of a PAM service";
	r->command->service = arena_strdup(r->arena, value);
	return r->command->service ? NULL : "finds no memory";
}

static const char *take_daemon(struct reading *r, const char *value)
{
	return take_path(r, value, &r->command->daemon);
}

static const char *take_yes(const char *value, bool *ret)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return "takes yes or no";
	*ret = *value == 'y';
	return NULL;
}

static const char *take_home(struct reading *r, const char *value)
{
	return take_yes(value, &r->command->home);
}

static const char *take_sends(struct reading *r, const char *value)
{
	return take_yes(value, &r->command->sends);
}

static const char *take_terminal(struct reading *r, const char *value)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "no") != 0)
		return "takes auto or no";
	r->command->terminal =
		*value == 'a' ? COMMAND_TERMINAL_AUTO : COMMAND_TERMINAL_NO;
	return NULL;
}

static const char *take_time(struct reading *r, const char *value)
{
	uint64_t usec;

	if (parse_timespan(value, &usec) < 0 || usec < 1000000 ||
		(usec > TIME_MAX && usec != PARSE_INFINITY))
		return "takes a time span from 1s to 1d, such as 10min, or infinity";
	r->command->time_usec = usec;
	return NULL;
}

static const char *take_size(const char *value, uint64_t *ret)
{
	uint64_t bytes;

	if (parse_size(value, &bytes) < 0 || bytes == 0)
		return "takes a size such as 16M, or infinity";
	*ret = bytes;
	return NULL;
}

static const char *take_input(struct reading *r, const char *value)
{
	return take_size(value, &r->command->input_max);
}

static const char *take_output(struct reading *r, const char *value)
{
	return take_size(value, &r->command->output_max);
}

static const struct row {
	const char *name;
	take_fn *take;
	bool list;
} rows[] = {
	{ "Program", take_program, false },
	{ "Arguments", take_form, true },
	{ "Terminal", take_terminal, false },
	{ "TimeMax", take_time, false },
	{ "InputMax", take_input, false },
	{ "OutputMax", take_output, false },
	{ "Environment", take_env, true },
	{ "Home", take_home, false },
	{ "Sends", take_sends, false },
	{ "Service", take_service, false },
	{ "Daemon", take_daemon, false },
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

/* ---- lines -------------------------------------------------------------------------- */

#define problem(r, ...)                                                                  \
	config_problem_add(                                                              \
		(r)->problems, (r)->path, (r)->line, NULL, NULL, (r)->e, __VA_ARGS__)

static char *strip(char *s)
{
	size_t len;

	s += strspn(s, BLANKS);
	len = strlen(s);
	while (len > 0 && strchr(BLANKS, s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

static int read_line(struct reading *r, char *s)
{
	char *equals = strchr(s, '='), *name, *value;
	const char *wrong;
	size_t i = 0;

	if (!equals)
		return problem(r, "'%.80s': expected KEY=VALUE", s);
	*equals = '\0';
	name = strip(s);
	value = strip(equals + 1);
	while (i < N_ROWS && strcmp(rows[i].name, name) != 0)
		i++;
	if (i == N_ROWS)
		return problem(
			r, "%.80s: no such key: nsshell-commands(5) lists them", name);
	if (!rows[i].list && (r->seen >> i & 1))
		return problem(r, "%s=%.80s: given twice: keep one of them", name, value);
	r->seen |= 1U << i;
	/* No value is one for Arguments= alone: no argument. */
	if (*value == '\0' && rows[i].take != take_form)
		return problem(r, "%s=: the value is missing", name);
	wrong = rows[i].take(r, value);
	return wrong ? problem(r, "%s=%.80s: %s", name, value, wrong) : 0;
}

static bool is_binary(const char *line)
{
	for (const unsigned char *c = (const unsigned char *)line; *c; c++)
		if ((*c < ' ' && *c != '\t' && *c != '\r') || *c == 0x7f)
			return true;
	return false;
}

static int read_text(struct reading *r, char *text, size_t size)
{
	char *end = text + size;

	while (text < end) {
		char *newline = memchr(text, '\n', (size_t)(end - text)), *s;

		if (!newline)
			newline = end;
		*newline = '\0';
		r->line++;
		if (strlen(text) != (size_t)(newline - text) || is_binary(text))
			return problem(r, "not a text file");
		s = strip(text);
		if (strlen(s) > CONFIG_LINE_MAX) {
			if (problem(r, "the line is longer than %d bytes",
				    CONFIG_LINE_MAX) < 0)
				return -1;
		} else if (*s && *s != '#' && *s != ';' && read_line(r, s) < 0) {
			return -1;
		}
		text = newline + 1;
	}
	r->line = 0;
	if (r->problems->n_problems > 0)
		return 0;
	if (!r->command->program && problem(r, "Program= is missing") < 0)
		return -1;
	return r->command->n_forms > 0
		       ? 0
		       : problem(r, "Arguments= is missing: a line for each form that is "
				    "allowed, an empty one for no arguments");
}

/* ---- files -------------------------------------------------------------------------- */

/* "commands" beside a config file. Return: it, or NULL for want of memory. */
static char *directory_of(struct arena *a, const char *config)
{
	const char *slash = strrchr(config, '/');

	return slash ? arena_printf(a, "%.*s/commands", (int)(slash - config), config)
		     : arena_strdup(a, "commands");
}

/* What the first problem says. */
static int tell_why(struct reading *r, struct err *e)
{
	const struct config_problem *p = &r->problems->problems[0];

	r->command->why = p->line ? arena_printf(r->arena, "%s:%" PRIu64 ": %s", p->file,
					    p->line, p->text)
				  : arena_printf(r->arena, "%s %s", p->file, p->text);
	return r->command->why ? 0 : config_no_memory(e);
}

static void config_drop(struct config **c)
{
	config_free(*c);
}

/* Return: 1 where there is one, be it one that can't be used; 0; -1 with @e. */
static int read_entry(
	const char *directory, struct command *c, struct arena *a, struct err *e)
{
	_cleanup_(config_drop) struct config *problems = calloc(1, sizeof(*problems));
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	char *path = arena_printf(a, "%s/%s.conf", directory, c->name);
	struct reading r = { problems, a, c, path, 0, 0, e };
	size_t size = 0;

	if (!problems || !path)
		return config_no_memory(e);
	if (config_directory_open(problems, directory, &fd, e) < 0)
		return -1;
	if (fd >= 0 && config_file_read(problems, fd, path, &text, &size, e) < 0)
		return -1;
	if (text && read_text(&r, text, size) < 0)
		return -1;
	/* No mistake of who wrote it, that would take the command alone away. */
	if (problems->failed)
		return err_set(e, problems->failed, "read %s", path);
	if (problems->n_problems > 0)
		return tell_why(&r, e) < 0 ? -1 : 1;
	return text != NULL;
}

static int read_any(const char *own, struct command *c, struct arena *a, struct err *e)
{
	int r = read_entry(own, c, a, e);

	if (r == 0)
		r = read_entry(PATH_COMMANDS, c, a, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	c->absent = true;
	c->why = arena_printf(
		a, "there is no %s.conf in %s or %s", c->name, own, PATH_COMMANDS);
	return c->why ? 0 : config_no_memory(e);
}

static int read_all(const char *config, const struct strlist *names,
	struct command_list *l, struct err *e)
{
	const char *own = directory_of(&l->arena, config ? config : PATH_CONF);

	l->v = arena_alloc(&l->arena, (names->n + 1) * sizeof(*l->v));
	if (!own || !l->v)
		return config_no_memory(e);
	for (; l->n < names->n && l->n < COMMANDS_MAX; l->n++) {
		struct command *c = &l->v[l->n];

		*c = (struct command){ .name = arena_strdup(&l->arena, names->v[l->n]),
			.service = "",
			.time_usec = 10 * UINT64_C(60000000),
			.input_max = UINT64_C(64) << 20,
			.output_max = UINT64_C(16) << 20 };
		if (!c->name)
			return config_no_memory(e);
		if (read_any(own, c, &l->arena, e) < 0)
			return -1;
	}
	return 0;
}

int command_entries(const char *config, const struct strlist *names,
	struct command_list *ret, struct err *e)
{
	struct command_list l = { 0 };

	if (read_all(config, names, &l, e) < 0) {
		arena_clear(&l.arena);
		return -1;
	}
	*ret = l;
	return 0;
}

static int add_names(const char *directory, struct strlist *ret, struct err *e)
{
	_cleanup_dir_ DIR *dir = opendir(directory);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *name = strdup(entry->d_name);
		char *dot = name ? strrchr(name, '.') : NULL;

		if (!name)
			return config_no_memory(e);
		if (!dot || strcmp(dot, ".conf") != 0)
			continue;
		*dot = '\0';
		if (command_name_is_valid(name) && !strlist_has(ret, name) &&
			strlist_add(ret, name) < 0)
			return config_no_memory(e);
	}
	return 0;
}

int command_names(const char *config, struct strlist *ret, struct err *e)
{
	struct arena a = { 0 };
	const char *own = directory_of(&a, config ? config : PATH_CONF);
	int r = own ? add_names(own, ret, e) : config_no_memory(e);

	arena_clear(&a);
	return r < 0 ? -1 : add_names(PATH_COMMANDS, ret, e);
}
