/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan in words. Stable: golden files are compared with it byte by byte. */
#include "core/plan/planner.h"

#include <string.h>

/* "512M", "64K", "1000": the largest unit that says it exactly. */
static void print_size(uint64_t n, FILE *out)
{
	static const char units[] = "KMGT";
	int unit = -1;

	while (n >= 1024 && n % 1024 == 0 && unit < 3) {
		n /= 1024;
		unit++;
	}
	fprintf(out, "%llu", (unsigned long long)n);
	if (unit >= 0)
		fputc(units[unit], out);
}

/* The words of those that are set, after @before and @between. */
static void print_bits(const struct plan_bit *all, uint64_t bits, const char *before,
	const char *between, FILE *out)
{
	for (; all->name; all++) {
		if (!(bits & all->bit))
			continue;
		fprintf(out, "%s%s", before, all->word);
		before = between;
	}
}

static void print_attr(uint64_t attr, FILE *out)
{
	print_bits(plan_attrs, attr, " ", ",", out);
}

static void print_list(const char *label, const char *const *list, size_t n, FILE *out)
{
	fprintf(out, "  %-12s", label);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "", list[i]);
	fputs(n ? "\n" : "none\n", out);
}

static void print_linger(const struct plan *p, FILE *out)
{
	if (p->linger_usec == 0)
		fputs("  ends        with the login\n", out);
	else if (p->linger_usec == PARSE_INFINITY)
		fputs("  ends        with its last process\n", out);
	else
		fprintf(out,
			"  ends        with its last process, at most %llu s after the login is over\n",
			(unsigned long long)(p->linger_usec / 1000000));
}

static void print_head(const struct plan *p, FILE *out)
{
	fprintf(out, "session %s\n", p->id);
	fprintf(out, "  account     %s (uid %u, gid %u)\n", p->user, p->uid, p->gid);
	fprintf(out, "  login       %s%s%s\n", p->service, p->rhost[0] ? " from " : "",
		p->rhost);
	fprintf(out, "  terminal    %s\n", p->tty[0] ? p->tty : "none");
	if (p->ticket[0])
		fprintf(out, "  ticket      %s\n", p->ticket);
	fprintf(out, "  home        %s\n", p->home);
	fprintf(out, "  shell       %s\n", p->shell);
	if (*p->image)
		fprintf(out, "  image       %s\n", p->image);
	if (*p->said)
		fprintf(out, "  the user is told: %s\n", p->said);
	fprintf(out, "  hostname    %s\n", p->hostname);
	fprintf(out, "  runtime     %s\n", p->runtime_dir);
	fprintf(out, "  shared      %s\n",
		p->share_account ? "with the account's other logins" : "no");
	print_linger(p, out);
	if (p->sessions_max != PARSE_INFINITY)
		fprintf(out, "  sessions    at most %llu of the account at once\n",
			(unsigned long long)p->sessions_max);
	fputs("  groups      ", out);
	for (size_t i = 0; i < p->n_groups; i++)
		fprintf(out, "%s%u", i ? " " : "", p->groups[i]);
	fputc('\n', out);
}

static void print_map(const char *what, const struct idmap *m, FILE *out)
{
	fprintf(out, "\n%s ids: inside, on the host, how many\n", what);
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extents[i];

		fprintf(out, "  %10u %10u %10u%s\n", x->inside, x->outside, x->count,
			x->inside == x->outside ? "  kept" : "");
	}
}

static void print_privileges(const struct plan *p, FILE *out)
{
	fputs("\nprivileges\n  namespaces", out);
	print_bits(plan_namespaces, p->namespaces, "  ", " ", out);
	fputc('\n', out);
	print_list("login keeps", p->login_caps, p->n_login_caps, out);
	print_list("init keeps", p->init_caps, p->n_init_caps, out);
	fprintf(out, "  setuid      %s\n",
		p->no_new_privs ? "without effect (no_new_privs)" : "works inside");
	fprintf(out, "  abstract    %s\n",
		p->scope_sockets ? "sockets of the login's own"
				 : "sockets shared with the host");
	if (p->network.kind != NETWORK_HOST)
		fprintf(out, "  network     %s%s\n", p->network.text,
			p->network.kind == NETWORK_NETNS ? ", made by the admin"
			: p->network.kind == NETWORK_USER
				? ", while that account has a session"
			: p->network.share ? ", one for the account's sessions"
					   : ", the session's own");
	if (p->keys_usable)
		fputs("  keys        may be used; the account's user keyring outside is closed "
		      "to what is inside\n",
			out);
	if (*p->user_manager)
		fprintf(out, "  manager     %s --user\n", p->user_manager);
}

/* The lines of a file, each on one of its own. */
static void print_content(const char *s, FILE *out)
{
	while (*s) {
		size_t len = strcspn(s, "\n");

		fprintf(out, "                | %.*s\n", (int)len, s);
		s += len + (s[len] == '\n');
	}
}

static void print_layer(const struct plan *p, const struct plan_layer *l, FILE *out)
{
	bool link = l->kind == PLAN_LAYER_SYMLINK || l->kind == PLAN_LAYER_SHELL ||
		    l->kind == PLAN_LAYER_COMMAND;

	fprintf(out, "  %-11s %s%s%s%s (in %s)\n", plan_layer_names[l->kind], l->path,
		link ? " -> " : "", link ? l->target : "",
		l->if_missing ? " if-missing" : "", p->overlays[l->overlay].target);
	if (l->content)
		print_content(l->content, out);
}

