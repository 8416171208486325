/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/nsctl_run.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "helpers/client.h"
#include "helpers/session_id.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>

#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

/* ---- entering
 * ------------------------------------------------------------------------------- */

/* "0" is the writer itself. */
static int move_self(const int *fds, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (write(fds[i], "0", 1) != 1)
			return err_set(e, errno, "move into the session's cgroup");
	return 0;
}

/* Who asked for it, in the log before anything is entered. */
static void note(const struct run *r)
{
	char who[32] = "";

	if (io_read_text(AT_FDCWD, "/proc/self/loginuid", who, sizeof(who)) < 0 ||
		strcmp(who, "4294967295") == 0)
		(void)snprintf(who, sizeof(who), "%u", getuid());
	openlog("nsctl", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_INFO, "session %s: uid %s runs %s as %s", r->reply.id, who,
		r->command[0], r->account.name);
	closelog();
}

static int join(struct run *r, int pidfd, struct err *e)
{
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	note(r);
	if (client_join(pidfd, &r->reply, e) < 0)
		return -1;
	return client_request(r->lease, &joined, e);
}

/* What an answer means. Return: 1 once inside, 0 to wait for the next, -1 with @e. */
static int follow(struct run *r, const int *fds, size_t n, struct err *e)
{
	switch (r->reply.kind) {
	case PROTO_MOVE:
		return move_self(fds, n, e);
	case PROTO_JOIN:
		if (n != 1)
			break;
		return join(r, fds[0], e) < 0 ? -1 : 1;
	case PROTO_IGNORE:
		return err_set(e, 0,
			"%s isn't isolated (\"nsctl plan %s\" says why): there is no session to run it in",
			r->account.name, r->account.name);
	case PROTO_DENY:
	case PROTO_UNBOXED:
		return err_set(e, 0, "%s", r->reply.text);
	default:
		break;
	}
	return err_set(e, EBADMSG, "hear from the helper");
}

static int converse(struct run *r, struct err *e)
{
	for (;;) {
		int fds[IO_FDS_MAX], result;
		size_t n = 0;

		if (client_reply(r->lease, &r->reply, fds, &n, e) < 0)
			return -1;
		result = follow(r, fds, n, e);
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		if (result != 0)
			return result < 0 ? -1 : 0;
	}
}

int run_enter(struct run *r, struct err *e)
{
	struct proto_request q = {
		.magic = PROTO_MAGIC, .kind = PROTO_OPEN, .service = PROTO_SERVICE_RUN
	};
	pid_t helper;
	int result;

	if (strlen(r->account.name) >= sizeof(q.user))
		return err_set(e, ENAMETOOLONG, "ask the helper");
	session_id_make(q.id);
	(void)snprintf(q.user, sizeof(q.user), "%s", r->account.name);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from the box");
	(void)signal(SIGCHLD, SIG_DFL);
	if (client_spawn(r->helper, r->config, &r->lease, &helper, e) < 0)
		return -1;
	/* Not client_request(), which hands a terminal down. */
	result = io_send(r->lease, &q, sizeof(q), NULL, 0) < 0
			 ? err_set(e, errno, "ask the helper")
			 : converse(r, e);
	if (result < 0)
		cleanup_close(&r->lease);
	client_reap(helper);
	return result;
}

/* ---- the command
 * ---------------------------------------------------------------------------- */

static _Noreturn void die(const char *what, const char *object)
{
	int status = errno == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTED;

	(void)dprintf(2, "nsctl run: %s %s: %s\n", what, object, strerrordesc_np(errno));
	_exit(status);
}

/* A value that can do no more than name a language or a terminal. */
static const char *plain(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._@+-";
	const char *value = getenv(name);

	return value && *value && strlen(value) < 64 &&
			       strspn(value, good) == strlen(value)
		       ? value
		       : NULL;
}

static void environment(const struct run *r)
{
	const char *term = plain("TERM"), *lang = plain("LANG");
	char kept[2][64];

	(void)snprintf(kept[0], sizeof(kept[0]), "%s", term ? term : "");
	(void)snprintf(kept[1], sizeof(kept[1]), "%s", lang ? lang : "");
	(void)clearenv();
	if (setenv("HOME", r->account.home, 1) < 0 ||
		setenv("SHELL", r->account.shell[0] ? r->account.shell : "/bin/sh", 1) <
			0 ||
		setenv("USER", r->account.name, 1) < 0 ||
		setenv("LOGNAME", r->account.name, 1) < 0 ||
		setenv("PATH", PATH_USER, 1) < 0 ||
		setenv("XDG_RUNTIME_DIR", r->reply.runtime_dir, 1) < 0 ||
		setenv("NSSHELL_SESSION", r->reply.id, 1) < 0 ||
		(term && setenv("TERM", kept[0], 1) < 0) ||
		(lang && setenv("LANG", kept[1], 1) < 0))
		die("make the environment of", r->account.name);
}

static void become(const struct account *a)
{
	/* Groups that the policy doesn't keep may have no id inside. */
	if (setgroups(a->n_groups, a->groups) < 0 && setgroups(1, &a->gid) < 0)
		die("take on the groups of", a->name);
	if (setresgid(a->gid, a->gid, a->gid) < 0 ||
		setresuid(a->uid, a->uid, a->uid) < 0)
		die("become", a->name);
	if (setuid(0) == 0 || getuid() != a->uid || geteuid() != a->uid ||
		getgid() != a->gid || getegid() != a->gid) {
		errno = EPERM;
		die("become nobody but", a->name);
	}
}

static void signals_reset(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void run_command(const struct run *r)
{
	signals_reset();
	for (int fd = 0; fd < 3; fd++)
		if (r->stdio[fd] != fd && dup2(r->stdio[fd], fd) < 0)
			die("hand over an fd to", r->command[0]);
	if (sys_close_from(3) < 0 || setsid() < 0)
		die("prepare", r->command[0]);
	(void)umask(022);
	environment(r);
	become(&r->account);
	if (chdir(r->account.home) < 0 && chdir("/") < 0)
		die("go to", "/");
	(void)execvp(r->command[0], r->command);
	die("run", r->command[0]);
}
