/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who looks at what somebody else made: forks that have a file to read, a pipe to write, and nothing else.
 * What they come to say is in memory shared with them, and taken as a text of anybody's.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define JAIL_NOTES    16
#define JAIL_NOTE_MAX 200

/* What one says. */
struct jail_said {
	struct err e;
	uint64_t files, bytes;
	uint32_t n_notes, n_unsaid; /* what was left out, and how many more of that */
	char notes[JAIL_NOTES][JAIL_NOTE_MAX];
};

/* Note what was left out of a layer. */
void jail_note(struct jail_said *s, const char *what, const char *path);

struct jail {
	const char *name; /* "read the archive", for messages */
	int in, out;      /* become 0 and 1 */
	/*
	 * JAIL_NOTHING: no right, and no system call but to read, write and use memory. Else a directory
	 * that becomes the root of all that it sees, and where it may do to files what a layer takes: make
	 * them, own them, set modes, attributes and times.
	 */
	int root;
	bool looks; /* with a root: it is read alone, and nothing there can be changed */
	int beside; /* becomes JAIL_BESIDE: one more directory to look into, detached; 0: none */
	/* Return: 0, or -1 with said->e. */
	int (*work)(void *arg, struct jail_said *said);
	void *arg;
	/* Of jail_start() */
	pid_t pid;
	struct jail_said *said;
};

#define JAIL_NOTHING (-1)
#define JAIL_BESIDE  2

/* Start one; @in and @out stay the caller's. Return: 0 or -1 with @e. */
int jail_start(struct jail *j, struct err *e);

/**
 * jail_wait() - Wait for its end, or bring it about
 * @kill:	it has nothing more to do
 *
 * Return: 0, or -1 with @e: what it said, fit to be printed, or how it ended.
 */
int jail_wait(struct jail *j, bool kill, struct err *e);

/* What jail_note() has noted, and of how many more, once it has ended. Return: 0 or -1 with @e. */
int jail_notes(const struct jail *j, struct strlist *ret, struct err *e);

/* What a started one's end leaves: kill it where it runs, free what it said. */
void jail_clear(struct jail *j);
