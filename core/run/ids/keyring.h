/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyrings that an account has outside of its boxes. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

/**
 * keys_close() - Let nobody use the account's user keyring who doesn't possess it
 *
 * Each user namespace has user keyrings of its own (Linux 5.3), but a process inside may name the
 * host's by number, and there is the account itself: the kernel compares the host's uids. What it
 * gives by default lets the account link the keyring, and so possess all that is in it, from
 * anywhere (user-keyring(7), keyrings(7)). The account outside goes on possessing its keyring, as
 * @u and through its login's session keyring. Where the kernel has no keys, or keyctl(2) is
 * filtered, nothing is done.
 *
 * A child does it as the account, who can stop it from outside: it is killed after five seconds.
 * Takes 0.3 ms as a rule.
 *
 * Mustn't:  be called with a lock
 *
 * Return: 0 or -1 with @e, ETIMEDOUT for a child that was stopped.
 */
int keys_close(const struct plan *plan, struct err *e);
