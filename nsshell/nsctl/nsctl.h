/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of nsctl share. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses, as in nsctl(8). */
enum nsctl_exit {
	NSCTL_OK = 0,
	NSCTL_FAILED = 1,   /* refused or failed; check: an error was found */
	NSCTL_WARNINGS = 2, /* check only: nothing worse than a warning was found */
	NSCTL_USAGE = 64, /* EX_USAGE of sysexits(3): the command line isn't understood */
};

/* What --version says: with the commit that it was built from. */
extern const char nsctl_version[];

/* A command: one row of the table in nsctl.c. */
struct nsctl_command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is "nsctl NAME" */
	const char *what;                  /* one line for help */
};

int nsctl_plan(int argc, char **argv);
int nsctl_check(int argc, char **argv);
int nsctl_enable(int argc, char **argv);
int nsctl_disable(int argc, char **argv);
int nsctl_list(int argc, char **argv);
int nsctl_stop(int argc, char **argv);
int nsctl_kill(int argc, char **argv);
int nsctl_pause(int argc, char **argv);
int nsctl_resume(int argc, char **argv);
int nsctl_gc(int argc, char **argv);
int nsctl_refresh(int argc, char **argv);
int nsctl_set(int argc, char **argv);
int nsctl_log(int argc, char **argv);
int nsctl_status(int argc, char **argv);
int nsctl_top(int argc, char **argv);
int nsctl_metrics(int argc, char **argv);
int nsctl_run(int argc, char **argv);
int nsctl_reset(int argc, char **argv);
int nsctl_net(int argc, char **argv);
int nsctl_volume(int argc, char **argv);
int nsctl_image(int argc, char **argv); /* and diff: argv[0] says which */

/* ---- options: a table a command ----------------------------------------------------- */

struct nsctl_option {
	char letter;        /* 0: a long option only */
	const char *name;   /* "service" */
	const char *arg;    /* "NAME", or NULL for a flag */
	const char *what;   /* one line for help */
	bool *flag;         /* set to true */
	const char **value; /* gets the argument, which stays getopt's */
};

#define NSCTL_OPTIONS_MAX 16

/**
 * nsctl_options() - Parse a command's options
 * @o:		rows, ended by one without a name; --help is added
 * @synopsis:	what follows the options: "USER"
 * @first:	out: index of the first operand in argv, which is reordered; NULL: it takes none
 *
 * Return: -1 to go on, else the exit status (help was printed, or the usage is wrong).
 */
int nsctl_options(const struct nsctl_option *o, const char *synopsis, int argc,
	char **argv, int *first);

/**
 * nsctl_options_of_command() - Parse the options of what takes an account and a command
 * @ret_user:		out: the first operand, at which our options end
 * @ret_command:	out: index in argv of the command, past a "--"; what follows is its own
 *
 * Return: as nsctl_options().
 */
int nsctl_options_of_command(const struct nsctl_option *o, const char *synopsis, int argc,
	char **argv, const char **ret_user, int *ret_command);

/* Say what is wrong with the command line. Return: NSCTL_USAGE. */
int nsctl_usage(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what failed. Return: NSCTL_FAILED. */
int nsctl_failed(const char *command, const struct err *e);

/* Flush and see that everything was written. Return: @status, or NSCTL_FAILED with a
 * message. */
int nsctl_flush(const char *command, int status);

/* Put what nsctl set says for an account with sessions over its policy. Return: 0 or -1 with
 * @e. */
int nsctl_override(const struct account *a, struct policy *p, struct err *e);

/* ---- plan as JSON ------------------------------------------------------------------- */

struct record;
/* Whether a login of a session's account would get other rules now, or another rootfs. Return: 1, 0,
 * or -1 with @e: it would be refused. */
int nsctl_plan_differs(const struct record *r, const char *config, struct err *e);

struct nsctl_verdict {
	bool isolated;
	const char *why; /* one sentence */
	bool standin;    /* the id range is made up: none is recorded yet */
};

/* Print a plan as one JSON object. Return: 0 or -1 (no memory, or not written). */
int nsctl_plan_json(const struct plan *p, const struct nsctl_verdict *v, FILE *out);

/* Print what an account that isn't isolated gets. Return as above. */
int nsctl_verdict_json(
	const char *user, const char *service, const struct nsctl_verdict *v, FILE *out);
