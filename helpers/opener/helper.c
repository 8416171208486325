/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-helper [CONFIG]: takes one request from the PAM module on fd 3, decides, and
 * becomes the supervisor of a new session. Root only.
 */
#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup_flee.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/reconcile.h"
#include "core/run/ids/keyring.h"
#include "core/run/ids/kin.h"
#include "core/run/ids/schedule.h"
#include "helpers/opener/make_plan.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/opener/planning.h"
#include "helpers/opener/programs.h"
#include "helpers/supervisor/rootfs_share.h"
#include "helpers/supervisor/network.h"
#include "helpers/opener/request.h"
#include "helpers/opener/rights.h"
#include "helpers/supervisor/session.h"
#include "helpers/supervisor/supervisor.h"
#include "helpers/supervisor/title.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>

/* It grows as the limit is then, not as it was at the exec. */
#define STACK (8UL << 20)

/* What a process takes to end that has closed its files. */
#define ENDS_MS 5000

/* Without CAP_SYS_RESOURCE, as in a container, at least as far as the caller may. */
static void unlimit(rlimit_resource what)
{
	const struct rlimit none = { what == RLIMIT_STACK ? STACK : RLIM_INFINITY,
		RLIM_INFINITY };
	struct rlimit most;

	if (setrlimit(what, &none) == 0 || getrlimit(what, &most) < 0)
		return;
	most.rlim_cur = most.rlim_max < none.rlim_cur ? most.rlim_max : none.rlim_cur;
	(void)setrlimit(what, &most);
}

static void reset_limits(void)
{
	const struct rlimit files = { 1024, 4096 }, none = { 0, 0 };

	for (int what = 0; what < RLIMIT_NLIMITS; what++)
		if (what != RLIMIT_NOFILE && what != RLIMIT_CORE &&
			what != RLIMIT_RTPRIO && what != RLIMIT_NICE)
			unlimit((rlimit_resource)what);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_RTPRIO, &none);
	(void)setrlimit(RLIMIT_NICE, &none);
}

/*
 * atd and sudo call PAM with the effective uid of root and another real one. We run as root
 * then because our caller does, unless somebody has made this file setuid.
 */
static int be_root(void)
{
	_cleanup_close_ int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct stat st;

	if (self < 0 || fstat(self, &st) < 0 || (st.st_mode & (S_ISUID | S_ISGID)))
		return -1;
	if (geteuid() != 0 || setresgid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
		setresuid(0, 0, 0) < 0)
		return -1;
	return getuid() == 0 && getgid() == 0 ? 0 : -1;
}

/*
 * Should:   make everything that a caller could have prepared ours, before anything is
 *	     read (CVE-2021-4034, CVE-2010-3853, CVE-2019-16729, CVE-2024-21626)
 * Mustn't:  believe any of it
 */
static int harden(int argc)
{
	static char *nothing[] = { NULL };
	sigset_t none;

	environ = nothing;
	if (argc < 1 || argc > 2)
		return -1;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(0);
	reset_limits();
	schedule_reset();
	/* uname(2) would tell of a Linux 2.6, for one: UNAME26. */
	(void)personality(PER_LINUX);
	/* The caller's would be init's too. */
	(void)sys_new_session_keyring();
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (sys_close_from(PROTO_FD + 1) < 0 || chdir("/") < 0)
		return -1;
	/* Its terminal's ^Z isn't for us. Who leads a session of its own already has it so. */
	(void)setsid();
	if (be_root() < 0) {
		/* Who asked hears of an end without an answer. */
		syslog(LOG_AUTHPRIV | LOG_ERR,
			"nsshell-helper can't be root and nothing else: it was made setuid, or the login "
			"program lacks cap_setuid or cap_setgid: %m");
		return -1;
	}
	/* Before any lock. */
	cgroup_flee();
	return 0;
}

static void answer(enum proto_kind kind, const char *id, const char *shell)
{
	struct proto_reply reply = { .magic = PROTO_MAGIC, .kind = kind };

	(void)snprintf(reply.id, sizeof(reply.id), "%s", id);
	(void)snprintf(reply.shell, sizeof(reply.shell), "%s", shell);
	(void)io_send(PROTO_FD, &reply, sizeof(reply), NULL, 0);
}

static int open_state(struct err *e)
{
	_cleanup_close_ int run = io_open_state(PATH_RUN, PATH_RUN_MODE, e);

	return run < 0 ? -1 : 0;
}

static pid_t fork_into(struct cgroup_fds *born)
{
	struct sys_clone how = { .cgroup = born->directory, .exit_signal = SIGCHLD };
	pid_t pid = born->directory >= 0 ? sys_clone3(&how) : -1;

	if (pid >= 0)
		return pid;
	/* An admin may have stopped the scope just now: then another has to be made. */
	if (born->directory >= 0)
		cgroup_fds_close(born);
	return fork();
}

/*
 * It ended before nsshell-supervisor was there, for want of memory, say: what it has made isn't left to the next login.
 * One that lives, and couldn't say that it does, isn't waited for.
 */
