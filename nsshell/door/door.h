/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other door: nsshell(1), which is nobody, and nsshell-door, setuid root, that it executes.
 *
 *	nsshell        the login shell: stays outside with the caller's terminal, and asks the
 *	 │	       session for the account's shell, session_socket.h
 *	 └─ door       has the helper open a session as for the PAM module, and is the caller again
 *		       before it says so; holds the lease until nsshell ends
 *
 * The door finds nsshell's end of a SOCK_SEQPACKET socketpair as fd 3. It takes no request and
 * sends one answer.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/plan/policy.h"
#include "helpers/client/protocol.h"

#include <pwd.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define DOOR_MAGIC 0x6e736434U /* "nsd4": raised when a field changes */
#define DOOR_FD    3

/* nsshell's own failures, as with env(1); 126 and 127 are exec's. */
#define DOOR_FAILED       125
#define DOOR_NOT_EXECUTED 126
#define DOOR_NOT_FOUND    127

enum door_kind {
	DOOR_OPEN = 1, /* the session @id is there for nsshell */
	DOOR_PLAIN,    /* not to be isolated: nsshell shall execute the shell itself */
	DOOR_REFUSED,
};

struct door_answer {
	uint32_t magic;
	uint32_t kind;
	char id[PLAN_ID_LEN + 1];
	char runtime_dir[128], bus[160];
	char wanted[POLICY_SHELL_MAX]; /* Shell=, "" where it isn't set */
	char name[ACCOUNT_NAME_MAX],
		home[4096]; /* of the account, whom nsshell couldn't look up */
	char shell[POLICY_SHELL_MAX];
	char text[512]; /* REFUSED, OPEN: for the user, "" for nothing */
};

/* Who the caller is, by the kernel's word, and what it had: reset for us, and its own again. */
struct door_before {
	uid_t uid;
	gid_t gid;
	mode_t mask;
	unsigned long slack; /* of timers, ns */
	struct rlimit limits[RLIMIT_NLIMITS];
};

struct door {
	struct door_before before;
	/* Of getpwnam(3), which nothing asks again; NULL: the uid has no account. */
	const struct passwd *who;
	struct proto_reply reply;
	int lease;
};

/**
 * door_harden() - Make everything that a caller could have prepared ours
 *
 * Should:   be the first thing that main does
 * Mustn't:  read or believe anything but getuid() and what the kernel says
 *
 * Return: 0 or -1 with @e.
 */
int door_harden(struct door_before *before, struct err *e);

/**
 * door_become_caller() - Be who called, for good
 *
 * Should:   come before the first byte that is written into an fd of the caller's: who keeps a pipe
 *	     full would else have a process of root's, which no limit of theirs counts
 * Mustn't:  leave a way back, or a capability; proves that there is none
 *
 * Return: 0; -1 when it can't be, and then there is nothing to do but to end without a word.
 */
int door_become_caller(const struct door_before *before);

enum door_opened {
	DOOR_FAILS,
	DOOR_HOLDS,   /* the lease is d->lease */
	DOOR_UNBOXED, /* not to be isolated */
};

/**
 * door_open() - Have the account's session opened, or its shared one joined
 *
 * As the PAM module does, but for the join. Mustn't: be called twice.
 */
enum door_opened door_open(struct door *d, struct err *e);
