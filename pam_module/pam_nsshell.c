/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PAM module: entry points only. It lives in sshd, su, login, cron: it spawns the
 * helper, receives fds, joins, and does nothing else.
 */
#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/enter/environment.h"
#include "core/run/enter/handed.h"
#include "core/run/enter/inside.h"
#include "helpers/client/client.h"
#include "helpers/client/session_id.h"
#include "pam_module/pam_args.h"

#include <fcntl.h>
#include <limits.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

/* Not PAM_SESSION_ERR, after which sudo runs the command all the same. */
#define REFUSED      PAM_PERM_DENIED

#define DATA_LEASE   "nsshell-lease"
#define DATA_REFUSED "nsshell-refused"
#define DATA_EXEMPT  "nsshell-exempt"
#define DATA_UNBOXED "nsshell-unboxed"

/* All else is hidden; the export map lists the same six. */
#define EXPORT __attribute__((visibility("default")))

/* ---- the lease: a socket kept open as long as the caller lives ---------------------- */

struct lease {
	int sock;
};

static void lease_free(pam_handle_t *pamh, void *p, int status)
{
	struct lease *lease = p;

	(void)pamh;
	/* A forked child that only frees its copy of the handle must not end the session.
	 */
	if (!(status & PAM_DATA_SILENT))
		(void)shutdown(lease->sock, SHUT_RDWR);
	cleanup_close(&lease->sock);
	free(lease);
}

static int lease_keep(pam_handle_t *pamh, int sock, struct err *e)
{
	struct lease *lease = malloc(sizeof(*lease));

	if (!lease)
		return err_set(e, ENOMEM, "keep the helper's socket");
	lease->sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (lease->sock < 0) {
		(void)err_set(e, errno, "keep the helper's socket");
		free(lease);
		return -1;
	}
	if (pam_set_data(pamh, DATA_LEASE, lease, lease_free) != PAM_SUCCESS) {
		(void)close(lease->sock);
		free(lease);
		return err_set(e, 0, "store the helper's socket as PAM data");
	}
	return 0;
}

/* What one of our lines has come to counts for the others of a login: su-l includes su. What was taken back is NULL. */
static bool has(pam_handle_t *pamh, const char *what)
{
	const void *data = NULL;

	return pam_get_data(pamh, what, &data) == PAM_SUCCESS && data;
}

static void note(pam_handle_t *pamh, const char *what)
{
	static char noted[] = "";

	(void)pam_set_data(pamh, what, noted, NULL);
}

/*
 * A program of the box is a process of its pid namespace, and so of its /proc. Who came by a
 * session module isn't: its children are.
 */
static bool came_from_outside(void)
{
	char pid[16];

	return readlink("/proc/self", pid, sizeof(pid)) < 0;
}

/* ---- when there is no helper to ask ------------------------------------------------- */

/* The only look-up that the module makes: still outside, when all else failed. */
static bool never_isolated(pam_handle_t *pamh, const char *user)
{
	struct passwd *pw = pam_modutil_getpwnam(pamh, user);

	return pw && (pw->pw_uid == 0 || pam_modutil_user_in_group_nam_nam(
						 pamh, user, POLICY_BREAK_GLASS_GROUP));
}

/* What the helper denied it has logged itself. Inside there is nothing of the host's to log to but by what is open. */
static void tell_refused(pam_handle_t *pamh, const struct proto_request *q,
	enum proto_kind heard, const char *why)
{
	const struct event v = { EVENT_REFUSED, q->id, q->user };

	if (heard == PROTO_JOIN)
		pam_syslog(pamh, LOG_ERR, "session %s: login of %s refused: %s", q->id,
			q->user, why);
	else if (heard != PROTO_DENY)
		event_log(LOG_ERR, &v, "pam_nsshell: session %s: login of %s refused: %s",
			q->id, q->user, why);
}

/* Once a login: a gate's own module comes after it. */
static void tell_exempt(pam_handle_t *pamh, const struct pam_args *args,
	const struct proto_request *q, const char *why)
{
	if (args->gate || has(pamh, DATA_EXEMPT))
		return;
	note(pamh, DATA_EXEMPT);
	event_log(LOG_ALERT, &(const struct event){ EVENT_EXEMPT, q->id, q->user },
		"pam_nsshell: %s is let in although sessions can't be opened (root or member of %s): %s",
		q->user, POLICY_BREAK_GLASS_GROUP, why);
}

