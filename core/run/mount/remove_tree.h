/* SPDX-License-Identifier: BSD-3-Clause */
/* Deleting what a user made: any names, any depth. */
#pragma once

#include "core/base/err.h"

/**
 * tree_remove() - Remove a directory and all that is in it
 *
 * By fds, without recursion and with two of them at a time however deep it is: what is below a
 * directory is moved to the top before it goes. Links are removed, never followed; what is mounted
 * in it stays, and is an error.
 *
 * Mustn't:  be called while anybody else may write there
 *
 * Return: 0 or -1 with @e; then part of it may be gone, and calling again goes on. Linux 5.6.
 */
int tree_remove(int parent, const char *name, struct err *e);
