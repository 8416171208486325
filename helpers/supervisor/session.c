/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/session.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/session/account_log.h"
#include "core/run/host/blame.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/ids/privs.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/session/lent.h"
#include "core/run/session/reconcile.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/init/init.h"
#include "helpers/supervisor/join_socket.h"
#include "helpers/supervisor/network.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <syslog.h>

/* A login program that outlives its pam_close_session() has this long to end. */
#define CALLER_GRACE_MS 5000
/* And a namespace to be reaped. */
#define REAP_GRACE_MS 10000
#define END_TRIES     3
/* And a login program that was refused, to end. */
#define LET_GO_MS 5000
#define LOOK_MS   20

int session_write(struct session *s, struct err *e)
{
	s->record.leases = 0;
	for (size_t i = 0; i < s->n_leases; i++)
		s->record.leases += !s->leases[i].over && s->leases[i].until == 0;
	return record_write(&s->record, e);
}

/* ---- letting a login in ------------------------------------------------------------- */

/* The image, and what its user is to know of their choice, and of a change below. */
static void fill_text(const struct session *s, char *text, size_t size)
{
	const char *changed = s->record.changed, *what = strchr(changed, ' ');
	const char *said = s->plan->said;
	size_t len;

	(void)snprintf(
		text, size, "%s%s%s", s->plan->image, *said || what ? "\n" : "", said);
	len = strlen(text);
	if (*changed == 'c')
		(void)snprintf(text + len, size - len,
			"%sPackages of the host are being changed beneath what you wrote over it: a later login looks "
			"again.",
			*said ? " " : "");
	else if (what)
		(void)snprintf(text + len, size - len,
			"%sThe %s has changed beneath what you wrote over it: that was %s.",
			*said ? " " : "", what + 1,
			*changed == 'r' ? "set aside" : "kept");
}

static void fill_reply(
	const struct session *s, enum proto_kind kind, struct proto_reply *reply)
{
	*reply = (struct proto_reply){ .magic = PROTO_MAGIC, .kind = kind };
	(void)snprintf(reply->id, sizeof(reply->id), "%s", s->plan->id);
	(void)snprintf(reply->runtime_dir, sizeof(reply->runtime_dir), "%s",
		s->plan->runtime_dir);
	if (*s->plan->user_manager && !*s->note)
		(void)snprintf(reply->bus, sizeof(reply->bus), "unix:path=%s/bus",
			s->plan->runtime_dir);
	(void)snprintf(reply->shell, sizeof(reply->shell), "%s", s->plan->door_shell);
	fill_text(s, reply->text, sizeof(reply->text));
	/* The caller was in its cgroup namespace's root before, and stays in the box's.
	 */
	reply->namespaces = s->plan->namespaces;
	reply->uid = s->plan->uid;
	reply->gid = s->plan->gid;
	reply->no_new_privs = s->plan->no_new_privs;
	reply->scoped = s->plan->scope_sockets;
	reply->filtered = s->filter >= 0;
}

static void tell_refused(enum proto_kind kind, const char *id, const char *user,
	uid_t uid, const struct err *e)
{
	const struct event refused = { EVENT_REFUSED, id, user },
			   unboxed = { EVENT_UNBOXED, id, user };

	if (kind == PROTO_UNBOXED) {
		event_log(LOG_ALERT, &unboxed,
			"session %s: %s is let in NOT ISOLATED, as OnError=allow says: %s",
			id, user, e->msg);
		return;
	}
	event_log(LOG_ERR, &refused, "session %s: login of %s refused: %s", id, user,
		e->msg);
	account_log(uid, &refused, "session %s: login of %s refused", id, user);
}

