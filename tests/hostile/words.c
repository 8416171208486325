/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <string.h>

/* One call in so many is right but for its surroundings, and may open a session. */
#define RIGHT_ONE_IN 200

unsigned int state;

unsigned int pick(unsigned int n)
{
	state = state * 1664525U + 1013904223U;
	return (state >> 8) % n;
}

static char huge[100000];
static char dash_c[] = "-c", empty[] = "", truth[] = "true", format[] = "%n%s%s%s",
	    dots[] = "../../../bin/sh", root[] = "0", option[] = "--config=/tmp/x";

static char door[] = "nsshell-door", login[] = "login", command[] = "command";

void words_choose(struct call *ret)
{
	char *const junk[] = { door, dash_c, empty, login, command, truth, huge, format,
		dots, root, option };
	unsigned int n = pick(6);

	memset(huge, 'x', sizeof(huge) - 1);
	*ret = (struct call){ .right = pick(RIGHT_ONE_IN) == 0 };
	/* One word is right, whichever it is, and so is none, as the kernel adds one then. */
	if (n < 2 && !ret->right)
		n = 2;
	for (unsigned int i = 0; i < n; i++)
		ret->argv[i] = junk[pick(sizeof(junk) / sizeof(*junk))];
	if (ret->right && n > 0)
		*ret = (struct call){ .argv = { door }, .right = 1 };
	else if (ret->right)
		ret->argv[0] = NULL;
}
