/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attack NAME [ARGUMENT...]: one hostile try. Prints "ok" when the kernel let it, the errno's
 * name when it didn't, or what the try found. It is run in a box, as its user.
 */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long attack_number(const char *text)
{
	return text ? strtol(text, NULL, 0) : 0;
}

int attack_result(long result)
{
	return result < 0 ? errno : 0;
}

int attack_say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vprintf(format, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
	return ATTACK_SAID;
}

int attack_count(unsigned int n, const char *first)
{
	return n ? attack_say("%u, such as %s", n, first) : attack_say("none");
}

static const struct attack *find(const char *name)
{
	static const struct attack *const tables[] = { attacks_process, attacks_priority,
		attacks_files, attacks_ipc, attacks_net, attacks_ns, attacks_userns,
		attacks_tty, attacks_priv, attacks_judge, attacks_door };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct attack *a = tables[i]; a->name; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct attack *a = argc > 1 ? find(argv[1]) : NULL;
	int r;

	if (!a)
		return 2;
	r = a->run(argv + 2);
	if (r == 0)
		(void)attack_say("ok");
	else if (r != ATTACK_SAID)
		(void)attack_say("%s", strerrorname_np(r) ? strerrorname_np(r) : "?");
	return 0;
}
