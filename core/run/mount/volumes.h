/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Volumes=: directories that nsshell keeps for an account, whatever becomes of its root file system.
 *
 *	PATH_VOLUMES/UID/.account	whose they are: a name
 *	PATH_VOLUMES/UID/NAME		one, with the ids of the box
 *	PATH_VOLUMES/UID/.used-NAME	empty: its time is when a session was last opened with it
 *	PATH_VOLUMES/UID/.new-NAME	what is being filled: nobody's yet, and removed by the next login
 *	PATH_VOLUMES/UID/.gone-NAME	what is being removed
 *	PATH_VOLUMES/UID.gone		all of an account, the same
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/mount/stage.h"

#define VOLUMES_OWNER ".account"
#define VOLUMES_NEW   ".new-"
#define VOLUMES_GONE  ".gone"
#define VOLUMES_USED  ".used-"

/* What an image may have at the place of a new volume. */
#define VOLUME_BYTES_MAX (UINT64_C(1) << 30)
#define VOLUME_FILES_MAX 100000
#define VOLUME_DEPTH_MAX 128

/* The name of the volume that an op of the plan binds; NULL: it binds none. */
const char *volume_of(const struct plan_op *op);

/**
 * volumes_open() - Have the plan's volumes as sources of its binds
 * @s:		gets a detached clone of each, of a new one yet without content
 *
 * Should:   run in the host's mount namespace, with the account's lock
 * Mustn't:  give an account a volume of another one's, which had its uid or its name before
 *
 * Return: 0 or -1 with @e, which says what to do.
 */
int volumes_open(const struct plan *plan, struct stage *s, struct err *e);

/**
 * volumes_fill() - Give new ones what the image has at their place, and have them count
 * @proc:	fd of the host's /proc
 *
 * Should:   run in the namespace of rootfs_build(), with the account's lock
 *
 * A child does it that has no rights but those of the box's root over ids of the box, and two directories. Return: 0 or -1
 * with @e; then there is no such volume.
 */
int volumes_fill(const struct plan *plan, const struct stage *s, int proc, struct err *e);

/**
 * volume_copy() - Copy what is in a directory, and what it is itself
 * @from:	what is copied; nobody changes it meanwhile
 * @to:		an empty directory, not to be seen by anybody
 *
 * Files, directories, symlinks and FIFOs, with owners, modes (no file is setuid or setgid), times, access control lists and
 * attributes of users'; holes stay holes, and hard links become files of their own. Sockets and devices are left out. No more than
 * VOLUME_*_MAX, bytes of attributes being bytes, too.
 *
 * Return: how many files there are now, or -1 with @e.
 */
int volume_copy(int from, int to, struct err *e);
