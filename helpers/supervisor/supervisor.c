/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-supervisor FD: the small host-side process of a session, from when its init is on its way in: waits for leases and
 * init, then takes all away. The opener becomes it (begin.c), and says what there is (left.h).
 */
#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/compat.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/session/account_log.h"
#include "core/run/session/account_sessions.h"
#include "core/run/ids/privs.h"
#include "core/run/session/reconcile.h"
#include "helpers/supervisor/follow.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/init/init.h"
#include "helpers/supervisor/join_socket.h"
#include "helpers/supervisor/left.h"
#include "helpers/supervisor/network_watch.h"
#include "helpers/supervisor/presence.h"
#include "helpers/worker/serve.h"
#include "helpers/supervisor/session.h"
#include "helpers/supervisor/session_caps.h"
#include "helpers/supervisor/limit_notice.h"
#include "helpers/supervisor/title.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <syslog.h>

/* While another login of the account is being opened, ask for the account's lock again.
 */
#define RETRY_MS 20

/* ---- after the login went in -------------------------------------------------------- */

static void note_login(struct session *s, struct presence *presence)
{
	struct err e;

	s->record.state = RECORD_OPEN;
	if (session_write(s, &e) < 0)
		event_session(LOG_ERR, EVENT_NOTE, s->plan, "%s", e.msg);
	presence_begin(presence, s);
	account_event(LOG_INFO, s->plan->uid, EVENT_OF(EVENT_OPENED, s->plan),
		"session %s opened for %s (%s%s%s)", s->plan->id, s->plan->user,
		s->plan->service, s->plan->rhost[0] ? " from " : "", s->plan->rhost);
	for (size_t i = 0; i < s->plan->n_notes; i++)
		event_session(LOG_NOTICE, EVENT_NOTE, s->plan, "%s", s->plan->notes[i]);
	if (s->note[0])
		event_session(LOG_WARNING, EVENT_NOTE, s->plan, "%s", s->note);
	if (s->record.changed[0])
		event_session(LOG_NOTICE, EVENT_NOTE, s->plan,
			"what lies below what %s wrote with Upper=disk has changed (UpperOnChange=): %s",
			s->plan->user, s->record.changed);
}

/*
 * Should:   leave session_caps(), and what it takes to have nsshell-net take a link away
 * Mustn't:  leave more for the hours that a session lasts. The bounding set stays where programs of the host's
 *	     are run, host_start(): it is what their setuid bits give them
 */
static int supervisor_drop(const struct plan *plan, struct err *e)
{
	static const char *const of_net[] = { "cap_net_admin" };
	uint64_t caps, held, net = 0;

	if (session_caps(&caps, e) < 0 || privs_held(&held, e) < 0)
		return -1;
	if (plan->network.number > 0 && privs_cap_mask(of_net, 1, &net, e) < 0)
		return -1;
	if (!plan_has_commands(plan))
		return privs_keep_caps(caps | (net & held), e);
	return privs_drop_caps(caps) < 0 ? err_set(e, errno, "drop capabilities") : 0;
}

static int join_supervisors(struct session *s, struct err *e)
{
	struct cgroup_fds f = CGROUP_FDS_NONE;
	int r = groups_await(s->preparer, &f, e);

	if (r == 0)
		r = cgroup_move_self(&f, e);
	cgroup_fds_close(&f);
	s->preparing = false;
	cleanup_close(&s->preparer);
	return r;
}

/*
 * Neither is what fills the memory, and with init all of the session would go. Init forks nobody any
 * more who could inherit it: a user manager has its own score by now, and who joins brings theirs.
 */
static void spare_from_oom(const struct session *s)
{
	char path[32];

	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "-900");
	(void)snprintf(path, sizeof(path), "%d/oom_score_adj", (int)s->record.init.pid);
	(void)io_write_text(s->proc, path, "-900");
}

