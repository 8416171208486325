/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin run by who isn't root. */
#include "nsshell/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "nsshell/own.h"

#include <stdio.h>
#include <unistd.h>

static int check(const struct nsjoin_request *q, struct err *e)
{
	/* The other end of what --observe connects to is the user's own process: root could be
	 * kept waiting there. */
	if (q->root || q->as || q->force || q->observe)
		return err_set(e, 0,
			"--root, --user, --force and --observe are for root: try sudo nsjoin");
	if (q->env.n > OWN_SETTINGS_MAX)
		return err_set(e, 0, "--env: at most %d variables", OWN_SETTINGS_MAX);
	return 0;
}

static const char *or_empty(const char *word)
{
	return word ? word : "";
}

static void flags_of(
	const struct nsjoin_request *q, const struct nsjoin_options *o, char flags[8])
{
	if (o->no_pty)
		*flags++ = OWN_FLAG_NO_PTY;
	if (o->quiet)
		*flags++ = OWN_FLAG_QUIET;
	if (q->command)
		*flags++ = OWN_FLAG_COMMAND;
	*flags = '\0';
}

void nsjoin_ask_own(
	const struct nsjoin_request *q, const struct nsjoin_options *o, struct err *e)
{
	_cleanup_free_ const char **argv = NULL;
	static char *no_environment[] = { NULL };
	char flags[8], count[16];
	size_t n_command = 0, n = OWN_JOIN_REST;

	if (check(q, e) < 0)
		return;
	while (q->command && q->command[n_command])
		n_command++;
	argv = calloc(n + q->env.n + n_command + 1, sizeof(*argv));
	if (!argv) {
		(void)err_set(e, ENOMEM, "ask for the session");
		return;
	}
	flags_of(q, o, flags);
	(void)snprintf(count, sizeof(count), "%zu", q->env.n);
	argv[0] = "nsjoin";
	argv[1] = OWN_JOIN;
	argv[OWN_JOIN_FLAGS] = flags;
	argv[OWN_JOIN_TARGET] = q->target;
	argv[OWN_JOIN_SESSION] = or_empty(q->session);
	argv[OWN_JOIN_FOLDER] = or_empty(q->folder);
	argv[OWN_JOIN_TERM] = or_empty(q->term);
	argv[OWN_JOIN_COUNT] = count;
	for (size_t i = 0; i < q->env.n; i++)
		argv[n++] = q->env.v[i];
	for (size_t i = 0; i < n_command; i++)
		argv[n++] = q->command[i];
	(void)execve(PATH_OWN, (char *const *)(uintptr_t)argv, no_environment);
	(void)err_set(e, errno, "only root may step into sessions here, %s", PATH_OWN);
}
