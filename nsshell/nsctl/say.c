/* SPDX-License-Identifier: BSD-3-Clause */
/* How a command of nsctl ends. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/harmless.h"

#include <stdarg.h>
#include <string.h>

int nsctl_usage(const char *command, const char *fmt, ...)
{
	va_list args;

	(void)fprintf(stderr, "%s: ", command);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fprintf(stderr, "\nTry \"%s --help\".\n", command);
	return NSCTL_USAGE;
}

int nsctl_failed(const char *command, const struct err *e)
{
	struct err shown = *e;

	/* There are names in it that users choose. */
	harmless_make(shown.msg, strlen(shown.msg));
	(void)fprintf(stderr, "%s: %s\n", command, shown.msg);
	return NSCTL_FAILED;
}

int nsctl_flush(const char *command, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "%s: the output couldn't be written: %m\n", command);
	return NSCTL_FAILED;
}