/* Nobody waits for any of this. */
static void supervisor_settle(struct session *s)
{
	struct err e;
	size_t swept;
	int r;

	spare_from_oom(s);
	if (join_supervisors(s, &e) < 0)
		event_session(LOG_ERR, EVENT_NOTE, s->plan, "%s", e.msg);
	host_session_join(&s->host);
	if (renew_is_wanted(s->plan) &&
		renew_hold(s->proc, s->record.init.pid, &s->renew, &e) < 0)
		event_session(LOG_WARNING, EVENT_NOTE, s->plan, FOLLOW_NOT, e.msg);
	r = supervisor_drop(s->plan, &e);
	if (r < 0) /* for want of memory, say */
		r = supervisor_drop(s->plan, &e);
	if (r < 0)
		event_session(LOG_ERR, EVENT_NOTE, s->plan, "%s", e.msg);
	if (reconcile_all(&swept, &e) < 0)
		event_log(LOG_ERR, &(const struct event){ EVENT_NOTE, NULL, NULL },
			"sweeping up after a crash: %s", e.msg);
	else if (swept > 0)
		event_log(LOG_WARNING, &(const struct event){ EVENT_CRASHED, NULL, NULL },
			"%zu sessions had lost their supervisor and were ended", swept);
	(void)malloc_trim(0);
}

/* ---- supervising -------------------------------------------------------------------- */

enum {
	POLL_INIT,
	POLL_SIGNAL,
	POLL_LISTENER,
	POLL_PRESENCE,
	POLL_FOLLOW,
	POLL_CHANGES,
	POLL_NETWORK,
	POLL_SERVE = POLL_NETWORK + NETWORK_WATCH_SOCKETS,
	POLL_HITS = POLL_SERVE + SERVE_POLL_MAX,
	POLL_LEASES = POLL_HITS + HITS_POLL_MAX,
	POLL_MAX = POLL_LEASES + 2 * SESSION_LEASES_MAX,
};

struct watch {
	struct session *s;
	struct tell tell;
	struct presence presence;
	struct serve serve;
	int first;      /* the first login's socket, until somebody is in */
	bool open;      /* somebody is */
	struct err why; /* if not: what the first one is told */
	struct follow follow;
	struct network_watch network;
	bool lingering;
	uint64_t
		linger_until; /* clock_usec(); PARSE_INFINITY: as long as processes live */
};

static size_t fill(const struct watch *w, struct pollfd *p)
{
	size_t n = POLL_LEASES;

	p[POLL_INIT] = (struct pollfd){ .fd = w->s->init, .events = POLLIN };
	p[POLL_SIGNAL] = (struct pollfd){ .fd = w->s->signals, .events = POLLIN };
	p[POLL_LISTENER] = (struct pollfd){ .fd = w->s->listener, .events = POLLIN };
	presence_wants(&w->presence, &p[POLL_PRESENCE]);
	p[POLL_FOLLOW] = (struct pollfd){ .fd = w->s->renew.sock, .events = POLLIN };
	follow_wants(&w->follow, clock_usec(), &p[POLL_CHANGES]);
	network_watch_wants(&w->network, &p[POLL_NETWORK]);
	serve_wants(&w->serve, &p[POLL_SERVE]);
	hits_wants(&w->tell.hits, &p[POLL_HITS]);
	for (size_t i = 0; i < w->s->n_leases; i++) {
		const struct lease *l = &w->s->leases[i];

		p[n++] = (struct pollfd){ .fd = l->over ? -1 : l->sock,
			.events = l->until > 0 ? POLLIN : 0 };
		p[n++] = (struct pollfd){ .fd = l->caller, .events = POLLIN };
	}
	return n;
}

/* The first one that is in makes it a session. */
static void open_up(struct watch *w)
{
	w->open = true;
	cleanup_close(&w->first);
	title_set("nsshell: session %s of %s", w->s->plan->id, w->s->plan->user);
	note_login(w->s, &w->presence);
	/* While there are the capabilities for it. */
	network_watch_begin(&w->network, w->s);
	supervisor_settle(w->s);
	tell_begin(&w->tell, w->s);
	follow_begin(&w->follow, w->s, clock_usec());
}

static void not_in(struct watch *w, const struct err *e)
{
	w->why = *e;
	if (w->open || w->s->n_leases > 0)
		event_session(
			LOG_ERR, EVENT_REFUSED, w->s->plan, "a login failed: %s", e->msg);
}

static void hear_login(struct watch *w, size_t i)
{
	pid_t caller = w->s->leases[i].pid;
	struct err e;

	if (session_hear(w->s, i, &e) < 0) {
		not_in(w, &e);
		return;
	}
	if (!w->open) {
		open_up(w);
		return;
	}
	(void)session_write(w->s, &e);
	presence_another(&w->presence, caller);
	account_event(LOG_INFO, w->s->plan->uid, EVENT_OF(EVENT_JOINED, w->s->plan),
		"session %s: another login of %s joined", w->s->plan->id,
		w->s->plan->user);
}

