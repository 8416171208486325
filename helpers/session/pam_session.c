/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-session SERVICE USER RHOST TTY ID FROM: a PAM transaction on the host, of the service nsshell-session or
 * nsshell-login, for as long as the other end of fd 3 is open: what a session's modules open and close outside of
 * its box (pam_nsshell(8)). They see the session's ID, and the service that the login came FROM.
 * Started by the supervisor, as root; ends by itself.
 */
#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>

#define LEASH 3

enum {
	SERVICE = 1,
	USER,
	RHOST,
	TTY,
	ID,
	FROM,
	ARGS,
};

static int supervisor = -EBADF;

/* Nobody is there to be asked; what modules tell is for the log. */
static int converse(
	int n, const struct pam_message **messages, struct pam_response **ret, void *arg)
{
	(void)arg;
	for (int i = 0; i < n; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
			messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			return PAM_CONV_ERR;
	for (int i = 0; i < n; i++)
		syslog(LOG_INFO, "%s", messages[i]->msg);
	*ret = calloc((size_t)n, sizeof(**ret)); /* libpam's to free */
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int put(pam_handle_t *pamh, const char *name, const char *value)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s=%s", name, value);
	return pam_putenv(pamh, text);
}

static int open_session(
	const struct pam_conv *conv, char **argv, pam_handle_t **ret, struct err *e)
{
	pam_handle_t *pamh = NULL;
	int r = pam_start(argv[SERVICE], argv[USER], conv, &pamh);

	if (r == PAM_SUCCESS && *argv[RHOST])
		r = pam_set_item(pamh, PAM_RHOST, argv[RHOST]);
	if (r == PAM_SUCCESS && *argv[TTY])
		r = pam_set_item(pamh, PAM_TTY, argv[TTY]);
	if (r == PAM_SUCCESS)
		r = put(pamh, "NSSHELL_SESSION", argv[ID]);
	if (r == PAM_SUCCESS)
		r = put(pamh, "NSSHELL_SERVICE", argv[FROM]);
	if (r == PAM_SUCCESS)
		r = pam_open_session(pamh, 0);
	if (r == PAM_SUCCESS) {
		*ret = pamh;
		return 0;
	}
	(void)err_set(e, 0, "a module of the PAM service %s refuses: %s", argv[SERVICE],
		pam_strerror(pamh, r));
	if (pamh)
		(void)pam_end(pamh, r);
	return -1;
}

static void stay(int sig)
{
	(void)sig;
}

/* Where pam_systemd has a session of systemd-logind's, that ends by a SIGTERM to us: it is meant for what we stand for. */
static void pass_on(int sig)
{
	int before = errno;

	(void)sys_pidfd_signal(supervisor, sig);
	errno = before;
}

/* Who made the socket, and nobody else: where that one is gone already, so is its end of the leash. */
static int open_supervisor(void)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(LEASH, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0
		       ? -1
		       : sys_pidfd_open(peer.pid);
}

/*
 * Should:   begin with nothing of whoever started the supervisor
 * Mustn't:  end by a signal that is meant for all at once, before its modules have closed the session
 */
static int harden(int argc)
{
	/* Handled, not ignored: what modules execute would inherit that. */
	const struct sigaction staying = { .sa_handler = stay, .sa_flags = SA_RESTART };
	const struct sigaction passing = { .sa_handler = pass_on,
		.sa_flags = SA_RESTART };
	static const int handled[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE };
	static char *nothing[] = { NULL };
	sigset_t none;

	environ = nothing;
	if (argc != ARGS || geteuid() != 0 || getuid() != 0)
		return -1;
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		(void)sigaction(handled[i], &staying, NULL);
	(void)sigaction(SIGTERM, &passing, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(022);
	(void)setsid();
	if (fcntl(LEASH, F_SETFD, FD_CLOEXEC) < 0 || sys_close_from(LEASH + 1) < 0 ||
		chdir("/") < 0)
		return -1;
	supervisor = open_supervisor();
	return 0;
}

int main(int argc, char **argv)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	struct event v = { .kind = EVENT_NOTE };
	struct err e = { 0 };
	char word;
	int r;

	if (harden(argc) < 0)
		return 1;
	v.session = argv[ID];
	v.user = argv[USER];
	openlog("nsshell-session", LOG_PID, LOG_AUTHPRIV);
	r = open_session(&conv, argv, &pamh, &e);
	/* Who doesn't hear it is gone, and has it closed by that. */
	(void)io_send(LEASH, &e, sizeof(e), NULL, 0);
	if (r < 0) {
		event_log(LOG_WARNING, &v, "session %s of %s: %s", v.session, v.user,
			e.msg);
		return 1;
	}
	/* Nothing is ever said. */
	while (read(LEASH, &word, 1) < 0 && errno == EINTR)
		continue;
	r = pam_close_session(pamh, 0);
	if (r != PAM_SUCCESS)
		event_log(LOG_WARNING, &v,
			"session %s of %s: not all modules could close it: %s", v.session,
			v.user, pam_strerror(pamh, r));
	return pam_end(pamh, r) == PAM_SUCCESS ? 0 : 1;
}
