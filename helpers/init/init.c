/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/init/init.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/enter/seccomp.h"
#include "core/run/terminal/wall.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/mount/stage.h"
#include "helpers/supervisor/title.h"
#include "helpers/supervisor/user_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEASH_FD  3
#define SIGNAL_FD 4
#define LINGER_MS 500
#define ENDING_MS 20

struct init {
	bool ending, lingering;
	pid_t manager;     /* ends with the last login; 0: none that does */
	uint64_t deadline; /* ms, CLOCK_MONOTONIC; while ending */
};

/* ---- becoming init ------------------------------------------------------------------ */

static int wait_for_maps(int leash, struct err *e)
{
	char word = 0;

	if (io_recv(leash, &word, 1, NULL, NULL) != 0 || word != INIT_GO)
		return err_set(e, EPIPE, "wait for the id maps");
	return 0;
}

/*
 * Should:   leave init with what it takes to end its session
 * Mustn't:  leave it a way to the host, or a life beyond the supervisor's
 */
static int drop(const struct plan *plan, int filter_fd, struct err *e)
{
	struct filter filter;
	uint64_t caps;

	if (filter_map(filter_fd, &filter, e) < 0 || filter_install(&filter, e) < 0)
		return -1;
	filter_unmap(&filter);
	if (privs_cap_mask(plan->init_caps, plan->n_init_caps, &caps, e) < 0 ||
		privs_keep_caps(caps, e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "harden init");
	/* Last: changing credentials clears it (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(e, errno, "tie init to its supervisor");
	return 0;
}

/* The /proc that is here is the host's; the kernel takes the writer's pid namespace. */
static void begin_pids(uint32_t pids)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", pids);
	/* A kernel without CONFIG_CHECKPOINT_RESTORE begins at 2. */
	if (pids > 0)
		(void)io_write_text(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", text);
}

static int become(const struct plan *plan, int leash, const struct cgroup_fds *groups,
	const struct stage *stage, uint32_t pids, struct err *e)
{
	if (cgroup_move_born(groups, e) < 0)
		return -1;
	if ((plan->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "make a cgroup namespace");
	/* Only now: those of who makes a user namespace bound all that is in it. */
	if (wait_for_maps(leash, e) < 0 || rlimits_lower(e) < 0 ||
		privs_become_root_here(e) < 0)
		return -1;
	begin_pids(pids);
	if (sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return err_set(e, errno, "set the host name %s", plan->hostname);
	return stage_enter(plan, stage, e);
}

/* ---- being init --------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* In a pid namespace, -1 is everybody but init (kill(2)). */
static bool is_alone(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

static void begin_end(struct init *in)
{
	if (in->ending)
		return;
	in->ending = true;
	in->deadline = now_ms() + INIT_GRACE_MS;
	/* Shells ignore TERM and heed HUP; who is stopped must run to hear either. */
	(void)kill(-1, SIGTERM);
	(void)kill(-1, SIGHUP);
	(void)kill(-1, SIGCONT);
}

static void reap(struct init *in)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == in->manager)
			in->manager = 0;
}

static void hear_signal(struct init *in)
{
	struct signalfd_siginfo s;

	while (read(SIGNAL_FD, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			reap(in);
		else if (s.ssi_signo == SIGTERM)
			begin_end(in);
		else
			(void)kill(-1, (int)s.ssi_signo);
	}
}

static void linger(struct init *in, bool on)
{
	in->lingering = on;
	if (on && in->manager > 0)
		(void)kill(in->manager, SIGTERM);
}

static void hear_leash(struct init *in)
{
	char word = INIT_END;

	/* A leash that is cut ends the session as the word does. */
	if (io_recv(LEASH_FD, &word, 1, NULL, NULL) != 0)
		word = INIT_END;
	if (word == INIT_END)
		begin_end(in);
	else
		linger(in, word == INIT_LINGER);
}

static _Noreturn void live(pid_t manager)
{
	struct pollfd p[] = {
		{ .fd = LEASH_FD, .events = POLLIN },
		{ .fd = SIGNAL_FD, .events = POLLIN },
	};
	const struct timespec pause = { .tv_nsec = ENDING_MS * 1000000L };
	struct init in = { .manager = manager };

	for (;;) {
		int timeout = in.ending ? ENDING_MS : in.lingering ? LINGER_MS : -1;

		if ((in.ending || in.lingering) && is_alone())
			_exit(0);
		if (in.ending && now_ms() >= in.deadline)
			_exit(0); /* the kernel kills what is left in the namespace */
		/* No memory for a moment is no reason to end everybody's work. */
		if (poll(p, 2, timeout) < 0) {
			(void)nanosleep(&pause, NULL);
			continue;
		}
		if (p[1].revents)
			hear_signal(&in);
		if (p[0].revents && !in.ending)
			hear_leash(&in);
		if (in.ending)
			p[0].fd = -1;
		reap(&in);
	}
}

static int hold_only(int leash, struct err *e)
{
	sigset_t all;
	int fd;

	/* A copy above both, so that neither dup2 below treads on it. */
	leash = fcntl(leash, F_DUPFD_CLOEXEC, SIGNAL_FD + 1);
	if (leash < 0 || dup3(leash, LEASH_FD, O_CLOEXEC) < 0)
		return err_set(e, errno, "keep the leash");
	(void)sigfillset(&all);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || (fd != SIGNAL_FD && dup3(fd, SIGNAL_FD, O_CLOEXEC) < 0))
		return err_set(e, errno, "listen to signals");
	if (sys_close_from(SIGNAL_FD + 1) < 0)
		return err_set(e, errno, "close what init has no use for");
	return 0;
}

static int report(int leash, const struct init_report *said)
{
	_cleanup_close_ int ptys =
		said->error.msg[0] ? -EBADF
				   : open(NOTICE_PTS, O_RDONLY | O_DIRECTORY |
							      O_NOFOLLOW | O_CLOEXEC);

	return io_send(leash, said, sizeof(*said), &ptys, ptys >= 0);
}

/* From the session's root to what there is left to do until its end. */
static int settle(const struct plan *plan, int leash, int group, int filter,
	struct user_manager *manager, struct init_report *said)
{
	/* As long as init may become somebody. */
	int started = user_manager_start(plan, group, filter, manager, &said->note);

	if (drop(plan, filter, &said->error) < 0)
		return -1;
	if (started == 0)
		(void)user_manager_await(manager, &said->note);
	return hold_only(leash, &said->error);
}

_Noreturn void init_run(const struct plan *plan, int leash, uint32_t pids,
	const struct cgroup_fds *groups, int filter, const struct stage *stage)
{
	struct user_manager manager = USER_MANAGER_NONE;
	struct init_report said = { 0 };
	sigset_t all;
	int r;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	r = become(plan, leash, groups, stage, pids, &said.error);
	if (r == 0)
		r = settle(plan, leash, groups->manager, filter, &manager, &said);
	title_set("nsshell: init of %s", plan->user);
	/* Whoever waits for word that doesn't come is told by our end. */
	if (report(r == 0 ? LEASH_FD : leash, &said) < 0 || r < 0)
		_exit(1);
	/* Every login of Share=login has one of its own; with Share=account it lingers, too. */
	live(plan->share_account ? 0 : manager.pid);
}
