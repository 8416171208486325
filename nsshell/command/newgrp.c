/* SPDX-License-Identifier: BSD-3-Clause */
/* newgrp(1) and sg(1): the session starts the shell or the command, with another of the account's groups first. */
#include "nsshell/command/inside.h"

#include "core/base/cleanup.h"
#include "core/plan/loginenv.h"
#include "core/run/enter/inside.h"
#include "core/run/session/own_run.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* shadow's E_CMD_NOEXEC and E_CMD_NOTFOUND */
#define NOT_EXECUTED 126
#define NOT_FOUND    127

#define SH           "/bin/sh"

struct newgrp {
	const char *program; /* "newgrp" or "sg" */
	const char *group;   /* NULL: the passwd entry's */
	const char *command; /* sg's, or NULL: a shell */
	bool login;
	char id[64];
};

/* ---- what is asked for -------------------------------------------------------------------- */

static int usage(const struct newgrp *n)
{
	(void)fprintf(stderr, "Usage: %s\n",
		strcmp(n->program, "sg") == 0 ? "sg group [[-c] command]"
					      : "newgrp [-] [group]");
	return -1;
}

/* As shadow takes it: newgrp heeds the first word, sg the first that follows the group, or its -c. */
static int parse(int argc, char **argv, struct newgrp *n)
{
	int at = 1;

	if (at < argc && (strcmp(argv[at], "-") == 0 || strcmp(argv[at], "-l") == 0)) {
		n->login = true;
		at++;
	}
	if (at < argc && argv[at][0] == '-')
		return usage(n);
	n->group = at < argc ? argv[at++] : NULL;
	if (strcmp(n->program, "sg") != 0)
		return 0;
	if (!n->group)
		return usage(n);
	if (at + 1 < argc && strcmp(argv[at], "-c") == 0)
		at++;
	n->command = at < argc ? argv[at] : NULL;
	return 0;
}

/* ---- what is started ---------------------------------------------------------------------- */

static const char *variable(const char *name, const char *usual)
{
	const char *value = getenv(name);

	return value && *value ? value : usual;
}

/* With "-" that of a login, else ours. Return: to be freed; NULL with @e. */
static const char **environment(const struct newgrp *n, const char *shell,
	const char *home, struct strlist *list, struct err *e)
{
	const struct loginenv in = {
		.user = variable("USER", variable("LOGNAME", "?")),
		.home = home,
		.shell = shell,
		.uid = getuid(),
		.session = n->id,
		.in_session = true,
		.bus = getenv("DBUS_SESSION_BUS_ADDRESS"),
		.term = getenv("TERM"),
		.lang = getenv("LANG"),
	};
	size_t count = 0;
	const char **env;

	if (n->login && loginenv_make(&in, list, e) < 0)
		return NULL;
	while (environ[count])
		count++;
	env = calloc((n->login ? list->n : count) + 1, sizeof(*env));
	if (!env)
		(void)err_set(e, ENOMEM, "make the environment");
	else if (n->login)
		memcpy(env, list->v, list->n * sizeof(*env));
	else
		memcpy(env, environ, count * sizeof(*env));
	return env;
}

/* Return: 0; else an exit status with @e. */
static int start(const struct newgrp *n, struct proxy *ret, struct err *e)
{
	const char *shell = variable("SHELL", SH), *home = variable("HOME", "/");
	_cleanup_(strlist_clear) struct strlist list = { 0 };
	_cleanup_free_ const char **env =
		environment(n, shell, *home == '/' ? home : "/", &list, e);
	char name[256], directory[4096];
	const char *const of_sh[] = { "sh", "-c", n->command, NULL },
			  *const of_shell[] = { name, NULL };
	struct session_command c = {
		/* No other one than ours: what is started may remove files by names below it. */
		.head = { .login = 1, .directory_must = !n->login },
		.home = *home == '/' ? home : "/",
		.file = n->command ? SH : shell,
		.argv = (const char **)(uintptr_t)(n->command ? of_sh : of_shell),
		.env = env,
		.group = n->group ? n->group : "",
	};
	int no_agent;
	bool no_exec = false;

	/* With Root=yes; the session's requests are the account's. */
	if (getuid() == 0) {
		(void)err_set(e, 0,
			"it is for the account of this box, and not for its root, who has su -g and setpriv(1)");
		return EXIT_FAILURE;
	}
	if (!env || own_run_like_us(&c, e) < 0)
		return EXIT_FAILURE;
	(void)snprintf(name, sizeof(name), "%s%.250s", n->login ? "-" : "",
		strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell);
	if (!n->login && (!getcwd(directory, sizeof(directory)) || *directory != '/')) {
		(void)err_set(e, errno, "find the working directory, in which to start");
		return EXIT_FAILURE;
	}
	c.directory = n->login ? c.home : directory;
	if (own_run(getuid(), n->id, &c, ret, &no_agent, &no_exec, e) == 0)
		return 0;
	if (!no_exec)
		return EXIT_FAILURE;
	return e->num == ENOENT ? NOT_FOUND : NOT_EXECUTED;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* shadow asks for the password of a group that isn't the account's, and ends with these words where there is none. */
static int refuse(const struct newgrp *n, const struct err *e, int status)
{
	(void)fprintf(stderr, "%s: %s\n", n->program, e->msg);
	if (status == EXIT_FAILURE && n->group && e->num == EPERM)
		(void)fputs("Invalid password.\n", stderr);
	return status;
}

int command_newgrp(int argc, char **argv)
{
	struct newgrp n = { .program = argv[0] };
	struct proxy p = PROXY_NONE;
	struct proxy_end end;
	struct err e = { 0 };
	int status;

	if (parse(argc, argv, &n) < 0)
		return EXIT_FAILURE;
	inside_session_id(n.id, sizeof(n.id));
	status = start(&n, &p, &e);
	if (status != 0)
		return refuse(&n, &e, status);
	if (proxy_run(&p, &end, &e) < 0)
		return refuse(&n, &e, EXIT_FAILURE);
	return proxy_exit_status(&end);
}
