/* SPDX-License-Identifier: BSD-3-Clause */
/* A bar on a terminal for what takes longer than a second; nothing where standard error is none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* @total: 0 where nobody knows. */
void progress_begin(const char *what, uint64_t total);
void progress_at(uint64_t done);
/* Leaves no trace of it. */
void progress_end(void);
