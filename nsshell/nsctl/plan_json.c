/* SPDX-License-Identifier: BSD-3-Clause */
/* A plan as JSON: the names are those of struct plan. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/parse.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/*
 * Every setter takes a new value and frees it in any case; what fails is told by the one
 * result at the end.
 */
struct json_out {
	bool failed;
};

static void put(struct json_out *o, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		o->failed = true;
}

static void append(struct json_out *o, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		o->failed = true;
}

/* Paths come from the file system and may hold any byte: what isn't UTF-8 becomes '?'. */
static json_t *text(const char *s)
{
	json_t *v;
	char *copy;

	if (!s)
		return json_null();
	v = json_string(s);
	if (v)
		return v;
	copy = strdup(s);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	v = json_string(copy);
	free(copy);
	return v;
}

static json_t *number(uint64_t n)
{
	return n == PARSE_INFINITY ? json_string("infinity")
				   : json_integer((json_int_t)n);
}

static json_t *texts(struct json_out *o, const char *const *v, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		append(o, array, text(v[i]));
	return array;
}

static json_t *bits(struct json_out *o, uint64_t value, const struct plan_bit *f)
{
	json_t *array = json_array();

	for (; f->name; f++) {
		if (!(value & f->bit))
			continue;
		append(o, array, json_string(f->name));
		value &= ~f->bit;
	}
	if (value)
		append(o, array, json_sprintf("0x%llx", (unsigned long long)value));
	return array;
}

static json_t *idmap(struct json_out *o, const struct idmap *m)
{
	json_t *array = json_array();

	for (size_t i = 0; i < m->n; i++)
		append(o, array,
			json_pack("{s:I, s:I, s:I}", "inside",
				(json_int_t)m->extents[i].inside, "outside",
				(json_int_t)m->extents[i].outside, "count",
				(json_int_t)m->extents[i].count));
	return array;
}

static json_t *overlays(struct json_out *o, const struct plan *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->n_overlays; i++) {
		const struct plan_overlay *v = &p->overlays[i];
		json_t *row = json_object();

		put(o, row, "target", text(v->target));
		put(o, row, "lower", text(v->lower));
		put(o, row, "idmap", json_boolean(v->idmap));
		put(o, row, "readonly", json_boolean(v->readonly));
		put(o, row, "live", json_boolean(v->live));
		if (v->n_layers > 0)
			put(o, row, "layers", texts(o, v->layers, v->n_layers));
		put(o, row, "attr", bits(o, v->attr, plan_attrs));
		append(o, array, row);
	}
	return array;
}

static const char *const upper_names[] = {
	[UPPER_NONE] = "none",
	[UPPER_TMPFS] = "tmpfs",
	[UPPER_DISK] = "disk",
};

static json_t *layers(struct json_out *o, const struct plan *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->n_layers; i++) {
		const struct plan_layer *v = &p->layers[i];
		json_t *row = json_object();

		put(o, row, "overlay", json_integer((json_int_t)v->overlay));
		put(o, row, "kind", json_string(plan_layer_names[v->kind]));
		put(o, row, "path", text(v->path));
		if (v->target)
			put(o, row, "target", text(v->target));
		if (v->content)
			put(o, row, "content", text(v->content));
		if (v->kind == PLAN_LAYER_LINES)
			put(o, row, "mode", json_integer(v->mode));
		if (v->if_missing)
			put(o, row, "if_missing", json_true());
		append(o, array, row);
	}
	return array;
}

static json_t *op(struct json_out *o, const struct plan_op *v)
{
	json_t *row = json_object();

	put(o, row, "kind", json_string(plan_op_names[v->kind]));
	put(o, row, "target", text(v->target));
	if (v->source)
		put(o, row, "source", text(v->source));
	if (v->content)
		put(o, row, "content", text(v->content));
	if (v->attr)
		put(o, row, "attr", bits(o, v->attr, plan_attrs));
	if (v->kind == PLAN_TMPFS)
		put(o, row, "size", number(v->size));
	if (v->kind == PLAN_TMPFS || v->kind == PLAN_DEVPTS)
		put(o, row, "inodes", number(v->inodes));
	if (v->mode) {
		put(o, row, "mode", json_sprintf("%04o", v->mode));
		put(o, row, "uid", json_integer(v->uid));
		put(o, row, "gid", json_integer(v->gid));
	}
	for (const struct plan_op_flag *f = plan_op_flags; f->name; f++)
		if (f->kinds >> v->kind & 1)
			put(o, row, f->name,
				json_boolean(*((const bool *)v + f->offset)));
	return row;
}

