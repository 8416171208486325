/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a command and everything that it starts, and lets one of their system calls fail.
 *
 *   inject [-a] [-s SECONDS] -o DIRECTORY -l LIST COMMAND [ARGUMENT...]
 *   inject [-a] [-s SECONDS] -o DIRECTORY -f ROLE:CALL:N:FAULT[:also] COMMAND [ARGUMENT...]
 *
 * Only the calls of programs that lie in DIRECTORY count, or are that file, of each -o, and of those not before prctl(FAULT_MARK, 1)
 * nor after prctl(FAULT_MARK, 0), which a child inherits; with -a from the start.
 *
 *   ROLE   who: "c" is the command, "c.2" its second child, "c.2.1" the first child of that. A supervisor's children come
 *          in another order each time: each is "c.2.fork", and the first that executes nsshell-worker "c.2.worker1"
 *          from then on
 *   N      the how manyeth such call of that role
 *   FAULT  the number of an error: the call isn't made (with "also": it is made, but says that
 *          it failed); or KILL: SIGKILL in place of the call
 *
 * LIST gets a line a call: ROLE PROGRAM CALL N WHERE SITE, where WHERE is "loader" for a call of the
 * dynamic loader and else "program", and SITE a number for the instruction and those that called it. The last
 * line on standard output:
 *
 *   inject: met=0|1 fired=0|1 late=0|1 status=the command's wait status
 *
 * met: there was a process ROLE. late: SECONDS were over, and all was killed. Else it ends when nobody is left of all that the
 * command started. Needs Linux 5.3, for PTRACE_GET_SYSCALL_INFO.
 */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/mark.h"
#include "tests/fault/regs.h"
#include "tests/fault/site.h"

#define PROCS_MAX       64
#define CALLS_MAX       512
#define ROLE_MAX        48
#define DIRECTORIES_MAX 8
#define NAMED_MAX       32

struct proc {
	pid_t pid; /* 0: a free place */
	char role[ROLE_MAX];
	char program[64];
	unsigned children;
	bool known;   /* the fork that made it was seen */
	bool waiting; /* stopped until that is so */
	bool ours, marked, in_call, firing;
	uint64_t loader_from, loader_to;
	unsigned count[CALLS_MAX];
};

struct fault {
	char role[ROLE_MAX];
	int call;
	unsigned n;
	int error; /* 0: SIGKILL */
	bool also;
};

static struct {
	struct proc procs[PROCS_MAX];
	struct fault fault;
	FILE *list; /* NULL: inject */
	const char *directories[DIRECTORIES_MAX];
	size_t n_directories;
	char named[NAMED_MAX][ROLE_MAX]; /* roles of who is called by its program */
	size_t n_named;
	bool met; /* the role of the fault is there */
	bool fired, late;
	pid_t command;
	int status;
} run;

static volatile sig_atomic_t alarmed;

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- who is who ------------------------------------------------------------------------- */

static struct proc *find(pid_t pid)
{
	struct proc *empty = NULL;

	for (size_t i = 0; i < PROCS_MAX; i++) {
		if (run.procs[i].pid == pid)
			return &run.procs[i];
		if (!empty && run.procs[i].pid == 0)
			empty = &run.procs[i];
	}
	if (!empty) {
		errno = ENOSPC;
		die("more processes than expected");
	}
	*empty = (struct proc){ .pid = pid };
	return empty;
}

/* The dynamic loader's text, as it is mapped right after an exec. */
static void find_loader(struct proc *p)
{
	char path[32], line[512];
	FILE *f;

	p->loader_from = p->loader_to = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (!strstr(line, "/ld-") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		if (p->loader_from == 0)
			p->loader_from = from;
		p->loader_to = to;
	}
	if (f)
		(void)fclose(f);
}

static bool lies_in(const char *exe, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(exe, directory, len) == 0 && (exe[len] == '/' || exe[len] == '\0');
}

