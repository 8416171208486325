/* SPDX-License-Identifier: BSD-3-Clause */
/* The PAM module's end: spawns the helper, talks to it, joins. Lives in somebody else's
 * process. */
#pragma once

#include "core/base/err.h"
#include "helpers/client/protocol.h"

#include <stdbool.h>

/*
 * How long each of the helper's answers is waited for, in seconds: longer than what it waits for
 * itself, which is systemd (SCOPE_PATIENCE_S, 30) and init of the session (INIT_PATIENCE_S, 90).
 */
#define CLIENT_PATIENCE_S 180

/**
 * client_spawn() - Start the helper with a socket to it
 * @helper:	absolute path
 * @config:	passed on, or NULL
 * @ret_sock:	O_CLOEXEC, the caller's
 * @ret_pid:	to be given to client_reap()
 *
 * The child has an empty environment, the socket as fd 3 and /dev/null as 0 to 2, and
 * default signals. SIGCHLD must be at its default while it runs.
 *
 * Return: 0, or -1 with @e; e->num is posix_spawn(3)'s, also that of a failed exec.
 */
int client_spawn(const char *helper, const char *config, int *ret_sock, pid_t *ret_pid,
	struct err *e);

/**
 * client_reap() - Wait for the helper's end
 * @hangs:	client_reply() was out of time: it is killed
 *
 * Its supervisor, if it had made one, finds the socket closed, and takes away what there is.
 */
void client_reap(pid_t pid, bool hangs);

/* How long client_reply() waits, where CLIENT_PATIENCE_S isn't right. Return: 0 or -1 with @e. */
int client_set_patience(int sock, int seconds, struct err *e);

/* Send the request; a terminal among the fds 0 to 2 goes with PROTO_OPEN. */
int client_request(int sock, const struct proto_request *q, struct err *e);

/**
 * client_reply() - Wait for an answer
 * @fds:	room for IO_FDS_MAX, the caller's
 *
 * Return: 0, or -1 with @e, also when the helper went away; then nothing is in @fds.
 */
int client_reply(
	int sock, struct proto_reply *ret, int *fds, size_t *n_fds, struct err *e);

/**
 * client_open() - Open an account's session, or join its shared one, without going in
 * @service:	of PROTO_OPEN
 * @ret_lease:	with PROTO_JOIN: the session's as long as it is open, the caller's; else -EBADF
 * @ret:	->id is the new session's; what was answered: PROTO_JOIN, PROTO_IGNORE or PROTO_UNBOXED
 *
 * Return: 0; -1 with @e, also with PROTO_DENY.
 */
int client_open(const char *helper, const char *config, const char *user,
	const char *service, int *ret_lease, struct proto_reply *ret, struct err *e);

/**
 * client_move_self() - Follow PROTO_MOVE: into the session's cgroups
 *
 * "0" is the writer itself, and a process that moves itself pays least.
 *
 * Return: 0 or -1 with @e.
 */
int client_move_self(const int *fds, size_t n, struct err *e);

/**
 * client_join() - Become the root of the box
 * @fds:	what came with PROTO_JOIN; stay the caller's
 *
 * Should:   run in a single-threaded process (user_namespaces(7): EINVAL else), once
 * Mustn't:  keep any id, group or capability of the host; come back
 *
 * Joins every namespace in reply->namespaces of the process behind @pidfd at once
 * (setns(2), Linux 5.8), takes on uid and gid 0 of the box, drops all capabilities but
 * reply->caps for good, sets no_new_privs, and proves each. The
 * session keyring becomes a new one before that, and the system call filter is installed with
 * the last of the rights that takes. After a failure the process
 * may be in between: the login must end.
 *
 * Return: 0 or -1 with @e.
 */
int client_join(const int *fds, size_t n, const struct proto_reply *reply, struct err *e);

/**
 * client_preload() - Have the C library load what looking up accounts and groups takes
 *
 * Should:   run before client_join() into a box over an image: what a login program looks up afterwards, its
 *	     user's groups mostly, would load the image's libraries into it, as the box's root
 *
 * Asks the host's NSS for two names that nobody has, and for the user's groups.
 */
void client_preload(const char *user);

/**
 * client_go_to() - A working directory by its name, for `cd /srv/app && su app -c ./run.sh`
 * @path:	"" for none
 *
 * Should:   follow client_join(), which leaves us at the root of the box
 * Mustn't:  go where the account couldn't: resolved inside, with its ids and its rights
 *
 * Where it can't be gone to, we stay at the root. Return: 0, or -1 with @e when our own rights don't
 * come back; then the login must end.
 */
int client_go_to(const char *path, const struct proto_reply *reply, struct err *e);