static json_t *ops(struct json_out *o, const struct plan *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->n_ops; i++)
		append(o, array, op(o, &p->ops[i]));
	return array;
}

static json_t *settings(struct json_out *o, const struct plan_cgroup_setting *v, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();

		put(o, row, "controller", text(v[i].controller));
		put(o, row, "name", text(v[i].name));
		put(o, row, "value", text(v[i].value));
		put(o, row, "key", text(v[i].key));
		append(o, array, row);
	}
	return array;
}

static json_t *cgroup(struct json_out *o, const struct plan_cgroup *c)
{
	static const char *const kinds[] = {
		[PLAN_CGROUP_NONE] = "none",
		[PLAN_CGROUP_V1] = "v1",
		[PLAN_CGROUP_V2] = "v2",
	};
	json_t *object = json_object();

	put(o, object, "kind", json_string(kinds[c->kind]));
	put(o, object, "scope", *c->scope ? text(c->scope) : json_null());
	put(o, object, "account", text(c->account));
	put(o, object, "session", text(c->session));
	put(o, object, "manager", *c->manager ? text(c->manager) : json_null());
	put(o, object, "supervise", text(c->supervise));
	put(o, object, "controllers", texts(o, c->controllers, c->n_controllers));
	put(o, object, "slice", text(c->slice));
	put(o, object, "settings", settings(o, c->settings, c->n_settings));
	put(o, object, "slice_settings",
		settings(o, c->slice_settings, c->n_slice_settings));
	put(o, object, "session_settings",
		settings(o, c->session_settings, c->n_session_settings));
	put(o, object, "lifted", settings(o, c->lifted, c->n_lifted));
	put(o, object, "slice_lifted", settings(o, c->slice_lifted, c->n_slice_lifted));
	return object;
}

/* Those that the box doesn't have say why. */
static json_t *commands(struct json_out *o, const struct plan *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->n_commands; i++) {
		const struct command *c = &p->commands[i];
		json_t *row = json_object();

		put(o, row, "name", text(c->name));
		put(o, row, "program", text(c->program));
		put(o, row, "why", text(c->why));
		put(o, row, "arguments", texts(o, c->forms, c->n_forms));
		put(o, row, "environment", texts(o, c->env, c->n_env));
		put(o, row, "service", *c->service ? text(c->service) : json_null());
		put(o, row, "daemon", text(c->daemon));
		put(o, row, "home", json_boolean(c->home));
		put(o, row, "sends", json_boolean(c->sends));
		put(o, row, "terminal",
			json_boolean(c->terminal == COMMAND_TERMINAL_AUTO));
		put(o, row, "time_usec", number(c->time_usec));
		put(o, row, "input_max", number(c->input_max));
		put(o, row, "output_max", number(c->output_max));
		append(o, array, row);
	}
	return array;
}

static void verdict(struct json_out *o, json_t *object, const struct nsctl_verdict *v)
{
	put(o, object, "isolated", json_boolean(v->isolated));
	put(o, object, "why", json_string(v->why));
}

/* Who logs in, and what the session is called. */
static void who(struct json_out *o, json_t *object, const struct plan *p)
{
	put(o, object, "user", text(p->user));
	put(o, object, "service", text(p->service));
	put(o, object, "uid", json_integer(p->uid));
	put(o, object, "gid", json_integer(p->gid));
	put(o, object, "home", text(p->home));
	put(o, object, "shell", text(p->shell));
	put(o, object, "image", text(p->image));
	put(o, object, "said", *p->said ? text(p->said) : json_null());
	put(o, object, "hostname", text(p->hostname));
	put(o, object, "runtime_dir", text(p->runtime_dir));
	put(o, object, "ticket", text(p->ticket));
}

/* By group; what the policy added has none. */
static json_t *filter(struct json_out *o, const struct plan_filter *f)
{
	json_t *object = json_object();

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct plan_filter_rule *rule = &f->rules[i];
		json_t *calls;

		if (strcmp(rule->group, PLAN_FILTER_FAMILIES) == 0)
			continue;
		calls = json_object_get(object, rule->group);
		if (!calls) {
			put(o, object, rule->group, json_array());
			calls = json_object_get(object, rule->group);
		}
		append(o, calls, text(rule->call.name));
	}
	return object;
}