void session_refuse(
	int sock, const char *id, const char *user, uid_t uid, bool allow, struct err *e)
{
	struct proto_reply reply = { .magic = PROTO_MAGIC, .kind = PROTO_DENY };

	if (e->num == EAGAIN)
		(void)err_wrap(e,
			"no process can be started (TasksMax= of the account, or of the login program's "
			"unit, or kernel.pid_max, is used up)");
	if (allow)
		blame_host(e);
	if (allow && e->cause != ERR_BY_ANYONE)
		reply.kind = PROTO_UNBOXED;
	if (user)
		tell_refused(reply.kind, id, user, uid, e);
	(void)snprintf(reply.id, sizeof(reply.id), "%s", id);
	(void)snprintf(reply.text, sizeof(reply.text), "%s", e->msg);
	(void)io_send(sock, &reply, sizeof(reply), NULL, 0);
}

static int send_reply(const struct session *s, int sock, enum proto_kind kind,
	const int *fds, size_t n, struct err *e)
{
	struct proto_reply reply;

	fill_reply(s, kind, &reply);
	if (privs_cap_mask(s->plan->login_caps, s->plan->n_login_caps, &reply.caps, e) <
		0)
		return -1;
	return io_send(sock, &reply, sizeof(reply), fds, n) < 0
		       ? err_set(e, errno, "answer the login program")
		       : 0;
}

static int send_move(const struct session *s, int sock, struct err *e)
{
	if (s->groups.n == 0)
		return 0;
	return send_reply(s, sock, PROTO_MOVE, s->groups.move, s->groups.n, e);
}

static int send_join(const struct session *s, int sock, struct err *e)
{
	const int fds[] = { s->init, s->filter };

	return send_reply(s, sock, PROTO_JOIN, fds, s->filter >= 0 ? 2 : 1, e);
}

/* Whose limits are those of what is run for the session later. Return: 0, or -1 with errno. */
static int note_caller(struct session *s, pid_t pid)
{
	struct record_process p = { .pid = pid };

	if (io_process_start(pid, &p.start) < 0)
		return -1;
	s->record.caller = p;
	return 0;
}

/* The process at the socket's other end, as it was when the socket was made (unix(7)). */
static int hold_caller(struct session *s, struct lease *l, struct err *e)
{
	l->pid = join_socket_peer(l->sock);
	if (l->pid == 0)
		return err_set(e, errno, "ask who logs in");
	l->caller = sys_pidfd_open(l->pid);
	if (l->caller < 0)
		return err_set(e, errno, "hold the login program");
	if (s->record.caller.pid == 0 && note_caller(s, l->pid) < 0)
		return err_set(e, errno, "look at the login program");
	return 0;
}

static int admit(struct session *s, struct lease *l, struct err *e)
{
	/* v2: the first login was sent on its way before the rootfs was built. */
	bool moved = s->groups.directory >= 0 && !s->admitted;

	if (s->n_leases == SESSION_LEASES_MAX)
		return err_set(e, 0, "the session has %d logins, and may have no more",
			SESSION_LEASES_MAX);
	if (hold_caller(s, l, e) < 0 || (!moved && send_move(s, l->sock, e) < 0))
		return -1;
	s->admitted = true;
	l->until = clock_ms() + SESSION_ADMIT_S * 1000;
	return send_join(s, l->sock, e);
}

int session_admit(struct session *s, int sock, struct err *e)
{
	struct lease lease = { .sock = sock, .caller = -EBADF };

	if (admit(s, &lease, e) < 0) {
		cleanup_close(&lease.sock);
		cleanup_close(&lease.caller);
		return -1;
	}
	s->leases[s->n_leases++] = lease;
	return 0;
}

static void forget(struct session *s, size_t i)
{
	pid_t pid = s->leases[i].pid;

	cleanup_close(&s->leases[i].sock);
	cleanup_close(&s->leases[i].caller);
	s->leases[i] = s->leases[--s->n_leases];
	if (s->record.caller.pid != pid || s->n_leases == 0)
		return;
	s->record.caller = (struct record_process){ 0 };
	for (size_t k = 0; k < s->n_leases && note_caller(s, s->leases[k].pid) < 0; k++)
		continue;
}

