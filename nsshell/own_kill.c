/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals to sessions of the caller's own, and standing still. */
#include "nsshell/own.h"

#include "core/base/parse.h"
#include "core/run/members.h"
#include "core/run/pause.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int take_kill(const struct door_before *caller, int argc, char **argv, size_t *hit,
	struct err *e)
{
	struct record r;
	uint32_t sig;

	if (argc != OWN_KILL_WORDS || parse_u32(argv[OWN_KILL_SIGNAL], &sig) < 0 ||
		sig == 0 || sig > (uint32_t)SIGRTMAX)
		return err_set(e, 0, "kill takes the number of a signal and a session");
	if (own_find(caller, argv[OWN_KILL_ID], &r, e) < 0)
		return -1;
	return members_signal(&r, (int)sig, hit, e);
}

int own_kill(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };
	size_t hit = 0;
	int status = own_say(caller, take_kill(caller, argc, argv, &hit, &e), &e);

	if (status == 0)
		(void)dprintf(STDOUT_FILENO, "%zu\n", hit);
	return status;
}

static int take_pause(const struct door_before *caller, int argc, char **argv,
	int (*run)(const struct record *, enum pause_by, struct err *), struct err *e)
{
	struct record r;

	if (argc != OWN_PAUSE_WORDS)
		return err_set(e, 0, "%s takes a session", argv[1]);
	if (own_find(caller, argv[OWN_PAUSE_ID], &r, e) < 0)
		return -1;
	return run(&r, PAUSE_OWN, e);
}

int own_pause(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };

	return own_say(caller, take_pause(caller, argc, argv, pause_session, &e), &e);
}

int own_resume(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };

	return own_say(caller, take_pause(caller, argc, argv, pause_resume, &e), &e);
}
