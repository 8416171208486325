/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store's own files share; nobody else includes this. */
#pragma once

#include "helpers/image/store.h"

#define STORE_BLOBS  "blobs/sha256"
#define STORE_LAYERS "layers/sha256"
#define STORE_LINKS  PATH_IMAGE_LAYERS
#define STORE_SIZES  "layers/size" /* "BYTES FILES" of each of them */

/* Room for the path of one of them. */
#define STORE_PATH (sizeof("layers/sha256/") + IMAGE_NAME_MAX)

/* "blobs/sha256/HEX" */
void store_path(char path[STORE_PATH], const char *dir, const char *name);

/* Note the size of a layer that was unpacked now; of another one it is known. Return: 0 or -1 with errno. */
int store_note_size(const struct store *s, const struct layer *l);

/* Remove all in tmp. Return: 0 or -1 with @e. */
int store_sweep_tmp(struct store *s, struct err *e);
