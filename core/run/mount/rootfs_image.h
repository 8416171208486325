/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of a rootfs (rootfs.h) that lies on an image. What is in an image is somebody's data: it is looked at in
 * a mount of its layers without devices, and no link leads out of that.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <limits.h>

/* In the namespace of the rootfs: the store's layers, as the box sees their owners; an empty directory. */
#define ROOTFS_LAYERS  "/layers"
#define ROOTFS_NOTHING "/nothing"

/**
 * rootfs_image_check() - Whether an image is all there
 * @lower:	clone of the plan's only lower
 *
 * Should:   run once the session's record says that it uses the image: it is there to stay then
 *
 * Return: 0 or -1 with @e.
 */
int rootfs_image_check(const struct plan *plan, int lower, struct err *e);

struct rootfs_image_place {
	const char *place; /* to mount on */
	const char *
		top; /* a layer over the image's, NULL: none, and so that nothing of it runs */
	const char *upper, *work; /* NULL: none */
};

/**
 * rootfs_image_mount() - Mount the layers of an image
 *
 * By mount(2), whose page of options has room for IMAGE_LAYERS_MAX of them: a string of fsconfig(2) has 256 bytes,
 * and "lowerdir+" came with Linux 6.5. Changes the current directory, to "/" in the end.
 *
 * Return: 0 or -1 with @e.
 */
int rootfs_image_mount(
	const struct plan_overlay *o, const struct rootfs_image_place *at, struct err *e);

/* Make a file of the init layer, PLAN_LAYER_LINES, at @made. Return: 0 or -1 with errno. */
int rootfs_image_lines(const struct plan_layer *l, const char *made);

/**
 * rootfs_image_lacks() - Whether PLAN_LAYER_SHELL, or a link that is if_missing, is to be made
 * @proc:	fd of the host's /proc
 * @real:	out, where: behind the links of the image
 *
 * Return: 1, or 0 where not; -1 with @e.
 */
int rootfs_image_lacks(
	const struct plan_layer *l, int proc, char real[PATH_MAX], struct err *e);

/* Make PLAN_LAYER_SHELL, at @made. Return: 0 or -1 with errno. */
int rootfs_image_shell(const struct plan_layer *l, int proc, const char *made);
