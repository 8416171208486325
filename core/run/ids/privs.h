/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving up privilege, with proof. */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
 * privs_look_as() - This thread's look-ups of paths, and its new files, become an account's
 *
 * Should:   be undone by privs_look_as_root(), whatever comes between and also after a failure
 * Mustn't:  touch anything else: CAP_SYS_ADMIN stays, for open_tree(2)
 *
 * The kernel takes CAP_DAC_* and the like away from a file system uid that isn't 0
 * (capabilities(7)), and gives them back. Return: 0 or -1 with @e; so does the way back, which ends
 * with no supplementary group.
 */
int privs_look_as(
	uid_t uid, gid_t gid, const uint32_t *groups, size_t n_groups, struct err *e);
int privs_look_as_root(struct err *e);

/**
 * privs_leave_keyring() - A session keyring of one's own, instead of the caller's
 *
 * Who possesses a keyring may use its keys, whoever it is, and pam_keyinit(8) links the user
 * keyring of the host into a login's (keyrings(7)). Where the kernel has no keys, or keyctl(2)
 * is filtered, there is nothing to leave.
 */
int privs_leave_keyring(struct err *e);

/**
 * privs_become_account() - Be somebody else for good, who isn't root: ids, groups, no capability
 *
 * Should:   be the last thing that is done with rights: also by who is root of a box
 * Mustn't:  be relied on for the bounding set and no_new_privs, which it leaves as they are
 *
 * Proves that there is no way back. Return: 0 or -1 with @e, and then it may be in between.
 */
int privs_become_account(
	uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, struct err *e);

/**
 * privs_drop_bound() - No capability but @keep in the bounding set any more
 *
 * Return: 0 or -1 with errno.
 */
int privs_drop_bound(uint64_t keep);

/**
 * privs_keep_caps() - Permitted, effective and bounding set become @keep, for good
 * @keep:	bit N is capability N
 *
 * Proves it by reading the sets back. Return: 0 or -1 with @e.
 */
int privs_keep_caps(uint64_t keep, struct err *e);

/* The permitted set: root of a container hasn't all. Return: 0 or -1 with @e. */
int privs_held(uint64_t *ret, struct err *e);

/**
 * privs_drop_caps() - No effective or permitted capability but @keep, and no inheritable one, any more
 *
 * For a process that may no longer touch its bounding set. Proves it by reading the sets back.
 *
 * Return: 0 or -1 with errno.
 */
int privs_drop_caps(uint64_t keep);

/* The mask of named capabilities ("cap_kill"); unknown names are an error. */
int privs_cap_mask(const char *const *names, size_t n, uint64_t *ret, struct err *e);
