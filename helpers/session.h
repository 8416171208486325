/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as its supervisor has it: opening, and the state that ending needs. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup.h"
#include "core/run/record.h"
#include "core/run/refresh.h"
#include "helpers/protocol.h"

#include <stdbool.h>

/* Logins in one session, Share=account. */
#define SESSION_LEASES_MAX 64

/* How long a session waits for a login to join, once it was told how; in seconds. */
#define SESSION_ADMIT_S 30

struct lease {
	int sock;   /* hangs up when the login is over */
	int caller; /* pidfd: readable when the login program is gone, whoever holds the
		       socket */
	bool over;  /* the socket hung up: the login program is about to end */
};

struct session {
	const struct plan *plan;
	struct record record;
	int lock;     /* of the record, as long as we live */
	int listener; /* PATH_SESSIONS/ID.sock; -EBADF without Share=account */
	int init;     /* pidfd */
	int leash;    /* to init */
	int terminal; /* the lent terminal */
	int filter;   /* the system call filter's program; -EBADF for none */
	int proc;     /* the host's /proc */
	int ptys;     /* the folder of the session's ptys */
	int holder; /* Upper=disk: the account's rootfs, once record.holder is set (holder.h) */
	struct refresh refresh; /* the overlays of the rootfs */
	bool allow;             /* OnError=allow */
	bool cut_off;   /* a login is inside and hears no answer any more: tell the log */
	int preparer;   /* to the process that makes the cgroups meanwhile, groups.h */
	bool preparing; /* it was told to begin */
	int family; /* Share=account: the account's lock until the session can be joined */
	struct cgroup_fds groups;
	char note[256]; /* for the log: what init couldn't do, "" mostly */
	struct lease leases[SESSION_LEASES_MAX];
	size_t n_leases;
};

/* An empty session for a plan; owns nothing yet. */
void session_begin(struct session *s, const struct plan *plan, int terminal, int preparer,
	int family, bool allow);

/**
 * session_open() - Build the session up to a running init
 *
 * On failure the session is partly there: session_end() takes away what is.
 *
 * Return: 0 or -1 with @e.
 */
int session_open(struct session *s, struct err *e);

/**
 * session_admit() - Let a login in: PROTO_MOVE, PROTO_JOIN, wait for PROTO_JOINED
 * @sock:	becomes the session's as a lease
 *
 * Return: 0; -1 with @e, and @sock is closed.
 */
int session_admit(struct session *s, int sock, struct err *e);

/**
 * session_turn_away() - Refuse the first login, and wait until it is gone
 * @sock:	closed
 * @before:	where cgroup_of() found @caller
 *
 * One that is inside already runs the user's programs, and keeps its limits to its end: only the log
 * is told.
 */
void session_turn_away(
	struct session *s, int sock, pid_t caller, const char *before, struct err *e);

/* Forget a lease whose login program is gone; one that isn't yet gets a while, then
 * SIGKILL. */
void session_release(struct session *s, size_t lease);

/* Logins that are not over. */
size_t session_logins(const struct session *s);

/* Nobody may join from here on: the listening socket goes, the record says so. */
void session_shut(struct session *s);

/* The last login is over, and the session lingers: its terminal is the next one's. */
void session_return_terminal(struct session *s);

/* Bring the record up to date on disk. */
int session_write(struct session *s, struct err *e);

/**
 * session_kill() - End every process of the session
 *
 * Should:   be called once nobody may join any more
 */
void session_kill(struct session *s);

/**
 * session_end() - Take everything away, and the record last
 *
 * Should:   be called once nobody may join any more; kills what session_kill() didn't
 *
 * Return: 0 or -1 with @e, when something stayed: then the record stays too, for
 * reconcile_all().
 */
int session_end(struct session *s, struct err *e);

/**
 * session_refuse() - The answer that ends a request
 * @allow:	OnError=allow
 * @e:		gets what the host lacks put before it, blame.h
 *
 * PROTO_DENY; with @allow and a cause that only the host or its admin can have brought about,
 * err.h, PROTO_UNBOXED.
 */
void session_refuse(int sock, const char *id, bool allow, struct err *e);