static void hear_late(struct watch *w)
{
	struct err e;

	if (session_hear_late(w->s, &e) < 0)
		not_in(w, &e);
}

static void take_leases(struct watch *w, const struct pollfd *p)
{
	/* From the last on: a release moves the last one into its place. */
	for (size_t i = w->s->n_leases; i-- > 0;) {
		const struct pollfd *sock = &p[POLL_LEASES + 2 * i], *caller = sock + 1;

		if (w->s->leases[i].until > 0) {
			if (sock->revents || caller->revents)
				hear_login(w, i);
			continue;
		}
		if (sock->revents)
			w->s->leases[i].over = true;
		if (caller->revents)
			session_release(w->s, i);
	}
}

static void set_lingering(struct watch *w, bool on)
{
	uint64_t linger = w->s->plan->linger_usec;
	const char word = on ? INIT_LINGER : INIT_STAY;
	struct err ignored;

	if (w->lingering == on)
		return;
	w->lingering = on;
	(void)io_send(w->s->leash, &word, 1, NULL, 0);
	w->linger_until =
		linger == PARSE_INFINITY ? PARSE_INFINITY : clock_usec() + linger;
	w->s->record.state = on ? RECORD_LINGERING : RECORD_OPEN;
	(void)session_write(w->s, &ignored);
	/* After the record, by which nobody gives it back to this session any more. */
	if (on)
		session_return_terminal(w->s);
}

/* Whether the session should end now; called with no login left. */
static bool is_due(struct watch *w)
{
	if (w->s->plan->linger_usec == 0)
		return true;
	set_lingering(w, true);
	return w->linger_until != PARSE_INFINITY && clock_usec() >= w->linger_until;
}

static bool login_waits(const struct session *s)
{
	struct pollfd p = { .fd = s->listener, .events = POLLIN };

	return s->listener >= 0 && poll(&p, 1, 0) > 0;
}

/* Shut the door, unless a login of the account is on its way in. */
static bool shut(struct watch *w)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err e;

	if (w->s->plan->share_account) {
		int r = account_sessions_lock(w->s->plan->uid, 0, &account_lock, &e);

		if (r > 0)
			return false;
		if (r < 0)
			event_session(LOG_ERR, EVENT_NOTE, w->s->plan, "%s", e.msg);
		if (login_waits(w->s))
			return false;
	}
	session_shut(w->s);
	return true;
}

static int linger_timeout(const struct watch *w, uint64_t now)
{
	if (session_logins(w->s) > 0)
		return -1;
	if (!w->lingering || now >= w->linger_until)
		return RETRY_MS;
	if (w->linger_until == PARSE_INFINITY)
		return -1;
	/* An hour at most: what is left is asked again. */
	return w->linger_until - now > 3600000000ULL
		       ? 3600000
		       : (int)((w->linger_until - now) / 1000) + 1;
}

/* Of two times to wait, -1 being no end. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int timeout_of(const struct watch *w)
{
	uint64_t now = clock_usec();
	int ms = sooner(tell_timeout(&w->tell, now), follow_timeout(&w->follow, now));

	ms = sooner(ms, network_watch_timeout(&w->network, now));
	return sooner(sooner(linger_timeout(w, now), ms), session_patience(w->s));
}

static void admit_next(struct watch *w)
{
	struct err e;
	int sock = join_socket_accept(w->s->listener, &e);

	if (sock < 0 || session_admit(w->s, sock, &e) < 0) {
		event_session(LOG_ERR, EVENT_REFUSED, w->s->plan,
			"another login failed: %s", e.msg);
		return;
	}
	set_lingering(w, false);
}

/* Of a new terminal, or a change on the host. Return: whether a signal said to end. */
static bool hear_signals(struct watch *w)
{
	struct signalfd_siginfo one;
	bool end = false;

	while (read(w->s->signals, &one, sizeof(one)) == (ssize_t)sizeof(one))
		switch (one.ssi_signo) {
		case SIGIO:
			presence_look(&w->presence);
			/* fallthrough */
		case RENEW_SIGNAL:
			follow_hear(&w->follow, (int)one.ssi_signo, clock_usec());
			break;
		default:
			end = true;
		}
	return end;
}

