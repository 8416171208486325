/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl enable and disable: nsshell's lines in PAM service files. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"
#include "core/base/lock.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/pamdiff.h"
#include "core/plan/pamstack.h"
#include "core/run/host/pamfile.h"

#include <string.h>
#include <unistd.h>

/* What was asked for, and what came of it so far. */
struct edit {
	const char *command;
	bool disabling;
	bool dry_run, yes, force;
	bool all; /* disable: every service that has the line */
	const char *config;
	const char *pam_dir;
	char **services;
	size_t n;
	struct strlist chosen; /* what they are where nobody named any */
	int dir, lock;
	struct pamstack_dir old, new;
	int status;
};

static void edit_clear(struct edit *x)
{
	cleanup_close(&x->dir);
	cleanup_close(&x->lock);
	pamstack_clear(&x->old);
	pamstack_clear(&x->new);
	strlist_clear(&x->chosen);
}

/* ---- before anything is edited ------------------------------------------------------ */

static void config_cleanup(struct config **c)
{
	config_free(*c);
}

static void findings_cleanup(struct findings *f)
{
	findings_clear(f);
}

/* With the line alone nobody is isolated. */
static int check_listed(
	const struct edit *x, const struct config *c, struct findings *f, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist listed = { 0 };

	if (config_services(c, &listed, e) < 0)
		return -1;
	for (size_t i = 0; i < x->n; i++)
		if (!strlist_has(&listed, x->services[i]))
			findings_add(f, FINDING_WARNING,
				"isolated accounts that log in through it",
				"add it to Services=, see nsshell.conf(5)",
				"no Services= lists %s: its logins get no box",
				x->services[i]);
	return 0;
}

/* Warn of what makes an isolated login fail, or locks the admin out. */
static int host_warnings(const struct edit *x, struct err *e)
{
	_cleanup_(findings_cleanup) struct findings f = { 0 };
	_cleanup_(config_cleanup) struct config *c = NULL;
	size_t missing;

	check_installed(&f);
	missing = findings_count(&f, FINDING_ERROR);
	if (config_load(x->config, &c, e) < 0)
		return -1;
	check_config(c, &f);
	check_break_glass(&f);
	if (check_listed(x, c, &f, e) < 0)
		return -1;
	findings_print(&f, stderr);
	if (missing > 0 && !x->force)
		return err_set(e, 0,
			"nothing was changed: without nsshell's module and programs as they should be, "
			"every login of these services could fail, root's too (--force does it anyway)");
	return 0;
}

/* Whether a directory given by --pam-dir is this host's own after all. */
static bool is_this_host(const struct edit *x)
{
	return strcmp(x->pam_dir, PATH_PAM_D) == 0;
}

static int service_name_check(const char *name, struct err *e)
{
	if (*name == '\0' || *name == '.' || strchr(name, '/') || strlen(name) > 200)
		return err_set(e, 0,
			"\"%s\" can't be a PAM service: give a name, such as sshd", name);
	return 0;
}

static bool stack_includes(
	const struct pamstack_dir *d, const char *service, const char *file)
{
	struct pamstack_flat f = { 0 };
	bool found = false;
	struct err ignored;

	if (pamstack_flatten(d, service, &f, &ignored) < 0)
		return false;
	for (size_t i = 0; i < f.n; i++)
		found = found || strcmp(f.v[i].file->name, file) == 0;
	pamstack_flat_clear(&f);
	return found;
}

/* An included service comes first, so that "su-l su" gets one line as "su su-l" does. */
static void services_sort(struct edit *x)
{
	for (size_t i = 0; i < x->n; i++) {
		for (size_t j = i + 1; j < x->n; j++) {
			char *one = x->services[i], *other = x->services[j];

			if (strcmp(one, other) == 0 ||
				!stack_includes(&x->old, one, other))
				continue;
			x->services[i] = other;
			x->services[j] = one;
		}
	}
}

/* Whether the file has a line of that role that nsctl added. */
static bool has_marked(const struct pamstack_file *file, enum pamstack_role role)
{
	for (size_t i = 0; i < file->n; i++)
		if (file->lines[i].marked && file->lines[i].role == role)
			return true;
	return false;
}

/* Every service of the config that this host has: with fewer there are ways around. */
static int services_of_config(struct edit *x, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist listed = { 0 };
	_cleanup_(config_cleanup) struct config *c = NULL;

	if (config_load(x->config, &c, e) < 0 || config_services(c, &listed, e) < 0)
		return -1;
	for (size_t i = 0; i < listed.n; i++)
		if (pamstack_find(&x->old, listed.v[i]) &&
			strlist_add(&x->chosen, listed.v[i]) < 0)
			return err_set(e, ENOMEM, "choose the services");
	if (x->chosen.n == 0)
		return err_set(
			e, 0, "%s has no service that Services= lists", x->pam_dir);
	return 0;
}

