/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/planning.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/ranges.h"
#include "core/run/mount/lxcfs.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534
/* It waits for us as long as file systems let us wait; we for it as long as a busy host may need. */
#define PATIENCE_MS 30000
#define CPU_S       20
#define MEMORY_MAX  (512UL << 20)
/* What it may ask: a config has no more files than that. */
#define QUESTIONS_MAX 8192

/* ---- its start ----------------------------------------------------------------------- */

/* Or what the login program may have at most, where that is less: in a container root can't raise it. */
static int limit(rlimit_resource what, rlim_t n)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0)
		return -1;
	if (l.rlim_max > n)
		l.rlim_max = n;
	l.rlim_cur = l.rlim_max;
	return setrlimit(what, &l);
}

static int limit_all(void)
{
#ifdef __has_feature
#if __has_feature(address_sanitizer)
	return 0;
#endif
#endif
	return limit(RLIMIT_DATA, MEMORY_MAX) < 0 || limit(RLIMIT_CPU, CPU_S) < 0 ||
			       limit(RLIMIT_FSIZE, WIRE_MAX) < 0 ||
			       limit(RLIMIT_MEMLOCK, 0) < 0
		       ? -1
		       : 0;
}

static int planner_take_id(uid_t id)
{
	return setresgid(id, id, id) < 0 ? -1 : setresuid(id, id, id);
}

/* Nobody else's, so that nobody else signals it or looks into it; there is none where the host's root is one of a few ids. */
static int become_nobody(void)
{
	if (planner_take_id(RANGES_PLANNERS + (uid_t)getpid()) == 0)
		return 0;
	return errno == EINVAL ? planner_take_id(NOBODY) : -1;
}

/*
 * Should:   make of a fork of root's what has no right before the program begins
 * Mustn't:  keep an fd but the socket and the standard ones, which are /dev/null
 */
