/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/planner.h"

#include <string.h>

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
		h = mix_number(h, p->overlays[i].live);
		if (!(p->overlays[i].attr & MOUNT_ATTR_NOSUID))
			h = mix_number(h, p->overlays[i].attr);
		for (size_t k = 0; k < p->overlays[i].n_layers; k++)
			h = mix_text(h, p->overlays[i].layers[k]);
	}
	h = mix_number(h, p->n_layers);
	for (size_t i = 0; i < p->n_layers; i++) {
		h = mix_number(h, p->layers[i].overlay);
		h = mix_number(h, p->layers[i].kind);
		h = mix_text(h, p->layers[i].path);
		h = mix_text(h, p->layers[i].target);
		if (p->layers[i].content)
			h = mix_text(h, p->layers[i].content);
	}
	h = mix_number(h, p->upper);
	h = mix_map(h, &p->uids);
	return mix_map(h, &p->gids);
}

/* Whether an op comes of the rules, and of nothing that may be another at each login. */
static bool is_rule(const struct plan_op *op)
{
	switch (op->kind) {
	case PLAN_DIR:
	case PLAN_FILE:
	case PLAN_SYMLINK:
	case PLAN_TERMINAL:
	case PLAN_COVER:
		return false;
	case PLAN_BIND:
		return !path_in(op->source, plan_default_sockets) &&
		       !path_within(op->target, "/run/nsshell");
	default:
		return true;
	}
}

static uint64_t mix_op(uint64_t h, const struct plan_op *op)
{
	h = mix_number(h, op->kind);
	h = mix_text(h, op->source);
	h = mix_text(h, op->target);
	h = mix_text(h, op->content);
	h = mix_number(h, op->attr);
	h = mix_number(h, op->size);
	h = mix_number(h, op->inodes);
	h = mix_number(h, op->mode);
	return mix_number(h, op->recursive);
}

static uint64_t mix_command(uint64_t h, const struct command *c)
{
	if (c->why)
		return h;
	h = mix_text(h, c->name);
	h = mix_text(h, c->program);
	for (size_t i = 0; i < c->n_forms; i++)
		h = mix_text(h, c->forms[i]);
	for (size_t i = 0; i < c->n_env; i++)
		h = mix_text(h, c->env[i]);
	h = mix_number(h, c->terminal);
	h = mix_number(h, c->home);
	h = mix_number(h, c->time_usec);
	h = mix_number(h, c->input_max);
	return mix_number(h, c->output_max);
}

uint64_t plan_rules_digest(const struct plan *p)
{
	uint64_t h = plan_filter_digest(&p->filter);

	h = mix_number(h, p->n_groups);
	for (size_t i = 0; i < p->n_groups; i++)
		h = mix_number(h, p->groups[i]);
	for (size_t i = 0; i < p->n_ops; i++)
		if (is_rule(&p->ops[i]))
			h = mix_op(h, &p->ops[i]);
	if (!strstr(p->hostname, p->id)) /* %s */
		h = mix_text(h, p->hostname);
	for (size_t i = 0; i < p->n_commands; i++)
		h = mix_command(h, &p->commands[i]);
	h = mix_text(h, p->home);
	h = mix_text(h, p->user_manager);
	h = mix_number(h, p->namespaces);
	if (p->network.kind != NETWORK_HOST)
		h = mix_number(mix_text(h, p->network.text), p->network.share);
	h = mix_number(h, p->no_new_privs);
	return mix_number(h, p->scope_sockets);
}

static bool is_mounted_in_shared(const struct plan *p, const struct plan_op *op)
{
	if (op->shared || (op->kind != PLAN_BIND && op->kind != PLAN_TMPFS &&
				  op->kind != PLAN_MASK && op->kind != PLAN_SEAL))
		return false;
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].shared && path_below(op->target, p->ops[i].target))
			return true;
	return false;
}

uint64_t plan_tmp_digest(const struct plan *p)
{
	uint64_t h = FNV_START;

	if (!p->share_tmp)
		return 0;
	for (size_t i = 0; i < p->n_ops; i++)
		if (is_mounted_in_shared(p, &p->ops[i]))
			h = mix_op(h, &p->ops[i]);
	return h ? h : 1;
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
