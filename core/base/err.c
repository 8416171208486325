/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/err.h"

#include "core/base/compat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t used(int printed, size_t room)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < room ? (size_t)printed : room - 1;
}

int err_set(struct err *e, int num, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = used(vsnprintf(e->msg, sizeof(e->msg), fmt, ap), sizeof(e->msg));
	va_end(ap);
	e->num = num;
	e->cause = ERR_BY_ANYONE;
	if (num != 0)
		(void)snprintf(
			e->msg + len, sizeof(e->msg) - len, ": %s", strerrordesc_np(num));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	va_list ap;
	size_t len;

	memcpy(inner, e->msg, sizeof(inner));
	va_start(ap, fmt);
	len = used(vsnprintf(e->msg, sizeof(e->msg), fmt, ap), sizeof(e->msg));
	va_end(ap);
	(void)snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", inner);
	return -1;
}

int err_by(struct err *e, enum err_cause cause)
{
	if (e->num != ENOMEM)
		e->cause = cause;
	return -1;
}
