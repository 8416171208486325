/* SPDX-License-Identifier: BSD-3-Clause */
/* The login's own terminal: lent to the session, and given back. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/session/record.h"

/**
 * tty_identify() - The name of the terminal that a login hands down
 * @fd:		a terminal of the caller's, or -1
 * @pam_tty:	PAM_TTY: "/dev/tty1", "tty1", "ssh", ""
 * @buf:	gets "/dev/..." or "" where they don't name the same device: sshd's "ssh"
 *		is no terminal, and its own stderr none of the login's
 *
 * Return: 0, or -1 with @e when that can't be told.
 */
int tty_identify(int fd, const char *pam_tty, char *buf, size_t size, struct err *e);

/* Remember whose the terminal is. Return: 0 or -1 with @e. */
int tty_remember(int fd, const char *path, struct record_tty *ret, struct err *e);

/**
 * tty_lend() - Give the terminal to the account
 *
 * Its owner becomes the account, its group the box's tty group, so that login(1) may
 * chown it inside. Return: 0 or -1 with @e.
 */
int tty_lend(int fd, const struct plan *plan, struct err *e);

/**
 * tty_give_back() - Restore owner, group and mode
 * @fd:		the terminal, or -1: it is opened by its path
 * @ids:	uids of the box, whose root may have given it to any of them; NULL: not known
 *
 * It is left alone where it is neither @uid's nor one of @ids any more, or another device: somebody
 * else logged in on it since, or a pty's number was used again.
 *
 * Return: 0 or -1 with @e.
 */
int tty_give_back(int fd, const struct record_tty *lent, uid_t uid,
	const struct idmap *ids, struct err *e);
