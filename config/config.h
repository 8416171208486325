/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell.conf(5): loading, checking, and merging into one account's policy.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/base/people.h"
#include "core/plan/policy.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One thing that is wrong, and what would be right. */
struct config_problem {
	char *file;
	uint64_t line; /* 0: the whole file */
	char *section; /* "User bob"; NULL: no section, concerns everybody */
	char *key;     /* NULL: not about a key */
	char *text;    /* "TasksMax=many: takes a whole number or infinity" */
};

struct config;

/*
 * How a process without rights reaches what it may not: nsshell-planner's, set before config_load(). By itself, all
 * being NULL, a process opens, looks accounts up, and trusts its own files beside root's.
 */
struct config_reach {
	/* By a whole path, to read. Return: fd, or -1 with errno */
	int (*open)(const char *path, bool directory);
	int (*account)(const char *name, struct account *ret,
		struct err *e); /* account_read() */
	const struct people *people;
};
extern struct config_reach config_reach;

/**
 * config_load() - Read nsshell.conf and its drop-ins
 * @path:	the main file, NULL for the compiled-in one. Drop-ins are PATH.d/ *.conf,
 *		in the order of their names. A main file that isn't there is an empty one.
 * @ret:	on success, also where problems were found; free with config_free()
 *
 * A file is refused (as a problem of the whole) when it, or its directory, can be
 * written by anybody but root, or but the caller where that isn't root; symlinks to
 * files are refused. All problems are gathered, not only the first: by file and line,
 * contradictions last. Needs /proc. A dozen lines take about 25 us, the first call in a
 * new process 0.1 ms.
 *
 * Return: 0, or -1 with @e for what isn't the admin's doing (no memory).
 */
int config_load(const char *path, struct config **ret, struct err *e);
void config_free(struct config *c);

size_t config_problems(const struct config *c, const struct config_problem **ret);
void config_problem_print(const struct config_problem *p, FILE *out);

/**
 * config_policy() - What holds for an account
 * @account:	its name and group names choose the sections: [Default], then each
 *		matching [Group NAME] in the file's order, then [User NAME]; a later
 *		value wins, lists add up and an empty value clears them (as in systemd)
 * @ret:	filled on success; free with policy_clear()
 *
 * Fails, naming file and line of the first one, when a problem stands in a section that
 * concerns this account or in none at all: a mistake in [User bob] doesn't lock alice
 * out. Fails too when what the account's sections give together contradicts itself.
 *
 * Isolate=yes in [Default] means people (core/base/people.h); whom it passes over, and no other section
 * isolates, is no concern of a mistake in [Default] either.
 *
 * For accounts that policy_is_exempt() names it gives the built-in policy, isolate being
 * false, and looks at no problem.
 *
 * Return: 0 or -1 with @e.
 */
int config_policy(const struct config *c, const struct account *account,
	struct policy *ret, struct err *e);

/* Whom Isolate=yes in [Default] means. */
const struct people *config_people(const struct config *c);

/**
 * config_services() - Every PAM service that any section lists
 * @ret:	added to, each once
 *
 * Those of [Default], or the built-in ones, first. Return: 0 or -1 with @e.
 */
int config_services(const struct config *c, struct strlist *ret, struct err *e);

/* Whether any section says Isolate=yes, of whomever. */
bool config_isolates(const struct config *c);

/**
 * config_network() - What [Network] says
 * @ret:	the built-in policy with it; free with policy_clear()
 *
 * Return: 1 where some section says Network=private, 0 where none does; -1 with @e.
 */
int config_network(const struct config *c, struct policy *ret, struct err *e);

/* The names in all [User NAME] titles, each once, added to @ret. Return: 0 or -1 with @e. */
int config_users(const struct config *c, struct strlist *ret, struct err *e);
/* The same of [Group NAME]. */
int config_groups(const struct config *c, struct strlist *ret, struct err *e);

/**
 * config_policy_set() - Put one value over a policy
 * @assignment:	"MemoryMax=2G", as in a section of the file
 *
 * Return: 0, or -1 with @e that says what would be right; the policy is as it was.
 */
int config_policy_set(struct policy *p, const char *assignment, struct err *e);

/* Whether the values of a policy go together. Return: 0 or -1 with @e. */
int config_policy_check(const struct policy *p, struct err *e);
