/* SPDX-License-Identifier: BSD-3-Clause */
/* A unified diff of what nsctl does to a PAM service file: whole lines added or removed.
 * Pure. */
#pragma once

#include <stdio.h>

/**
 * pamdiff_print() - Show an edit with three lines around each change
 *
 * Made for texts that differ by lines of nsctl's alone; any other difference is shown as
 * the old line removed and the new one added. Nothing is printed for equal texts.
 * patch(1) takes it.
 *
 * Return: 0 or -1 (no memory).
 */
int pamdiff_print(const char *path, const char *old, const char *new, FILE *out);