/* @heard: the last answer, if there was one. */
static int refuse(pam_handle_t *pamh, const struct pam_args *args,
	const struct proto_request *q, enum proto_kind heard, const char *why)
{
	/* Once a join was tried, no NSS: this may be the inside of somebody's box. */
	if (heard != PROTO_JOIN && never_isolated(pamh, q->user)) {
		tell_exempt(pamh, args, q, why);
		return PAM_IGNORE;
	}
	/* A login that will be refused must not start the account's user manager on its way. */
	if (args->gate)
		return PAM_SUCCESS;
	note(pamh, DATA_REFUSED);
	tell_refused(pamh, q, heard, why);
	(void)pam_error(pamh,
		"This login was refused because its session could not be opened; "
		"please give your administrator the session id %s.",
		q->id);
	return REFUSED;
}

/* ---- opening ------------------------------------------------------------------------ */

static int copy_item(pam_handle_t *pamh, int item, char *to, size_t size)
{
	const void *value = NULL;
	size_t len;

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value)
		return 0;
	len = strlen(value);
	if (len >= size)
		return -1;
	memcpy(to, value, len + 1);
	return 0;
}

/* A long one is left out: only what was asked for by it is missing inside. */
static void copy_env(pam_handle_t *pamh, const char *name, char *to, size_t size)
{
	const char *value = pam_getenv(pamh, name);

	if (value && strlen(value) < size)
		memcpy(to, value, strlen(value) + 1);
}

static int make_request(pam_handle_t *pamh, struct proto_request *q, struct err *e)
{
	if (copy_item(pamh, PAM_SERVICE, q->service, sizeof(q->service)) < 0 ||
		copy_item(pamh, PAM_USER, q->user, sizeof(q->user)) < 0 ||
		copy_item(pamh, PAM_TTY, q->tty, sizeof(q->tty)) < 0)
		return err_set(e, ENAMETOOLONG, "service, user or terminal name");
	/* The remote host only informs: a long one is left out. */
	if (copy_item(pamh, PAM_RHOST, q->rhost, sizeof(q->rhost)) < 0)
		q->rhost[0] = '\0';
	copy_env(pamh, "TMPDIR", q->tmpdir, sizeof(q->tmpdir));
	copy_env(pamh, "KRB5CCNAME", q->ticket, sizeof(q->ticket));
	return 0;
}

static int export_session(
	pam_handle_t *pamh, const struct proto_reply *reply, struct err *e)
{
	char id[sizeof("NSSHELL_SESSION=") + sizeof(reply->id)];
	char dir[sizeof("XDG_RUNTIME_DIR=") + sizeof(reply->runtime_dir)];
	char bus[sizeof("DBUS_SESSION_BUS_ADDRESS=") + sizeof(reply->bus)];

	(void)snprintf(id, sizeof(id), "NSSHELL_SESSION=%s", reply->id);
	(void)snprintf(dir, sizeof(dir), "XDG_RUNTIME_DIR=%s", reply->runtime_dir);
	(void)snprintf(bus, sizeof(bus), "DBUS_SESSION_BUS_ADDRESS=%s", reply->bus);
	if (pam_putenv(pamh, id) != PAM_SUCCESS || pam_putenv(pamh, dir) != PAM_SUCCESS ||
		(reply->bus[0] && pam_putenv(pamh, bus) != PAM_SUCCESS))
		return err_set(e, ENOMEM, "set NSSHELL_SESSION");
	return 0;
}

/* Inside: over what other modules have set. */
static int export_environment(pam_handle_t *pamh, struct err *e)
{
	struct environment given;
	int r = environment_read(&given, e);

	for (size_t i = 0; r == 0 && given.v[i]; i++)
		if (pam_putenv(pamh, given.v[i]) != PAM_SUCCESS)
			r = err_set(e, ENOMEM, "set the session's environment");
	if (r == 0)
		environment_clear(&given);
	return r;
}

static int enter(pam_handle_t *pamh, int sock, const int *fds, size_t n,
	const struct proto_reply *reply, struct err *e)
{
	const char *user = NULL, *notice = strchr(reply->text, '\n');
	char directory[PATH_MAX];
	const struct proto_request joined = { .magic = PROTO_MAGIC,
		.kind = PROTO_JOINED };

	/* Outside still: what shows it may load things for it. */
	if (notice)
		(void)pam_error(pamh, "%s", notice + 1);
	if (export_session(pamh, reply, e) < 0 || handed_close_on_exec(e) < 0 ||
		lease_keep(pamh, sock, e) < 0)
		return -1;
	if (reply->text[0] && notice != reply->text &&
		pam_get_user(pamh, &user, NULL) == PAM_SUCCESS)
		client_preload(user);
	/* Only its name goes along. */
	if (!getcwd(directory, sizeof(directory)))
		directory[0] = '\0';
	if (client_join(fds, n, reply, e) < 0 || export_environment(pamh, e) < 0 ||
		client_go_to(directory, reply, e) < 0 ||
		client_request(sock, &joined, e) < 0) {
		(void)pam_set_data(pamh, DATA_LEASE, NULL, NULL);
		return -1;
	}
	return 0;
}

