/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl status: one session in full. */
#include "nsshell/nsctl/status.h"
#include "nsshell/nsctl/nsctl.h"

#include "core/base/cleanup.h"
#include "core/run/enter/inside.h"

#include <locale.h>

static int show_json(struct status *all, size_t n, struct err *e)
{
	_cleanup_free_ const struct status **list =
		calloc(n + 1, sizeof(struct status *));

	if (!list)
		return err_set(e, ENOMEM, "make the JSON");
	for (size_t i = 0; i < n; i++)
		list[i] = &all[i];
	return status_json(list, n, stdout, e);
}

static int show_words(struct status *all, size_t n, bool mounts, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)putchar('\n');
		if (status_print(&all[i], mounts, e) < 0)
			return -1;
	}
	return 0;
}

static int status(char *const *words, size_t n_words, bool json, bool mounts,
	const char *config, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	_cleanup_free_ struct status *all = NULL;
	size_t n, done = 0;
	int r = 0;

	if (nsctl_targets(NSCTL_OWN, words, n_words, &sessions, &n, e) < 0)
		return -1;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "look at the sessions");
	nsctl_network_look(sessions, n);
	for (size_t i = 0; i < n; i++)
		nsctl_outdated_look(&sessions[i], config);
	for (; r == 0 && done < n; done++)
		r = status_gather(&sessions[done], &all[done], e);
	if (r == 0)
		r = json ? show_json(all, n, e) : show_words(all, n, mounts, e);
	for (size_t i = 0; i < done; i++)
		status_clear(&all[i]);
	return r;
}

int nsctl_status(int argc, char **argv)
{
	const char *config = NULL;
	bool json = false, mounts = false;
	const struct nsctl_option options[] = {
		{ 'J', "json", NULL, "JSON; sizes in bytes", &json, NULL },
		{ 'm', "mounts", NULL, "show the session's mounts, too", &mounts, NULL },
		{ 'c', "config", "FILE", "what logins read", NULL, &config },
		{ 0 },
	};
	int first, r = nsctl_options(options, "USER|SESSION...", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (inside_session() && first == argc) {
		if (json || mounts || config)
			return nsctl_usage(argv[0], "takes no options inside a session");
		status_inside();
		return nsctl_flush(argv[0], NSCTL_OK);
	}
	if (first == argc)
		return nsctl_usage(argv[0],
			"which sessions? expected USER or SESSION (`nsctl list` shows all)");
	/* For the lines of the tree; who lives in a box writes ASCII here at most. */
	(void)setlocale(LC_CTYPE, "");
	if (status(argv + first, (size_t)(argc - first), json, mounts, config, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
