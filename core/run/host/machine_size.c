/* SPDX-License-Identifier: BSD-3-Clause */
/* Apart from what takes libmount: root asks as well, to hold a plan against it. */
#include "core/run/host/machine.h"

#include "core/base/io.h"
#include "core/base/parse.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

uint64_t machine_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

uint64_t machine_tasks(void)
{
	static const char *const files[] = { "/proc/sys/kernel/pid_max",
		"/proc/sys/kernel/threads-max" };
	uint64_t least = 0, n;
	char text[32];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (io_read_text(AT_FDCWD, files[i], text, sizeof(text)) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (parse_u64(text, &n) == 0 && (least == 0 || n < least))
			least = n;
	}
	return least;
}