/* By whatever name: a box has the client under those of the host's commands. */
static bool is_file(const char *exe, const char *file)
{
	struct stat a, b;

	return stat(exe, &a) == 0 && stat(file, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_supervisor(const struct proc *p)
{
	return strcmp(p->program, "nsshell-supervisor") == 0;
}

static bool is_named(const char *role)
{
	for (size_t i = 0; i < run.n_named; i++)
		if (strcmp(run.named[i], role) == 0)
			return true;
	return false;
}

/* By its own calls alone: how many a fork makes before differs as well. */
static void name_by_program(struct proc *p)
{
	char role[ROLE_MAX];
	const char *end = strrchr(p->role, '.'), *name = strrchr(p->program, '-');
	unsigned int n = 0;

	if (!end || !name || run.n_named == NAMED_MAX)
		return;
	do
		(void)snprintf(role, sizeof(role), "%.*s.%s%u", (int)(end - p->role),
			p->role, name + 1, ++n);
	while (is_named(role));
	memcpy(run.named[run.n_named++], role, sizeof(role));
	memcpy(p->role, role, sizeof(role));
	memset(p->count, 0, sizeof(p->count));
	run.met |= strcmp(p->role, run.fault.role) == 0;
}

static void executed(struct proc *p)
{
	char path[32], exe[512];
	bool was_supervisor = is_supervisor(p);
	const char *base;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)p->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	base = strrchr(exe, '/');
	(void)snprintf(p->program, sizeof(p->program), "%s", base ? base + 1 : "?");
	p->ours = false;
	for (size_t i = 0; i < run.n_directories; i++)
		p->ours |= lies_in(exe, run.directories[i]) ||
			   is_file(path, run.directories[i]);
	find_loader(p);
	if (was_supervisor && p->ours)
		name_by_program(p);
}

static bool counts(const struct proc *p)
{
	return p->known && p->ours && p->marked;
}

/* Whether its system calls have to be seen; an ancestor's for its marks, as they are inherited. */
static bool is_of_interest(const struct proc *p)
{
	size_t n = strlen(p->role);

	if (run.list)
		return true;
	if (run.fired)
		return p->firing;
	if (strcmp(p->role, run.fault.role) == 0)
		return true;
	return !run.met && strncmp(p->role, run.fault.role, n) == 0 &&
	       run.fault.role[n] == '.';
}

static void let_run(const struct proc *p, int sig)
{
	(void)ptrace(is_of_interest(p) ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, NULL,
		(long)sig);
}

static void forked(struct proc *parent)
{
	unsigned long pid = 0;
	struct proc *child;

	(void)ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid);
	child = find((pid_t)pid);
	if (is_supervisor(parent))
		(void)snprintf(child->role, sizeof(child->role), "%.*s.fork",
			ROLE_MAX - 12, parent->role);
	else
		(void)snprintf(child->role, sizeof(child->role), "%.*s.%u", ROLE_MAX - 12,
			parent->role, ++parent->children);
	memcpy(child->program, parent->program, sizeof(child->program));
	child->ours = parent->ours;
	child->marked = parent->marked;
	child->loader_from = parent->loader_from;
	child->loader_to = parent->loader_to;
	child->known = true;
	run.met |= strcmp(child->role, run.fault.role) == 0;
	if (child->waiting) {
		child->waiting = false;
		let_run(child, 0);
	}
}

/* ---- system calls ----------------------------------------------------------------------- */

static void note(const struct proc *p, int call, uint64_t from, uint64_t stack)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
	bool loader = from >= p->loader_from && from < p->loader_to;

	(void)fprintf(run.list, "%s %s %s %u %s %016" PRIx64 "\n", p->role, p->program,
		name ? name : "unknown", p->count[call], loader ? "loader" : "program",
		site_of(p->pid, from, stack));
	free(name);
}

static void call_begins(struct proc *p, const struct __ptrace_syscall_info *info)
{
	const struct fault *f = &run.fault;
	int call = (int)info->entry.nr;

	p->in_call = true;
	if (call == SYS_prctl && info->entry.args[0] == FAULT_MARK)
		p->marked = info->entry.args[1] != 0;
	else if (counts(p) && call >= 0 && call < CALLS_MAX) {
		p->count[call]++;
		if (run.list)
			note(p, call, info->instruction_pointer, info->stack_pointer);
		else if (!run.fired && call == f->call && p->count[call] == f->n &&
			 strcmp(p->role, f->role) == 0) {
			run.fired = true;
			p->firing = f->error != 0;
			if (f->error == 0)
				(void)kill(p->pid, SIGKILL);
			else if (!f->also)
				leave_out(p->pid);
		}
	}
}

static void call_ends(struct proc *p)
{
	p->in_call = false;
	if (p->firing)
		set_result(p->pid, -run.fault.error);
	p->firing = false;
}

