/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of owned strings. Start it as { 0 }. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **v; /* n strings; the array's room is the power of two that holds them */
	size_t n;
};

/* Append a copy. Return: 0 or -1 (no memory, the list unchanged). */
int strlist_add(struct strlist *l, const char *s);

/* Append the copy of the first @len bytes of @s, or of all of it where it is shorter. */
int strlist_add_n(struct strlist *l, const char *s, size_t len);

/* Append the words of @s that blanks separate: all of them, or none and -1 (no memory).
 */
int strlist_add_words(struct strlist *l, const char *s);

/* The lines of @text that aren't empty; @text is taken apart. Return: 0, or -1 without memory. */
int strlist_add_lines(struct strlist *l, char *text);

/* Whether a string is in the list, byte by byte. */
bool strlist_has(const struct strlist *l, const char *s);

/* Free all; the list is empty and usable afterwards. */
void strlist_clear(struct strlist *l);
