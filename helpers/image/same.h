/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the files of a layer are those that its archive makes. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

/**
 * same_run() - Compare two trees of files
 * @is:		directory fd of what is there
 * @want:	directory fd of what is to be there
 * @ret:	gets what differs, JAIL_NOTES of it and how many more: "its bytes differ: etc/motd"
 *
 * What a box can see of a layer: names, types, owners, modes, bytes, links, attributes, and times but a directory's, which
 * an archive needn't tell. By a child that can read and nothing else. Return: 0 or -1 with @e.
 */
int same_run(int is, int want, struct strlist *ret, struct err *e);
