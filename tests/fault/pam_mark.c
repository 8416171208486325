/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "session required pam_mark.so on" and "... off": the calls of the modules in between count for
 * inject.c; what libpam itself does before and after (audit, say) doesn't.
 */
#include "tests/fault/mark.h"

#include <security/pam_modules.h>
#include <string.h>
#include <sys/prctl.h>

#define EXPORT __attribute__((visibility("default")))

static int mark(int argc, const char **argv)
{
	(void)prctl(FAULT_MARK, argc == 1 && strcmp(argv[0], "on") == 0, 0, 0, 0);
	return PAM_SUCCESS;
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags;
	return mark(argc, argv);
}

EXPORT int pam_sm_close_session(
	pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags;
	return mark(argc, argv);
}
