/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-worker: one request to a session. A fork of the supervisor's becomes it (serve_worker.c), for each; it ends with the
 * supervisor. What there is comes at fixed fds (worker_left.h).
 */
#include "helpers/worker/work.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/session/account_log.h"
#include "core/run/ids/kin.h"
#include "core/run/mount/look_once.h"
#include "core/run/cgroup/session_processes.h"
#include "core/run/session/pause.h"
#include "core/run/ids/privs.h"
#include "helpers/supervisor/session_caps.h"
#include "helpers/supervisor/title.h"
#include "helpers/worker/worker_left.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <syslog.h>

/* How long who has connected may take to say what for, and to take the answer. */
#define PATIENCE_MS 5000
#define SPARE_MS    500

static _Noreturn void send_as_account(
	const struct work *w, const struct session_answer *a, const int *fds, size_t n)
{
	struct err ignored;
	int r = privs_become_account(w->plan->uid, w->plan->gid, NULL, 0, &ignored);

	if (r == 0)
		r = io_send(w->sock, a, sizeof(*a), fds, n);
	_exit(r == 0 ? 0 : errno > 0 && errno <= UINT8_MAX ? errno : EIO);
}

/* It has the account's ids, and so who has these may stop it. Return: 0 or -1 with errno. */
static int await_sent(pid_t pid)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid);
	struct pollfd ends = { .fd = pidfd, .events = POLLIN };
	int status = 0;

	if (pidfd < 0 || poll(&ends, 1, PATIENCE_MS) <= 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;
	return errno == 0 ? 0 : -1;
}

/*
 * What fds are on their way, and not yet taken, counts for the user whose process has sent them (ETOOMANYREFS, unix(7)). Were
 * that root, an account that takes none of its answers would keep all others from theirs.
 */
int work_answer(
	const struct work *w, const struct session_answer *a, const int *fds, size_t n)
{
	pid_t pid;

	if (n == 0 || w->root)
		return io_send(w->sock, a, sizeof(*a), fds, n);
	pid = fork();
	if (pid == 0)
		send_as_account(w, a, fds, n);
	return pid < 0 ? -1 : await_sent(pid);
}

static void hold_term(bool hold)
{
	sigset_t term;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &term, NULL);
}

/* ---- what can be asked for ---------------------------------------------------------------- */

static int request_record(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	(void)value;
	return record_format(w->record, a->text, sizeof(a->text)) < 0
		       ? err_set(e, errno, "tell of session %s", w->record->id)
		       : 0;
}

/* A signal that ends a process ends a frozen one, too (cgroup v2), or resumes it. */
static int leave_to_root(const struct work *w, struct err *e)
{
	if (w->root || !pause_is_roots(w->record))
		return 0;
	return err_set(e, EPERM,
		"root has paused session %s, and has to resume or end it", w->record->id);
}

/* Answered first, as the session's end is that of this process. Whose parent it isn't any more has ended already. */
static int request_stop(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	const pid_t pid = w->record->supervisor.pid;
	int supervisor;

	(void)value;
	if (leave_to_root(w, e) < 0)
		return -1;
	supervisor = sys_pidfd_open(pid);
	if (supervisor < 0)
		return err_set(
			e, errno, "tell the supervisor of session %s", w->record->id);
	(void)work_answer(w, a, NULL, 0);
	if (getppid() == pid)
		(void)sys_pidfd_signal(supervisor, SIGTERM);
	for (;;)
		(void)pause();
}

static int request_signal(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	size_t hit = 0;

	if (value <= 0 || value > SIGRTMAX)
		return err_set(e, EINVAL, "send signal %d", value);
	if (leave_to_root(w, e) < 0)
		return -1;
	if (members_signal(w->record, value, &hit, e) < 0)
		return -1;
	a->value = (int32_t)hit;
	return 0;
}

static int request_pause(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	(void)value;
	(void)a;
	return pause_session(w->record, w->root ? PAUSE_ROOT : PAUSE_OWN, e);
}

static int request_resume(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	(void)value;
	(void)a;
	return pause_resume(w->record, w->root ? PAUSE_ROOT : PAUSE_OWN, e);
}

static int request_log(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	_cleanup_close_ int fd = account_log_copy(w->record->uid, e);

	(void)value;
	if (fd < 0)
		return -1;
	return work_answer(w, a, &fd, 1) < 0 ? err_set(e, errno, "hand over the log") : 1;
}

static int request_run(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	(void)value;
	return work_run(w, a, e);
}

/* The supervisor ends it by a signal that it hears: what runs then isn't a process of the session. */
static int request_host(
	const struct work *w, int value, struct session_answer *a, struct err *e)
{
	struct work own = *w;

	(void)value;
	hold_term(true);
	return work_host(&own, a, e);
}

/* All that there is, by enum session_request_kind. Each returns 0; 1 when it has answered; -1 with @e. */
static int (*const requests[])(
	const struct work *w, int value, struct session_answer *a, struct err *e) = {
	[SESSION_RECORD] = request_record,
	[SESSION_STOP] = request_stop,
	[SESSION_SIGNAL] = request_signal,
	[SESSION_PAUSE] = request_pause,
	[SESSION_RESUME] = request_resume,
	[SESSION_LOG] = request_log,
	[SESSION_RUN] = request_run,
	[SESSION_SAY] = work_say,
	[SESSION_HOST] = request_host,
};

/* ---- the worker --------------------------------------------------------------------------- */

