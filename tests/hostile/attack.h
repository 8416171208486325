/* SPDX-License-Identifier: BSD-3-Clause */
/* The hostile suite's one program: each try is a row, named on the command line. */
#ifndef NSSHELL_TESTS_HOSTILE_ATTACK_H
#define NSSHELL_TESTS_HOSTILE_ATTACK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Takes the words after the try's name, NULL-terminated. Return: 0 when the kernel let it,
 * else the errno; ATTACK_SAID when the try has printed its answer itself.
 */
struct attack {
	const char *name;
	int (*run)(char **argv);
};

#define ATTACK_SAID (-1)

/* Each ends with a row without a name. */
extern const struct attack attacks_process[], attacks_priority[], attacks_files[],
	attacks_ipc[], attacks_net[], attacks_ns[], attacks_userns[], attacks_tty[],
	attacks_priv[], attacks_judge[], attacks_door[];

/* Gives: @text as a number; 0 where it is NULL. */
long attack_number(const char *text);

/* Gives: 0, or errno when @result is negative. */
int attack_result(long result);

/* Print one line. Return: ATTACK_SAID. */
int attack_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "none", or what was counted. Return: ATTACK_SAID. */
int attack_count(unsigned int n, const char *first);

#endif