/* A login program that ends instead has said why itself. */
static int hear(struct session *s, const struct lease *l, struct err *e)
{
	const struct timeval now = { .tv_usec = 1 };
	struct proto_request joined;
	int r = setsockopt(l->sock, SOL_SOCKET, SO_RCVTIMEO, &now, sizeof(now));

	if (r == 0)
		r = io_recv(l->sock, &joined, sizeof(joined), NULL, NULL);
	s->cut_off = r <= 0;
	if (r > 0)
		return err_set(e, 0, "the login program didn't join");
	if (r < 0 || joined.magic != PROTO_MAGIC || joined.kind != PROTO_JOINED)
		return err_set(e,
			r == 0            ? EBADMSG
			: errno == EAGAIN ? ETIMEDOUT
					  : errno,
			"hear from the login program that it joined");
	/* What the socket says from now on may be the box's: only its end counts. */
	r = shutdown(l->sock, SHUT_RD);
	if (r < 0)
		r = shutdown(l->sock, SHUT_RD);
	return r < 0 ? err_set(e, errno, "close the login's socket for reading") : 0;
}

int session_hear(struct session *s, size_t i, struct err *e)
{
	if (hear(s, &s->leases[i], e) < 0) {
		forget(s, i);
		return -1;
	}
	s->leases[i].until = 0;
	return 0;
}

int session_hear_late(struct session *s, struct err *e)
{
	uint64_t now = clock_ms();
	int r = 0;

	for (size_t i = s->n_leases; i-- > 0;)
		if (s->leases[i].until > 0 && s->leases[i].until <= now &&
			session_hear(s, i, e) < 0)
			r = -1;
	return r;
}

int session_patience(const struct session *s)
{
	uint64_t now = clock_ms(), least = UINT64_MAX;

	for (size_t i = 0; i < s->n_leases; i++)
		if (s->leases[i].until > 0 && s->leases[i].until < least)
			least = s->leases[i].until;
	if (least == UINT64_MAX)
		return -1;
	return least > now ? (int)(least - now) : 0;
}

/* Wait for the login program's end: its exit status must be its own. */
void session_release(struct session *s, size_t i)
{
	struct pollfd p = { .fd = s->leases[i].caller, .events = POLLIN };

	cleanup_close(&s->leases[i].sock);
	if (poll(&p, 1, CALLER_GRACE_MS) == 0)
		(void)sys_pidfd_signal(s->leases[i].caller, SIGKILL);
	cleanup_close(&s->leases[i].caller);
	s->leases[i] = s->leases[--s->n_leases];
}

size_t session_logins(const struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_leases; i++)
		n += !s->leases[i].over;
	return n;
}

void session_return_terminal(struct session *s)
{
	struct err ignored;

	const bool lent = s->record.lent.rdev != 0;

	/* What fails is tried again at the end. */
	if (lent_return(s->terminal, &s->record, &s->plan->uids, &ignored) < 0)
		return;
	s->record.lent.rdev = 0;
	if (lent)
		(void)session_write(s, &ignored);
	cleanup_close(&s->terminal);
}

/* ---- turning away ------------------------------------------------------------------- */

/*
 * A login program that had moved already, and didn't get further, is told why by itself or by
 * us: ending the session's group at once would kill it before it can say so.
 */
static void let_go(const struct session *s, pid_t caller)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(caller);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (int ms = 0; pidfd >= 0 && ms < LET_GO_MS; ms += LOOK_MS)
		if (!cgroup_holds(s->plan->cgroup.kind, s->record.cgroup, caller) ||
			poll(&p, 1, LOOK_MS) > 0)
			return;
}

static void put_back(const struct session *s, pid_t caller, const char *before)
{
	if (cgroup_holds(s->plan->cgroup.kind, s->record.cgroup, caller))
		cgroup_put_back(caller, before);
}

/* Of a move and a refusal it has heard both once it hangs up: a move takes a grace period of RCU. */
static void await_heard(int sock)
{
	struct pollfd p = { .fd = sock };

	(void)poll(&p, 1, LET_GO_MS);
}