/* Every service with the line; where there is none, what a lost line has left its gates in. */
static int services_enabled(struct edit *x, struct err *e)
{
	static const enum pamstack_role roles[] = { PAMSTACK_ENTERS, PAMSTACK_GATES };

	for (size_t r = 0; r < 2 && x->chosen.n == 0; r++)
		for (size_t i = 0; i < x->old.n; i++)
			if (has_marked(&x->old.files[i], roles[r]) &&
				strlist_add(&x->chosen, x->old.files[i].name) < 0)
				return err_set(e, ENOMEM, "choose the services");
	return 0;
}

/* Nobody named any. */
static int services_choose(struct edit *x, struct err *e)
{
	if ((x->disabling ? services_enabled(x, e) : services_of_config(x, e)) < 0)
		return -1;
	x->services = x->chosen.v;
	x->n = x->chosen.n;
	(void)printf("PAM services to %s:", x->disabling ? "disable" : "enable");
	for (size_t i = 0; i < x->n; i++)
		(void)printf(" %s", x->services[i]);
	(void)printf("%s\n", x->n == 0 ? " none" : "");
	return 0;
}

/* ---- editing the copy --------------------------------------------------------------- */

static void result_say(
	struct edit *x, const char *service, enum pamstack_result r, const char *by)
{
	if (by && x->disabling) {
		(void)fprintf(stderr,
			"%s: %s is still enabled: it includes %s, which has the line (\"nsctl disable "
			"%s\")\n",
			x->command, service, by, by);
		x->status = NSCTL_FAILED;
	} else if (by) {
		(void)printf(
			"%s: enabled through %s, which it includes; one line is enough\n",
			service, by);
	} else if (r == PAMSTACK_UNCHANGED) {
		(void)printf("%s: %s\n", service,
			x->disabling ? "isn't enabled, nothing to do"
				     : "is enabled already, nothing to do");
	}
}

static int edit_all(struct edit *x, struct err *e)
{
	for (size_t i = 0; i < x->n; i++) {
		enum pamstack_result result;
		const char *by = NULL;
		int r = x->disabling ? pamstack_disable(
					       &x->new, x->services[i], &result, &by, e)
				     : pamstack_enable(
					       &x->new, x->services[i], &result, &by, e);

		if (r < 0)
			return err_wrap(e, "nothing was changed: %s", x->services[i]);
		result_say(x, x->services[i], result, by);
	}
	return 0;
}

static bool is_changed(const struct edit *x, size_t i)
{
	return strcmp(x->old.files[i].text, x->new.files[i].text) != 0;
}

static bool is_asked_for(const struct edit *x, size_t i)
{
	for (size_t k = 0; k < x->n; k++)
		if (strcmp(x->services[k], x->old.files[i].name) == 0)
			return true;
	return false;
}

static int diff_show(const struct edit *x, size_t *changes, struct err *e)
{
	*changes = 0;
	for (size_t i = 0; i < x->old.n; i++) {
		const struct pamstack_file *old = &x->old.files[i];

		if (!is_changed(x, i))
			continue;
		(*changes)++;
		if (pamdiff_print(old->path, old->text, x->new.files[i].text, stdout) < 0)
			return err_set(e, ENOMEM, "show the change of %s", old->path);
	}
	return 0;
}

/* On a terminal the diff is shown before it is written. */
static bool is_wanted(const struct edit *x)
{
	char line[16];

	if (x->yes || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return true;
	(void)printf("Write this? [Y/n] ");
	(void)fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	return line[0] == '\n' || line[0] == 'y' || line[0] == 'Y';
}

/* ---- writing ------------------------------------------------------------------------ */

/* Put back what was written before a failure: files [0, end) of this pass. */
static void roll_back(const struct edit *x, const bool *written)
{
	for (size_t i = 0; i < x->old.n; i++) {
		struct err e;

		if (written[i] &&
			pamfile_replace(x->dir, x->old.files[i].name,
				x->new.files[i].text, x->old.files[i].text, &e) < 0)
			(void)fprintf(stderr, "%s: %s could not be put back: %s\n",
				x->command, x->old.files[i].path, e.msg);
	}
}

/*
 * A service's own line must never be there without its gates: they are written first, and
 * removed last.
 */
static int write_all(const struct edit *x, struct err *e)
{
	_cleanup_free_ bool *written = calloc(x->old.n + 1, sizeof(*written));

	if (!written)
		return err_set(e, ENOMEM, "write the changes");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < x->old.n; i++) {
			bool now = is_asked_for(x, i) == ((pass == 0) == x->disabling);

			if (!is_changed(x, i) || !now)
				continue;
			if (pamfile_replace(x->dir, x->old.files[i].name,
				    x->old.files[i].text, x->new.files[i].text, e) < 0) {
				roll_back(x, written);
				return err_wrap(e, "nothing was changed");
			}
			written[i] = true;
		}
	}
	return 0;
}

