/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving up privilege, with proof. */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/**
 * privs_become_root_here() - Take on uid and gid 0 of the user namespace just entered
 *
 * Should:   run right after the join, before anything of the box is read
 * Mustn't:  keep any id or supplementary group of before
 *
 * Return: 0 or -1 with @e.
 */
int privs_become_root_here(struct err *e);

/**
 * privs_enter_box() - As privs_become_root_here(), with the account's own groups
 *
 * su, login and sudo set group and supplementary groups of the account before they open the
 * session, and only its uid after: what they have set stays, as far as it is the same group on
 * the host and in the box. Others, root's of the host among them, have no id in the box
 * (user_namespaces(7), "Unmapped user and group IDs") and go.
 *
 * Return: 0 or -1 with @e.
 */
int privs_enter_box(struct err *e);

/**
 * privs_leave_keyring() - A session keyring of one's own, instead of the caller's
 *
 * Who possesses a keyring may use its keys, whoever it is, and pam_keyinit(8) links the user
 * keyring of the host into a login's (keyrings(7)). Where the kernel has no keys, or keyctl(2)
 * is filtered, there is nothing to leave.
 */
int privs_leave_keyring(struct err *e);

/**
 * privs_keep_caps() - Permitted, effective and bounding set become @keep, for good
 * @keep:	bit N is capability N
 *
 * Proves it by reading the sets back. Return: 0 or -1 with @e.
 */
int privs_keep_caps(uint64_t keep, struct err *e);

/**
 * privs_drop_caps() - No effective, permitted or inheritable capability any more
 *
 * For a process that may no longer touch its bounding set. Proves it by reading the sets back.
 *
 * Return: 0 or -1 with errno.
 */
int privs_drop_caps(void);

/* The mask of named capabilities ("cap_kill"); unknown names are an error. */
int privs_cap_mask(const char *const *names, size_t n, uint64_t *ret, struct err *e);
