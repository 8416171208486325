/* SPDX-License-Identifier: BSD-3-Clause */
/* What ps(1) shows of a process that was forked and not executed. */
#pragma once

/* Remember where argv lies; the room for titles is that of argv[0] to argv[argc - 1]. */
void title_begin(int argc, char **argv);

/* Show this instead, cut to the room there is. */
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
