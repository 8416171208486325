/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl check: everything that is wrong, at once. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/check/check_internal.h"
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/run/host/pamfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void findings_cleanup(struct findings *f)
{
	findings_clear(f);
}

static void dir_of_files_cleanup(struct pamstack_dir *d)
{
	pamstack_clear(d);
}

static void config_cleanup(struct config **c)
{
	config_free(*c);
}

/* The problem as config_problem_print() says it. NULL: no memory. */
static char *problem_text(const struct config_problem *p)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	config_problem_print(p, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	text[strcspn(text, "\n")] = '\0';
	return text;
}

void check_config(const struct config *c, struct findings *f)
{
	const struct config_problem *p;
	size_t n = config_problems(c, &p);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = problem_text(&p[i]);
		char whom[256] =
			"every account that isn't exempt: isolated logins are refused";

		if (p[i].section && strcmp(p[i].section, "Default") != 0)
			(void)snprintf(whom, sizeof(whom),
				"accounts of [%s]: their isolated logins are refused",
				p[i].section);
		if (text)
			findings_add(f, FINDING_ERROR, whom,
				p[i].line ? "correct this line, see nsshell.conf(5)"
					  : "correct this, see nsshell.conf(5)",
				"%s", text);
		else
			f->no_memory = true;
	}
}

/* @accounts: and what isolated accounts have besides. */
static int look_at_pam(const char *path, const struct config *c, bool accounts,
	struct findings *f, struct err *e)
{
	_cleanup_(dir_of_files_cleanup) struct pamstack_dir d = { 0 };
	_cleanup_(strlist_clear) struct strlist services = { 0 };
	_cleanup_close_ int dir = pamfile_open_dir(path, e);
	_cleanup_close_ int vendor = -EBADF;
	struct err ignored;

	if (dir < 0 || pamfile_read_dir(dir, path, false, &d, e) < 0)
		return -1;
	vendor = pamfile_open_dir(PAMFILE_VENDOR_DIR, &ignored);
	if (vendor >= 0 && pamfile_read_dir(vendor, PAMFILE_VENDOR_DIR, true, &d, e) < 0)
		return -1;
	if (config_services(c, &services, e) < 0)
		return -1;
	check_pam(&d, &services, f);
	return accounts ? check_accounts(c, &d, f, e) : check_services(c, &d, f, e);
}

static int look_at_all(const char *config, const char *pam_dir, bool pam_only,
	struct findings *f, struct err *e)
{
	_cleanup_(config_cleanup) struct config *c = NULL;

	if (config_load(config, &c, e) < 0)
		return -1;
	if (pam_only)
		return look_at_pam(pam_dir, c, false, f, e);
	check_config(c, f);
	if (access(config ? config : PATH_CONF, F_OK) < 0 && !config_isolates(c))
		findings_add(f, FINDING_NOTE,
			"nobody: without a config no account is isolated",
			"write it, see nsshell.conf(5)", "%s isn't there",
			config ? config : PATH_CONF);
	check_dropins(config, f);
	check_kernel(f);
	check_installed(f);
	check_network(c, f);
	check_break_glass(f);
	check_state(f);
	check_host(config, f);
	check_commands(config, f);
	check_gone(f);
	check_ledgers(f);
	if (geteuid() != 0)
		findings_add(f, FINDING_NOTE, "isolated accounts", "run it as root",
			"homes and the spools of cron and at weren't looked at: that is root's");
	return look_at_pam(pam_dir, c, true, f, e);
}

static int exit_status(const struct findings *f)
{
	switch (findings_worst(f)) {
	case FINDING_ERROR:
		return NSCTL_FAILED;
	case FINDING_WARNING:
		return NSCTL_WARNINGS;
	case FINDING_NOTE:
		break;
	}
	return NSCTL_OK;
}

static void count_print(const struct findings *f, enum finding_severity severity,
	const char *name, const char *after)
{
	size_t n = findings_count(f, severity);

	(void)printf("%zu %s%s%s", n, name, n == 1 ? "" : "s", after);
}

int nsctl_check(int argc, char **argv)
{
	_cleanup_(findings_cleanup) struct findings f = { 0 };
	const char *config = NULL, *pam_dir = PATH_PAM_D;
	bool json = false, brief = false, pam_only = false;
	const struct nsctl_option options[] = {
		{ 'c', "config", "FILE", "read this nsshell.conf", NULL, &config },
		{ 0, "pam-dir", "DIR", "look at the services of this directory", NULL,
			&pam_dir },
		{ 'p', "pam", NULL, "the PAM services alone", &pam_only, NULL },
		{ 'b', "brief", NULL, "one line a finding, and nothing else", &brief,
			NULL },
		{ 'J', "json", NULL, "one JSON object", &json, NULL },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (json && brief)
		return nsctl_usage(argv[0], "takes --json or --brief, not both");
	if (look_at_all(config, pam_dir, pam_only, &f, &e) < 0)
		return nsctl_failed(argv[0], &e);
	if (f.no_memory || (json && findings_json(&f, stdout) < 0)) {
		(void)err_set(&e, ENOMEM, "gather the findings");
		return nsctl_failed(argv[0], &e);
	}
	if (brief) {
		findings_brief(&f, stdout);
	} else if (!json) {
		findings_print(&f, stdout);
		count_print(&f, FINDING_ERROR, "error", ", ");
		count_print(&f, FINDING_WARNING, "warning", ", ");
		count_print(&f, FINDING_NOTE, "note", "\n");
	}
	return nsctl_flush(argv[0], exit_status(&f));
}
