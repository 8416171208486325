/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The account's rootfs: a mount namespace that every supervisor of the account's keeps an fd of, at
 * the same number, and that a later session takes from one of them (pidfd_getfd(2)).
 */
#pragma once

#include "helpers/session.h"

/**
 * holder_reserve() - Take the number of the fd, s->holder
 *
 * Should:   be called before the sources of a box's mounts are opened: there may be any number of
 *	     them, and the kernel gives the lowest numbers that are free
 *
 * Needs s->proc. Return: 0 or -1 with @e.
 */
int holder_reserve(struct session *s, struct err *e);

/**
 * holder_take() - Join the rootfs of another session of the account, or build it
 * @family:	the account's lock
 *
 * Afterwards the process stands in that namespace, and s->record names it. With Upper=disk it
 * fails where it can't be told whether a running session has the upper mounted.
 *
 * Return: 0 or -1 with @e.
 */
int holder_take(struct session *s, int family, struct err *e);

/**
 * holder_let_go() - Close it, and the session's door first
 *
 * Should:   be called before the session leaves the account's list: whom the account's lock lets in
 *	     next may mount the upper again, and is refused where a record still promises it
 */
void holder_let_go(struct session *s);
