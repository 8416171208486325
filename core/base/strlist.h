/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of owned strings. Start it as { 0 }. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **v;
	size_t n;
};

/* Append a copy. Return: 0 or -1 (no memory, the list unchanged). */
int strlist_add(struct strlist *l, const char *s);
/* Append the copy of the first @len bytes of @s. */
int strlist_add_n(struct strlist *l, const char *s, size_t len);
/* Append the words of @s that blanks separate. */
int strlist_add_words(struct strlist *l, const char *s);
bool strlist_has(const struct strlist *l, const char *s);
/* Free all; the list is empty and usable afterwards. */
void strlist_clear(struct strlist *l);
