/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a PAM service directory: reading them all, replacing one atomically. */
#pragma once

#include "core/base/err.h"
#include "core/plan/pamstack.h"

#define PAMFILE_SIZE_MAX                                                                 \
	(256 * 1024) /* longer than any service file; a longer one is refused */

/* Where libpam looks for what isn't in /etc/pam.d. */
#define PAMFILE_VENDOR_DIR "/usr/lib/pam.d"

/**
 * pamfile_open_dir() - Open a directory of service files
 *
 * It isn't locked, which everybody can do who can read it: who replaces files holds a lock of
 * nsshell's own. Return: an fd that is O_CLOEXEC, or -1 with @e.
 */
int pamfile_open_dir(const char *path, struct err *e);

/**
 * pamfile_read_dir() - Read every service file of a directory
 * @dir:	from pamfile_open_dir()
 * @path:	its name, for messages
 * @vendor:	the files are the distribution's and never edited
 * @ret:	files are added to it; names that it has already are left out
 *
 * Left out, too, is what no service is called: hidden files, editors' and package
 * managers' leftovers. A file that isn't to be edited is locked and the reason kept: a
 * link to elsewhere, not root's (nor the caller's), writable by group or others, not a
 * regular file.
 *
 * Return: 0 or -1 with @e.
 */
int pamfile_read_dir(
	int dir, const char *path, bool vendor, struct pamstack_dir *ret, struct err *e);

/**
 * pamfile_replace() - Give a file a new text in one step
 * @old:	the text that the edit was made from; the file must still hold it
 *
 * Owner, mode and extended attributes (ACL and security label among them) are kept. The
 * new file is written beside the old one, synced and renamed over it; a reader sees the
 * one or the other, whole.
 *
 * Return: 0 or -1 with @e, the file untouched.
 */
int pamfile_replace(
	int dir, const char *name, const char *old, const char *new, struct err *e);
