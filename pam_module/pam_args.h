/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments of the module's line in a PAM file. */
#pragma once

#include <security/pam_modules.h>
#include <stdbool.h>

struct pam_args {
	bool gate;
	bool debug;
	const char *config; /* absolute, or NULL for the compiled-in one */
	const char *helper; /* absolute */
};

/**
 * pam_args_parse() - gate, debug, config=FILE, helper=FILE
 *
 * An argument that it doesn't know, or a FILE that isn't absolute, is logged and refused:
 * a typing mistake must not open a login differently than its writer meant.
 *
 * Return: 0 or -1. The strings stay the caller's.
 */
int pam_args_parse(pam_handle_t *pamh, int argc, const char **argv, struct pam_args *ret);
