/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-init: process 1 of a session, from when its root is entered to its end. init_run() becomes it, and says what is
 * left to do.
 */
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"
#include "core/run/terminal/wall.h"
#include "helpers/init/confine.h"
#include "helpers/init/init.h"
#include "helpers/init/left.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
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

/* ---- being init --------------------------------------------------------------------- */

/* In a pid namespace, -1 is everybody but init (kill(2)). */
static bool is_alone(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

static void begin_end(struct init *in)
{
	if (in->ending)
		return;
	/* As after most logouts; and each kill(2) here looks at every process of the host. */
	if (is_alone())
		_exit(0);
	in->ending = true;
	in->deadline = clock_ms() + INIT_GRACE_MS;
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
	struct init in = { .manager = manager };

	for (;;) {
		int timeout = in.ending ? ENDING_MS : in.lingering ? LINGER_MS : -1;

		if ((in.ending || in.lingering) && is_alone())
			_exit(0);
		if (in.ending && clock_ms() >= in.deadline)
			_exit(0); /* the kernel kills what is left in the namespace */
		/* No memory for a moment is no reason to end everybody's work. */
		if (poll(p, 2, timeout) < 0) {
			clock_pause(ENDING_MS * 1000);
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

/* ---- before that -------------------------------------------------------------------- */

/*
 * Should:   leave init with what it takes to end its session
 * Mustn't:  leave it a way to the host, or a life beyond the supervisor's
 */
static int init_drop(const struct init_left *left, struct err *e)
{
	if (privs_keep_caps(left->caps, e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "harden init");
	/* Last: changing credentials clears it (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(e, errno, "tie init to its supervisor");
	return 0;
}

static int hold_only(int *leash, struct err *e)
{
	/* A copy above both, so that neither dup2 below treads on it. */
	int high = fcntl(*leash, F_DUPFD_CLOEXEC, SIGNAL_FD + 1), fd;
	sigset_t all;

	if (high < 0 || dup3(high, LEASH_FD, O_CLOEXEC) < 0)
		return err_set(e, errno, "keep the leash");
	*leash = LEASH_FD;
	(void)sigfillset(&all);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || (fd != SIGNAL_FD && dup3(fd, SIGNAL_FD, O_CLOEXEC) < 0))
		return err_set(e, errno, "listen to signals");
	if (sys_close_from(SIGNAL_FD + 1) < 0)
		return err_set(e, errno, "close what init has no use for");
	return 0;
}

static int take(struct init_left *left)
{
	ssize_t n = pread(INIT_LEFT_FD, left, sizeof(*left), 0);

	if (n == (ssize_t)sizeof(*left) && left->layout == INIT_LEFT_LAYOUT)
		return 0;
	return n >= (ssize_t)offsetof(struct init_left, caps) ? 1 : -1;
}

/* @ret_ptys: the directory of the session's terminals, if it has one; open for as long as it takes to send it. */
static int init_settle(struct init_left *left, struct init_report *said, int *ret_ptys)
{
	if (init_drop(left, &said->error) < 0)
		return -1;
	(void)user_manager_await(&left->manager, &said->note);
	if (hold_only(&left->leash, &said->error) < 0)
		return -1;
	*ret_ptys = open(NOTICE_PTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return init_confine(&said->error);
}

int main(void)
{
	struct init_left left = { 0 };
	struct init_report said = { 0 };
	int ptys = -EBADF, taken, r;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "nsshell", 0, 0, 0);
	taken = take(&left);
	if (taken < 0)
		return 1;
	said.note = left.note;
	r = taken > 0
		    ? err_set(&said.error, 0,
			      "nsshell-helper and nsshell-init are of two versions: log in again when the upgrade is done")
		    : init_settle(&left, &said, &ptys);
	if (io_send(left.leash, &said, sizeof(said), &ptys, ptys >= 0) < 0 || r < 0)
		return 1;
	cleanup_close(&ptys);
	/* Every login of Share=login has one of its own; with Share=account it lingers, too. */
	live(left.share ? 0 : left.manager.pid);
}
