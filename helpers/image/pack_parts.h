/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of pack.h share; nobody else includes this. Who returns an int gives 0, or -1 with said->e. */
#pragma once

#include "core/plan/layerentry.h"
#include "core/plan/layername.h"
#include "helpers/image/jail.h"
#include "helpers/image/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#define PACK_BUFFER (256 * 1024)

/* A file that has more names: the first one of them that was met. */
struct known {
	dev_t dev;
	ino_t ino;
	char path[];
};

struct packing {
	struct jail_said *said;
	const struct pack_how *how;
	struct archive *a;
	struct archive_entry *entry;
	void *known; /* tsearch(3) */
	char path[LAYER_NAME_MAX];
	char names[LAYER_XATTRS_MAX], value[LAYER_XATTR_VALUE];
	char buffer[PACK_BUFFER], zeros[PACK_BUFFER];
	int depth;
};

/* With errno. Return: -1. */
int pack_failed(struct packing *p, const char *what);

/* Write the entry, but for its data. */
int pack_header(struct packing *p);

/* Have the entry say where a file has data: what lies between isn't in the archive. */
void pack_holes(struct packing *p, int fd, const struct stat *st);

/* All of a file's data, holes as the entry has them. */
int pack_bytes(struct packing *p, int fd, off_t size);

/* Return: lines that stay out of the file of that path; NULL. */
const char *pack_own_lines(struct packing *p, const struct stat *st);

/* The file without @own, with its header. */
int pack_lines(struct packing *p, int fd, const char *own, const struct stat *st);
