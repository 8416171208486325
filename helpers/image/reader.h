/* SPDX-License-Identifier: BSD-3-Clause */
/* What reads archives, for helpers/image/jail.h: from fd 0, to fd 1. All of libarchive is in here, as far as it reads. */
#pragma once

#include "helpers/image/jail.h"

/* What was compressed, as it was before; what wasn't stays as it is. */
int reader_decompress(void *unused, struct jail_said *said);

/* A tar, not compressed, as layerentry.h has it. */
int reader_layer(void *unused, struct jail_said *said);

/* The same of a tar that may be compressed: what is packed in an archive of an image. */
int reader_archive(void *unused, struct jail_said *said);

/*
 * Only names: "an archive of an image" (said->files is 1) is one in which everything is called as docker save
 * or an OCI layout call it; else a layer (0).
 */
int reader_look(void *unused, struct jail_said *said);
