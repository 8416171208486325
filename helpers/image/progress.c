/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/progress.h"

#include "core/base/clock.h"
#include "core/base/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_MS 1000
#define AGAIN_MS 100
#define WIDTH    30

static struct {
	char what[64];
	uint64_t total, begun, shown; /* ms */
	bool visible;
} bar;

void progress_begin(const char *what, uint64_t total)
{
	progress_end();
	(void)snprintf(bar.what, sizeof(bar.what), "%s", what);
	bar.total = total;
	bar.begun = clock_ms();
	bar.shown = bar.begun + FIRST_MS - AGAIN_MS;
}

void progress_at(uint64_t done)
{
	uint64_t now = clock_ms();
	size_t full;
	char filled[WIDTH + 1], bytes[16];

	if (now < bar.shown + AGAIN_MS || !isatty(STDERR_FILENO))
		return;
	bar.shown = now;
	bar.visible = true;
	format_bytes(done, bytes, sizeof(bytes));
	if (bar.total == 0) {
		(void)fprintf(stderr, "\r\033[K%s  %s", bar.what, bytes);
		return;
	}
	if (done > bar.total)
		done = bar.total;
	full = (size_t)(done * WIDTH / bar.total);
	memset(filled, ' ', WIDTH);
	memset(filled, '#', full);
	filled[WIDTH] = '\0';
	(void)fprintf(stderr, "\r\033[K%s  [%s] %3u%%  %s", bar.what, filled,
		(unsigned int)(done * 100 / bar.total), bytes);
}

void progress_end(void)
{
	if (bar.visible)
		(void)fprintf(stderr, "\r\033[K");
	bar.visible = false;
}
