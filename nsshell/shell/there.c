/* SPDX-License-Identifier: BSD-3-Clause */
/* The shell in a session of the caller's: the session starts it, and we stand in front of it. */
#include "nsshell/shell/nsshell.h"

#include "core/base/cleanup.h"
#include "core/run/session/own_run.h"
#include "nsshell/shell/agent.h"
#include "nsshell/shell/env.h"

#include <string.h>

/* nsshell -c COMMAND ARGUMENT... is bash -c COMMAND ARGUMENT... */
static const char **words_of(const struct nsshell_call *call, const char *name)
{
	size_t n = call->command ? (size_t)call->argc : 0;
	const char **words = calloc(n + 3, sizeof(*words));

	if (!words)
		return NULL;
	words[0] = name;
	if (n > 0)
		words[1] = "-c";
	for (size_t i = 0; i < n; i++)
		words[2 + i] = call->command[i];
	return words;
}

static int follow(const struct nsshell_call *call, struct proxy *p, int agent)
{
	struct proxy_end end;
	struct err e;

	if (agent >= 0) {
		agent_serve(agent, getenv("SSH_AUTH_SOCK"), call->agent);
		(void)close(agent);
	}
	if (proxy_run(p, &end, &e) == 0)
		return proxy_exit_status(&end);
	(void)fprintf(stderr, "nsshell: %s\n", e.msg);
	return DOOR_FAILED;
}

/* Ours, as a name to be tried inside; home where it has none any more, or one that is hidden. */
static int own_directory(char *buf, size_t size, const char *home, struct err *e)
{
	if (getcwd(buf, size) && *buf == '/')
		return 0;
	if (errno != ENOENT && errno != EACCES && errno != ERANGE &&
		errno != ENAMETOOLONG)
		return err_set(e, errno, "look where we are");
	(void)snprintf(buf, size, "%s", home);
	return 0;
}

static int start(const struct nsshell_call *call, const struct door_answer *a,
	const struct session_command_head *head, struct proxy *ret, int *ret_agent,
	struct err *e)
{
	static struct nsshell_env env;
	struct session_command c = { .head = *head };
	char shell[POLICY_SHELL_MAX], name[POLICY_SHELL_MAX], directory[4096];
	_cleanup_free_ const char **words = NULL;
	bool no_exec = false;

	if (nsshell_shell(a->wanted, a->shell, shell, e) < 0 ||
		nsshell_env_make(a, shell, head->on_pty != 0, head->agent, &env, e) < 0)
		return DOOR_FAILED;
	nsshell_shell_name(shell, call->login, name);
	words = words_of(call, name);
	if (!words)
		return err_set(e, ENOMEM, "start the shell"), DOOR_FAILED;
	c.home = a->home;
	if (own_directory(directory, sizeof(directory), a->home, e) < 0)
		return DOOR_FAILED;
	c.directory = directory;
	c.file = shell;
	c.argv = words;
	c.env = env.v;
	if (own_run(getuid(), a->id, &c, ret, ret_agent, &no_exec, e) == 0)
		return 0;
	if (!no_exec)
		return DOOR_FAILED;
	return e->num == ENOENT ? DOOR_NOT_FOUND : DOOR_NOT_EXECUTED;
}

int nsshell_there(const struct nsshell_call *call, const struct door_answer *a)
{
	struct session_command c = { 0 };
	struct proxy p = PROXY_NONE;
	int agent = -EBADF, status = DOOR_FAILED;
	struct err e = { 0 };

	c.head.login = 1;
	c.head.agent = call->agent != 0;
	if (own_run_like_us(&c, &e) == 0) {
		c.head.observed = c.head.on_pty != 0;
		status = start(call, a, &c.head, &p, &agent, &e);
	}
	if (status == 0)
		return follow(call, &p, agent);
	(void)fprintf(stderr, "nsshell: %s\n", e.msg);
	return status;
}
