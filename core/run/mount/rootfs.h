/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rootfs: the plan's overlays, in a mount namespace that holds nothing else. In that
 * namespace "/" is a tmpfs, and ROOTFS_ROOT the merged tree.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/mount/layers.h"

#define ROOTFS_ROOT "/root"

/* Where a plan's overlay has its lower, in that namespace: "/lower/0". */
#define ROOTFS_LOWER_LEN 32
void rootfs_lower(size_t overlay, char ret[ROOTFS_LOWER_LEN]);
/* Return: O_PATH fd of it, or -1. */
int rootfs_open_lower(size_t overlay);

/* Make an entry of an overlay's init layer, "/init/0" and so on; @proc: as below. Return: 0 or -1 with @e. */
int rootfs_init_layer(
	const struct plan *plan, const struct plan_layer *l, int proc, struct err *e);
/* Owner and mode of what was just made there. Return: 0 or -1 with errno. */
int rootfs_give(const char *made, uint32_t uid, uint32_t gid, mode_t mode);

/* Make a directory of that namespace, if need be, and mount on it. Return: 0 or -1 with @e. */
int rootfs_attach(int mount, const char *path, struct err *e);

/**
 * rootfs_build() - Mount the plan's overlays
 * @proc:	fd of the host's /proc
 * @changed:	gets what layers_open() says; "" without Upper=disk
 *
 * Should:   run in the host's mount namespace, in a process that may leave it
 * Mustn't:  leave a mount in the host's table; mount one upper twice (with Upper=disk
 *           the caller has the account's lock, and nobody else holds a rootfs of it)
 *
 * Afterwards the caller stands in the new namespace, at its "/". Needs Linux 5.12.
 *
 * Return: 0 or -1 with @e; then the caller stands anywhere and should end.
 */
int rootfs_build(const struct plan *plan, int proc, char changed[LAYERS_CHANGED_MAX],
	struct err *e);

/* Mounting through fsopen(2): a tmpfs of the host's, detached. Return: mount fd or -1. */
int rootfs_tmpfs(uint64_t size, uint64_t inodes, uint32_t mode, uint32_t uid,
	uint32_t gid, uint64_t attr);

/* What masks are clones of: a tmpfs of the host's, detached, with these two, empty and nobody's to open. */
#define ROOTFS_MASK_DIR  "dir"
#define ROOTFS_MASK_FILE "file"
/* Return: mount fd or -1 with @e. */
int rootfs_masks(struct err *e);
