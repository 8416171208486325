/* SPDX-License-Identifier: BSD-3-Clause */
/* Stepping into a session of the caller's own. */
#include "nsshell/own.h"

#include "core/base/parse.h"
#include "core/plan/loginenv.h"
#include "nsshell/nsjoin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int take_flags(const char *flags, struct nsjoin_options *o, bool *command)
{
	for (; *flags; flags++) {
		if (*flags == OWN_FLAG_NO_PTY)
			o->no_pty = true;
		else if (*flags == OWN_FLAG_QUIET)
			o->quiet = true;
		else if (*flags == OWN_FLAG_COMMAND)
			*command = true;
		else
			return -1;
	}
	return 0;
}

static const char *unless_empty(const char *word)
{
	return *word ? word : NULL;
}

/* Nothing is copied or allocated: the request points into the arguments. */
static int take(int argc, char **argv, struct nsjoin_request *q, struct nsjoin_options *o)
{
	bool command = false;
	uint32_t n;
	int end;

	if (argc < OWN_JOIN_REST || parse_u32(argv[OWN_JOIN_COUNT], &n) < 0 ||
		n > OWN_SETTINGS_MAX || argc - OWN_JOIN_REST < (int)n)
		return -1;
	end = OWN_JOIN_REST + (int)n;
	for (int i = OWN_JOIN_FLAGS; i < end; i++)
		if (strlen(argv[i]) > OWN_WORD_MAX)
			return -1;
	for (int i = OWN_JOIN_REST; i < end; i++)
		if (!loginenv_is_setting(argv[i]))
			return -1;
	if (take_flags(argv[OWN_JOIN_FLAGS], o, &command) < 0 || command != (end < argc))
		return -1;
	q->target = argv[OWN_JOIN_TARGET];
	q->session = unless_empty(argv[OWN_JOIN_SESSION]);
	q->folder = unless_empty(argv[OWN_JOIN_FOLDER]);
	q->term = unless_empty(argv[OWN_JOIN_TERM]);
	q->env = (struct strlist){ .v = argv + OWN_JOIN_REST, .n = n };
	if (command)
		q->command = (const char *const *)(argv + end);
	return !*q->target || (q->folder && q->folder[0] != '/') ? -1 : 0;
}

int own_join(const struct door_before *caller, int argc, char **argv)
{
	struct nsjoin_request q = { .owner = caller->uid, .limits = caller->limits };
	struct nsjoin_options o = { 0 };

	/* (uid_t)-1 would be anybody's; no process has it. */
	if (caller->uid == (uid_t)-1 || take(argc, argv, &q, &o) < 0) {
		own_leave_root((void *)(uintptr_t)caller);
		(void)dprintf(STDERR_FILENO,
			"nsjoin: nsshell-own was asked for something that it doesn't know\n");
		return OWN_FAILED;
	}
	nsjoin_who(caller->uid, &q.who);
	return nsjoin_run(&q, &o, own_leave_root, (void *)(uintptr_t)caller);
}
