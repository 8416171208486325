/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of unpack.h share; nobody else includes this. Who returns an int gives 0, or -1 with said->e. */
#pragma once

#include "core/plan/layerentry.h"
#include "core/plan/layername.h"
#include "helpers/image/unpack.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* Times of directories are set at the end: what is made in one changes it. */
struct dir_time {
	char *path;
	struct timespec time;
};

struct unpacking {
	struct jail_said *said;
	const struct unpack_limits *limits;
	int root;
	/* The directory that the last file was made in: the next one is, mostly. */
	int parent;
	char parent_path[LAYER_NAME_MAX];
	/* What is read ahead of fd 0. */
	char *buffer;
	size_t at, end;
	/* The entry that is being made. */
	struct layer_head head;
	char path[LAYER_NAME_MAX], link[LAYER_NAME_MAX];
	char *xattrs;
	int file;          /* that data goes into; negative: it is passed over */
	uint64_t file_end; /* where the last of it ended */
	struct dir_time *times;
	size_t n_times;
};

/* What can't be, and what failed, of which path. Return: -1. */
int unpack_refuse(struct unpacking *u, const char *path, const char *why);
int unpack_failed(struct unpacking *u, const char *what, const char *path);

/* ---- unpack_place.c: where it goes, and nowhere through a link ------------------------ */

/* A directory of the layer's, "" for its root. Return: an fd, or -1 with errno. */
int unpack_open_below(struct unpacking *u, const char *path, uint64_t flags);
bool unpack_is_whiteout(const struct stat *st);
int unpack_set_opaque(struct unpacking *u, int dir, const char *path);
int unpack_make_directory(
	struct unpacking *u, int parent, const char *name, const char *path);
/* Every directory on the way to @path, which the archive didn't name. */
int unpack_make_way(struct unpacking *u, const char *path);
/* The directory that @path is in. Return: 0 with u->parent, which stays u's; 1 where @make is false and there is none; -1. */
int unpack_enter(struct unpacking *u, const char *path, bool make);
/* What was there by that name before: a whiteout, or the same once more; the last one is meant. */
int unpack_make_room(struct unpacking *u, const char *path);

/* ---- unpack_meta.c: what the one of u->head has ---------------------------------------- */

int unpack_finish(struct unpacking *u, int fd);
/* The same of what can't be opened. */
int unpack_finish_by_name(struct unpacking *u);
struct timespec unpack_time_of(const struct layer_head *h);
/* @name: NULL: of @dir itself, which may be a file's fd */
int unpack_set_time(struct unpacking *u, int dir, const char *name, struct timespec t,
	const char *path);

/* ---- unpack_kind.c: each kind of files, in u->parent ------------------------------------ */

int unpack_begin_file(struct unpacking *u);
int unpack_end_file(struct unpacking *u);
int unpack_directory(struct unpacking *u);
int unpack_symlink(struct unpacking *u);
int unpack_fifo(struct unpacking *u);
int unpack_hardlink(struct unpacking *u);
/* What hides lower layers: u->path is what is hidden, or the directory that is opaque. */
int unpack_opaque(struct unpacking *u);
int unpack_whiteout(struct unpacking *u);
