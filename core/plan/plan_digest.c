/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/plan.h"

/* FNV-1a, 64 bit: public domain, http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_START 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

static uint64_t mix_byte(uint64_t h, unsigned char c)
{
	return (h ^ c) * FNV_PRIME;
}

/* The 0 at the end is mixed in too: "ab" "c" is not "a" "bc". */
static uint64_t mix_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = mix_byte(h, (unsigned char)*s);
	return mix_byte(h, 0);
}

static uint64_t mix_number(uint64_t h, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		h = mix_byte(h, (unsigned char)(n >> (8 * i)));
	return h;
}

static uint64_t mix_map(uint64_t h, const struct idmap *m)
{
	h = mix_number(h, m->n);
	for (size_t i = 0; i < m->n; i++) {
		h = mix_number(h, m->extents[i].inside);
		h = mix_number(h, m->extents[i].outside);
		h = mix_number(h, m->extents[i].count);
	}
	return h;
}

uint64_t plan_rootfs_digest(const struct plan *p)
{
	uint64_t h = FNV_START;

	h = mix_number(h, p->n_overlays);
	for (size_t i = 0; i < p->n_overlays; i++) {
		h = mix_text(h, p->overlays[i].target);
		h = mix_text(h, p->overlays[i].lower);
		h = mix_number(h, p->overlays[i].idmap);
		h = mix_number(h, p->overlays[i].readonly);
	}
	h = mix_number(h, p->n_layers);
	for (size_t i = 0; i < p->n_layers; i++) {
		h = mix_number(h, p->layers[i].overlay);
		h = mix_number(h, p->layers[i].kind);
		h = mix_text(h, p->layers[i].path);
		h = mix_text(h, p->layers[i].target);
	}
	h = mix_number(h, p->upper);
	h = mix_map(h, &p->uids);
	return mix_map(h, &p->gids);
}

uint64_t plan_filter_digest(const struct plan_filter *f)
{
	uint64_t h = mix_number(FNV_START, f->n_rules);

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct filter_call *c = &f->rules[i].call;

		h = mix_text(h, c->name);
		h = mix_number(h, (uint64_t)c->error);
		h = mix_number(h, c->test);
		h = mix_number(h, c->arg);
		h = mix_number(h, c->value);
	}
	return h ? h : 1;
}
