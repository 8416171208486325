/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/own.h"

#include "core/run/kin.h"
#include "core/run/privs.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Everything that can be asked for. */
static const struct {
	const char *word;
	int (*run)(const struct door_before *caller, int argc, char **argv);
} requests[] = {
	{ OWN_JOIN, own_join },
	{ OWN_LIST, own_list },
	{ OWN_STOP, own_stop },
	{ OWN_KILL, own_kill },
	{ OWN_PAUSE, own_pause },
	{ OWN_RESUME, own_resume },
	{ OWN_LOG, own_log },
};

void own_leave_root(void *arg)
{
	/* Without a word: who is still root writes nothing into what is the caller's. */
	if (door_become_caller(arg) < 0)
		_exit(OWN_FAILED);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
}

bool own_is(const struct door_before *caller, const struct record *r)
{
	return kin_has(r, caller->uid);
}

int own_find(const struct door_before *caller, const char *id, struct record *ret,
	struct err *e)
{
	struct err ignored;

	if (strlen(id) > PLAN_ID_LEN || record_read(id, ret, &ignored) != 0 ||
		!own_is(caller, ret))
		return err_set(e, 0, "no session has the id \"%.40s\"", id);
	return 0;
}

int own_say(const struct door_before *caller, int r, const struct err *e)
{
	own_leave_root((void *)(uintptr_t)caller);
	if (r == 0)
		return 0;
	(void)dprintf(STDERR_FILENO, "nsshell-own: %s\n", e->msg);
	return OWN_FAILED;
}

int main(int argc, char **argv)
{
	static struct door_before caller;
	struct err e = { 0 };

	if (door_harden(&caller, STDERR_FILENO, &e) < 0) {
		if (geteuid() != caller.uid)
			own_leave_root(&caller);
		(void)dprintf(STDERR_FILENO, "nsshell-own %s\n", e.msg);
		return OWN_FAILED;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(requests) / sizeof(*requests); i++)
		if (strcmp(argv[1], requests[i].word) == 0)
			return requests[i].run(&caller, argc, argv);
	own_leave_root(&caller);
	(void)dprintf(STDERR_FILENO,
		"nsshell-own is started by nsjoin(8) and nsctl(8), and by nobody else\n");
	return OWN_FAILED;
}