static void sweep(pid_t supervisor)
{
	_cleanup_close_ int it = sys_pidfd_open(supervisor);
	struct pollfd gone = { .fd = it, .events = POLLIN };
	struct err ignored;
	size_t n;

	/* Who logs in is told by that. */
	(void)close(PROTO_FD);
	if (poll(&gone, 1, ENDS_MS) > 0)
		(void)reconcile_all(&n, &ignored);
}

/*
 * The supervisor builds the rootfs while this process makes the cgroups, and answers. What
 * happens here is told to it, and nobody else.
 */
static int open_alone(const struct decided *d, const struct programs *programs,
	const struct stage *stage, int terminal, int *account_lock,
	struct cgroup_fds *born, struct err *e)
{
	bool let_go;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket to the supervisor");
	pid = fork_into(born);
	if (pid == 0) {
		(void)close(pair[0]);
		(void)setsid();
		supervisor_run(d->plan, stage, PROTO_FD, terminal, pair[1], *account_lock,
			born, programs, d->allow);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_set(e, errno, "start the supervisor");
	}
	cleanup_close(account_lock);
	let_go = groups_prepare(d->plan, pair[0], PROTO_FD, born->n > 0 ? 0 : pid);
	/* First, as it may still wait for a word of ours, which it then knows not to come. */
	(void)close(pair[0]);
	if (!let_go)
		sweep(pid);
	return 0;
}

/*
 * The account's scope is there as long as a session is that runs, since that one takes the
 * account's lock before it goes: a supervisor that is born in it needs nothing of systemd.
 */
static int find_home(
	const struct plan *plan, int *account_lock, struct cgroup_fds *ret, struct err *e)
{
	int live;

	if (!plan->cgroup.systemd)
		return 0;
	if (*account_lock < 0 &&
		account_sessions_lock(plan->uid, ACCOUNT_LOCK_MS, account_lock, e) != 0)
		return -1;
	live = account_sessions_is_live(*account_lock, e);
	if (live > 0)
		(void)cgroup_open_supervisor(&plan->cgroup, ret);
	return live < 0 ? -1 : 0;
}

/* In all of this a process or a file system of the account's has a part. */
static int look_before(const struct plan *plan, struct stage *stage, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	uint64_t born;
	int r = plan->keys_usable ? keys_close(plan, e) : 0;

	if (r == 0)
		r = holder_reserve(plan, e);
	if (r == 0)
		r = network_reserve(plan, e);
	if (r == 0)
		r = kin_home_born(&k, &born, e);
	if (r == 0)
		r = stage_look(plan, stage, e);
	return r;
}

/* On success somebody else will answer: the new supervisor, or a running one. */
static int open_session(const struct decided *d, const struct programs *programs,
	int terminal, struct err *e)
{
	const struct kin k = kin_of_plan(d->plan);
	struct cgroup_fds born = CGROUP_FDS_NONE;
	struct stage stage = STAGE_NONE;
	_cleanup_close_ int account_lock = -EBADF;
	int r = rights_check(e);

	if (r == 0)
		r = open_state(e) < 0 ? -1 : kin_check_early(&k, e);

	/* Before any lock. */
	if (r == 0)
		r = look_before(d->plan, &stage, e);
	if (r == 0 && d->plan->share_account)
		r = supervisor_hand_over(d->plan, PROTO_FD, &account_lock, e);
	if (r == 0)
		r = find_home(d->plan, &account_lock, &born, e);
	if (r == 0)
		r = open_alone(d, programs, &stage, terminal, &account_lock, &born, e);
	/* It becomes no session. */
	if (r != 0)
		network_return(d->plan);
	cgroup_fds_close(&born);
	stage_close(&stage);
	return r < 0 ? -1 : 0;
}

/* Why is for the admin. */
static void refuse(const struct proto_request *q, const struct decided *d, struct err *e)
{
	session_refuse(PROTO_FD, q->id, q->kind == PROTO_OPEN ? q->user : NULL, d->uid,
		d->allow, e);
}

int main(int argc, char **argv)
{
	_cleanup_close_ int terminal = -EBADF;
	struct programs programs;
	enum decision what;
	struct decided d = { 0 };
	struct proto_request q;
	struct err e = { 0 };

	if (harden(argc) < 0)
		return 1;
	programs = programs_open(argv);
	if (request_take(PROTO_FD, &q, &terminal) < 0)
		return 1;
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	title_begin(argc, argv);
	what = decide(&q, argc > 1 ? argv[1] : NULL, programs.planner, terminal, &d, &e);
	if (what == DECIDE_IGNORE)
		answer(PROTO_IGNORE, q.id, d.shell);
	else if (what == DECIDE_ISOLATED)
		answer(PROTO_ISOLATED, q.id, "");
	else if (what == DECIDE_FAILED || open_session(&d, &programs, terminal, &e) < 0)
		refuse(&q, &d, &e);
	plan_free(d.plan);
	planning_reap(d.dying);
	return 0;
}
