/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PAM service files as text: reading them as libpam does, and adding or removing
 * nsshell's lines. Pure: core/run/host/pamfile.h reads and writes the files.
 *
 * What libpam does (tried with Linux-PAM 1.5.2): a '#' starts a comment anywhere in a
 * line; a backslash at the end of what is left continues it; jump counts and "done" reach
 * across "include" and "@include", but not out of a "substack", which a jump counts as
 * one.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stdbool.h>
#include <stddef.h>

#define PAMSTACK_MODULE "pam_nsshell.so"

/* What marks a line as nsctl's own, in its trailing comment. */
#define PAMSTACK_MARK "# nsshell: added by nsctl enable"
/* Said by the line that also brought the newline that the file's last line lacked. */
#define PAMSTACK_MARK_NEWLINE PAMSTACK_MARK ", with the newline before it"

#define PAMSTACK_ENTER        "session required " PAMSTACK_MODULE
#define PAMSTACK_GATE         "session [success=1 default=ignore] " PAMSTACK_MODULE " gate"

#define PAMSTACK_JUMPS_MAX                                                               \
	32 /* libpam has 32 return codes, so no control has more jumps */

enum pamstack_kind {
	PAMSTACK_NOTHING,  /* blank, a comment, or not of the session stack */
	PAMSTACK_CALL,     /* session CONTROL MODULE */
	PAMSTACK_INCLUDE,  /* @include FILE, session include FILE */
	PAMSTACK_SUBSTACK, /* session substack FILE */
	PAMSTACK_BAD,      /* not understood: see why */
};

enum pamstack_role {
	PAMSTACK_OTHERS,
	PAMSTACK_ENTERS,    /* pam_nsshell.so */
	PAMSTACK_GATES,     /* pam_nsshell.so gate */
	PAMSTACK_REGISTERS, /* pam_systemd.so, pam_elogind.so */
};

/* A logical line: one physical line, or several that backslashes join. */
struct pamstack_line {
	size_t number;     /* of the first physical line, from 1 */
	size_t start, end; /* bytes in the text, the last newline among them */
	enum pamstack_kind kind;
	enum pamstack_role role;
	bool marked;         /* carries PAMSTACK_MARK */
	bool marked_newline; /* carries PAMSTACK_MARK_NEWLINE */
	bool done;           /* an outcome ends the stack here: sufficient, [x=done] */
	bool fails; /* the stack fails where its module denies: required, [default=bad] */
	bool skipped; /* where its module isn't there, PAM goes on without a word: "-session" */
	unsigned int jumps[PAMSTACK_JUMPS_MAX];
	size_t n_jumps;
	char *target;    /* module as written, or the included file */
	char *args;      /* of a call of nsshell's own module, as written; else NULL */
	const char *why; /* of a bad line; static */
};

struct pamstack_file {
	char *name; /* "sshd" */
	char *path; /* for messages */
	char *text;
	char *locked; /* why nsctl mustn't edit this file, NULL: it may */
	struct pamstack_line *lines;
	size_t n;
};

/* Every service file of a host. Start it as { 0 }. */
struct pamstack_dir {
	struct pamstack_file *files;
	size_t n;
};

/* One line of a service's session stack, includes followed. Points into the dir. */
struct pamstack_entry {
	const struct pamstack_file *file;
	const struct pamstack_line *line;
	unsigned int level; /* of substacks */
};

struct pamstack_flat {
	struct pamstack_entry *v;
	size_t n;
};

/**
 * pamstack_add() - Add a file, its text parsed
 * @path:	where it is, for messages
 * @locked:	why it mustn't be edited, or NULL
 *
 * All are copied. A text that can't be parsed has bad lines; it isn't an error here.
 *
 * Return: 0 or -1 (no memory).
 */
int pamstack_add(struct pamstack_dir *d, const char *name, const char *path,
	const char *text, const char *locked);
int pamstack_copy(const struct pamstack_dir *d, struct pamstack_dir *ret);
void pamstack_clear(struct pamstack_dir *d);
struct pamstack_file *pamstack_find(const struct pamstack_dir *d, const char *name);

/* Replace a file's text and parse it. @text becomes the file's. Return: 0 or -1 (no
 * memory). */
int pamstack_set_text(struct pamstack_file *f, char *text);

/* ---- the stack of a service --------------------------------------------------------- */

/* A stack may nest this deep in all, as libpam's include limit has it. */
#define PAMSTACK_DEPTH_MAX 16

/**
 * pamstack_flatten() - The session stack of a service in the order that libpam runs it
 * @ret:	free with pamstack_flat_clear(); substack lines are entries of their own
 *
 * Errors name file and line: an included file that isn't there, includes that never end,
 * a line that isn't understood.
 *
 * Return: 0 or -1 with @e.
 */
int pamstack_flatten(const struct pamstack_dir *d, const char *service,
	struct pamstack_flat *ret, struct err *e);
void pamstack_flat_clear(struct pamstack_flat *f);

/**
 * pamstack_jump() - Where a jump of @count from entry @from goes on
 *
 * Return: an index; f->n for the end of the stack; f->n + 1 where it jumps too far, which
 * libpam answers by failing.
 */
size_t pamstack_jump(const struct pamstack_flat *f, size_t from, unsigned int count);

/* The index of the first line of that role from @from on; f->n where there is none. */
size_t pamstack_next(const struct pamstack_flat *f, size_t from, enum pamstack_role role);

/* Whether the entry has a gate right above it, in the same file. */
bool pamstack_gated(const struct pamstack_flat *f, size_t i);

/**
 * pamstack_bypass() - Find what could end the stack before entry @i is run
 *
 * Return: the index of a line with "done" or a jump that passes @i, or @i where there is
 * none.
 */
size_t pamstack_bypass(const struct pamstack_flat *f, size_t i);

/* ---- editing ------------------------------------------------------------------------ */

enum pamstack_result {
	PAMSTACK_CHANGED,
	PAMSTACK_UNCHANGED, /* already as wanted */
	PAMSTACK_COVERED,   /* another service that this one includes has the line */
};

/**
 * pamstack_enable() - Add the line at the end of a service's file, and gates
 * @d:		edited on success only
 * @ret:	what came of it
 * @by:		for PAMSTACK_COVERED, the file that has the line; static as @d
 *
 * Errors say what isn't understood or would change its meaning, with file and line, and
 * what to do.
 *
 * Return: 0 or -1 with @e.
 */
int pamstack_enable(struct pamstack_dir *d, const char *service,
	enum pamstack_result *ret, const char **by, struct err *e);

/**
 * pamstack_disable() - Remove nsctl's own line of a service, and gates that nobody needs
 *
 * As pamstack_enable(). The result is the text before pamstack_enable(), byte for byte.
 */
int pamstack_disable(struct pamstack_dir *d, const char *service,
	enum pamstack_result *ret, const char **by, struct err *e);
