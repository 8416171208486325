/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-image: what "nsctl image" starts. A program of its own, since it alone links libarchive. Options and exit
 * statuses are nsctl's.
 */
#pragma once

#include "core/base/err.h"
#include "helpers/image/store.h"
#include "helpers/image/unpack.h"
#include "nsshell/nsctl/nsctl.h"

#include <stdbool.h>

int image_import(int argc, char **argv);
int image_pull(int argc, char **argv);
int image_push(int argc, char **argv);
int image_list(int argc, char **argv);
int image_show(int argc, char **argv);
int image_tag(int argc, char **argv);
int image_remove(int argc, char **argv);
int image_export(int argc, char **argv);
int image_fsck(int argc, char **argv);
int image_gc(int argc, char **argv);
int image_diff(int argc, char **argv);
int image_commit(int argc, char **argv);

struct image_import {
	struct unpack_limits limits;
	const char *name;  /* NAME or NAME:TAG; NULL: as the archive calls it */
	const char *which; /* of several, the one that the archive calls so; NULL: all */
};

/* What is allowed unless told otherwise; the manual has it. */
#define IMAGE_LIMITS                                                                     \
	{                                                                                \
		.bytes = 64ULL << 30, .files = 2000000                                   \
	}

/**
 * image_import_fd() - Import what a file or a directory is
 * @command:	for what is said
 * @s:		the store, where it is open already; or NULL
 *
 * Return: 0 or -1 with @e.
 */
int image_import_fd(const char *command, struct store *s, int fd,
	const struct image_import *how, struct err *e);

/* As Go calls this machine: amd64. */
const char *image_architecture(void);
