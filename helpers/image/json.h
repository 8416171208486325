/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the JSON of images says, in lines: who reads it has no right (helpers/image/jail.h), and who has rights reads lines,
 * "KEY VALUE" each, the parts of a value between tabs. A control character in a value is an error there.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

enum json_kind {
	JSON_INDEX,    /* manifest MEDIATYPE DIGEST SIZE OS ARCHITECTURE REFERENCE */
	JSON_MANIFEST, /* config DIGEST SIZE; layer DIGEST SIZE MEDIATYPE */
	JSON_DOCKER, /* image; config FILE; tag REFERENCE; layer FILE: manifest.json of docker save */
	/*
	 * architecture; os; created; diffid DIGEST; env NAME=VALUE; user; workdir; entrypoint WORD; cmd WORD;
	 * volume PATH; port PORT; label NAME=VALUE
	 */
	JSON_CONFIG,
	JSON_ONTO, /* json_config_onto()'s */
};

#define JSON_MAX (4U << 20) /* bytes of a file, as registries take them */

/**
 * json_read() - Read one of them
 * @fd:		a file, from its beginning
 * @what:	for messages: "the image's manifest"
 * @ret:	its lines, added
 *
 * Return: 0 or -1 with @e.
 */
int json_read(int fd, enum json_kind kind, const char *what, struct strlist *ret,
	struct err *e);

struct json_layer {
	const char *diffid;  /* 64 digits */
	const char *created; /* "2024-01-01T00:00:00Z" */
	const char *by;      /* for its history */
};

/**
 * json_config_onto() - The config of an image with one more layer
 * @fd:		that of the image below
 * @ret:	in one line; to free()
 *
 * All else of it stays. Where its history doesn't tell of every layer, it tells of this one no more. Return: 0 or -1
 * with @e.
 */
int json_config_onto(int fd, const struct json_layer *l, char **ret, struct err *e);

/* What follows "KEY " in a line; NULL where it has another key. */
const char *json_value(const char *line, const char *key);

/* Part @n of a value, from 0 on, between tabs; "" where there is none. @buf gets it, cut. */
const char *json_part(const char *value, size_t n, char *buf, size_t size);