/* What an exec gives back to root where the bounding set stays goes again. Return: 0 or -1 with @e. */
static int worker_drop(struct err *e)
{
	uint64_t caps;

	if (session_caps(&caps, e) < 0)
		return -1;
	return privs_drop_caps(caps) < 0 ? err_set(e, errno, "drop capabilities") : 0;
}

/* Return: 0 or -1 with @e. */
static int worker_begin(struct work *w, int ms, struct err *e)
{
	const struct timeval patience = { ms / 1000, ms % 1000 * 1000 };
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	/* After the drop: what changes capabilities ends the wish. */
	if (worker_drop(e) < 0)
		return -1;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		getppid() != w->record->supervisor.pid ||
		getsockopt(w->sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
		setsockopt(w->sock, SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) < 0 ||
		setsockopt(w->sock, SOL_SOCKET, SO_SNDTIMEO, &patience,
			sizeof(patience)) < 0)
		return err_set(e, errno, "begin with a request");
	w->root = peer.uid == 0;
	w->pid = peer.pid;
	title_set("nsshell: a request to session %s", w->record->id);
	/* It is its user's to fill: its memory isn't spared, as the supervisor's is. */
	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	return 0;
}

/*
 * The account that has the uid now needn't be the one that it had when the session began. To look takes a
 * process: where the account may have no more, its user must be able to see and to end the session all
 * the same, as serve_here() has it.
 */
static int check_kin(
	const struct work *w, int is, const struct session_request *q, struct err *e)
{
	if (is > 0)
		return 0;
	if (is == 0)
		return err_set(e, 0, "no session has the id \"%s\"", w->record->id);
	if (e->num != ECHILD)
		return -1;
	if (q->kind == SESSION_RECORD || q->kind == SESSION_STOP) {
		*e = (struct err){ 0 };
		return 0;
	}
	return err_wrap(
		e, "session %s has as many processes as it may have", w->record->id);
}

static int worker_hear(
	struct work *w, struct session_request *q, bool spare, struct err *e)
{
	/* First: who looks for us has none of what comes with the request. */
	int is = w->root ? 1 : kin_has(w->record, w->record->uid, e);

	look_once_end();
	if (io_recv(w->sock, q, sizeof(*q), w->fds, &w->n_fds) != 0)
		return -1;
	w->heard = true;
	if (q->magic != SESSION_SOCKET_MAGIC ||
		q->kind >= sizeof(requests) / sizeof(*requests) || !requests[q->kind])
		return err_set(e, EPROTO, "session %s is of another version of nsshell",
			w->record->id);
	if (check_kin(w, is, q, e) < 0)
		return -1;
	if (spare && (q->kind == SESSION_RUN || q->kind == SESSION_SAY ||
			     q->kind == SESSION_HOST))
		return err_set(e, EAGAIN,
			"session %s has been given as many commands as it takes at once",
			w->record->id);
	return 0;
}

static int take_over(struct worker_left *left, struct plan *plan, struct err *e)
{
	int r = pass_on_read(WORKER_LEFT_FD, &left->head, sizeof(*left), plan, e);

	if (r == 0)
		cgroup_mounts_hear(left->mounts);
	return r;
}

/* By no word of who asks: it is for the log as well. */
static int not_begun(const struct work *w, struct err *e)
{
	(void)err_wrap(e, "session %s", w->record->id);
	event_log(LOG_WARNING, EVENT_OF(EVENT_REFUSED, w->record),
		"a request was refused: %s", e->msg);
	return -1;
}

/* Return: 0; 1 when it has answered; -1 with @e. */
static int worker_serve(
	struct work *w, bool spare, struct session_answer *a, struct err *e)
{
	struct session_request q = { 0 };

	if (worker_begin(w, spare ? SPARE_MS : PATIENCE_MS, e) < 0)
		return not_begun(w, e);
	if (worker_hear(w, &q, spare, e) < 0)
		return -1;
	/* Nobody else's, and a command may run for long. */
	if (q.kind != SESSION_SAY)
		cleanup_close(&w->ptys);
	return requests[q.kind](w, q.value, a, e);
}

static int close_on_exec(void)
{
	return fcntl(WORKER_SOCK_FD, F_SETFD, FD_CLOEXEC) < 0 ||
			       (fcntl(WORKER_PTYS_FD, F_SETFD, FD_CLOEXEC) < 0 &&
				       errno != EBADF)
		       ? -1
		       : 0;
}

int main(int argc, char **argv)
{
	static struct worker_left left;
	static struct plan plan;
	struct work w = { .record = &left.record,
		.plan = &plan,
		.sock = WORKER_SOCK_FD,
		.ptys = -EBADF };
	struct session_answer a = { .magic = SESSION_SOCKET_MAGIC };
	int r = -1;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "nsshell", 0, 0, 0);
	hold_term(false);
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	title_begin(argc, argv);
	if (argc != 1)
		return 1;
	if (close_on_exec() < 0)
		(void)err_set(&a.error, errno, "begin with a request");
	else if (take_over(&left, &plan, &a.error) == 0) {
		w.ptys = left.ptys ? WORKER_PTYS_FD : -EBADF;
		r = worker_serve(&w, left.spare, &a, &a.error);
	}
	a.failed = r < 0;
	if (!w.heard)
		io_pass_over(w.sock, WORKER_HEARS_MS);
	/* Who says nothing is answered nothing. */
	if (r == 0 || (r < 0 && a.error.msg[0]))
		(void)work_answer(&w, &a, NULL, 0);
	return a.failed;
}
