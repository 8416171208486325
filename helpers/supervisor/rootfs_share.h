/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session's rootfs. With Upper=disk the account has one, since its upper can only be mounted
 * once: a mount namespace that every supervisor of the account's keeps an fd of, at the same number,
 * and that a later session takes from one of them (pidfd_getfd(2)). Else each session has its own,
 * which sees the host as it is; with Upper=tmpfs its supervisor keeps an fd of what is written (core/run/session/held.h).
 */
#pragma once

#include "helpers/supervisor/session.h"

/**
 * holder_reserve() - Take the number of the fd (sibling.h), for the supervisor_run() of this process
 *		      or a child
 *
 * Return: 0 or -1 with @e.
 */
int holder_reserve(const struct plan *plan, struct err *e);

/**
 * holder_take() - Build the rootfs; with Upper=disk, join that of another session of the account
 * @account_lock:	the account's lock
 *
 * Afterwards the process stands in its namespace, and s->refresh holds its overlays. With
 * Upper=disk s->record names it, what the host changed since is seen, and it fails where it can't
 * be told whether a running session has the upper mounted, or one has it with other rules.
 *
 * Return: 0 or -1 with @e.
 */
int holder_take(struct session *s, int account_lock, struct err *e);
