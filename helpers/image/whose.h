/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose writings "nsctl diff" and "nsctl image commit" are asked for: an account's, or a session's. */
#pragma once

#include "core/base/account.h"
#include "core/run/session/record.h"
#include "helpers/image/upper.h"

struct whose {
	struct account
		account;       /* account_clear() it; of one that is gone the uid alone */
	struct record session; /* id "" where the account was named */
};

/**
 * whose_find() - Take a word apart
 * @word:	name of an account, the uid of one that is gone, or the id of a running session; in this order
 *
 * Return: 0 or -1 with @e.
 */
int whose_find(const char *word, struct whose *ret, struct err *e);

/**
 * whose_uppers() - What they wrote
 * @image:	NAME or NAME:TAG: over that one only; NULL: all
 * @ret:	free() it
 *
 * Of an account: all that is on disk, and what its session has in memory, of which there may be one. Of a session: what it
 * has in memory; with Upper=disk what its account has over the same image, or over the host's root.
 *
 * Return: 0, also where there is none; -1 with @e.
 */
int whose_uppers(const struct whose *w, const char *image, struct upper **ret,
	size_t *ret_n, struct err *e);

/* Say that there is none, and why. @image as above. Return: -1. */
int whose_nothing(const struct whose *w, const char *image, struct err *e);
