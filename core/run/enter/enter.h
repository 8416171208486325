/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stepping into a running session. Everything is decided, looked up and opened outside; what
 * runs inside up to its exec uses no NSS, no locale and loads nothing (CVE-2019-14271).
 *
 *	caller          stays outside, keeps its terminal and stdio to itself
 *	 ├─ joiner      setns(2) into all namespaces at once; ends
 *	 └─ the command born by the joiner in the session's pid namespace, the caller's child
 *			(CLONE_PARENT): has stdio of the session's own, drops what it has, execs
 */
#pragma once

#include "core/base/err.h"
#include "core/run/enter/seccomp.h"
#include "core/run/session/find.h"
#include "core/run/terminal/proxy.h"
#include "core/run/terminal/pty.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define ENTER_GROUPS_MAX 1024

/* Who to be inside, as ids of the box. */
struct enter_person {
	uid_t uid;
	gid_t gid;
	gid_t groups[ENTER_GROUPS_MAX];
	size_t n_groups;
	uint64_t caps; /* mask: uid 0's own; else what a setuid program may give */
	bool no_new_privs;
	bool scoped; /* abstract sockets of its own: for who mustn't reach the host's */
};

/* What to do inside. All strings are the caller's; plain data, decided outside. */
struct enter {
	const struct record *record;
	const struct find_held *held;
	const struct filter *filter; /* the session's, set by enter_session() */
	struct enter_person person;
	const char *file; /* to exec; without a '/' it is looked for in env's PATH */
	const char *const *argv; /* ended by NULL */
	const char *const *env;  /* ended by NULL; sessionenv.h */
	const char *directory;   /* to start in */
	const char *home;        /* where that can't be entered; NULL: none */
	bool directory_must;     /* or "/" */
	mode_t mask;             /* umask(2) */
	unsigned long slack;     /* of timers, in ns; 0: as usual */
	pid_t like;          /* to be served as that process is, schedule.h; 0: as any */
	unsigned int on_pty; /* bit N: fd N is the pty; 0: no pty at all */
	struct pty_manner manner;
	bool shown;   /* it is shown on another one of the session's */
	int given[3]; /* fds 0 to 2 that it gets as they are; negative: a pty or a pipe */
	const char *
		agent; /* path of a socket to bind for an ssh-agent, without its end; or NULL */
	int *ret_agent; /* with @agent: that socket, the caller's */
	const struct rlimit
		*limits;    /* of a user who asks, RLIMIT_NLIMITS; NULL: root does */
	const char *notice; /* for the session's terminals, or NULL */
};

enum enter_result {
	ENTER_RUNS,
	ENTER_FAILED, /* with an error; nothing of the command was run */
	ENTER_NO_EXEC /* the same, and e->num is exec's errno */
};

/**
 * enter_session() - Start the command inside
 * @ret:	on ENTER_RUNS the child and our ends of its stdio
 *
 * Should:   be called as root of the host, single-threaded (setns(2) into a user namespace)
 * Mustn't:  let an fd, id, group, capability, key, limit, or a directory of the caller's in
 */
enum enter_result enter_session(const struct enter *in, struct proxy *ret, struct err *e);

/**
 * enter_map_has() - Whether a user namespace has an id
 * @map:	text of uid_map or gid_map
 */
bool enter_map_has(const char *map, uint32_t id);

/**
 * enter_own_groups() - The groups that the session's user has on the host too
 *
 * They are what maps to itself in a session: as they were when it was opened, and found
 * without asking NSS, whose libraries for groups take longer to load than a join takes.
 */
void enter_own_groups(const char *gid_map, struct enter_person *p);

/**
 * enter_caps() - What the session's rules leave a person of capabilities
 * @p:		->no_new_privs is the session's; ->caps is set: none with it, else those of its root
 *
 * Return: 0 or -1 with @e.
 */
int enter_caps(struct enter_person *p, struct err *e);

/* Leave out of a person's groups what the session doesn't have, and its root's. */
void enter_keep_mapped(const char *gid_map, struct enter_person *p);
