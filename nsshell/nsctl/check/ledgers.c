/* SPDX-License-Identifier: BSD-3-Clause */
/* What was given out for good, ranges of ids and numbers of networks: who needs one is refused where that can't be read. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/numbers.h"
#include "core/plan/ranges.h"
#include "core/run/ids/ledger.h"

#include <sys/file.h>
#include <unistd.h>

#define NOBODY ((uid_t)-1)

/* Looking for who has no line goes through all of them. */
static int parse_ranges(char *text, struct err *e)
{
	struct id_range range;
	uint32_t next;

	return ranges_find(text, NOBODY, "", &range, &next, e);
}

static int parse_numbers(char *text, struct err *e)
{
	uint32_t number;

	return numbers_find(text, NOBODY, "", 1, 1, &number, e);
}

static int read_one(
	const char *path, int (*parse)(char *text, struct err *e), struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	int r = ledger_open(path, false, &fd, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (ledger_read(fd, path, LOCK_SH, &text, e) < 0)
		return -1;
	return parse(text, e) < 0 ? err_wrap(e, "read %s", path) : 0;
}

void check_ledgers(struct findings *f)
{
	static const char todo[] =
		"correct that, and leave the other lines as they are: what was "
		"given out is that account's for good";
	struct err e = { 0 };

	if (geteuid() != 0)
		return;
	if (read_one(PATH_RANGES, parse_ranges, &e) < 0)
		findings_failed(f,
			"accounts that subuid(5) has no range for: their logins are refused",
			todo, &e);
	if (read_one(PATH_ADDRESSES, parse_numbers, &e) < 0)
		findings_failed(
			f, "logins with Network=private: they are refused", todo, &e);
}
