/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin run by who isn't root. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/run/session/own_sessions.h"
#include "core/run/session/own_run.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int check(const struct nsjoin_request *q, struct err *e)
{
	/* The other end of what --observe connects to is the user's own process: root could be
	 * kept waiting there. */
	if (q->root || q->as || q->force || q->observe)
		return err_set(e, 0,
			"--root, --user, --force and --observe are for root: try sudo nsjoin");
	if (q->directory && q->directory[0] != '/')
		return err_set(
			e, 0, "--workdir: \"%s\" isn't an absolute path", q->directory);
	return 0;
}

/* ---- which -------------------------------------------------------------------------------- */

static bool is_meant(const struct nsjoin_request *q, const struct record *r, bool by_id)
{
	if (r->state != RECORD_OPEN && r->state != RECORD_LINGERING)
		return false;
	if (q->session && strcmp(q->session, r->id) != 0)
		return false;
	return strcmp(q->target, by_id ? r->id : r->user) == 0;
}

/* As find_sessions() has it: an account's name goes before an id that reads the same. Return: how many. */
static size_t sift(const struct nsjoin_request *q, struct record *all, size_t n)
{
	size_t kept = 0;

	for (int by_id = 0; by_id <= 1 && kept == 0; by_id++)
		for (size_t i = 0; i < n; i++)
			if (is_meant(q, &all[i], by_id))
				all[kept++] = all[i];
	return kept;
}

static int choose(
	const struct nsjoin_request *q, struct record **ret, size_t *ret_n, struct err *e)
{
	if (own_sessions(ret, ret_n, e) < 0)
		return -1;
	*ret_n = sift(q, *ret, *ret_n);
	if (*ret_n > 0)
		return 0;
	return err_set(e, 0, "%s has no running session%s%s: see `nsctl list`", q->target,
		q->session ? " " : "", q->session ? q->session : "");
}

/* ---- what --------------------------------------------------------------------------------- */

static int start(const struct nsjoin_request *q, const struct record *r,
	const struct passwd *pw, const char **env, struct proxy *ret, struct err *e)
{
	const char *shell = *pw->pw_shell ? pw->pw_shell : "/bin/sh";
	const char *base = strrchr(shell, '/');
	char dashed[64];
	const char *login[] = { dashed, NULL };
	struct session_command c = {
		.head = { .on_pty = q->on_pty,
			.directory_must = q->directory != NULL,
			.mask = 022,
			.manner = q->manner },
		.directory = q->directory ? q->directory : pw->pw_dir,
		.home = pw->pw_dir,
		.file = q->command ? q->command[0] : shell,
		.argv = q->command ? (const char **)(uintptr_t)q->command : login,
		.env = env,
	};
	int no_agent;
	bool no_exec;

	(void)snprintf(dashed, sizeof(dashed), "-%s", base ? base + 1 : shell);
	session_command_own_limits(&c);
	if (own_run(getuid(), r->id, &c, ret, &no_agent, &no_exec, e) == 0)
		return 0;
	if (!no_exec)
		return NSJOIN_FAILED;
	return e->num == ENOENT ? NSJOIN_NOT_FOUND : NSJOIN_NO_EXEC;
}

static int start_as(const struct nsjoin_request *q, const struct record *r,
	struct proxy *ret, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());
	_cleanup_free_ const char **env = NULL;
	struct strlist list = { 0 };
	int status = NSJOIN_FAILED;

	if (!pw)
		return err_set(e, 0, "uid %u has no account", getuid()), status;
	const struct loginenv person = {
		.user = pw->pw_name,
		.home = pw->pw_dir,
		.shell = *pw->pw_shell ? pw->pw_shell : "/bin/sh",
		.uid = pw->pw_uid,
		.session = r->id,
		.in_session = true,
	};

	if (nsjoin_env(q, &person, &list, &env, e) == 0)
		status = start(q, r, pw, env, ret, e);
	strlist_clear(&list);
	return status;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* A session that is over has no name any more. */
static bool has_ended(const struct record *r)
{
	_cleanup_close_ int sock = -EBADF;
	struct err ignored;

	return session_socket_connect(r->uid, r->id, &sock, &ignored) != 0;
}

static int follow(
	const struct nsjoin_options *o, const struct record *r, size_t n, struct proxy *p)
{
	struct proxy_end end;
	struct err e;
	int status;

	if (!o->quiet)
		nsjoin_say_which(r, n);
	if (proxy_run(p, &end, &e) < 0) {
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
		return NSJOIN_FAILED;
	}
	status = proxy_exit_status(&end);
	if (status == 128 + SIGKILL && !o->quiet && has_ended(&r[n - 1]))
		(void)fprintf(stderr, "nsjoin: session %s of %s has ended\n", r[n - 1].id,
			r[n - 1].user);
	return status;
}

int nsjoin_own(struct nsjoin_request *q, const struct nsjoin_options *o)
{
	_cleanup_free_ struct record *own = NULL;
	struct proxy p = PROXY_NONE;
	struct err e = { 0 };
	int status = NSJOIN_FAILED;
	size_t n = 0;

	if (check(q, &e) == 0 && nsjoin_look_at_stdio(o, q, &e) == 0 &&
		choose(q, &own, &n, &e) == 0)
		status = start_as(q, &own[n - 1], &p, &e);
	if (status == 0)
		return follow(o, own, n, &p);
	(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	return status;
}
