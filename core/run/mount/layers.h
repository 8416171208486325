/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Upper=disk: what an account wrote, by the place and the file system that it wrote it over.
 *
 *	PATH_UPPER/UID/account		whose it is: a name
 *	PATH_UPPER/UID/fs/LAYER		the file system below it, in words, or the image, "NAME:TAG@sha256:HEX":
 *					who removes images looks here
 *	PATH_UPPER/UID/upper/LAYER	the layer, LAYER being the escaped mount point
 *	PATH_UPPER/UID/workdir/LAYER	overlay's own
 *	PATH_UPPER/UID/host		what says which packages the host's root had, in words
 *	PATH_UPPER/UID/restored		there until the first login after "nsctl reset --old=restore"
 *	PATH_UPPER/UID.old		what was there before it was set aside: nobody's to mount
 *	PATH_UPPER/UID.gone		what is being removed
 *
 * LAYER is "+NAME:TAG" over an image: what is written over one isn't over the host's root, nor over another.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/paths.h"
#include "core/plan/imagename.h"
#include "core/plan/plan.h"

#include <limits.h>

#define PATH_UPPER      PATH_STATE "/upper"
#define LAYERS_OLD      ".old"
#define LAYERS_GONE     ".gone"
#define LAYERS_RESTORED "restored"

/**
 * layers_name() - The name of the layer over a mount point
 * @target:	"/var/lib"
 * @ret:	"var-lib"; "-" for "/", and "%2d" for a "-" in a name. No backslash: overlay takes
 *		those out of its options
 *
 * Return: 0, or -1 with errno ENAMETOOLONG.
 */
int layers_name(const char *target, char ret[256]);

/* The mount point that such a name is of. Return: 0, or -1 where it is none. */
int layers_target(const char *name, char ret[PATH_MAX]);

/* The name of the layer over an overlay's lower: the above, or "+NAME:TAG" of an image. Return: as above. */
int layers_of(const struct plan_overlay *o, char ret[256]);

/* "kept image tiny:1": what became of what was written, as another lower is beneath it; "changing host": it isn't settled. */
#define LAYERS_CHANGED_MAX (IMAGE_NAME_MAX + 32)

/**
 * layers_open() - The account's directory, once every layer in it is seen to belong there
 * @lower:	an fd on the file system below each of plan->overlays
 * @changed:	gets what became of it; "" where nothing has changed below
 * @ret:	a detached clone of the directory's tree
 *
 * Should:   run in the host's mount namespace, with the account's lock
 * Mustn't:  lay a layer over another file system, or give it to another account, than it was
 *	     written over and by
 *
 * Directories of older versions, in which layers had numbers, are taken over as far as it is certain
 * what they are.
 *
 * Return: 0 or -1 with @e, which says what to do.
 */
int layers_open(const struct plan *plan, const int *lower,
	char changed[LAYERS_CHANGED_MAX], int *ret, struct err *e);

/**
 * layers_set_aside() - Begin anew: what the account wrote becomes UID.old
 * @uppers:	fd of PATH_UPPER
 * @replace:	what is UID.old already becomes UID.gone, to be removed, or goes in there
 *
 * Should:   run with the account's lock, and while no session of it runs
 *
 * Return: 0; 1 with @e where there is a UID.old already; -1 with @e.
 */
int layers_set_aside(int uppers, uid_t uid, bool replace, struct err *e);

/* UID.old becomes UID.gone, or goes in there: nothing is deleted. With the account's lock. Return: 0 or -1 with @e. */
int layers_discard_old(int uppers, uid_t uid, struct err *e);