/*
 * Two nsctl mustn't mix. Who isn't root edits an image of their own. The way out is there where no lock can be made, too:
 * what somebody else changes meanwhile isn't overwritten, pamfile_replace().
 */
static int lock(struct edit *x, struct err *e)
{
	int r = !x->dry_run && geteuid() == 0
			? lock_state("enable.lock", LOCK_PATIENCE_MS, &x->lock, e)
			: 0;

	if (r > 0)
		return err_wrap(e, "wait for another nsctl to be done");
	if (r < 0 && x->disabling)
		(void)fprintf(stderr, "%s: without a lock against another nsctl: %s\n",
			x->command, e->msg);
	return x->disabling ? 0 : r;
}

static int dir_read(struct edit *x, struct err *e)
{
	_cleanup_close_ int vendor = -EBADF;
	struct err ignored;

	if (lock(x, e) < 0)
		return -1;
	x->dir = pamfile_open_dir(x->pam_dir, e);
	if (x->dir < 0 || pamfile_read_dir(x->dir, x->pam_dir, false, &x->old, e) < 0)
		return -1;
	if (!is_this_host(x))
		goto copy;
	vendor = pamfile_open_dir(PAMFILE_VENDOR_DIR, &ignored);
	if (vendor >= 0 &&
		pamfile_read_dir(vendor, PAMFILE_VENDOR_DIR, true, &x->old, e) < 0)
		return -1;
copy:
	return pamstack_copy(&x->old, &x->new) < 0
		       ? err_set(e, ENOMEM, "read the PAM services")
		       : 0;
}

static int edit_run(struct edit *x, struct err *e)
{
	size_t changes;

	for (size_t i = 0; i < x->n; i++)
		if (service_name_check(x->services[i], e) < 0)
			return -1;
	if (is_this_host(x) && !x->dry_run && geteuid() != 0)
		return err_set(e, 0, "%s is root's: run it as root, or with --dry-run",
			x->pam_dir);
	if (dir_read(x, e) < 0 || (x->n == 0 && services_choose(x, e) < 0))
		return -1;
	if (!x->disabling && is_this_host(x) && host_warnings(x, e) < 0)
		return -1;
	services_sort(x);
	if (edit_all(x, e) < 0 || diff_show(x, &changes, e) < 0)
		return -1;
	if (changes == 0)
		return 0;
	if (x->dry_run) {
		(void)printf("Nothing was changed (--dry-run).\n");
		return 0;
	}
	if (!is_wanted(x))
		return err_set(e, 0, "nothing was changed");
	if (write_all(x, e) < 0)
		return -1;
	if (x->disabling)
		(void)printf(
			"Done: new logins through these services aren't isolated any more; running "
			"sessions stay.\n");
	else
		(void)printf(
			"Done: new logins of isolated accounts through these services land in a box; those "
			"that run stay as they are.\nKeep this terminal open until a login has worked "
			"in a second one.\n");
	return 0;
}

static int edit_main(int argc, char **argv, bool disabling)
{
	_cleanup_(edit_clear) struct edit x = { .command = argv[0],
		.disabling = disabling,
		.pam_dir = PATH_PAM_D,
		.dir = -EBADF,
		.lock = -EBADF };
	const struct nsctl_option options[] = {
		{ 'n', "dry-run", NULL, "show the change, make none", &x.dry_run, NULL },
		{ 'y', "yes", NULL, "don't ask on a terminal", &x.yes, NULL },
		{ 0, "pam-dir", "DIR",
			"edit the services of this directory (image builds)", NULL,
			&x.pam_dir },
		{ disabling ? 'a' : 'f', disabling ? "all" : "force", NULL,
			disabling ? "every service that is enabled"
				  : "also where helper or module are missing",
			disabling ? &x.all : &x.force, NULL },
		/* Only enable looks at the host. */
		{ 'c', disabling ? NULL : "config", "FILE", "read this nsshell.conf",
			NULL, &x.config },
		{ 0 },
	};
	int first, r = nsctl_options(options,
			   disabling ? "SERVICE...|--all" : "[SERVICE...]", argc, argv,
			   &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (disabling && (first == argc) != x.all)
		return nsctl_usage(argv[0], "takes PAM services, such as sshd, or --all");
	x.services = argv + first;
	x.n = (size_t)(argc - first);
	if (edit_run(&x, &e) < 0) {
		(void)fflush(stdout);
		return nsctl_failed(argv[0], &e);
	}
	return nsctl_flush(argv[0], x.status);
}

int nsctl_enable(int argc, char **argv)
{
	return edit_main(argc, argv, false);
}

int nsctl_disable(int argc, char **argv)
{
	return edit_main(argc, argv, true);
}
