/* SPDX-License-Identifier: BSD-3-Clause */
/* A layer's files, made of layerentry.h's entries, in overlayfs's form. */
#pragma once

#include "helpers/image/jail.h"

struct unpack_limits {
	uint64_t bytes; /* of all files, as long as they say they are */
	uint64_t files; /* and directories, links, whiteouts */
};

/**
 * unpack_layer() - Make the files of what comes from fd 0, in "/"
 * @limits:	struct unpack_limits
 *
 * For helpers/image/jail.h, with the layer's directory as root. What it leaves out is noted in @said; so are files and
 * bytes. What hides a file of a lower layer becomes a character device 0:0, or trusted.overlay.opaque (overlayfs.rst,
 * "whiteouts and opaque directories").
 *
 * Mustn't:  follow a symbolic link, whoever made it; leave a device, or an attribute that overlayfs believes
 */
int unpack_layer(void *limits, struct jail_said *said);
