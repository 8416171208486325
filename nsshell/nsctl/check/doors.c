/* SPDX-License-Identifier: BSD-3-Clause */
/* PAM services through which an account comes in, and that have no line of nsshell's. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"

#include <fnmatch.h>
#include <string.h>

#define ENABLE_IT "\"nsctl enable\" it; Services= has to list it, too"

/* What is known of a service; man/pam_nsshell.8 has the same as a table. */
struct way {
	const char *name; /* a pattern, as fnmatch(3) has it */
	enum finding_severity severity;
	const char *todo; /* NULL: nobody runs programs through it, so it is left out */
};

static const struct way ways[] = {
	{ "sshd", FINDING_WARNING, ENABLE_IT },
	{ "login", FINDING_WARNING, ENABLE_IT },
	{ "su", FINDING_WARNING, ENABLE_IT },
	{ "su-l", FINDING_WARNING, ENABLE_IT },
	{ "cron", FINDING_WARNING, ENABLE_IT },
	{ "crond", FINDING_WARNING, ENABLE_IT },
	{ "atd", FINDING_WARNING, ENABLE_IT },
	/* Only whom root or sudoers(5) lets come in through these. */
	{ "runuser", FINDING_NOTE, ENABLE_IT },
	{ "runuser-l", FINDING_NOTE, ENABLE_IT },
	{ "sudo", FINDING_NOTE, ENABLE_IT },
	{ "sudo-i", FINDING_NOTE, ENABLE_IT },
	{ "polkit-1", FINDING_NOTE,
		"nothing, as long as polkit's rules let nobody pkexec as them; it executes without a "
		"fork, so don't enable it" },
	{ "cockpit", FINDING_WARNING,
		"\"nsctl enable\" it, with its name in Services=: it can't work in a box, so isolated "
		"accounts are refused there, and nobody else" },
	{ "xrdp-sesman", FINDING_WARNING,
		"\"nsctl enable\" it, with its name in Services=, and BindPaths=/run/xrdp/sockdir, or keep "
		"these accounts out of its TerminalServerUsers" },
	{ "vsftpd", FINDING_WARNING,
		"keep these accounts out of it: sftp lands in a box" },
	{ "proftpd", FINDING_WARNING,
		"keep these accounts out of it: sftp lands in a box" },
	{ "gdm-*", FINDING_WARNING,
		"keep these accounts out of it: it hasn't been tried" },
	{ "lightdm*", FINDING_WARNING,
		"keep these accounts out of it: it hasn't been tried" },
	{ "sddm*", FINDING_WARNING,
		"keep these accounts out of it: it hasn't been tried" },
	{ "systemd-user", FINDING_NOTE,
		NULL }, /* the gate above pam_systemd sees to it */
	{ "elogind-user", FINDING_NOTE, NULL }, /* likewise */
	{ "other", FINDING_NOTE, NULL },
	{ "*-auth", FINDING_NOTE, NULL }, /* fragments of Fedora's */
	{ "common-*", FINDING_NOTE, NULL },
	{ "ch[fs]*", FINDING_NOTE, NULL },
	{ "*passwd", FINDING_NOTE, NULL },
	{ "newusers", FINDING_NOTE, NULL },
	{ "ppp", FINDING_NOTE, NULL },
	{ "nsshell-session", FINDING_NOTE, NULL },
	{ "nsshell-login", FINDING_NOTE, NULL },
	{ "samba", FINDING_NOTE, NULL },
	{ "cups*", FINDING_NOTE, NULL },
	{ "*", FINDING_NOTE,
		"\"nsctl enable\" it if it forks before it runs programs, see pam_nsshell(8), or keep "
		"these accounts out of it" },
};

static const struct way *way_of(const char *service)
{
	const struct way *w = ways;

	while (fnmatch(w->name, service, 0) != 0)
		w++;
	return w;
}

/* A file that others include and that nobody calls a service. */
static bool is_fragment(const struct pamstack_dir *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->files[i].n; k++) {
			const struct pamstack_line *line = &d->files[i].lines[k];

			if ((line->kind == PAMSTACK_INCLUDE ||
				    line->kind == PAMSTACK_SUBSTACK) &&
				strcmp(line->target, name) == 0)
				return true;
		}
	return false;
}

static void flat_cleanup(struct pamstack_flat *f)
{
	pamstack_flat_clear(f);
}

/* Whether it opens sessions, and none of them in a box. */
static bool is_outside(const struct pamstack_dir *d, const char *service)
{
	_cleanup_(flat_cleanup) struct pamstack_flat flat = { 0 };
	struct err ignored;

	/* A stack that isn't understood is told elsewhere. */
	return pamstack_flatten(d, service, &flat, &ignored) == 0 && flat.n > 0 &&
	       pamstack_next(&flat, 0, PAMSTACK_ENTERS) == flat.n;
}

/* "alice", "alice and bob", "alice, bob and 3 more" */
static void names_print(const struct strlist *names, char *to, size_t size)
{
	if (names->n == 1)
		(void)snprintf(to, size, "%.100s", names->v[0]);
	else if (names->n == 2)
		(void)snprintf(to, size, "%.100s and %.100s", names->v[0], names->v[1]);
	else
		(void)snprintf(to, size, "%.100s, %.100s and %zu more", names->v[0],
			names->v[1], names->n - 2);
}

void check_doors(
	const struct pamstack_dir *d, const struct strlist *isolated, struct findings *f)
{
	char whom[300];

	if (isolated->n == 0)
		return;
	names_print(isolated, whom, sizeof(whom));
	for (size_t i = 0; i < d->n; i++) {
		const struct pamstack_file *file = &d->files[i];
		const struct way *w = way_of(file->name);
		bool known = strcmp(w->name, "*") != 0;

		if (!w->todo || pamstack_find(d, file->name) != file ||
			(!known && is_fragment(d, file->name)) ||
			!is_outside(d, file->name))
			continue;
		findings_add(f, w->severity, whom, w->todo,
			"%s: who comes in through %s has no box", file->path, file->name);
	}
}
