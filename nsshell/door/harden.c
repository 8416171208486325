/* SPDX-License-Identifier: BSD-3-Clause */
/* The first lines of what is setuid root. */
#include "nsshell/door/door.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

/* What starting and ending the helper, and being the caller again with its limits, takes. */
static const cap_value_t needed[] = { CAP_KILL, CAP_SETGID, CAP_SETUID,
	CAP_SYS_RESOURCE };

/* How deep the stack may get, where the caller's limit was lower: it grows as the limit is then. */
#define STACK (8UL << 20)

/* A timer that was set before the exec would still go off; a terminal's signals are for the
 * shell. SIGCHLD is needed as it is. */
static void reset_signals(void)
{
	static const int timers[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	const struct itimerval never = { 0 };
	sigset_t none;

	for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++)
		(void)setitimer((itimer_which)timers[i], &never, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What a limit of the caller's could make fail. More of the others would only be more than the
 * caller may, for whoever takes over the limits of a session's login. */
static bool is_in_the_way(int what)
{
	return what != RLIMIT_RTPRIO && what != RLIMIT_NICE && what != RLIMIT_MEMLOCK &&
	       what != RLIMIT_MSGQUEUE && what != RLIMIT_SIGPENDING;
}

/* Hard limits are never lowered here: they are given back without the right to raise them. */
static int reset_limits(struct door_before *before, struct err *e)
{
	for (int what = 0; what < RLIMIT_NLIMITS; what++) {
		struct rlimit *old = &before->limits[what];
		struct rlimit now = { RLIM_INFINITY, RLIM_INFINITY };

		if (getrlimit((rlimit_resource)what, old) < 0)
			return err_set(e, errno, "look at the limits");
		if (!is_in_the_way(what))
			continue;
		if (what == RLIMIT_STACK)
			now = (struct rlimit){ STACK,
				old->rlim_max < STACK ? STACK : old->rlim_max };
		if (what == RLIMIT_CORE)
			now = (struct rlimit){ 0, old->rlim_max };
		if (what == RLIMIT_NOFILE)
			now = (struct rlimit){ 1024,
				old->rlim_max < 1024 ? 1024 : old->rlim_max };
		(void)setrlimit((rlimit_resource)what, &now);
	}
	return 0;
}

static int limits_back(const struct door_before *before)
{
	int result = prctl(PR_SET_TIMERSLACK, before->slack, 0, 0, 0);

	for (int i = 0; i < RLIMIT_NLIMITS; i++) {
		const struct rlimit *old = &before->limits[i];
		rlimit_resource what = (rlimit_resource)i;
		struct rlimit now;

		/* EPERM where fs.nr_open was lowered below it, and then it never was changed. */
		if (setrlimit(what, old) < 0 &&
			(getrlimit(what, &now) < 0 || now.rlim_cur != old->rlim_cur ||
				now.rlim_max != old->rlim_max))
			result = -1;
	}
	return result;
}

static int check_socket(struct err *e)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(DOOR_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
		getsockopt(DOOR_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
		domain != AF_UNIX || type != SOCK_SEQPACKET ||
		fcntl(DOOR_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(e, 0, "is started by nsshell(1), and by nobody else");
	return 0;
}

/* Of those needed, what the host lets root have: a container's may have fewer. */
static int choose_caps(cap_t want)
{
	cap_t have = cap_get_proc();
	int r = have ? 0 : -1;

	for (size_t i = 0; r == 0 && i < sizeof(needed) / sizeof(*needed); i++) {
		cap_flag_value_t is = CAP_CLEAR;

		r = cap_get_flag(have, needed[i], CAP_PERMITTED, &is);
		if (r == 0)
			r = cap_set_flag(want, CAP_PERMITTED, 1, &needed[i], is);
		if (r == 0)
			r = cap_set_flag(want, CAP_EFFECTIVE, 1, &needed[i], is);
	}
	(void)cap_free(have);
	return r;
}

static int keep_needed_caps(struct err *e)
{
	cap_t want = cap_init(), have = NULL;
	int r = want ? choose_caps(want) : -1;

	if (r == 0)
		r = cap_set_proc(want);
	if (r < 0)
		(void)err_set(e, errno, "drop capabilities");
	else
		have = cap_get_proc();
	if (r == 0 && (!have || cap_compare(have, want) != 0))
		r = err_set(e, EPERM, "prove that the capabilities are gone");
	(void)cap_free(have);
	(void)cap_free(want);
	return r;
}

/*
 * Should:   be root in all of its ids, as the helper asks of who spawns it, and with only
 *	     those capabilities
 * Mustn't:  keep a group of the caller's
 */
static int become_root(struct err *e)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
		getuid() != 0 || geteuid() != 0 || getgid() != 0 || getegid() != 0)
		return err_set(e, errno, "become root");
	return keep_needed_caps(e);
}

int door_become_caller(const struct door_before *before)
{
	uid_t uid = before->uid;
	gid_t gid = before->gid;

	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0 || privs_drop_caps(0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	if (uid != 0 && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || geteuid() != uid ||
				getuid() != uid || getegid() != gid || getgid() != gid))
		return -1;
	(void)umask(before->mask);
	return limits_back(before);
}

int door_harden(struct door_before *before, struct err *e)
{
	static char *nothing[] = { NULL };

	environ = nothing;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	before->mask = umask(077);
	before->slack = sys_timer_slack();
	(void)prctl(PR_SET_TIMERSLACK, SYS_TIMER_SLACK, 0, 0, 0);
	reset_signals();
	before->uid = getuid();
	before->gid = getgid();
	if (geteuid() != 0)
		return err_set(e, 0,
			"isn't setuid root, or runs where that does nothing: chown root and "
			"chmod u+s it, on a file system without nosuid");
	if (io_fill_stdio() < 0)
		return err_set(e, errno, "put stdio in order");
	if (reset_limits(before, e) < 0 || check_socket(e) < 0)
		return -1;
	if (sys_close_from(DOOR_FD + 1) < 0)
		return err_set(e, errno, "close the rest");
	if (chdir("/") < 0)
		return err_set(e, errno, "go to /");
	return become_root(e);
}
