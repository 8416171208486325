/* SPDX-License-Identifier: BSD-3-Clause */
/* A command that the session's account starts in it. */
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/idmap.h"
#include "core/run/session/account_log.h"
#include "core/run/enter/enter.h"
#include "core/run/enter/handed.h"
#include "core/run/session/join_log.h"
#include "core/run/terminal/wall.h"
#include "core/run/terminal/observe.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/schedule.h"
#include "core/run/session/session_command.h"
#include "helpers/worker/work.h"

#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

/* ---- who to be ---------------------------------------------------------------------------- */

/* As newgrp(1) has it: a group that the account has anyway. What it would be called inside is the user's to say. */
static int put_first(const char *name, struct enter_person *p, struct err *e)
{
	const struct group *gr;

	if (*name == '\0')
		return 0;
	gr = strlen(name) > LOGIN_NAME_MAX ? NULL : getgrnam(name);
	if (!gr)
		return err_set(e, 0, "group '%.256s' does not exist", name);
	for (size_t i = 0; i < p->n_groups; i++)
		if (p->groups[i] == gr->gr_gid) {
			p->gid = gr->gr_gid;
			return 0;
		}
	return err_set(e, EPERM, "no login of this session has the group '%s'", name);
}

/* As the session's logins: its account, with those of the login's groups that are the host's, too. */
static int person_of(const struct record *r, const struct find_held *held,
	const char *group, struct enter_person *ret, struct err *e)
{
	const struct passwd *pw = getpwnam(r->user);
	char uids[IDMAP_TEXT_MAX * 4], gids[IDMAP_TEXT_MAX * 4];

	if (!pw || pw->pw_uid != r->uid)
		return err_set(e, 0,
			"account %s isn't what it was when session %s began: refused",
			r->user, r->id);
	if (io_read_text(held->proc, "uid_map", uids, sizeof(uids)) < 0 ||
		io_read_text(held->proc, "gid_map", gids, sizeof(gids)) < 0)
		return err_set(e, errno, "read the id maps of session %s", r->id);
	ret->uid = r->uid;
	ret->gid = pw->pw_gid;
	ret->no_new_privs = r->no_new_privs;
	ret->scoped = r->scoped;
	if (ret->uid == 0 || !enter_map_has(uids, ret->uid) ||
		!enter_map_has(gids, ret->gid))
		return err_set(e, 0, "the box of %s has no uid %u or no gid %u", r->user,
			ret->uid, ret->gid);
	enter_own_groups(gids, ret);
	enter_keep_mapped(gids, ret);
	if (enter_caps(ret, e) < 0)
		return -1;
	return group ? put_first(group, ret, e) : 0;
}

/* ---- while it runs ------------------------------------------------------------------------ */

/* Return: whether who asked is still there. */
static bool pass_on_signal(const struct work *w, pid_t child)
{
	struct session_request q;

	if (io_recv(w->sock, &q, sizeof(q), NULL, NULL) != 0 ||
		q.magic != SESSION_SOCKET_MAGIC || q.kind != SESSION_SIGNAL ||
		q.value <= 0 || q.value > SIGRTMAX)
		return false;
	if (kill(-child, q.value) < 0)
		(void)kill(child, q.value);
	return true;
}

/* For as long as it runs there is nothing to do that takes more; and to hand out what it has, as its account. */
#define WHILE_IT_RUNS (1ULL << CAP_KILL)
#define TO_HAND_OUT   (WHILE_IT_RUNS | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID)

/*
 * Before who asked hears that it runs, as there is a failure to tell of. Return: a pidfd of it; -1 with @e, and it doesn't run
 * any more.
 */
static int hold(const struct work *w, pid_t child, struct err *e)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(child);

	if (pidfd >= 0 && privs_drop_caps(TO_HAND_OUT) == 0)
		return take_fd(&pidfd);
	(void)err_set(e, errno, "look after a command in session %s", w->record->id);
	(void)kill(child, SIGKILL);
	return -1;
}

/* Who asked and is gone ends it as a terminal that hangs up. Return: its wait status, or -1. */
static int await(const struct work *w, pid_t child, int pidfd)
{
	struct pollfd p[] = {
		{ .fd = w->sock, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};
	pid_t ended;
	int status;

	while (p[1].revents == 0) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents && !pass_on_signal(w, child)) {
			(void)kill(child, SIGHUP);
			(void)kill(child, SIGCONT);
			return -1;
		}
	}
	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	return ended == child ? status : -1;
}

