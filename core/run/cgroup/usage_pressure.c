/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/usage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_file.h"

#include <inttypes.h>
#include <string.h>

static bool pressure_line(const char *line, const char *what, uint32_t *p10,
	uint32_t *p60, uint32_t *p300, uint64_t *total)
{
	unsigned int a, a2, b, b2, c, c2;
	size_t len = strlen(what);

	if (strncmp(line, what, len) != 0 ||
		sscanf(line + len,
			" avg10=%u.%2u avg60=%u.%2u avg300=%u.%2u total=%" SCNu64, &a,
			&a2, &b, &b2, &c, &c2, total) != 7)
		return false;
	*p10 = a * 100 + a2;
	*p60 = b * 100 + b2;
	*p300 = c * 100 + c2;
	return true;
}

int usage_pressure_parse(const char *text, struct usage_pressure *ret)
{
	struct usage_pressure p = { 0 };
	const char *full = strstr(text, "full ");

	p.some_there = pressure_line(
		text, "some", &p.some10, &p.some60, &p.some300, &p.some_total);
	p.full_there = full && pressure_line(full, "full", &p.full10, &p.full60,
				       &p.full300, &p.full_total);
	if (!p.some_there && !p.full_there)
		return -1;
	*ret = p;
	return 0;
}

int usage_pressure_read(enum plan_cgroup_kind kind, const char *group, const char *what,
	struct usage_pressure *ret)
{
	_cleanup_close_ int dir = -EBADF;
	char file[32], text[512];

	if (kind != PLAN_CGROUP_V2)
		return -1;
	dir = cgroup_open(kind, what, group);
	(void)snprintf(file, sizeof(file), "%s.pressure", what);
	if (dir < 0 || io_read_text(dir, file, text, sizeof(text)) < 0)
		return -1;
	return usage_pressure_parse(text, ret);
}
