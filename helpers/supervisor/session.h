/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as its supervisor has it: opening, and the state that ending needs. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/session/record.h"
#include "core/run/mount/refresh.h"
#include "core/run/mount/renew.h"
#include "core/run/mount/stage.h"
#include "helpers/supervisor/host_session.h"
#include "helpers/client/protocol.h"

#include <stdbool.h>

/* Logins in one session, Share=account. */
#define SESSION_LEASES_MAX 64

/* Why a login is refused whose session somebody ends. */
#define SESSION_STOPPED "it was told to end before anybody was in"

/* How long a login may take to join, once it was told how; in seconds. Nobody else waits for it. */
#define SESSION_ADMIT_S 30

struct lease {
	int sock; /* hangs up when the login is over */
	int caller; /* pidfd: readable when the login program is gone, whoever has the socket */
	pid_t pid;
	uint64_t
		until; /* on its way in: when it is too late, ms of CLOCK_MONOTONIC; else 0 */
	bool over;     /* the socket hung up: the login program is about to end */
};

struct session {
	const struct plan *plan;
	struct record record;
	int signals;  /* SIGTERM and SIGINT end it; the supervisor's */
	int lock;     /* of the record, as long as we live */
	int listener; /* PATH_SESSIONS/ID.sock; -EBADF without Share=account */
	int init;     /* pidfd */
	int leash;    /* to init */
	int program;  /* nsshell-init, until init runs */
	int next;     /* nsshell-supervisor, until it runs */
	int worker;   /* nsshell-worker */
	int terminal; /* the lent terminal */
	int filter;   /* the system call filter's program; -EBADF for none */
	int proc;     /* the host's /proc */
	int ptys;     /* the directory of the session's ptys */
	int holder; /* Upper=disk: the account's rootfs, once record.holder is set; tmpfs: what is written (rootfs_share.h) */
	int net;    /* its network namespace (network.h); -EBADF for the host's */
	int number; /* NetworkShare=login: number_lock() */
	struct refresh refresh;    /* the overlays of the rootfs */
	struct renew renew;        /* once somebody is in, where something is renewed */
	struct host_session host;  /* of the PAM service for this, where there is one */
	struct host_session login; /* likewise, from its first terminal on */
	bool allow;                /* OnError=allow */
	bool cut_off; /* the login's connection broke off while it joined: no answer reaches it, so tell the log */
	int preparer; /* to the process that makes the cgroups meanwhile, cgroup_worker.h */
	bool preparing;     /* it was told to begin */
	struct stage stage; /* from stage_look(); until init runs */
	int account_lock; /* the account's lock, where it was taken already: until init runs */
	bool admitted; /* a login was told how to join: the next one has a move to make, too */
	struct cgroup_fds groups;
	char note[256]; /* for the log: what init couldn't do, "" mostly */
	struct lease leases[SESSION_LEASES_MAX];
	size_t n_leases;
};

/**
 * session_open() - Build the session, up to an init that is on its way into its root
 *
 * On failure the session is partly there: session_end() takes away what is.
 *
 * Return: 0 or -1 with @e.
 */
int session_open(struct session *s, struct err *e);

/**
 * session_ready() - Wait until init is there, and take down what the record says of it
 *
 * Should:   follow session_open(), by now in nsshell-supervisor
 *
 * Return: as session_open().
 */
int session_ready(struct session *s, struct err *e);

/**
 * session_admit() - Tell a login how to get in: PROTO_MOVE, PROTO_JOIN
 * @sock:	becomes the session's as a lease
 *
 * Its user may stop it: so nobody waits for its answer here, session_hear().
 *
 * Return: 0; -1 with @e, and @sock is closed.
 */
int session_admit(struct session *s, int sock, struct err *e);

/**
 * session_hear() - What a login on its way in says, PROTO_JOINED; or doesn't, where it is too late
 * @lease:	one with until, whose socket can be read, or whose time is over
 *
 * Return: 0 when it is in; -1 with @e when it isn't, and its lease is gone.
 */
int session_hear(struct session *s, size_t lease, struct err *e);

/* The same for those whose time is over. Return: -1 with @e when there was one, else 0. */
int session_hear_late(struct session *s, struct err *e);

/* Until the next one's time is over, in ms; -1 for never. */
int session_patience(const struct session *s);

/* Forget a lease whose login program is gone; one that isn't yet gets a while, then
 * SIGKILL. */
void session_release(struct session *s, size_t lease);

/* Logins that are not over, and on their way in. */
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
 * What fds are left go with the process, which has nothing else to do: the locks of the record, and of the number, whose
 * link may be there until now.
 *
 * Return: 0 or -1 with @e, when something stayed: then the record stays too, for
 * reconcile_all().
 */
int session_end(struct session *s, struct err *e);

/**
 * session_forsake() - It becomes no session: refuse the first login, wait until that is gone, and take all away
 * @sock:	closed
 * @before:	where cgroup_of() found @caller
 *
 * One that is inside already runs the user's programs, and keeps its limits to its end: only the log
 * is told.
 */
void session_forsake(
	struct session *s, int sock, pid_t caller, const char *before, struct err *e);

/**
 * session_refuse() - The answer that ends a request, and its event: the caller needn't log it
 * @user:	NULL for a question, which is no login and no event
 * @uid:	of who is told in the own log; (uid_t)-1: nobody
 * @allow:	OnError=allow
 * @e:		gets what the host lacks put before it, blame.h
 *
 * PROTO_DENY; with @allow and a cause that only the host or its admin can have brought about,
 * err.h, PROTO_UNBOXED.
 */
void session_refuse(
	int sock, const char *id, const char *user, uid_t uid, bool allow, struct err *e);
