/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an archive calls a file of a layer: the place it has in there, and whether it stands for one that a
 * lower layer has and this one hasn't (image-spec, layer.md, "Whiteouts").
 */
#pragma once

#include <stddef.h>

#define LAYER_NAME_MAX 4096 /* PATH_MAX, with the 0 */
#define LAYER_PART_MAX 255  /* NAME_MAX */
#define LAYER_DEPTH_MAX                                                                  \
	256 /* a path has fewer names: all that goes into directories does so by recursion */

enum layer_name {
	LAYER_ENTRY,    /* a file of the layer's; "" is the layer's root */
	LAYER_WHITEOUT, /* ".wh.NAME": NAME isn't there any more */
	LAYER_OPAQUE, /* ".wh..wh..opq": of the directory only what this layer has is there */
	LAYER_AUFS, /* ".wh..wh.NAME": of aufs's own, nobody's file */
};

/**
 * layername_clean() - A path below the layer's root
 * @name:	as the archive has it: "./etc//passwd", "/etc/passwd"
 * @ret:	"etc/passwd", without "." and doubled or outer slashes
 * @ret_why:	what is wrong with it: "leads out by .."
 *
 * Return: 0 or -1.
 */
int layername_clean(const char *name, char ret[LAYER_NAME_MAX], const char **ret_why);

/**
 * layername_kind() - What a path of layername_clean() means
 * @path:	of LAYER_WHITEOUT and LAYER_OPAQUE it becomes the path that is meant
 * @ret_why:	as above
 *
 * Return: an enum layer_name, or -1 for a whiteout of nothing.
 */
int layername_kind(char *path, const char **ret_why);

/* The last part of a path: what follows the last slash. */
const char *layername_last(const char *path);

/**
 * layername_xattr_kept() - Whether a layer may bring that extended attribute along
 *
 * The user's own, capabilities of programs and ACLs; no word to overlayfs (trusted.overlay., user.overlay.),
 * nothing that the host's security modules go by.
 */
int layername_xattr_kept(const char *name);
