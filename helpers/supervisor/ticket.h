/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Kerberos credentials cache that the login's host made: sshd for `ssh -K`, pam_krb5. In a box
 * with a /tmp of its own it would be lost, and would stay behind on the host.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

/**
 * ticket_move() - Take the plan's ticket into the session
 * @init:	pid of the session's init, alive and the caller's to name
 *
 * Should:   run as the host's root; nothing where the plan has none, or the file isn't there
 * Mustn't:  read, make or remove a file with more rights than the account's: it chose the name
 *
 * Only a regular file of the account's own is taken, with no other name, and at most 1 MiB of it. It
 * gets the same path inside, mode 0600, and is removed from the host.
 *
 * Return: 0 or -1 with @e, when it stays where it was; the login can do without.
 */
int ticket_move(const struct plan *plan, pid_t init, struct err *e);