/* Follow the helper's answers to their end. Return: a PAM code, or -1 with @e. */
static int converse(
	pam_handle_t *pamh, int sock, struct proto_reply *reply, struct err *e)
{
	for (;;) {
		int fds[IO_FDS_MAX], r = 0;
		size_t n = 0;

		if (client_reply(sock, reply, fds, &n, e) < 0)
			return -1;
		if (reply->kind == PROTO_MOVE)
			r = client_move_self(fds, n, e);
		else if (reply->kind == PROTO_JOIN)
			r = enter(pamh, sock, fds, n, reply, e);
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		if (r < 0)
			return -1;
		switch (reply->kind) {
		case PROTO_MOVE:
			continue;
		case PROTO_JOIN:
		case PROTO_ISOLATED:
			return PAM_SUCCESS;
		case PROTO_IGNORE:
		case PROTO_UNBOXED:
			return PAM_IGNORE;
		case PROTO_DENY:
			return err_set(e, 0, "%s", reply->text);
		default:
			return err_set(e, EBADMSG, "hear from the helper");
		}
	}
}

static int ask(pam_handle_t *pamh, const struct pam_args *args,
	const struct proto_request *q, struct proto_reply *reply, struct err *e)
{
	const struct sigaction def = { .sa_handler = SIG_DFL };
	_cleanup_close_ int sock = -EBADF;
	struct sigaction old = def;
	pid_t pid;
	int r;

	/* Programs that handle or ignore SIGCHLD would take our child's status away. */
	(void)sigaction(SIGCHLD, &def, &old);
	r = client_spawn(args->helper, args->config, &sock, &pid, e);
	if (r == 0) {
		r = client_request(sock, q, e);
		/* The helper ends when it has handed over; only then may we lose our host
		 * pid. */
		if (r == 0)
			r = converse(pamh, sock, reply, e);
		cleanup_close(&sock);
		client_reap(pid, r < 0 && e->num == ETIMEDOUT);
	}
	(void)sigaction(SIGCHLD, &old, NULL);
	return r;
}

/* What a gate refuses it doesn't log: it knows that the line that enters does. */
static int check_args(pam_handle_t *pamh, const struct pam_args *args,
	const char *service, struct err *e)
{
	if (!args->unknown)
		return 0;
	(void)err_set(e, 0,
		"the PAM line of %s has an unknown argument \"%s\": it takes gate, debug, "
		"config=/FILE and helper=/FILE",
		service, args->unknown);
	if (args->gate)
		pam_syslog(pamh, LOG_ERR, "%s", e->msg);
	return -1;
}

static int run(pam_handle_t *pamh, int argc, const char **argv)
{
	struct proto_request q = { .magic = PROTO_MAGIC, .kind = PROTO_OPEN };
	struct proto_reply reply = { 0 };
	struct pam_args args;
	struct err e = { 0 };
	int r;

	pam_args_parse(argc, argv, &args);
	if (has(pamh, DATA_LEASE) || has(pamh, DATA_UNBOXED) ||
		(inside_session() && !came_from_outside()))
		return PAM_IGNORE;
	if (has(pamh, DATA_REFUSED))
		return REFUSED;
	session_id_make(q.id);
	if (args.gate)
		q.kind = PROTO_GATE;
	r = make_request(pamh, &q, &e);
	if (r == 0)
		r = check_args(pamh, &args, q.service, &e);
	if (inside_session())
		return refuse(pamh, &args, &q, PROTO_JOIN,
			"this process has entered a box for an earlier session and can't "
			"leave it; its program must fork for each session");
	if (r == 0)
		r = ask(pamh, &args, &q, &reply, &e);
	if (r < 0)
		return refuse(pamh, &args, &q, (enum proto_kind)reply.kind, e.msg);
	if (reply.kind == PROTO_UNBOXED)
		note(pamh, DATA_UNBOXED);
	if (args.debug)
		pam_syslog(pamh, LOG_DEBUG, "session %s: %s for %s: answer %u", reply.id,
			args.gate ? "gate" : "open", q.user, reply.kind);
	return r;
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return run(pamh, argc, argv);
}

EXPORT int pam_sm_close_session(
	pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	static const char *const all[] = { DATA_LEASE, DATA_REFUSED, DATA_EXEMPT,
		DATA_UNBOXED };
	struct pam_args args;

	(void)flags;
	pam_args_parse(argc, argv, &args);
	if (args.gate)
		return PAM_SUCCESS;
	/* A courtesy: the lease ends with the process, however that dies. The next session is decided on, and told of, anew. */
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		(void)pam_set_data(pamh, all[i], NULL, NULL);
	return PAM_SUCCESS;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags, (void)argc, (void)argv;
	pam_syslog(pamh, LOG_ERR, "is a session module and proves nobody's identity");
	return PAM_AUTH_ERR;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}