static void at_call(struct proc *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		call_begins(p, &info);
	else
		call_ends(p);
}

/* ---- stops ------------------------------------------------------------------------------ */

static void stopped(struct proc *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		event == PTRACE_EVENT_CLONE) {
		forked(p);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		executed(p);
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP) {
		if (!p->known) {
			p->waiting = true;
			return;
		}
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
			sig == SIGTTOU) {
			(void)ptrace(PTRACE_LISTEN, p->pid, NULL, NULL);
			return;
		}
		sig = 0;
	} else if (sig == (SIGTRAP | 0x80)) {
		at_call(p);
		sig = 0;
	}
	let_run(p, sig);
}

static void on_alarm(int sig)
{
	(void)sig;
	alarmed = 1;
}

static void kill_all(void)
{
	alarmed = 0;
	run.late = true;
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (run.procs[i].pid > 0) {
			(void)printf("inject: still there: %s %s\n", run.procs[i].role,
				run.procs[i].program);
			(void)kill(run.procs[i].pid, SIGKILL);
		}
	(void)fflush(stdout);
}

/* Until nobody is left: whoever loses its parent becomes our child. */
static void follow_all(void)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR) {
			if (alarmed)
				kill_all();
			continue;
		}
		if (pid < 0)
			return;
		if (WIFSTOPPED(status)) {
			stopped(find(pid), status);
			continue;
		}
		if (pid == run.command)
			run.status = status;
		*find(pid) = (struct proc){ 0 };
	}
}

static void start(char **argv, bool marked)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	struct proc *p;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)raise(SIGSTOP);
		(void)execv(argv[0], argv);
		die(argv[0]);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid)
		die("wait");
	if (ptrace(PTRACE_SEIZE, pid, NULL, options) < 0)
		die("trace");
	p = find(pid);
	run.command = pid;
	p->known = true;
	p->marked = marked;
	(void)snprintf(p->role, sizeof(p->role), "c");
	run.met = strcmp(p->role, run.fault.role) == 0;
	(void)kill(pid, SIGCONT);
}

/* ---- options ---------------------------------------------------------------------------- */

static int parse_fault(char *text, struct fault *ret)
{
	char *save, *role = strtok_r(text, ":", &save),
		    *call = strtok_r(NULL, ":", &save), *n = strtok_r(NULL, ":", &save),
		    *what = strtok_r(NULL, ":", &save);

	if (!what || strlen(role) >= sizeof(ret->role))
		return -1;
	memcpy(ret->role, role, strlen(role) + 1);
	ret->call = seccomp_syscall_resolve_name(call);
	ret->n = (unsigned)strtoul(n, NULL, 10);
	ret->error = strcmp(what, "KILL") == 0 ? 0 : (int)strtol(what, NULL, 10);
	ret->also = strtok_r(NULL, ":", &save) != NULL;
	return ret->call >= 0 && ret->n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval limit = { .it_interval = { .tv_sec = 1 } };
	long seconds = 60;
	bool marked = false, wanted = false;
	int c;

	while ((c = getopt(argc, argv, "+as:o:l:f:")) != -1) {
		if (c == 'a')
			marked = true;
		else if (c == 's')
			seconds = strtol(optarg, NULL, 10);
		else if (c == 'o' && run.n_directories < DIRECTORIES_MAX)
			run.directories[run.n_directories++] = optarg;
		else if (c == 'l' && !(run.list = fopen(optarg, "we")))
			die(optarg);
		else if (c == 'f' && parse_fault(optarg, &run.fault) == 0)
			wanted = true;
	}
	if (optind == argc || run.n_directories == 0 || wanted == (run.list != NULL)) {
		(void)fprintf(stderr,
			"usage: inject [-a] [-s SECONDS] -o DIRECTORY -l LIST | "
			"-f ROLE:CALL:N:FAULT[:also] COMMAND [ARGUMENT...]\n");
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("adopt orphans");
	(void)sigaction(SIGALRM, &act, NULL);
	limit.it_value.tv_sec = seconds;
	(void)setitimer(ITIMER_REAL, &limit, NULL);
	start(argv + optind, marked);
	follow_all();
	(void)printf("inject: met=%d fired=%d late=%d status=%d\n", run.met, run.fired,
		run.late, run.status);
	return 0;
}
