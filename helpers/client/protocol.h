/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the PAM module and the helper say to each other, over one SOCK_SEQPACKET socketpair: fixed sizes, no
 * pointers, one answer a request.
 *
 *	module                     helper, then supervisor
 *	PROTO_GATE  ------------>  PROTO_ISOLATED or PROTO_IGNORE
 *	PROTO_OPEN  ------------>  PROTO_IGNORE, PROTO_DENY or PROTO_UNBOXED, or
 *	            <------------  PROTO_MOVE with fds, where there are cgroups: write "0" to each
 *	            <------------  PROTO_JOIN with a pidfd of the session's init,
 *	                           and where it is filtered a file with the program
 *	PROTO_JOINED ----------->  from here on the socket is the lease
 */
#pragma once

#include "core/base/account.h"
#include "core/plan/plan.h"

#include <stdint.h>

#define PROTO_MAGIC 0x6e737337U /* "nss7": raised when a field changes */

/* The service that nsctl run opens sessions as: root's alone, and listed by no Services=. */
#define PROTO_SERVICE_RUN "nsctl"

/* The service of nsshell(1), which opens sessions without PAM. */
#define PROTO_SERVICE_DOOR "nsshell"

/* The fd that the helper finds its socket at. */
#define PROTO_FD 3

enum proto_kind {
	PROTO_GATE = 1,
	PROTO_OPEN,
	PROTO_JOINED,
	PROTO_ISOLATED,
	PROTO_IGNORE,
	PROTO_DENY,
	PROTO_UNBOXED, /* OnError=allow: not isolated, and the log must say so loudly */
	PROTO_MOVE,
	PROTO_JOIN,
};

/* With PROTO_OPEN comes one fd, the terminal at the caller's fds 0 to 2, if there is any.
 */
struct proto_request {
	uint32_t magic;
	uint32_t kind;
	char id[PLAN_ID_LEN + 1]; /* of the session, if it comes to one */
	char service[64];
	char user[ACCOUNT_NAME_MAX];
	char rhost[256];
	char tty[64];     /* PAM_TTY as it is, "" for none */
	char tmpdir[128]; /* TMPDIR= and KRB5CCNAME= of PAM's environment, "" for none */
	char ticket[128];
};

struct proto_reply {
	uint32_t magic;
	uint32_t kind;
	char id[PLAN_ID_LEN + 1];
	char runtime_dir[64];
	char bus[80]; /* JOIN: address of the user manager's session bus, "" without one */
	char shell[POLICY_SHELL_MAX]; /* IGNORE, JOIN: Shell=, "" where it isn't set */
	char text
		[512]; /* DENY, UNBOXED: for the log; JOIN: the image, "" over the host's root, and
			* behind a line break a sentence for the user, if there is one */
	uint64_t namespaces; /* JOIN: CLONE_NEW*, for setns */
	uint64_t caps;       /* JOIN: mask of capabilities to keep */
	uint32_t uid, gid;   /* JOIN: the account's */
	uint32_t no_new_privs;
	uint32_t scoped;   /* JOIN: abstract sockets become the login's own */
	uint32_t filtered; /* JOIN: a second fd has the system call filter */
};
