/* SPDX-License-Identifier: BSD-3-Clause */
/* The one error value: fixed size, no allocation, because it also lives inside sshd. */
#pragma once

/*
 * Who can have brought it about. OnError=allow lets a login go on for the causes that are
 * listed here and in nsshell.conf(5), which only the host or its admin can bring about, and
 * for no other: what nobody has put on the list, a user may have made.
 */
enum err_cause {
	ERR_BY_ANYONE,
	ERR_BY_CONFIG, /* it asks for what it can't have on this host */
	ERR_BY_KERNEL, /* lacks what every box needs */
	ERR_BY_STATE,  /* nsshell's own directory can't be written */
	ERR_BY_IDS,    /* no range of subordinate ids is left */
};

struct err {
	int num;       /* errno, or 0 where none applies */
	char msg[512]; /* "mount overlay on /run/nsshell/stage: Invalid argument" */
	enum err_cause cause;
};

/**
 * err_set() - Begin an error
 * @e:		filled; the message is cut, never overrun
 * @num:	an errno whose text is appended, or 0
 * @fmt:	what we were doing, with its object
 *
 * The cause is ERR_BY_ANYONE.
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

/**
 * err_by() - Say who brought the error about
 *
 * Only where nobody but root could have. A lack of memory isn't such: any user can bring that
 * about.
 *
 * Return: always -1.
 */
int err_by(struct err *e, enum err_cause cause);