static void print_rootfs(const struct plan *p, FILE *out)
{
	fprintf(out, "\nrootfs: %s",
		p->upper == UPPER_DISK    ? "upper on disk"
		: p->upper == UPPER_TMPFS ? "upper on tmpfs"
					  : "read-only");
	if (p->upper != UPPER_NONE && p->upper_size != PARSE_INFINITY) {
		fputs(", at most ", out);
		print_size(p->upper_size, out);
		fprintf(out, ", inodes=%llu", (unsigned long long)p->upper_inodes);
	}
	if (p->upper == UPPER_DISK)
		fprintf(out, ", on a change below: %s",
			plan_on_change_names[p->on_change]);
	fputc('\n', out);
	for (size_t i = 0; i < p->n_overlays; i++) {
		const struct plan_overlay *o = &p->overlays[i];

		fprintf(out, "  %-11s %s %s %s%s, %s%s,", o->live ? "live" : "overlay",
			o->target, o->live ? "is" : "over",
			*p->image ? "the image in " : "the host's ", o->lower,
			o->idmap ? "idmapped" : "plain",
			o->readonly && !o->live ? ", no upper" : "");
		print_attr(o->attr, out);
		fputc('\n', out);
		for (size_t k = 0; k < o->n_layers; k++)
			fprintf(out, "                | %s\n", o->layers[k]);
	}
	for (size_t i = 0; i < p->n_layers; i++)
		print_layer(p, &p->layers[i], out);
}

static void print_owner(const struct plan_op *op, FILE *out)
{
	fprintf(out, " mode=%04o", op->mode);
	if (op->uid != 0 || op->gid != 0)
		fprintf(out, " owner=%u:%u", op->uid, op->gid);
}

static void print_op(const struct plan_op *op, FILE *out)
{
	fprintf(out, "  %-11s %s", plan_op_names[op->kind], op->target);
	if (op->kind == PLAN_SYMLINK)
		fprintf(out, " -> %s", op->source);
	else if (op->source && strcmp(op->source, op->target) != 0)
		fprintf(out, " from %s", op->source);
	if (op->kind == PLAN_TMPFS) {
		fputs(" size=", out);
		if (op->size)
			print_size(op->size, out);
		else
			fputs("unlimited", out);
	}
	if (op->inodes)
		fprintf(out, " %s=%llu", op->kind == PLAN_DEVPTS ? "ptys" : "inodes",
			(unsigned long long)op->inodes);
	if (op->mode)
		print_owner(op, out);
	print_attr(op->attr, out);
	for (const struct plan_op_flag *f = plan_op_flags; f->name; f++)
		if (*((const bool *)op + f->offset))
			fputs(f->word, out);
	fputc('\n', out);
	if (op->content)
		print_content(op->content, out);
}

static void print_ops(const struct plan *p, FILE *out)
{
	bool init = false;

	fputs("\nmounts, staged by the host\n", out);
	for (size_t i = 0; i < p->n_ops; i++) {
		if (!init && p->ops[i].kind >= PLAN_PROC) {
			fputs("\nmounts, by the session's init\n", out);
			init = true;
		}
		print_op(&p->ops[i], out);
	}
}

static void print_settings(
	const char *what, const struct plan_cgroup_setting *v, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "  %-11s %s = %s (%s=)\n", what, v[i].name, v[i].value,
			v[i].key);
}

static void print_cgroup(const struct plan_cgroup *c, FILE *out)
{
	if (c->kind == PLAN_CGROUP_NONE) {
		fputs("\ncgroup: none\n", out);
		return;
	}
	fprintf(out, "\ncgroup: version %d\n", c->kind == PLAN_CGROUP_V2 ? 2 : 1);
	if (*c->slice)
		fprintf(out, "  slice       %s\n", c->slice);
	if (c->systemd)
		fprintf(out, "  scope       %s (made by systemd, limits as properties)\n",
			c->scope);
	fprintf(out, "  account     %s\n", c->account);
	fprintf(out, "  session     %s\n", c->session);
	if (*c->manager)
		fprintf(out, "  manager     %s (owner=%u:%u)\n", c->manager,
			c->manager_uid, c->manager_gid);
	fprintf(out, "  supervise   %s\n", c->supervise);
	print_list("controllers", c->controllers, c->n_controllers, out);
	print_settings("slice limit", c->slice_settings, c->n_slice_settings, out);
	print_settings("limit", c->settings, c->n_settings, out);
	print_settings("for each", c->session_settings, c->n_session_settings, out);
	print_settings("slice lift", c->slice_lifted, c->n_slice_lifted, out);
	print_settings("lift", c->lifted, c->n_lifted, out);
}

void plan_print(const struct plan *p, FILE *out)
{
	print_head(p, out);
	print_map("user", &p->uids, out);
	print_map("group", &p->gids, out);
	print_privileges(p, out);
	plan_filter_print(&p->filter, out);
	if (p->families)
		fprintf(out, "\nfamilies of sockets: %s\n", p->families);
	plan_network_print(&p->network, out);
	plan_environment_print(p, out);
	print_rootfs(p, out);
	print_ops(p, out);
	print_cgroup(&p->cgroup, out);
	plan_commands_print(p, out);
	plan_inside_print(p, out);
	if (p->n_notes > 0)
		fputs("\nnotes\n", out);
	for (size_t i = 0; i < p->n_notes; i++)
		fprintf(out, "  %s\n", p->notes[i]);
}
