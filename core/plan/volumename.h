/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of volumes, Volumes=NAME:TARGET. */
#pragma once

#include "core/plan/imagename.h"

#include <string.h>

#define VOLUME_NAME_MAX 32 /* with the 0 */
/* Of one account in its config. */
#define VOLUMES_MAX 16
/* All of their names, with blanks between. */
#define VOLUMES_TEXT (VOLUMES_MAX * VOLUME_NAME_MAX)

/* As names of images are, so that one is the name of a file, and none begins with a ".". */
static inline bool volumename_is_valid(const char *text, size_t len)
{
	return len < VOLUME_NAME_MAX && imagename_is_name(text, len);
}