static _Noreturn void become_planner(int sock, int program, pid_t parent)
{
	char *const argv[] = { (char *)(uintptr_t) "nsshell-planner", NULL };
	char *const envp[] = { NULL };

	if (sock == PLANNER_FD ? fcntl(sock, F_SETFD, 0) < 0 : dup2(sock, PLANNER_FD) < 0)
		_exit(127);
	if (limit_all() < 0 || setgroups(0, NULL) < 0 || become_nobody() < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(127);
	/* Forgotten where ids change. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	(void)fexecve(program, argv, envp);
	_exit(127);
}

int planning_start(int program, const char *config, struct planning *ret, struct err *e)
{
	_cleanup_close_ int ours = program;
	pid_t parent = getpid();
	int pair[2];

	if (ours < 0)
		return err_set(e, -ours, "start %s", PATH_PLANNER);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "start %s", PATH_PLANNER);
	*ret = (struct planning){ .config = config ? config : PATH_CONF,
		.talk = { .sock = pair[0], .patience_ms = PATIENCE_MS } };
	ret->pid = fork();
	if (ret->pid == 0)
		become_planner(pair[1], ours, parent);
	(void)close(pair[1]);
	if (ret->pid < 0) {
		ret->pid = 0;
		return err_set(e, errno, "start %s", PATH_PLANNER);
	}
	return 0;
}

pid_t planning_end(struct planning *p)
{
	pid_t dying = p->pid;

	if (dying > 0)
		(void)kill(dying, SIGKILL);
	p->pid = 0;
	cleanup_close(&p->talk.sock);
	arena_clear(&p->talk.arena);
	return dying;
}

void planning_reap(pid_t dying)
{
	while (dying > 0 && waitpid(dying, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* ---- what it asks -------------------------------------------------------------------- */

/* Whether a path is a directory, or a file "*.conf" in it. */
static bool is_of(const char *path, bool directory, const char *dir)
{
	size_t len = strlen(dir), whole = strlen(path);

	if (strncmp(path, dir, len) != 0)
		return false;
	if (directory)
		return path[len] == '\0';
	return path[len] == '/' && !strchr(path + len + 1, '/') && whole > len + 6 &&
	       strcmp(path + whole - 5, ".conf") == 0;
}

/* Of the config, and nothing else of root's. */
static bool may_open(const struct planning *p, const char *path, bool directory)
{
	const char *slash = strrchr(p->config, '/');
	int len = slash ? (int)(slash - p->config) : 0;
	char dir[4096], drop_ins[4096];

	if (!slash ||
		(size_t)snprintf(dir, sizeof(dir), "%.*s/commands", len, p->config) >=
			sizeof(dir) ||
		(size_t)snprintf(drop_ins, sizeof(drop_ins), "%s.d", p->config) >=
			sizeof(drop_ins))
		return false;
	if (is_of(path, directory, dir) || is_of(path, directory, drop_ins) ||
		is_of(path, directory, PATH_COMMANDS))
		return true;
	dir[len ? len : 1] = '\0';
	return strcmp(path, directory ? dir : p->config) == 0;
}

static int answer_open(struct planning *p, const struct name_told *n, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct look_told told = { .num = EACCES };

	if (may_open(p, n->name, n->flag)) {
		fd = open(n->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
					   (n->flag ? O_DIRECTORY : O_NOFOLLOW));
		told.num = fd < 0 ? (uint32_t)errno : 0;
	}
	return talk_say(&p->talk, MESSAGE_OPENED, &told, fd, e);
}

static int answer_account(struct planning *p, const struct name_told *n, struct err *e)
{
	_cleanup_(account_clear) struct account a = { 0 };
	struct account_found f = { .e.msg = "" };
	struct account none = { 0 };
	struct err why;
	int r = account_read(n->name, &a, &why);

	f.none = r > 0;
	if (r < 0)
		err_tell(&why, &f.e);
	if (account_tell(r == 0 ? &a : &none, &p->talk.arena, &f.account) < 0)
		return err_set(e, ENOMEM, "look an account up");
	return talk_say(&p->talk, MESSAGE_ACCOUNTED, &f, -1, e);
}

/* Where a limit's path lies, and what is mounted on a part of a file system. */
static int answer_look(struct planning *p, const struct name_told *n, struct err *e)
{
	struct look_told told = { 0 };
	struct stat st;

	if (fstatat(AT_FDCWD, n->name, &st,
		    AT_NO_AUTOMOUNT | (n->flag ? 0 : AT_SYMLINK_NOFOLLOW)) < 0)
		told.num = (uint32_t)errno;
	else
		told = (struct look_told){ 0, st.st_mode, st.st_dev, st.st_rdev };
	return talk_say(&p->talk, MESSAGE_LOOKED, &told, -1, e);
}

static int answer_lxcfs(struct planning *p, const struct name_told *n, struct err *e)
{
	const struct look_told told = { .num = lxcfs_answers(n->name) ? 0 : EIO };

	return talk_say(&p->talk, MESSAGE_ANSWERS, &told, -1, e);
}

/* What may be asked, and before which of the planner's words: an account is in the second part only. */
static const struct {
	enum message what, before;
	int (*answer)(struct planning *p, const struct name_told *n, struct err *e);
} questions[] = {
	{ MESSAGE_OPEN, MESSAGE_VERDICT, answer_open },
	{ MESSAGE_ACCOUNT, MESSAGE_VERDICT, answer_account },
	{ MESSAGE_LOOK, MESSAGE_PLAN, answer_look },
	{ MESSAGE_LXCFS, MESSAGE_PLAN, answer_lxcfs },
};

static int answer(struct planning *p, int kind, enum message before,
	const union heard *heard, struct err *e)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		if ((int)questions[i].what == kind && questions[i].before == before)
			return questions[i].answer(p, &heard->name, e);
	return err_set(e, 0, "nsshell-planner said what it mustn't");
}

static int how_it_ended(struct planning *p, struct err *e)
{
	int status = 0;

	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	p->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(e, 0, "make the plan: signal %d ended nsshell-planner",
			WTERMSIG(status));
	if (WEXITSTATUS(status) == 127)
		return err_set(e, 0, "make the plan: %s wasn't started", PATH_PLANNER);
	return err_set(e, 0, "make the plan: nsshell-planner ended without a word");
}

int planning_await(struct planning *p, enum message what, enum message or, int *ret_kind,
	union heard *ret, struct err *e)
{
	for (int i = 0; i < QUESTIONS_MAX; i++) {
		int fd, kind = talk_hear(&p->talk, ret, &fd, e);

		/* It has none to give. */
		cleanup_close(&fd);
		if (kind == 0)
			return how_it_ended(p, e);
		if (kind < 0)
			return err_wrap(e, "make the plan");
		*ret_kind = kind;
		if (kind == (int)what || kind == (int) or)
			return 0;
		if (answer(p, kind, what, ret, e) < 0)
			return -1;
	}
	return err_set(e, 0, "make the plan: nsshell-planner asks without an end");
}
