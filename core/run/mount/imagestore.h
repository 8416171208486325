/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store of images, as a login reads it: no JSON, no archive.
 *
 *	PATH_IMAGES/oci-layout, index.json, blobs/	an OCI image layout: what images are, nsctl image's
 *	PATH_IMAGES/layers/sha256/DIFFID		a layer unpacked, in overlayfs's form
 *	PATH_IMAGES/layers/l/SHORT			a link to it
 *	PATH_IMAGES/layers/size/DIFFID			"BYTES FILES" of it
 *	PATH_IMAGES/ready/HEX/layers			"SHORT DIFFID", a line a layer, lowest first
 *	PATH_IMAGES/ready/HEX/environment		"NAME=VALUE"
 *	PATH_IMAGES/ready/HEX/about			"architecture amd64", "created ..."
 *	PATH_IMAGES/ready/HEX/blobs			digests of what it is made of
 *	PATH_IMAGES/tags/NAME:TAG			a link to ../ready/HEX, HEX being the manifest's digest
 *	PATH_IMAGES/tmp, work				what isn't complete, and the lock of who works at it
 *	PATH_IMAGES/lock				who changes it has it exclusively
 *
 * A layer, and a directory in ready/, is renamed into place when it is complete, and changed no more.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/imagename.h"

#define PATH_IMAGES       PATH_STATE "/images"
#define PATH_IMAGE_LAYERS "layers/l" /* below it: where image.layers are */

/* As many as docker takes; overlayfs takes 500, in a page of options. */
#define IMAGE_LAYERS_MAX 128
/* Bytes of its environment. */
#define IMAGE_ENVIRONMENT_MAX 65536

/* What a login takes of an image. Start it as { 0 }, free it with image_clear(). */
struct image {
	char name
		[IMAGE_NAME_MAX]; /* "NAME:TAG", or "" where it was found by its digest */
	char digest[IMAGE_HEX + 1]; /* of its manifest, in hexadecimal digits */
	struct strlist layers;      /* SHORT, lowest first */
	struct strlist diffids;     /* beside them: in full */
	struct strlist environment; /* NAME=VALUE */
	char architecture[32]; /* as Go calls it: amd64, arm64; "" where it isn't said */
};

/**
 * imagestore_open() - Open the store
 *
 * Return: fd; -1 with @e, whose num is ENOENT where there is none.
 */
int imagestore_open(struct err *e);

/**
 * imagestore_lock() - Take the store's lock
 * @how:	LOCK_SH to open layers by what image_find() says, LOCK_EX to change the store
 * @ms:		how long to wait for it
 * @ret_fd:	closing it unlocks
 *
 * Return: 0; 1 with @e where somebody else had it all that time; -1 with @e.
 */
int imagestore_lock(int store, int how, unsigned int ms, int *ret_fd, struct err *e);

/**
 * image_find() - Find an image by its name
 * @store:	of imagestore_open()
 * @name:	NAME or NAME:TAG
 *
 * Should: be called with the lock, where its layers are opened after that
 *
 * Return: 0; 1 with @e where there is no such image, and -1 with @e: both say what to do.
 */
int image_find(int store, const char *name, struct image *ret, struct err *e);

/* The same by the digest of its manifest, in 64 digits: one that was found before, whatever its tag is of now. */
int image_read(int store, const char *hex, struct image *ret, struct err *e);

/* "NAME:TAG@sha256:HEX", as records and uppers have it. */
void image_text(const struct image *i, char ret[IMAGE_TEXT_MAX]);

/* Take that apart. Return: 0, or -1 where it isn't of the form. */
int image_text_parse(
	const char *text, char name[IMAGE_NAME_MAX], char hex[IMAGE_HEX + 1]);

void image_clear(struct image *i);