static json_t *private_network(struct json_out *o, const struct plan_network *n)
{
	json_t *object = json_object();

	put(o, object, "link", text(n->link));
	put(o, object, "number", json_integer(n->number));
	put(o, object, "address4", text(n->address4));
	put(o, object, "address6", *n->address6 ? text(n->address6) : json_null());
	put(o, object, "pool4", text(n->pool4));
	put(o, object, "pool6", *n->pool6 ? text(n->pool6) : json_null());
	put(o, object, "connections_max", json_integer(n->connections));
	put(o, object, "resolver", *n->resolver ? text(n->resolver) : json_null());
	put(o, object, "rules", text(n->rules));
	put(o, object, "table", text(n->table));
	return object;
}

static void privileges(struct json_out *o, json_t *object, const struct plan *p)
{
	json_t *groups = json_array(), *guests = json_array();

	for (size_t i = 0; i < p->n_groups; i++)
		append(o, groups, json_integer(p->groups[i]));
	put(o, object, "groups", groups);
	put(o, object, "namespaces", bits(o, p->namespaces, plan_namespaces));
	put(o, object, "network",
		text(p->network.kind == NETWORK_HOST ? "host" : p->network.text));
	if (p->network.kind != NETWORK_HOST)
		put(o, object, "network_share",
			text(p->network.share ? "account" : "login"));
	for (size_t i = 0; i < p->network.n_guests; i++)
		append(o, guests, json_integer(p->network.guests[i]));
	put(o, object, "network_guests", guests);
	if (*p->network.address4)
		put(o, object, "private_network", private_network(o, &p->network));
	put(o, object, "no_new_privs", json_boolean(p->no_new_privs));
	put(o, object, "user_manager",
		*p->user_manager ? text(p->user_manager) : json_null());
	put(o, object, "scope_sockets", json_boolean(p->scope_sockets));
	put(o, object, "keys_usable", json_boolean(p->keys_usable));
	put(o, object, "login_caps", texts(o, p->login_caps, p->n_login_caps));
	put(o, object, "init_caps", texts(o, p->init_caps, p->n_init_caps));
	put(o, object, "filter", filter(o, &p->filter));
	put(o, object, "families", text(p->families));
}

/* Print and free. Return: 0 or -1. */
static int finish(const struct json_out *o, json_t *object, FILE *out)
{
	int r = o->failed || !object ? -1 : json_dumpf(object, out, JSON_INDENT(2));

	json_decref(object);
	if (r == 0)
		(void)fputc('\n', out);
	return r;
}

int nsctl_plan_json(const struct plan *p, const struct nsctl_verdict *v, FILE *out)
{
	struct json_out o = { false };
	json_t *object = json_object();

	verdict(&o, object, v);
	who(&o, object, p);
	put(&o, object, "standin_ids", json_boolean(v->standin));
	put(&o, object, "uids", idmap(&o, &p->uids));
	put(&o, object, "gids", idmap(&o, &p->gids));
	privileges(&o, object, p);
	put(&o, object, "environment", texts(&o, p->environment, p->n_environment));
	put(&o, object, "environment_left",
		texts(&o, p->environment_left, p->n_environment_left));
	put(&o, object, "upper", json_string(upper_names[p->upper]));
	put(&o, object, "upper_size", number(p->upper_size));
	put(&o, object, "upper_on_change",
		json_string(plan_on_change_names[p->on_change]));
	put(&o, object, "overlays", overlays(&o, p));
	put(&o, object, "layers", layers(&o, p));
	put(&o, object, "ops", ops(&o, p));
	put(&o, object, "cgroup", cgroup(&o, &p->cgroup));
	put(&o, object, "commands", commands(&o, p));
	put(&o, object, "inside", texts(&o, p->inside, p->n_inside));
	put(&o, object, "share", json_string(p->share_account ? "account" : "login"));
	put(&o, object, "linger_usec", number(p->linger_usec));
	put(&o, object, "sessions_max", number(p->sessions_max));
	put(&o, object, "notes", texts(&o, p->notes, p->n_notes));
	return finish(&o, object, out);
}

int nsctl_verdict_json(
	const char *user, const char *service, const struct nsctl_verdict *v, FILE *out)
{
	struct json_out o = { false };
	json_t *object = json_object();

	verdict(&o, object, v);
	put(&o, object, "user", text(user));
	put(&o, object, "service", text(service));
	return finish(&o, object, out);
}
