/* SPDX-License-Identifier: BSD-3-Clause */
/* What the setuid programs are asked for: a table a program. */
#pragma once

#define CALL_WORDS 16

struct call {
	char *argv[CALL_WORDS]; /* ended by NULL */
	int right; /* nothing is wrong with it but, maybe, its surroundings */
};

struct words {
	void (*choose)(struct call *ret);
	int heard; /* its output is to be looked at */
};

/* The random numbers of a worker: the same again for the same state. */
extern unsigned int state;
unsigned int pick(unsigned int n);

extern const struct words words_of_door;

/* nsshell-own; @names: session and account of who calls, and of somebody else. */
const struct words *words_of_own(char **names);

/* Whether a text has a name of somebody else's that the call itself didn't bring along. */
int words_tell_of_others(const struct call *c, const char *text);
