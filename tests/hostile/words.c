/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <string.h>

/* One call in so many is right but for its surroundings, and may open a session. */
#define RIGHT_ONE_IN 200
/* nsshell-own's open none. */
#define OWN_RIGHT_ONE_IN 10

unsigned int state;

unsigned int pick(unsigned int n)
{
	state = state * 1664525U + 1013904223U;
	return (state >> 8) % n;
}

static char huge[100000];
static char dash_c[] = "-c", empty[] = "", truth[] = "true", format[] = "%n%s%s%s",
	    dots[] = "../../../bin/sh", root[] = "0", option[] = "--config=/tmp/x";

/* ---- nsshell-door ------------------------------------------------------------------------ */

static char door[] = "nsshell-door", login[] = "login", shell[] = "shell",
	    command[] = "command", login_command[] = "login-command";

static void choose_for_door(struct call *ret)
{
	char *const junk[] = { door, dash_c, empty, login, shell, command, huge, format,
		dots, root, option };
	unsigned int n = pick(6);

	memset(huge, 'x', sizeof(huge) - 1);
	*ret = (struct call){ .right = pick(RIGHT_ONE_IN) == 0 };
	for (unsigned int i = 0; i < n; i++)
		ret->argv[i] = junk[pick(sizeof(junk) / sizeof(*junk))];
	/* By chance a right one. */
	if (n >= 2 && (ret->argv[1] == login || ret->argv[1] == shell ||
			      ret->argv[1] == command))
		ret->argv[1] = format;
	if (ret->right)
		*ret = (struct call){ .argv = { door, pick(2) ? command : login_command,
					      truth },
			.right = 1 };
}

const struct words words_of_door = { choose_for_door, 0 };

/* ---- nsshell-own ------------------------------------------------------------------------- */

enum {
	OWN,
	ALICE,
	OTHER,
	BOB,
	NAMES,
};

static char **names;
static char own[] = "nsshell-own", join[] = "join", list[] = "list", stop[] = "stop",
	    kill_[] = "kill", pause_[] = "pause", resume[] = "resume", log_[] = "log",
	    files[] = "files", journal[] = "journal", no_wait[] = "no-wait", urg[] = "23",
	    c[] = "c", minus[] = "-1", beyond[] = "4294967296", slash[] = "/",
	    setting[] = "A=b", flags[] = "cTqR", zero_id[] = "000000000000",
	    folder[] = "../../run/nsshell";

/* Every request rightly made; those that would end or freeze the only session name another's. */
static void own_requests(struct call *ret)
{
	char *const requests[][CALL_WORDS] = {
		{ own, list },
		{ own, join, c, names[ALICE], empty, empty, empty, root, truth },
		{ own, join, c, names[OWN], empty, slash, empty, root, truth },
		{ own, kill_, urg, names[OWN] },
		{ own, resume, names[OWN] },
		{ own, log_, files },
		{ own, log_, journal },
		{ own, stop, no_wait, names[OTHER] },
		{ own, pause_, names[OTHER] },
		{ own, kill_, urg, names[OTHER] },
		{ own, join, c, names[BOB], empty, empty, empty, root, truth },
		{ own, join, c, names[ALICE], names[OTHER], empty, empty, root, truth },
	};

	memcpy(ret->argv, requests[pick(sizeof(requests) / sizeof(*requests))],
		sizeof(ret->argv));
}

static unsigned int length(const struct call *call)
{
	unsigned int n = 0;

	while (call->argv[n])
		n++;
	return n;
}

/* Another word, one more, one less, or none. */
static void spoil(struct call *call)
{
	char *const junk[] = { empty, huge, format, dots, root, minus, beyond, slash,
		option, setting, flags, zero_id, folder, names[OTHER], names[BOB], list,
		join, log_, c, urg, names[OWN] };
	const unsigned int all = sizeof(junk) / sizeof(*junk);
	unsigned int n = length(call), end_or_freeze;

	end_or_freeze = n > 1 && (call->argv[1] == stop || call->argv[1] == pause_);
	switch (pick(4)) {
	case 0:
		call->argv[n - 1] = NULL;
		break;
	case 1:
		call->argv[n] = junk[pick(all - end_or_freeze)];
		break;
	default:
		call->argv[pick(n)] = junk[pick(all - end_or_freeze)];
	}
}

static void choose_for_own(struct call *ret)
{
	memset(huge, 'x', sizeof(huge) - 1);
	*ret = (struct call){ .right = pick(OWN_RIGHT_ONE_IN) == 0 };
	own_requests(ret);
	for (unsigned int n = ret->right ? 0 : 1 + pick(3); n > 0 && ret->argv[0]; n--)
		spoil(ret);
}

int words_tell_of_others(const struct call *call, const char *text)
{
	for (int name = OTHER; name <= BOB; name++) {
		int asked = 0;

		for (unsigned int i = 0; call->argv[i]; i++)
			asked |= call->argv[i] == names[name];
		if (!asked && strstr(text, names[name]))
			return 1;
	}
	return 0;
}

const struct words *words_of_own(char **own_names)
{
	static const struct words words_of_it = { choose_for_own, 1 };

	names = own_names;
	return &words_of_it;
}