/* What is still to be handed out of a command that was started. */
struct started {
	struct proxy proxy;
	int pidfd;
	int observed, agent; /* -EBADF: none */
};
#define STARTED_NONE                                                                     \
	{                                                                                \
		.proxy = PROXY_NONE, .pidfd = -EBADF, .observed = -EBADF,                \
		.agent = -EBADF                                                          \
	}

static size_t fds_of(struct started *s, int *fds, int *ret_flags)
{
	struct proxy *p = &s->proxy;
	size_t n = 0;

	if (p->master >= 0) {
		fds[n++] = take_fd(&p->master);
		fds[n++] = take_fd(&p->slave);
	}
	for (int i = 0; i < 3; i++)
		if (p->stdio[i] >= 0)
			fds[n++] = take_fd(&p->stdio[i]);
	*ret_flags = (s->observed >= 0 ? SESSION_RUN_OBSERVED : 0) |
		     (s->agent >= 0 ? SESSION_RUN_AGENT : 0);
	if (s->observed >= 0)
		fds[n++] = take_fd(&s->observed);
	if (s->agent >= 0)
		fds[n++] = take_fd(&s->agent);
	return n;
}

static int as_shell_has_it(int status)
{
	if (status < 0)
		return 128 + SIGHUP;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Return: 0, or -1 with @e: nobody has what it reads and writes, and it ends as its parent does. */
static int hand_out(
	const struct work *w, struct started *s, struct session_answer *a, struct err *e)
{
	int fds[IO_FDS_MAX], r;
	size_t n = fds_of(s, fds, &a->value);

	r = work_answer(w, a, fds, n);
	if (r < 0) {
		(void)err_set(e, errno, "hand out a command's pipes and terminal");
		a->value = 0;
	}
	while (n > 0)
		cleanup_close(&fds[--n]);
	return r;
}

/* Where it can't, the command is killed: who has been told that it runs hears of its end alone. Return: 0 or -1 with @e. */
static int keep_only_kill(const struct started *s, struct err *e)
{
	if (privs_drop_caps(WHILE_IT_RUNS) == 0)
		return 0;
	(void)err_set(e, errno, "drop what handing out a command's pipes took");
	(void)sys_pidfd_signal(s->pidfd, SIGKILL);
	return -1;
}

/* Return: 0, or -1 with @e. */
static int follow(const struct work *w, const struct joinlog_who *who, struct started *s,
	struct session_answer *a, struct err *e)
{
	uint64_t begun = clock_ms();
	int r = hand_out(w, s, a, e), status = -1;

	if (r == 0) {
		r = keep_only_kill(s, e);
		status = await(w, s->proxy.child, s->pidfd);
	}
	cleanup_close(&s->pidfd);
	if (status >= 0) {
		a->value = status;
		(void)work_answer(w, a, NULL, 0);
	}
	if (!who)
		return r;
	join_log_left(who, w->record, (unsigned long)((clock_ms() - begun) / 1000),
		as_shell_has_it(status));
	account_log(w->record->uid, EVENT_OF(EVENT_LEFT, w->record),
		"session %s: %s left the session of %s after %lu s", w->record->id,
		w->record->user, w->record->user,
		(unsigned long)((clock_ms() - begun) / 1000));
	return r;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* What came with the request beside the command. Return: 0 or -1 with @e. */
static int take_given(const struct work *w, const struct session_command *c, int given[3],
	struct err *e)
{
	size_t at = 1;

	for (int fd = 0; fd < 3; fd++) {
		given[fd] = -1;
		if (!(c->head.given >> fd & 1))
			continue;
		if (at == w->n_fds || !handed_is_harmless(w->fds[at]))
			return err_set(e, EPERM,
				"fd %d may not go into a session: it is a terminal, a directory or "
				"a device",
				fd);
		given[fd] = w->fds[at++];
	}
	return at == w->n_fds ? 0 : err_set(e, EBADMSG, "read the command");
}

/*
 * Who asked may be gone, and another process have its pid: one that is younger than we are, or where the connection had to
 * wait for its turn, not even that. Linux 6.5 tells.
 */
static pid_t asker_of(const struct work *w)
{
	_cleanup_close_ int asker = sys_peer_pidfd(w->sock);
	struct pollfd ended = { .fd = asker, .events = POLLIN };
	uint64_t began, ours;

	if (asker < 0 && errno != ENOPROTOOPT)
		return 0;
	if (w->pid <= 0 || io_process_start(w->pid, &began) < 0 ||
		io_process_start(getpid(), &ours) < 0 || poll(&ended, 1, 0) != 0)
		return 0;
	return began <= ours ? w->pid : 0;
}

void work_be_like_login(const struct work *w)
{
	_cleanup_close_ int login =
		io_process_hold(w->record->caller.pid, w->record->caller.start);

	if (login >= 0)
		schedule_like(w->record->caller.pid);
}

static enum enter_result start(const struct work *w, const struct session_command *c,
	const struct joinlog_who *who, struct started *ret, struct err *e)
{
	struct find_held held = FIND_HELD_NONE;
	enum enter_result r = ENTER_FAILED;
	char notice[512], now[16] = "", agent[128];
	time_t t = time(NULL);
	struct tm tm;
	struct enter in = {
		.record = w->record,
		.held = &held,
		.file = c->file,
		.argv = c->argv,
		.env = c->env,
		.directory = c->directory,
		.home = c->home,
		.directory_must = c->head.directory_must != 0,
		.mask = c->head.mask & 0777,
		.slack = (unsigned long)c->head.slack, /* prctl(2) takes no more */
		.like = asker_of(w),
		.on_pty = c->head.on_pty,
		.manner = c->head.manner,
		.shown = c->group != NULL,
		.limits = c->head.limits,
	};

	if (c->head.agent) {
		(void)snprintf(
			agent, sizeof(agent), "%s/nsshell-agent", w->plan->runtime_dir);
		in.agent = agent;
		in.ret_agent = &ret->agent;
	}
	if (w->record->notify_join && !c->head.login) {
		if (localtime_r(&t, &tm))
			(void)strftime(now, sizeof(now), "%H:%M", &tm);
		joinlog_notice(who, now, notice, sizeof(notice));
		in.notice = notice;
	}
	work_be_like_login(w);
	if (take_given(w, c, in.given, e) == 0 && find_hold(w->record, &held, e) == 0 &&
		person_of(w->record, &held, c->group, &in.person, e) == 0)
		r = enter_session(&in, &ret->proxy, e);
	if (r == ENTER_RUNS && in.notice)
		notice_lent(w->record, notice);
	find_release(&held);
	return r;
}

/* What is executed under another name is the login shell, "-bash". */
static const char *const *words_of(const struct session_command *c)
{
	return c->argv[0][0] == '-' ? NULL : c->argv;
}

static void tell_joined(const struct work *w, const struct joinlog_who *who,
	const struct session_command *c)
{
	join_log_joined(who, w->record, w->record->user, words_of(c));
	account_log(w->record->uid, EVENT_OF(EVENT_JOINED, w->record),
		"session %s: %s joined the session of %s", w->record->id, w->record->user,
		w->record->user);
}

int work_run(const struct work *w, struct session_answer *a, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct session_command c = { 0 };
	struct started s = STARTED_NONE;
	const struct joinlog_who *told;
	struct joinlog_who who;
	enum enter_result r = ENTER_FAILED;
	struct err ignored;

	openlog("nsjoin", LOG_PID, LOG_AUTHPRIV);
	join_log_who(asker_of(w), w->record->uid, &who);
	if (w->n_fds == 0)
		return err_set(e, EBADMSG, "read the command");
	if (w->record->state == RECORD_OPENING)
		return err_set(e, 0, "session %s is being opened", w->record->id);
	if (session_command_read(w->fds[0], &c, &text, e) == 0)
		r = start(w, &c, &who, &s, e);
	for (size_t i = 0; i < w->n_fds; i++)
		(void)close(w->fds[i]);
	/* Where another of the session is looked at, this one isn't. */
	if (r == ENTER_RUNS && c.head.observed && c.head.on_pty)
		(void)observe_listen(w->record->id, &s.observed, &ignored);
	if (r == ENTER_RUNS) {
		s.pidfd = hold(w, s.proxy.child, e);
		r = s.pidfd < 0 ? ENTER_FAILED : r;
	}
	if (r == ENTER_RUNS) {
		if (!c.head.login)
			tell_joined(w, &who, &c);
		told = c.head.login ? NULL : &who;
		/* Its megabytes aren't kept for as long as it runs. */
		session_command_clear(&c);
		free(text);
		text = NULL;
		if (follow(w, told, &s, a, e) < 0)
			r = ENTER_FAILED;
	} else {
		a->value = r == ENTER_NO_EXEC;
		join_log_failed(&who, w->record->id, c.argv ? words_of(&c) : NULL, e);
	}
	session_command_clear(&c);
	return r == ENTER_RUNS ? 1 : -1;
}
