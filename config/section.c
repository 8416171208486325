/* SPDX-License-Identifier: BSD-3-Clause */
/* Sections, found by their titles. */
#include "config/internal.h"

#include <string.h>

enum config_kind config_title_parse(const char *title, const char **ret_name)
{
	static const struct {
		const char *word;
		enum config_kind kind;
		const char *not_in_name;
	} kinds[] = {
		{ "Group ", CONFIG_GROUP, "[]#:/\"" },
		{ "User ", CONFIG_USER, "[]#:/\" \t" },
		{ "Slice ", CONFIG_SLICE, "[]#:/\" \t" },
	};

	*ret_name = "";
	if (!strcmp(title, "Default"))
		return CONFIG_DEFAULT;
	if (!strcmp(title, "Network"))
		return CONFIG_NETWORK;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i].word);

		if (strncmp(title, kinds[i].word, len) != 0)
			continue;
		if (!title[len] || strpbrk(title + len, kinds[i].not_in_name))
			return CONFIG_UNKNOWN;
		*ret_name = title + len;
		return kinds[i].kind;
	}
	return CONFIG_UNKNOWN;
}

/* FNV-1a */
static size_t title_bucket(const char *title)
{
	uint32_t h = 2166136261U;

	for (; *title; title++)
		h = (h ^ (unsigned char)*title) * 16777619U;
	return h % CONFIG_BUCKETS;
}

struct config_section *config_section_enter(
	struct config *c, const char *path, const char *title)
{
	size_t bucket = title_bucket(title);
	struct config_section *s, *same = c->buckets[bucket];

	while (same && strcmp(same->title, title) != 0)
		same = same->same_hash;
	if (same && !strcmp(same->file, path))
		return same;
	s = arena_alloc(&c->arena, sizeof(*s));
	if (!s)
		return NULL;
	s->file = path;
	s->title = arena_strdup(&c->arena, title);
	if (!s->title)
		return NULL;
	s->kind = config_title_parse(s->title, &s->name);
	s->entries_end = &s->entries;
	s->first = !same;
	if (same)
		same->same = s;
	s->same_hash = c->buckets[bucket];
	c->buckets[bucket] = s;
	*c->sections_end = s;
	c->sections_end = &s->next;
	return s;
}
