/* SPDX-License-Identifier: BSD-3-Clause */
/* An image on its way out. */
#pragma once

#include "helpers/image/store.h"

/* Where its files go: an archive, or a directory. */
struct export_to {
	/* Return: 0 or -1 with @e. */
	int (*put_text)(void *arg, const char *name, const char *text, struct err *e);
	int (*put_file)(
		void *arg, const char *name, int fd, uint64_t size, struct err *e);
	void *arg;
};

/* As an OCI image layout with that one image in it. @name: what it is called in there. */
int export_oci(struct store *s, const char *hex, const char *name,
	const struct export_to *to, struct err *e);

/* As docker save does. */
int export_docker(struct store *s, const char *hex, const char *name,
	const struct export_to *to, struct err *e);
