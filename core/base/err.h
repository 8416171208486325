/* SPDX-License-Identifier: BSD-3-Clause */
/* The one error value: fixed size, no allocation, because it also lives inside sshd. */
#pragma once

struct err {
	int num;       /* errno, or 0 where none applies */
	char msg[512]; /* "mount overlay on /run/nsshell/stage: Invalid argument" */
};

/**
 * err_set() - Begin an error
 * @e:		filled; the message is cut, never overrun
 * @num:	an errno whose text is appended, or 0
 * @fmt:	what we were doing, with its object
 *
 * Return: always -1, so that a caller may `return err_set(...)`.
 */
int err_set(struct err *e, int num, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * err_wrap() - Prepend "what we were doing: " on the way up
 *
 * Return: always -1.
 */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
