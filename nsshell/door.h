/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other door: nsshell(1), which is nobody, and nsshell-door, setuid root, that it executes.
 *
 *	nsshell        the login shell: stays outside with the caller's terminal
 *	 ├─ door       opens a session as the PAM module does, joins it, holds the lease
 *	 └─ the shell  born by the door inside, nsshell's child (CLONE_PARENT): nsshell
 *		       stands between it and the terminal, and has its exit status
 *
 * The door finds nsshell's end of a SOCK_SEQPACKET socketpair as fd 3, the caller's stdio as 0
 * to 2, and its request in its arguments, where the kernel has already counted and bounded it.
 * It sends one answer.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/plan/policy.h"
#include "helpers/protocol.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define DOOR_MAGIC 0x6e736433U /* "nsd3": raised when a field changes */
#define DOOR_FD    3

/* nsshell's own failures, as with env(1); 126 and 127 are exec's. */
#define DOOR_FAILED       125
#define DOOR_NOT_EXECUTED 126
#define DOOR_NOT_FOUND    127

/* argv[1] of the door: all that it can be asked for. What follows "command" and
 * "login-command" is the shell's, behind a -c. */
#define DOOR_SHELL         "shell"
#define DOOR_LOGIN         "login"
#define DOOR_COMMAND       "command"
#define DOOR_LOGIN_COMMAND "login-command"

enum door_kind {
	DOOR_RUNS =
		1,  /* with fds: master and slave of the pty, our ends of pipes 0 to 2 */
	DOOR_PLAIN, /* not to be isolated: nsshell shall execute the shell itself */
	DOOR_REFUSED,
};

struct door_answer {
	uint32_t magic;
	uint32_t kind;
	int32_t child;     /* RUNS */
	uint32_t on_pty;   /* bit N: fd N is on the pty */
	uint32_t observed; /* one more fd listens for who looks at the pty */
	uint32_t agent;    /* the last one will listen where SSH_AUTH_SOCK says inside */
	uint32_t piped; /* bit N: fd N is a pipe to us; all others are the caller's own */
	char shell[POLICY_SHELL_MAX]; /* PLAIN */
	char text[512];               /* REFUSED: for the user */
};

/* ---- which shell; for both ---------------------------------------------------------------- */

/**
 * door_shell() - Choose the real shell
 * @wanted:	Shell=, or ""
 * @own:	the account's, or $SHELL inside; nsshell itself and NULL count as none
 *
 * Should:   see files that only root writes: /etc/shells names what may be run
 * Mustn't:  give nsshell itself, which would only come here again
 *
 * Without either it's bash, else sh. Return: 0 or -1 with @e.
 */
int door_shell(
	const char *wanted, const char *own, char ret[POLICY_SHELL_MAX], struct err *e);

/* argv[0] for a shell: "bash", or "-bash" for a login. */
void door_shell_name(const char *shell, bool login, char ret[POLICY_SHELL_MAX]);

/* ---- the door ----------------------------------------------------------------------------- */

/* Who the caller is, by the kernel's word, and what it had: reset for us, and the shell's again. */
struct door_before {
	uid_t uid;
	gid_t gid;
	char **env;
	mode_t mask;
	unsigned long slack; /* of timers, ns */
	struct rlimit limits[RLIMIT_NLIMITS];
	char folder[4096]; /* "" where it has no path */
};

struct door {
	struct door_before before;
	char **argv; /* from the request's word on */
	bool login, command;
	struct account account;
	char shell[POLICY_SHELL_MAX];
	struct proto_reply reply;
	int lease;
	int listener; /* observe.h, or -EBADF */
};

/**
 * door_harden() - Make everything that a caller could have prepared ours
 * @last:	DOOR_FD, where nsshell's socket must be, or 2; what is above is closed
 *
 * Should:   be the first thing that main does
 * Mustn't:  read or believe anything but getuid() and what the kernel says
 *
 * Return: 0 or -1 with @e.
 */
int door_harden(struct door_before *before, int last, struct err *e);

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

/* Limits of the caller's, never more than those, and its timer slack. Return: 0 or -1 with errno. */
int door_limits_back(const struct door_before *before);

enum door_opened {
	DOOR_FAILS,
	DOOR_INSIDE,  /* this process is the box's root, without host privileges */
	DOOR_UNBOXED, /* not to be isolated; d->shell is there */
};

/**
 * door_open() - Open the account's session, or join its shared one, as the PAM module does
 *
 * Should:   look up and choose everything that is needed inside before the join
 * Mustn't:  be called twice
 */
enum door_opened door_open(struct door *d, struct err *e);

/**
 * door_start() - The shell, with stdio of the session's own where the caller's is a terminal
 * @answer:	filled; @fds go with it and are the caller's
 *
 * Return: 0 or -1 with @e.
 */
int door_start(struct door *d, struct door_answer *answer, int *fds, size_t *n_fds,
	struct err *e);
