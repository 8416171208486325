/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments of the module's line in a PAM file. */
#pragma once

#include <stdbool.h>

struct pam_args {
	bool gate;
	bool debug;
	const char *config; /* absolute, or NULL for the compiled-in one */
	const char *helper; /* absolute */
	const char *
		unknown; /* the first that is none of these, or a FILE that isn't absolute; or NULL */
};

/**
 * pam_args_parse() - gate, debug, config=FILE, helper=FILE
 *
 * With an unknown one a login is refused: a typing mistake must not open it differently than
 * its writer meant. The strings stay the caller's.
 */
void pam_args_parse(int argc, const char **argv, struct pam_args *ret);
