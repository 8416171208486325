/* SPDX-License-Identifier: BSD-3-Clause */
/* What the setuid program is asked for. */
#pragma once

#define CALL_WORDS 16

struct call {
	char *argv[CALL_WORDS]; /* ended by NULL */
	int right; /* nothing is wrong with it but, maybe, its surroundings */
};

/* The random numbers of a worker: the same again for the same state. */
extern unsigned int state;
unsigned int pick(unsigned int n);

void words_choose(struct call *ret);
