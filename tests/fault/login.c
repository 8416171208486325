/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A login program reduced to what PAM sees of it, with a witness outside who says where it got to.
 *
 *   login [-t] CONFDIR SERVICE USER
 *
 * With -t standard input is a terminal of its own, which PAM_TTY names. What PAM answers, what the
 * module tells the user, and, once the session is open, what /proc has of the login program
 * ("caller") and of the user's shell ("shell") goes to standard output:
 *
 *   said: TEXT
 *   open: PAM's code, and the session's id or -
 *   caller|shell|init NAME: a line of that file of /proc/PID, or of the session's cgroup
 *   out: what a command of the user's says
 *   end: the wait status of the login program
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pty.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
	const char *confdir, *service, *user;
	bool terminal;
};

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "login: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- the login program -------------------------------------------------------------------- */

static int converse(
	int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	(void)arg;
	for (int i = 0; i < n; i++)
		(void)dprintf(STDERR_FILENO, "said: %s\n", msg[i]->msg);
	*resp = calloc((size_t)n, sizeof(**resp));
	return *resp ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* Its words go to @out, and it lives until @in ends. */
static _Noreturn void shell(const struct passwd *pw, int in, int out)
{
	static char
		sh[] = "/bin/sh",
		c[] = "-c",
		script[] =
			"cd; echo \"shell $(hostname) $(stat -c %U:%a /tmp . /dev/pts) "
			"$(echo /dev/* /proc/[0-9]*)\"; exec cat";
	char *const argv[] = { sh, c, script, NULL }, *const envp[] = { NULL };

	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
		setuid(pw->pw_uid) < 0)
		die("take on the user's ids");
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		die("dup2");
	(void)execve(sh, argv, envp);
	die(sh);
}

static void name_terminal(pam_handle_t *pamh)
{
	int master, slave;
	char name[64];

	if (openpty(&master, &slave, name, NULL, NULL) < 0 ||
		dup2(slave, STDIN_FILENO) < 0 || fcntl(master, F_SETFD, FD_CLOEXEC) < 0)
		die("openpty");
	(void)close(slave);
	(void)pam_set_item(pamh, PAM_TTY, name);
}

/* Tells @out first whether the session is open. */
static void login(const struct options *o, const struct passwd *pw, int in, int out)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	const char *id;
	int ret, status = 0;
	pid_t pid;

	if (pam_start_confdir(o->service, o->user, &conv, o->confdir, &pamh) !=
		PAM_SUCCESS)
		die("pam_start");
	if (o->terminal)
		name_terminal(pamh);
	ret = pam_open_session(pamh, 0);
	id = pam_getenv(pamh, "NSSHELL_SESSION");
	(void)dprintf(out, "open: %d %s\n", ret, id ? id : "-");
	if (ret == PAM_SUCCESS) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			shell(pw, in, out);
		(void)close(out);
		if (waitpid(pid, &status, 0) < 0)
			die("wait");
		ret = pam_close_session(pamh, 0);
	}
	(void)pam_end(pamh, ret);
	/* A shell that didn't end by itself was killed with its session. */
	if (status != 0)
		exit(3);
	exit(ret == PAM_SUCCESS ? 0 : 1);
}

/* ---- the witness ---------------------------------------------------------------------------- */

static void show_file(const char *who, const char *path, const char *name)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		(void)printf("%s %s: %s", who, name, line);
	if (f)
		(void)fclose(f);
}

static void show_links(const char *who, pid_t pid)
{
	static const char *const names[] = { "ns/user", "ns/pid", "ns/pid_for_children",
		"ns/mnt", "ns/uts", "ns/ipc", "ns/cgroup", "ns/net", "ns/time", "cwd" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[64], link[512];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, names[i]);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		(void)printf("%s %s: %s\n", who, names[i], link);
	}
}

/* Limits of the groups that it is in, and of the directories above, up to the hierarchy's root. */
static void show_limits(const char *who, const char *controller, char *group)
{
	static const char *const names[] = { "memory.limit_in_bytes", "memory.max",
		"memory.swap.max", "pids.max", "cpu.cfs_quota_us", "cpu.max",
		"cpu.shares", "cpu.weight" };
	char path[1024], label[1200];

	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			(void)snprintf(path, sizeof(path),
				"/sys/fs/cgroup/%.32s%s%.500s/%s", controller,
				*controller ? "/" : "", group, names[i]);
			(void)snprintf(label, sizeof(label), "%s %s",
				up ? "account" : "session", names[i]);
			show_file(who, path, label);
		}
		if (strrchr(group, '/'))
			*strrchr(group, '/') = '\0';
	}
}

static void show_groups(const char *who, pid_t pid)
{
	char path[64], line[1024], *controllers, *group, *save;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		(void)printf("%s cgroup: %s\n", who, line);
		controllers = strchr(line, ':');
		group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = '\0';
		controllers = strtok_r(controllers + 1, ",", &save);
		show_limits(who, controllers ? controllers : "", group);
	}
	if (f)
		(void)fclose(f);
}

static void show_process(const char *who, pid_t pid)
{
	static const char *const names[] = { "status", "limits", "uid_map", "gid_map",
		"oom_score_adj", "mountinfo" };
	char path[64];

	show_links(who, pid);
	show_groups(who, pid);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, names[i]);
		show_file(who, path, names[i]);
	}
}

/* The only child; 0 when there is none. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	int child = 0;
	FILE *f;

	(void)snprintf(
		path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%d", &child) != 1)
			child = 0;
		(void)fclose(f);
	}
	return child;
}

static void witness(pid_t caller, int from, int to)
{
	FILE *f = fdopen(from, "r");
	char line[4096];
	int code = -1;

	if (!f)
		die("fdopen");
	if (!fgets(line, sizeof(line), f) || sscanf(line, "open: %d", &code) != 1)
		return;
	(void)printf("%s", line);
	if (code == PAM_SUCCESS && fgets(line, sizeof(line), f)) {
		(void)printf("out: %s", line);
		show_process("caller", caller);
		show_process("shell", child_of(caller));
	}
	/* Its input ends, and so does the shell; one that still has something to say isn't killed by SIGPIPE meanwhile. */
	(void)close(to);
	while (fgets(line, sizeof(line), f))
		continue;
	(void)fclose(f);
}

int main(int argc, char **argv)
{
	struct options o = { .terminal = argc > 1 && strcmp(argv[1], "-t") == 0 };
	int up[2], down[2], status;
	struct passwd *pw;
	pid_t pid;

	argv += o.terminal;
	if (argc - o.terminal != 4) {
		(void)fprintf(stderr, "usage: login [-t] CONFDIR SERVICE USER\n");
		return 2;
	}
	o.confdir = argv[1];
	o.service = argv[2];
	o.user = argv[3];
	pw = getpwnam(o.user);
	if (!pw || pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		die(o.user);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)close(up[0]);
		(void)close(down[1]);
		login(&o, pw, down[0], up[1]);
	}
	(void)close(up[1]);
	(void)close(down[0]);
	witness(pid, up[0], down[1]);
	if (waitpid(pid, &status, 0) != pid)
		die("wait");
	(void)printf("end: %d\n", status);
	return 0;
}
