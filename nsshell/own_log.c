/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host's log says of the caller's sessions. */
#include "nsshell/own.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/plan/ownlog.h"
#include "core/run/privs.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX       8
#define LINE_MOST       4096 /* a longer one is nobody's */
#define PATH_JOURNALCTL "/usr/bin/journalctl"
#define NOBODY          65534 /* owns nothing */

struct sources {
	int fds[FILES_MAX];
	struct stat st[FILES_MAX];
	size_t n;
};

/* ---- files of a syslog daemon ------------------------------------------------------------- */

/* Return: whether it is there, now or under that name already. */
static bool open_file(struct sources *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat *st = &s->st[s->n];

	if (fd < 0)
		return false;
	if (s->n == FILES_MAX - 1 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		(void)close(fd);
		return false;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->st[i].st_dev == st->st_dev && s->st[i].st_ino == st->st_ino) {
			(void)close(fd);
			return true;
		}
	s->fds[s->n++] = fd;
	return true;
}

/* Of each set the first that is there, as `nsctl log` takes them for root. */
static void open_files(struct sources *s)
{
	static const char *const sets[][3] = {
		{ "/var/log/auth.log", "/var/log/secure", "/var/log/messages" },
		{ "/var/log/kern.log", "/var/log/messages", NULL },
	};

	for (size_t set = 0; set < sizeof(sets) / sizeof(*sets); set++)
		for (size_t i = 0; i < 3 && sets[set][i]; i++) {
			char old[64];

			(void)snprintf(old, sizeof(old), "%s.1", sets[set][i]);
			(void)open_file(s, old);
			if (open_file(s, sets[set][i]))
				break;
		}
}

/* ---- the journal -------------------------------------------------------------------------- */

/* Its folder belongs to the group that may read it. Return: 0 where there is none. */
static gid_t journal_group(void)
{
	static const char *const folders[] = { "/var/log/journal", "/run/log/journal" };
	struct stat st;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (lstat(folders[i], &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0)
			return st.st_gid;
	return 0;
}

/*
 * Should:   be nobody, with the one group that may read the journal, before journalctl runs
 * Mustn't:  keep an fd, an environment, a capability, or the way to one; be the caller's to
 *	     trace, as its uid would be
 */
static _Noreturn void run_journalctl(gid_t group, int out)
{
	static const char *const argv[] = { "journalctl", "-q", "--no-pager", "-o",
		"short-iso", "-n", "20000", "_UID=0", "SYSLOG_IDENTIFIER=nsshell",
		"SYSLOG_IDENTIFIER=nsctl", "SYSLOG_IDENTIFIER=nsjoin", "+", "_UID=0",
		"SYSLOG_FACILITY=10", "+", "_TRANSPORT=kernel", NULL };
	static const char *const env[] = { "LC_ALL=C", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0 ||
		sys_close_from(3) < 0)
		_exit(OWN_FAILED);
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_drop_bound(c) < 0)
			_exit(OWN_FAILED);
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0 || privs_drop_caps() < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || getuid() != NOBODY)
		_exit(OWN_FAILED);
	(void)execve(PATH_JOURNALCTL, (char *const *)(uintptr_t)argv,
		(char *const *)(uintptr_t)env);
	_exit(OWN_FAILED);
}

static int open_journal(struct sources *s, struct err *e)
{
	gid_t group = journal_group();
	int pair[2];
	pid_t pid;

	if (group == 0 || access(PATH_JOURNALCTL, X_OK) < 0)
		return 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	pid = fork();
	if (pid == 0)
		run_journalctl(group, pair[1]);
	(void)close(pair[1]);
	s->fds[s->n++] = pair[0];
	return pid < 0 ? err_set(e, errno, "start journalctl") : 0;
}

/* ---- reading them ------------------------------------------------------------------------- */

static _Noreturn void end(int status)
{
	/* exit_group(2), which _exit() is, isn't allowed any more. */
	for (;;)
		(void)syscall(SYS_exit, status);
}

static void tell(char *line, struct ownlog *o)
{
	size_t len, done = 0;

	if (!ownlog_take(o, line))
		return;
	len = strlen(line);
	line[len++] = '\n';
	while (done < len) {
		ssize_t n = write(STDOUT_FILENO, line + done, len - done);

		if (n < 0)
			end(OWN_FAILED);
		done += (size_t)n;
	}
}

/* A line with a zero byte in it ends there, and one that is too long is left out. */
static void pass_on(int fd, struct ownlog *o)
{
	static char bytes[65536], line[LINE_MOST + 2];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (bytes[i] == '\n') {
				line[len] = '\0';
				if (len < LINE_MOST)
					tell(line, o);
				len = 0;
			} else if (len < LINE_MOST) {
				line[len++] = bytes[i];
			}
		}
}

static int open_sources(int argc, char **argv, struct sources *s, struct err *e)
{
	if (argc == OWN_LOG_WORDS && strcmp(argv[OWN_LOG_FROM], OWN_LOG_JOURNAL) == 0)
		return open_journal(s, e);
	if (argc != OWN_LOG_WORDS || strcmp(argv[OWN_LOG_FROM], OWN_LOG_FILES) != 0)
		return err_set(e, 0, "log takes \"%s\" or \"%s\"", OWN_LOG_JOURNAL,
			OWN_LOG_FILES);
	open_files(s);
	return 0;
}

/* As kin_home_born() has it: what is older than the home is another's of that name and uid. */
static void take_since(const char *home, struct ownlog *o)
{
	time_t now = time(NULL), born;
	struct statx st = { 0 };

	(void)localtime_r(&now, &o->now);
	if (statx(AT_FDCWD, home, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
		!(st.stx_mask & STATX_BTIME) || st.stx_btime.tv_sec <= 0)
		return;
	born = (time_t)st.stx_btime.tv_sec;
	(void)localtime_r(&born, &o->since);
}

int own_log(const struct door_before *caller, int argc, char **argv)
{
	static struct sources s;
	static struct ownlog o;
	static char user[ACCOUNT_NAME_MAX];
	char home[PATH_MAX] = "";
	const struct passwd *pw = getpwuid(caller->uid);
	struct err e = { 0 };
	int r;

	if (pw) {
		(void)snprintf(user, sizeof(user), "%s", pw->pw_name);
		(void)snprintf(home, sizeof(home), "%s", pw->pw_dir);
	}
	o.user = user;
	o.uid = caller->uid;
	r = open_sources(argc, argv, &s, &e);
	r = own_say(caller, r, &e);
	if (r != 0)
		return r;
	take_since(home, &o);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) < 0)
		return OWN_FAILED;
	for (size_t i = 0; i < s.n; i++)
		pass_on(s.fds[i], &o);
	end(0);
}
