/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of images and of what they are made of, as the store and RootFS=image: have them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define IMAGE_NAME_MAX 192 /* of "NAME:TAG", with the 0 */
#define IMAGE_HEX      64  /* digits of a sha256 */
#define IMAGE_DIGEST   (sizeof("sha256:") - 1 + IMAGE_HEX)
#define IMAGE_TEXT_MAX (IMAGE_NAME_MAX + 1 + IMAGE_DIGEST) /* "NAME:TAG@sha256:HEX" */

/**
 * imagename_parse() - Take NAME or NAME:TAG
 * @ret:	"NAME:TAG", with the tag "latest" where none is given
 *
 * A name is of small letters, digits and single ".", "_" and "-" between them, 63 bytes at most; a tag begins
 * with a letter, a digit or "_", goes on with those, "." and "-", and has 127 bytes at most. So both are what
 * OCI's registries take, and the whole is the name of a file.
 *
 * Return: 0, or -1 where it isn't of the form.
 */
int imagename_parse(const char *text, char ret[IMAGE_NAME_MAX]);

/* Whether @len bytes of @text are a name of that form, without a tag. */
bool imagename_is_name(const char *text, size_t len);

/**
 * imagename_of_reference() - A name for what is called "docker.io/library/debian:12" elsewhere
 * @ret:	"debian:12": what follows the last "/", without a digest
 *
 * Return: 0, or -1 where no name can be made of it.
 */
int imagename_of_reference(const char *text, char ret[IMAGE_NAME_MAX]);

/* Whether that is a sha256 in 64 hexadecimal digits, small ones. */
bool imagename_is_hex(const char *text);

/* The 64 digits of "sha256:HEX", in @text; NULL where it is anything else. */
const char *imagename_digest_hex(const char *text);

/* Whether that names a layer in layers/l: the first 12 digits of its sha256, or more. */
bool imagename_is_short(const char *text);
#define IMAGE_SHORT 12
