/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything about one session, gathered and then shown in words or as JSON. */
#pragma once

#include "nsshell/nsctl/log.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/strlist.h"
#include "core/run/cgroup/usage_more.h"

#include <stdio.h>

struct status_process {
	pid_t pid, parent,
		inside; /* inside: in the session's pid namespace, 0: not in it */
	uid_t uid;
	char state;
	uint64_t memory; /* resident, bytes */
	char command[256];
};

struct status_mount {
	char target[192], fstype[32], options[96];
};

#define STATUS_PRESSURES 3

struct status {
	const struct nsctl_session *session;
	char account_group[256]; /* "" where there is none */
	struct usage account;
	struct usage_more account_more;
	char slice[256]; /* the group that accounts share, "" where there is none */
	struct usage slice_usage;
	struct usage_more slice_more;
	struct {
		const char *what;
		bool there;
		struct usage_pressure p;
	} pressure[STATUS_PRESSURES];
	struct status_process *processes;
	size_t n_processes;
	struct status_mount *mounts;
	size_t n_mounts;
	struct log log;
};

/**
 * status_gather() - Look at one session
 * @s:		stays the caller's
 * @ret:	free with status_clear()
 *
 * What can't be seen (a session that is just opening or gone) is left empty.
 * Return: 0 or -1 with @e (no memory).
 */
int status_gather(const struct nsctl_session *s, struct status *ret, struct err *e);
void status_clear(struct status *s);

/* One line of mountinfo(5). Return: 0 or -1. */
int status_parse_mount(char *line, struct status_mount *ret);
/* The text of /proc/PID/status and the command line. Return: 0 or -1. */
int status_parse_process(char *text, struct status_process *ret);

/* The lines that tell what is used, and what may be. */
void status_print_usage(const struct status *s);

/* What the user of a session can know of it, inside. */
void status_inside(void);

/* Return: 0 or -1 with @e. */
int status_print(const struct status *s, bool mounts, struct err *e);
int status_json(const struct status *const *all, size_t n, FILE *out, struct err *e);