/* Returns when the session's door is shut and it is to end. */
static void watch(struct watch *w)
{
	struct pollfd p[POLL_MAX];

	for (;;) {
		hear_late(w);
		if (session_logins(w->s) == 0 && !login_waits(w->s) &&
			(!w->open || is_due(w)) && shut(w))
			return;
		if (poll(p, fill(w, p), timeout_of(w)) < 0)
			continue;
		/* A login that waits to be taken opens a session of its own then. */
		if (p[POLL_SIGNAL].revents && hear_signals(w)) {
			/* A login on its way in was told how, and ends with the session. */
			w->s->cut_off = true;
			(void)err_set(&w->why, 0, SESSION_STOPPED);
			session_shut(w->s);
			return;
		}
		if (p[POLL_INIT].revents) {
			(void)err_set(&w->why, 0, "init of the session died");
			session_shut(w->s);
			return;
		}
		if (p[POLL_PRESENCE].revents)
			presence_relay(&w->presence);
		if (w->open)
			tell_go(&w->tell, clock_usec());
		if (p[POLL_FOLLOW].revents)
			follow_take(&w->follow, clock_usec());
		if (p[POLL_CHANGES].revents)
			follow_pass_on(&w->follow, clock_usec());
		follow_go(&w->follow, clock_usec());
		network_watch_go(&w->network, &p[POLL_NETWORK], clock_usec());
		/* Who is let in by the first may ask for something at once. */
		take_leases(w, p);
		serve_go(&w->serve, w->s, &p[POLL_SERVE]);
		if (p[POLL_LISTENER].revents)
			admit_next(w);
	}
}

/* ---- the whole ---------------------------------------------------------------------- */

static int open_first(struct session *s, struct serve *serve, int sock, struct err *e)
{
	int lease;

	if (session_ready(s, e) < 0 || serve_begin(serve, s, e) < 0)
		return -1;
	lease = fcntl(sock, F_DUPFD_CLOEXEC, 0);
	if (lease < 0)
		return err_set(e, errno, "duplicate the login's socket");
	return session_admit(s, lease, e);
}

static void end(struct session *s, struct tell *tell, uint64_t begun)
{
	char used[256];
	struct err e;

	session_kill(s);
	tell_go(tell, clock_usec());
	tell_end(tell, used, sizeof(used));
	if (session_end(s, &e) < 0)
		event_log(LOG_ERR, EVENT_OF(EVENT_NOTE, s->plan),
			"session %s of %s: not all could be taken away: %s", s->plan->id,
			s->plan->user, e.msg);
	account_event(LOG_INFO, s->plan->uid, EVENT_OF(EVENT_CLOSED, s->plan),
		"session %s of %s closed after %" PRIu64 " s%s", s->plan->id,
		s->plan->user, (clock_usec() - begun) / 1000000, used);
}

static void run(struct supervisor_left *l)
{
	struct session *s = &l->session;
	struct watch w = { .s = s,
		.first = l->sock,
		.tell = { .hits = HITS_NONE },
		.presence = PRESENCE_NONE,
		.serve = SERVE_NONE,
		.follow = FOLLOW_NONE,
		.network = NETWORK_WATCH_NONE };

	groups_let_go(s->preparer);
	if (left_keep(&w.why) == 0 && open_first(s, &w.serve, w.first, &w.why) == 0)
		watch(&w);
	serve_shut(&w.serve, s);
	serve_end(&w.serve);
	if (!w.open) {
		session_forsake(s, l->sock, l->caller, l->before, &w.why);
		return;
	}
	follow_end(&w.follow);
	network_watch_end(&w.network);
	end(s, &w.tell, l->begun);
}

int main(int argc, char **argv)
{
	static struct supervisor_left left;
	static struct plan plan;
	struct err e = { 0 };
	uint32_t fd;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc != 2 || parse_u32(argv[1], &fd) < 0 || fd > INT_MAX)
		return 1;
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	/* Executed by an fd, it would have that one's number for a name. */
	(void)prctl(PR_SET_NAME, "nsshell", 0, 0, 0);
	title_begin(argc, argv);
	/* What is there is taken away by the next login's reconcile_all(). */
	if (left_read((int)fd, &left, &plan, &e) < 0) {
		event_log(LOG_ERR, &(const struct event){ EVENT_NOTE, NULL, NULL }, "%s",
			e.msg);
		return 1;
	}
	cgroup_mounts_hear(left.mounts);
	run(&left);
	return 0;
}