static void turn_away(
	struct session *s, int sock, pid_t caller, const char *before, struct err *e)
{
	if (s->cut_off) {
		event_session(LOG_ERR, EVENT_REFUSED, s->plan, "login of %s refused: %s",
			s->plan->user, e->msg);
		(void)close(sock);
		return;
	}
	put_back(s, caller, before);
	session_refuse(sock, s->plan->id, s->plan->user, s->plan->uid, s->allow, e);
	await_heard(sock);
	put_back(s, caller, before);
	(void)close(sock);
	let_go(s, caller);
}

/* ---- ending ------------------------------------------------------------------------- */

void session_shut(struct session *s)
{
	char path[sizeof(PATH_SESSIONS) + PLAN_ID_LEN + sizeof("/.sock")];
	struct err ignored;

	cleanup_close(&s->listener);
	(void)snprintf(path, sizeof(path), "%s/%s.sock", PATH_SESSIONS, s->plan->id);
	(void)unlink(path);
	s->record.state = RECORD_CLOSING;
	(void)session_write(s, &ignored);
}

static void end_init(struct session *s)
{
	struct pollfd p = { .fd = s->init, .events = POLLIN };
	const char word = INIT_END;

	if (s->init < 0)
		return;
	(void)io_send(s->leash, &word, 1, NULL, 0);
	if (poll(&p, 1, INIT_GRACE_MS + 1000) == 0)
		(void)sys_pidfd_signal(s->init, SIGKILL);
	/*
	 * A pid namespace ends when every process in it is reaped, those too whose parent is a
	 * login program outside (pid_namespaces(7)). One that never reaps must not hold us.
	 */
	if (poll(&p, 1, REAP_GRACE_MS) > 0)
		(void)waitid(P_PIDFD, (id_t)s->init, NULL, WEXITED);
	cleanup_close(&s->init);
	s->record.init = (struct record_process){ 0 };
}

void session_kill(struct session *s)
{
	/* Whatever is still being made must be there before it can be taken away. */
	if (s->preparing)
		groups_finish(s->preparer);
	cleanup_close(&s->preparer);
	cleanup_close(&s->account_lock);
	/* One that is paused must hear that it ends. */
	freeze_thaw(s->plan->cgroup.kind, s->record.cgroup);
	end_init(s);
	while (s->n_leases > 0)
		session_release(s, s->n_leases - 1);
}

/*
 * What failed for want of memory, say, may go a moment later; else it waits for the next login of
 * anybody, which finds it by the record.
 */
static int take_away(struct session *s, struct err *e)
{
	for (int tries = 0; tries < END_TRIES; tries++) {
		if (tries > 0)
			clock_pause(20000);
		/* systemd's groups go when their last process has: stay in. */
		if (!s->plan->cgroup.systemd)
			cgroup_leave(s->plan->cgroup.kind);
		if (reconcile_end(&s->record, s->terminal, &s->plan->uids, e) == 0 &&
			record_remove(s->plan->id, e) == 0)
			return 0;
	}
	return -1;
}

/*
 * The account's rootfs, where it is shared, and the session's door first: whom the account's lock lets in next may mount
 * the upper again, and is refused where a record still promises it.
 */
static void let_go_of_rootfs(struct session *s)
{
	if (s->record.holder != 0 && s->record.state != RECORD_CLOSING)
		session_shut(s);
	refresh_close(&s->refresh);
	cleanup_close(&s->holder);
}

int session_end(struct session *s, struct err *e)
{
	session_kill(s);
	cgroup_fds_close(&s->groups);
	let_go_of_rootfs(s);
	host_session_close(&s->login, &s->host, s->plan);
	cleanup_close(&s->net);
	network_return(s->plan);
	return take_away(s, e);
}

void session_forsake(
	struct session *s, int sock, pid_t caller, const char *before, struct err *e)
{
	/* Who waits for it opens one of their own. */
	if (s->listener >= 0)
		session_shut(s);
	turn_away(s, sock, caller, before, e);
	(void)session_end(s, e);
}
