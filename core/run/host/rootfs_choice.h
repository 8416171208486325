/* SPDX-License-Identifier: BSD-3-Clause */
/* RootFSAllow=: which of the images that the config allows an account has chosen. */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/policy.h"

/* In the account's home: a line that names one, or "host". */
#define CHOICE_FILE ".config/nsshell/rootfs"
#define CHOICE_TEXT 256

/**
 * rootfs_choose() - Put the account's choice into its policy
 * @policy:	RootFS= becomes what was chosen, where that may be and is there; else it stays
 * @said:	what to tell the user: why it isn't what they chose; "" else
 *
 * The file is opened by a child, with the account's rights: no link is followed below the home, and nothing but
 * a file of the account's own is read. Of what is in it nothing comes back but which of the allowed it is.
 * Without RootFSAllow= nothing is looked at.
 *
 * Return: 0, or -1 with @e where it couldn't be looked at: a file system doesn't answer.
 */
int rootfs_choose(const struct account *account, struct policy *policy,
	char said[CHOICE_TEXT], struct err *e);
