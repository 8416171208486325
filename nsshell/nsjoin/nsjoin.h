/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin(8): what its parts share. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"
#include "core/plan/joinlog.h"
#include "core/plan/loginenv.h"
#include "core/run/enter/enter.h"
#include "core/run/session/find.h"
#include "core/run/terminal/proxy.h"
#include "core/run/terminal/pty.h"
#include "core/run/session/record.h"

#include <stdbool.h>
#include <sys/types.h>

/* Exit statuses of our own, as env(1) and those who run containers have them. */
enum nsjoin_exit {
	NSJOIN_FAILED = 125,    /* nsjoin itself: nothing of the command was run */
	NSJOIN_NO_EXEC = 126,   /* the command is there and can't be run */
	NSJOIN_NOT_FOUND = 127, /* there is no such command inside */
};

/* A join as the command line asks for it; all strings are that one's. */
struct nsjoin_request {
	const char *target;         /* account or session id */
	const char *session;        /* NULL: the newest */
	const char *const *command; /* ended by NULL; NULL: the login shell */
	struct strlist env;         /* NAME=VALUE */
	const char *directory;      /* NULL: the home */
	const char *as;             /* user name or uid; NULL: the session's user */
	const char *term;           /* NULL: not on a terminal */
	unsigned int on_pty;        /* enter.h */
	struct pty_manner manner;
	bool root, force, observe;
	struct joinlog_who who;
};

struct nsjoin_joined {
	struct record *sessions; /* all that were meant, the newest last; free() */
	size_t n_sessions;
	struct record record; /* the one */
	struct find_held held;
	int observed;          /* --observe: shows what the terminal shows */
	unsigned int terminal; /* the N of its /dev/pts/N, with n_terminals */
	size_t n_terminals;    /* that the session shows; 0: not told */
	struct proxy proxy;
};

/**
 * nsjoin_join() - The privileged part: find, check, enter, tell the user
 *
 * Should:   run as root of the host; be all that needs it
 *
 * Return: 0 when the command runs; else an nsjoin_exit with @e, and @ret holds what
 * nsjoin_release() lets go.
 */
int nsjoin_join(const struct nsjoin_request *q, struct nsjoin_joined *ret, struct err *e);
void nsjoin_release(struct nsjoin_joined *j);

struct nsjoin_options {
	bool no_pty, quiet, help, version;
};

/* Whether the command gets a pty: with a terminal at both ends. Return: 0 or -1 with @e. */
int nsjoin_look_at_stdio(
	const struct nsjoin_options *o, struct nsjoin_request *q, struct err *e);

/* Say that the newest of several sessions is meant; @r: all, the newest last. */
void nsjoin_say_which(const struct record *r, size_t n);

/**
 * nsjoin_run() - nsjoin_join(), and stand between the caller's stdio and the command
 * @q:		->who is filled; ->term is the caller's, wherever stdio goes
 *
 * What goes wrong is said on stderr and in the log. Return: an exit status.
 */
int nsjoin_run(struct nsjoin_request *q, const struct nsjoin_options *o);

/* The same for who isn't root: the session itself starts the command. */
int nsjoin_own(struct nsjoin_request *q, const struct nsjoin_options *o);

/**
 * nsjoin_env() - The environment of the command
 * @ret:	free() it, and clear @list after it
 *
 * Return: 0 or -1 with @e.
 */
int nsjoin_env(const struct nsjoin_request *q, const struct loginenv *person,
	struct strlist *list, const char ***ret, struct err *e);

/* Who to be inside, with home, shell and a name; free with nsjoin_person_clear(). */
struct nsjoin_person {
	struct enter_person ids;
	char *name, *home, *shell;
};

/**
 * nsjoin_person() - Decide who to be
 *
 * Names are looked up on the host, before anything of the box is entered: its own passwd
 * file is its user's to write where Root=yes. Who only exists there is given by uid.
 *
 * Return: 0 or -1 with @e.
 */
int nsjoin_person(const struct nsjoin_request *q, const struct record *r,
	const struct find_held *held, struct nsjoin_person *ret, struct err *e);
void nsjoin_person_clear(struct nsjoin_person *p);

/* ---- the command line -------------------------------------------------------------------- */

/**
 * nsjoin_parse() - The command line into a request
 * Return: 0 or -1 with @e.
 */
int nsjoin_parse(int argc, char **argv, struct nsjoin_request *q,
	struct nsjoin_options *o, struct err *e);
void nsjoin_usage(void);
